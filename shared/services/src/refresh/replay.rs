//! A replay of old prices: each day's closes are told as if they were quotes of now, and are marked as a replay's.

use market::{Patience, ProviderError};

use super::ledger::Ledger;
use super::telling::Telling;
use crate::error::ServiceError;
use crate::last_quote::{self, Origin};
use crate::market_clock::market_day;
use crate::{App, following};

/// Stores the quotes of the market's day of all followed symbols and tells of them; gives how many that are. A symbol
/// without a bar of the day has none.
///
/// Errors: those of the store where it cannot say what is followed; one symbol that fails costs no other its quote.
pub async fn replay_day(app: &App) -> Result<usize, ServiceError> {
    let day = market_day(app);
    let mut telling = Telling::default();
    for symbol in following::followed(app).await? {
        match app.provider().quote(&symbol, Patience::Schedule).await {
            Ok(quote) if quote.day == day => match last_quote::record(app, &quote, Origin::Replay).await {
                Ok(stored) => stored.into_iter().for_each(|stored| telling.add(stored)),
                Err(error) => tracing::warn!(%symbol, %error, "a replayed quote was not stored"),
            },
            // It was not traded on that day, or not listed yet.
            Ok(_) | Err(ProviderError::UnknownSymbol) => {}
            Err(error) => tracing::warn!(%symbol, %error, "not replayed"),
        }
    }
    // A replay may start over and tells each day once: nothing of it is kept.
    telling.tell(app, &mut Ledger::default()).await;
    Ok(telling.told())
}
