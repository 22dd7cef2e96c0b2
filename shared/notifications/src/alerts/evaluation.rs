//! Evaluates new quotes against the alerts on their symbols.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, LazyLock};

use app::App;
use app::error::ServiceError;
use domain::alert::{AlertRuleState, EvaluationContext, Repeat};
use domain::split::splits_of;
use domain::{Bars, CustomerId, Split, Symbol};
use futures::{StreamExt as _, stream};
use market_data::quote_record::LastQuote;
use market_data::series::PriceSeries;
use market_data::{MarketData, history, quote_store, warnings};
use quant::backtest::Warning;
use store::{Cursor, Item, Key, Query, StoreError, Version, documents, keys};
use uuid::Uuid;

use super::delivery::{Attempt, WaitingEmail, deliver};
use super::emails;
use super::evaluation_counts::EvaluationCounts;
use super::firing::{fire, take_over};
use super::records::{EvaluatedThrough, PendingDelivery, WaitingAlert};

/// Symbols evaluated concurrently.
const SYMBOLS_AT_ONCE: usize = 8;
/// Alerts of one symbol fired, and firings delivered, concurrently.
const ALERTS_AT_ONCE: usize = 16;
/// Items under a symbol that are read in one query.
const PAGE: usize = 500;
static NO_BARS: LazyLock<Bars> = LazyLock::new(Bars::default);

/// The result of evaluating quotes, and the e-mails that they cause.
#[derive(Default)]
struct Evaluation {
    counts: EvaluationCounts,
    emails: Vec<WaitingEmail>,
}

impl AddAssign for Evaluation {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.emails.extend(other.emails);
    }
}

/// Fires the alerts whose condition these quotes meet, and notifies their owners: each firing over the live connections,
/// and all firings of a customer in one e-mail. May be called again with the same
/// quotes, in any order and concurrently: no alert fires twice on a market day, and a quote fires nothing if its `seq`
/// is not above the last one evaluated of its symbol. A mark that is above every stored quote counts as none.
///
/// Errors: the store's. The quotes of all other symbols have been evaluated nevertheless, and repeating the call does
/// the rest.
pub async fn evaluate(market: &MarketData, quotes: &[LastQuote]) -> Result<EvaluationCounts, ServiceError> {
    let mut by_symbol: BTreeMap<Symbol, Vec<LastQuote>> = BTreeMap::new();
    for quote in quotes {
        by_symbol.entry(quote.symbol.clone()).or_default().push(quote.clone());
    }
    let evaluations = by_symbol.into_values().map(|mut quotes| {
        quotes.sort_by_key(|quote| quote.seq);
        let market = market.clone();
        async move {
            let mut total = Evaluation::default();
            for quote in &quotes {
                if let Err(error) = evaluate_quote(&market, quote, &mut total).await {
                    tracing::error!(symbol = %quote.symbol, %error, "failed to evaluate the alerts of a symbol");
                    return (total, Err(error));
                }
            }
            (total, Ok(()))
        }
    });
    let outcomes: Vec<_> = stream::iter(evaluations).buffer_unordered(SYMBOLS_AT_ONCE).collect().await;
    let (mut total, mut result) = (Evaluation::default(), Ok(()));
    for (evaluation, outcome) in outcomes {
        total += evaluation;
        result = result.and(outcome);
    }
    // Even if a symbol failed: the firings of the others are stored, and their deliveries are held by this evaluation.
    let mailed = emails::send(&market.app, total.emails).await;
    result?;
    total.counts += mailed;
    Ok(total.counts)
}

/// A page of the items under a symbol, by kind.
#[derive(Default)]
struct Page {
    evaluated: Option<(EvaluatedThrough, Version)>,
    alerts: Vec<(Uuid, WaitingAlert)>,
    pending: Vec<(Key, PendingDelivery, Version)>,
    next: Option<Cursor>,
}

/// Evaluates one quote against all alerts on its symbol, and makes the deliveries that are still pending. Adds to `total`
/// what was done, also before an error.
async fn evaluate_quote(market: &MarketData, quote: &LastQuote, total: &mut Evaluation) -> Result<(), ServiceError> {
    let mut page = read_page(&market.app, &quote.symbol, None).await?;
    let evaluated = page.evaluated.take();
    let is_new = match evaluated {
        Some((evaluated, _)) if quote.seq <= evaluated.seq => {
            !is_of_this_table(&market.app, &quote.symbol, evaluated).await?
        }
        _ => true,
    };
    let mut history = None;
    let mut any_alert = false;
    loop {
        if is_new {
            any_alert |= !page.alerts.is_empty();
            fire_all(market, quote, &page.alerts, &mut history, total).await?;
        }
        deliver_pending(&market.app, &quote.symbol, page.pending, total).await?;
        match page.next {
            Some(cursor) => page = read_page(&market.app, &quote.symbol, Some(cursor)).await?,
            None => break,
        }
    }
    // Last, so that an evaluation that was interrupted is repeated with the same quote.
    if any_alert {
        store_evaluated_through(&market.app, quote, evaluated.map(|(_, version)| version)).await?;
    }
    Ok(())
}

/// Whether a quote with this `seq` can have been evaluated: the stored quote of the symbol has the highest of all. A
/// mark above it is from a quote of another table, whose event was published on the same bus.
async fn is_of_this_table(app: &App, symbol: &Symbol, evaluated: EvaluatedThrough) -> Result<bool, ServiceError> {
    let stored = quote_store::read(app, symbol).await?;
    Ok(stored.is_none_or(|stored| evaluated.seq <= stored.seq))
}

async fn read_page(app: &App, symbol: &Symbol, cursor: Option<Cursor>) -> Result<Page, ServiceError> {
    let list = keys::waiting(symbol);
    let query = Query { cursor, ..Query::forward(list.partition, list.range, PAGE) };
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

/// The bars and splits of a symbol. Empty if there are no bars in the currency of the quote.
#[derive(Default)]
struct SymbolHistory {
    series: Option<Arc<PriceSeries>>,
    splits: Vec<Split>,
}

/// The id of an alert that fires, and the warnings about the prices that it was evaluated with.
type FiringAlert = (Uuid, Vec<Warning>);

/// Fires and delivers those of these alerts whose condition the quote meets. Bars are read only if a
/// condition needs them or an alert fires.
async fn fire_all(
    market: &MarketData,
    quote: &LastQuote,
    alerts: &[(Uuid, WaitingAlert)],
    history: &mut Option<SymbolHistory>,
    total: &mut Evaluation,
) -> Result<(), ServiceError> {
    let due = |waiting: &WaitingAlert| waiting.created_at <= quote.fetched_at && waiting.rule.is_due(quote.day);
    let due: Vec<_> = alerts.iter().filter(|(_, waiting)| due(waiting)).collect();
    if history.is_none() && due.iter().any(|(_, waiting)| waiting.rule.needs_bars(quote.day)) {
        *history = Some(read_history(market, quote).await?);
    }
    let nothing = SymbolHistory::default();
    let fires = |history: &SymbolHistory, waiting: &WaitingAlert| waiting.rule.fires(&history.context(quote));
    let firing: Vec<_> =
        due.into_iter().filter(|(_, waiting)| fires(history.as_ref().unwrap_or(&nothing), waiting)).collect();
    if history.is_none() && !firing.is_empty() {
        *history = Some(read_history(market, quote).await?);
    }
    let history = history.as_ref().unwrap_or(&nothing);
    let mut groups: BTreeMap<(CustomerId, Option<Uuid>), Vec<FiringAlert>> = BTreeMap::new();
    for (id, waiting) in firing {
        // Alerts that fire once all change the same counter of their customer, so concurrent ones would conflict.
        let alone = (waiting.rule.repeat == Repeat::Recurring).then_some(*id);
        let alert = (*id, history.warnings(market, quote, &waiting.rule));
        groups.entry((waiting.customer_id, alone)).or_default().push(alert);
    }
    let firings = groups.into_values().map(|alerts| {
        let (app, quote) = (market.app.clone(), quote.clone());
        async move { fire_sequentially(&app, &quote, alerts).await }
    });
    run_all(firings, total).await
}

impl SymbolHistory {
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

/// Fires these alerts one after another and then delivers the firings. An alert that fails does not stop the others.
async fn fire_sequentially(
    app: &App,
    quote: &LastQuote,
    alerts: Vec<FiringAlert>,
) -> (Evaluation, Result<(), ServiceError>) {
    let (mut fired, mut failure) = (Vec::new(), None);
    for (id, warnings) in alerts {
        match fire(app, quote, id, &warnings).await {
            Ok(pending) => fired.extend(pending),
            Err(error) => failure = Some(error),
        }
    }
    let counts = EvaluationCounts { fired: fired.len(), ..EvaluationCounts::default() };
    let mut total = Evaluation { counts, ..Evaluation::default() };
    let deliveries = fired.into_iter().map(|pending| {
        let (app, symbol) = (app.clone(), quote.symbol.clone());
        async move { (notify(&app, &symbol, &pending).await, Ok(())) }
    });
    let delivered = run_all(deliveries, &mut total).await;
    (total, failure.map_or(delivered, Err))
}

/// The bars of a symbol, read without a provider call. Without bars in the currency of the quote, thresholds are
/// evaluated without splits, and averages are not crossed.
async fn read_history(market: &MarketData, quote: &LastQuote) -> Result<SymbolHistory, ServiceError> {
    let (symbol, nothing) = (&quote.symbol, SymbolHistory::default());
    match history::find_without_call(market, symbol).await {
        Ok(Some(series)) if series.currency == quote.currency => {
            let splits = splits_of(&series.bars).map_err(|error| ServiceError::fault("splits", error))?;
            Ok(SymbolHistory { series: Some(series), splits })
        }
        Ok(_) => Ok(nothing),
        Err(error @ (ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_))) => {
            tracing::warn!(%symbol, %error, "evaluating alerts without bars");
            Ok(nothing)
        }
        Err(error) => Err(error),
    }
}

/// Makes the deliveries that an earlier evaluation left pending, unless it still holds the lease.
async fn deliver_pending(
    app: &App,
    symbol: &Symbol,
    pending: Vec<(Key, PendingDelivery, Version)>,
    total: &mut Evaluation,
) -> Result<(), ServiceError> {
    let now = app.now();
    let free = pending.into_iter().filter(|(_, pending, _)| pending.is_free(now));
    let deliveries = free.map(|(key, pending, version)| {
        let (app, symbol) = (app.clone(), symbol.clone());
        async move {
            match take_over(&app, &key, pending, version).await {
                Ok(Some(pending)) => (notify(&app, &symbol, &pending).await, Ok(())),
                Ok(None) => (Evaluation::default(), Ok(())),
                Err(error) => (Evaluation::default(), Err(error)),
            }
        }
    });
    run_all(deliveries, total).await
}

async fn notify(app: &App, symbol: &Symbol, pending: &PendingDelivery) -> Evaluation {
    let attempt = deliver(app, symbol, pending).await;
    let age = app.now() - pending.fired_at;
    let done = |delivered| Evaluation { counts: EvaluationCounts::of_delivery(delivered, age), emails: Vec::new() };
    match attempt {
        Attempt::Delivered => done(true),
        Attempt::Failed => done(false),
        Attempt::WaitsForEmail(email) => Evaluation { emails: vec![*email], ..Evaluation::default() },
    }
}

/// Runs all of these tasks, [`ALERTS_AT_ONCE`] concurrently, and adds what they did to `total`. A task that fails does
/// not stop the others.
async fn run_all<F>(tasks: impl Iterator<Item = F>, total: &mut Evaluation) -> Result<(), ServiceError>
where
    F: Future<Output = (Evaluation, Result<(), ServiceError>)>,
{
    let outcomes: Vec<_> = stream::iter(tasks).buffer_unordered(ALERTS_AT_ONCE).collect().await;
    let mut result = Ok(());
    for (evaluation, outcome) in outcomes {
        *total += evaluation;
        result = result.and(outcome);
    }
    result
}

/// Stores that quotes up to this one have been evaluated. If another evaluation has stored another one meanwhile, that
/// is kept: quotes that are evaluated again fire nothing twice.
async fn store_evaluated_through(app: &App, quote: &LastQuote, read_at: Option<Version>) -> Result<(), ServiceError> {
    match documents::put(app.table(), keys::evaluated(&quote.symbol), &EvaluatedThrough { seq: quote.seq }, read_at)
        .await
    {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
