//! `/instruments`: metadata of instruments, and custom instruments with dated valuations; `/quotes`: last prices.

mod quotes;

use api::{
    Caller, Exact, Fields, IdempotencyKey, IfMatch, Json, MergePatch, Page, Patch, Problem, Query, Replayed,
    SymbolPath, etag, responses, variant,
};
use app::ServiceError;
use app::digest::sha256_hex;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::portfolio::PortfolioName;
use domain::{Currency, Day, Instrument, InstrumentType, Symbol};
use market_data::MarketData;
use market_data::custom_instruments::{self, CustomInstrumentChange, NewCustomInstrument, Valuation};
use market_data::instruments::{self, InstrumentFilter};
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The instruments found, on one page.
type InstrumentPage = Page<Instrument>;

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
    OpenApiRouter::new()
        .routes(routes!(search, create))
        .routes(routes!(read, change, remove))
        .routes(routes!(value))
        .routes(routes!(quotes::list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// Part of the symbol or the name, case-insensitive; all stored instruments by default.
    query: Option<String>,
    /// Maximum number of instruments, 1 to 200; default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// The type of the instruments; others are left out.
    #[param(value_type = Option<InstrumentType>)]
    r#type: Option<String>,
}

/// Searches the caller's custom instruments and the provider's instruments, ordered by symbol.
#[utoipa::path(
    get,
    path = "/instruments",
    operation_id = "search_instruments",
    tag = "instruments",
    params(SearchQuery),
    responses(
        (status = 200, description = "The instruments found, on one page", body = InstrumentPage),
        responses::Parameters,
    )
)]
async fn search(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<axum::Json<InstrumentPage>, Problem> {
    let mut fields = Fields::default();
    let limit = fields.take("limit", api::page::limit(query.limit.as_deref()));
    let kind = fields.take_optional("type", query.r#type.as_deref().map(variant));
    let (limit, kind) = fields.finish(limit.zip(kind))?;
    let budget = market.budget_for(caller.customer_id);
    let wanted = InstrumentFilter { part: query.query.as_deref(), kind };
    let items = instruments::search(&market, caller.customer_id, &wanted, limit, budget).await?;
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// A custom instrument.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustomInstrumentRequest {
    /// `MY:` and a name. Only the caller sees the instrument.
    #[schema(pattern = r"^[Mm][Yy]:[A-Za-z0-9^][A-Za-z0-9._\-=^]{0,19}$", example = "MY:HOUSE")]
    symbol: String,
    /// Name of 1 to 100 characters.
    #[schema(value_type = PortfolioName)]
    name: String,
    /// Currency of its valuations; default `USD`.
    #[schema(value_type = Option<Currency>)]
    currency: Option<String>,
    /// Type of the instrument; default `item`.
    instrument_type: Option<InstrumentType>,
}

impl CustomInstrumentRequest {
    fn parse(self) -> Result<NewCustomInstrument, Problem> {
        let mut fields = Fields::default();
        let symbol = fields.take("symbol", self.symbol.parse::<Symbol>().map_err(|error| error.to_string()));
        let symbol = symbol.and_then(|symbol| fields.take("symbol", own(symbol)));
        let name = fields.take("name", PortfolioName::parse(&self.name));
        let currency = self.currency.as_deref().map_or(Ok(Currency::USD), str::parse);
        let currency = fields.take("currency", currency);
        let item = symbol.zip(name).zip(currency).map(|((symbol, name), currency)| NewCustomInstrument {
            symbol,
            name: name.to_string(),
            currency,
            instrument_type: self.instrument_type.unwrap_or(InstrumentType::Item),
        });
        fields.finish(item)
    }
}

/// The symbol of a path that only custom instruments have.
fn own_symbol(symbol: Result<SymbolPath, Problem>) -> Result<Symbol, Problem> {
    let mut fields = Fields::default();
    let symbol = fields.take("symbol", own(symbol?.0));
    fields.finish(symbol)
}

fn own(symbol: Symbol) -> Result<Symbol, &'static str> {
    if symbol.is_custom() { Ok(symbol) } else { Err("the symbol of a custom instrument must start with MY:") }
}

/// Creates a custom instrument.
#[utoipa::path(
    post,
    path = "/instruments",
    operation_id = "create_item",
    tag = "instruments",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result")),
    request_body = CustomInstrumentRequest,
    responses(
        (status = 201, description = "The custom instrument; `Location` is its address", body = Instrument),
        responses::IdempotentPost,
        (status = 409, description = "The symbol is taken, or the caller has the maximum number of custom instruments"),
    )
)]
async fn create(
    State(market): State<MarketData>,
    caller: Caller,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<CustomInstrumentRequest>,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let item = request.parse()?;
    let made = custom_instruments::create(&market.app, caller.customer_id, &item, key.as_deref()).await?;
    let location = [(header::LOCATION, format!("/instruments/{}", made.value.symbol))];
    Ok((StatusCode::CREATED, location, Replayed(made.replayed), axum::Json(made.value)).into_response())
}

/// Reads an instrument of the provider, or a custom instrument of the caller.
#[utoipa::path(
    get,
    path = "/instruments/{symbol}",
    operation_id = "read_instrument",
    tag = "instruments",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument")),
    responses(
        (status = 200, description = "The instrument; of a custom one, `ETag` is its version, of any other a fingerprint", body = Instrument),
        responses::SymbolLookup, responses::SymbolInPath, responses::KnownSymbol,
    )
)]
async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
) -> Result<Response, Problem> {
    if symbol.is_custom() {
        let found = custom_instruments::find_stored(&market.app, caller.customer_id, &symbol).await?;
        return Ok((etag(found.version), axum::Json(found.instrument)).into_response());
    }
    let budget = market.budget_for(caller.customer_id);
    let found = instruments::look_up(&market, caller.customer_id, &symbol, budget).await?;
    Ok((etag(fingerprint(&found)?), axum::Json(found)).into_response())
}

/// A number that changes with the metadata of a market instrument, which has no version.
fn fingerprint(instrument: &Instrument) -> Result<u64, Problem> {
    let json = serde_json::to_vec(instrument).map_err(|error| ServiceError::fault("an instrument to JSON", error))?;
    let digest = sha256_hex(&[&json]);
    u64::from_str_radix(&digest[..16], 16).map_err(|error| ServiceError::fault("a digest", error).into())
}

/// The fields of a custom instrument to change. An absent field stays; none can be removed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomInstrumentPatch)]
struct InstrumentPatch {
    /// New name, 1 to 100 characters.
    #[serde(default)]
    #[schema(value_type = Option<PortfolioName>, nullable = false)]
    name: Patch<String>,
    /// New currency of its valuations, possible only while it has none and no portfolio holds it.
    #[serde(default)]
    #[schema(value_type = Option<Currency>, nullable = false, example = "CHF")]
    currency: Patch<String>,
    /// New type of the instrument.
    #[serde(default)]
    #[schema(value_type = Option<InstrumentType>, nullable = false, example = "item")]
    instrument_type: Patch<InstrumentType>,
}

impl InstrumentPatch {
    fn parse(self) -> Result<CustomInstrumentChange, Problem> {
        let mut fields = Fields::default();
        let name = fields.take("name", self.name.required());
        let name = name.and_then(|name| fields.take_optional("name", name.as_deref().map(PortfolioName::parse)));
        let currency = fields.take("currency", self.currency.required());
        let currency = currency.and_then(|text| fields.take_optional("currency", text.as_deref().map(str::parse)));
        let instrument_type = fields.take("instrument_type", self.instrument_type.required());
        let change = name.zip(currency).zip(instrument_type);
        let change = change.map(|((name, currency), instrument_type)| CustomInstrumentChange {
            name,
            currency,
            instrument_type,
        });
        fields.finish(change)
    }
}

/// Changes a custom instrument: the given fields change, everything else stays.
#[utoipa::path(
    patch,
    path = "/instruments/{symbol}",
    operation_id = "change_item",
    tag = "instruments",
    params(
        ("symbol" = Symbol, Path, description = "Symbol of the custom instrument: `MY:` and a name"),
        ("If-Match" = String, Header, description = "The `ETag` of the version to change, or `*`"),
    ),
    request_body(content = InstrumentPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed instrument; `ETag` is its version", body = Instrument),
        responses::ConditionalChange, responses::MergePatchBody, responses::OwnCustomInstrument,
        (status = 409, description = "Its currency cannot change, because it has valuations or a portfolio holds it"),
        (status = 422, description = "Invalid fields, or a symbol without `MY:`"),
    )
)]
async fn change(
    State(market): State<MarketData>,
    caller: Caller,
    symbol: Result<SymbolPath, Problem>,
    precondition: Result<IfMatch, Problem>,
    MergePatch(request): MergePatch<InstrumentPatch>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let change = request.parse()?;
    let symbol = own_symbol(symbol)?;
    let app = &market.app;
    let changed = custom_instruments::change(app, caller.customer_id, &symbol, &precondition, &change).await?;
    Ok((etag(changed.version), axum::Json(changed.instrument)).into_response())
}

/// Removes a custom instrument with its valuations, unless a portfolio holds it or it is on the watchlist.
#[utoipa::path(
    delete,
    path = "/instruments/{symbol}",
    operation_id = "remove_item",
    tag = "instruments",
    params(
        ("symbol" = Symbol, Path, description = "Symbol of the custom instrument: `MY:` and a name"),
        ("If-Match" = Option<String>, Header, description = "Removes it only if it is at this version"),
    ),
    responses(
        (status = 204, description = "It was removed"),
        responses::OwnCustomInstrument, responses::OptionalCondition,
        (status = 409, description = "A portfolio holds it, or it is on the watchlist; `detail` says which"),
        (status = 422, description = "A symbol without `MY:`"),
    )
)]
async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    precondition: Result<IfMatch, Problem>,
    symbol: Result<SymbolPath, Problem>,
) -> Result<StatusCode, Problem> {
    let IfMatch(precondition) = precondition?;
    let symbol = own_symbol(symbol)?;
    custom_instruments::remove(&market.app, caller.customer_id, &symbol, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Valuations of a custom instrument.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ValuationsRequest {
    /// 1 to 1,000 valuations, at most one per day.
    #[schema(min_items = 1, max_items = 1000)]
    prices: Vec<ValuationRequest>,
}

/// The value of one unit on a day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ValuationRequest {
    /// Day of the valuation, not in the future.
    #[schema(value_type = Day)]
    date: String,
    /// Value of one unit: a decimal string or number above zero, with at most 12 decimals and 15 significant digits.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    price: Exact,
}

impl ValuationsRequest {
    fn parse(self) -> Result<Vec<Valuation>, Problem> {
        let mut fields = Fields::default();
        let mut valuations = Vec::with_capacity(self.prices.len());
        for (index, ValuationRequest { date, price }) in self.prices.into_iter().enumerate() {
            let date = fields.take(&format!("prices/{index}/date"), date.parse::<Day>());
            let price = fields.take(&format!("prices/{index}/price"), price.price());
            valuations.extend(date.zip(price).map(|(date, price)| Valuation { date, price }));
        }
        fields.finish(Some(valuations))
    }
}

/// The stored valuations of a custom instrument.
#[derive(Serialize, ToSchema)]
struct ValuationsResponse {
    /// Symbol of the custom instrument.
    symbol: Symbol,
    /// Number of days that have a valuation.
    count: usize,
    /// The latest of these days; null if there is none.
    #[schema(required)]
    last: Option<Day>,
}

/// Stores valuations of a custom instrument.
///
/// A valuation replaces an earlier one of the same day.
#[utoipa::path(
    put,
    path = "/instruments/{symbol}/prices",
    operation_id = "value_item",
    tag = "instruments",
    params(("symbol" = Symbol, Path, description = "Symbol of the custom instrument: `MY:` and a name")),
    request_body = ValuationsRequest,
    responses(
        (status = 200, description = "The number of stored valuations and the last day", body = ValuationsResponse),
        responses::StrictBody, responses::OwnCustomInstrument,
        (status = 422, description = "Invalid fields, or a symbol without `MY:`"),
    )
)]
async fn value(
    State(market): State<MarketData>,
    caller: Caller,
    symbol: Result<SymbolPath, Problem>,
    Json(request): Json<ValuationsRequest>,
) -> Result<axum::Json<ValuationsResponse>, Problem> {
    let valuations = request.parse()?;
    let symbol = own_symbol(symbol)?;
    let stored = custom_instruments::value(&market.app, caller.customer_id, &symbol, &valuations).await?;
    Ok(axum::Json(ValuationsResponse { symbol, count: stored.count, last: stored.last }))
}
