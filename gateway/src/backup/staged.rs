//! A backup that is checked and unpacked beside the data folder, ready to take its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use objects::private_folder;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::archive::{self, Manifest};
use super::error::BackupError;
use crate::home::{Home, HomeError};
use crate::replay;

/// What the name of the folder adds to that of the data folder. What is in such a folder is never needed.
const STAGING_SUFFIX: &str = ".restoring";
/// What the name of the former data folder adds, before the time of the restore.
const FORMER_SUFFIX: &str = ".before-restore-";

/// An unpacked backup. It is removed on drop, unless it has taken the data folder's place.
#[derive(Debug)]
pub struct Staged {
    /// The data folder.
    target: PathBuf,
    /// The folder beside it, while it holds the backup.
    staging: Option<PathBuf>,
    home: Home,
    /// The locks of the data that are to be replaced.
    former: Vec<Home>,
    manifest: Manifest,
}

impl Staged {
    /// Checks a backup and unpacks it beside the data folder `home`, which need not exist and is not changed. Blocks.
    ///
    /// Errors: [`HomeError::InUse`](crate::home::HomeError::InUse) while a platform or a command uses the data;
    /// [`BackupError::Damaged`] if a byte of the backup is not what was backed up.
    pub fn unpack(home: &Path, backup: &Path) -> Result<Self, BackupError> {
        let file = File::open(backup).map_err(|error| BackupError::not_read(backup, error))?;
        // Through a link, so that the folder itself is replaced, on its own disk.
        let target = match fs::canonicalize(home) {
            Err(error) if error.kind() == ErrorKind::NotFound => home.to_owned(),
            found => found.map_err(|error| BackupError::not_read(home, error))?,
        };
        let former = lock_former(&target)?;
        let staging = with_suffix(&target, STAGING_SUFFIX);
        let not_written = |error| BackupError::not_written(&staging, error);
        if staging.exists() {
            // A restore was killed; if it is still at work, this is refused.
            let killed = Home::open_alone(&staging)?;
            fs::remove_dir_all(killed.path()).map_err(not_written)?;
        }
        if let Some(folder) = staging.parent() {
            private_folder::create(folder).map_err(not_written)?;
        }
        let home = Home::open_alone(&staging).map_err(|error| match error {
            HomeError::NotWritable { source, .. } => BackupError::NotReplaced { home: target.clone(), source },
            error => error.into(),
        })?;
        let manifest = match archive::unpack(file, backup, &staging) {
            Ok(manifest) => manifest,
            Err(error) => {
                remove(&staging);
                return Err(error);
            }
        };
        Ok(Self { target, staging: Some(staging), home, former, manifest })
    }

    /// What the backup contains.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder with the restored data.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Puts the restored data in the place of the data folder. Returns where the former data are now, if there were any.
    /// Nothing may have the restored database open. Blocks.
    ///
    /// Errors: [`BackupError::NotReplaced`]; then the data folder is what it was.
    pub fn take_place(mut self, now: DateTime<Utc>) -> Result<Option<PathBuf>, BackupError> {
        let not_replaced = |source| BackupError::NotReplaced { home: self.target.clone(), source };
        let Some(staging) = self.staging.take() else { return Ok(None) };
        let kept = (!self.former.is_empty())
            .then(|| with_suffix(&self.target, &format!("{FORMER_SUFFIX}{}", now.format("%Y-%m-%dT%H%M%SZ"))));
        let placed = match &kept {
            None => fs::rename(&staging, &self.target),
            // The restored folder first gets the name that the former will have. The exchange then completes both at once,
            // and the former data are never in a folder that a later restore removes.
            Some(kept) => {
                fs::rename(&staging, kept).and_then(|()| exchange(kept, &self.target).inspect_err(|_| remove(kept)))
            }
        };
        if let Err(error) = placed {
            remove(&staging);
            return Err(not_replaced(error));
        }
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_replaced)?;
        Ok(kept)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(staging) = &self.staging {
            remove(staging);
        }
    }
}

/// Locks the data that are to be replaced, and those of a replay in the same folder.
fn lock_former(home: &Path) -> Result<Vec<Home>, BackupError> {
    if !home.exists() {
        return Ok(Vec::new());
    }
    let mut locked = vec![Home::open_alone(home)?];
    let replay = home.join(replay::FOLDER);
    if replay.is_dir() {
        locked.push(Home::open_alone(&replay)?);
    }
    Ok(locked)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Gives each folder the name of the other, in one step.
fn exchange(one: &Path, other: &Path) -> std::io::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

/// Removes a folder that nothing needs. What stays is removed by the next restore.
fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "cannot remove the unfinished restore");
    }
}
