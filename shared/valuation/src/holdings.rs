//! Current holdings by symbol.

use std::collections::BTreeMap;

use domain::{Currency, Day, ExchangeRate, InstrumentType, Price, Quantity, SplitRatio, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::allocation::{Share, shares, shares_by_group};
use crate::amount::Amount;
use crate::error::Unvalued;
use crate::fixed::{UNIT_SCALE, divided, exchanged, product, whole};

/// The group of holdings whose sector is unknown.
const NO_SECTOR: &str = "unknown";

/// The last price of an instrument and the previous close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// The price.
    pub price: Price,
    /// Its day.
    pub day: Day,
    /// Whether it is older than the market clock's day allows.
    pub stale: bool,
    /// Whether it is of the market day or of the last session: an older price has changed nothing today.
    pub of_the_day: bool,
    /// The previous close, as quoted then; none on an instrument's first day.
    pub previous_close: Option<Price>,
    /// New units per old unit on the price's day; 1 if there is no split.
    pub split_ratio: SplitRatio,
}

/// Units bought on the day of the price or later and still held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentPurchase {
    /// Units.
    pub quantity: Quantity,
    /// The price paid per unit, without the fee.
    pub price: Price,
}

/// A position to be valued.
#[derive(Clone, Copy, Debug)]
pub struct HeldPosition<'a> {
    /// The instrument.
    pub symbol: &'a Symbol,
    /// Its kind.
    pub instrument_type: InstrumentType,
    /// Currency of its prices.
    pub currency: Currency,
    /// Its sector, if known.
    pub sector: Option<&'a str>,
    /// Units as of the day of its price.
    pub quantity: Quantity,
    /// Those of them that were already held the day before.
    pub held_before: Quantity,
    /// Their cost with fees, in the base currency at the rates of their purchases; [`Unvalued::FxUnavailable`] if such a
    /// rate is missing, [`Unvalued::CostUnknown`] if that of some units is not known.
    pub cost: Result<Decimal, Unvalued>,
    /// The realised gain of its sales so far, in the base currency; none if a rate or a cost is missing.
    pub realized_gain: Option<Decimal>,
    /// Its price, or why it has none.
    pub quoted: Result<Quoted, Unvalued>,
    /// Units of the base currency for one of its own: 1 for the base itself, none if no rate is at most seven days old.
    pub rate: Option<ExchangeRate>,
    /// Purchases on the day of its price or later.
    pub bought_today: &'a [RecentPurchase],
}

/// A valued position. Money is in the base currency with its own decimals, the price in the instrument's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holding {
    /// The instrument held.
    pub symbol: Symbol,
    /// Kind of the instrument.
    pub instrument_type: InstrumentType,
    /// Currency of its price.
    pub currency: Currency,
    /// Number of units held.
    pub quantity: Quantity,
    /// Last price per unit; null if there is none.
    #[schema(required)]
    pub price: Option<Price>,
    /// Day of that price; null if there is none.
    #[schema(required)]
    pub price_as_of: Option<Day>,
    /// Whether that day is older than the market clock allows.
    pub stale: bool,
    /// The cost of the units, fees included; null if a rate is missing or the cost of some units is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
    /// Value of the units; null without a price or rate.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub value: Option<Decimal>,
    /// Share of the total value of all holdings, a fraction with three decimals; the shares sum to 1.
    #[schema(required)]
    pub allocation: Option<f64>,
    /// Value less cost; null if either is.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub unrealized_gain: Option<Decimal>,
    /// The realised gain of its sales so far; null if a rate is missing or the cost of some units is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub realized_gain: Option<Decimal>,
    /// The effect of the last session: units held since the day before × change from the previous close, plus units
    /// bought on the day or later × change from their purchase price; without dividends. Null if the price is older.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub day_change: Option<Decimal>,
}

/// All holdings of a portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holdings {
    /// The base currency.
    pub currency: Currency,
    /// Total value of the holdings that have one.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// Cost of those of them whose cost is known.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cost: Decimal,
    /// Value less cost of the holdings whose cost is known.
    #[schema(value_type = domain::schema::DecimalString)]
    pub unrealized_gain: Decimal,
    /// Total day change of the holdings that have one.
    #[schema(value_type = domain::schema::DecimalString)]
    pub day_change: Decimal,
    /// By symbol, in the order given.
    pub items: Vec<Holding>,
    /// By sector, largest first.
    pub sectors: Vec<Share>,
    /// By currency of the instruments, largest first.
    pub currencies: Vec<Share>,
    /// By kind of instrument, largest first.
    pub instrument_types: Vec<Share>,
    /// The reason by symbol for each holding without a value, and by `symbol/day_change`, `symbol/cost` and
    /// `symbol/unrealized_gain` for each that only lacks these figures.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// Values positions in `base`. A position without a price or a rate is listed without a value and is excluded from the
/// sums and the allocation.
#[must_use]
pub fn holdings(base: Currency, held: &[HeldPosition<'_>]) -> Holdings {
    let mut unavailable = BTreeMap::new();
    let mut items: Vec<Holding> = Vec::with_capacity(held.len());
    for position in held {
        let value = value_of(base, position);
        let day_change = value.and_then(|_| day_change(base, position));
        let mut is_missing = |figure: &str, reason: Unvalued| {
            unavailable.insert(format!("{}{figure}", position.symbol), reason.code().to_owned());
        };
        if let Err(reason) = value {
            is_missing("", reason);
        } else {
            let figures = [("/day_change", day_change), ("/cost", position.cost), ("/unrealized_gain", position.cost)];
            for (figure, result) in figures {
                if let Err(reason) = result {
                    is_missing(figure, reason);
                }
            }
        }
        items.push(holding(base, position, value.ok(), day_change.ok()));
    }
    let values: Vec<Decimal> = items.iter().map(|item| item.value.unwrap_or_default()).collect();
    for (item, share) in items.iter_mut().zip(shares(&values)) {
        item.allocation = item.value.map(|_| share);
    }
    let grouped = |name: &dyn Fn(&HeldPosition<'_>) -> String| {
        let valued = held.iter().zip(&items).filter_map(|(position, item)| Some((name(position), item.value?)));
        shares_by_group(valued)
    };
    let sectors = grouped(&|position| position.sector.unwrap_or(NO_SECTOR).to_owned());
    let currencies = grouped(&|position| position.currency.code().to_owned());
    let instrument_types = grouped(&|position| position.instrument_type.to_string());
    let sum = |part: &dyn Fn(&Holding) -> Option<Decimal>| {
        in_units(base, items.iter().filter(|item| item.value.is_some()).filter_map(part).sum())
    };
    let (value, cost) = (sum(&|item| item.value), sum(&|item| item.cost));
    Holdings {
        currency: base,
        value,
        cost,
        unrealized_gain: sum(&|item| item.unrealized_gain),
        day_change: sum(&|item| item.day_change),
        items,
        sectors,
        currencies,
        instrument_types,
        unavailable,
    }
}

fn in_units(base: Currency, mut amount: Decimal) -> Decimal {
    amount.rescale(base.decimals());
    amount
}

fn holding(
    base: Currency,
    position: &HeldPosition<'_>,
    value: Option<Decimal>,
    day_change: Option<Decimal>,
) -> Holding {
    let in_units = |amount| in_units(base, amount);
    let (cost, quoted) = (position.cost.ok().map(in_units), position.quoted.ok());
    Holding {
        symbol: position.symbol.clone(),
        instrument_type: position.instrument_type,
        currency: position.currency,
        quantity: position.quantity,
        price: quoted.map(|quoted| quoted.price),
        price_as_of: quoted.map(|quoted| quoted.day),
        stale: quoted.is_some_and(|quoted| quoted.stale),
        cost,
        value,
        allocation: None,
        unrealized_gain: value.zip(cost).map(|(value, cost)| value - cost),
        realized_gain: position.realized_gain.map(in_units),
        day_change,
    }
}

fn value_of(base: Currency, position: &HeldPosition<'_>) -> Result<Decimal, Unvalued> {
    let price = position.quoted?.price;
    // Without the rates of its purchases it has no cost, and a value without a cost would look like a gain.
    let has_rates = position.cost != Err(Unvalued::FxUnavailable);
    let rate = position.rate.filter(|_| has_rates).ok_or(Unvalued::FxUnavailable)?;
    let value = || {
        let units = whole(position.quantity.units(), UNIT_SCALE).ok()?;
        in_base(product(units, whole(price.amount(), UNIT_SCALE).ok()?).ok()?, rate)
    };
    value().map(|value| value.rounded(base)).ok_or(Unvalued::TooLarge)
}

fn in_base(amount: i128, rate: ExchangeRate) -> Option<Amount> {
    exchanged(amount, rate).ok().map(Amount::new)
}

fn day_change(base: Currency, position: &HeldPosition<'_>) -> Result<Decimal, Unvalued> {
    let quoted = position.quoted?;
    if !quoted.of_the_day {
        return Ok(in_units(base, Decimal::ZERO));
    }
    let finest = |number: Decimal| whole(number, UNIT_SCALE).map_err(|_| Unvalued::TooLarge);
    let price = finest(quoted.price.amount())?;
    let mut change = 0_i128;
    let mut add = |units: i128, price_change: i128| -> Result<(), Unvalued> {
        let more = product(units, price_change).map_err(|_| Unvalued::TooLarge)?;
        change = change.checked_add(more).ok_or(Unvalued::TooLarge)?;
        Ok(())
    };
    for purchase in position.bought_today {
        add(finest(purchase.quantity.units())?, price - finest(purchase.price.amount())?)?;
    }
    if !position.held_before.is_zero() {
        let before = finest(quoted.previous_close.ok_or(Unvalued::NoPreviousClose)?.amount())?;
        let (new, old) = (quoted.split_ratio.new_units(), quoted.split_ratio.old_units());
        let in_new_units = divided(before.checked_mul(old.into()).ok_or(Unvalued::TooLarge)?, new.into());
        add(finest(position.held_before.units())?, price - in_new_units)?;
    }
    let rate = position.rate.ok_or(Unvalued::FxUnavailable)?;
    in_base(change, rate).map(|change| change.rounded(base)).ok_or(Unvalued::TooLarge)
}
