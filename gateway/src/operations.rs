//! Operator commands on one machine: the function `operator`, on the folder of a platform that may be running, and backup
//! and restore.

use std::fmt;
use std::path::{Path, PathBuf};

use app::Channels;
use serde_json::{Value, json};

use crate::backup::{self, BackupError, Manifest, Staged};
use crate::home::Home;
use crate::platform::{Engines, Settings};

/// Runs an operator command and returns its result.
pub async fn run(settings: &Settings, command: Value) -> anyhow::Result<Value> {
    run_in(&Home::open_unlocked(&settings.home)?, settings, command).await
}

async fn run_in(home: &Home, settings: &Settings, command: Value) -> anyhow::Result<Value> {
    let engines = Engines::open(home, settings, Channels::none())?;
    Ok(operator::handle_without_limit(&engines.market.restricted_to("operator"), command).await?)
}

/// Writes a backup of a platform that may be running to a new file. Blocks.
pub fn back_up(settings: &Settings, file: &Path) -> Result<Manifest, BackupError> {
    backup::write(&Home::open_unlocked(&settings.home)?, file, (settings.clock)())
}

/// What a restore has done.
pub struct Restored {
    /// The data folder.
    pub home: PathBuf,
    /// What the backup contained.
    pub manifest: Manifest,
    /// Where the data are that were replaced, if there were any.
    pub former: Option<PathBuf>,
    /// The result of the verification of all books.
    pub verification: anyhow::Result<Value>,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} now has {}", self.home.display(), self.manifest)?;
        if let Some(former) = &self.former {
            writeln!(f, "the former data are in {}", former.display())?;
        }
        writeln!(f, "all sessions are ended; the verification of the books found:")
    }
}

/// Replaces the data of a platform that is stopped by those of a backup. All sessions are ended: the backup does not know
/// which of them were ended after it, or by which password they were begun. The books are verified before the data are
/// replaced; they are replaced whatever the result is.
pub async fn restore(settings: &Settings, file: &Path) -> anyhow::Result<Restored> {
    let (home, backup) = (settings.home.clone(), file.to_owned());
    let staged = tokio::task::spawn_blocking(move || Staged::unpack(&home, &backup)).await??;
    run_in(staged.home(), settings, json!({ "command": "end-sessions" })).await?;
    let verification = run_in(staged.home(), settings, json!({ "command": "verify", "restart": true })).await;
    let manifest = staged.manifest().clone();
    let former = staged.take_place((settings.clock)())?;
    Ok(Restored { home: settings.home.clone(), manifest, former, verification })
}
