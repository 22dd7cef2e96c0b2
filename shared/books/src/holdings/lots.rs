//! The lots of a portfolio by symbol, those of trades and those of activities, prepared for valuation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::error::ServiceError;
use domain::split::splits_of;
use domain::{Currency, Day, ExchangeRate, Money, Portfolio, PortfolioId, Price, Quantity, Split, Symbol};
use ledger::activity::BuyDetails;
use ledger::fx::side;
use ledger::recorded::RecordedLot;
use ledger::{Activity, ActivityEvent, ActivitySource, Position, Refusal, RelievedLot, Trade};
use market::CallBudget;
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

use super::quoted::quoted;
use crate::activities::{History, RecordedInstrument, RecordedPositions, replay_all};
use crate::positions;

/// The origin of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LotOrigin {
    /// Bought from the wallet.
    Trade,
    /// Held elsewhere, recorded as an investment.
    Investment,
    /// Of another activity: a purchase, a transfer or an adjustment.
    Activity,
}

/// A lot in current units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldLot {
    /// The id of its trade, investment or activity.
    pub lot_id: Uuid,
    /// Where the lot comes from. A sale from the wallet takes lots of trades alone, a recorded sale all others.
    pub origin: LotOrigin,
    /// When it was bought, or when it came in if that is not known.
    pub acquired_on: Day,
    /// Units after the splits since.
    pub quantity: Quantity,
    /// Their cost, fee included, in the base currency at the rate of the day; null without a rate, or if it is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
}

/// A sale from the wallet, and what it took of each lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sale {
    /// The trade.
    pub(super) trade_id: Uuid,
    pub(super) day: Day,
    pub(super) lots: Vec<RelievedLot>,
}

/// The stored lots of one symbol in a portfolio.
#[derive(Clone, Default)]
pub(super) struct StoredLots {
    pub(super) position: Option<Position>,
    /// What the sales took, if the position was replayed.
    pub(super) sales: Option<Vec<Sale>>,
    pub(super) recorded: Option<RecordedInstrument>,
}

/// The lots of a portfolio by symbol.
#[derive(Clone)]
pub(crate) struct PortfolioLots {
    pub(super) by_symbol: BTreeMap<Symbol, StoredLots>,
    /// The activities that move cash alone, whatever their day.
    pub(crate) cash: Vec<Activity>,
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

    /// The currencies of the lots, also of those sold, and of the cash.
    pub(crate) fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.by_symbol.values().flat_map(StoredLots::currencies).chain(ledger::cash::currencies(&self.cash))
    }

    /// The recorded book with all activities, whatever their day.
    pub(crate) fn recorded_to_the_end(&self) -> Result<RecordedPositions, Refusal> {
        let recorded = self.by_symbol.iter().filter_map(|(symbol, stored)| Some((symbol, stored.recorded.as_ref()?)));
        recorded.map(|(symbol, recorded)| Ok((symbol.clone(), recorded.on(Day::LAST)?.into_owned()))).collect()
    }

    /// The same with the activities up to the day of each symbol's last price, which during a session is later than the
    /// market's today.
    pub(super) fn through_prices(&self, market: &MarketData, lines: &PriceLines) -> Result<Cow<'_, Self>, Refusal> {
        let mut through_prices = Cow::Borrowed(self);
        for (symbol, stored) in &self.by_symbol {
            let through = held_through(market, lines.get(symbol).and_then(|line| line.last_day(market)));
            if let Some(recorded) = &stored.recorded
                && let Cow::Owned(recorded) = recorded.on(through)?
            {
                let stored = StoredLots { recorded: Some(recorded), ..stored.clone() };
                through_prices.to_mut().by_symbol.insert(symbol.clone(), stored);
            }
        }
        Ok(through_prices)
    }

    /// Price lines with the splits that no market data knows.
    pub(super) fn with_own_splits<'a>(&self, lines: &'a PriceLines) -> Cow<'a, PriceLines> {
        let mut with_splits = Cow::Borrowed(lines);
        for (symbol, stored) in &self.by_symbol {
            let splits = stored.recorded.as_ref().map_or(&[][..], RecordedInstrument::own_splits);
            if let Some(line) = lines.get(symbol).filter(|_| !splits.is_empty()) {
                with_splits.to_mut().insert(symbol.clone(), line.with_splits(splits));
            }
        }
        with_splits
    }
}

/// A lot of any origin.
struct AnyLot {
    lot_id: Uuid,
    origin: LotOrigin,
    acquired_on: Day,
    /// The day on which it came into the portfolio.
    entered_on: Day,
    /// Units of the day of the price.
    quantity: Quantity,
    /// Nothing if it is not known; with what was paid, if that was in another currency.
    cost: Option<(Money, Option<Money>)>,
    /// Its price per unit, if it was bought on the day of the price or later.
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
    /// That of all lots; without a rate they have none, else it is not known if that of a lot is not.
    cost: Result<Decimal, Unvalued>,
    bought_today: Vec<RecentPurchase>,
    realized_gain: Option<Decimal>,
}

impl StoredLots {
    /// Whether there is a lot, now or in the days to come.
    pub(super) fn has_lots(&self) -> bool {
        let recorded = self.recorded.as_ref();
        self.traded().next().is_some() || recorded.is_some_and(|recorded| !recorded.is_closed())
    }

    /// Whether there is a lot dated on this day or earlier.
    pub(super) fn is_held(&self, through: Day) -> bool {
        self.traded().any(|day| day <= through) || self.recorded_lots().next().is_some()
    }

    /// How many lots are dated after this day, and how many other activities.
    pub(super) fn to_come(&self, through: Day) -> (usize, usize) {
        let after = || self.recorded.iter().flat_map(|recorded| recorded.after(through));
        let lots = self.traded().filter(|&day| day > through).count();
        let recorded = after().filter(|activity| activity.event.brings_units()).count();
        (lots.saturating_add(recorded), after().count().saturating_sub(recorded))
    }

    /// Whether more units left than were held, by the splits known now. A split that no market data knows is not one of
    /// lots bought from the wallet, whose units and prices would no longer agree.
    pub(super) fn is_in_conflict(&self) -> bool {
        let own_splits = self.recorded.iter().flat_map(RecordedInstrument::own_splits);
        let (first, last) = (self.traded().min(), own_splits.map(|split| split.day).max());
        self.position.as_ref().is_some_and(|position| position.split_conflict)
            || self.recorded.as_ref().is_some_and(|recorded| recorded.position.lacks_units())
            || first.zip(last).is_some_and(|(first, last)| first < last)
    }

    pub(super) fn currencies(&self) -> impl Iterator<Item = Currency> {
        let traded = self.position.iter().map(|position| position.currency);
        traded.chain(self.recorded.iter().map(|recorded| recorded.position.currency))
    }

    /// The days of the lots bought from the wallet.
    fn traded(&self) -> impl Iterator<Item = Day> {
        self.position.iter().flat_map(|position| &position.lots).map(|lot| lot.acquired_on)
    }

    fn recorded_lots(&self) -> impl Iterator<Item = &RecordedLot> {
        self.recorded.iter().flat_map(|recorded| &recorded.position.lots)
    }

    /// The lots up to `through`, oldest first, in units of `day`; without one, in their own.
    fn lots(
        &self,
        fills: &HashMap<Uuid, Price>,
        through: Day,
        day: Option<Day>,
        splits: &[Split],
    ) -> Result<Vec<AnyLot>, Refusal> {
        let mut lots = Vec::new();
        let traded = self.position.iter().flat_map(|position| &position.lots);
        for lot in traded.filter(|lot| lot.acquired_on <= through) {
            lots.push(AnyLot {
                lot_id: lot.id,
                origin: LotOrigin::Trade,
                acquired_on: lot.acquired_on,
                entered_on: lot.acquired_on,
                quantity: lot.units_on(day.unwrap_or(lot.unit_day), splits)?,
                cost: Some((lot.cost, None)),
                price: fills.get(&lot.id).copied(),
            });
        }
        let activities = self.recorded.iter().flat_map(|recorded| &recorded.activities);
        let activities: HashMap<Uuid, &Activity> = activities.map(|activity| (activity.id, activity)).collect();
        for lot in self.recorded_lots() {
            let activity = activities.get(&lot.id);
            let is_investment = activity.is_some_and(|activity| activity.source == ActivitySource::Investment);
            let price = activity.and_then(|activity| match &activity.event {
                ActivityEvent::Buy(BuyDetails { unit_price, .. }) => Some(*unit_price),
                // What came in today came in at today's price.
                _ => None,
            });
            lots.push(AnyLot {
                lot_id: lot.id,
                origin: if is_investment { LotOrigin::Investment } else { LotOrigin::Activity },
                acquired_on: lot.held_since(),
                entered_on: lot.entered_on,
                quantity: lot.units_on(day.unwrap_or(lot.unit_day), splits)?,
                cost: lot.cost.map(|cost| (cost, lot.paid_cost)),
                price,
            });
        }
        lots.sort_by_key(|lot| (lot.acquired_on, lot.lot_id));
        Ok(lots)
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
            cost: self.cost,
            realized_gain: self.realized_gain,
            quoted: self.quoted,
            rate,
            bought_today: &self.bought_today,
        }
    }
}

/// The lots of a portfolio by symbol, including closed positions.
pub(super) async fn read_stored(
    market: &MarketData,
    portfolio: &Portfolio,
    budget: CallBudget,
) -> Result<PortfolioLots, ServiceError> {
    let mut by_symbol: BTreeMap<Symbol, StoredLots> = BTreeMap::new();
    for position in positions::read_all(market, portfolio.id).await? {
        let symbol = position.symbol.clone();
        by_symbol.entry(symbol).or_default().position = Some(position);
    }
    let history = History::read(&market.app, portfolio.id).await?;
    let activities = history.activities().cloned().collect();
    let cash = history.activities().filter(|activity| !activity.event.is_of_units()).cloned().collect();
    let recorded = replay_all(market, activities, portfolio.lot_method, market_day(market), budget).await?;
    for (symbol, recorded) in recorded {
        by_symbol.entry(symbol).or_default().recorded = Some(recorded);
    }
    Ok(PortfolioLots { by_symbol, cash, trades: None })
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
        cost: Ok(Decimal::ZERO),
        bought_today: Vec::new(),
        realized_gain,
    };
    let day = line.last_day(market);
    let lots = stored.lots(fills, held_through(market, day), day, &splits).map_err(|_| Unvalued::TooLarge)?;
    for AnyLot { lot_id, origin, acquired_on, entered_on, quantity, cost, price } in lots {
        ready.quantity = ready.quantity.plus(quantity).map_err(|_| Unvalued::TooLarge)?;
        if day.is_none_or(|day| entered_on < day) {
            ready.held_before = ready.held_before.plus(quantity).map_err(|_| Unvalued::TooLarge)?;
        } else if let Some(price) = price {
            ready.bought_today.push(RecentPurchase { quantity, price });
        }
        let cost = cost.ok_or(Unvalued::CostUnknown).and_then(|(cost, paid)| {
            let side = side(cost, rates.of_flow(cost.currency(), acquired_on), paid, rates.base());
            side.and_then(|(cost, rate)| in_base(cost, rate, rates.base())).ok_or(Unvalued::FxUnavailable)
        });
        ready.cost = added(ready.cost, cost);
        ready.lots.push(HeldLot { lot_id, origin, acquired_on, quantity, cost: cost.ok() });
    }
    Ok(ready)
}

/// An amount in the base currency, rounded half-even and written with its decimals.
fn in_base(amount: Money, rate: ExchangeRate, base: Currency) -> Option<Decimal> {
    let exchanged = rate.exchange(amount.amount())?.round_dp(base.decimals());
    Some(written(exchanged, base))
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

/// The sum of two amounts that may be missing. A missing rate comes before any other reason: it leaves no value either.
pub(super) fn added(sum: Result<Decimal, Unvalued>, more: Result<Decimal, Unvalued>) -> Result<Decimal, Unvalued> {
    match (sum, more) {
        (Ok(sum), Ok(more)) => Ok(sum + more),
        (Err(Unvalued::FxUnavailable), _) | (_, Err(Unvalued::FxUnavailable)) => Err(Unvalued::FxUnavailable),
        (Err(reason), _) | (_, Err(reason)) => Err(reason),
    }
}

/// An amount with all the decimals of its currency.
pub(super) fn written(mut amount: Decimal, currency: Currency) -> Decimal {
    amount.rescale(currency.decimals());
    amount
}
