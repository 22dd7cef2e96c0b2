//! The prices of what a customer means by a symbol.

use std::sync::Arc;

use app::ServiceError;
use domain::{CustomerId, Symbol};

use crate::calls::{Reader, Wait};
use crate::market_data::MarketData;
use crate::series::Series;
use crate::{history, own_items};

/// The prices of what a customer means by a symbol, as they are at hand: of an item of their own its valuations.
///
/// Errors: [`ServiceError::UnknownSymbol`] also where there is no price yet.
pub async fn prices(market: &MarketData, customer: CustomerId, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    prices_within(market, customer, symbol, market.request_wait()).await
}

/// Like [`prices`], for a wait that has begun already.
pub async fn prices_within(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    wait: Wait,
) -> Result<Arc<Series>, ServiceError> {
    if symbol.is_own_item() {
        return own_items::prices(market, customer, symbol).await.map(Arc::new);
    }
    history::at_hand_within(market, symbol, Reader::customer(customer, wait)).await
}
