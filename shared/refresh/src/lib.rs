//! The scheduled refresh: requests current prices of the tracked symbols within the provider's quota, publishes new quotes,
//! and grades matured forecasts.
//!
//! `slot.rs` ensures that a slot is run once. `tracked.rs` determines which symbols are due and in which order, `budget.rs`
//! how many of them are requested, and `request.rs` requests one. `publication.rs` publishes new quotes, and `refresh_log.rs`
//! stores when each symbol was requested and which of its quotes were published.
//!
//! It uses `market_data` for prices and `research` for grades, and publishes on the event bus of `app`. It knows nothing
//! about customers but which symbols they track, and no HTTP.
//!
//! - A slot is run once, however often its event is delivered.
//! - A run requests the symbols that are due, least recently requested first, and reserves calls for requests of customers.
//! - Progress is stored during the run, so that after a run that dies the next one continues with the remaining symbols.
//! - The quotes of a symbol are published in the order of `seq`.

mod budget;
mod publication;
mod refresh_log;
mod replay;
mod request;
mod slot;
mod tracked;

pub use budget::{Work, allowance, work_at};
pub use replay::replay_day;

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::Symbol;
use futures::{StreamExt as _, stream};
use market::call_limits::SETTLING;
use market::{MarketClock, OnBehalfOf};
use market_data::last_run::{LastRun, RefreshSummary};
use market_data::{MarketData, exchange_hours, history, market_clock};
use research::forecasts;
use tokio::time::Instant;

use self::budget::{at_once, reserve};
use self::publication::QuotePublication;
use self::refresh_log::RefreshLog;
use self::request::{RequestOutcome, RunLimits, request};
use self::tracked::TrackedSymbol;

/// New quotes are published at least this often during a run.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);
/// The refresh log is stored at least this often during a run, so that little of it is lost if the run dies.
const SAVE_LOG_EVERY: Duration = Duration::from_mins(1);

/// Refreshes the symbols that are due, least recently requested first, once per slot, and ends before the time limit. A
/// symbol that fails never stops the others.
///
/// If this slot or a later one has been run, nothing is done, and the result is marked as `repeated`. A run that fails
/// releases its slot, so that a retry does the work.
pub async fn refresh(
    market: &MarketData,
    slot: DateTime<Utc>,
    time_limit: Duration,
) -> Result<RefreshSummary, ServiceError> {
    let until = Instant::now() + time_limit.saturating_sub(SETTLING);
    let Some(mut lease) = slot::acquire(&market.app, slot).await? else {
        return Ok(RefreshSummary { repeated: true, ..RefreshSummary::default() });
    };
    match run_with_heartbeat(&market.app, &mut lease, Box::pin(run(market, until))).await? {
        Ok(run) => {
            let did = run.summary.clone();
            lease.finish(&market.app, run).await?;
            Ok(did)
        }
        Err(error) => {
            lease.release(&market.app).await;
            Err(error)
        }
    }
}

/// Runs to the end and keeps the lease on the slot. A heartbeat is sent only when the run makes progress, so that a run that
/// hangs loses its lease; no single wait of a run is as long as a lease.
///
/// Errors: that of a renewal that fails because another run has taken the slot over. This run then stops; what it has
/// stored stays.
async fn run_with_heartbeat<T>(
    app: &App,
    lease: &mut slot::SlotLease,
    run: impl Future<Output = T>,
) -> Result<T, ServiceError> {
    let mut run = std::pin::pin!(run);
    loop {
        let since = Instant::now();
        let step = std::future::poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if since.elapsed() >= slot::HEARTBEAT_EVERY => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match step.await {
            Some(ended) => return Ok(ended),
            None => lease.renew(app).await?,
        }
    }
}

async fn run(market: &MarketData, until: Instant) -> Result<LastRun, ServiceError> {
    let tracked = tracked::list(market).await?;
    let (mut did, ages) = match market.provider().clock() {
        MarketClock::Live => refresh_live(market, &tracked, until).await?,
        MarketClock::StandsAt(_) => refresh_files(market, &tracked, until).await,
    };
    did.graded = forecasts::grade_all_matured(market, until + SETTLING / 2).await?;
    did.budget_left = market.provider().read_calls_left().await.and_then(|left| left.today);
    did.oldest_age_seconds = ages.oldest.map(|oldest| market_clock::age_seconds(market, oldest));
    Ok(LastRun { slot: None, at: market.app.now(), summary: did, newest_quote: ages.newest })
}

/// The times of the oldest and the newest price of the tracked symbols.
#[derive(Default)]
struct PriceAges {
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

impl PriceAges {
    fn of(instants: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        instants.into_iter().fold(Self::default(), |ages, at| Self {
            oldest: Some(ages.oldest.map_or(at, |oldest| oldest.min(at))),
            newest: Some(ages.newest.map_or(at, |newest| newest.max(at))),
        })
    }
}

/// Refreshes the symbols of a provider of files. Their quotes are the last bars, so only the bars are stored.
async fn refresh_files(market: &MarketData, tracked: &[TrackedSymbol], until: Instant) -> (RefreshSummary, PriceAges) {
    let mut did = RefreshSummary::default();
    let mut lasts = Vec::new();
    for TrackedSymbol { symbol, outline, .. } in tracked {
        if Instant::now() >= until {
            did.postponed += 1;
            continue;
        }
        match history::load(market, symbol, market.budget_for(OnBehalfOf::Schedule)).await {
            Ok(series) if !series.stale => {
                let newer = outline.as_ref().and_then(|outline| outline.last) != Some(series.last);
                did.refreshed += usize::from(newer);
                did.current += usize::from(!newer);
                lasts.push(exchange_hours::close_of(series.last));
            }
            Ok(_) => did.failed += 1,
            Err(error) => {
                tracing::warn!(%symbol, %error, "not refreshed");
                did.failed += 1;
            }
        }
    }
    (did, PriceAges::of(lasts))
}

async fn refresh_live(
    market: &MarketData,
    tracked: &[TrackedSymbol],
    until: Instant,
) -> Result<(RefreshSummary, PriceAges), ServiceError> {
    let work = work_at(market.app.now());
    let names: BTreeSet<&Symbol> = tracked.iter().map(|one| &one.symbol).collect();
    let mut log = RefreshLog::read(&market.app).await?;
    let mut publication = QuotePublication::of_unpublished(tracked, &log);
    let due = tracked::select_due(market, tracked, work, &log).await?;
    let calls_left = market.provider().read_calls_left().await;
    let allowed = allowance(work, calls_left.and_then(|left| left.today), due.evening);
    let mut did = RefreshSummary {
        current: tracked.len() - due.symbols.len() - due.unknown,
        failed: due.unknown,
        postponed: due.symbols.len().saturating_sub(allowed),
        ..RefreshSummary::default()
    };
    let mut as_of: BTreeMap<&Symbol, DateTime<Utc>> =
        tracked.iter().filter_map(|one| Some((&one.symbol, one.quote.as_ref()?.as_of))).collect();
    let at_once = at_once(calls_left);
    let limits = RunLimits { work, reserve: reserve(work, due.evening), at_once, until };
    let ask = |one| request(market, one, limits);
    // Mapped on the iterator: the `map` of a stream makes a future that cannot be boxed as `Send`.
    let asks: Vec<_> = due.symbols.into_iter().take(allowed).map(ask).collect();
    let mut asked = stream::iter(asks).buffer_unordered(at_once);
    let (mut published_at, mut saved_at) = (Instant::now(), Instant::now());
    while let Some((symbol, outcome)) = asked.next().await {
        if !matches!(outcome, RequestOutcome::Waits) {
            log.asked(symbol, work, market.app.now());
        }
        match outcome {
            RequestOutcome::Newer(quote) => {
                did.refreshed += 1;
                as_of.insert(symbol, quote.as_of);
                publication.add(*quote);
            }
            RequestOutcome::Current => did.current += 1,
            RequestOutcome::Failed => did.failed += 1,
            RequestOutcome::Postponed | RequestOutcome::Waits => did.postponed += 1,
        }
        if publication.is_full() || published_at.elapsed() >= PUBLISH_EVERY {
            publication.publish(&market.app, &mut log).await;
            published_at = Instant::now();
        }
        if saved_at.elapsed() >= SAVE_LOG_EVERY {
            log.save(&market.app, &names).await;
            saved_at = Instant::now();
        }
    }
    drop(asked);
    publication.publish(&market.app, &mut log).await;
    log.save(&market.app, &names).await;
    did.published = publication.published();
    Ok((did, PriceAges::of(as_of.into_values())))
}
