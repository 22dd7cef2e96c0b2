//! The only writer: a thread that executes the queued transactions and commits them together.
//!
//! A commit costs an fsync, and all requests that arrive during one share the next. A single request is committed
//! immediately.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use store::{Clock, StoreError, Write};
use tokio::sync::{mpsc, oneshot};

use crate::failure::failure;
use crate::write::{self, Outcome};

/// Most queued requests; further callers wait for a place in the queue.
const MAX_WAITING: usize = 256;
/// Most requests of one commit, which limits how long the first of them waits.
const MAX_BATCH_REQUESTS: usize = 128;
/// A batch of this size accepts no further request, so that the log of one commit stays small.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// The owner of the thread. Dropping it ends the thread and waits until the connection is released. Callers borrow it,
/// so none is left then.
pub(crate) struct Writer {
    /// Taken when dropped, which is what ends the thread.
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// A transaction and the channel to its caller.
struct Request {
    writes: Vec<Write>,
    answer: oneshot::Sender<Outcome>,
}

/// The writer panicked before it could report the result of the writes.
#[derive(Debug, thiserror::Error)]
#[error("the writer stopped before it reported a result")]
struct Stopped;

impl Writer {
    /// Starts the thread. It holds the connection while a batch is in progress.
    pub(crate) fn start(connection: Arc<Mutex<Connection>>, clock: Clock) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let work = move || serve(waiting, &connection, &clock);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Executes these writes, all or none, and returns when they are on disk.
    ///
    /// If the caller is dropped, its writes still happen as a whole or not at all, without effect on others.
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
            // The callers concerned have already received an error.
            let _ended = thread.join();
        }
    }
}

/// The thread's loop, until all senders are dropped.
fn serve(mut waiting: mpsc::Receiver<Request>, connection: &Mutex<Connection>, clock: &Clock) {
    let mut sweep = write::Sweep::default();
    while let Some(first) = waiting.blocking_recv() {
        let batch = Batch::new(first, &mut waiting);
        // A panic, for example of a broken clock, rolls back the batch. Its callers get no result, which they report as
        // unavailable; later requests are served.
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
    /// The channels to the callers of the accepted requests, in order.
    answers: Vec<oneshot::Sender<Outcome>>,
}

impl<'a> Batch<'a> {
    fn new(first: Request, waiting: &'a mut mpsc::Receiver<Request>) -> Self {
        Self { first: Some(first), waiting, bytes: 0, answers: Vec::new() }
    }

    /// The writes of the next request, unless the batch is full or the queue is empty.
    fn next(&mut self) -> Option<Vec<Write>> {
        while self.answers.len() < MAX_BATCH_REQUESTS && self.bytes < MAX_BATCH_BYTES {
            let Request { writes, answer } = self.first.take().or_else(|| self.waiting.try_recv().ok())?;
            // The caller is gone and cannot know whether its writes happened, so they are skipped.
            if !answer.is_closed() {
                self.bytes += writes.iter().map(size).sum::<usize>();
                self.answers.push(answer);
                return Some(writes);
            }
        }
        None
    }

    /// Executes and commits all requests, then sends all results. Even a conflict is not reported before the commit,
    /// since it may be against the uncommitted write of another request in the batch.
    fn commit(mut self, connection: &mut Connection, clock: &Clock, sweep: &mut write::Sweep) {
        // A caller may be gone.
        match self.carry_out(connection, clock, sweep) {
            Ok(outcomes) => {
                for (answer, outcome) in self.answers.into_iter().zip(outcomes) {
                    let _gone = answer.send(outcome);
                }
            }
            Err(lost) => {
                for answer in self.answers {
                    let _gone = answer.send(Err(lost.error()));
                }
            }
        }
    }

    /// The outcome of each accepted request, after the commit.
    fn carry_out(
        &mut self,
        connection: &mut Connection,
        clock: &Clock,
        sweep: &mut write::Sweep,
    ) -> Result<Vec<Outcome>, Lost> {
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = begun.map_err(|error| {
            // Another process holds the file. Fail all queued requests, instead of letting each wait as long again.
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

/// Why a whole batch failed: the cause, and the error for each of its callers.
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

    fn error(&self) -> StoreError {
        (self.meaning)(self.cause.clone())
    }
}

/// The meaning of a failed COMMIT. If another process was in the way or the disk was full, the commit mark was not
/// written. After any other error it may have been, and recovery after a crash would find it.
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
