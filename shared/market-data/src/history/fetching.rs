//! Requests bars from the provider and handles the result.

use app::ServiceError;
use domain::{Day, Symbol};
use market::{CallBudget, History, MarketClock, NoAnswer, Note, ProviderError};

use crate::freshness::is_current;
use crate::history::merge_history::extend;
use crate::lease::{self, LeaseAttempt, Requested};
use crate::market_data::MarketData;
use crate::series::PriceSeries;
use crate::stored_series::{self, head_of, is_unknown, remember_unknown};
use crate::{market_clock, new_symbol_lookups};

/// The result of a request for bars.
pub(super) enum Fetched {
    Fresh(PriceSeries),
    Missing {
        why: NoAnswer,
        /// The stored bars, which may be served instead.
        stored: Option<PriceSeries>,
    },
}

/// The result of [`fetch`], made by one process on the table at a time. The others use what it stores; if that takes
/// too long, or a call failed a moment ago, they use what is stored already.
pub(super) async fn fetch_once(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
    mut stored: Option<PriceSeries>,
) -> Result<Fetched, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        return fetch(market, symbol, budget, stored).await;
    }
    loop {
        let lease = match lease::take(&market.app, symbol, Requested::Bars, budget.deadline).await? {
            LeaseAttempt::Acquired(lease) => Some(lease),
            LeaseAttempt::BackingOff(error) => return Ok(Fetched::Missing { why: NoAnswer::NotAsked(error), stored }),
            LeaseAttempt::Busy
                if lease::wait_for_others(&market.app, symbol, Requested::Bars, budget.deadline).await? =>
            {
                None
            }
            LeaseAttempt::Busy => {
                return Ok(Fetched::Missing { why: NoAnswer::NotAsked(ProviderError::TimedOut), stored });
            }
        };
        stored = match stored_series::find(market, symbol).await {
            Ok(stored) => stored,
            Err(error) => {
                if let Some(lease) = lease {
                    lease.release(&market.app).await;
                }
                return Err(error);
            }
        };
        let is_done = stored.as_ref().is_some_and(|series| is_current(market.provider(), market.app.now(), series));
        match (lease, stored) {
            (lease, Some(series)) if is_done => {
                if let Some(lease) = lease {
                    lease.release(&market.app).await;
                }
                return Ok(Fetched::Fresh(series));
            }
            (Some(lease), old) => {
                let fetched = fetch(market, symbol, budget, old).await;
                match &fetched {
                    Ok(Fetched::Missing { why, .. }) => lease.record_failure(&market.app, why).await,
                    Ok(Fetched::Fresh(_)) | Err(_) => lease.release(&market.app).await,
                }
                return fetched;
            }
            (None, old) => stored = old,
        }
    }
}

/// Requests bars from the provider, merges them into the stored ones and stores the result.
async fn fetch(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
    stored: Option<PriceSeries>,
) -> Result<Fetched, ServiceError> {
    let provider = market.provider();
    let live = provider.clock() == MarketClock::Live;
    let revision = provider.revision(symbol);
    let answer = if live && is_unknown(&market.app, symbol).await? {
        Err(NoAnswer::NotAsked(ProviderError::UnknownSymbol))
    } else {
        let lookup = match &stored {
            None => Some(new_symbol_lookups::take(market, budget, symbol).await?),
            Some(_) => None,
        };
        let answer = budget.ask(provider.fetch_daily(symbol, budget)).await;
        if let Some(lookup) = lookup {
            lookup.settle(market, &answer).await;
        }
        answer
    };
    let why = match (answer, &stored) {
        (Ok(history), Some(old)) if live => {
            let came = finished(market, history);
            let first = came.bars.first().map(|bar| bar.date);
            if let Some(mut joined) = extend(&old.bars, old.basis, came) {
                joined.notes = with_older(joined.notes, &old.notes, joined.bars.first().map(|bar| bar.date), first);
                return stored_series::save(&market.app, symbol, joined, revision).await.map(Fetched::Fresh);
            }
            // They will not reach back before the next bars are out either.
            store::bars::save(market.app.table(), symbol, &old.bars, &head_of(&market.app, old)?).await?;
            let what = "the bars do not reach back to the stored ones".to_owned();
            NoAnswer::Failed(ProviderError::Malformed { what })
        }
        // A file is complete: what is no longer in it must not come back.
        (Ok(history), _) => {
            return stored_series::save(&market.app, symbol, finished(market, history), revision)
                .await
                .map(Fetched::Fresh);
        }
        (Err(why), _) => why,
    };
    if live && matches!(why, NoAnswer::Failed(ProviderError::UnknownSymbol)) {
        remember_unknown(&market.app, symbol).await?;
    }
    // A file that is gone is gone. A live provider may lose a symbol and have it again later.
    let stored = stored.filter(|_| live || *why.error() != ProviderError::UnknownSymbol);
    Ok(Fetched::Missing { why, stored })
}

/// The history without the current session, whose bar is not final.
fn finished(market: &MarketData, history: History) -> History {
    let last = match market.provider().clock() {
        MarketClock::StandsAt(_) => return history,
        MarketClock::Live => market_clock::market_day(market),
    };
    let bars = history.bars.slice(0, history.bars.count_through(last));
    History { bars, ..history }
}

/// The notes of the new bars, and those stored notes that concern the older bars before them.
fn with_older(came: Vec<Note>, stored: &[Note], oldest: Option<Day>, first_that_came: Option<Day>) -> Vec<Note> {
    let Some((from, until)) = oldest.zip(first_that_came).filter(|(oldest, first)| oldest < first) else { return came };
    // Only the latest response says which bars are the newest, and whether the source provides only those.
    let is_of_the_end = |note: &Note| matches!(note, Note::NewestBarHeldBack { .. } | Note::CompactHistory);
    let older = stored.iter().filter(|note| !is_of_the_end(note));
    let mut notes: Vec<Note> = older.filter_map(|note| note.within(from, until.plus_days(-1))).collect();
    notes.retain(|note| !came.contains(note));
    notes.extend(came);
    notes
}
