//! The figures of a verification: of a part of the customers, and of a run.

use chrono::{DateTime, Utc};
use domain::CustomerId;
use serde::{Deserialize, Serialize};

use super::customer_books::{CustomerResult, Verdict};

/// The most customers that each list of a report names; the log names all of them.
pub const MAX_LISTED: usize = 50;
/// The most discrepancies of one customer in a report; the log has up to [`ledger::MAX_DISCREPANCIES`].
const MAX_DISCREPANCIES_LISTED: usize = 10;

/// What was found in the books of some customers.
///
/// Its size is bounded, so that it fits into an item of the table and into a message between functions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// Customers whose books were read.
    pub customers: usize,
    /// Entries that were replayed.
    pub entries: u64,
    /// Customers whose books add up.
    pub sound: usize,
    /// Customers whose books have discrepancies.
    pub unsound_count: usize,
    /// Those of them whose wallet is frozen, because a discrepancy breaks the books.
    pub frozen: usize,
    /// Customers whose books were in use in every try.
    pub in_use: usize,
    /// Customers whose books could not be read, or took too long.
    pub failed: usize,
    /// Interrupted erasures that were finished.
    pub erasures_finished: usize,
    /// Books with discrepancies, at most [`MAX_LISTED`].
    pub unsound: Vec<Unsound>,
    /// Customers whose books were in use or could not be read, at most [`MAX_LISTED`].
    pub unverified: Vec<CustomerId>,
}

/// Books with discrepancies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsound {
    /// The customer.
    pub customer_id: CustomerId,
    /// Descriptions of the discrepancies, or of the first ones.
    pub discrepancies: Vec<String>,
}

/// The state of a run: what it has found so far, or in all.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationReport {
    /// When the run started. Customers verified before an interruption are not verified again when it continues.
    #[serde(with = "domain::instant")]
    pub started_at: DateTime<Utc>,
    /// When the books of all customers had been verified; null if some are left.
    #[serde(default, with = "domain::instant")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Shards of the list of customers that are not finished.
    pub unfinished_shards: usize,
    /// What was found.
    #[serde(flatten)]
    pub results: Results,
}

impl Results {
    /// Adds the result for one customer.
    pub(super) fn add(&mut self, result: CustomerResult) {
        self.customers += 1;
        self.entries += result.entries;
        self.erasures_finished += usize::from(result.erasure_finished);
        match result.verdict {
            Verdict::Sound => self.sound += 1,
            Verdict::Unsound { mut discrepancies, frozen } => {
                self.unsound_count += 1;
                self.frozen += usize::from(frozen);
                discrepancies.truncate(MAX_DISCREPANCIES_LISTED);
                self.list_unsound([Unsound { customer_id: result.customer, discrepancies }]);
            }
            Verdict::InUse => {
                self.in_use += 1;
                self.list_unverified([result.customer]);
            }
            Verdict::Failed => {
                self.failed += 1;
                self.list_unverified([result.customer]);
            }
        }
    }

    /// Adds what was found in the books of other customers.
    pub(super) fn append(&mut self, other: Self) {
        self.customers += other.customers;
        self.entries += other.entries;
        self.sound += other.sound;
        self.unsound_count += other.unsound_count;
        self.frozen += other.frozen;
        self.in_use += other.in_use;
        self.failed += other.failed;
        self.erasures_finished += other.erasures_finished;
        self.list_unsound(other.unsound);
        self.list_unverified(other.unverified);
    }

    fn list_unsound(&mut self, more: impl IntoIterator<Item = Unsound>) {
        self.unsound.extend(more);
        self.unsound.truncate(MAX_LISTED);
    }

    fn list_unverified(&mut self, more: impl IntoIterator<Item = CustomerId>) {
        self.unverified.extend(more);
        self.unverified.truncate(MAX_LISTED);
    }
}

impl VerificationReport {
    /// Whether the books of all customers were verified without discrepancies.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.finished_at.is_some() && !self.has_findings()
    }

    /// Whether some books have discrepancies or could not be verified.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.results.sound < self.results.customers
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn results_of(verdicts: impl IntoIterator<Item = Verdict>) -> Results {
        let mut results = Results::default();
        for (number, verdict) in verdicts.into_iter().enumerate() {
            let customer = CustomerId(Uuid::from_u128(number as u128));
            results.add(CustomerResult { customer, entries: 2, erasure_finished: number == 0, verdict });
        }
        results
    }

    #[test]
    fn every_customer_counts_under_one_verdict() {
        let unsound = |frozen| Verdict::Unsound { discrepancies: vec!["a".to_owned()], frozen };
        let results = results_of([Verdict::Sound, unsound(true), unsound(false), Verdict::InUse, Verdict::Failed]);
        assert_eq!((results.customers, results.entries, results.erasures_finished), (5, 10, 1));
        assert_eq!((results.sound, results.unsound_count, results.frozen), (1, 2, 1));
        assert_eq!((results.in_use, results.failed), (1, 1));
        assert_eq!((results.unsound.len(), results.unverified.len()), (2, 2));
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let broken = || Verdict::Unsound { discrepancies: vec!["x".repeat(200); 100], frozen: true };
        let shard = || results_of(std::iter::repeat_with(broken).take(80));
        let mut whole = results_of(std::iter::repeat_with(|| Verdict::Failed).take(70));
        for _ in 0..16 {
            whole.append(shard());
        }
        assert_eq!((whole.customers, whole.unsound_count, whole.failed), (1_350, 1_280, 70));
        assert_eq!((whole.unsound.len(), whole.unverified.len()), (MAX_LISTED, MAX_LISTED));
        // Step Functions and SQS accept 256 KiB.
        assert!(serde_json::to_string(&whole).unwrap().len() < 128 << 10);
    }
}
