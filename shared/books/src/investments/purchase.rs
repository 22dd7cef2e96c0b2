//! What a customer says of a lot held elsewhere, and what can be wrong with it.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Instrument, Investment, Money, MoneyError, PortfolioId, Price, Quantity, Symbol};
use ledger::Refusal;
use ledger::lots::investment_cost;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// A purchase made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Purchase {
    /// What was bought.
    pub ticker_symbol: Symbol,
    /// Units of that day.
    pub quantity: Quantity,
    /// Price of one.
    pub purchase_price: Price,
    /// The day.
    pub purchase_date: Day,
    /// What it cost beside the price; not below zero.
    pub fee: Decimal,
    /// Currency of price and fee, where it is said; it must be that of the instrument.
    pub currency: Option<Currency>,
}

/// What an investment cost, its fee included.
///
/// Errors: a cost beyond every amount.
pub(crate) fn cost(investment: &Investment) -> Result<Money, Refusal> {
    investment_cost(investment.quantity, investment.purchase_price, investment.fee)
}

/// A field that cannot be used, and why.
pub type Mistake = (&'static str, String);

/// Who and what an investment is, beside the purchase itself.
pub(crate) struct Identity {
    pub id: Uuid,
    pub portfolio_id: PortfolioId,
    pub created_at: DateTime<Utc>,
}

impl Purchase {
    /// The investment that is kept of it, or everything that is wrong with it.
    pub(crate) fn recorded(
        &self,
        identity: &Identity,
        instrument: &Instrument,
        today: Day,
    ) -> Result<Investment, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        if self.quantity.is_zero() {
            mistakes.push(("quantity", "it is above zero".to_owned()));
        }
        if self.purchase_date > today {
            mistakes.push(("purchase_date", format!("{} has not come yet", self.purchase_date)));
        }
        let currency = instrument.currency;
        if self.currency.is_some_and(|given| given != currency) {
            mistakes.push(("currency", format!("{} is priced in {currency}", self.ticker_symbol)));
        }
        let fee = Money::new(self.fee, currency);
        if let Err(error) = &fee {
            mistakes.push(("fee", error.to_string()));
        }
        let Ok(fee) = fee else { return Err(mistakes) };
        let investment = Investment {
            id: identity.id,
            portfolio_id: identity.portfolio_id,
            ticker_symbol: self.ticker_symbol.clone(),
            instrument_type: instrument.instrument_type,
            quantity: self.quantity,
            purchase_price: self.purchase_price,
            purchase_date: self.purchase_date,
            fee,
            created_at: identity.created_at,
            updated_at: identity.created_at,
            version: 1,
        };
        match cost(&investment) {
            Ok(_) => {}
            Err(error @ Refusal::NegativeFee) => mistakes.push(("fee", error.to_string())),
            Err(_) => mistakes.push(("quantity", format!("with its price and fee: {}", MoneyError::TooLarge))),
        }
        if mistakes.is_empty() { Ok(investment) } else { Err(mistakes) }
    }
}

impl From<&Investment> for Purchase {
    fn from(investment: &Investment) -> Self {
        Self {
            ticker_symbol: investment.ticker_symbol.clone(),
            quantity: investment.quantity,
            purchase_price: investment.purchase_price,
            purchase_date: investment.purchase_date,
            fee: investment.fee.amount(),
            currency: Some(investment.currency()),
        }
    }
}
