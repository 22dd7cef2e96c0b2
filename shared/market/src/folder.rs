//! A folder of your own files: one `SYMBOL.csv` for each symbol, files as Stooq offers them, and optionally an
//! `instruments.csv`.
//!
//! File names match in any case. Own files are in the folder itself, and those of Stooq's bulk file may be in folders
//! below it. A symbol cannot contain a slash, and a link that leads out of the folder is not followed.

mod files;
mod stooq;

use std::fmt;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use domain::{Currency, Day, Instrument, Symbol};

use self::files::{Files, PriceFile, find_own, is_inside, is_reserved};
use self::stooq::FileCurrency;
use crate::call_budget::CallBudget;
use crate::csv_file::{self, Origin};
use crate::error::ProviderError;
use crate::history::History;
use crate::instruments::{self, Instruments};
use crate::note::Note;
use crate::price_unit::{Listing, PriceUnit};
use crate::provider::{MarketClock, Provider};
use crate::series::CheckedBars;
use crate::symbols;

/// The largest file that is read. A century of daily bars takes 2 MB.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Most symbols in one folder.
const MAX_FILES: usize = 100_000;

/// Up to this many files are read as a whole when the folder is opened. Of more, only the ends are.
const READ_AT_START: usize = 500;

/// How much is read of either end of a file: some lines.
const END_BYTES: u64 = 1024;

/// The source's name in responses.
pub const SOURCE: &str = "folder";

const INSTRUMENTS: &str = "instruments.csv";

/// Version of the file reader. A new version makes stored histories of unchanged files be read again.
const READING: u32 = 2;

/// Why a folder cannot be used as a source of prices.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be read.
    #[error("cannot read the folder {}: {cause}", .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// No file of the folder holds a series of bars.
    #[error("no SYMBOL.csv file with daily bars in {}{}", .path.display(), .first_fault.as_ref().map(|fault| format!(" ({fault})")).unwrap_or_default())]
    NoPrices {
        /// The folder.
        path: PathBuf,
        /// The fault of the first file that was tried.
        first_fault: Option<String>,
    },
    /// More than `MAX_FILES` files.
    #[error("more than {MAX_FILES} files in {}", .path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
    },
    /// The folder's `instruments.csv` is not a list of instruments.
    #[error("{}: {cause}", .path.display())]
    Instruments {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: instruments::InstrumentsError,
    },
}

/// The current day by the wall clock.
pub type Today = Arc<dyn Fn() -> Day + Send + Sync>;

/// A folder of files. Cheap to clone.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    today: Today,
    /// The day of the latest bar read so far in any file, as days since 1970; it never goes back.
    latest: Arc<AtomicI32>,
    files: Arc<Mutex<Arc<Files>>>,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("root", &self.root).field("latest", &self.latest).finish_non_exhaustive()
    }
}

impl Folder {
    /// Opens a folder and reads its files once to find the latest bar: as a whole, or, of thousands of files, their ends.
    /// Rows later than the day after `today` are left out. Blocks; for use at start-up.
    pub fn open(path: &Path, today: Today) -> Result<Self, FolderError> {
        let unreadable = |cause| FolderError::Unreadable { path: path.to_owned(), cause };
        let root = path.canonicalize().map_err(unreadable)?;
        let files = Arc::new(Files::find(&root).map_err(unreadable)?);
        if files.len() > MAX_FILES {
            return Err(FolderError::TooManyFiles { path: path.to_owned() });
        }
        let latest = Arc::new(AtomicI32::new(i32::MIN));
        let folder = Self { root, today, latest, files: Arc::new(Mutex::new(files.clone())) };
        let first_fault = if files.len() > READ_AT_START { folder.read_ends(&files) } else { folder.read_all(&files) };
        if folder.latest.load(Ordering::Relaxed) == i32::MIN {
            return Err(FolderError::NoPrices { path: path.to_owned(), first_fault });
        }
        let instruments = folder.read_instruments();
        let instruments =
            instruments.map_err(|cause| FolderError::Instruments { path: path.join(INSTRUMENTS), cause })?;
        for fault in instruments.faults() {
            tracing::warn!(file = INSTRUMENTS, %fault, "line left out");
        }
        Ok(folder)
    }

    /// Reads all files; returns the first fault. One broken file does not affect the others; a request for its symbol
    /// reports the fault. The market clock needs only the days.
    fn read_all(&self, files: &Files) -> Option<String> {
        let mut first_fault = None;
        for (symbol, file) in files.iter() {
            if let Err(error) = self.read_file(file, PriceUnit::of(Currency::USD)) {
                tracing::warn!(%symbol, %error, "file left out");
                first_fault.get_or_insert(format!("{symbol}: {error}"));
            }
        }
        first_fault
    }

    /// Reads the ends of all files; returns the first file in which no bar was found.
    fn read_ends(&self, files: &Files) -> Option<String> {
        let mut first_fault = None;
        for (symbol, file) in files.iter() {
            let ends = read_ends(&file.path).ok();
            let latest = ends.and_then(|(first, last)| csv_file::find_latest_day(&first, &last, (self.today)()));
            if let Some(day) = latest {
                self.see(day);
            } else {
                tracing::debug!(%symbol, "no bar at either end of the file");
                first_fault.get_or_insert(format!("{symbol}: no bar at either end of {}", file_name(&file.path)));
            }
        }
        first_fault
    }

    /// The market clock moves to a later day.
    fn see(&self, day: Day) {
        self.latest.fetch_max(day.days_since_epoch(), Ordering::Relaxed);
    }

    /// The symbols that have a file now. Blocks on file I/O.
    #[must_use]
    pub fn read_symbols(&self) -> Vec<Symbol> {
        self.current_files().map(|files| files.symbols()).unwrap_or_default()
    }

    /// The files, searched again if a file was added or removed.
    fn current_files(&self) -> io::Result<Arc<Files>> {
        let known = self.known_files();
        if known.is_current() {
            return Ok(known);
        }
        let found = Arc::new(Files::find(&self.root)?);
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = found.clone();
        Ok(found)
    }

    fn known_files(&self) -> Arc<Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The symbol's file; the case of its name does not matter.
    fn find_file(&self, symbol: &Symbol) -> Option<PriceFile> {
        if symbol.is_custom() || is_reserved(symbol) {
            return None;
        }
        let exact = self.root.join(format!("{symbol}.csv"));
        if exact.is_file() {
            return is_inside(&self.root, &exact).then_some(PriceFile { path: exact, stooq: None });
        }
        let is_there = |file: &PriceFile| is_inside(&self.root, &file.path);
        if let Some(file) = self.known_files().get(symbol).filter(|file| is_there(file)) {
            return Some(file.clone());
        }
        // The time of a folder's last change may be too coarse to show a file that was added a moment ago.
        let added = find_own(&self.root).ok()?.remove(symbol);
        added.or_else(|| self.current_files().ok()?.get(symbol).filter(|file| is_there(file)).cloned())
    }

    fn read_series(&self, symbol: &Symbol, unit: PriceUnit) -> Result<CheckedBars, ProviderError> {
        self.read_file(&self.find_file(symbol).ok_or(ProviderError::UnknownSymbol)?, unit)
    }

    fn read_file(&self, file: &PriceFile, unit: PriceUnit) -> Result<CheckedBars, ProviderError> {
        let path = &file.path;
        let origin = if file.stooq.is_some() { Origin::Stooq } else { Origin::Unknown };
        let series = csv_file::read_from(&read_limited(path)?, (self.today)(), unit, origin)
            .map_err(|error| ProviderError::malformed(format!("{}, {error}", file_name(path))))?;
        let Some(last) = series.bars.last() else {
            let dropped = series.notes.iter().find(|note| matches!(note, Note::RowsDropped { .. }));
            let why = dropped.map(|note| format!(": {note}")).unwrap_or_default();
            return Err(ProviderError::malformed(format!("{} has no bars{why}", file_name(path))));
        };
        self.see(last.date);
        Ok(series)
    }

    fn read_instruments(&self) -> Result<Instruments, instruments::InstrumentsError> {
        let path = self.root.join(INSTRUMENTS);
        if !path.is_file() || !is_inside(&self.root, &path) {
            return Ok(Instruments::default());
        }
        match read_limited(&path) {
            Ok(bytes) => instruments::read(&bytes),
            Err(_) => Err(instruments::InstrumentsError::Unreadable),
        }
    }

    fn read_listing(&self, symbol: &Symbol) -> Result<Listing, ProviderError> {
        let file = self.find_file(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let instruments =
            self.read_instruments().map_err(|error| ProviderError::malformed(format!("{INSTRUMENTS}: {error}")))?;
        listing(&instruments, symbol, file.stooq)
    }

    fn read_matches(&self, text: &str) -> Result<Vec<Instrument>, ProviderError> {
        let instruments =
            self.read_instruments().map_err(|error| ProviderError::malformed(format!("{INSTRUMENTS}: {error}")))?;
        let files = self.current_files().map_err(|_| ProviderError::Unavailable { status: None })?;
        // A fault of one instrument does not affect the others.
        let listed = files.iter().filter_map(|(symbol, file)| listing(&instruments, symbol, file.stooq).ok());
        Ok(listed.map(|listing| listing.instrument).filter(|instrument| instrument.mentions(text)).collect())
    }

    fn read_history(&self, symbol: &Symbol) -> Result<History, ProviderError> {
        let unit = self.read_listing(symbol)?.unit();
        let CheckedBars { bars, basis, notes, held_back } = self.read_series(symbol, unit)?;
        let currency = unit.currency;
        Ok(History { source: SOURCE, bars, basis, currency, notes, held_back })
    }
}

#[async_trait]
impl Provider for Folder {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        let latest = self.latest.load(Ordering::Relaxed);
        Day::from_days_since_epoch(latest).map_or(MarketClock::Live, MarketClock::StandsAt)
    }

    fn revision(&self, symbol: &Symbol) -> Option<String> {
        let of = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(format!("{}-{}", modified.as_nanos(), metadata.len()))
        };
        let prices = of(&self.find_file(symbol)?.path)?;
        // The list of instruments gives the currency of the prices.
        Some(match of(&self.root.join(INSTRUMENTS)) {
            Some(instruments) => format!("{READING}-{prices}-{instruments}"),
            None => format!("{READING}-{prices}"),
        })
    }

    async fn fetch_daily(&self, symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        let (folder, symbol) = (self.clone(), symbol.clone());
        run_blocking(move || folder.read_history(&symbol)).await
    }

    async fn search(&self, text: &str, _budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let (folder, text) = (self.clone(), text.to_owned());
        run_blocking(move || folder.read_matches(&text)).await
    }

    async fn list_symbols(&self) -> Vec<Symbol> {
        let folder = self.clone();
        run_blocking(move || Ok(folder.read_symbols())).await.unwrap_or_default()
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        let (folder, symbol) = (self.clone(), symbol.clone());
        run_blocking(move || Ok(folder.read_listing(&symbol)?.instrument)).await
    }
}

async fn run_blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(ProviderError::Unavailable { status: None }))
}

/// The instrument of a symbol and the unit of its prices: by its line, or else by the file.
fn listing(instruments: &Instruments, symbol: &Symbol, stooq: Option<FileCurrency>) -> Result<Listing, ProviderError> {
    let listed = instruments.listed(symbol);
    let listed = listed.map_err(|fault| ProviderError::malformed(format!("{INSTRUMENTS}, {fault}")))?;
    let unlisted = || Instrument::unlisted(symbol.clone());
    match (listed, stooq) {
        (Some(listing), _) => Ok(listing),
        (None, None) => Ok(unlisted().into()),
        (None, Some(FileCurrency::Known(currency))) => Ok(Instrument { currency, ..unlisted() }.into()),
        (None, Some(FileCurrency::ByForm)) => Ok(symbols::describe(symbol).unwrap_or_else(unlisted).into()),
        (None, Some(FileCurrency::Unknown)) => Err(ProviderError::malformed(format!(
            "the file of {symbol} does not state the currency of its prices; add a line for it to {INSTRUMENTS}"
        ))),
    }
}

/// The first and the last bytes of a file.
fn read_ends(path: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    (&mut file).take(END_BYTES).read_to_end(&mut first)?;
    if length > END_BYTES {
        // From before the end of the first part, so that a line between the two is whole in one of them.
        file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
        file.take(END_BYTES).read_to_end(&mut last)?;
    }
    Ok((first, last))
}

fn read_limited(path: &Path) -> Result<Vec<u8>, ProviderError> {
    let unavailable = |cause: io::Error| {
        tracing::warn!(file = file_name(path), %cause, "file cannot be read");
        ProviderError::Unavailable { status: None }
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unavailable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unavailable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(ProviderError::TooLarge) } else { Ok(bytes) }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod stooq_tests;
#[cfg(test)]
mod tests;
