//! `/portfolios/{id}/investments/import` and `/export`: importing and exporting many lots.

use api::body::require_one_of;
use api::content_encoding::read_file;
use api::inputs::{DecimalInput, PositiveDecimalInput, SymbolInput};
use api::{Caller, Command, DryRun, Fields, IdPath, IdempotencyKey, Problem, Query, Replayed, responses};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use books::imports::{self, Duplicates, Export, Format, ImportReport, ImportRequest};
use domain::{Currency, Day, PortfolioId};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

const CSV: &str = "text/csv";
const JSON: &str = "application/json";

/// A file of investments and its format.
pub(crate) struct File {
    bytes: Bytes,
    format: Format,
}

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let media_type = require_one_of(request.headers(), &[CSV, JSON])?;
        let format = if media_type == CSV { Format::Csv } else { Format::Json };
        Ok(Self { bytes: read_file(request).await?, format })
    }
}

/// The JSON form of a file of investments: a list of rows, or an object that contains one, as exported.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = InvestmentFile)]
#[expect(dead_code, reason = "it documents what books::imports reads")]
enum ImportedFile {
    /// A list of rows.
    List(Vec<ImportedRow>),
    /// An exported file.
    Exported(ImportedExport),
}

/// A file of investments as it is exported.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvestmentFileExport)]
#[expect(dead_code, reason = "it documents what books::imports reads")]
struct ImportedExport {
    /// The rows of the file.
    items: Vec<ImportedRow>,
}

/// A row of a file of investments.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvestmentFileRow)]
#[expect(dead_code, reason = "it documents what books::imports reads")]
struct ImportedRow {
    /// Id of an exported investment, which is ignored.
    #[schema(min_length = 0)]
    id: Option<String>,
    /// The instrument: a symbol with prices from the provider, or a custom instrument.
    ticker_symbol: SymbolInput,
    /// Units as of the purchase date, a decimal string or number above zero.
    quantity: PositiveDecimalInput,
    /// Price per unit, a decimal string or number above zero.
    purchase_price: PositiveDecimalInput,
    /// Day of the purchase, not in the future.
    purchase_date: Day,
    /// The cost of the purchase in addition to the price; 0 by default.
    fee: Option<DecimalInput>,
    /// Currency of price and fee; if given, it must be that of the instrument.
    currency: Option<Currency>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// `true`: report what would happen to each row, and write nothing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
    /// What to do with rows that match a stored investment: `import` adds them as separate lots, `skip` leaves them
    /// out. By default, a file with such rows is refused and they are listed. Each investment matches one row.
    #[param(pattern = "^(import|skip)$")]
    duplicates: Option<String>,
}

/// Imports a file of investments: our CSV columns, or JSON with the same names.
///
/// All or nothing. Importing the same file again changes nothing while its lots exist; an interrupted import continues.
#[utoipa::path(
    post,
    path = "/portfolios/{id}/investments/import",
    operation_id = "import_investments",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first report. The file itself is imported once while its lots exist. A dry run uses up no key"),
    ),
    request_body(
        description = "At most 4 MiB and 20,000 rows; the file may be sent with `Content-Encoding: gzip`, and then has at most 4 MiB both as it is sent and decompressed. CSV has a header of `ticker_symbol,quantity,purchase_price,purchase_date` and optionally `fee,currency`, and cells are trimmed; JSON is a list of such objects, or an export, and its strings are not trimmed",
        content((String = "text/csv"), (ImportedFile = "application/json"))
    ),
    responses(
        (status = 200, description = "The result for each row", body = ImportReport),
        responses::SymbolLookup, responses::OwnPortfolio,
        (status = 400, description = "A file that cannot be read at all"),
        (status = 409, description = "Rows match investments and `duplicates` is not given, or the portfolio is closed or full"),
        (status = 413, description = "A file over 4 MiB"),
        (status = 415, description = "Neither CSV nor JSON, or a `Content-Encoding` other than gzip"),
        (status = 422, description = "Invalid rows, each with its errors; nothing was imported"),
        (status = 503, description = "Interrupted: send the same file again to continue"),
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
    let request = ImportRequest { file: &file.bytes, format: file.format, duplicates, dry_run: dry_run.0 };
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
            Some(_) => Err("must be import or skip"),
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
        (status = 200, description = "The file, in the order of purchase dates", content((String = "text/csv"), (Export = "application/json"))),
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
        Some(_) => Err("must be csv or json"),
    };
    let format = fields.take("format", format);
    let (format, media_type, disposition) = fields.finish(format)?;
    let portfolio = PortfolioId(id?.0);
    let file = imports::export(&market, caller.customer_id, portfolio, format).await?;
    Ok(([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, disposition)], file).into_response())
}
