//! Evaluating new quotes by the alerts that wait for them.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, LazyLock};

use app::App;
use app::error::ServiceError;
use chrono::TimeDelta;
use domain::alert::{AlertRuleState, EvaluationContext, Repeat};
use domain::split::splits_of;
use domain::{Bars, CustomerId, Split, Symbol};
use futures::{StreamExt as _, stream};
use market_data::quote_record::LastQuote;
use market_data::series::PriceSeries;
use market_data::{MarketData, history, warnings};
use quant::backtest::Warning;
use serde::Serialize;
use store::{Cursor, Direction, Item, Key, Query, StoreError, Version, documents, keys};
use uuid::Uuid;

use super::delivery::deliver;
use super::firing::{fire, take_over};
use super::records::{EvaluatedThrough, Pending, Waiting};

/// Symbols evaluated at the same time.
const SYMBOLS_AT_ONCE: usize = 8;
/// Alerts of one symbol fired, and firings delivered, at the same time.
const ALERTS_AT_ONCE: usize = 16;
/// How long an event is worth repeating for a firing that was not told: Lambda does so after one minute and two more. One
/// customer's subscription that is broken for good must not have every event of a symbol repeated for days.
pub const REPEATED_FOR: TimeDelta = TimeDelta::minutes(10);
static NO_BARS: LazyLock<Bars> = LazyLock::new(Bars::default);

/// Items read at once of what waits for a symbol.
const PAGE: usize = 500;

/// What came of evaluating quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fired {
    /// Alerts that fired here, and not before or elsewhere.
    pub fired: usize,
    /// Firings delivered, those among them that were left over from earlier.
    pub delivered: usize,
    /// Firings of the last [`REPEATED_FOR`] that could not be delivered, for which the same quotes are to be evaluated again. Older
    /// ones wait for the next quote of their symbol.
    pub undelivered: usize,
}

impl AddAssign for Fired {
    fn add_assign(&mut self, other: Self) {
        self.fired += other.fired;
        self.delivered += other.delivered;
        self.undelivered += other.undelivered;
    }
}

/// Fires the alerts of which these quotes make the condition true, and tells their owners. May be called again with the
/// same quotes, in any order and at the same time: no alert fires twice on a market day, and a quote whose `seq` is not
/// above the last one evaluated of its symbol fires nothing.
///
/// Errors: the store's. The quotes of all other symbols have been evaluated then; the same call again does the rest.
pub async fn evaluate(market: &MarketData, quotes: &[LastQuote]) -> Result<Fired, ServiceError> {
    let mut by_symbol: BTreeMap<Symbol, Vec<LastQuote>> = BTreeMap::new();
    for quote in quotes {
        by_symbol.entry(quote.symbol.clone()).or_default().push(quote.clone());
    }
    let evaluations = by_symbol.into_values().map(|mut quotes| {
        quotes.sort_by_key(|quote| quote.seq);
        let market = market.clone();
        async move {
            let mut total = Fired::default();
            for quote in &quotes {
                total += evaluate_quote(&market, quote).await.inspect_err(|error| {
                    tracing::error!(symbol = %quote.symbol, %error, "the alerts of a symbol were not evaluated");
                })?;
            }
            Ok(total)
        }
    });
    let outcomes: Vec<Result<Fired, ServiceError>> =
        stream::iter(evaluations).buffer_unordered(SYMBOLS_AT_ONCE).collect().await;
    outcomes.into_iter().try_fold(Fired::default(), |mut total, outcome| {
        total += outcome?;
        Ok(total)
    })
}

/// A page of what waits for a symbol, by kind.
#[derive(Default)]
struct Page {
    evaluated: Option<(EvaluatedThrough, Version)>,
    alerts: Vec<(Uuid, Waiting)>,
    pending: Vec<(Key, Pending, Version)>,
    next: Option<Cursor>,
}

/// Evaluates one quote by all alerts of its symbol, and delivers what was left undelivered before.
async fn evaluate_quote(market: &MarketData, quote: &LastQuote) -> Result<Fired, ServiceError> {
    let mut total = Fired::default();
    let mut page = read_page(&market.app, &quote.symbol, None).await?;
    let evaluated = page.evaluated.take();
    let is_new = evaluated.is_none_or(|(evaluated, _)| quote.seq > evaluated.seq);
    let mut known = None;
    let mut anybody_waits = false;
    loop {
        if is_new {
            anybody_waits |= !page.alerts.is_empty();
            total += fire_all(market, quote, &page.alerts, &mut known).await?;
        }
        total += deliver_left_over(&market.app, &quote.symbol, page.pending).await?;
        match page.next {
            Some(cursor) => page = self::read_page(&market.app, &quote.symbol, Some(cursor)).await?,
            None => break,
        }
    }
    // Last, so that an evaluation that was cut short is made up for when the quote comes again.
    if anybody_waits {
        remember(&market.app, quote, evaluated.map(|(_, version)| version)).await?;
    }
    Ok(total)
}

async fn read_page(app: &App, symbol: &Symbol, cursor: Option<Cursor>) -> Result<Page, ServiceError> {
    let list = keys::waiting(symbol);
    let query =
        Query { partition: list.partition, range: list.range, limit: PAGE, cursor, direction: Direction::Forward };
    let found = app.table().query(&query).await?;
    let mut page = Page { next: found.next, ..Page::default() };
    for item in found.items {
        let sort_key = item.key.sk.as_str();
        if let Some(id) = sort_key.strip_prefix(keys::ALERT_PREFIX) {
            let id = id.parse().map_err(|error: uuid::Error| StoreError::corrupt(&item.key, &error))?;
            page.alerts.push((id, documents::parse(&item)?));
        } else if sort_key.starts_with(keys::PENDING_PREFIX) {
            let pending = documents::parse(&item)?;
            let Item { key, version, .. } = item;
            page.pending.push((key, pending, version));
        } else {
            page.evaluated = Some((documents::parse(&item)?, item.version));
        }
    }
    Ok(page)
}

/// What is known of a symbol, where it is needed.
#[derive(Default)]
struct Known {
    /// Its prices in the currency of the quote.
    series: Option<Arc<PriceSeries>>,
    splits: Vec<Split>,
}

/// An alert that fires, and what there is to know of the prices by which it does.
type Cause = (Uuid, Vec<Warning>);

/// Fires and delivers all of these alerts that the quote gives cause to.
async fn fire_all(
    market: &MarketData,
    quote: &LastQuote,
    alerts: &[(Uuid, Waiting)],
    known: &mut Option<Known>,
) -> Result<Fired, ServiceError> {
    let due = |waiting: &Waiting| waiting.created_at <= quote.fetched_at && waiting.rule.is_due(quote.day);
    let due: Vec<_> = alerts.iter().filter(|(_, waiting)| due(waiting)).collect();
    if known.is_none() && due.iter().any(|(_, waiting)| waiting.rule.needs_bars(quote.day)) {
        *known = Some(read_known_bars(market, quote).await?);
    }
    let nothing = Known::default();
    let fires = |known: &Known, waiting: &Waiting| waiting.rule.fires(&known.context(quote));
    let firing: Vec<_> =
        due.into_iter().filter(|(_, waiting)| fires(known.as_ref().unwrap_or(&nothing), waiting)).collect();
    if known.is_none() && !firing.is_empty() {
        *known = Some(read_known_bars(market, quote).await?);
    }
    let known = known.as_ref().unwrap_or(&nothing);
    let mut turns: BTreeMap<(CustomerId, Option<Uuid>), Vec<Cause>> = BTreeMap::new();
    for (id, waiting) in firing {
        // Those that fire once are all taken off one count of their customer's, and would keep each other from it.
        let alone = (waiting.rule.repeat == Repeat::Recurring).then_some(*id);
        let cause = (*id, known.warnings(market, quote, &waiting.rule));
        turns.entry((waiting.customer_id, alone)).or_default().push(cause);
    }
    let firings = turns.into_values().map(|causes| {
        let (app, quote) = (market.app.clone(), quote.clone());
        async move { fire_in_turn(&app, &quote, causes).await }
    });
    run_all(firings).await
}

impl Known {
    fn bars(&self) -> &Bars {
        self.series.as_ref().map_or(&NO_BARS, |series| &series.bars)
    }

    fn context<'a>(&'a self, quote: &LastQuote) -> EvaluationContext<'a> {
        let LastQuote { price, day, previous_close, .. } = *quote;
        EvaluationContext { price, day, previous_close, bars: self.bars(), splits: &self.splits }
    }

    fn warnings(&self, market: &MarketData, quote: &LastQuote, rule: &AlertRuleState) -> Vec<Warning> {
        let Some(series) = &self.series else { return Vec::new() };
        let span = (rule.looks_back_to(quote.day, &series.bars), quote.day);
        warnings::of_quote(market, series, quote, span)
    }
}

/// Fires these alerts one after another, and delivers what has fired; one that fails keeps none of the others from it.
async fn fire_in_turn(app: &App, quote: &LastQuote, causes: Vec<Cause>) -> Result<Fired, ServiceError> {
    let (mut fired, mut failure) = (Vec::new(), None);
    for (id, warnings) in causes {
        match fire(app, quote, id, &warnings).await {
            Ok(pending) => fired.extend(pending),
            Err(error) => failure = Some(error),
        }
    }
    let mut total = Fired { fired: fired.len(), ..Fired::default() };
    let tellings = fired.into_iter().map(|pending| {
        let (app, symbol) = (app.clone(), quote.symbol.clone());
        async move { Ok(notify(&app, &symbol, &pending).await) }
    });
    total += run_all(tellings).await?;
    failure.map_or(Ok(total), Err)
}

/// What is known of a symbol's bars, without asking anybody. Where there are none in the currency of the quote, thresholds
/// are evaluated without splits, and averages are not crossed.
async fn read_known_bars(market: &MarketData, quote: &LastQuote) -> Result<Known, ServiceError> {
    let (symbol, nothing) = (&quote.symbol, Known::default());
    match history::find_without_call(market, symbol).await {
        Ok(Some(series)) if series.currency == quote.currency => {
            let splits = splits_of(&series.bars).map_err(|error| ServiceError::fault("splits", error))?;
            Ok(Known { series: Some(series), splits })
        }
        Ok(_) => Ok(nothing),
        Err(error @ (ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_))) => {
            tracing::warn!(%symbol, %error, "alerts are evaluated without bars");
            Ok(nothing)
        }
        Err(error) => Err(error),
    }
}

/// Delivers what an earlier evaluation left undelivered, unless that is still at it.
async fn deliver_left_over(
    app: &App,
    symbol: &Symbol,
    pending: Vec<(Key, Pending, Version)>,
) -> Result<Fired, ServiceError> {
    let now = app.now();
    let free = pending.into_iter().filter(|(_, pending, _)| pending.is_free(now));
    let deliveries = free.map(|(key, pending, version)| {
        let (app, symbol) = (app.clone(), symbol.clone());
        async move {
            Ok(match take_over(&app, &key, pending, version).await? {
                Some(pending) => notify(&app, &symbol, &pending).await,
                None => Fired::default(),
            })
        }
    });
    run_all(deliveries).await
}

async fn notify(app: &App, symbol: &Symbol, pending: &Pending) -> Fired {
    let delivered = deliver(app, symbol, pending).await;
    let is_young = app.now() - pending.fired_at < REPEATED_FOR;
    Fired { fired: 0, delivered: usize::from(delivered), undelivered: usize::from(!delivered && is_young) }
}

/// Waits for all of them, [`ALERTS_AT_ONCE`] at the same time; one that fails keeps none of the others from its turn.
async fn run_all<F>(tasks: impl Iterator<Item = F>) -> Result<Fired, ServiceError>
where
    F: Future<Output = Result<Fired, ServiceError>>,
{
    let outcomes: Vec<_> = stream::iter(tasks).buffer_unordered(ALERTS_AT_ONCE).collect().await;
    outcomes.into_iter().try_fold(Fired::default(), |mut total, outcome| {
        total += outcome?;
        Ok(total)
    })
}

/// Notes that quotes up to this one have been evaluated. Where somebody else has noted another one in the meantime, theirs
/// stands: what is evaluated again fires nothing twice.
async fn remember(app: &App, quote: &LastQuote, read_at: Option<Version>) -> Result<(), ServiceError> {
    match documents::put(app.table(), keys::evaluated(&quote.symbol), &EvaluatedThrough { seq: quote.seq }, read_at)
        .await
    {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
