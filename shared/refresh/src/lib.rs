//! The scheduled refresh: keeps what is held, watched or subscribed to current within the provider's budget, publishes
//! new quotes, and grades the forecasts that have matured.
//!
//! `slot.rs` has a slot done once, `tracked.rs` says what is due and in which order, `budget.rs` how much of it,
//! `asking.rs` asks for one symbol, `telling.rs` says who hears of it, and `log.rs` keeps what was asked for and
//! published.
//!
//! It uses `market_data` for prices and `research` for grades, and publishes on the bus of `app`. It knows no customers
//! beyond what they track, and no HTTP.
//!
//! - A slot is done once, however often it is delivered.
//! - A run asks for what is due, those asked for longest ago first, and leaves the calls that callers may need.
//! - What it was asked to do is kept as it goes on, so that a run that dies starves no symbol.
//! - New quotes are published in the order of their numbers.

mod asking;
mod budget;
mod refresh_log;
mod replay;
mod slot;
mod telling;
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
use market_data::last_run::{LastRun, Refreshed};
use market_data::{MarketData, exchange_hours, history, market_clock};
use research::forecasts;
use tokio::time::Instant;

use self::asking::{Outcome, Run, ask};
use self::budget::{at_once, reserve};
use self::refresh_log::RefreshLog;
use self::telling::Telling;
use self::tracked::Tracked;

/// New quotes are told at least this often while a run goes on.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// What was asked for and told is stored at least this often while a run goes on, so that one that dies starves nobody.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// Refreshes what is due, those asked for longest ago first, once a slot, and ends before the time limit. One bad
/// symbol never stops the others.
///
/// A slot of which the same or a later one is done is repeated: what it was to do has been done. A run that fails gives
/// its slot back, so that a retry does the work.
pub async fn refresh(
    market: &MarketData,
    slot: DateTime<Utc>,
    time_limit: Duration,
) -> Result<Refreshed, ServiceError> {
    let until = Instant::now() + time_limit.saturating_sub(SETTLING);
    let Some(mut claim) = slot::claim(&market.app, slot).await? else {
        return Ok(Refreshed { repeated: true, ..Refreshed::default() });
    };
    match run_with_heartbeat(&market.app, &mut claim, Box::pin(run(market, until))).await? {
        Ok(run) => {
            let did = run.did.clone();
            claim.finish(&market.app, run).await?;
            Ok(did)
        }
        Err(error) => {
            claim.give_back(&market.app).await;
            Err(error)
        }
    }
}

/// Runs to the end and keeps the slot meanwhile. A heartbeat is due when the run itself goes on: it waits for nothing as
/// long as for a lease, and one that goes on no more gives none.
///
/// Errors: that of a renewal by which the slot turns out to be another run's; this one stops, and what it stored stays.
async fn run_with_heartbeat<T>(
    app: &App,
    claim: &mut slot::Claim,
    run: impl Future<Output = T>,
) -> Result<T, ServiceError> {
    let mut run = std::pin::pin!(run);
    loop {
        let since = Instant::now();
        let step = std::future::poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if since.elapsed() >= slot::SIGN_OF_LIFE => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match step.await {
            Some(ended) => return Ok(ended),
            None => claim.renew(app).await?,
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
    did.budget_left = market.provider().count_calls_left().await;
    did.oldest_age_seconds = ages.oldest.map(|oldest| market_clock::age_seconds(market, oldest));
    Ok(LastRun { slot: None, at: market.app.now(), did, newest_quote: ages.newest })
}

/// Of when the prices of the tracked symbols are.
#[derive(Default)]
struct Ages {
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

impl Ages {
    fn of(instants: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        instants.into_iter().fold(Self::default(), |ages, at| Self {
            oldest: Some(ages.oldest.map_or(at, |oldest| oldest.min(at))),
            newest: Some(ages.newest.map_or(at, |newest| newest.max(at))),
        })
    }
}

/// Files are at hand, and of them the last bar is the quote: there is nothing to store but the bars.
async fn refresh_files(market: &MarketData, tracked: &[Tracked], until: Instant) -> (Refreshed, Ages) {
    let mut did = Refreshed::default();
    let mut lasts = Vec::new();
    for Tracked { symbol, outline, .. } in tracked {
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
    (did, Ages::of(lasts))
}

async fn refresh_live(
    market: &MarketData,
    tracked: &[Tracked],
    until: Instant,
) -> Result<(Refreshed, Ages), ServiceError> {
    let work = work_at(market.app.now());
    let names: BTreeSet<&Symbol> = tracked.iter().map(|one| &one.symbol).collect();
    let mut log = RefreshLog::read(&market.app).await?;
    let mut telling = Telling::of_untold(tracked, &log);
    let due = tracked::select_due(market, tracked, work, &log).await?;
    let calls_left = market.provider().count_calls_left().await;
    let allowed = allowance(work, calls_left, due.evening);
    let mut did = Refreshed {
        current: tracked.len() - due.symbols.len() - due.unknown,
        failed: due.unknown,
        postponed: due.symbols.len().saturating_sub(allowed),
        ..Refreshed::default()
    };
    let mut as_of: BTreeMap<&Symbol, DateTime<Utc>> =
        tracked.iter().filter_map(|one| Some((&one.symbol, one.quote.as_ref()?.as_of))).collect();
    let run = Run { work, reserve: reserve(work, due.evening), until };
    let ask = |one| ask(market, one, run);
    // Mapped by the iterator: a stream's `map` makes a future that cannot be boxed as `Send`.
    let asks: Vec<_> = due.symbols.into_iter().take(allowed).map(ask).collect();
    let mut asked = stream::iter(asks).buffer_unordered(at_once(calls_left));
    let (mut told_at, mut kept_at) = (Instant::now(), Instant::now());
    while let Some((symbol, outcome)) = asked.next().await {
        if !matches!(outcome, Outcome::Waits) {
            log.asked(symbol, work, market.app.now());
        }
        match outcome {
            Outcome::Newer(quote) => {
                did.refreshed += 1;
                as_of.insert(symbol, quote.as_of);
                telling.add(*quote);
            }
            Outcome::Current => did.current += 1,
            Outcome::Failed => did.failed += 1,
            Outcome::Postponed | Outcome::Waits => did.postponed += 1,
        }
        if telling.is_full() || told_at.elapsed() >= TELL_EVERY {
            telling.tell(&market.app, &mut log).await;
            told_at = Instant::now();
        }
        if kept_at.elapsed() >= KEEP_EVERY {
            log.save(&market.app, &names).await;
            kept_at = Instant::now();
        }
    }
    drop(asked);
    telling.tell(&market.app, &mut log).await;
    log.save(&market.app, &names).await;
    did.told = telling.told();
    Ok((did, Ages::of(as_of.into_values())))
}
