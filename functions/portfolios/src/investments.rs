//! `/portfolios/{id}/investments`: lots held elsewhere.

use api::{
    Caller, Command, DryRun, DryRunQuery, Exact, Fields, IdPairPath, IdPath, IdempotencyKey, IfMatch, Json, ListQuery,
    MergePatch, Page, Patch, Preview, Problem, Query, Replayed, etag, page, responses,
};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::investments::{self, InvestmentCorrection, InvestmentFilter, InvestmentNow, Purchase};
use domain::{Currency, Day, PortfolioId, Quantity, Symbol};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// One page of investments.
type InvestmentNowPage = Page<InvestmentNow>;

/// The response of a dry run.
type InvestmentNowPreview = Preview<InvestmentNow>;

/// A lot held elsewhere; `fee` and `currency` are optional.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvestmentRequest {
    /// The instrument: a symbol with prices from the provider, or a custom instrument.
    #[schema(value_type = api::inputs::SymbolInput)]
    ticker_symbol: String,
    /// Units as of the purchase date, a decimal string or number above zero.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    quantity: Exact,
    /// Price per unit, a decimal string or number above zero.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    purchase_price: Exact,
    /// Day of the purchase, not in the future.
    #[schema(value_type = Day)]
    purchase_date: String,
    /// The cost of the purchase in addition to the price; 0 by default.
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    fee: Option<Exact>,
    /// Currency of price and fee; if given, it must be that of the instrument.
    #[schema(value_type = Option<Currency>)]
    currency: Option<String>,
}

/// The fields to change. An absent field stays; null sets the fee to 0.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvestmentPatch)]
pub(crate) struct InvestmentChange {
    /// Another instrument than recorded.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::SymbolInput>, nullable = false)]
    ticker_symbol: Patch<String>,
    /// Units as of the purchase date.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>, nullable = false)]
    quantity: Patch<Exact>,
    /// Price per unit as bought.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>, nullable = false)]
    purchase_price: Patch<Exact>,
    /// Day of the purchase, not in the future.
    #[serde(default)]
    #[schema(value_type = Option<Day>, nullable = false)]
    purchase_date: Patch<String>,
    /// The cost of the purchase in addition to the price.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    fee: Patch<Exact>,
}

impl InvestmentRequest {
    fn parse(self) -> Result<Purchase, Problem> {
        let mut fields = Fields::default();
        let ticker_symbol = fields.take("ticker_symbol", self.ticker_symbol.parse::<Symbol>());
        let quantity = fields.take("quantity", self.quantity.quantity());
        let purchase_price = fields.take("purchase_price", self.purchase_price.price());
        let purchase_date = fields.take("purchase_date", self.purchase_date.parse::<Day>());
        let fee = fields.take("fee", self.fee.map_or(Ok(Quantity::ZERO), |fee| fee.quantity()));
        let currency = fields.take_optional("currency", self.currency.as_deref().map(str::parse::<Currency>));
        let amounts = quantity.zip(purchase_price).zip(fee);
        let purchase = ticker_symbol.zip(amounts).zip(purchase_date.zip(currency));
        fields.finish(purchase.map(
            |((ticker_symbol, ((quantity, purchase_price), fee)), (purchase_date, currency))| Purchase {
                ticker_symbol,
                quantity,
                purchase_price,
                purchase_date,
                fee: fee.units(),
                currency,
            },
        ))
    }
}

impl InvestmentChange {
    fn parse(self) -> Result<InvestmentCorrection, Problem> {
        let mut fields = Fields::default();
        let symbol = fields.take("ticker_symbol", self.ticker_symbol.required()).flatten();
        let quantity = fields.take("quantity", self.quantity.required()).flatten();
        let price = fields.take("purchase_price", self.purchase_price.required()).flatten();
        let date = fields.take("purchase_date", self.purchase_date.required()).flatten();
        let fee = match self.fee {
            Patch::Keep => Some(None),
            Patch::Remove => Some(Some(Quantity::ZERO)),
            Patch::Set(fee) => fields.take("fee", fee.quantity()).map(Some),
        };
        let correction = InvestmentCorrection {
            ticker_symbol: fields.take_optional("ticker_symbol", symbol.map(|text| text.parse())).flatten(),
            quantity: fields.take_optional("quantity", quantity.map(|exact| exact.quantity())).flatten(),
            purchase_price: fields.take_optional("purchase_price", price.map(|exact| exact.price())).flatten(),
            purchase_date: fields.take_optional("purchase_date", date.map(|text| text.parse())).flatten(),
            fee: fee.flatten().map(Quantity::units),
        };
        fields.finish(Some(correction))
    }
}

/// Records a lot held elsewhere, as an activity of type `buy`.
#[utoipa::path(
    post,
    path = "/portfolios/{id}/investments",
    operation_id = "record_investment",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        DryRunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result, with its value at that time. A dry run uses up no key"),
    ),
    request_body = InvestmentRequest,
    responses(
        (status = 200, description = "With `dry_run=true`: the investment as it would be", body = InvestmentNowPreview),
        (status = 201, description = "The investment; `Location` is its address", body = InvestmentNow),
        responses::IdempotentPost, responses::SymbolLookup, responses::KnownSymbol, responses::OwnPortfolioAndSymbol,
        (status = 409, description = "The portfolio is closed, or full"),
    )
)]
pub(crate) async fn record(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    id: Result<IdPath, Problem>,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<InvestmentRequest>,
) -> Result<Response, Problem> {
    let Command { key, .. } = Command::new(dry_run, key?);
    let purchase = request.parse()?;
    let portfolio = PortfolioId(id?.0);
    let market = dry_run.on(&market);
    let made = investments::record(&market, caller.customer_id, portfolio, &purchase, key.as_deref()).await?;
    if dry_run.0 {
        return Ok(Preview::of_new(made.value).into_response());
    }
    let location = [(header::LOCATION, format!("/portfolios/{portfolio}/investments/{}", made.value.id))];
    let tag = etag(made.value.version);
    Ok((StatusCode::CREATED, location, tag, Replayed(made.replayed), axum::Json(made.value)).into_response())
}

/// The investments to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvestmentsQuery {
    /// Only investments of this instrument.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
    /// First purchase date, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last purchase date, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
}

impl InvestmentsQuery {
    fn parse(self, fields: &mut Fields) -> Option<InvestmentFilter> {
        let symbol = fields.take_optional("symbol", self.symbol.as_deref().map(str::parse));
        let days = page::day_range(fields, self.from.as_deref(), self.to.as_deref());
        symbol.zip(days).map(|(symbol, days)| InvestmentFilter { symbol, days })
    }
}

/// The open lots of a portfolio's activities, in the order in which they were recorded.
///
/// Lots of unknown cost are not listed.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/investments",
    operation_id = "list_investments",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio"), InvestmentsQuery, ListQuery),
    responses(
        (status = 200, description = "One page of investments", body = InvestmentNowPage),
        responses::List, responses::OwnPortfolio,
    )
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<InvestmentsQuery>,
    Query(page): Query<ListQuery>,
    id: Result<IdPath, Problem>,
) -> Result<axum::Json<InvestmentNowPage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    let portfolio = PortfolioId(id?.0);
    Ok(axum::Json(investments::list(&market, caller.customer_id, portfolio, &filter, &page).await?.into()))
}

/// One investment of the caller.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/investments/{investment_id}",
    operation_id = "read_investment",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("investment_id" = String, Path, description = "Id of the investment"),
    ),
    responses(
        (status = 200, description = "The investment; `ETag` is its version", body = InvestmentNow),
        responses::OwnInvestment,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    IdPairPath(portfolio, id): IdPairPath,
) -> Result<Response, Problem> {
    let investment = investments::find(&market, caller.customer_id, PortfolioId(portfolio), id).await?;
    Ok((etag(investment.version), axum::Json(investment)).into_response())
}

/// Corrects an investment: the given fields change, everything else stays.
#[utoipa::path(
    patch,
    path = "/portfolios/{id}/investments/{investment_id}",
    operation_id = "correct_investment",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("investment_id" = String, Path, description = "Id of the investment"),
        DryRunQuery,
        ("If-Match" = String, Header, description = "The `ETag` of the version to change, or `*`"),
    ),
    request_body(content = InvestmentChange, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed investment or, with `dry_run=true`, what it would be, marked `\"dry_run\": true`", body = InvestmentNow),
        responses::ConditionalChange, responses::MergePatchBody, responses::SymbolLookup,
        (status = 404, description = "No such portfolio or investment of the caller, or an unknown symbol"),
        (status = 409, description = "The portfolio is closed, a later activity needs the units, or the activity has fields that an investment lacks"),
    )
)]
pub(crate) async fn correct(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    ids: Result<IdPairPath, Problem>,
    precondition: Result<IfMatch, Problem>,
    MergePatch(request): MergePatch<InvestmentChange>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let correction = request.parse()?;
    let IdPairPath(portfolio, id) = ids?;
    let portfolio = PortfolioId(portfolio);
    let market = dry_run.on(&market);
    let investment =
        investments::correct(&market, caller.customer_id, portfolio, id, &precondition, &correction).await?;
    if dry_run.0 {
        return Ok(Preview::of_existing(investment).into_response());
    }
    Ok((etag(investment.version), axum::Json(investment)).into_response())
}

/// Removes an investment: the activity that brought its units.
#[utoipa::path(
    delete,
    path = "/portfolios/{id}/investments/{investment_id}",
    operation_id = "remove_investment",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("investment_id" = String, Path, description = "Id of the investment"),
        DryRunQuery,
        ("If-Match" = Option<String>, Header, description = "Removes it only if it is at this version"),
    ),
    responses(
        (status = 200, description = "With `dry_run=true`: the investment that would be removed", body = InvestmentNowPreview),
        (status = 204, description = "It was removed"),
        responses::OwnInvestment, responses::OptionalCondition,
        (status = 409, description = "A later activity needs the units"),
    )
)]
pub(crate) async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    precondition: Result<IfMatch, Problem>,
    ids: Result<IdPairPath, Problem>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let IdPairPath(portfolio, id) = ids?;
    let (market, portfolio) = (dry_run.on(&market), PortfolioId(portfolio));
    investments::remove(&market, caller.customer_id, portfolio, id, &precondition).await?;
    if dry_run.0 {
        let standing = investments::find(&market, caller.customer_id, portfolio, id).await?;
        return Ok(Preview::of_existing(standing).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
