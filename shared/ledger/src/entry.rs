//! Entries of a wallet's ledger and their legs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, CustomerId, Day, Money, MoneyError, Quantity, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exact::{self, written};
use crate::refusal::Refusal;

/// One change of a wallet: the item `ENTRY#%012d`. Written once and never edited; a correction is a reversal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredEntry", try_from = "StoredEntry")]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// The customer whose wallet it changed.
    pub customer: CustomerId,
    /// Its number in the wallet's ledger: 1, 2, 3 … over all currencies, without a gap.
    pub seq: u64,
    /// What happened.
    pub entry_type: EntryType,
    /// The effect on the wallet's cash, negative if cash left.
    pub amount: Money,
    /// The wallet's balance afterwards, in the currency of `amount`.
    pub balance: Money,
    /// The market day.
    pub market_day: Day,
    /// When it was recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The trade that moved the cash.
    pub trade_id: Option<Uuid>,
    /// The entry that this one reverses.
    pub reverses: Option<Uuid>,
    /// The accounts that the cash and the units came from and went to; the legs sum to zero by currency and by
    /// instrument.
    pub legs: Vec<Leg>,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WalletEntryType)]
pub enum EntryType {
    /// Cash was paid in.
    Deposit,
    /// Cash was paid out.
    Withdrawal,
    /// Units were bought.
    Buy,
    /// Units were sold.
    Sell,
    /// A deposit or a withdrawal was reversed.
    Reversal,
}

/// An account of the double entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "account", rename_all = "snake_case")]
pub enum Account {
    /// The wallet's cash.
    Wallet,
    /// The outside world: source of deposits and target of withdrawals. Its balance is not tracked.
    World,
    /// The counterparty of trades.
    Market,
    /// Fees paid.
    Fees,
    /// The units of a portfolio.
    Holdings {
        /// The portfolio.
        portfolio_id: Uuid,
    },
}

/// One side of an entry: what an account received, or gave if negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// What it received.
    #[serde(flatten)]
    pub amount: LegAmount,
}

/// Cash or units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LegAmount {
    /// Cash.
    Cash {
        /// The currency.
        currency: Currency,
        /// The amount with the decimals of the currency.
        cash: Decimal,
    },
    /// Units, as quoted on the entry's market day.
    Units {
        /// The instrument.
        symbol: Symbol,
        /// Their number.
        units: Decimal,
    },
}

/// A sum over an entry's legs that is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The code of a currency or the symbol of an instrument.
    pub of: String,
    /// The sum of the legs; nothing if it exceeds the range of a decimal.
    pub sum: Option<Decimal>,
}

impl Leg {
    /// Cash that an account received.
    #[must_use]
    pub fn cash(account: Account, amount: Money) -> Self {
        Self { account, amount: LegAmount::Cash { currency: amount.currency(), cash: written(amount) } }
    }

    /// Cash that `from` gave and `to` received.
    pub(crate) fn payment(from: Account, to: Account, amount: Money) -> Result<[Self; 2], Refusal> {
        Ok([Self::cash(from, exact::negative(amount)?), Self::cash(to, amount)])
    }

    /// Units that `from` gave and `to` received.
    pub(crate) fn delivery(
        from: Account,
        to: Account,
        symbol: &Symbol,
        quantity: Quantity,
    ) -> Result<[Self; 2], Refusal> {
        let units = quantity.units();
        let given = Decimal::ZERO.checked_sub(units).ok_or(Refusal::TooLarge)?;
        let leg = |account, units| Self { account, amount: LegAmount::Units { symbol: symbol.clone(), units } };
        Ok([leg(from, given), leg(to, units)])
    }
}

impl Entry {
    /// Whether units of this instrument moved.
    #[must_use]
    pub fn moves_units_of(&self, instrument: &Symbol) -> bool {
        self.legs.iter().any(|leg| matches!(&leg.amount, LegAmount::Units { symbol, .. } if symbol == instrument))
    }

    /// The non-zero sums over the legs: none in an entry that a command made.
    #[must_use]
    pub fn unbalanced(&self) -> Vec<Unbalanced> {
        let mut sums: BTreeMap<(bool, &str), Option<Decimal>> = BTreeMap::new();
        for leg in &self.legs {
            let (key, amount) = match &leg.amount {
                LegAmount::Cash { currency, cash } => ((true, currency.code()), *cash),
                LegAmount::Units { symbol, units } => ((false, symbol.as_str()), *units),
            };
            let sum = sums.entry(key).or_insert(Some(Decimal::ZERO));
            *sum = sum.and_then(|sum| sum.checked_add(amount));
        }
        sums.retain(|_, sum| *sum != Some(Decimal::ZERO));
        sums.into_iter().map(|((_, of), sum)| Unbalanced { of: of.to_owned(), sum }).collect()
    }
}

/// An entry as it is stored: amounts as decimals next to their currency.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredEntry {
    id: Uuid,
    customer_id: CustomerId,
    seq: u64,
    #[serde(rename = "type")]
    entry_type: EntryType,
    amount: Decimal,
    currency: Currency,
    balance: Decimal,
    market_day: Day,
    #[serde(with = "domain::instant")]
    created_at: DateTime<Utc>,
    trade_id: Option<Uuid>,
    reverses: Option<Uuid>,
    legs: Vec<Leg>,
}

impl From<Entry> for StoredEntry {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            customer_id: entry.customer,
            seq: entry.seq,
            entry_type: entry.entry_type,
            amount: written(entry.amount),
            currency: entry.amount.currency(),
            balance: written(entry.balance),
            market_day: entry.market_day,
            created_at: entry.created_at,
            trade_id: entry.trade_id,
            reverses: entry.reverses,
            legs: entry.legs,
        }
    }
}

impl TryFrom<StoredEntry> for Entry {
    type Error = MoneyError;

    fn try_from(stored: StoredEntry) -> Result<Self, MoneyError> {
        Ok(Self {
            id: stored.id,
            customer: stored.customer_id,
            seq: stored.seq,
            entry_type: stored.entry_type,
            amount: Money::new(stored.amount, stored.currency)?,
            balance: Money::new(stored.balance, stored.currency)?,
            market_day: stored.market_day,
            created_at: stored.created_at,
            trade_id: stored.trade_id,
            reverses: stored.reverses,
            legs: stored.legs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{id, three_lots, usd};

    #[test]
    fn an_entry_is_stored_with_its_legs_and_decimals_as_strings() {
        let entry = three_lots().entry;
        let stored = serde_json::to_value(&entry).unwrap();
        assert_eq!(stored["type"], "buy");
        assert_eq!(stored["amount"], "-200.00");
        assert_eq!(stored["balance"], "9400.00");
        assert_eq!(stored["legs"][0].to_string(), r#"{"account":"wallet","cash":"-200.00","currency":"USD"}"#);
        assert_eq!(
            stored["legs"][3].to_string(),
            format!(r#"{{"account":"holdings","portfolio_id":"{}","symbol":"AAPL","units":"10"}}"#, id(8))
        );
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }

    #[test]
    fn an_entry_moves_the_units_of_its_legs() {
        let entry = three_lots().entry;
        assert!(entry.moves_units_of(&"AAPL".parse().unwrap()));
        assert!(!entry.moves_units_of(&"IBM".parse().unwrap()));
    }

    #[test]
    fn legs_that_do_not_sum_to_zero_are_reported() {
        let mut entry = three_lots().entry;
        assert!(entry.unbalanced().is_empty());
        entry.legs.push(Leg::cash(Account::Fees, usd("0.01")));
        entry.legs.remove(3);
        let named: Vec<_> = entry.unbalanced().into_iter().map(|unbalanced| unbalanced.of).collect();
        assert_eq!(named, ["AAPL", "USD"]);
    }
}
