//! The pool of connections for reading.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::failure;
use crate::open;

/// Most concurrent reads, each on its own pooled connection; further reads wait for a permit. Without this limit a
/// burst would open and close connections, which takes longer than the reads.
const MAX_READERS: usize = 8;

pub(crate) enum Readers {
    /// A database in memory has one connection, which reads and the writer's batches share under a lock.
    Shared(Arc<Mutex<Connection>>),
    /// Connections to a file.
    File(Pool),
}

pub(crate) struct Pool {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// Idle connections.
    idle: Mutex<Vec<Connection>>,
}

/// A permit to read, released on drop; a database in memory needs none.
pub(crate) type ReadPermit = Option<OwnedSemaphorePermit>;

impl Readers {
    pub(crate) fn of_file(path: PathBuf) -> Self {
        Self::File(Pool { path, permits: Arc::new(Semaphore::new(MAX_READERS)), idle: Mutex::default() })
    }

    /// Waits for a read permit.
    pub(crate) async fn acquire(&self) -> Result<ReadPermit, StoreError> {
        match self {
            Self::Shared(_) => Ok(None),
            Self::File(pool) => pool.permits.clone().acquire_owned().await.map(Some).map_err(StoreError::unavailable),
        }
    }

    /// Reads on a pooled connection; blocks.
    pub(crate) fn read<T>(
        &self,
        _permit: ReadPermit,
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
