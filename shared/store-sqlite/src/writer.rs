//! The one writer: a thread that carries out what waits in its queue and commits it together.
//!
//! A commit costs an fsync, and whatever is asked for while one runs shares the next. No request waits for company: one
//! that comes alone is committed at once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use store::{Clock, StoreError, Write};
use tokio::sync::{mpsc, oneshot};

use crate::failure::failure;
use crate::write::{self, Outcome};

/// Requests that wait for the writer; further callers wait for a place.
const MAX_WAITING: usize = 256;
/// Requests of one commit, which bounds how long the first of them waits for the last.
const MAX_BATCH_REQUESTS: usize = 128;
/// A batch that has reached this size takes no further request, so that the log of one commit stays small.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// The thread's owner. Dropping it ends the thread and waits until that has let go of the connection; callers borrow it,
/// so that none is left then.
pub(crate) struct Writer {
    /// Taken when dropped, which is what ends the thread.
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// One transaction, and where its caller waits.
struct Request {
    writes: Vec<Write>,
    answer: oneshot::Sender<Outcome>,
}

/// The writer ended, by a panic, before it could say what became of the writes.
#[derive(Debug, thiserror::Error)]
#[error("the writer stopped before it answered")]
struct Stopped;

impl Writer {
    /// Starts the thread. While a batch is under way it holds the connection.
    pub(crate) fn start(connection: Arc<Mutex<Connection>>, clock: Clock) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let work = move || serve(waiting, &connection, &clock);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Carries out these writes, all or none; answers once they are on the disk.
    ///
    /// The writes of a caller that goes away happen or not, as a whole, and harm nobody else's.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| StoreError::unavailable(Stopped))?;
        queue.send(Request { writes, answer }).await.map_err(|_| StoreError::unavailable(Stopped))?;
        outcome.await.map_err(|_| StoreError::unavailable(Stopped))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic was told to those whom it concerned.
            let _ended = thread.join();
        }
    }
}

/// The thread's work, until nobody is left who could ask.
fn serve(mut waiting: mpsc::Receiver<Request>, connection: &Mutex<Connection>, clock: &Clock) {
    let mut sweep = write::Sweep::default();
    while let Some(first) = waiting.blocking_recv() {
        let batch = Batch::new(first, &mut waiting);
        // A panic, as of a broken clock, rolls back the batch and leaves its callers without an answer, which they take
        // for unavailable; those after them are served.
        let _panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            batch.commit(&mut connection, clock, &mut sweep);
        }));
    }
}

/// Requests that are committed together.
struct Batch<'a> {
    first: Option<Request>,
    waiting: &'a mut mpsc::Receiver<Request>,
    bytes: usize,
    /// Where the callers of the requests that were taken wait, in the order in which they were taken.
    answers: Vec<oneshot::Sender<Outcome>>,
}

impl<'a> Batch<'a> {
    fn new(first: Request, waiting: &'a mut mpsc::Receiver<Request>) -> Self {
        Self { first: Some(first), waiting, bytes: 0, answers: Vec::new() }
    }

    /// The writes of the next request, unless the batch is full or nobody waits.
    fn next(&mut self) -> Option<Vec<Write>> {
        while self.answers.len() < MAX_BATCH_REQUESTS && self.bytes < MAX_BATCH_BYTES {
            let Request { writes, answer } = self.first.take().or_else(|| self.waiting.try_recv().ok())?;
            // A caller that is gone cannot tell whether its writes happened, so they need not.
            if !answer.is_closed() {
                self.bytes += writes.iter().map(size).sum::<usize>();
                self.answers.push(answer);
                return Some(writes);
            }
        }
        None
    }

    /// Carries out and commits all, then answers all. Not even a conflict is answered before the commit: it may have
    /// been found against what another request of the batch wrote.
    fn commit(mut self, connection: &mut Connection, clock: &Clock, sweep: &mut write::Sweep) {
        // Who is no longer there to be told is not missed.
        match self.carry_out(connection, clock, sweep) {
            Ok(outcomes) => {
                for (answer, outcome) in self.answers.into_iter().zip(outcomes) {
                    let _gone = answer.send(outcome);
                }
            }
            Err(lost) => {
                for answer in self.answers {
                    let _gone = answer.send(Err(lost.told()));
                }
            }
        }
    }

    /// The outcome of each request that was taken, once they are committed.
    fn carry_out(
        &mut self,
        connection: &mut Connection,
        clock: &Clock,
        sweep: &mut write::Sweep,
    ) -> Result<Vec<Outcome>, Lost> {
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = begun.map_err(|error| {
            // Another process holds the file. Those who wait would each wait as long again, one after the other.
            while self.next().is_some() {}
            Lost::before_commit(error)
        })?;
        let mut outcomes = Vec::new();
        while let Some(writes) = self.next() {
            // Read inside the transaction: versions then grow in the order of the commits.
            let now = clock();
            outcomes.push(write::carry_out(&mut transaction, writes, now).map_err(Lost::before_commit)?);
        }
        sweep.run_if_due(&transaction, clock()).map_err(Lost::before_commit)?;
        transaction.commit().map_err(Lost::in_commit)?;
        Ok(outcomes)
    }
}

/// Why nothing of a batch is acknowledged: one cause, and what each of its callers is told.
struct Lost {
    cause: Arc<rusqlite::Error>,
    meaning: fn(Arc<rusqlite::Error>) -> StoreError,
}

impl Lost {
    fn before_commit(error: rusqlite::Error) -> Self {
        Self { cause: Arc::new(error), meaning: failure }
    }

    fn in_commit(error: rusqlite::Error) -> Self {
        Self { cause: Arc::new(error), meaning: commit_failure }
    }

    fn told(&self) -> StoreError {
        (self.meaning)(self.cause.clone())
    }
}

/// What a failed COMMIT means. Where another process was in the way or the disk was full the mark of the commit was not
/// written; after anything else it may have been, and a crash before the next commit would find it.
fn commit_failure(error: Arc<rusqlite::Error>) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Throttled,
        Some(ErrorCode::DiskFull) => StoreError::refused(error),
        _ => StoreError::unavailable(error),
    }
}

fn size(write: &Write) -> usize {
    let body = match write {
        Write::Put { body, .. } => body.len(),
        Write::Delete { .. } | Write::Check { .. } => 0,
    };
    write.key().bytes() + body
}

#[cfg(test)]
mod tests;
