//! Custom instruments: a house, a watch, a share that no exchange lists. Their owner supplies the valuations by day.
//! `changes.rs` changes and removes them.

mod changes;
mod record;

pub use changes::{CustomInstrumentChange, StoredCustomInstrument, change, find_stored, remove};
pub use record::assert_unchanged;

use std::collections::{BTreeMap, BTreeSet};

use app::counter::Counter;
use app::idempotency::{self, Created, KeyLookup};
use app::{App, ServiceError, stored_responses};
use domain::{Bar, Bars, Currency, CustomerId, Day, Instrument, InstrumentType, Price, Symbol};
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use store::bars::{SeriesHead, StoredSeries};
use store::retry::{Retry, retry};
use store::{Expect, StoreError, Write, documents, keys};
use uuid::Uuid;

use record::MAX_ITEMS;

use crate::market_clock::{held_through, latest_day_anywhere};
use crate::market_data::MarketData;
use crate::series::{PriceSeries, series};

/// The route on which an instrument is created.
pub const ROUTE: &str = "POST /instruments";
/// Most valuations of one request.
const MAX_VALUATIONS: usize = 1_000;
/// Most years that the valuations of one request may touch: all of them are written in one transaction.
const MAX_YEARS: usize = 50;
/// The `source` of valuations in responses.
const SOURCE: &str = "own";

/// The value of one unit on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// The day.
    pub date: Day,
    /// In the currency of the instrument.
    pub price: Price,
}

/// A custom instrument to be created.
#[derive(Clone, Debug, Serialize)]
pub struct NewCustomInstrument {
    /// `MY:` and a name.
    pub symbol: Symbol,
    /// Name.
    pub name: String,
    /// Currency of its valuations.
    pub currency: Currency,
    /// Kind.
    pub instrument_type: InstrumentType,
}

/// The stored valuations of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredValuations {
    /// How many there are.
    pub count: usize,
    /// The latest day.
    pub last: Option<Day>,
}

/// Creates an instrument. Repeating the request with the same idempotency key returns the first result again.
///
/// Errors: [`ServiceError::SymbolTaken`], [`ServiceError::LimitReached`].
pub async fn create(
    app: &App,
    customer: CustomerId,
    item: &NewCustomInstrument,
    idempotency_key: Option<&str>,
) -> Result<Created<Instrument>, ServiceError> {
    let made = Instrument {
        symbol: item.symbol.clone(),
        name: item.name.clone(),
        instrument_type: item.instrument_type,
        currency: item.currency,
        exchange: None,
        sector: None,
    };
    let pending = match idempotency::look_up(app, customer, idempotency_key, ROUTE, item).await? {
        KeyLookup::Replay(_) => return Ok(Created { value: made, replayed: true }),
        KeyLookup::First(pending) => pending,
    };
    let (key, id) = (keys::custom_instrument(customer, &item.symbol), app.new_id());
    // For a lookup by the key, whose record must not contain the symbol: records of keys outlive an erasure.
    let json = serde_json::to_vec(&made).map_err(|error| ServiceError::fault("an instrument to JSON", error))?;
    let kept = idempotency_key.map(|_| stored_responses::inline(customer, id, &json)).transpose()?;
    let first: Option<Uuid> = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        if app.table().get(&key).await?.is_some() {
            return Err(ServiceError::SymbolTaken { symbol: item.symbol.clone() });
        }
        let counter = Counter::read(app, keys::custom_instrument_count(customer)).await?;
        let mut writes = vec![
            counter.add(1, MAX_ITEMS, "custom instruments")?,
            Write::create(key.clone(), documents::body(&key, &made)?),
        ];
        writes.extend(kept.clone());
        idempotency::commit(app, pending.clone(), id, writes).await
    })
    .await?;
    Ok(Created { value: made, replayed: first.is_some() })
}

/// A custom instrument of the customer.
pub async fn find(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    Ok(record::load(app, customer, symbol).await?.0.instrument)
}

/// All custom instruments of the customer, by name.
pub async fn list(app: &App, customer: CustomerId) -> Result<Vec<Instrument>, ServiceError> {
    let page = documents::list(app.table(), keys::custom_instruments(customer), MAX_ITEMS, None).await?;
    let mut items: Vec<Instrument> = page.items;
    items.reverse();
    Ok(items)
}

/// Stores valuations. Each replaces an earlier one of the same day; other days stay.
///
/// Errors: [`ServiceError::Field`] for a day in the future, a day given twice, or a value with too many digits.
pub async fn value(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    valuations: &[Valuation],
) -> Result<StoredValuations, ServiceError> {
    let bars = checked(app, valuations)?;
    let (record, version) = record::load(app, customer, symbol).await?;
    let partition = keys::own_bars(customer, symbol);
    let (key, fetched_at) = (keys::custom_instrument(customer, symbol), app.now());
    // The currency of the valuations is that of the instrument.
    let unchanged = Write::Check { key: key.clone(), expect: Expect::Version(version) };
    store::bars::change(app.table(), &partition, &unchanged, |stored| {
        let mut days: BTreeMap<Day, Bar> = BTreeMap::new();
        let stored = stored.map(|StoredSeries { bars, .. }| bars).unwrap_or_default();
        days.extend(stored.iter().chain(bars.iter().copied()).map(|bar| (bar.date, bar)));
        let merged = Bars::from_rows(days.into_values()).map_err(|error| StoreError::corrupt(&key, &error))?;
        let head = SeriesHead {
            source: SOURCE.to_owned(),
            basis: "quoted".to_owned(),
            currency: record.instrument.currency,
            revision: None,
            fetched_at,
            notes: Vec::new(),
        };
        Ok((merged, head))
    })
    .await?;
    let stored = store::bars::load_from(app.table(), &partition).await?.map(|stored| stored.bars).unwrap_or_default();
    Ok(StoredValuations { count: stored.len(), last: stored.last().map(|bar| bar.date) })
}

fn checked(app: &App, valuations: &[Valuation]) -> Result<Vec<Bar>, ServiceError> {
    let refusal = |detail: String| ServiceError::Field { field: "prices", detail };
    if valuations.is_empty() || valuations.len() > MAX_VALUATIONS {
        return Err(refusal(format!("must be 1 to {MAX_VALUATIONS} valuations")));
    }
    let years: BTreeSet<i32> = valuations.iter().map(|valuation| valuation.date.year()).collect();
    if years.len() > MAX_YEARS {
        return Err(refusal(format!("must be valuations of at most {MAX_YEARS} years")));
    }
    let today = latest_day_anywhere(app);
    let mut days = BTreeSet::new();
    let bar = |valuation: &Valuation| {
        let Valuation { date, price } = *valuation;
        if date > today {
            return Err(refusal(format!("{date} is in the future")));
        }
        if !days.insert(date) {
            return Err(refusal(format!("{date} is given twice")));
        }
        // Bars are columns of floats: a value that does not survive the conversion to the last digit is refused.
        let close = price.amount().to_f64().filter(|close| Price::from_bar(*close) == Ok(price));
        let close = close.ok_or_else(|| refusal(format!("{price} has more than 15 significant digits")))?;
        Ok(Bar {
            date,
            open: close,
            high: close,
            low: close,
            close,
            volume: 0.0,
            adjusted_close: close,
            split_ratio: 1.0,
            dividend: 0.0,
        })
    };
    valuations.iter().map(bar).collect()
}

/// The valuations of an instrument up to now, as a price history. If prices are files or a replay, valuations after the
/// market's today are in the future.
///
/// Errors: [`ServiceError::UnknownSymbol`] if there is none yet.
pub(crate) async fn load_prices(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<PriceSeries, ServiceError> {
    let all = load_valuations(&market.app, customer, symbol).await?;
    let through = held_through(market, Some(all.last));
    if all.last <= through {
        return Ok(all);
    }
    let bars = all.bars.between(all.first, through);
    let to_come = all.bars.len() - bars.len();
    let mut series = series(symbol, bars, all.currency, all.source, all.fetched_at)?;
    series.to_come = to_come;
    Ok(series)
}

/// All valuations of an instrument as a price history.
///
/// Errors: [`ServiceError::UnknownSymbol`] if there is none.
pub async fn load_valuations(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<PriceSeries, ServiceError> {
    let stored = store::bars::load_from(app.table(), &keys::own_bars(customer, symbol)).await?;
    let stored = stored.ok_or_else(|| ServiceError::UnknownSymbol { symbol: symbol.clone() })?;
    let StoredSeries { head, bars } = stored;
    series(symbol, bars, head.currency, head.source, head.fetched_at)
}
