//! The lots of a portfolio by symbol, those of trades and those held elsewhere, prepared for valuation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::error::ServiceError;
use app::listing;
use chrono::Weekday;
use domain::split::splits_of;
use domain::{
    Bars, Currency, Day, ExchangeRate, Investment, Money, PortfolioId, Price, Quantity, Split, SplitRatio, Symbol,
    calendar,
};
use ledger::{Lot, Position, RelievedLot, Trade};
use market::MarketClock;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::{held_through, market_day};
use market_data::price_lines::{PriceLine, PriceLines};
use market_data::warnings::Span;
use rust_decimal::Decimal;
use serde::Serialize;
use store::limits::MAX_KEYS;
use store::{Item, StoreError, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;
use valuation::{HeldPosition, Quoted, RecentPurchase, Unvalued};

use crate::positions;

/// This many bars include one of a weekend if weekends trade.
const DAYS_OF_A_WEEK: usize = 7;

/// The origin of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LotOrigin {
    /// Bought from the wallet.
    Trade,
    /// Held elsewhere.
    Investment,
}

/// A lot in current units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldLot {
    /// The id of its trade or investment.
    pub lot_id: Uuid,
    /// Where the lot comes from.
    pub origin: LotOrigin,
    /// When it was bought.
    pub acquired_on: Day,
    /// Units after the splits since.
    pub quantity: Quantity,
    /// Their cost, fee included, in the base currency at the rate of the day; null without a rate.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
}

/// The day of a sale and what it took of each lot.
pub(super) type Sale = (Day, Vec<RelievedLot>);

/// The stored lots of one symbol in a portfolio.
#[derive(Default)]
pub(super) struct StoredLots {
    pub(super) position: Option<Position>,
    /// What the sales took, if the position was replayed.
    pub(super) sales: Option<Vec<Sale>>,
    pub(super) investments: Vec<Investment>,
}

/// The lots of a portfolio by symbol.
pub(crate) struct PortfolioLots {
    pub(super) by_symbol: BTreeMap<Symbol, StoredLots>,
    /// The trades, if they were read.
    pub(super) trades: Option<Vec<Trade>>,
}

impl PortfolioLots {
    /// The symbols that have lots.
    pub(crate) fn held(&self) -> BTreeSet<Symbol> {
        self.by_symbol.iter().filter(|(_, stored)| stored.has_lots()).map(|(symbol, _)| symbol.clone()).collect()
    }

    /// Every symbol, also those of which nothing is held any more.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.by_symbol.keys()
    }

    /// The currencies of the lots, also of those sold.
    pub(crate) fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.by_symbol.values().flat_map(StoredLots::currencies)
    }
}

/// A lot of either origin and, if it was bought on the day of the price or later, its price per unit.
struct AnyLot {
    lot: Lot,
    origin: LotOrigin,
    price: Option<Price>,
}

/// One symbol, ready to be valued.
pub(super) struct ReadySymbol<'a> {
    line: &'a PriceLine,
    pub(super) currency: Currency,
    quantity: Quantity,
    held_before: Quantity,
    quoted: Result<Quoted, Unvalued>,
    pub(super) lots: Vec<HeldLot>,
    bought_today: Vec<RecentPurchase>,
    realized_gain: Option<Decimal>,
}

impl StoredLots {
    pub(super) fn has_lots(&self) -> bool {
        self.acquired().next().is_some()
    }

    /// Whether there is a lot dated on this day or earlier.
    pub(super) fn is_held(&self, through: Day) -> bool {
        self.acquired().any(|day| day <= through)
    }

    /// How many lots are dated after this day.
    pub(super) fn lots_to_come(&self, through: Day) -> usize {
        self.acquired().filter(|&day| day > through).count()
    }

    pub(super) fn is_in_conflict(&self) -> bool {
        self.position.as_ref().is_some_and(|position| position.split_conflict)
    }

    pub(super) fn currencies(&self) -> impl Iterator<Item = Currency> {
        let traded = self.position.iter().map(|position| position.currency);
        traded.chain(self.investments.iter().map(Investment::currency))
    }

    fn acquired(&self) -> impl Iterator<Item = Day> {
        let traded = self.position.iter().flat_map(|position| &position.lots).map(|lot| lot.acquired_on);
        traded.chain(self.investments.iter().map(|one| one.purchase_date))
    }

    fn lots(&self, fills: &HashMap<Uuid, Price>, through: Day) -> Option<Vec<AnyLot>> {
        let traded = self.position.iter().flat_map(|position| &position.lots);
        let traded =
            traded.map(|lot| AnyLot { lot: *lot, origin: LotOrigin::Trade, price: fills.get(&lot.id).copied() });
        let mut lots: Vec<AnyLot> = traded.collect();
        for one in &self.investments {
            let Investment { id, purchase_date, quantity, purchase_price, fee, .. } = *one;
            let lot = Lot::held_elsewhere(id, purchase_date, quantity, purchase_price, fee).ok()?;
            lots.push(AnyLot { lot, origin: LotOrigin::Investment, price: Some(purchase_price) });
        }
        lots.retain(|any| any.lot.acquired_on <= through);
        lots.sort_by_key(|any| (any.lot.acquired_on, any.lot.id));
        Some(lots)
    }
}

impl ReadySymbol<'_> {
    /// The prices and days that the value depends on: those since the first lot was bought.
    pub(super) fn rests_on(&self, today: Day) -> (&PriceLine, Span) {
        let since = self.lots.first().map_or(today, |lot| lot.acquired_on);
        (self.line, (since, today.max(since)))
    }

    /// The name of the instrument; none if only its symbol is known.
    pub(super) fn name(&self) -> Option<String> {
        let instrument = &self.line.instrument;
        Some(instrument.name.clone()).filter(|name| name != instrument.symbol.as_str())
    }

    pub(super) fn held(&self, rate: Option<ExchangeRate>) -> HeldPosition<'_> {
        HeldPosition {
            symbol: &self.line.instrument.symbol,
            instrument_type: self.line.instrument.instrument_type,
            currency: self.currency,
            sector: self.line.instrument.sector.as_deref(),
            quantity: self.quantity,
            held_before: self.held_before,
            cost: self.lots.iter().map(|lot| lot.cost).sum(),
            realized_gain: self.realized_gain,
            quoted: self.quoted,
            rate,
            bought_today: &self.bought_today,
        }
    }
}

/// The lots of a portfolio by symbol, including closed positions.
pub(super) async fn read_stored(market: &MarketData, id: PortfolioId) -> Result<PortfolioLots, ServiceError> {
    let mut by_symbol: BTreeMap<Symbol, StoredLots> = BTreeMap::new();
    for position in positions::read_all(market, id).await? {
        let symbol = position.symbol.clone();
        by_symbol.entry(symbol).or_default().position = Some(position);
    }
    for item in listing::read_all(&market.app, keys::investments(id)).await? {
        let investment: Investment = documents::parse(&item)?;
        by_symbol.entry(investment.ticker_symbol.clone()).or_default().investments.push(investment);
    }
    Ok(PortfolioLots { by_symbol, trades: None })
}

/// A symbol's lots in units of the day of its last price.
///
/// Errors: [`Unvalued::PriceUnavailable`] if a split of its bars is invalid, so that its units are unknown, and
/// [`Unvalued::TooLarge`] if they exceed the exact range.
pub(super) fn prepared<'a>(
    market: &MarketData,
    stored: &StoredLots,
    line: &'a PriceLine,
    fills: &HashMap<Uuid, Price>,
    rates: &ExchangeRates,
    realized_gain: Option<Decimal>,
) -> Result<ReadySymbol<'a>, Unvalued> {
    let currency = stored.currencies().next().ok_or(Unvalued::PriceUnavailable)?;
    let splits = splits_of(line.bars()).map_err(Unvalued::from)?;
    let quoted =
        if stored.is_in_conflict() { Err(Unvalued::SplitConflict) } else { quoted(market, line, currency, &splits) };
    let mut ready = ReadySymbol {
        line,
        currency,
        quantity: Quantity::ZERO,
        held_before: Quantity::ZERO,
        quoted,
        lots: Vec::new(),
        bought_today: Vec::new(),
        realized_gain,
    };
    let last_day = line.last_day(market);
    let lots = stored.lots(fills, held_through(market, last_day)).ok_or(Unvalued::TooLarge)?;
    for AnyLot { lot, origin, price } in lots {
        let day = last_day.unwrap_or(lot.unit_day);
        let quantity = lot.units_on(day, &splits).map_err(|_| Unvalued::TooLarge)?;
        ready.quantity = ready.quantity.plus(quantity).map_err(|_| Unvalued::TooLarge)?;
        if lot.acquired_on < day {
            ready.held_before = ready.held_before.plus(quantity).map_err(|_| Unvalued::TooLarge)?;
        } else if let Some(price) = price {
            ready.bought_today.push(RecentPurchase { quantity, price });
        }
        let (paid_in, acquired_on) = (lot.cost.currency(), lot.acquired_on);
        let rate = rates.of_flow(paid_in, acquired_on);
        let cost = rate.and_then(|rate| in_base(lot.cost, rate, rates.base()));
        ready.lots.push(HeldLot { lot_id: lot.id, origin, acquired_on, quantity, cost });
    }
    Ok(ready)
}

/// An amount in the base currency, rounded half-even and written with its decimals.
fn in_base(amount: Money, rate: ExchangeRate, base: Currency) -> Option<Decimal> {
    let exchanged = rate.exchange(amount.amount())?.round_dp(base.decimals());
    Some(written(exchanged, base))
}

/// The last price of a symbol, if it is in the currency that its lots were paid in.
fn quoted(market: &MarketData, line: &PriceLine, currency: Currency, splits: &[Split]) -> Result<Quoted, Unvalued> {
    let series = line.series_in(currency).ok_or(Unvalued::PriceUnavailable)?;
    let bars = &series.bars;
    let last = bars.last().ok_or(Unvalued::PriceUnavailable)?;
    let of_the_day = |day: Day| is_of_the_day(market, bars, day);
    if let Some(quote) = line.newer_quote(market) {
        // The previous close of a quote is in the units of the quote's day.
        let previous_close = quote.previous_close.or_else(|| series.close_before(quote.day));
        return Ok(Quoted {
            price: quote.price,
            day: quote.day,
            stale: line.is_stale(market),
            of_the_day: of_the_day(quote.day),
            previous_close,
            split_ratio: SplitRatio::ONE,
        });
    }
    let before = bars.len().checked_sub(2).map(|at| bars.close()[at]);
    let split = splits.last().filter(|split| split.day == last.date);
    Ok(Quoted {
        price: series.last_close().map_err(Unvalued::from)?,
        day: last.date,
        stale: line.is_stale(market),
        of_the_day: of_the_day(last.date),
        previous_close: before.and_then(|close| Price::from_bar(close).ok()),
        split_ratio: split.map_or(SplitRatio::ONE, |split| split.ratio),
    })
}

/// Whether a last price is of the last or the current session. If weekends trade too, whether it is of the same day,
/// which for a live provider is a day of UTC: Saturday's move is not news on Sunday.
fn is_of_the_day(market: &MarketData, bars: &Bars, day: Day) -> bool {
    let today = market_day(market);
    let dates = bars.dates();
    let last_week = &dates[dates.len().saturating_sub(DAYS_OF_A_WEEK)..];
    let is_weekend = |date: &Day| matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    if is_weekend(&day) || last_week.iter().any(is_weekend) {
        return match market.clock() {
            MarketClock::StandsAt(today) => day == today,
            MarketClock::Live => Day::try_from(market.app.now().date_naive()).is_ok_and(|now| day == now),
        };
    }
    let session = calendar::last_trading_day_on_or_before(today);
    session.is_none_or(|session| day >= session) && day <= held_through(market, Some(day))
}

/// The price per unit of each open lot bought on the day of its symbol's last price or later, by lot: on a Saturday on
/// which cryptocurrencies trade, a share is bought at the price of Friday's session.
pub(super) async fn find_fills(
    market: &MarketData,
    id: PortfolioId,
    stored: &BTreeMap<Symbol, StoredLots>,
    lines: &PriceLines,
) -> Result<HashMap<Uuid, Price>, ServiceError> {
    let mut wanted = Vec::new();
    for position in stored.values().filter_map(|stored| stored.position.as_ref()) {
        let last = lines.get(&position.symbol).and_then(|line| line.last_day(market));
        let since = position.lots.iter().filter(|lot| last.is_some_and(|last| lot.acquired_on >= last));
        wanted.extend(since.map(|lot| keys::trade(id, lot.id)));
    }
    let mut fills = HashMap::with_capacity(wanted.len());
    for keys in wanted.chunks(MAX_KEYS) {
        for (key, item) in keys.iter().zip(market.app.table().get_many(keys).await?) {
            let item: Item = item.ok_or_else(|| StoreError::corrupt(key, "the trade of an open lot is missing"))?;
            let trade: Trade = documents::parse(&item)?;
            fills.insert(trade.id, trade.price);
        }
    }
    Ok(fills)
}

/// An amount with all the decimals of its currency.
pub(super) fn written(mut amount: Decimal, currency: Currency) -> Decimal {
    amount.rescale(currency.decimals());
    amount
}
