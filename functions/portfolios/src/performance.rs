//! `/portfolios/{id}/performance`: the value of every day, returns, risk, and the causes of the change in value.

use api::{Caller, Fields, IdPath, Include, Problem, Query, responses};
use axum::Json;
use axum::extract::State;
use books::performance::{self, FlowTiming, PerformanceSpan, PortfolioPerformance};
use domain::{Day, Interval, PortfolioId, Symbol};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// A heavy part of a performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PerformancePart {
    /// The value of every day, week or month.
    Series,
}

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
    /// The period of a row of `series`: a row of a week or month has the value and return of its last day and the flows
    /// of all its days. Figures are always of days.
    #[param(value_type = Option<Interval>, example = "month")]
    interval: Option<String>,
    /// Takes this day, at most the market's today, as today: `to` is at most this day, and later prices do not exist yet.
    #[param(value_type = Option<Day>, example = "2012-06-01")]
    as_of: Option<String>,
    /// The heavy parts wanted, separated by commas: all by default, none if it is empty.
    #[param(value_type = Option<Vec<PerformancePart>>, inline, style = Form, explode = false)]
    include: Option<String>,
}

impl PerformanceQuery {
    fn parse(&self) -> Result<(PerformanceSpan, Include<PerformancePart>), Problem> {
        let mut fields = Fields::default();
        let from = fields.take_optional("from", self.from.as_deref().map(str::parse::<Day>));
        let to = fields.take_optional("to", self.to.as_deref().map(str::parse::<Day>));
        let benchmark = fields.take_optional("benchmark", self.benchmark.as_deref().map(str::parse::<Symbol>));
        let timing = fields.take_optional("flow_timing", self.flow_timing.as_deref().map(str::parse::<FlowTiming>));
        let interval = fields.take_optional("interval", self.interval.as_deref().map(str::parse::<Interval>));
        let as_of = fields.take_optional("as_of", self.as_of.as_deref().map(str::parse::<Day>));
        let include = fields.take("include", Include::parse(self.include.as_deref()));
        let parts = from.zip(to).zip(benchmark.zip(as_of)).zip(timing.zip(interval));
        let span = parts.map(|(((from, to), (benchmark, as_of)), (timing, interval))| PerformanceSpan {
            from,
            to,
            benchmark,
            as_of,
            flow_timing: timing.unwrap_or_default(),
            interval: interval.unwrap_or_default(),
        });
        fields.finish(span.zip(include))
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
    let (span, include) = query.parse()?;
    let found = performance::compute(&market, caller.customer_id, PortfolioId(id?.0), &span).await?;
    Ok(Json(if include.has(PerformancePart::Series) { found } else { found.without_series() }))
}
