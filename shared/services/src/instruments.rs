//! What is known of an instrument: from the store, else from the provider.

use domain::{Instrument, Symbol};
use market::MarketClock;
use store::{documents, keys};

use crate::App;
use crate::error::ServiceError;

/// The instrument's metadata. Where the provider has none at hand, a stock in US dollars is
/// assumed for now and nothing is stored, so that a later call asks again.
pub async fn find(app: &App, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    // Files are at hand and their owner edits them; only a live provider's answer is worth keeping.
    let live = app.provider().clock() == MarketClock::Live;
    let key = keys::instrument(symbol);
    if live && let Some((instrument, _)) = documents::read::<Instrument>(app.table(), &key).await? {
        return Ok(instrument);
    }
    match app.provider().instrument(symbol).await {
        Ok(instrument) if live => Ok(documents::put_first(app.table(), &key, instrument).await?.0),
        Ok(instrument) => Ok(instrument),
        Err(error) => {
            tracing::warn!(%symbol, %error, "no metadata for now");
            Ok(Instrument::unlisted(symbol.clone()))
        }
    }
}
