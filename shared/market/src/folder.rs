//! A folder of your own files: one `SYMBOL.csv` for each symbol, and optionally an `instruments.csv`.
//!
//! File names match in any case. Only files in the folder itself are read: a symbol cannot contain a slash, and a link
//! that leads out of the folder is not followed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use domain::{Currency, Day, Instrument, Symbol};

use crate::call_budget::CallBudget;
use crate::csv_file;
use crate::error::ProviderError;
use crate::history::History;
use crate::instruments::{self, Instruments};
use crate::note::Note;
use crate::price_unit::{Listing, PriceUnit};
use crate::provider::{MarketClock, Provider};
use crate::series::CheckedBars;

/// The largest file that is read. A century of daily bars takes 2 MB.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Most symbols in one folder.
const MAX_FILES: usize = 20_000;

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
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("root", &self.root).field("latest", &self.latest).finish_non_exhaustive()
    }
}

impl Folder {
    /// Opens a folder and reads every file once to find the latest bar. Rows later than the day after `today` are left
    /// out. Blocks; for use at start-up.
    pub fn open(path: &Path, today: Today) -> Result<Self, FolderError> {
        let unreadable = |cause| FolderError::Unreadable { path: path.to_owned(), cause };
        let root = path.canonicalize().map_err(unreadable)?;
        let files = find_files(&root).map_err(unreadable)?;
        if files.len() > MAX_FILES {
            return Err(FolderError::TooManyFiles { path: path.to_owned() });
        }
        let folder = Self { root, today, latest: Arc::new(AtomicI32::new(i32::MIN)) };
        let mut first_fault = None;
        for symbol in files.keys() {
            // One broken file must not affect the others; a request for its symbol reports the fault. The market clock
            // needs only the days.
            if let Err(error) = folder.read_series(symbol, PriceUnit::of(Currency::USD)) {
                tracing::warn!(%symbol, %error, "file left out");
                first_fault.get_or_insert(format!("{symbol}: {error}"));
            }
        }
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

    /// The symbols that have a file now. Blocks on file I/O.
    #[must_use]
    pub fn read_symbols(&self) -> Vec<Symbol> {
        find_files(&self.root).map(|files| files.into_keys().collect()).unwrap_or_default()
    }

    /// The symbol's file in the folder; the case of its name does not matter.
    fn find_file(&self, symbol: &Symbol) -> Option<PathBuf> {
        if symbol.is_custom() || is_reserved(symbol) {
            return None;
        }
        let exact = self.root.join(format!("{symbol}.csv"));
        let path = if exact.is_file() { exact } else { find_files(&self.root).ok()?.remove(symbol)? };
        is_inside(&self.root, &path).then_some(path)
    }

    fn read_series(&self, symbol: &Symbol, unit: PriceUnit) -> Result<CheckedBars, ProviderError> {
        let path = self.find_file(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let series = csv_file::read(&read_limited(&path)?, (self.today)(), unit)
            .map_err(|error| ProviderError::malformed(format!("{}, {error}", file_name(&path))))?;
        let Some(last) = series.bars.last() else {
            let dropped = series.notes.iter().find(|note| matches!(note, Note::RowsDropped { .. }));
            let why = dropped.map(|note| format!(": {note}")).unwrap_or_default();
            return Err(ProviderError::malformed(format!("{} has no bars{why}", file_name(&path))));
        };
        self.latest.fetch_max(last.date.days_since_epoch(), Ordering::Relaxed);
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
        self.find_file(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let instruments =
            self.read_instruments().map_err(|error| ProviderError::malformed(format!("{INSTRUMENTS}: {error}")))?;
        let listing = instruments.listing(symbol);
        listing.map_err(|fault| ProviderError::malformed(format!("{INSTRUMENTS}, {fault}")))
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
        let prices = of(&self.find_file(symbol)?)?;
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

/// Whether the name is that of the list of instruments, which is not a symbol's file.
fn is_reserved(symbol: &Symbol) -> bool {
    symbol.as_str() == "INSTRUMENTS"
}

/// Whether a path, with links resolved, is a file in the folder.
fn is_inside(root: &Path, path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.starts_with(root) && real.is_file())
}

/// The folder's files by symbol. Of names that differ only in case, the first in byte order counts.
fn find_files(root: &Path) -> io::Result<BTreeMap<Symbol, PathBuf>> {
    let mut paths = fs::read_dir(root)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut files = BTreeMap::new();
    for path in paths {
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let symbol = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Symbol>().ok());
        match symbol {
            Some(symbol) if is_csv && !symbol.is_custom() && !is_reserved(&symbol) && is_inside(root, &path) => {
                files.entry(symbol).or_insert(path);
            }
            _ => {}
        }
    }
    Ok(files)
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
mod tests;
