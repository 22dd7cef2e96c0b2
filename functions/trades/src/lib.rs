//! `POST /portfolios/{id}/trades` buys and sells at the stored quote; `GET` lists the trades and reads one of them.

use api::{
    Caller, DryRun, DryRunQuery, Exact, Fields, IdPairPath, IdPath, Keyed, ListQuery, Page, Preview, Problem, Query,
    Replayed, page, responses, variant,
};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::trades::{self, AutomaticLotMethod, MAX_LOTS_NAMED, RequestSize, Side, Trade, TradeFilter, TradeRequest};
use domain::{Day, PortfolioId, Quantity, Symbol};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// One page of trades.
type TradePage = Page<Trade>;

/// The response of a dry run.
type TradePreview = Preview<Trade>;

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
    OpenApiRouter::new().routes(routes!(trade, list)).routes(routes!(read))
}

/// A market order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TradeRequest)]
struct TradeBody {
    /// `buy` or `sell`.
    side: Side,
    /// Ticker symbol of the instrument.
    #[schema(value_type = api::inputs::SymbolInput)]
    symbol: String,
    /// Units, a decimal string or number above zero with at most twelve decimals. Either this or `amount`.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    quantity: Option<Exact>,
    /// Money to spend or to receive, without the fee. It is converted to units at the stored quote, truncated to twelve
    /// decimals.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    amount: Option<Exact>,
    /// Fee, zero by default: added to the cost of a purchase, subtracted from the proceeds of a sale.
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    fee: Option<Exact>,
    /// The price per unit at which the customer decided. If the price has become worse for the customer since (above it
    /// for a purchase, below it for a sale), the order is refused with `price_changed`; at a better one it is filled.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    expected_price: Option<Exact>,
    /// The lots to sell from, if the portfolio's lot method is `specific`.
    #[serde(default)]
    #[schema(max_items = 200)]
    lots: Vec<LotRequest>,
}

/// Units of one lot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LotRequest {
    /// Id of the lot, which is that of the trade that bought it.
    lot_id: Uuid,
    /// Units to sell from it.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    quantity: Exact,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LotMethodQuery {
    /// For the dry run of a sale: reports the lots and the gain by this lot method in place of the portfolio's.
    #[param(value_type = Option<AutomaticLotMethod>, inline, example = "hifo")]
    lot_method: Option<String>,
}

impl LotMethodQuery {
    /// The lot method to try, which only the dry run of a sale without named lots has.
    fn parse(&self, fields: &mut Fields, dry_run: DryRun, body: &TradeBody) -> Option<AutomaticLotMethod> {
        let given = self.lot_method.as_deref()?;
        if !dry_run.0 {
            fields.refuse("lot_method", "is for dry runs only: a sale uses the portfolio's lot method");
        } else if body.side == Side::Buy {
            fields.refuse("lot_method", "is for sales only: a purchase takes from no lot");
        } else if !body.lots.is_empty() {
            fields.refuse("lots", "cannot be named together with lot_method");
        }
        fields.take("lot_method", variant(given))
    }
}

impl TradeBody {
    fn parse(
        self,
        query: &LotMethodQuery,
        dry_run: DryRun,
    ) -> Result<(TradeRequest, Option<AutomaticLotMethod>), Problem> {
        let mut fields = Fields::default();
        let lot_method = query.parse(&mut fields, dry_run, &self);
        let symbol = fields.take("symbol", self.symbol.parse::<Symbol>());
        let size = match (&self.quantity, &self.amount) {
            (Some(quantity), None) => fields.take("quantity", quantity.positive_quantity()).map(RequestSize::Quantity),
            (None, Some(amount)) => {
                fields.take("amount", amount.positive_quantity()).map(|amount| RequestSize::Amount(amount.units()))
            }
            (Some(_), Some(_)) | (None, None) => {
                fields.refuse("quantity", "give either a quantity or an amount");
                None
            }
        };
        let fee = fields.take("fee", self.fee.as_ref().map_or(Ok(Quantity::ZERO), Exact::quantity));
        let expected_price = self.expected_price.as_ref().map(Exact::price);
        let expected_price = fields.take_optional("expected_price", expected_price);
        if self.lots.len() > MAX_LOTS_NAMED {
            fields.refuse("lots", format!("must name at most {MAX_LOTS_NAMED} lots"));
        }
        let mut lots = Vec::new();
        for (index, lot) in self.lots.iter().take(MAX_LOTS_NAMED).enumerate() {
            let quantity = fields.take(&format!("lots/{index}/quantity"), lot.quantity.positive_quantity());
            lots.extend(quantity.map(|quantity| (lot.lot_id, quantity)));
        }
        let request = symbol.zip(size).zip(fee.zip(expected_price));
        let request = request.map(|((symbol, size), (fee, expected_price))| TradeRequest {
            side: self.side,
            symbol,
            size,
            fee: fee.units(),
            lots,
            expected_price,
        });
        fields.finish(request.map(|request| (request, lot_method)))
    }
}

/// Buys or sells at the stored quote.
#[utoipa::path(
    post,
    path = "/portfolios/{id}/trades",
    operation_id = "trade",
    tag = "trades",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        DryRunQuery,
        LotMethodQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Identifies this order: repeating the request with the same key trades only once. Required except in a dry run, which uses up no key"),
    ),
    request_body = TradeBody,
    responses(
        (status = 200, description = "With `dry_run=true`: the trade as it would be executed", body = TradePreview),
        (status = 201, description = "The trade as it was executed", body = Trade),
        responses::MoneyMovement, responses::SymbolLookup, responses::OwnPortfolioAndSymbol,
        (status = 409, description = "Not enough cash or units, a quote more than seven days old, a price worse than `expected_price`, or a closed portfolio"),
    )
)]
async fn trade(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    query: Result<Query<LotMethodQuery>, Problem>,
    Keyed { command, body }: Keyed<TradeBody>,
) -> Result<Response, Problem> {
    let Query(query) = query?;
    let (request, lot_method) = body.parse(&query, command.dry_run)?;
    let IdPath(portfolio) = id?;
    if let Some(method) = lot_method {
        let sale = trades::try_sale(&market, caller.customer_id, PortfolioId(portfolio), &request, method).await?;
        return Ok(Preview::of_new(sale).into_response());
    }
    let (market, key) = (command.dry_run.on(&market), command.key.as_deref());
    let trade = trades::execute(&market, caller.customer_id, PortfolioId(portfolio), &request, key).await?;
    if command.dry_run.0 {
        return Ok(Preview::of_new(trade.value).into_response());
    }
    let location = [(header::LOCATION, format!("/portfolios/{portfolio}/trades/{}", trade.value.id))];
    Ok((StatusCode::CREATED, location, Replayed(trade.replayed), axum::Json(trade.value)).into_response())
}

/// The trades to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TradesQuery {
    /// First market day, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last market day, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// Only trades of this instrument.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
    /// Only purchases, or only sales.
    #[param(value_type = Option<Side>)]
    side: Option<String>,
}

impl TradesQuery {
    fn parse(self, fields: &mut Fields) -> Option<TradeFilter> {
        let days = page::day_range(fields, self.from.as_deref(), self.to.as_deref());
        let symbol = fields.take_optional("symbol", self.symbol.as_deref().map(str::parse));
        let side = fields.take_optional("side", self.side.as_deref().map(variant));
        days.zip(symbol).zip(side).map(|((days, symbol), side)| TradeFilter { days, symbol, side })
    }
}

/// The trades of a portfolio, in the order in which they were made.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/trades",
    operation_id = "list_trades",
    tag = "trades",
    params(("id" = String, Path, description = "Id of the portfolio"), TradesQuery, ListQuery),
    responses(
        (status = 200, description = "One page of trades", body = TradePage),
        responses::List, responses::OwnPortfolio,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    Query(filters): Query<TradesQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<TradePage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    let portfolio = PortfolioId(id?.0);
    Ok(axum::Json(trades::list(&market.app, caller.customer_id, portfolio, &filter, &page).await?.into()))
}

/// One trade of a portfolio, as the list shows it.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/trades/{trade_id}",
    operation_id = "read_trade",
    tag = "trades",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("trade_id" = String, Path, description = "Id of the trade"),
    ),
    responses(
        (status = 200, description = "The trade as it was executed", body = Trade),
        (status = 404, description = "No such portfolio or trade of the caller"),
    )
)]
async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    IdPairPath(portfolio, id): IdPairPath,
) -> Result<axum::Json<Trade>, Problem> {
    let trade = trades::find(&market.app, caller.customer_id, PortfolioId(portfolio), id).await?;
    Ok(axum::Json(trade))
}
