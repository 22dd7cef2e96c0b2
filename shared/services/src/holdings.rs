//! What a portfolio holds now, by symbol: lots of trades and lots held elsewhere together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::split::splits_of;
use domain::{Currency, CustomerId, Day, Investment, Money, PortfolioId, Price, Quantity, Split, SplitRatio, Symbol};
use ledger::fx::realized_in_base;
use ledger::{Lot, Position, Trade};
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::Serialize;
use store::limits::MAX_KEYS;
use store::retry::{Retry, retry};
use store::{Item, StoreError, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;
use valuation::{Held, Holding, Purchase, Quoted, Share};

use crate::error::ServiceError;
use crate::exchange_rates::ExchangeRates;
use crate::history::{Reader, Wait};
use crate::market_clock::market_day;
use crate::price_lines::{self, FX_UNAVAILABLE, PriceLine, PriceLines};
use crate::{App, listing, portfolios, positions};

/// The code of a symbol whose units or value are beyond counting.
const TOO_LARGE: &str = "too_large";

/// The holdings of a portfolio. Money is in its base currency, prices in the instruments' own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortfolioHoldings {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// Its base currency.
    pub currency: Currency,
    /// The market's today.
    pub as_of: Day,
    /// Where prices come from.
    pub source: String,
    /// Value of all holdings that have one.
    #[schema(value_type = String, example = "1250.00")]
    pub value: Decimal,
    /// What the same holdings cost, fees included.
    #[schema(value_type = String, example = "1000.00")]
    pub cost: Decimal,
    /// Value − cost.
    #[schema(value_type = String, example = "250.00")]
    pub unrealized_gain: Decimal,
    /// What all sales have gained, those of symbols that are no longer held too.
    #[schema(value_type = Option<String>, example = "98.12")]
    pub realized_gain: Option<Decimal>,
    /// What the days of the last prices did to the value.
    #[schema(value_type = String, example = "12.50")]
    pub day_change: Decimal,
    /// By symbol.
    pub items: Vec<HeldSymbol>,
    /// The value by sector, the largest first.
    pub sectors: Vec<Share>,
    /// The value by currency of the instruments, the largest first.
    pub currencies: Vec<Share>,
    /// The value by kind of instrument, the largest first.
    pub instrument_types: Vec<Share>,
    /// Why a symbol has no value, or a sum is null, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// What a reader must know about the prices.
    #[schema(value_type = Vec<Object>)]
    pub warnings: Vec<Warning>,
}

/// One symbol and the lots that make it up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldSymbol {
    /// What it comes to.
    #[serde(flatten)]
    pub holding: Holding,
    /// Its lots, the oldest first.
    pub lots: Vec<HeldLot>,
}

/// Where a lot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LotOrigin {
    /// Bought from the wallet.
    Trade,
    /// Held elsewhere.
    Investment,
}

/// A lot in units of today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldLot {
    /// The id of its trade or investment.
    pub lot_id: Uuid,
    /// Which of the two it is.
    pub origin: LotOrigin,
    /// When it was bought.
    pub acquired_on: Day,
    /// Units after the splits since.
    pub quantity: Quantity,
    /// What they cost, fee included, in the base currency at the rate of the day; null without a rate.
    #[schema(value_type = Option<String>, example = "1000.00")]
    pub cost: Option<Decimal>,
}

/// What a portfolio has of one symbol, as it is stored.
#[derive(Default)]
struct Stored {
    position: Option<Position>,
    investments: Vec<Investment>,
}

/// A lot of either origin and, for one that was bought on the day of the price, what was paid for a unit.
struct AnyLot {
    lot: Lot,
    origin: LotOrigin,
    price: Option<Price>,
}

/// One symbol ready to be valued.
struct Ready<'a> {
    line: &'a PriceLine,
    currency: Currency,
    quantity: Quantity,
    quoted: Option<Quoted>,
    lots: Vec<HeldLot>,
    bought_today: Vec<Purchase>,
    realized_gain: Option<Decimal>,
}

/// The holdings of a customer's portfolio at the last prices at hand. A symbol without a price never fails the whole.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn of_portfolio(app: &App, customer: CustomerId, id: PortfolioId) -> Result<PortfolioHoldings, ServiceError> {
    let portfolio = portfolios::find(app, customer, id).await?;
    let base = portfolio.base_currency;
    let stored = retry(Retry::within(crate::CONFLICT_BUDGET), || stored(app, id)).await?;
    let held: BTreeSet<Symbol> =
        stored.iter().filter(|(_, stored)| stored.is_held()).map(|(symbol, _)| symbol.clone()).collect();
    let wait = Wait::of_request(app);
    let currencies = stored.values().flat_map(Stored::currencies);
    let (lines, rates) = tokio::try_join!(
        price_lines::load(app, customer, &held, wait),
        ExchangeRates::load(app, base, currencies, Reader::customer(customer, wait))
    )?;
    let realized = realized_gains(app, id, base, &stored, &rates).await?;
    let fills = fills(app, id, &stored, &lines).await?;
    let mut unavailable = BTreeMap::new();
    let mut ready = Vec::with_capacity(held.len());
    for (symbol, stored) in stored.iter().filter(|(_, stored)| stored.is_held()) {
        let Some(line) = lines.get(symbol) else { continue };
        let realized_gain = realized.get(symbol).copied().unwrap_or(Some(Decimal::ZERO));
        match prepared(app, stored, line, &fills, &rates, realized_gain) {
            Some(symbol) => ready.push(symbol),
            None => {
                unavailable.insert(symbol.to_string(), TOO_LARGE.to_owned());
            }
        }
    }
    let rate = |currency| rates.on(currency, market_day(app));
    let positions: Vec<Held<'_>> = ready.iter().map(|symbol| symbol.held(rate(symbol.currency))).collect();
    let found = valuation::holdings(base, &positions);
    unavailable.extend(found.unavailable);
    let realized_gain: Option<Decimal> = realized.values().copied().sum();
    if realized_gain.is_none() {
        unavailable.insert("realized_gain".to_owned(), FX_UNAVAILABLE.to_owned());
    }
    let items = found.items.into_iter().zip(&ready);
    Ok(PortfolioHoldings {
        portfolio_id: id,
        currency: base,
        as_of: market_day(app),
        source: app.provider().source().to_owned(),
        value: found.value,
        cost: found.cost,
        unrealized_gain: found.unrealized_gain,
        realized_gain: realized_gain.map(|gain| gain + Decimal::new(0, base.decimals())),
        day_change: found.day_change,
        items: items.map(|(holding, symbol)| HeldSymbol { holding, lots: symbol.lots.clone() }).collect(),
        sectors: found.sectors,
        currencies: found.currencies,
        instrument_types: found.instrument_types,
        unavailable,
        warnings: price_lines::warnings(app, lines.values()),
    })
}

impl Stored {
    fn is_held(&self) -> bool {
        !self.investments.is_empty() || self.position.as_ref().is_some_and(|position| !position.lots.is_empty())
    }

    fn currencies(&self) -> impl Iterator<Item = Currency> {
        let traded = self.position.iter().map(|position| position.currency);
        traded.chain(self.investments.iter().map(Investment::currency))
    }

    fn lots(&self, fills: &HashMap<Uuid, Price>) -> Option<Vec<AnyLot>> {
        let traded = self.position.iter().flat_map(|position| &position.lots);
        let traded =
            traded.map(|lot| AnyLot { lot: *lot, origin: LotOrigin::Trade, price: fills.get(&lot.id).copied() });
        let mut lots: Vec<AnyLot> = traded.collect();
        for one in &self.investments {
            let Investment { id, purchase_date, quantity, purchase_price, fee, .. } = *one;
            let lot = Lot::held_elsewhere(id, purchase_date, quantity, purchase_price, fee).ok()?;
            lots.push(AnyLot { lot, origin: LotOrigin::Investment, price: Some(purchase_price) });
        }
        lots.sort_by_key(|any| (any.lot.acquired_on, any.lot.id));
        Some(lots)
    }
}

impl Ready<'_> {
    fn held(&self, rate: Option<Decimal>) -> Held<'_> {
        Held {
            symbol: &self.line.instrument.symbol,
            instrument_type: self.line.instrument.instrument_type,
            currency: self.currency,
            sector: self.line.instrument.sector.as_deref(),
            quantity: self.quantity,
            cost: self.lots.iter().map(|lot| lot.cost).sum(),
            realized_gain: self.realized_gain,
            quoted: self.quoted,
            rate,
            bought_today: &self.bought_today,
        }
    }
}

async fn stored(app: &App, id: PortfolioId) -> Result<BTreeMap<Symbol, Stored>, ServiceError> {
    let mut by_symbol: BTreeMap<Symbol, Stored> = BTreeMap::new();
    for position in positions::all(app, id).await? {
        let symbol = position.symbol.clone();
        by_symbol.entry(symbol).or_default().position = Some(position);
    }
    for item in listing::items(app, keys::investments(id)).await? {
        let investment: Investment = documents::parse(&item)?;
        by_symbol.entry(investment.ticker_symbol.clone()).or_default().investments.push(investment);
    }
    Ok(by_symbol)
}

/// A symbol's lots in units of the day of its last price; none where they are beyond counting.
fn prepared<'a>(
    app: &App,
    stored: &Stored,
    line: &'a PriceLine,
    fills: &HashMap<Uuid, Price>,
    rates: &ExchangeRates,
    realized_gain: Option<Decimal>,
) -> Option<Ready<'a>> {
    let currency = stored.currencies().next()?;
    let splits = splits_of(line.bars()).unwrap_or_default();
    let quoted = quoted(app, line, currency, &splits);
    let mut ready = Ready {
        line,
        currency,
        quantity: Quantity::ZERO,
        quoted,
        lots: Vec::new(),
        bought_today: Vec::new(),
        realized_gain,
    };
    for AnyLot { lot, origin, price } in stored.lots(fills)? {
        let day = quoted.map_or(lot.unit_day, |quoted| quoted.day);
        let quantity = lot.units_on(day, &splits).ok()?;
        ready.quantity = ready.quantity.plus(quantity).ok()?;
        if let Some(price) = price.filter(|_| lot.acquired_on == day) {
            ready.bought_today.push(Purchase { quantity, price });
        }
        let rate = rates.on(lot.cost.currency(), lot.acquired_on);
        let cost = rate.and_then(|rate| in_base(lot.cost, rate, rates.base()));
        ready.lots.push(HeldLot { lot_id: lot.id, origin, acquired_on: lot.acquired_on, quantity, cost });
    }
    Some(ready)
}

/// An amount in the base currency, rounded half-even and written with its decimals.
fn in_base(amount: Money, rate: Decimal, base: Currency) -> Option<Decimal> {
    let mut exchanged = amount.amount().checked_mul(rate)?.round_dp(base.decimals());
    exchanged.rescale(base.decimals());
    Some(exchanged)
}

/// The last price of a line, where it is in the currency that its lots were paid in.
fn quoted(app: &App, line: &PriceLine, currency: Currency, splits: &[Split]) -> Option<Quoted> {
    let series = line.series_in(currency)?;
    let bars = &series.bars;
    let last = bars.last()?;
    if let Some(quote) = line.newer_quote(app) {
        // The close before a quote is in the units of the quote's day.
        let previous_close = quote.previous_close.or_else(|| series.close_before(quote.day));
        return Some(Quoted {
            price: quote.price,
            day: quote.day,
            stale: line.is_stale(app),
            previous_close,
            split_ratio: SplitRatio::ONE,
        });
    }
    let before = bars.len().checked_sub(2).map(|at| bars.close()[at]);
    let split = splits.last().filter(|split| split.day == last.date);
    Some(Quoted {
        price: Price::from_bar(last.close).ok()?,
        day: last.date,
        stale: line.is_stale(app),
        previous_close: before.and_then(|close| Price::from_bar(close).ok()),
        split_ratio: split.map_or(SplitRatio::ONE, |split| split.ratio),
    })
}

/// What was paid for a unit of each open lot that was bought on the day of its symbol's last price, by lot.
async fn fills(
    app: &App,
    id: PortfolioId,
    stored: &BTreeMap<Symbol, Stored>,
    lines: &PriceLines,
) -> Result<HashMap<Uuid, Price>, ServiceError> {
    let mut wanted = Vec::new();
    for position in stored.values().filter_map(|stored| stored.position.as_ref()) {
        let last = lines.get(&position.symbol).and_then(|line| line.last_day(app));
        let of_the_day = position.lots.iter().filter(|lot| Some(lot.acquired_on) == last);
        wanted.extend(of_the_day.map(|lot| keys::trade(id, lot.id)));
    }
    let mut fills = HashMap::with_capacity(wanted.len());
    for keys in wanted.chunks(MAX_KEYS) {
        for (key, item) in keys.iter().zip(app.table().get_many(keys).await?) {
            let item: Item = item.ok_or_else(|| StoreError::corrupt(key, "the trade of an open lot is not there"))?;
            let trade: Trade = documents::parse(&item)?;
            fills.insert(trade.id, trade.price);
        }
    }
    Ok(fills)
}

/// What the sales of each symbol have gained, in the base currency: each side of a sale at the rate of its own day.
async fn realized_gains(
    app: &App,
    id: PortfolioId,
    base: Currency,
    stored: &BTreeMap<Symbol, Stored>,
    rates: &ExchangeRates,
) -> Result<BTreeMap<Symbol, Option<Decimal>>, ServiceError> {
    let positions = stored.values().filter_map(|stored| stored.position.as_ref());
    let mut gains: BTreeMap<Symbol, Option<Decimal>> = BTreeMap::new();
    let mut foreign = false;
    for position in positions {
        let at_home = position.currency == base;
        foreign |= !at_home;
        gains.insert(
            position.symbol.clone(),
            Some(if at_home { position.realized_gain.amount() } else { Decimal::ZERO }),
        );
    }
    if !foreign {
        return Ok(gains);
    }
    for item in listing::items(app, keys::trades(id)).await? {
        let trade: Trade = documents::parse(&item)?;
        if trade.currency == base || trade.lots.is_empty() {
            continue;
        }
        let gain = gain_in_base(&trade, base, rates)?;
        if let Some(sum) = gains.get_mut(&trade.symbol) {
            *sum = sum.zip(gain).map(|(sum, gain)| sum + gain);
        }
    }
    Ok(gains)
}

fn gain_in_base(trade: &Trade, base: Currency, rates: &ExchangeRates) -> Result<Option<Decimal>, ServiceError> {
    let money =
        |amount| Money::new(amount, trade.currency).map_err(|error| ServiceError::fault("a stored trade", error));
    let mut sum = Decimal::ZERO;
    for lot in &trade.lots {
        let (sold, bought) = (rates.on(trade.currency, trade.market_day), rates.on(trade.currency, lot.acquired_on));
        let Some((sold, bought)) = sold.zip(bought) else { return Ok(None) };
        sum += realized_in_base(money(lot.proceeds)?, sold, money(lot.cost)?, bought, base)?.amount();
    }
    Ok(Some(sum))
}
