//! `/portfolios/{id}/holdings`: current holdings by symbol.

use api::{Caller, IdPath, Problem, responses};
use axum::Json;
use axum::extract::State;
use books::holdings::{self, PortfolioHoldings};
use domain::PortfolioId;
use market_data::MarketData;

/// The holdings of a portfolio at the last available prices.
///
/// Lots bought from the wallet and lots held elsewhere are together, in current units. A symbol without a price is listed in
/// `unavailable` and fails nothing else.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/holdings",
    operation_id = "portfolio_holdings",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio")),
    responses(
        (status = 200, description = "By symbol, with lots, sums and allocation", body = PortfolioHoldings),
        responses::OwnPortfolio,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Result<Json<PortfolioHoldings>, Problem> {
    Ok(Json(holdings::compute(&market, caller.customer_id, PortfolioId(id)).await?))
}
