//! Sending of responses: a connection is busy until the last byte is passed to the system, and is closed if the client
//! reads too slowly.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::places::Busy;

/// How slowly a client may read its responses. Bytes accepted by the system count as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadPace {
    /// Longest pause between two bytes.
    pub(crate) pause: Duration,
    /// Longest total time while data waits to be sent; bytes read meanwhile extend it.
    pub(crate) whole: Duration,
    /// Bytes read that extend `whole` by a second.
    pub(crate) bytes_per_second: u64,
}

impl Default for ReadPace {
    fn default() -> Self {
        Self { pause: Duration::from_secs(10), whole: Duration::from_secs(30), bytes_per_second: 16 << 10 }
    }
}

/// Keeps a connection busy between the end of its response's body and the flush that sends the rest.
#[derive(Clone, Default)]
pub(super) struct Sending(Arc<Mutex<Option<Busy>>>);

impl Sending {
    /// Wraps a response so that its connection stays busy until it is sent.
    pub(super) fn answer(&self, response: Response<Bytes>, busy: Busy) -> Response<Answer> {
        response.map(|bytes| Answer { body: Full::new(bytes), busy: Some(busy), sending: self.clone() })
    }

    /// The busy mark that a flush would release; the next request of the connection takes it over.
    pub(super) fn take(&self) -> Option<Busy> {
        self.slot(Option::take)
    }

    fn slot<T>(&self, change: impl FnOnce(&mut Option<Busy>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A response's body. It is dropped when its bytes are buffered, before they are flushed.
pub(super) struct Answer {
    body: Full<Bytes>,
    busy: Option<Busy>,
    sending: Sending,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let busy = self.busy.take();
        self.sending.slot(|slot| *slot = busy);
    }
}

/// A connection's stream, which detects when everything is written and fails if the client reads too slowly.
pub(super) struct Flushed<S> {
    stream: S,
    sending: Sending,
    pace: ReadPace,
    /// Progress of the client since data began to wait.
    waiting: Option<Waiting>,
    /// Expires if no further byte is read in time.
    stalled: Option<Pin<Box<Sleep>>>,
}

struct Waiting {
    since: Instant,
    bytes: u64,
}

impl<S> Flushed<S> {
    /// Wraps a stream to a client that must read at this pace at least.
    pub(super) fn new(stream: S, sending: Sending, pace: ReadPace) -> Self {
        Self { stream, sending, pace, waiting: None, stalled: None }
    }

    /// The outcome of a write, or the error of a client that has not read in time.
    fn in_time(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.stalled = None;
            if let (Some(waiting), Ok(bytes)) = (&mut self.waiting, &written) {
                waiting.bytes += *bytes as u64;
            }
            return Poll::Ready(written);
        }
        let ReadPace { pause, whole, bytes_per_second } = self.pace;
        let now = Instant::now();
        let waiting = self.waiting.get_or_insert(Waiting { since: now, bytes: 0 });
        let earned = Duration::from_secs(waiting.bytes / bytes_per_second.max(1));
        let end = (now + pause).min(waiting.since + whole + earned);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads its response too slowly")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flushed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.waiting = None;
        drop(self.sending.take());
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::sleep;

    use super::*;

    /// How sending 1 MiB ends to a client that reads so many bytes after each such pause, and after how many seconds.
    async fn sent(pause_s: u64, bytes: usize) -> (Result<(), io::ErrorKind>, u64) {
        let (server, mut client) = duplex(1024);
        tokio::spawn(async move {
            let mut read = vec![0; bytes];
            loop {
                sleep(Duration::from_secs(pause_s)).await;
                if client.read_exact(&mut read).await.is_err() {
                    break;
                }
            }
        });
        let begun = Instant::now();
        let mut stream = Flushed::new(server, Sending::default(), ReadPace::default());
        let written = stream.write_all(&vec![0; 1 << 20]).await.map_err(|error| error.kind());
        (written, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_disconnected_after_ten_seconds() {
        assert_eq!(sent(1_000, 1).await, (Err(io::ErrorKind::TimedOut), 10));
        assert_eq!(sent(11, 512).await, (Err(io::ErrorKind::TimedOut), 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_too_slowly_is_disconnected_after_thirty_seconds() {
        assert_eq!(sent(9, 1).await, (Err(io::ErrorKind::TimedOut), 30));
        assert_eq!(sent(1, 16).await, (Err(io::ErrorKind::TimedOut), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_steadily_gets_everything() {
        let (written, seconds) = sent(1, 16 << 10).await;
        assert!(written.is_ok() && seconds > 60, "{written:?} after {seconds} s");
    }
}
