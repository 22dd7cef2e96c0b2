//! A customer's cash, and the commands that move it in and out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, CustomerId, Day, Money, MoneyError};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{Account, Entry, EntryType, Leg};
use crate::exact::{self, written};
use crate::refusal::Refusal;

/// The largest `seq`: the sort key of an entry has twelve digits.
pub const LAST_SEQ: u64 = 999_999_999_999;

/// The head of a customer's wallet: the item `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// The customer.
    pub customer: CustomerId,
    /// Cash by currency.
    pub balances: Balances,
    /// The `seq` of the last entry, 0 before the first.
    pub seq: u64,
    /// Whether the wallet accepts no commands: its books failed verification, or its customer is disabled or erased.
    pub frozen: bool,
}

/// Amounts by currency, at most one of each, in the order of the currencies' codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(into = "BTreeMap<String, Decimal>", try_from = "BTreeMap<String, Decimal>")]
#[schema(value_type = BTreeMap<String, String>, example = json!({"USD": "1234.50"}))]
pub struct Balances(BTreeMap<&'static str, Money>);

/// The ids and times of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The id of the entry to be made.
    pub entry_id: Uuid,
    /// The market day.
    pub market_day: Day,
    /// When the command runs.
    pub created_at: DateTime<Utc>,
}

/// The result of a command, to be written together, on the condition that the given head is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The new head.
    pub wallet: Wallet,
    /// The new entry, at the head's `seq`.
    pub entry: Entry,
}

/// The fields of an entry besides its amount.
pub(crate) struct Cause {
    pub(crate) entry_type: EntryType,
    pub(crate) trade_id: Option<Uuid>,
    pub(crate) reverses: Option<Uuid>,
    pub(crate) legs: Vec<Leg>,
}

impl Balances {
    /// The amount in this currency, zero if there never was any.
    pub fn of(&self, currency: Currency) -> Result<Money, Refusal> {
        self.0.get(currency.code()).copied().map_or_else(|| exact::zero(currency), Ok)
    }

    /// The amounts in the order of the currencies' codes.
    pub fn iter(&self) -> impl Iterator<Item = Money> {
        self.0.values().copied()
    }

    /// Adds an amount in its currency.
    pub fn add(&mut self, amount: Money) -> Result<(), Refusal> {
        let sum = exact::plus(self.of(amount.currency())?, amount)?;
        self.set(sum);
        Ok(())
    }

    /// Replaces the amount in its currency.
    pub(crate) fn set(&mut self, amount: Money) {
        self.0.insert(amount.currency().code(), amount);
    }
}

impl From<Balances> for BTreeMap<String, Decimal> {
    fn from(balances: Balances) -> Self {
        balances.0.into_values().map(|amount| (amount.currency().code().to_owned(), written(amount))).collect()
    }
}

impl TryFrom<BTreeMap<String, Decimal>> for Balances {
    type Error = MoneyError;

    fn try_from(amounts: BTreeMap<String, Decimal>) -> Result<Self, MoneyError> {
        let mut balances = Self::default();
        for (code, amount) in amounts {
            balances.set(Money::new(amount, code.parse()?)?);
        }
        Ok(balances)
    }
}

impl Wallet {
    /// The empty wallet of a new customer.
    #[must_use]
    pub fn new(customer: CustomerId) -> Self {
        Self { customer, balances: Balances::default(), seq: 0, frozen: false }
    }

    /// The cash in this currency.
    pub fn balance(&self, currency: Currency) -> Result<Money, Refusal> {
        self.balances.of(currency)
    }

    /// Refuses every command on a frozen wallet, before its contents are checked.
    pub(crate) fn takes_commands(&self) -> Result<(), Refusal> {
        if self.frozen { Err(Refusal::WalletFrozen) } else { Ok(()) }
    }

    /// The wallet after `amount` came in (or left, if negative), and the entry that records it.
    pub(crate) fn book(&self, amount: Money, cause: Cause, stamp: &Stamp) -> Result<Booked, Refusal> {
        self.takes_commands()?;
        let available = self.balance(amount.currency())?;
        let balance = exact::plus(available, amount)?;
        if balance.is_negative() {
            return Err(Refusal::InsufficientFunds { available, requested: exact::negative(amount)? });
        }
        let seq = self.seq.checked_add(1).filter(|&seq| seq <= LAST_SEQ).ok_or(Refusal::TooLarge)?;
        let mut wallet = self.clone();
        wallet.balances.set(balance);
        wallet.seq = seq;
        let Cause { entry_type, trade_id, reverses, legs } = cause;
        let Stamp { entry_id: id, market_day, created_at } = *stamp;
        let customer = self.customer;
        let entry =
            Entry { id, customer, seq, entry_type, amount, balance, market_day, created_at, trade_id, reverses, legs };
        Ok(Booked { wallet, entry })
    }
}

/// Cash is paid in. `amount` must be above zero.
pub fn deposit(wallet: &Wallet, amount: Money, stamp: &Stamp) -> Result<Booked, Refusal> {
    move_cash(wallet, amount, EntryType::Deposit, stamp)
}

/// Cash is paid out. `amount` must be above zero.
pub fn withdraw(wallet: &Wallet, amount: Money, stamp: &Stamp) -> Result<Booked, Refusal> {
    move_cash(wallet, amount, EntryType::Withdrawal, stamp)
}

/// Reverses a deposit or a withdrawal of this wallet, once.
///
/// `reversed_by` is the reversal that the entry already has, according to a marker next to the ledger. The marker has
/// its own sort key and is put with the reversal on the condition that it is absent; the entry itself is never edited.
/// Every reversal also writes the wallet's head at the version that was read, so that two cannot both find the marker
/// absent.
pub fn reverse(wallet: &Wallet, entry: &Entry, reversed_by: Option<Uuid>, stamp: &Stamp) -> Result<Booked, Refusal> {
    wallet.takes_commands()?;
    if entry.customer != wallet.customer {
        return Err(Refusal::ForeignEntry);
    }
    if !entry.entry_type.is_reversible() {
        return Err(Refusal::NotReversible);
    }
    if let Some(reversal) = reversed_by {
        return Err(Refusal::AlreadyReversed(reversal));
    }
    let amount = exact::negative(entry.amount)?;
    let legs = cash_legs(amount)?;
    let cause = Cause { entry_type: EntryType::Reversal, trade_id: None, reverses: Some(entry.id), legs };
    wallet.book(amount, cause, stamp)
}

fn move_cash(wallet: &Wallet, amount: Money, entry_type: EntryType, stamp: &Stamp) -> Result<Booked, Refusal> {
    wallet.takes_commands()?;
    if !amount.is_positive() {
        return Err(Refusal::NotPositive);
    }
    let amount = if entry_type == EntryType::Withdrawal { exact::negative(amount)? } else { amount };
    let legs = cash_legs(amount)?;
    wallet.book(amount, Cause { entry_type, trade_id: None, reverses: None, legs }, stamp)
}

/// The legs of cash that the wallet received from outside, or gave if negative.
pub(crate) fn cash_legs(amount: Money) -> Result<Vec<Leg>, Refusal> {
    Ok(Leg::payment(Account::World, Account::Wallet, amount)?.to_vec())
}

impl EntryType {
    /// Whether an administrator can reverse such an entry.
    pub(crate) fn is_reversible(self) -> bool {
        matches!(self, Self::Deposit | Self::Withdrawal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{customer, id, stamp, usd, wallet_of};

    #[test]
    fn deposits_and_withdrawals_are_numbered_without_a_gap_and_carry_the_balance() {
        let first = deposit(&Wallet::new(customer()), usd("100"), &stamp(1, "2012-01-03")).unwrap();
        let second = withdraw(&first.wallet, usd("30.50"), &stamp(2, "2012-01-04")).unwrap();
        let yen = Money::parse("5000", "JPY".parse().unwrap()).unwrap();
        let third = deposit(&second.wallet, yen, &stamp(3, "2012-01-04")).unwrap();

        let entries = [&first.entry, &second.entry, &third.entry];
        assert_eq!(entries.map(|entry| entry.seq), [1, 2, 3]);
        assert_eq!(entries.map(|entry| entry.amount.to_string()), ["100.00", "-30.50", "5000"]);
        assert_eq!(entries.map(|entry| entry.balance.to_string()), ["100.00", "69.50", "5000"]);
        assert!(entries.iter().all(|entry| entry.unbalanced().is_empty()));
        assert_eq!(third.wallet.balance(Currency::USD).unwrap(), usd("69.50"));
        assert_eq!(third.wallet.seq, 3);
    }

    #[test]
    fn no_more_than_the_balance_can_be_withdrawn() {
        let wallet = wallet_of("100");
        let refused = withdraw(&wallet, usd("100.01"), &stamp(2, "2012-01-04"));
        assert_eq!(refused, Err(Refusal::InsufficientFunds { available: usd("100"), requested: usd("100.01") }));
        assert!(withdraw(&wallet, usd("100"), &stamp(2, "2012-01-04")).is_ok());
    }

    #[test]
    fn an_amount_must_be_above_zero() {
        let wallet = wallet_of("100");
        for amount in ["0", "-1"] {
            assert_eq!(deposit(&wallet, usd(amount), &stamp(2, "2012-01-04")), Err(Refusal::NotPositive));
            assert_eq!(withdraw(&wallet, usd(amount), &stamp(2, "2012-01-04")), Err(Refusal::NotPositive));
        }
    }

    #[test]
    fn a_frozen_wallet_accepts_no_command() {
        let Booked { wallet, entry } = deposit(&Wallet::new(customer()), usd("1"), &stamp(1, "2012-01-03")).unwrap();
        let frozen = Wallet { frozen: true, ..wallet };
        let stamp = stamp(2, "2012-01-04");
        assert_eq!(deposit(&frozen, usd("1"), &stamp), Err(Refusal::WalletFrozen));
        assert_eq!(withdraw(&frozen, usd("9"), &stamp), Err(Refusal::WalletFrozen));
        assert_eq!(reverse(&frozen, &entry, None, &stamp), Err(Refusal::WalletFrozen));
    }

    #[test]
    fn a_deposit_or_withdrawal_is_reversed_once() {
        let deposited = deposit(&Wallet::new(customer()), usd("100"), &stamp(1, "2012-01-03")).unwrap();
        let withdrawn = withdraw(&deposited.wallet, usd("30"), &stamp(2, "2012-01-04")).unwrap();
        let reversed = reverse(&withdrawn.wallet, &withdrawn.entry, None, &stamp(3, "2012-01-05")).unwrap();
        assert_eq!((reversed.entry.amount, reversed.entry.balance), (usd("30"), usd("100")));
        assert_eq!(reversed.entry.reverses, Some(id(2)));
        assert!(reversed.entry.unbalanced().is_empty());

        let stamp = stamp(4, "2012-01-06");
        let again = reverse(&reversed.wallet, &withdrawn.entry, Some(id(3)), &stamp);
        assert_eq!(again, Err(Refusal::AlreadyReversed(id(3))));
        assert_eq!(reverse(&reversed.wallet, &reversed.entry, None, &stamp), Err(Refusal::NotReversible));
        let empty = reverse(&reversed.wallet, &deposited.entry, None, &stamp).unwrap();
        assert_eq!(empty.wallet.balance(Currency::USD).unwrap(), usd("0"));
    }

    #[test]
    fn a_deposit_that_is_spent_cannot_be_reversed() {
        let deposited = deposit(&Wallet::new(customer()), usd("100"), &stamp(1, "2012-01-03")).unwrap();
        let spent = withdraw(&deposited.wallet, usd("30"), &stamp(2, "2012-01-04")).unwrap();
        let refused = reverse(&spent.wallet, &deposited.entry, None, &stamp(3, "2012-01-05"));
        assert_eq!(refused, Err(Refusal::InsufficientFunds { available: usd("70"), requested: usd("100") }));
    }

    #[test]
    fn the_entry_of_another_wallet_cannot_be_reversed() {
        let foreign = deposit(&Wallet::new(CustomerId(id(9))), usd("100"), &stamp(1, "2012-01-03")).unwrap();
        let refused = reverse(&wallet_of("100"), &foreign.entry, None, &stamp(2, "2012-01-04"));
        assert_eq!(refused, Err(Refusal::ForeignEntry));
    }

    #[test]
    fn a_head_is_stored_with_amounts_as_strings() {
        let text = serde_json::to_string(&wallet_of("1234.5")).unwrap();
        let stored = concat!(
            r#"{"customer":"00000000-0000-0000-0000-000000000007","balances":{"USD":"1234.50"},"#,
            r#""seq":1,"frozen":false}"#
        );
        assert_eq!(text, stored);
        assert_eq!(serde_json::from_str::<Wallet>(&text).unwrap(), wallet_of("1234.5"));
        assert!(serde_json::from_str::<Balances>(r#"{"USD":"0.001"}"#).is_err());
        assert!(serde_json::from_str::<Balances>(r#"{"XYZ":"1"}"#).is_err());
    }

    #[test]
    fn the_ledger_ends_at_the_largest_key() {
        let full = Wallet { seq: LAST_SEQ, ..wallet_of("1") };
        assert_eq!(deposit(&full, usd("1"), &stamp(2, "2012-01-04")), Err(Refusal::TooLarge));
    }
}
