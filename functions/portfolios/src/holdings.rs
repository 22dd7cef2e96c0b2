//! `/portfolios/{id}/holdings`: holdings by symbol, at present or as of an earlier day.

use api::{Caller, Fields, IdPath, Include, Problem, Query, responses, variant};
use axum::Json;
use axum::extract::State;
use books::holdings::{self, AutomaticLotMethod, HoldingsRequest, PortfolioHoldings};
use domain::{Day, PortfolioId};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// A heavy part of the holdings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HoldingsPart {
    /// The lots of each symbol.
    Lots,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HoldingsQuery {
    /// Returns the holdings as of the close of this day: lots, splits, prices and exchange rates up to it. At most the
    /// market's today.
    #[param(value_type = Option<Day>, example = "2012-06-01")]
    as_of: Option<String>,
    /// Computes lots, costs and gains as if every sale had used this lot method. Nothing is stored.
    #[param(value_type = Option<AutomaticLotMethod>, inline, example = "hifo")]
    lot_method: Option<String>,
    /// The heavy parts wanted, separated by commas: all by default, none if it is empty.
    #[param(value_type = Option<Vec<HoldingsPart>>, inline, style = Form, explode = false)]
    include: Option<String>,
}

impl HoldingsQuery {
    fn parse(&self) -> Result<(HoldingsRequest, Include<HoldingsPart>), Problem> {
        let mut fields = Fields::default();
        let as_of = fields.take_optional("as_of", self.as_of.as_deref().map(str::parse::<Day>));
        let lot_method = self.lot_method.as_deref().map(variant::<AutomaticLotMethod>);
        let lot_method = fields.take_optional("lot_method", lot_method);
        let include = fields.take("include", Include::parse(self.include.as_deref()));
        let request = as_of.zip(lot_method).map(|(as_of, lot_method)| HoldingsRequest { as_of, lot_method });
        fields.finish(request.zip(include))
    }
}

/// The holdings of a portfolio at the last available prices, or as of an earlier day.
///
/// Lots bought from the wallet and lots held elsewhere are together, in units of that day. A symbol without a price is
/// listed in `unavailable` and fails nothing else.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/holdings",
    operation_id = "portfolio_holdings",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio"), HoldingsQuery),
    responses(
        (status = 200, description = "By symbol, with lots, sums and allocation", body = PortfolioHoldings),
        responses::Parameters, responses::OwnPortfolio,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    Query(query): Query<HoldingsQuery>,
) -> Result<Json<PortfolioHoldings>, Problem> {
    let (request, include) = query.parse()?;
    let found = holdings::compute_as(&market, caller.customer_id, PortfolioId(id?.0), request).await?;
    Ok(Json(if include.has(HoldingsPart::Lots) { found } else { found.without_lots() }))
}
