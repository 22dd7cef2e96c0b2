//! The check of activities that move cash alone.

use domain::Money;
use rust_decimal::Decimal;

use super::{Charges, Check};
use crate::activity::cash::{CashDetails, CashType, ExchangeDetails};
use crate::activity::event::ActivityEvent;
use crate::activity::fields::ActivityMistake;

impl Check<'_> {
    /// Cash that came in or left.
    pub(super) fn cash(&mut self, kind: CashType) -> Option<ActivityEvent> {
        let amount = self.needed("amount", self.fields.amount);
        let amount = amount.and_then(|amount| match kind {
            CashType::Deposit | CashType::Withdrawal | CashType::TransferIn | CashType::TransferOut => {
                self.cash_amount("amount", amount)
            }
            CashType::Adjustment | CashType::Dividend | CashType::Interest | CashType::Fee | CashType::Tax => {
                self.signed_amount(amount)
            }
        });
        let (amount, charges) = amount.zip(self.charges())?;
        let paid = self.paid_in_cash(amount, charges)?;
        let (symbol, reverses, Charges { fee, tax, .. }) = (self.fields.symbol.clone(), self.fields.reverses, charges);
        Some(ActivityEvent::Cash(CashDetails { kind, symbol, amount, fee, tax, reverses, paid }))
    }

    /// Cash that an instrument paid.
    pub(super) fn dividend(&mut self) -> Option<ActivityEvent> {
        self.symbol();
        self.cash(CashType::Dividend)
    }

    /// A correction of the cash held.
    pub(super) fn cash_adjustment(&mut self, note: Option<&str>) -> Option<ActivityEvent> {
        self.reason(note);
        self.cash(CashType::Adjustment)
    }

    /// Cash of one currency for cash of another.
    pub(super) fn exchange(&mut self) -> Option<ActivityEvent> {
        let amount = self.needed("amount", self.fields.amount);
        let amount = amount.and_then(|amount| self.cash_amount("amount", amount));
        let charges = self.charges();
        let given = self.needed("currency", self.fields.currency);
        let to_amount = self.needed("to_amount", self.fields.to_amount);
        let to_currency = self.needed("to_currency", self.fields.to_currency);
        if given.is_some() && given == to_currency {
            self.mistakes.push(ActivityMistake::SameCurrency);
        }
        self.currency = to_currency?;
        let to_amount = to_amount.and_then(|amount| self.cash_amount("to_amount", amount));
        let ((amount, charges), to_amount) = amount.zip(charges).zip(to_amount)?;
        self.currency = amount.currency();
        let (paid, Charges { fee, tax, .. }) = (self.paid_in_cash(amount, charges)?, charges);
        Some(ActivityEvent::Exchange(ExchangeDetails { amount, to_amount, fee, tax, paid }))
    }

    /// An amount above zero.
    fn cash_amount(&mut self, field: &'static str, amount: Decimal) -> Option<Money> {
        if amount <= Decimal::ZERO {
            return self.note(Err(ActivityMistake::NotPositive { field }));
        }
        self.money(field, amount)
    }

    /// An amount above or below zero.
    fn signed_amount(&mut self, amount: Decimal) -> Option<Money> {
        let field = "amount";
        if amount.is_zero() {
            return self.note(Err(ActivityMistake::Zero { field }));
        }
        self.money(field, amount)
    }
}
