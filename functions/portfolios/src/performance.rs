//! `/portfolios/{id}/performance`: the value of every day, returns, risk, and the causes of the change in value.

use api::{Caller, Fields, IdPath, Problem, Query, responses};
use axum::Json;
use axum::extract::State;
use books::performance::{self, FlowTiming, PerformanceSpan, PortfolioPerformance};
use domain::{Day, PortfolioId, Symbol};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PerformanceQuery {
    /// First day, inclusive; the day of the first flow by default.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive; the market's today by default and at most.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// The symbol of a benchmark.
    #[param(value_type = Option<Symbol>, example = "IBM")]
    benchmark: Option<String>,
    /// When the money that moves on a day starts or stops earning. `priced`: each flow at its own price.
    /// `start_of_day`: inflows from the start of the day, outflows at its end. `end_of_day`: all flows at the end of
    /// the day.
    #[param(value_type = Option<FlowTiming>, example = "priced")]
    flow_timing: Option<String>,
}

impl PerformanceQuery {
    fn parse(self) -> Result<PerformanceSpan, Problem> {
        let mut fields = Fields::default();
        let from = fields.take_optional("from", self.from.as_deref().map(str::parse::<Day>));
        let to = fields.take_optional("to", self.to.as_deref().map(str::parse::<Day>));
        let benchmark = fields.take_optional("benchmark", self.benchmark.as_deref().map(str::parse::<Symbol>));
        let timing = fields.take_optional("flow_timing", self.flow_timing.as_deref().map(str::parse::<FlowTiming>));
        let parts = from.zip(to).zip(benchmark).zip(timing);
        let span = |(((from, to), benchmark), timing): (_, Option<FlowTiming>)| {
            let flow_timing = timing.unwrap_or_default();
            PerformanceSpan { from, to, benchmark, flow_timing }
        };
        fields.finish(parts.map(span))
    }
}

/// The performance of a portfolio from `from` to `to`, from its trades and the lots held elsewhere.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/performance",
    operation_id = "portfolio_performance",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio"), PerformanceQuery),
    responses(
        (status = 200, description = "Series, figures and attribution", body = PortfolioPerformance),
        responses::SymbolLookup,
        (status = 404, description = "No such portfolio of the caller, or an unknown benchmark"),
        (status = 422, description = "An invalid parameter, or values beyond the exact range"),
        (status = 503, description = "The provider has no prices of the benchmark at the moment"),
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    Query(query): Query<PerformanceQuery>,
) -> Result<Json<PortfolioPerformance>, Problem> {
    let span = query.parse()?;
    Ok(Json(performance::compute(&market, caller.customer_id, PortfolioId(id?.0), &span).await?))
}
