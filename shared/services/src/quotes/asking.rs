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
    let unknown = || ServiceError::UnknownSymbol { symbol: symbol.clone() };
    let mut slot = app.histories().turn(symbol, wait).await.ok_or(ProviderError::TimedOut)?;
    // Whoever was at it before may have brought it.
    if let Some(quote) = last_quote::read(app, symbol).await?.filter(|quote| super::is_believed(app, quote)) {
        return Ok(quote);
    }
    if history::is_unknown(app, symbol).await? {
        return Err(unknown());
    }
    if let Some(error) = slot.resting(app) {
        return Err(error.into());
    }
    match wait.on(app.provider().quote(symbol, Patience::Caller)).await {
        Ok(quote) => {
            let stored = last_quote::record(app, &quote, Origin::Market).await?;
            let standing = match stored {
                Some(stored) => Some(stored),
                None => last_quote::read(app, symbol).await?,
            };
            standing.ok_or_else(|| ServiceError::fault("quote", "one that was not newer than any is not there"))
        }
        Err(ProviderError::UnknownSymbol) => {
            history::remember_unknown(app, symbol).await?;
            Err(unknown())
        }
        Err(error) => {
            slot.failed(app, error.clone());
            Err(error.into())
        }
    }
}
