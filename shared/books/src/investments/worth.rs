//! The current value of a lot held elsewhere: its units after every split, at the last available price.

use std::collections::{BTreeMap, HashMap};

use app::effect::Effect;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{
    Currency, CustomerId, Day, DecimalError, InstrumentType, Investment, Money, PortfolioId, Price, Quantity, Split,
    Symbol, split,
};
use market::CallBudget;
use market_data::market_clock::held_through;
use market_data::price_lines::PRICE_TOO_SMALL;
use market_data::{MarketData, instruments, prices, quotes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::purchase::cost;

/// The code of figures of a lot dated after the market's today, which does not count yet.
const TO_COME: &str = "to_come";

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
    /// Units as bought.
    pub quantity: Quantity,
    /// Price per unit as bought.
    pub purchase_price: Price,
    /// The purchase date.
    pub purchase_date: Day,
    /// The cost of the purchase in addition to the price.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fee: String,
    /// Currency of the instrument.
    pub currency: Currency,
    /// Its cost, fee included; null if it is out of range.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<String>,
    /// Units after the splits since; null without a price.
    #[schema(required)]
    pub current_quantity: Option<Quantity>,
    /// Price per such unit; null if there is none.
    #[schema(required)]
    pub current_price: Option<Price>,
    /// The day of that price; null if there is none.
    #[schema(required)]
    pub last_updated: Option<Day>,
    /// Value of the units at that price; null without a price.
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

/// The last price of a symbol and the splits before it.
#[derive(Clone)]
struct LastPrice {
    price: Price,
    day: Day,
    currency: Currency,
    splits: Vec<Split>,
}

/// The last prices of the symbols seen so far, or why there is none.
pub(super) struct LastPrices<'a> {
    market: &'a MarketData,
    customer: CustomerId,
    budget: CallBudget,
    known: HashMap<Symbol, SymbolData>,
}

/// The current data of a symbol.
#[derive(Clone)]
struct SymbolData {
    last: Result<LastPrice, &'static str>,
    /// Its kind, if a provider has reported it: lots recorded earlier assumed a stock.
    kind: Option<InstrumentType>,
}

impl<'a> LastPrices<'a> {
    /// Prices that are all read within one budget.
    pub(super) fn new(market: &'a MarketData, customer: CustomerId, budget: CallBudget) -> Self {
        Self { market, customer, budget, known: HashMap::new() }
    }

    /// The investment with its current value.
    ///
    /// Errors: the store's; a missing price makes figures null.
    pub(super) async fn value(&mut self, investment: Investment) -> Result<InvestmentNow, ServiceError> {
        let symbol = &investment.ticker_symbol;
        if !self.known.contains_key(symbol) {
            let last = find_last_price(self.market, self.customer, symbol, self.budget).await?;
            let described =
                if symbol.is_custom() { None } else { instruments::find_described(&self.market.app, symbol).await? };
            let kind = described.map(|instrument| instrument.instrument_type);
            self.known.insert(symbol.clone(), SymbolData { last, kind });
        }
        let SymbolData { last, kind } =
            self.known.get(symbol).cloned().unwrap_or(SymbolData { last: Err("no_price"), kind: None });
        let instrument_type = kind.unwrap_or(investment.instrument_type);
        let through = held_through(self.market, last.as_ref().ok().map(|last| last.day));
        Ok(valued(Investment { instrument_type, ..investment }, last, through))
    }
}

async fn find_last_price(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Result<LastPrice, &'static str>, ServiceError> {
    let series = match prices::load(market, customer, symbol, budget).await {
        Ok(series) => series,
        Err(ServiceError::UnknownSymbol { .. }) => return Ok(Err("no_price")),
        Err(ServiceError::Provider(_) | ServiceError::TooManyNewSymbols { .. }) => {
            return Ok(Err("provider_unavailable"));
        }
        Err(error) => return Err(error),
    };
    let price = quotes::load_last_price(market, &series).await?;
    let priced = price.and_then(|(price, day)| {
        let splits = split::splits_of(&series.bars)?;
        Ok(LastPrice { price, day, currency: series.currency, splits })
    });
    Ok(priced.map_err(|error| match error {
        DecimalError::PriceTooSmall => PRICE_TOO_SMALL,
        _ => "price_out_of_range",
    }))
}

fn valued(investment: Investment, last: Result<LastPrice, &'static str>, through: Day) -> InvestmentNow {
    let cost = cost(&investment).ok();
    let last =
        last.and_then(|last| if last.currency == investment.currency() { Ok(last) } else { Err("other_currency") });
    let worth = last.as_ref().map_err(|reason| *reason).and_then(|last| {
        if investment.purchase_date > through {
            return Err(TO_COME);
        }
        let units = units_now(&investment, last).ok_or("price_out_of_range")?;
        let value = ledger::lots::value(units, last.price, investment.currency()).map_err(|_| "price_out_of_range")?;
        Ok((units, value))
    });
    let gain = worth
        .as_ref()
        .ok()
        .zip(cost)
        .and_then(|((_, value), cost)| Money::new(value.amount() - cost.amount(), investment.currency()).ok());
    let mut unavailable = BTreeMap::new();
    let because = |reason: &&str| {
        let reason = (*reason).to_owned();
        move |figure: &str| (figure.to_owned(), reason.clone())
    };
    if let Err(reason) = &last {
        unavailable.extend(["current_price", "last_updated"].map(because(reason)));
    }
    if let Err(reason) = &worth {
        unavailable.extend(["current_quantity", "value", "gain"].map(because(reason)));
    }
    InvestmentNow {
        cost: cost.map(|cost| cost.to_string()),
        current_quantity: worth.as_ref().ok().map(|(units, _)| *units),
        current_price: last.as_ref().ok().map(|last| last.price),
        last_updated: last.as_ref().ok().map(|last| last.day),
        value: worth.as_ref().ok().map(|(_, value)| value.to_string()),
        gain: gain.map(|gain| gain.to_string()),
        unavailable,
        id: investment.id,
        portfolio_id: investment.portfolio_id,
        instrument_type: investment.instrument_type,
        quantity: investment.quantity,
        purchase_price: investment.purchase_price,
        purchase_date: investment.purchase_date,
        fee: investment.fee.to_string(),
        currency: investment.currency(),
        created_at: investment.created_at,
        updated_at: investment.updated_at,
        version: investment.version,
        ticker_symbol: investment.ticker_symbol,
    }
}

/// Units after the splits since the purchase, up to the day of the last price.
fn units_now(investment: &Investment, last: &LastPrice) -> Option<Quantity> {
    let mut later = last.splits.iter().filter(|split| investment.purchase_date < split.day && split.day <= last.day);
    later.try_fold(investment.quantity, |units, split| units.split(split.ratio)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(quantity: &str, bought: &str) -> Investment {
        Investment {
            id: Uuid::from_u128(1),
            portfolio_id: PortfolioId(Uuid::from_u128(2)),
            ticker_symbol: "ACME".parse().unwrap(),
            instrument_type: InstrumentType::Stock,
            quantity: Quantity::parse(quantity).unwrap(),
            purchase_price: Price::parse("10").unwrap(),
            purchase_date: bought.parse().unwrap(),
            fee: Money::parse("1.5", Currency::USD).unwrap(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            version: 1,
        }
    }

    fn last(price: &str, splits: &[(&str, &str)]) -> LastPrice {
        let split = |(day, ratio): &(&str, &str)| Split { day: day.parse().unwrap(), ratio: ratio.parse().unwrap() };
        LastPrice {
            price: Price::parse(price).unwrap(),
            day: "2013-03-01".parse().unwrap(),
            currency: Currency::USD,
            splits: splits.iter().map(split).collect(),
        }
    }

    fn shown(investment: Investment, last: Result<LastPrice, &'static str>) -> InvestmentNow {
        valued(investment, last, "2013-03-01".parse().unwrap())
    }

    #[test]
    fn a_lot_dated_after_the_markets_today_has_no_value_yet() {
        let tomorrow = shown(held("3", "2013-03-04"), Ok(last("6", &[])));
        assert_eq!((&tomorrow.value, &tomorrow.gain, tomorrow.current_quantity), (&None, &None, None));
        assert!(["value", "gain", "current_quantity"].iter().all(|figure| tomorrow.unavailable[*figure] == "to_come"));
        assert!(tomorrow.current_price.is_some() && tomorrow.cost.is_some());
    }

    #[test]
    fn a_split_multiplies_the_units_and_keeps_the_cost() {
        let now = shown(held("3", "2012-01-03"), Ok(last("6", &[("2012-06-01", "2")])));
        assert_eq!(now.current_quantity.unwrap().to_string(), "6");
        assert_eq!((now.cost.as_deref(), now.value.as_deref()), (Some("31.50"), Some("36.00")));
        assert_eq!(now.gain.as_deref(), Some("4.50"));
        assert_eq!(now.quantity.to_string(), "3", "the record itself is unchanged");
    }

    #[test]
    fn only_splits_after_the_purchase_and_up_to_the_price_count() {
        let splits = [("2012-01-03", "7"), ("2012-06-01", "2"), ("2012-09-03", "0.5"), ("2013-03-04", "10")];
        let now = shown(held("3", "2012-01-03"), Ok(last("6", &splits)));
        assert_eq!(now.current_quantity.unwrap().to_string(), "3");
    }

    #[test]
    fn a_figure_without_a_price_is_null_with_a_reason() {
        let now = shown(held("3", "2012-01-03"), Err("no_price"));
        assert_eq!((now.current_price, &now.value, &now.gain), (None, &None, &None));
        assert_eq!(now.cost.as_deref(), Some("31.50"));
        assert_eq!(now.unavailable["current_price"], "no_price");
        assert_eq!(now.unavailable["gain"], "no_price");
        let euros = LastPrice { currency: "EUR".parse().unwrap(), ..last("6", &[]) };
        assert_eq!(shown(held("3", "2012-01-03"), Ok(euros)).unavailable["value"], "other_currency");
    }

    #[test]
    fn a_value_larger_than_the_largest_amount_is_null() {
        let now = shown(held("1000000000000", "2012-01-03"), Ok(last("1000000000000", &[])));
        assert_eq!((&now.value, now.unavailable["value"].as_str()), (&None, "price_out_of_range"));
        assert_eq!(now.current_price.unwrap().to_string(), "1000000000000");
    }
}
