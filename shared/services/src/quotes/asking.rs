//! Asking the provider for the quote of a symbol of which nothing is stored, while somebody waits.

use domain::Symbol;
use market::ProviderError;

use crate::error::ServiceError;
use crate::history::{self, NoAnswer, Reader, Turn, Wanted};
use crate::last_quote::{self, LastQuote, Origin};
use crate::{App, first_looks};

/// The quote that the provider gives of a symbol, stored; one call, however many ask at the same time, in
/// however many processes.
///
/// Errors: [`ServiceError::UnknownSymbol`], which is remembered for a day, [`ServiceError::TooManyFirstLooks`], and the
/// provider's.
pub(crate) async fn ask(app: &App, symbol: &Symbol, reader: Reader) -> Result<LastQuote, ServiceError> {
    let Some(mut slot) = app.histories().turn(symbol, reader.wait).await else {
        return Ok(stored(app, symbol).await?.ok_or(ProviderError::TimedOut)?);
    };
    // Whoever was at it before may have brought it, or found out that there is none.
    if let Some(quote) = slot.asked_quote(app) {
        return Ok(quote);
    }
    if let Some(quote) = stored(app, symbol).await? {
        slot.remember_quote(&quote);
        return Ok(quote);
    }
    if let Some(error) = slot.resting(app, Wanted::Quote) {
        return Err(history::refusal(symbol, error));
    }
    match asked_once(app, symbol, reader).await? {
        Ok(quote) => {
            slot.remember_quote(&quote);
            Ok(quote)
        }
        Err(why) => {
            slot.failed(app, Wanted::Quote, &why);
            Err(history::refusal(symbol, why.error().clone()))
        }
    }
}

async fn stored(app: &App, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let quote = last_quote::read(app, symbol).await?;
    Ok(quote.filter(|quote| super::is_believed(app, quote)))
}

/// Of all processes on the table one asks at a time; the others take what it has stored.
async fn asked_once(app: &App, symbol: &Symbol, reader: Reader) -> Result<Result<LastQuote, NoAnswer>, ServiceError> {
    loop {
        let lease = match history::take(app, symbol, Wanted::Quote, reader.wait).await? {
            Turn::Ours(lease) => Some(lease),
            Turn::Resting(error) => return Ok(Err(NoAnswer::NotAsked(error))),
            Turn::Theirs if history::others_done(app, symbol, Wanted::Quote, reader.wait).await? => None,
            Turn::Theirs => return Ok(Err(NoAnswer::NotAsked(ProviderError::TimedOut))),
        };
        let found = stored(app, symbol).await;
        let Some(lease) = lease else {
            match found? {
                Some(quote) => return Ok(Ok(quote)),
                None => continue,
            }
        };
        let quote = match found {
            Ok(Some(quote)) => Ok(Ok(quote)),
            Ok(None) => fresh(app, symbol, reader).await,
            Err(error) => Err(error),
        };
        match &quote {
            Ok(Err(why)) => lease.in_vain(app, why).await,
            _ => lease.done(app).await,
        }
        return quote;
    }
}

async fn fresh(app: &App, symbol: &Symbol, reader: Reader) -> Result<Result<LastQuote, NoAnswer>, ServiceError> {
    if history::is_unknown(app, symbol).await? {
        return Ok(Err(NoAnswer::NotAsked(ProviderError::UnknownSymbol)));
    }
    let first_look = first_looks::take(app, reader, symbol).await?;
    let answer = reader.wait.asked(app.provider().quote(symbol, reader.patience())).await;
    first_look.settle(app, &answer).await;
    let quote = match answer {
        Ok(quote) => quote,
        Err(why) => {
            if matches!(why, NoAnswer::Failed(ProviderError::UnknownSymbol)) {
                history::remember_unknown(app, symbol).await?;
            }
            return Ok(Err(why));
        }
    };
    let standing = match last_quote::record(app, &quote, Origin::Market).await {
        Ok(Some(stored)) => Some(stored),
        Ok(None) => last_quote::read(app, symbol).await?,
        Err(ServiceError::Provider(error)) => return Ok(Err(NoAnswer::Failed(error))),
        Err(error) => return Err(error),
    };
    standing.map(Ok).ok_or_else(|| ServiceError::fault("quote", "one that was not newer than any is not there"))
}
