//! Which file of a folder holds the prices of which symbol.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use domain::Symbol;

use super::stooq::{self, FileCurrency};

/// How many folders deep files are searched. Stooq's bulk file has five.
const DEEPEST: usize = 8;

/// A file of prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PriceFile {
    pub(super) path: PathBuf,
    /// The currency of a file of Stooq; `None` for another file.
    pub(super) stooq: Option<FileCurrency>,
}

/// The files of a folder by symbol, as they were when it was searched.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_symbol: BTreeMap<Symbol, PriceFile>,
    /// The folders below the root, and when their entries last changed.
    folders: Vec<(PathBuf, SystemTime)>,
}

impl Files {
    /// Searches a folder: `SYMBOL.csv` in the folder itself, and files of Stooq in it and in the folders below. Links to
    /// folders are not followed. Of names that mean the same symbol, the first in byte order counts, and one in the
    /// folder itself before those below.
    pub(super) fn find(root: &Path) -> io::Result<Self> {
        let mut files = Self { by_symbol: find_own(root)?, folders: Vec::new() };
        files.add_below(root, root, 0)?;
        Ok(files)
    }

    fn add_below(&mut self, root: &Path, folder: &Path, depth: usize) -> io::Result<()> {
        self.folders.push((folder.to_owned(), fs::metadata(folder)?.modified()?));
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() && depth < DEEPEST {
                // A folder that cannot be read does not affect the others.
                if let Err(error) = self.add_below(root, &path, depth + 1) {
                    tracing::warn!(folder = %path.display(), %error, "folder left out");
                }
            } else if kind.is_file()
                && let Ok(below) = path.strip_prefix(root)
                && let Some(found) = stooq::recognise(below)
            {
                let file = PriceFile { path, stooq: Some(found.currency) };
                self.by_symbol.entry(found.symbol).or_insert(file);
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.by_symbol.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Symbol, &PriceFile)> {
        self.by_symbol.iter()
    }

    pub(super) fn symbols(&self) -> Vec<Symbol> {
        self.by_symbol.keys().cloned().collect()
    }

    pub(super) fn get(&self, symbol: &Symbol) -> Option<&PriceFile> {
        self.by_symbol.get(symbol)
    }

    /// Whether no entry was added to or removed from any of the folders since.
    pub(super) fn is_current(&self) -> bool {
        let unchanged = |(folder, at): &(PathBuf, SystemTime)| {
            fs::metadata(folder).and_then(|now| now.modified()).is_ok_and(|now| now == *at)
        };
        self.folders.iter().all(unchanged)
    }
}

/// The folder's own files, `SYMBOL.csv` in any case.
pub(super) fn find_own(root: &Path) -> io::Result<BTreeMap<Symbol, PriceFile>> {
    let mut paths = fs::read_dir(root)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut files = BTreeMap::new();
    for path in paths {
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if !is_csv || stooq::recognise(path.strip_prefix(root).unwrap_or(&path)).is_some() {
            continue;
        }
        let symbol = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Symbol>().ok());
        match symbol {
            Some(symbol) if !symbol.is_custom() && !is_reserved(&symbol) && is_inside(root, &path) => {
                files.entry(symbol).or_insert(PriceFile { path, stooq: None });
            }
            _ => {}
        }
    }
    Ok(files)
}

/// Whether the name is that of the list of instruments, which is not a symbol's file.
pub(super) fn is_reserved(symbol: &Symbol) -> bool {
    symbol.as_str() == "INSTRUMENTS"
}

/// Whether a path, with links resolved, is a file in the folder.
pub(super) fn is_inside(root: &Path, path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.starts_with(root) && real.is_file())
}
