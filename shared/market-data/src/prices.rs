//! The prices of a symbol as its customer means it.

use std::sync::Arc;

use app::ServiceError;
use domain::{CustomerId, Symbol};
use market::CallBudget;

use crate::market_data::MarketData;
use crate::series::PriceSeries;
use crate::{custom_instruments, history};

/// The available prices of a symbol up to the market's clock; of a custom instrument its valuations.
///
/// Errors: [`ServiceError::UnknownSymbol`], also if there is no price yet.
pub async fn load(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Arc<PriceSeries>, ServiceError> {
    let present = &market.at_present();
    let series = if symbol.is_custom() {
        custom_instruments::load_prices(present, customer, symbol).await.map(Arc::new)?
    } else {
        history::load_available(present, symbol, budget).await?
    };
    market.seen(series).ok_or_else(|| ServiceError::UnknownSymbol { symbol: symbol.clone() })
}
