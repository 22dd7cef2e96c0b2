//! `/portfolios/{id}/investments/import` and `/export`: many lots at once, in and out.

use api::body::{MAX_FILE_BYTES, read, require_one_of};
use api::{Caller, Command, DryRun, Fields, IdPath, IdempotencyKey, Problem, Query, Replayed, responses};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use books::imports::{self, Duplicates, Format, Import, ImportReport};
use domain::PortfolioId;
use market_data::MarketData;
use serde::Deserialize;
use utoipa::IntoParams;

const CSV: &str = "text/csv";
const JSON: &str = "application/json";

/// A file of investments and how it is written.
pub(crate) struct File {
    bytes: Bytes,
    format: Format,
}

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let media_type = require_one_of(request.headers(), &[CSV, JSON])?;
        let format = if media_type == CSV { Format::Csv } else { Format::Json };
        Ok(Self { bytes: read(request, MAX_FILE_BYTES).await?, format })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// `true`: say what would become of each row, and write nothing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
    /// What becomes of rows that say what a stored investment says, which answers for one row each: `import` takes them as
    /// lots of their own, `skip` leaves them out. Where it is not given, a file that has any is refused and they are listed.
    #[param(pattern = "^(import|skip)$")]
    duplicates: Option<String>,
}

/// Imports a file of investments: our CSV columns, or JSON with the same names. All of it or nothing; the same file a
/// second time changes nothing while its lots are there, and one whose import was cut short goes on.
#[utoipa::path(
    post,
    path = "/portfolios/{id}/investments/import",
    operation_id = "import_investments",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request answers the first verdicts again; the file itself is imported once while its lots are there; a dry run uses none up"),
    ),
    request_body(
        description = "At most 4 MiB and 20,000 rows. CSV has a header of `ticker_symbol,quantity,purchase_price,purchase_date` and, where wanted, `fee,currency`, and blanks around a cell are taken off; JSON is a list of such objects, or an export, and its strings are taken as they are",
        content((String = "text/csv"), (serde_json::Value = "application/json"))
    ),
    responses(
        (status = 200, description = "A verdict a row", body = ImportReport),
        responses::SymbolLookup, responses::OwnPortfolio,
        (status = 400, description = "A file that cannot be read at all"),
        (status = 409, description = "Investments answer for rows and `duplicates` does not say what becomes of them, or the portfolio is closed or full"),
        (status = 413, description = "A file over 4 MiB"),
        (status = 415, description = "Neither CSV nor JSON"),
        (status = 422, description = "Rows that cannot be used, each with what is wrong; nothing was imported"),
        (status = 503, description = "Cut short: the same file sent again goes on"),
    )
)]
pub(crate) async fn import(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    key: Result<IdempotencyKey, Problem>,
    query: Result<Query<ImportQuery>, Problem>,
    file: File,
) -> Result<Response, Problem> {
    let key = key?;
    let (duplicates, dry_run) = query?.0.parse()?;
    let Command { key, .. } = Command::new(dry_run, key);
    let portfolio = PortfolioId(id?.0);
    let market = dry_run.on(&market);
    let request = Import { file: &file.bytes, format: file.format, duplicates, dry_run: dry_run.0 };
    let made = imports::import(&market, caller.customer_id, portfolio, &request, key.as_deref()).await?;
    Ok((Replayed(made.replayed), axum::Json(made.value)).into_response())
}

impl ImportQuery {
    fn parse(self) -> Result<(Duplicates, DryRun), Problem> {
        let mut fields = Fields::default();
        let duplicates = match self.duplicates.as_deref() {
            None => Ok(Duplicates::Ask),
            Some("import") => Ok(Duplicates::Import),
            Some("skip") => Ok(Duplicates::Skip),
            Some(_) => Err("duplicates are to be import or skip"),
        };
        let dry_run = DryRun::parse(self.dry_run.as_deref());
        let parsed = fields.take("duplicates", duplicates).zip(fields.take("dry_run", dry_run));
        fields.finish(parsed)
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` (default) or `json`.
    #[param(pattern = "^(csv|json)$")]
    format: Option<String>,
}

/// All investments of a portfolio as a file that can be imported again.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/investments/export",
    operation_id = "export_investments",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio"), ExportQuery),
    responses(
        (status = 200, description = "The file, in the order of purchase dates", content((String = "text/csv"), (serde_json::Value = "application/json"))),
        responses::OwnPortfolio, responses::Parameters,
    )
)]
pub(crate) async fn export(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
    id: Result<IdPath, Problem>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let format = match query.format.as_deref() {
        None | Some("csv") => Ok((Format::Csv, "text/csv; charset=utf-8", "attachment; filename=\"investments.csv\"")),
        Some("json") => Ok((Format::Json, JSON, "attachment; filename=\"investments.json\"")),
        Some(_) => Err("a format is csv or json"),
    };
    let format = fields.take("format", format);
    let (format, media_type, disposition) = fields.finish(format)?;
    let portfolio = PortfolioId(id?.0);
    let file = imports::export(&market.app, caller.customer_id, portfolio, format).await?;
    Ok(([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, disposition)], file).into_response())
}
