//! Buying and selling: orders at the stored quote, paid from the wallet.
//!
//! A trade is one transaction: it writes the idempotency key, the wallet's head, the ledger entry, the trade and the
//! position, and checks that the portfolio is unchanged. So a trade is never half done.

pub use ledger::{AutomaticLotMethod, Side, Trade};

use app::error::ServiceError;
use app::idempotency::{Created, KeyedRoute, ReservedKey, StoredOutcome};
use app::listing::{self, DayRange, Filter, ListPage, PageRequest};
use app::{App, Platform as _};
use domain::{Currency, CustomerId, Money, MoneyError, PortfolioId, Price, Quantity, Symbol};
use ledger::trade::{buy, sell};
use ledger::{BookedTrade, LotMethod, LotPick, OrderSize, Stamp, TradeOrder, TradeTerms};
use market_data::quotes::{self, Quote};
use market_data::{MarketData, tracked_symbols};
use rust_decimal::Decimal;
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::portfolios::load;
use crate::{positions, wallets};

/// The most lots that one order may name.
pub const MAX_LOTS_NAMED: usize = 200;
/// The route of an order.
pub(crate) const ROUTE: &str = "POST /portfolios/{id}/trades";

/// An order to buy or sell, before its currency is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeRequest {
    /// Buy or sell.
    pub side: Side,
    /// The instrument.
    pub symbol: Symbol,
    /// The size.
    pub size: RequestSize,
    /// The fee in the instrument's currency, zero or more.
    pub fee: Decimal,
    /// The lots to sell from if the portfolio's lot method is `specific`: ids and units.
    pub lots: Vec<(Uuid, Quantity)>,
    /// The price per unit at which the customer decided, if given; a worse one is refused. It is not serialized if absent,
    /// so that an order stored before the field existed has the same fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_price: Option<Price>,
}

/// The size of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestSize {
    /// This many units.
    Quantity(Quantity),
    /// As many units as this amount, in the instrument's currency, can buy.
    Amount(Decimal),
}

impl TradeRequest {
    fn order(&self, currency: Currency) -> Result<TradeOrder, ServiceError> {
        let money = |field, amount| {
            Money::new(amount, currency)
                .map_err(|error: MoneyError| ServiceError::Field { field, detail: error.to_string() })
        };
        let size = match self.size {
            RequestSize::Quantity(quantity) => OrderSize::Quantity(quantity),
            RequestSize::Amount(amount) => OrderSize::Amount(money("amount", amount)?),
        };
        let lots = self.lots.iter().map(|&(lot_id, quantity)| LotPick { lot_id, quantity }).collect();
        Ok(TradeOrder { size, fee: money("fee", self.fee)?, lots })
    }

    /// Refuses a price that is worse for the customer than the one at which they decided.
    fn check_price(&self, current: Price) -> Result<(), ServiceError> {
        let is_worse = |expected: Price| match self.side {
            Side::Buy => current > expected,
            Side::Sell => current < expected,
        };
        match self.expected_price {
            Some(expected) if is_worse(expected) => Err(ServiceError::PriceChanged { expected, current }),
            _ => Ok(()),
        }
    }
}

/// Executes an order at the stored quote, once for each idempotency key. Only a dry run may omit the key.
///
/// Errors: [`ServiceError::NotFound`] for a portfolio that is not the customer's, [`ServiceError::PortfolioClosed`],
/// [`ServiceError::PriceUnavailable`], [`ServiceError::PriceChanged`], [`ServiceError::UnknownSymbol`], and the ledger's
/// refusals.
pub async fn execute(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    request: &TradeRequest,
    idempotency_key: Option<&str>,
) -> Result<Created<Trade>, ServiceError> {
    place(market, customer, portfolio, request, (idempotency_key, None)).await
}

/// What a sale would take and gain by another lot method than the portfolio's, on the lots as they are now. Nothing is
/// written.
///
/// Errors: those of [`execute`].
pub async fn try_sale(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    request: &TradeRequest,
    lot_method: AutomaticLotMethod,
) -> Result<Trade, ServiceError> {
    Ok(place(&market.dry_run(), customer, portfolio, request, (None, Some(lot_method))).await?.value)
}

async fn place(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    request: &TradeRequest,
    (idempotency_key, lot_method): (Option<&str>, Option<AutomaticLotMethod>),
) -> Result<Created<Trade>, ServiceError> {
    let route = KeyedRoute::with_id(ROUTE, portfolio.0);
    let reserved = &ReservedKey::new(customer, idempotency_key, route, &(portfolio, request))?;
    if let Some(outcome) = reserved.look_up(&market.app).await? {
        return read_replayed(&market.app, portfolio, &outcome).await;
    }
    load(&market.app, customer, portfolio).await?.require_open()?;
    if request.symbol.is_custom() {
        let detail = "a custom instrument cannot be traded; record it as an investment".to_owned();
        return Err(ServiceError::Field { field: "symbol", detail });
    }
    // Before the lock is taken: a slow provider must not delay the customer's other requests.
    let quote = &quotes::load_tradable(market, customer, &request.symbol, market.budget_for(customer)).await?;
    request.check_price(quote.price)?;
    let order = &request.order(quote.currency)?;
    let _lock = market.app.lock_customer(customer).await;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        if let Some(outcome) = reserved.look_up(&market.app).await? {
            return read_replayed(&market.app, portfolio, &outcome).await;
        }
        let loaded = load(&market.app, customer, portfolio).await?;
        loaded.require_open()?;
        let before = positions::find(&market.app, portfolio, &request.symbol, quote.currency, &quote.splits).await?;
        if request.side == Side::Buy && before.position.lots.is_empty() {
            tracked_symbols::track_for(&market.app, portfolio, &request.symbol).await?;
        }
        let (wallet, version) = wallets::read_head(&market.app, customer).await?;
        let lot_method = lot_method.map_or(loaded.record.portfolio.lot_method, LotMethod::from);
        let terms = terms(market, quote, lot_method);
        let decided = match request.side {
            Side::Buy => buy(&wallet, &before.position, order, &terms),
            Side::Sell => sell(&wallet, &before.position, order, &terms),
        };
        let booked = wallets::store_refusal(&market.app, reserved, decided).await?;
        let key = reserved.mark(&market.app, StoredOutcome::Result(booked.trade.id))?;
        let wallet = [wallets::head_write(&booked.wallet, version)?, wallets::entry_write(&booked.entry)?];
        let trade = trade_write(portfolio, &booked)?;
        let position = positions::writes(&before, &booked.position)?;
        let writes = key.into_iter().chain(wallet).chain([trade, loaded.unchanged()]).chain(position);
        market.app.table().transact(writes.collect()).await?;
        Ok(Created { value: booked.trade, replayed: false })
    })
    .await
}

/// Which trades a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TradeFilter {
    /// Trades of these market days.
    pub days: DayRange,
    /// Trades of this instrument.
    pub symbol: Option<Symbol>,
    /// Purchases or sales.
    pub side: Option<Side>,
}

impl Filter<Trade> for TradeFilter {
    fn keeps(&self, trade: &Trade) -> bool {
        self.days.contains(trade.market_day)
            && self.symbol.as_ref().is_none_or(|symbol| *symbol == trade.symbol)
            && self.side.is_none_or(|side| side == trade.side)
    }
}

/// A page of a portfolio's trades, in the order in which they were made.
pub async fn list(
    app: &App,
    customer: CustomerId,
    portfolio: PortfolioId,
    filter: &TradeFilter,
    page: &PageRequest,
) -> Result<ListPage<Trade>, ServiceError> {
    load(app, customer, portfolio).await?;
    listing::read_page(app, keys::trades(portfolio), filter, page).await
}

/// A trade of a portfolio of the customer.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find(app: &App, customer: CustomerId, portfolio: PortfolioId, id: Uuid) -> Result<Trade, ServiceError> {
    load(app, customer, portfolio).await?;
    let found = documents::read(app.table(), &keys::trade(portfolio, id)).await?;
    found.map(|(trade, _)| trade).ok_or(ServiceError::NotFound { what: "trade" })
}

fn terms<'a>(market: &MarketData, quote: &'a Quote, lot_method: domain::LotMethod) -> TradeTerms<'a> {
    TradeTerms {
        trade_id: market.app.new_id(),
        // A trade is dated on the day of its price, so that units, splits and price belong to the same day even if a newer
        // bar, and a split with it, is due but not stored yet.
        stamp: Stamp { market_day: quote.day, ..wallets::stamp(market) },
        price: quote.price,
        quote_as_of: quote.as_of,
        splits: &quote.splits.list,
        lot_method,
    }
}

fn trade_write(portfolio: PortfolioId, booked: &BookedTrade) -> Result<Write, StoreError> {
    let key = keys::trade(portfolio, booked.trade.id);
    Ok(Write::create(key.clone(), documents::body(&key, &booked.trade)?))
}

async fn read_replayed(
    app: &App,
    portfolio: PortfolioId,
    outcome: &StoredOutcome,
) -> Result<Created<Trade>, ServiceError> {
    wallets::remembered(outcome)?;
    let StoredOutcome::Result(id) = outcome else { return Err(ServiceError::IdempotencyKeyReused) };
    let key = keys::trade(portfolio, *id);
    let found = documents::read::<Trade>(app.table(), &key).await?;
    let missing = || StoreError::corrupt(&key, "the referenced trade is missing");
    let (value, _) = found.ok_or_else(missing)?;
    Ok(Created { value, replayed: true })
}
