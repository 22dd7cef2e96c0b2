//! `GET /wallet`, its statement, deposits, withdrawals, and reversals by administrators; `GET /operations` looks up a call
//! by its key.

mod operations;

use api::{
    Caller, Command, DryRunQuery, Exact, Fields, IdPath, Keyed, Page, PageQuery, Preview, Problem, Query, Replayed,
    responses,
};
use app::Created;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::wallets::{self, ShownWallet, StatementLine, Transfer};
use domain::{Currency, Money};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// One page of ledger entries.
type StatementLinePage = Page<StatementLine>;

/// The response of a dry run.
type StatementLinePreview = Preview<StatementLine>;

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
        .routes(routes!(show))
        .routes(routes!(list_entries))
        .routes(routes!(deposit))
        .routes(routes!(withdraw))
        .routes(routes!(reverse))
        .routes(routes!(operations::find))
}

/// An amount of money.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TransferRequest {
    /// A decimal string or number above zero, with at most the decimals of its currency.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    amount: Exact,
    /// Currency of ISO 4217; USD by default.
    #[schema(value_type = Option<Currency>)]
    currency: Option<String>,
}

impl TransferRequest {
    fn parse(&self) -> Result<Money, Problem> {
        let mut fields = Fields::default();
        let currency = self.currency.as_deref().map_or(Ok(Currency::USD), str::parse);
        let amount = fields.take("currency", currency).and_then(|currency| {
            let amount = fields.take("amount", self.amount.money(currency))?;
            if !amount.is_positive() {
                fields.refuse("amount", "must be above zero");
            }
            Some(amount)
        });
        fields.finish(amount)
    }
}

/// The caller's wallet.
#[utoipa::path(
    get,
    path = "/wallet",
    operation_id = "read_wallet",
    tag = "wallet",
    responses((status = 200, description = "The caller's wallet", body = ShownWallet))
)]
async fn show(State(market): State<MarketData>, caller: Caller) -> Result<axum::Json<ShownWallet>, Problem> {
    Ok(axum::Json(wallets::show(&market.app, caller.customer_id).await?))
}

/// The caller's ledger, newest first, each entry with the balance after it.
#[utoipa::path(
    get,
    path = "/wallet/entries",
    operation_id = "list_wallet_entries",
    tag = "wallet",
    params(PageQuery),
    responses(
        (status = 200, description = "One page of ledger entries", body = StatementLinePage),
        responses::List,
    )
)]
async fn list_entries(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<StatementLine>>, Problem> {
    let (limit, cursor) = query.parse()?;
    let (items, next_cursor) = wallets::list_entries(&market.app, caller.customer_id, limit, cursor).await?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// Deposits money into the caller's wallet.
#[utoipa::path(
    post,
    path = "/wallet/deposits",
    operation_id = "deposit",
    tag = "wallet",
    params(
        DryRunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Identifies this deposit: repeating the request with the same key moves money only once. Required except in a dry run, which uses up no key"),
    ),
    request_body = TransferRequest,
    responses(
        (status = 200, description = "With `dry_run=true`: the entry as it would be", body = StatementLinePreview),
        (status = 201, description = "The new entry", body = StatementLine),
        responses::MoneyMovement,
    )
)]
async fn deposit(
    State(market): State<MarketData>,
    caller: Caller,
    request: Keyed<TransferRequest>,
) -> Result<Response, Problem> {
    transfer(&market, &caller, Transfer::Deposit, &request).await
}

/// Withdraws money from the caller's wallet.
#[utoipa::path(
    post,
    path = "/wallet/withdrawals",
    operation_id = "withdraw",
    tag = "wallet",
    params(
        DryRunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Identifies this withdrawal: repeating the request with the same key moves money only once. Required except in a dry run, which uses up no key"),
    ),
    request_body = TransferRequest,
    responses(
        (status = 200, description = "With `dry_run=true`: the entry as it would be", body = StatementLinePreview),
        (status = 201, description = "The new entry", body = StatementLine),
        responses::MoneyMovement,
        (status = 409, description = "Not enough cash"),
    )
)]
async fn withdraw(
    State(market): State<MarketData>,
    caller: Caller,
    request: Keyed<TransferRequest>,
) -> Result<Response, Problem> {
    transfer(&market, &caller, Transfer::Withdrawal, &request).await
}

async fn transfer(
    market: &MarketData,
    caller: &Caller,
    way: Transfer,
    request: &Keyed<TransferRequest>,
) -> Result<Response, Problem> {
    let amount = request.body.parse()?;
    let Keyed { command, .. } = request;
    let (market, key) = (command.dry_run.on(market), command.key.as_deref());
    Ok(answer(command, wallets::transfer(&market, caller.customer_id, way, amount, key).await?))
}

/// Reverses a deposit or a withdrawal, once.
///
/// Only administrators may do this.
#[utoipa::path(
    post,
    path = "/wallet/entries/{id}/reversal",
    operation_id = "reverse_wallet_entry",
    tag = "wallet",
    params(
        ("id" = String, Path, description = "Id of the deposit or withdrawal"),
        DryRunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Identifies this reversal. Required except in a dry run, which uses up no key"),
    ),
    responses(
        (status = 200, description = "With `dry_run=true`: the entry as it would be", body = StatementLinePreview),
        (status = 201, description = "The entry that reverses it", body = StatementLine),
        responses::Administration,
        (status = 400, description = "No usable Idempotency-Key"),
        (status = 404, description = "No such deposit or withdrawal"),
        (status = 409, description = "Already reversed, or the money is no longer there"),
        (status = 423, description = "The wallet is frozen"),
    )
)]
async fn reverse(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    command: Result<Command, Problem>,
) -> Result<Response, Problem> {
    let command = command?;
    let IdPath(id) = id?;
    let (market, key) = (command.dry_run.on(&market), command.key.as_deref());
    Ok(answer(&command, wallets::reverse_entry(&market, caller.customer_id, id, key).await?))
}

fn answer(command: &Command, made: Created<StatementLine>) -> Response {
    if command.dry_run.0 {
        return Preview::of_new(made.value).into_response();
    }
    let location = [(header::LOCATION, format!("/wallet/entries/{}", made.value.id))];
    (StatusCode::CREATED, location, Replayed(made.replayed), axum::Json(made.value)).into_response()
}
