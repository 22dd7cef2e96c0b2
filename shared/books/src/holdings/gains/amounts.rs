//! Amounts of sales while they are summed up.

use domain::{Currency, Money};
use ledger::gains::PartAmounts;
use rust_decimal::Decimal;
use valuation::Unvalued;

use super::super::lots::{added, written};
use super::answer::GainAmounts;

/// An amount, or why it is missing.
pub(super) type Amount = Result<Decimal, Unvalued>;

/// Amounts in one currency, each with the reason why it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    cost: Amount,
    proceeds: Amount,
    fee: Amount,
    tax: Amount,
    pub(super) gain: Amount,
}

impl Sums {
    pub(super) const ZERO: Self = Self {
        cost: Ok(Decimal::ZERO),
        proceeds: Ok(Decimal::ZERO),
        fee: Ok(Decimal::ZERO),
        tax: Ok(Decimal::ZERO),
        gain: Ok(Decimal::ZERO),
    };

    /// The amounts of a part; `reason` is why its cost or gain is missing.
    pub(super) fn of(part: &PartAmounts, reason: Unvalued) -> Self {
        let known = |money: Option<Money>| money.map(Money::amount).ok_or(reason);
        let PartAmounts { cost, proceeds, fee, tax, gain } = *part;
        Self {
            cost: known(cost),
            proceeds: Ok(proceeds.amount()),
            fee: Ok(fee.amount()),
            tax: Ok(tax.amount()),
            gain: known(gain),
        }
    }

    /// No amounts, for this reason.
    pub(super) fn none(reason: Unvalued) -> Self {
        Self { cost: Err(reason), proceeds: Err(reason), fee: Err(reason), tax: Err(reason), gain: Err(reason) }
    }

    pub(super) fn plus(self, more: &Self) -> Self {
        Self {
            cost: added(self.cost, more.cost),
            proceeds: added(self.proceeds, more.proceeds),
            fee: added(self.fee, more.fee),
            tax: added(self.tax, more.tax),
            gain: added(self.gain, more.gain),
        }
    }

    /// Why the gain is missing.
    pub(super) fn reason(&self) -> Option<String> {
        self.gain.err().map(|reason| reason.code().to_owned())
    }

    /// The amounts with all decimals of their currency.
    pub(super) fn shown(&self, currency: Currency) -> GainAmounts {
        let shown = |amount: Amount| amount.ok().map(|amount| written(amount, currency));
        GainAmounts {
            cost: shown(self.cost),
            proceeds: shown(self.proceeds),
            fee: shown(self.fee),
            tax: shown(self.tax),
            gain: shown(self.gain),
        }
    }
}
