//! The current value of a lot held elsewhere: its units after every split, at the last available price.

use std::collections::BTreeMap;

use app::effect::Effect;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{
    Currency, CustomerId, Day, DecimalError, InstrumentType, LotMethod, Money, PortfolioId, Price, Quantity, Split,
    Symbol, split,
};
use ledger::Refusal;
use ledger::recorded::RecordedLot;
use market::CallBudget;
use market_data::market_clock::held_through;
use market_data::price_lines::PRICE_TOO_SMALL;
use market_data::{MarketData, instruments, prices, quotes};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::open_lots::RecordedInvestment;
use crate::activities::{History, InstrumentHistory, by_instrument};

/// The code of figures of a lot dated after the market's today, which does not count yet.
const TO_COME: &str = "to_come";
/// The code of figures that rest on an unknown cost.
const COST_UNKNOWN: &str = "cost_unknown";

/// A lot held elsewhere with its current value. Amounts are decimals in the currency of the instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Investment)]
pub struct InvestmentNow {
    /// Id of the investment.
    pub id: Uuid,
    /// The portfolio that it belongs to.
    pub portfolio_id: PortfolioId,
    /// The instrument held.
    pub ticker_symbol: Symbol,
    /// Kind of instrument.
    pub instrument_type: InstrumentType,
    /// Units as recorded, as counted on the purchase date.
    pub quantity: Quantity,
    /// Price per unit as recorded.
    pub purchase_price: Price,
    /// The purchase date; of units that came from another account, the day on which they came in.
    pub purchase_date: Day,
    /// The cost of the purchase in addition to the price: fee and tax.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fee: String,
    /// Currency of the instrument.
    pub currency: Currency,
    /// Cost of the units that are left, fee included; null if it is out of range.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<String>,
    /// Units that are left after the sales and splits since; null without a price.
    #[schema(required)]
    pub current_quantity: Option<Quantity>,
    /// Price per such unit; null if there is none.
    #[schema(required)]
    pub current_price: Option<Price>,
    /// The day of that price; null if there is none.
    #[schema(required)]
    pub last_updated: Option<Day>,
    /// Value of the units that are left, at that price; null without a price.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub value: Option<String>,
    /// Value less cost; null if either is.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<String>,
    /// The reason for each null figure, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// When it was first recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1; the value of `ETag` and `If-Match`.
    #[schema(minimum = 1)]
    pub version: u64,
}

impl Effect for InvestmentNow {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at", "updated_at"];
}

/// The last price of an instrument.
#[derive(Clone, Copy, Debug)]
struct LastPrice {
    price: Price,
    day: Day,
    currency: Currency,
}

/// An instrument now.
#[derive(Clone, Debug)]
pub(super) struct InstrumentNow {
    symbol: Symbol,
    instrument_type: InstrumentType,
    /// Its last price, or why there is none.
    last: Result<LastPrice, &'static str>,
    /// The splits of the market.
    splits: Vec<Split>,
    /// The last day whose activities count.
    through: Day,
}

/// What a portfolio's activities leave of an instrument.
pub(super) struct InstrumentBook {
    instrument: InstrumentNow,
    lots: Vec<RecordedLot>,
    /// The splits by which its units count.
    splits: Vec<Split>,
}

impl InstrumentNow {
    /// The instrument with its last price, if one is available within the budget.
    ///
    /// Errors: the store's; a missing price makes figures null.
    pub(super) async fn load(
        market: &MarketData,
        customer: CustomerId,
        symbol: &Symbol,
        budget: CallBudget,
    ) -> Result<Self, ServiceError> {
        let (last, splits) = find_last_price(market, customer, symbol, budget).await?;
        Ok(Self {
            symbol: symbol.clone(),
            instrument_type: instruments::find_type(market, customer, symbol, budget).await?,
            through: held_through(market, last.ok().map(|last| last.day)),
            last,
            splits,
        })
    }

    /// What the activities of a portfolio leave of it.
    ///
    /// Errors: a number that the ledger cannot hold.
    pub(super) fn book(
        self,
        activities: Option<&InstrumentHistory<'_>>,
        method: LotMethod,
    ) -> Result<InstrumentBook, Refusal> {
        let replayed =
            activities.map(|all| all.replay(&self.symbol, &self.splits, method, self.through)).transpose()?;
        let (lots, splits) = replayed.map(|(position, merged)| (position.lots, merged.splits)).unwrap_or_default();
        Ok(InstrumentBook { instrument: self, lots, splits })
    }

    /// The same for a whole history.
    ///
    /// Errors: a number that the ledger cannot hold.
    pub(super) fn book_in(&self, history: &History, method: LotMethod) -> Result<InstrumentBook, Refusal> {
        let own = by_instrument(history.activities().filter(|activity| activity.symbol() == Some(&self.symbol)));
        self.clone().book(own.get(&self.symbol), method)
    }
}

impl InstrumentBook {
    /// An investment with what is left of it; nothing if sales have used it up.
    ///
    /// Errors: a number that the ledger cannot hold.
    pub(super) fn value_open(&self, investment: &RecordedInvestment<'_>) -> Result<Option<InvestmentNow>, Refusal> {
        let is_open = self.is_to_come(investment) || self.lot_of(investment).is_some();
        if is_open { self.value(investment).map(Some) } else { Ok(None) }
    }

    /// The same, with no units and no cost if sales have used it up.
    ///
    /// Errors: a number that the ledger cannot hold.
    pub(super) fn value(&self, investment: &RecordedInvestment<'_>) -> Result<InvestmentNow, Refusal> {
        let (lot, currency) = (self.lot_of(investment), investment.fee.currency());
        let cost = match lot {
            Some(lot) => lot.cost,
            None if self.is_to_come(investment) => investment.activity.event.cost()?,
            None => Money::new(Decimal::ZERO, currency).ok(),
        };
        let last = self.instrument.last;
        let last = last.and_then(|last| if last.currency == currency { Ok(last) } else { Err("other_currency") });
        let worth = last.and_then(|last| {
            if self.is_to_come(investment) {
                return Err(TO_COME);
            }
            let units = lot.map_or(Ok(Quantity::ZERO), |lot| lot.units_on(last.day, &self.splits));
            let units = units.map_err(|_| "price_out_of_range")?;
            let value = ledger::lots::value(units, last.price, currency).map_err(|_| "price_out_of_range")?;
            Ok((units, value))
        });
        Ok(shown(investment, self.instrument.instrument_type, cost, last, worth))
    }

    fn lot_of(&self, investment: &RecordedInvestment<'_>) -> Option<&RecordedLot> {
        self.lots.iter().find(|lot| lot.id == investment.activity.id)
    }

    fn is_to_come(&self, investment: &RecordedInvestment<'_>) -> bool {
        investment.activity.date > self.instrument.through
    }
}

fn shown(
    investment: &RecordedInvestment<'_>,
    instrument_type: InstrumentType,
    cost: Option<Money>,
    last: Result<LastPrice, &'static str>,
    worth: Result<(Quantity, Money), &'static str>,
) -> InvestmentNow {
    let gain = worth.ok().zip(cost);
    let gain = gain
        .and_then(|((_, value), cost)| Money::new(value.amount().checked_sub(cost.amount())?, cost.currency()).ok());
    let mut unavailable = BTreeMap::new();
    let because = |reason: &'static str| move |figure: &str| (figure.to_owned(), reason.to_owned());
    if cost.is_none() {
        unavailable.extend(["cost", "gain"].map(because(COST_UNKNOWN)));
    }
    if let Err(reason) = last {
        unavailable.extend(["current_price", "last_updated"].map(because(reason)));
    }
    if let Err(reason) = worth {
        unavailable.extend(["current_quantity", "value", "gain"].map(because(reason)));
    }
    let activity = investment.activity;
    InvestmentNow {
        id: activity.id,
        portfolio_id: activity.portfolio_id,
        ticker_symbol: investment.symbol.clone(),
        instrument_type,
        quantity: investment.quantity,
        purchase_price: investment.price,
        purchase_date: activity.date,
        fee: investment.fee.to_string(),
        currency: activity.currency(),
        cost: cost.map(|cost| cost.to_string()),
        current_quantity: worth.ok().map(|(units, _)| units),
        current_price: last.ok().map(|last| last.price),
        last_updated: last.ok().map(|last| last.day),
        value: worth.ok().map(|(_, value)| value.to_string()),
        gain: gain.map(|gain| gain.to_string()),
        unavailable,
        created_at: activity.created_at,
        updated_at: activity.updated_at,
        version: activity.version,
    }
}

/// The last price of an instrument, or why there is none, and its splits.
async fn find_last_price(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<(Result<LastPrice, &'static str>, Vec<Split>), ServiceError> {
    let series = match prices::load(market, customer, symbol, budget).await {
        Ok(series) => series,
        Err(ServiceError::UnknownSymbol { .. }) => return Ok((Err("no_price"), Vec::new())),
        Err(ServiceError::Provider(_) | ServiceError::TooManyNewSymbols { .. }) => {
            return Ok((Err("provider_unavailable"), Vec::new()));
        }
        Err(error) => return Err(error),
    };
    let price = quotes::load_last_price(market, &series).await?;
    let reason = |error| if error == DecimalError::PriceTooSmall { PRICE_TOO_SMALL } else { "price_out_of_range" };
    let splits = split::splits_of(&series.bars).map_err(reason);
    let last = price.map(|(price, day)| LastPrice { price, day, currency: series.currency }).map_err(reason);
    Ok(match splits {
        Ok(splits) => (last, splits),
        Err(reason) => (Err(reason), Vec::new()),
    })
}

#[cfg(test)]
mod tests {
    use domain::Instrument;
    use ledger::Activity;

    use super::*;
    use crate::investments::{Identity, Purchase};

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// A purchase of ACME at 10 with a fee of 1.50.
    fn bought(quantity: &str, date: &str) -> Activity {
        let purchase = Purchase {
            ticker_symbol: "ACME".parse().unwrap(),
            quantity: Quantity::parse(quantity).unwrap(),
            purchase_price: Price::parse("10").unwrap(),
            purchase_date: day(date),
            fee: "1.5".parse().unwrap(),
            currency: None,
        };
        let portfolio_id = PortfolioId(Uuid::from_u128(2));
        let identity = Identity { id: Uuid::from_u128(1), portfolio_id, created_at: DateTime::UNIX_EPOCH };
        purchase.recorded(&identity, &Instrument::unlisted("ACME".parse().unwrap()), day(date)).unwrap()
    }

    fn last(price: &str) -> LastPrice {
        LastPrice { price: Price::parse(price).unwrap(), day: day("2013-03-01"), currency: Currency::USD }
    }

    fn shown(activity: &Activity, last: Result<LastPrice, &'static str>, splits: &[(&str, &str)]) -> InvestmentNow {
        let split = |(day, ratio): &(&str, &str)| Split { day: day.parse().unwrap(), ratio: ratio.parse().unwrap() };
        let instrument = InstrumentNow {
            symbol: "ACME".parse().unwrap(),
            instrument_type: InstrumentType::Stock,
            last,
            splits: splits.iter().map(split).collect(),
            through: day("2013-03-01"),
        };
        let history = by_instrument([activity]);
        let book = instrument.book(history.get(activity.symbol().unwrap()), LotMethod::Fifo).unwrap();
        book.value(&RecordedInvestment::of(activity).unwrap()).unwrap()
    }

    #[test]
    fn a_lot_dated_after_the_markets_today_has_no_value_yet() {
        let tomorrow = shown(&bought("3", "2013-03-04"), Ok(last("6")), &[]);
        assert_eq!((&tomorrow.value, &tomorrow.gain, tomorrow.current_quantity), (&None, &None, None));
        assert!(["value", "gain", "current_quantity"].iter().all(|figure| tomorrow.unavailable[*figure] == "to_come"));
        assert!(tomorrow.current_price.is_some() && tomorrow.cost.is_some());
    }

    #[test]
    fn a_split_multiplies_the_units_and_keeps_the_cost() {
        let now = shown(&bought("3", "2012-01-03"), Ok(last("6")), &[("2012-06-01", "2")]);
        assert_eq!(now.current_quantity.unwrap().to_string(), "6");
        assert_eq!((now.cost.as_deref(), now.value.as_deref()), (Some("31.50"), Some("36.00")));
        assert_eq!(now.gain.as_deref(), Some("4.50"));
        assert_eq!(now.quantity.to_string(), "3", "the record itself is unchanged");
    }

    #[test]
    fn only_splits_after_the_purchase_and_up_to_the_price_count() {
        let splits = [("2012-01-03", "7"), ("2012-06-01", "2"), ("2012-09-03", "0.5"), ("2013-03-04", "10")];
        let now = shown(&bought("3", "2012-01-03"), Ok(last("6")), &splits);
        assert_eq!(now.current_quantity.unwrap().to_string(), "3");
    }

    #[test]
    fn a_figure_without_a_price_is_null_with_a_reason() {
        let now = shown(&bought("3", "2012-01-03"), Err("no_price"), &[]);
        assert_eq!((now.current_price, &now.value, &now.gain), (None, &None, &None));
        assert_eq!(now.cost.as_deref(), Some("31.50"));
        assert_eq!(now.unavailable["current_price"], "no_price");
        assert_eq!(now.unavailable["gain"], "no_price");
        let euros = LastPrice { currency: "EUR".parse().unwrap(), ..last("6") };
        assert_eq!(shown(&bought("3", "2012-01-03"), Ok(euros), &[]).unavailable["value"], "other_currency");
    }

    #[test]
    fn a_value_larger_than_the_largest_amount_is_null() {
        let now = shown(&bought("10000000000", "2012-01-03"), Ok(last("1000000000000")), &[]);
        assert_eq!((&now.value, now.unavailable["value"].as_str()), (&None, "price_out_of_range"));
        assert_eq!(now.current_price.unwrap().to_string(), "1000000000000");
    }
}
