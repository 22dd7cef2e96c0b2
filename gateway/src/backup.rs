//! `sextant backup FILE` and `sextant restore FILE`: all data of one machine in one file.
//!
//! A backup holds the database, the objects (reports, exports, large results) and the secret for signing links. It is made
//! while the platform runs. [`Staged`] checks it, unpacks it beside the data folder and puts it in the folder's place; that
//! needs the platform to be stopped, since a running one would go on writing to the data that are replaced.
//!
//! - The database is copied first, then the objects. A record is written after its object and removed before it, so that
//!   every object of the copied database is there, except for those whose owner removes them meanwhile.
//! - A backup appears under its name only when it is complete, on disk, and has been read back.
//! - Nothing is replaced before every byte of the backup has been checked. The replacement is one step of the file
//!   system, so that a kill at any time leaves the former data or the restored data, complete.
//! - The former data are kept, under a name that is returned.
//!
//! The data of a replay, written e-mails and your own price files are not part of a backup.

mod archive;
mod error;
mod names;
mod staged;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Seek as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use objects::folder_files;

use crate::home::Home;
use archive::Writer;
pub use archive::{Listed, Manifest};
pub use error::{BackupError, Damage};
use names::{DATABASE, LINK_SECRET, OBJECTS};
pub use staged::Staged;

/// How the names of files begin that are removed when a backup is done.
const UNFINISHED: &str = ".sextant-backup-";

/// Writes a backup of the data to the new file `target`, and reads it back. Other processes may use the data meanwhile. The
/// backup has everything that was committed before this is called. Only its owner may read it. Blocks.
///
/// Errors: [`BackupError::Exists`] if there is such a file; nothing is left if it fails.
pub fn write(home: &Home, target: &Path, now: DateTime<Utc>) -> Result<Manifest, BackupError> {
    if target.try_exists().map_err(|error| BackupError::not_written(target, error))? {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let not_written = |error| BackupError::not_written(target, error);
    // Beside the backup, since it may be on another disk that has more space.
    let scratch = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(not_written)?;
    let copied = scratch.path().join(DATABASE);
    store_sqlite::copy(&home.database(), &copied)?;
    // The file of a new temporary file is its owner's alone.
    let mut unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(not_written)?;
    let mut writer = Writer::new(unfinished.as_file_mut(), now);
    writer.add(DATABASE, &copied).map_err(not_written)?;
    writer.add(LINK_SECRET, &home.link_secret()).map_err(not_written)?;
    for path in folder_files::list(&home.objects()).map_err(|error| BackupError::not_read(&home.objects(), error))? {
        writer.add(&format!("{OBJECTS}{path}"), &home.objects().join(&path)).map_err(not_written)?;
    }
    let manifest = writer.finish().map_err(not_written)?;
    unfinished.as_file().sync_all().map_err(not_written)?;
    let written = unfinished.as_file_mut();
    written.rewind().map_err(not_written)?;
    archive::check(written, target)?;
    unfinished.persist_noclobber(target).map_err(|error| not_written(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_written)?;
    Ok(manifest)
}
