//! Imports a file of lots held elsewhere: all or nothing, with a status for each row, and the same file only once.
//!
//! All rows are appended to the portfolio's activities in one transaction, with the record of the import. The id of a row
//! follows from the file, its number and the time at which the import began, so no repetition can make two investments
//! of it. If lots of an earlier import are gone, the file is checked and imported anew. An earlier version wrote the rows
//! in several transactions: an import that stopped between them continues there when the file is sent again.

mod cells;
mod export;
mod file;
mod json_rows;
mod repeats;
mod report;
mod rows;
mod symbols;

pub use cells::MAX_ROWS;
pub use export::{Export, export};
pub use file::Duplicates;
pub use report::{ImportReport, RowError, RowResult, RowStatus, Warning};
pub use rows::Format;

use std::collections::{BTreeMap, BTreeSet};

use app::digest::sha256_hex;
use app::error::ServiceError;
use app::idempotency::{self, Created, KeyLookup, KeyedRoute};
use app::{App, stored_responses};
use chrono::DateTime;
use domain::{CustomerId, PortfolioId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::Activity;
use market_data::MarketData;
use market_data::market_clock::{self, latest_day_anywhere};
use store::limits::{ITEM_OVERHEAD_BYTES, MAX_TRANSACTION_BYTES, MAX_WRITES};
use store::retry::{Retry, retry};
use store::{Expect, Key, Version, Write, documents, keys};
use uuid::Uuid;

use crate::activities::{self, History, Step, WHAT, prepare_writes};
use crate::investments::{self, Identity, MAX_INVESTMENTS, RecordedInvestment};
use crate::portfolios;

use file::{CheckedFile, CheckedRow, ImportProgress, ImportableRow};
use repeats::Repeats;
use report::{rounded_to, to_come};

/// Symbols that are registered with the refresh concurrently.
const TRACKED_AT_ONCE: usize = 8;
pub(crate) const ROUTE: &str = "POST /portfolios/{id}/investments/import";

/// A file and how to import it.
#[derive(Clone, Copy, Debug)]
pub struct ImportRequest<'a> {
    /// The file.
    pub file: &'a [u8],
    /// Its format.
    pub format: Format,
    /// What to do with repeated rows.
    pub duplicates: Duplicates,
    /// Whether to only report what would happen.
    pub dry_run: bool,
}

/// Imports a file, or reports what would happen. The same idempotency key with the same request returns the first
/// report.
///
/// Errors: [`ServiceError::InvalidRows`] and [`ServiceError::DuplicateRows`] if nothing was imported, and those of
/// recording one investment.
pub async fn import(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    import: &ImportRequest<'_>,
    idempotency_key: Option<&str>,
) -> Result<Created<ImportReport>, ServiceError> {
    let sha256 = sha256_hex(&[import.file]);
    let request = (portfolio, &sha256, import.duplicates, import.dry_run);
    let route = KeyedRoute::with_id(ROUTE, portfolio.0);
    let pending = match idempotency::look_up(&market.app, customer, idempotency_key, route, &request).await? {
        KeyLookup::Replay(first) => return read_answer(&market.app, customer, first).await,
        KeyLookup::First(pending) => pending,
    };
    let parsed = rows::read(import.file, import.format)?;
    portfolios::load(&market.app, customer, portfolio).await?.require_open()?;
    let file = check_rows(market, customer, portfolio, sha256, parsed).await?;
    let report = bring_in(market, &file, import).await?;
    if idempotency_key.is_none() {
        return Ok(Created { value: report, replayed: false });
    }
    // The file is identified by its hash, so the key's record need not be in the same transaction as its rows.
    let json = serde_json::to_vec(&report)
        .map_err(|error| ServiceError::fault("serializing an import report failed", error))?;
    match stored_responses::commit(&market.app, customer, pending, market.app.new_id(), &json, Vec::new()).await? {
        None => Ok(Created { value: report, replayed: false }),
        Some(first) => read_answer(&market.app, customer, first).await,
    }
}

async fn read_answer(app: &App, customer: CustomerId, id: Uuid) -> Result<Created<ImportReport>, ServiceError> {
    Ok(Created { value: stored_responses::find(app, customer, id, "import").await?, replayed: true })
}

/// Every row with its instrument, or its errors.
async fn check_rows(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    sha256: String,
    rows: Vec<rows::FileRow>,
) -> Result<CheckedFile, ServiceError> {
    let named = rows.iter().flat_map(|row| &row.purchase).map(|purchase| purchase.ticker_symbol.clone()).collect();
    let known = symbols::look_up(market, customer, named).await?;
    let (today, market_day) = (latest_day_anywhere(&market.app), market_clock::market_day(market));
    let check = |(index, row): (usize, rows::FileRow)| {
        let rows::FileRow { line, purchase, mut warnings } = row;
        let content = purchase.and_then(|mut purchase| {
            let Some(Some(instrument)) = known.get(&purchase.ticker_symbol) else {
                let detail = format!("there is no instrument with the symbol {}", purchase.ticker_symbol);
                return Err(vec![("ticker_symbol", detail)]);
            };
            let fee = purchase.fee.round_dp(instrument.currency.decimals());
            if fee != purchase.fee {
                warnings.push(rounded_to("fee", &fee.to_string()));
                purchase.fee = fee;
            }
            let identity = Identity { id: Uuid::nil(), portfolio_id: portfolio, created_at: DateTime::UNIX_EPOCH };
            purchase.recorded(&identity, instrument, today)?;
            if purchase.purchase_date > market_day {
                warnings.push(to_come(purchase.purchase_date, market_day));
            }
            Ok(ImportableRow { row: index + 1, instrument: instrument.clone(), purchase })
        });
        CheckedRow { line, warnings, content }
    };
    let rows = rows.into_iter().enumerate().map(check).collect();
    Ok(CheckedFile { sha256, customer, portfolio, today, rows })
}

async fn bring_in(
    market: &MarketData,
    file: &CheckedFile,
    import: &ImportRequest<'_>,
) -> Result<ImportReport, ServiceError> {
    let app = &market.app;
    let key = keys::import(file.portfolio, &file.sha256);
    let (earlier, version) = documents::read::<ImportProgress>(app.table(), &key).await?.unzip();
    // Read after the progress: the rows that it counts are among them unless they were removed.
    let history = activities::read_history(app, file.portfolio).await?;
    let stored: Vec<_> = history.activities().filter_map(RecordedInvestment::of).collect();
    let repeats = Repeats::of(file, &stored, earlier.as_ref());
    let under_way = earlier.filter(|progress| repeats.bear_out(file, progress));
    let repeated = |progress: &ImportProgress| {
        let report = file.report(progress, &repeats);
        ImportReport { repeated: true, dry_run: import.dry_run, ..report }
    };
    if let Some(progress) = under_way.as_ref().filter(|progress| progress.done == file.importable(progress).count()) {
        return Ok(repeated(progress));
    }
    if under_way.is_none() && !repeats.duplicates().is_empty() && read_version(app, &key).await? != version {
        // If a copy of the file came in between, its rows may be among the repeats: its progress shows that.
        return Box::pin(bring_in(market, file, import)).await;
    }
    let is_begun = under_way.is_some();
    let acceptable = || file.refuse_invalid().and_then(|()| repeats.refuse(file, import.duplicates));
    if !is_begun && let Err(refusal) = acceptable() {
        // A dry run returns the rows themselves.
        return if import.dry_run { Ok(file.forecast(&repeats, import.duplicates)) } else { Err(refusal) };
    }
    let left_out = match import.duplicates {
        Duplicates::Skip => repeats.duplicates().into_iter().collect(),
        Duplicates::Ask | Duplicates::Import => BTreeMap::new(),
    };
    // A progress that no longer holds is replaced by this import's.
    let outdated = version.filter(|_| !is_begun);
    let plan = under_way.unwrap_or_else(|| ImportProgress::begin(app.now(), left_out));
    if history.activities().count() + file.importable(&plan).count() - plan.done > MAX_INVESTMENTS {
        return Err(ServiceError::LimitReached { what: WHAT, limit: MAX_INVESTMENTS });
    }
    if import.dry_run {
        return Ok(if is_begun { repeated(&plan) } else { file.forecast(&repeats, import.duplicates) });
    }
    let progress = apply(market, file, &key, &plan, outdated).await?;
    Ok(file.report(&progress, &repeats))
}

async fn read_version(app: &App, key: &Key) -> Result<Option<Version>, ServiceError> {
    Ok(app.table().get(key).await?.map(|item| item.version))
}

/// Imports what is missing; returns the resulting import. A concurrent request with the same file writes the same item,
/// and what is stored of it counts: its rows, its time and what it leaves out, unless that version is outdated.
async fn apply(
    market: &MarketData,
    file: &CheckedFile,
    key: &Key,
    plan: &ImportProgress,
    outdated: Option<Version>,
) -> Result<ImportProgress, ServiceError> {
    let app = &market.app;
    let named: BTreeSet<&Symbol> = file.importable(plan).map(|line| &line.purchase.ticker_symbol).collect();
    let track = |symbol| investments::track(app, file.portfolio, symbol);
    let track: Vec<_> = named.into_iter().map(track).collect();
    stream::iter(track).buffer_unordered(TRACKED_AT_ONCE).try_collect::<()>().await?;
    let (progress, history) = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let stored = documents::read::<ImportProgress>(app.table(), key).await?;
        let (progress, version) = match stored {
            Some((stored, version)) if Some(version) != outdated => (stored, Some(version)),
            replaced => (plan.clone(), replaced.map(|(_, version)| version)),
        };
        let missing = file.importable(&progress).skip(progress.done);
        let missing = missing.map(|line| file.activity(line, progress.started_at));
        let missing: Vec<Activity> = missing.collect::<Result<_, _>>()?;
        let after = ImportProgress { done: progress.done + missing.len(), ..progress };
        let mut history = History::read(app, file.portfolio).await?;
        let step = Step { before: None, after: &missing };
        let mut writes = prepare_writes(market, file.customer, &mut history, &step).await?;
        let body = documents::body(key, &after)?;
        writes.push(Write::Put { key: key.clone(), body, expires_at: None, expect: Expect::from(version) });
        refuse_too_much(&writes)?;
        app.table().transact(writes).await?;
        Ok::<_, ServiceError>((after, history))
    })
    .await?;
    history.remove_packed_investments(app).await;
    Ok(progress)
}

/// Refuses writes that one transaction cannot hold: rows with much longer numbers than any broker's.
fn refuse_too_much(writes: &[Write]) -> Result<(), ServiceError> {
    let bytes = |write: &Write| match write {
        Write::Put { body, .. } => body.len().saturating_add(ITEM_OVERHEAD_BYTES),
        Write::Check { .. } | Write::Delete { .. } => 0,
    };
    if writes.len() <= MAX_WRITES && writes.iter().map(bytes).sum::<usize>() <= MAX_TRANSACTION_BYTES {
        return Ok(());
    }
    let detail = "are too much for one import: send them in several files".to_owned();
    Err(ServiceError::Field { field: "rows", detail })
}

impl CheckedFile {
    /// What would happen to the file.
    fn forecast(&self, repeats: &Repeats, duplicates: Duplicates) -> ImportReport {
        let report = self.report_rows(
            |line| {
                let same_as = repeats.same_as(line.row, None);
                let import = same_as.investment.is_none() || duplicates == Duplicates::Import;
                let status = if import { RowStatus::WouldImport } else { RowStatus::Duplicate };
                (status, None)
            },
            repeats,
        );
        ImportReport { dry_run: true, ..report }
    }

    /// What happened to the file.
    fn report(&self, progress: &ImportProgress, repeats: &Repeats) -> ImportReport {
        let mut place = 0;
        self.report_rows(
            |line| {
                if progress.skipped.contains(&line.row) {
                    return (RowStatus::Duplicate, None);
                }
                place += 1;
                if place > progress.done {
                    (RowStatus::WouldImport, None)
                } else {
                    (RowStatus::Imported, Some(self.id_of(line.row, progress.started_at)))
                }
            },
            repeats,
        )
    }

    /// The status of each row, given that of those that can be imported.
    fn report_rows(
        &self,
        mut of: impl FnMut(&ImportableRow) -> (RowStatus, Option<Uuid>),
        repeats: &Repeats,
    ) -> ImportReport {
        let items = self.rows.iter().zip(1..).map(|(checked, row)| {
            let result = match &checked.content {
                Err(mistakes) => RowResult::invalid(row, checked.line, mistakes),
                Ok(line) => {
                    let (status, investment_id) = of(line);
                    let same_as = repeats.same_as(row, investment_id);
                    RowResult { investment_id, ..RowResult::new(row, checked.line, status) }.same_as(same_as)
                }
            };
            RowResult { warnings: checked.warnings.clone(), ..result }
        });
        ImportReport::of(self.sha256.clone(), items.collect())
    }
}
