//! `GET /report/{symbol}` and its charts: one report, with the same figures in JSON, charts and PDF.

mod assembly;

use api::{Caller, Fields, Include, Problem, Query, RawObject, SymbolPath, responses};
use app::ServiceError;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{CustomerId, Day, Symbol};
use market_data::MarketData;
use render::{Chart, Report};
use research::reports::{self, ReportRequest};
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use assembly::{Content, assemble};

/// The router of the function.
pub fn router(market: MarketData) -> Router {
    api::close(market, routes())
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<MarketData> {
    OpenApiRouter::new().routes(routes!(publish)).routes(routes!(draw))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// First day, inclusive; the first bar by default. With `backtest`, only the backtest's own.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive; the last bar by default. With `backtest`, only the backtest's own.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// Id of a stored backtest of this symbol to report on; by default, the default rules are run over the span.
    #[param(format = Uuid)]
    backtest: Option<String>,
    /// `json` (default), or `pdf` for a redirect to the document.
    #[param(pattern = "^(json|pdf)$")]
    format: Option<String>,
    /// The heavy parts wanted in the JSON, separated by commas: all by default, none if it is empty.
    #[param(value_type = Option<Vec<ReportPart>>, inline, style = Form, explode = false)]
    include: Option<String>,
}

/// A heavy part of a report.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReportPart {
    /// The days of the forecasts: `points` of `forecast` and of `forecast_check`.
    Points,
    /// The closed trades.
    Trades,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChartQuery {
    /// `price` (default), `equity`, `drawdown` or `forecast`.
    #[param(inline, value_type = Option<Chart>)]
    chart: Option<String>,
    /// First day, inclusive; the first bar by default. With `backtest`, only the backtest's own.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive; the last bar by default. With `backtest`, only the backtest's own.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// Id of a stored backtest of this symbol to report on; by default, the default rules are run over the span.
    #[param(format = Uuid)]
    backtest: Option<String>,
}

/// A report with the link to its PDF.
#[derive(Serialize, ToSchema)]
struct ReportResponse {
    /// The report itself, without its PDF.
    #[serde(flatten)]
    report: Report,
    /// Link to its PDF.
    pdf: PdfLink,
}

/// A link that works without credentials until it expires.
#[derive(Serialize, ToSchema)]
struct PdfLink {
    /// Signed address of the PDF.
    #[schema(format = "uri")]
    url: String,
    /// When the link expires.
    #[schema(format = DateTime)]
    expires_at: String,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Pdf,
}

/// Returns a report on a symbol.
#[utoipa::path(
    get,
    path = "/report/{symbol}",
    operation_id = "report",
    tag = "report",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument"), ReportQuery),
    responses(
        (status = 200, description = "The report as JSON", body = ReportResponse),
        (status = 303, description = "With `format=pdf`: `Location` is the link to the PDF"),
        responses::SymbolLookup, responses::PriceSource, responses::SymbolReport,
    )
)]
async fn publish(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let format = fields.take("format", format_of(query.format.as_deref()));
    let include = fields.take("include", Include::parse(query.include.as_deref()));
    let request = request(&mut fields, symbol, query.from.as_deref(), query.to.as_deref(), query.backtest.as_deref());
    let ((request, format), include) = fields.finish(request.zip(format).zip(include))?;
    let content = make_content(&market, caller.customer_id, &request).await?;
    let body = content.json()?;
    let document = content.clone();
    let published = reports::publish(&market.app, caller.customer_id, &body, content.filename(), move |id, at| {
        document.stamped(id, at).pdf()
    })
    .await?;
    match format {
        Format::Pdf => Ok((StatusCode::SEE_OTHER, [(header::LOCATION, published.link.url)]).into_response()),
        Format::Json => {
            let report = content.stamped(published.id, published.generated_at).report;
            let pdf = PdfLink { url: published.link.url, expires_at: domain::instant::text(published.link.expires_at) };
            shape(&ReportResponse { report, pdf }, &include)
        }
    }
}

/// The report with the wanted parts only.
fn shape(report: &ReportResponse, include: &Include<ReportPart>) -> Result<Response, Problem> {
    let mut unwanted: Vec<&[&str]> = Vec::new();
    if !include.has(ReportPart::Trades) {
        unwanted.push(&["trades"]);
    }
    if !include.has(ReportPart::Points) {
        unwanted.extend([&["forecast", "points"] as &[&str], &["forecast_check", "points"]]);
    }
    let json = serde_json::to_vec(report).and_then(|whole| RawObject::without(&whole, &unwanted));
    let json = json.map_err(|error| ServiceError::fault("serializing the report failed", error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// Returns one chart of a report as SVG.
#[utoipa::path(
    get,
    path = "/report/{symbol}/chart.svg",
    operation_id = "report_chart",
    tag = "report",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument"), ChartQuery),
    responses(
        (status = 200, description = "The chart as SVG", body = String, content_type = "image/svg+xml"),
        responses::SymbolLookup, responses::SymbolReport,
    )
)]
async fn draw(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(query): Query<ChartQuery>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let chart = fields.take("chart", chart_of(query.chart.as_deref()));
    let request = request(&mut fields, symbol, query.from.as_deref(), query.to.as_deref(), query.backtest.as_deref());
    let (request, chart) = fields.finish(request.zip(chart))?;
    let content = make_content(&market, caller.customer_id, &request).await?;
    let svg = content.draw_svg(chart).await?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "private, max-age=60")];
    Ok((headers, svg).into_response())
}

async fn make_content(market: &MarketData, customer: CustomerId, request: &ReportRequest) -> Result<Content, Problem> {
    let figures = reports::gather_figures(market, customer, request).await?;
    assemble(figures).await
}

fn request(
    fields: &mut Fields,
    symbol: Symbol,
    from: Option<&str>,
    to: Option<&str>,
    backtest: Option<&str>,
) -> Option<ReportRequest> {
    let from = fields.take_optional("from", from.map(str::parse::<Day>));
    let to = fields.take_optional("to", to.map(str::parse::<Day>));
    let backtest = fields.take_optional("backtest", backtest.map(api::path::id));
    Some(ReportRequest { symbol, from: from?, to: to?, backtest: backtest? })
}

fn format_of(text: Option<&str>) -> Result<Format, &'static str> {
    match text {
        None | Some("json") => Ok(Format::Json),
        Some("pdf") => Ok(Format::Pdf),
        Some(_) => Err("must be json or pdf"),
    }
}

fn chart_of(text: Option<&str>) -> Result<Chart, &'static str> {
    match text {
        None | Some("price") => Ok(Chart::Price),
        Some("equity") => Ok(Chart::Equity),
        Some("drawdown") => Ok(Chart::Drawdown),
        Some("forecast") => Ok(Chart::Forecast),
        Some(_) => Err("must be price, equity, drawdown or forecast"),
    }
}
