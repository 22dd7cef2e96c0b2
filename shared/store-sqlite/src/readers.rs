//! Connections that read, beside the one that writes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::failure;
use crate::open;

/// Reads that run at the same time, each on a connection of its own that is kept; further ones wait for a turn. Without
/// this bound a burst opens connections for itself and closes them again, which takes longer than the reads.
const MAX_READERS: usize = 8;

pub(crate) enum Readers {
    /// A database in memory has one connection, for everything: reads take turns with the writer's batches.
    Shared(Arc<Mutex<Connection>>),
    /// Connections to a file.
    File(Pool),
}

pub(crate) struct Pool {
    path: PathBuf,
    turns: Arc<Semaphore>,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

/// The right to read, until it is dropped; a database in memory needs none.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Readers {
    pub(crate) fn of_file(path: PathBuf) -> Self {
        Self::File(Pool { path, turns: Arc::new(Semaphore::new(MAX_READERS)), idle: Mutex::default() })
    }

    /// Waits until fewer than [`MAX_READERS`] read.
    pub(crate) async fn acquire(&self) -> Result<Turn, StoreError> {
        match self {
            Self::Shared(_) => Ok(None),
            Self::File(pool) => pool.turns.clone().acquire_owned().await.map(Some).map_err(StoreError::unavailable),
        }
    }

    /// Reads on a connection of its own; blocks.
    pub(crate) fn read<T>(
        &self,
        _turn: Turn,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Shared(connection) => work(&connection.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::File(pool) => {
                let taken = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = match taken {
                    Some(connection) => connection,
                    None => open::open_reader(&pool.path).map_err(failure)?,
                };
                let outcome = work(&connection);
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                outcome
            }
        }
    }
}
