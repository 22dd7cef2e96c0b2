//! Importing a file of lots held elsewhere: all of it or nothing, a verdict a row, the same file once.
//!
//! Rows go in by transactions of [`ROWS_A_TRANSACTION`], and each moves the import's own item on; one that is cut short
//! goes on where it stopped when the file is sent again. A row's id follows from the file, its number and the time at
//! which the import began, so that no repetition can make two investments of it. Where lots of an earlier import are gone,
//! the file is judged and brought in anew.

mod export;
mod json_rows;
mod lines;
mod repeats;
mod report;
mod rounding;
mod rows;
mod symbols;

pub use export::export;
pub use report::{ImportReport, RowError, RowVerdict, Verdict, Warning};
pub use rows::{Format, MAX_ROWS};

use std::collections::{BTreeMap, BTreeSet};

use app::digest::sha256_hex;
use app::error::{MAX_LISTED, RowMistake, ServiceError};
use app::idempotency::{self, Attempt, Created};
use app::tally::Tally;
use app::{App, kept_answers};
use chrono::{DateTime, Utc};
use domain::{CustomerId, Day, Instrument, Investment, PortfolioId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market_data::MarketData;
use market_data::market_clock::{self, latest_day_anywhere};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::retry::{Retry, retry};
use store::{Expect, Key, Version, Write, documents, keys};
use uuid::Uuid;

use crate::investments::{self, Identity, MAX_INVESTMENTS, Mistake, Purchase, WHAT};
use crate::portfolios;

use repeats::Repeats;
use report::{rounded_to, to_come};

/// Rows of one transaction; portfolio, count and the import's own item are written beside them.
const ROWS_A_TRANSACTION: usize = 80;
/// Symbols that the refresh is told of at the same time.
const FOLLOWED_AT_ONCE: usize = 8;
/// Most lots that an import's item names as answering for rows: an item has a largest size.
const MAX_NAMED: usize = 5_000;
const ROUTE: &str = "POST /portfolios/{id}/investments/import";

/// What is to become of rows that say what an investment says already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Nothing is imported until the caller has decided.
    Ask,
    /// They are lots of their own.
    Import,
    /// They are left out.
    Skip,
}

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

/// How far an import has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Progress {
    /// When it began; its rows carry this time.
    #[serde(with = "domain::instant")]
    started_at: DateTime<Utc>,
    /// Rows that are left out, by number.
    skipped: BTreeSet<usize>,
    /// The lot that answers for each of them, whatever it says by now. `None` where they are too many to name, and in
    /// items of before lots were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_by: Option<BTreeMap<usize, Uuid>>,
    /// Rows that are in, of those that are not left out.
    done: usize,
}

impl Progress {
    /// An import that begins now and leaves out these rows, for each of which a lot answers.
    fn begin(now: DateTime<Utc>, left_out: BTreeMap<usize, Uuid>) -> Self {
        let skipped = left_out.keys().copied().collect();
        let answered_by = (left_out.len() <= MAX_NAMED).then_some(left_out);
        Self { started_at: now, skipped, answered_by, done: 0 }
    }
}

/// A row that can be imported.
struct Line {
    row: usize,
    purchase: Purchase,
    instrument: Instrument,
}

/// A row of the file, read and checked.
struct Checked {
    /// The line of the file on which it begins, from 1.
    line: usize,
    warnings: Vec<Warning>,
    content: Result<Line, Vec<Mistake>>,
}

/// The whole file, read and checked.
struct File {
    sha256: String,
    customer: CustomerId,
    portfolio: PortfolioId,
    today: Day,
    /// In the order of the file; the first one is row 1.
    rows: Vec<Checked>,
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
        Attempt::Replay(first) => return answered_before(&market.app, customer, first).await,
        Attempt::First(pending) => pending,
    };
    let parsed = rows::read(import.file, import.format)?;
    portfolios::load(&market.app, customer, portfolio).await?.require_open()?;
    let file = checked(market, customer, portfolio, sha256, parsed).await?;
    let report = brought_in(&market.app, &file, import).await?;
    if idempotency_key.is_none() {
        return Ok(Created { value: report, replayed: false });
    }
    // The file is known by its hash, so the key's record need not be of the same transaction as its rows.
    let json = serde_json::to_vec(&report).map_err(|error| ServiceError::fault("report to JSON", error))?;
    match kept_answers::commit(&market.app, customer, pending, market.app.new_id(), &json, Vec::new()).await? {
        None => Ok(Created { value: report, replayed: false }),
        Some(first) => answered_before(&market.app, customer, first).await,
    }
}

async fn answered_before(app: &App, customer: CustomerId, id: Uuid) -> Result<Created<ImportReport>, ServiceError> {
    Ok(Created { value: kept_answers::find(app, customer, id, "import").await?, replayed: true })
}

/// Every row with its instrument, or what is wrong with it.
async fn checked(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    sha256: String,
    rows: Vec<rows::Row>,
) -> Result<File, ServiceError> {
    let named = rows.iter().flat_map(|row| &row.purchase).map(|purchase| purchase.ticker_symbol.clone()).collect();
    let known = symbols::known(market, customer, named).await?;
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

async fn brought_in(app: &App, file: &File, import: &Import<'_>) -> Result<ImportReport, ServiceError> {
    let key = keys::import(file.portfolio, &file.sha256);
    let (earlier, version) = documents::read::<Progress>(app.table(), &key).await?.unzip();
    // Read after the progress: the rows that it counts are among them unless they were removed.
    let stored = export::all(app, file.portfolio).await?;
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
        return Box::pin(brought_in(app, file, import)).await;
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
    let count = Tally::read(app, keys::investment_count(file.portfolio)).await?.count();
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
    let follow = |symbol| investments::follow(app, file.portfolio, symbol);
    let follow: Vec<_> = named.into_iter().map(follow).collect();
    stream::iter(follow).buffer_unordered(FOLLOWED_AT_ONCE).try_collect::<()>().await?;
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
    let tally = Tally::read(app, keys::investment_count(file.portfolio)).await?;
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
        tally.add(next.len(), MAX_INVESTMENTS, WHAT)?,
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
    /// The rows that can be imported, in the order of the file.
    fn valid(&self) -> impl Iterator<Item = &Line> {
        self.rows.iter().filter_map(|row| row.content.as_ref().ok())
    }

    /// The rows that the import brings in, in the order of the file.
    fn importable<'a>(&'a self, progress: &'a Progress) -> impl Iterator<Item = &'a Line> {
        self.valid().filter(|line| !progress.skipped.contains(&line.row))
    }

    /// The line of the file on which a row begins.
    fn line_of(&self, row: usize) -> usize {
        row.checked_sub(1).and_then(|index| self.rows.get(index)).map_or(row, |row| row.line)
    }

    fn investment(&self, line: &Line, started_at: DateTime<Utc>) -> Result<Investment, ServiceError> {
        let id = self.id_of(line.row, started_at);
        let identity = Identity { id, portfolio_id: self.portfolio, created_at: started_at };
        let recorded = line.purchase.recorded(&identity, &line.instrument, self.today);
        recorded.map_err(|mistakes| ServiceError::fault("a row that was checked", format!("{mistakes:?}")))
    }

    /// The same row of the same import has the same id, whoever brings it in.
    fn id_of(&self, row: usize, started_at: DateTime<Utc>) -> Uuid {
        let hash = Sha256::digest(format!("{}#{}#{row}", self.portfolio, self.sha256));
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        let ms = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    fn refuse_invalid(&self) -> Result<(), ServiceError> {
        let invalid = || {
            let numbered = self.rows.iter().zip(1..);
            numbered.filter_map(|(checked, row)| Some((row, checked.line, checked.content.as_ref().err()?)))
        };
        let count = invalid().count();
        if count == 0 {
            return Ok(());
        }
        let errors = invalid().flat_map(|(row, line, mistakes)| {
            mistakes.iter().map(move |(field, detail)| RowMistake { row, line, field, detail: detail.clone() })
        });
        Err(ServiceError::InvalidRows { count, errors: errors.take(MAX_LISTED).collect() })
    }

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
