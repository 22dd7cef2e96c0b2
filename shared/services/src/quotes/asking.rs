//! Asking the provider for the quote of a symbol of which nothing is stored, while somebody waits.

use domain::Symbol;
use market::{Patience, ProviderError};

use crate::App;
use crate::error::ServiceError;
use crate::history::{self, Wait};
use crate::last_quote::{self, LastQuote, Origin};

/// The quote that the provider gives of a symbol, stored; one call, however many ask at the same time.
///
/// Errors: [`ServiceError::UnknownSymbol`], which is remembered for a day, and the provider's.
pub(crate) async fn ask(app: &App, symbol: &Symbol, wait: Wait) -> Result<LastQuote, ServiceError> {
    let stored = async || {
        let quote = last_quote::read(app, symbol).await?;
        Ok::<_, ServiceError>(quote.filter(|quote| super::is_believed(app, quote)))
    };
    let Some(mut slot) = app.histories().turn(symbol, wait).await else {
        return Ok(stored().await?.ok_or(ProviderError::TimedOut)?);
    };
    // Whoever was at it before may have brought it, or found out that there is none.
    if let Some(quote) = slot.asked_quote(app) {
        return Ok(quote);
    }
    if let Some(error) = slot.resting(app) {
        return Err(history::refusal(symbol, error));
    }
    if let Some(quote) = stored().await? {
        slot.remember_quote(&quote);
        return Ok(quote);
    }
    match fresh(app, symbol, wait).await {
        Ok(quote) => {
            slot.remember_quote(&quote);
            Ok(quote)
        }
        Err(ServiceError::Provider(error)) => {
            slot.failed(app, error.clone());
            Err(history::refusal(symbol, error))
        }
        Err(error) => Err(error),
    }
}

async fn fresh(app: &App, symbol: &Symbol, wait: Wait) -> Result<LastQuote, ServiceError> {
    if history::is_unknown(app, symbol).await? {
        return Err(ProviderError::UnknownSymbol.into());
    }
    match wait.on(app.provider().quote(symbol, Patience::Caller)).await {
        Ok(quote) => {
            let standing = match last_quote::record(app, &quote, Origin::Market).await? {
                Some(stored) => Some(stored),
                None => last_quote::read(app, symbol).await?,
            };
            standing.ok_or_else(|| ServiceError::fault("quote", "one that was not newer than any is not there"))
        }
        Err(error) => {
            if error == ProviderError::UnknownSymbol {
                history::remember_unknown(app, symbol).await?;
            }
            Err(error.into())
        }
    }
}
