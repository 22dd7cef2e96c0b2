//! Asking the provider for bars, and what becomes of its answer.

use chrono::TimeDelta;
use domain::{Day, Symbol};
use market::{Basis, History, MarketClock, Note, ProviderError};
use store::bars::SeriesHead;
use store::{StoreError, documents, keys};

use super::lease::{self, Turn, Wanted};
use super::memory::{NoAnswer, Reader};
use super::{Series, from_store, is_current, series};
use crate::error::ServiceError;
use crate::extension::extend;
use crate::{App, first_looks, market_clock};

/// Most notes kept of a series; a file of nonsense has as many as rows.
const MAX_NOTES: usize = 200;
/// How long a symbol that a live provider does not know is not asked for again.
const UNKNOWN_HOURS: i64 = 24;

/// What comes of asking for bars.
pub(super) enum Fetched {
    Fresh(Series),
    Missing {
        why: NoAnswer,
        /// What may be served instead.
        stored: Option<Series>,
    },
}

/// What [`fetch`] gives. Of all processes on the table one asks at a time; the others take what it has stored or, where
/// that takes too long or it failed a moment ago, what is stored already.
pub(super) async fn fetch_once(
    app: &App,
    symbol: &Symbol,
    reader: Reader,
    mut stored: Option<Series>,
) -> Result<Fetched, ServiceError> {
    if app.provider().clock() != MarketClock::Live {
        return fetch(app, symbol, reader, stored).await;
    }
    loop {
        let lease = match lease::take(app, symbol, Wanted::Bars, reader.wait).await? {
            Turn::Ours(lease) => Some(lease),
            Turn::Resting(error) => return Ok(Fetched::Missing { why: NoAnswer::NotAsked(error), stored }),
            Turn::Theirs if lease::others_done(app, symbol, Wanted::Bars, reader.wait).await? => None,
            Turn::Theirs => {
                return Ok(Fetched::Missing { why: NoAnswer::NotAsked(ProviderError::TimedOut), stored });
            }
        };
        stored = match from_store(app, symbol).await {
            Ok(stored) => stored,
            Err(error) => {
                if let Some(lease) = lease {
                    lease.done(app).await;
                }
                return Err(error);
            }
        };
        let is_done = stored.as_ref().is_some_and(|series| is_current(app, series));
        match (lease, stored) {
            (lease, Some(series)) if is_done => {
                if let Some(lease) = lease {
                    lease.done(app).await;
                }
                return Ok(Fetched::Fresh(series));
            }
            (Some(lease), old) => {
                let fetched = fetch(app, symbol, reader, old).await;
                match &fetched {
                    Ok(Fetched::Missing { why, .. }) => lease.in_vain(app, why).await,
                    Ok(Fetched::Fresh(_)) | Err(_) => lease.done(app).await,
                }
                return fetched;
            }
            (None, old) => stored = old,
        }
    }
}

/// The bars that the provider gives, joined to those that are stored and kept.
async fn fetch(app: &App, symbol: &Symbol, reader: Reader, stored: Option<Series>) -> Result<Fetched, ServiceError> {
    let provider = app.provider();
    let live = provider.clock() == MarketClock::Live;
    let revision = provider.revision(symbol);
    let answer = if live && is_unknown(app, symbol).await? {
        Err(NoAnswer::NotAsked(ProviderError::UnknownSymbol))
    } else {
        let first_look = match &stored {
            None => Some(first_looks::take(app, reader, symbol).await?),
            Some(_) => None,
        };
        let answer = reader.wait.asked(provider.daily(symbol, reader.patience())).await;
        if let Some(first_look) = first_look {
            first_look.settle(app, &answer).await;
        }
        answer
    };
    let why = match (answer, &stored) {
        (Ok(history), Some(old)) if live => {
            let came = finished(app, history);
            let first = came.bars.first().map(|bar| bar.date);
            if let Some(mut joined) = extend(&old.bars, old.basis, came) {
                joined.notes = with_older(joined.notes, &old.notes, joined.bars.first().map(|bar| bar.date), first);
                return keep(app, symbol, joined, revision).await.map(Fetched::Fresh);
            }
            // They would not before the next bars are out either.
            store::bars::save(app.table(), symbol, &old.bars, &head_of(app, old)?).await?;
            let what = "the bars do not reach back to those that are stored".to_owned();
            NoAnswer::Failed(ProviderError::Malformed { what })
        }
        // A file has all there is: what it no longer has does not come back.
        (Ok(history), _) => return keep(app, symbol, finished(app, history), revision).await.map(Fetched::Fresh),
        (Err(why), _) => why,
    };
    if live && matches!(why, NoAnswer::Failed(ProviderError::UnknownSymbol)) {
        remember_unknown(app, symbol).await?;
    }
    // A file that is gone is gone; a live provider may forget a symbol and remember it.
    let stored = stored.filter(|_| live || *why.error() != ProviderError::UnknownSymbol);
    Ok(Fetched::Missing { why, stored })
}

/// Whether a live provider did not know this symbol within the last day.
pub(crate) async fn is_unknown(app: &App, symbol: &Symbol) -> Result<bool, ServiceError> {
    Ok(app.table().get(&keys::unknown_symbol(symbol)).await?.is_some())
}

/// Has nobody ask for this symbol for a day.
pub(crate) async fn remember_unknown(app: &App, symbol: &Symbol) -> Result<(), ServiceError> {
    let until = app.now() + TimeDelta::hours(UNKNOWN_HOURS);
    match documents::put_new(app.table(), keys::unknown_symbol(symbol), &until, Some(until.timestamp())).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The history without a session that is still under way: its bar is not final.
fn finished(app: &App, history: History) -> History {
    let last = match app.provider().clock() {
        MarketClock::StandsAt(_) => return history,
        MarketClock::Live => market_clock::market_day(app),
    };
    let bars = history.bars.slice(0, history.bars.count_through(last));
    History { bars, ..history }
}

/// The notes of bars that came, and those stored ones that are about older bars which are kept before them.
fn with_older(came: Vec<Note>, stored: &[Note], oldest: Option<Day>, first_that_came: Option<Day>) -> Vec<Note> {
    let Some((from, until)) = oldest.zip(first_that_came).filter(|(oldest, first)| oldest < first) else { return came };
    // Which bars are the newest, and whether a source gives only those, is for the latest answer to say.
    let is_of_the_end = |note: &Note| matches!(note, Note::NewestBarHeldBack { .. } | Note::CompactHistory);
    let older = stored.iter().filter(|note| !is_of_the_end(note));
    let mut notes: Vec<Note> = older.filter_map(|note| note.within(from, until.plus_days(-1))).collect();
    notes.retain(|note| !came.contains(note));
    notes.extend(came);
    notes
}

/// Stores a history and gives it back as readers see it.
async fn keep(app: &App, symbol: &Symbol, history: History, revision: Option<String>) -> Result<Series, ServiceError> {
    // A series can have thousands of notes on its days; what they say of the whole stays, and then the latest.
    let (of_days, mut notes): (Vec<Note>, Vec<Note>) = history.notes.into_iter().partition(Note::is_of_a_day);
    let too_many = (notes.len() + of_days.len()).saturating_sub(MAX_NOTES);
    notes.extend(of_days.into_iter().skip(too_many));
    let kept = series(symbol, history.bars, history.currency, history.source.to_owned(), app.now())?;
    let kept = Series { basis: history.basis, notes, revision, ..kept };
    store::bars::save(app.table(), symbol, &kept.bars, &head_of(app, &kept)?).await?;
    Ok(kept)
}

/// What is stored beside the bars of a series that was asked for just now.
fn head_of(app: &App, series: &Series) -> Result<SeriesHead, ServiceError> {
    let json = |error| ServiceError::fault("series to JSON", error);
    let notes = series.notes.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(json)?;
    let basis = match series.basis {
        Basis::Quoted => "quoted",
        Basis::SplitAdjusted => "split_adjusted",
    };
    Ok(SeriesHead {
        source: series.source.clone(),
        basis: basis.to_owned(),
        currency: series.currency,
        revision: series.revision.clone(),
        fetched_at: app.now(),
        notes,
    })
}
