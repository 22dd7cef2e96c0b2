//! The prices of a symbol as its customer means it.

use std::sync::Arc;

use app::ServiceError;
use domain::{CustomerId, Symbol};
use market::CallBudget;

use crate::market_data::MarketData;
use crate::series::PriceSeries;
use crate::{custom_instruments, history};

/// The available prices of a symbol; of a custom instrument its valuations.
///
/// Errors: [`ServiceError::UnknownSymbol`], also if there is no price yet.
pub async fn load(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Arc<PriceSeries>, ServiceError> {
    if symbol.is_custom() {
        return custom_instruments::load_prices(market, customer, symbol).await.map(Arc::new);
    }
    history::load_available(market, symbol, budget).await
}
