//! The purchase of a lot held elsewhere, and its possible errors.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Instrument, PortfolioId, Price, Quantity, Symbol};
use ledger::{Activity, ActivityFields, ActivityMistake, ActivitySource, ActivityType};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::open_lots::RecordedInvestment;

/// A purchase made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Purchase {
    /// The instrument.
    pub ticker_symbol: Symbol,
    /// Units as of that day.
    pub quantity: Quantity,
    /// Price per unit.
    pub purchase_price: Price,
    /// The day.
    pub purchase_date: Day,
    /// The cost in addition to the price; zero or more.
    pub fee: Decimal,
    /// Currency of price and fee, if given; it must be that of the instrument.
    pub currency: Option<Currency>,
}

/// An invalid field, and why.
pub type Mistake = (&'static str, String);

/// The ids and time of an investment, besides the purchase itself.
pub(crate) struct Identity {
    pub id: Uuid,
    pub portfolio_id: PortfolioId,
    pub created_at: DateTime<Utc>,
}

impl Purchase {
    /// The activity to record, or every error in the purchase.
    pub(crate) fn recorded(
        &self,
        identity: &Identity,
        instrument: &Instrument,
        today: Day,
    ) -> Result<Activity, Vec<Mistake>> {
        let mut mistakes: Vec<Mistake> = refuse_later(self.purchase_date, today).err().into_iter().collect();
        let fields = ActivityFields {
            symbol: Some(self.ticker_symbol.clone()),
            quantity: Some(self.quantity.units()),
            unit_price: Some(self.purchase_price.amount()),
            fee: self.fee,
            ..ActivityFields::new(ActivityType::Buy)
        };
        if self.currency.is_some_and(|given| given != instrument.currency) {
            let (expected, symbol) = (instrument.currency, self.ticker_symbol.clone());
            mistakes.push(("currency", ActivityMistake::OtherCurrency { expected, symbol }.to_string()));
        }
        let event = fields.event(self.purchase_date, instrument.currency, None);
        let event = event.map_err(|found| {
            mistakes.extend(found.iter().map(|mistake| (column_of(mistake.field()), mistake.to_string())));
        });
        match event {
            Ok(event) if mistakes.is_empty() => Ok(Activity {
                id: identity.id,
                portfolio_id: identity.portfolio_id,
                date: self.purchase_date,
                time: None,
                event,
                note: None,
                external_id: None,
                source: ActivitySource::Investment,
                created_at: identity.created_at,
                updated_at: identity.created_at,
                version: 1,
            }),
            _ => Err(mistakes),
        }
    }

    /// The purchase that an investment is.
    pub(crate) fn of(investment: &RecordedInvestment<'_>) -> Self {
        let activity = investment.activity;
        Self {
            ticker_symbol: investment.symbol.clone(),
            quantity: investment.quantity,
            purchase_price: investment.price,
            purchase_date: activity.date,
            fee: investment.fee.amount(),
            currency: Some(activity.currency()),
        }
    }
}

/// Refuses a purchase after `today`.
pub(super) fn refuse_later(purchase_date: Day, today: Day) -> Result<(), Mistake> {
    if purchase_date <= today {
        return Ok(());
    }
    Err((column_of("date"), format!("{purchase_date} must not be in the future")))
}

/// The name that an investment gives to a field of an activity.
pub(super) fn column_of(field: &'static str) -> &'static str {
    match field {
        "symbol" => "ticker_symbol",
        "unit_price" => "purchase_price",
        "date" => "purchase_date",
        // An investment has no amount: it is quantity × price.
        "amount" => "quantity",
        other => other,
    }
}
