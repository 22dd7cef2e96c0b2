//! Why a backup or a restore fails.

use std::io;
use std::path::{Path, PathBuf};

use store_sqlite::OpenError;
use thiserror::Error;

use crate::home::HomeError;

/// Why a backup or a restore fails. In every case the data are what they were.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The data folder cannot be used, for example because a platform runs in it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database cannot be copied.
    #[error("cannot copy the database")]
    Database(#[from] OpenError),
    /// There is a file under the name of the new backup.
    #[error("{} exists already; choose another name", .0.display())]
    Exists(PathBuf),
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    NotWritten {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", .path.display())]
    NotRead {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The backup is incomplete, was altered, or is not a backup.
    #[error("{} cannot be restored: {damage}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The file system cannot put the restored data in the place of the former.
    #[error(
        "cannot put the restored data in the place of {}, which may be a mount point; \
         set SEXTANT_HOME to a folder that does not exist yet, and restore there",
        .home.display()
    )]
    NotReplaced {
        /// The data folder.
        home: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// What is wrong with a backup.
#[derive(Debug, Error)]
pub enum Damage {
    /// Its bytes are not those of a compressed archive, or it ends too early.
    #[error("it is damaged or incomplete ({0})")]
    Unreadable(io::Error),
    /// It is an archive without a list of its files: it was not written to its end.
    #[error("it is incomplete: the list of its files is missing")]
    NoManifest,
    /// It is not a backup of this program.
    #[error("it is not a backup of Sextant")]
    Foreign,
    /// A later version of the program wrote it.
    #[error("it has the format {0}, but this program reads only {format}; use a newer version", format = super::names::TOP)]
    OtherFormat(String),
    /// It contains something that no backup contains.
    #[error("it contains {0:?}, which is not part of a backup")]
    Unexpected(String),
    /// A file differs from the list: it was altered, added or removed.
    #[error("{0} is not the file that was backed up")]
    Altered(String),
}

impl BackupError {
    pub(super) fn not_written(path: &Path, source: io::Error) -> Self {
        Self::NotWritten { path: path.to_owned(), source }
    }

    pub(super) fn not_read(path: &Path, source: io::Error) -> Self {
        Self::NotRead { path: path.to_owned(), source }
    }
}
