//! `GET /wallet`, its statement and each of its entries, deposits, withdrawals, and reversals by administrators;
//! `GET /operations` looks up a call by its key.

mod operations;

use api::{
    Caller, Command, DryRunQuery, Exact, Fields, IdPath, Keyed, ListQuery, Page, Preview, Problem, Query, Replayed,
    page, responses, variant,
};
use app::Created;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::statement::{self, EntryFilter, EntryType};
use books::wallets::{self, ShownWallet, StatementLine, Transfer};
use domain::{Currency, Day, Money};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
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
        .routes(routes!(read_entry))
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WalletQuery {
    /// The market day at whose end the balances are shown, at most the market's today; by default the current balances.
    #[param(value_type = Option<Day>)]
    as_of: Option<String>,
}

/// The entries to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EntriesQuery {
    /// First market day, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last market day, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// The type of the entries; others are left out.
    #[param(value_type = Option<EntryType>)]
    r#type: Option<String>,
    /// Only entries that moved units of this instrument.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
}

impl EntriesQuery {
    fn parse(self, fields: &mut Fields) -> Option<EntryFilter> {
        let days = page::day_range(fields, self.from.as_deref(), self.to.as_deref());
        let entry_type = fields.take_optional("type", self.r#type.as_deref().map(variant));
        let symbol = fields.take_optional("symbol", self.symbol.as_deref().map(str::parse));
        let filter = days.zip(entry_type).zip(symbol);
        filter.map(|((days, entry_type), symbol)| EntryFilter { days, entry_type, symbol })
    }
}

/// The caller's wallet.
#[utoipa::path(
    get,
    path = "/wallet",
    operation_id = "read_wallet",
    tag = "wallet",
    params(WalletQuery),
    responses(
        (status = 200, description = "The wallet, now or as of the end of a market day", body = ShownWallet),
        responses::Parameters,
    )
)]
async fn show(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<WalletQuery>,
) -> Result<axum::Json<ShownWallet>, Problem> {
    let mut fields = Fields::default();
    let as_of = fields.take_optional("as_of", query.as_of.as_deref().map(str::parse::<Day>));
    Ok(axum::Json(match fields.finish(as_of)? {
        Some(day) => statement::show_as_of(&market, caller.customer_id, day).await?,
        None => wallets::show(&market.app, caller.customer_id).await?,
    }))
}

/// The caller's ledger by `seq`, each entry with the balance after it.
#[utoipa::path(
    get,
    path = "/wallet/entries",
    operation_id = "list_wallet_entries",
    tag = "wallet",
    params(EntriesQuery, ListQuery),
    responses(
        (status = 200, description = "One page of ledger entries", body = StatementLinePage),
        responses::List,
    )
)]
async fn list_entries(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<EntriesQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<StatementLinePage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    Ok(axum::Json(statement::list(&market.app, caller.customer_id, &filter, &page).await?.into()))
}

/// One entry of the caller's ledger, as the list shows it.
#[utoipa::path(
    get,
    path = "/wallet/entries/{id}",
    operation_id = "read_wallet_entry",
    tag = "wallet",
    params(("id" = String, Path, description = "Id of the entry")),
    responses(
        (status = 200, description = "The ledger entry", body = StatementLine),
        (status = 404, description = "The caller has no such entry"),
    )
)]
async fn read_entry(
    State(market): State<MarketData>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Result<axum::Json<StatementLine>, Problem> {
    Ok(axum::Json(statement::find(&market.app, caller.customer_id, id).await?))
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
    let made = wallets::transfer(&market, caller.customer_id, way, amount, key).await?;
    let location = [(header::LOCATION, format!("/wallet/entries/{}", made.value.id))];
    let answer = answer(command, made);
    Ok(if command.dry_run.0 { answer } else { (location, answer).into_response() })
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
    (StatusCode::CREATED, Replayed(made.replayed), axum::Json(made.value)).into_response()
}
