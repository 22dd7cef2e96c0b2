//! Importing a file of lots held elsewhere: all of it or nothing, a verdict a row, the same file once.
//!
//! Rows go in by transactions of [`ROWS_A_TRANSACTION`], and each moves the import's custom instrument on; one that is cut short
//! goes on where it stopped when the file is sent again. A row's id tracks from the file, its number and the time at
//! which the import began, so that no repetition can make two investments of it. Where lots of an earlier import are gone,
//! the file is evaluated and brought in anew.

mod cells;
mod export;
mod file;
mod json_rows;
mod lines;
mod repeats;
mod report;
mod rounding;
mod rows;
mod symbols;

pub use cells::MAX_ROWS;
pub use export::export;
pub use file::Duplicates;
pub use report::{ImportReport, RowError, RowVerdict, Verdict, Warning};
pub use rows::Format;

use std::collections::{BTreeMap, BTreeSet};

use app::counter::Counter;
use app::digest::sha256_hex;
use app::error::ServiceError;
use app::idempotency::{self, Attempt, Created};
use app::{App, stored_responses};
use chrono::DateTime;
use domain::{CustomerId, PortfolioId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market_data::MarketData;
use market_data::market_clock::{self, latest_day_anywhere};
use store::retry::{Retry, retry};
use store::{Expect, Key, Version, Write, documents, keys};
use uuid::Uuid;

use crate::investments::{self, Identity, MAX_INVESTMENTS, WHAT};
use crate::portfolios;

use file::{Checked, File, Line, Progress};
use repeats::Repeats;
use report::{rounded_to, to_come};

/// Rows of one transaction; portfolio, count and the import's custom instrument are written beside them.
const ROWS_A_TRANSACTION: usize = 80;
/// Symbols that the refresh is told of at the same time.
const TRACKED_AT_ONCE: usize = 8;
const ROUTE: &str = "POST /portfolios/{id}/investments/import";

/// A file and what to do with it.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The file.
    pub file: &'a [u8],
    /// How it is written.
    pub format: Format,
    /// What becomes of repeated rows.
    pub duplicates: Duplicates,
    /// Whether to say only what would happen.
    pub dry_run: bool,
}

/// Imports a file, or says what would become of it. The same idempotency key with the same request answers the first
/// report again.
///
/// Errors: [`ServiceError::InvalidRows`] and [`ServiceError::DuplicateRows`] where nothing was imported, and those of
/// recording one investment.
pub async fn import(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    import: &Import<'_>,
    idempotency_key: Option<&str>,
) -> Result<Created<ImportReport>, ServiceError> {
    let sha256 = sha256_hex(&[import.file]);
    let request = (portfolio, &sha256, import.duplicates, import.dry_run);
    let pending = match idempotency::attempt(&market.app, customer, idempotency_key, ROUTE, &request).await? {
        Attempt::Replay(first) => return read_answer(&market.app, customer, first).await,
        Attempt::First(pending) => pending,
    };
    let parsed = rows::read(import.file, import.format)?;
    portfolios::load(&market.app, customer, portfolio).await?.require_open()?;
    let file = check_rows(market, customer, portfolio, sha256, parsed).await?;
    let report = bring_in(&market.app, &file, import).await?;
    if idempotency_key.is_none() {
        return Ok(Created { value: report, replayed: false });
    }
    // The file is known by its hash, so the key's record need not be of the same transaction as its rows.
    let json = serde_json::to_vec(&report).map_err(|error| ServiceError::fault("report to JSON", error))?;
    match stored_responses::commit(&market.app, customer, pending, market.app.new_id(), &json, Vec::new()).await? {
        None => Ok(Created { value: report, replayed: false }),
        Some(first) => read_answer(&market.app, customer, first).await,
    }
}

async fn read_answer(app: &App, customer: CustomerId, id: Uuid) -> Result<Created<ImportReport>, ServiceError> {
    Ok(Created { value: stored_responses::find(app, customer, id, "import").await?, replayed: true })
}

/// Every row with its instrument, or what is wrong with it.
async fn check_rows(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    sha256: String,
    rows: Vec<rows::Row>,
) -> Result<File, ServiceError> {
    let named = rows.iter().flat_map(|row| &row.purchase).map(|purchase| purchase.ticker_symbol.clone()).collect();
    let known = symbols::look_up(market, customer, named).await?;
    let (today, market_day) = (latest_day_anywhere(&market.app), market_clock::market_day(market));
    let check = |(index, row): (usize, rows::Row)| {
        let rows::Row { line, purchase, mut warnings } = row;
        let content = purchase.and_then(|mut purchase| {
            let Some(Some(instrument)) = known.get(&purchase.ticker_symbol) else {
                let detail = format!("no instrument has the symbol {}", purchase.ticker_symbol);
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
            Ok(Line { row: index + 1, instrument: instrument.clone(), purchase })
        });
        Checked { line, warnings, content }
    };
    let rows = rows.into_iter().enumerate().map(check).collect();
    Ok(File { sha256, customer, portfolio, today, rows })
}

async fn bring_in(app: &App, file: &File, import: &Import<'_>) -> Result<ImportReport, ServiceError> {
    let key = keys::import(file.portfolio, &file.sha256);
    let (earlier, version) = documents::read::<Progress>(app.table(), &key).await?.unzip();
    // Read after the progress: the rows that it counts are among them unless they were removed.
    let stored = export::read_all(app, file.portfolio).await?;
    let repeats = Repeats::of(file, &stored, earlier.as_ref());
    let under_way = earlier.filter(|progress| repeats.bear_out(file, progress));
    let repeated = |progress: &Progress| {
        let report = file.report(progress, &repeats);
        ImportReport { repeated: true, dry_run: import.dry_run, ..report }
    };
    if let Some(progress) = under_way.as_ref().filter(|progress| progress.done == file.importable(progress).count()) {
        return Ok(repeated(progress));
    }
    if under_way.is_none() && !repeats.duplicates().is_empty() && read_version(app, &key).await? != version {
        // A copy of the file began in between, and what its rows repeat may be its own: its progress tells.
        return Box::pin(bring_in(app, file, import)).await;
    }
    let is_begun = under_way.is_some();
    let acceptable = || file.refuse_invalid().and_then(|()| repeats.refuse(file, import.duplicates));
    if !is_begun && let Err(refusal) = acceptable() {
        // A dry run answers with the rows themselves.
        return if import.dry_run { Ok(file.forecast(&repeats, import.duplicates)) } else { Err(refusal) };
    }
    let left_out = match import.duplicates {
        Duplicates::Skip => repeats.duplicates().into_iter().collect(),
        Duplicates::Ask | Duplicates::Import => BTreeMap::new(),
    };
    // What a progress that does not hold any more says gives way to this import's.
    let outdated = version.filter(|_| !is_begun);
    let plan = under_way.unwrap_or_else(|| Progress::begin(app.now(), left_out));
    let count = Counter::read(app, keys::investment_count(file.portfolio)).await?.count();
    if count + file.importable(&plan).count() - plan.done > MAX_INVESTMENTS {
        return Err(ServiceError::LimitReached { what: WHAT, limit: MAX_INVESTMENTS });
    }
    if import.dry_run {
        return Ok(if is_begun { repeated(&plan) } else { file.forecast(&repeats, import.duplicates) });
    }
    let progress = apply(app, file, &key, plan, outdated).await?;
    Ok(file.report(&progress, &repeats))
}

async fn read_version(app: &App, key: &Key) -> Result<Option<Version>, ServiceError> {
    Ok(app.table().get(key).await?.map(|item| item.version))
}

/// Brings in what is not in yet; gives the import as it stands then.
async fn apply(
    app: &App,
    file: &File,
    key: &Key,
    plan: Progress,
    outdated: Option<Version>,
) -> Result<Progress, ServiceError> {
    let named: BTreeSet<&Symbol> = file.importable(&plan).map(|line| &line.purchase.ticker_symbol).collect();
    let track = |symbol| investments::track(app, file.portfolio, symbol);
    let track: Vec<_> = named.into_iter().map(track).collect();
    stream::iter(track).buffer_unordered(TRACKED_AT_ONCE).try_collect::<()>().await?;
    let mut progress = plan;
    while progress.done < file.importable(&progress).count() {
        let before = progress;
        progress = retry(Retry::within(app::CONFLICT_BUDGET), || advance(app, file, key, &before, outdated)).await?;
    }
    Ok(progress)
}

/// One transaction further. Whoever sends the same file at the same time moves the same item on, and what is stored of
/// it stands: its rows, its time and what it leaves out, unless it is the version that is outdated.
async fn advance(
    app: &App,
    file: &File,
    key: &Key,
    plan: &Progress,
    outdated: Option<Version>,
) -> Result<Progress, ServiceError> {
    let held = portfolios::load(app, file.customer, file.portfolio).await?;
    held.require_open()?;
    let counter = Counter::read(app, keys::investment_count(file.portfolio)).await?;
    let stored = documents::read::<Progress>(app.table(), key).await?;
    let (progress, version) = match stored {
        Some((stored, version)) if Some(version) != outdated => (stored, Some(version)),
        replaced => (plan.clone(), replaced.map(|(_, version)| version)),
    };
    let next: Vec<_> = file.importable(&progress).skip(progress.done).take(ROWS_A_TRANSACTION).collect();
    let Some(earliest) = next.iter().map(|line| line.purchase.purchase_date).min() else { return Ok(progress) };
    let after = Progress { done: progress.done + next.len(), ..progress.clone() };
    let body = documents::body(key, &after)?;
    let mut writes = vec![
        held.unchanged_but_dirty_from(earliest)?,
        counter.add(next.len(), MAX_INVESTMENTS, WHAT)?,
        Write::Put { key: key.clone(), body, expires_at: None, expect: Expect::from(version) },
    ];
    for line in next {
        let investment = file.investment(line, after.started_at)?;
        let key = keys::investment(file.portfolio, investment.id);
        let body = documents::body(&key, &investment)?;
        writes.push(Write::create(key, body));
    }
    app.table().transact(writes).await?;
    Ok(after)
}

impl File {
    /// What would become of the file.
    fn forecast(&self, repeats: &Repeats, duplicates: Duplicates) -> ImportReport {
        let report = self.verdicts(
            |line| {
                let same_as = repeats.same_as(line.row, None);
                let import = same_as.investment.is_none() || duplicates == Duplicates::Import;
                let verdict = if import { Verdict::WouldImport } else { Verdict::Duplicate };
                (verdict, None)
            },
            repeats,
        );
        ImportReport { dry_run: true, ..report }
    }

    /// What became of the file.
    fn report(&self, progress: &Progress, repeats: &Repeats) -> ImportReport {
        let mut place = 0;
        self.verdicts(
            |line| {
                if progress.skipped.contains(&line.row) {
                    return (Verdict::Duplicate, None);
                }
                place += 1;
                if place > progress.done {
                    (Verdict::WouldImport, None)
                } else {
                    (Verdict::Imported, Some(self.id_of(line.row, progress.started_at)))
                }
            },
            repeats,
        )
    }

    /// The verdict of each row, given that of those that can be imported.
    fn verdicts(&self, mut of: impl FnMut(&Line) -> (Verdict, Option<Uuid>), repeats: &Repeats) -> ImportReport {
        let items = self.rows.iter().zip(1..).map(|(checked, row)| {
            let verdict = match &checked.content {
                Err(mistakes) => RowVerdict::invalid(row, checked.line, mistakes),
                Ok(line) => {
                    let (verdict, investment_id) = of(line);
                    let same_as = repeats.same_as(row, investment_id);
                    RowVerdict { investment_id, ..RowVerdict::new(row, checked.line, verdict) }.same_as(same_as)
                }
            };
            RowVerdict { warnings: checked.warnings.clone(), ..verdict }
        });
        ImportReport::of(self.sha256.clone(), items.collect())
    }
}
