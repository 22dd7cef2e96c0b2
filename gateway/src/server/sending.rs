//! How long an answer is on its way: its connection is busy until the last byte has been handed to the system, and ends
//! where the client reads too slowly.

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

/// How slowly a client may read its answers. What the system takes for the client counts as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Without a further byte.
    pub(crate) pause: Duration,
    /// In all, for as long as something waits to be sent; what was read meanwhile adds to it.
    pub(crate) whole: Duration,
    /// What adds a second to `whole`, in bytes.
    pub(crate) bytes_per_second: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: Duration::from_secs(10), whole: Duration::from_secs(30), bytes_per_second: 16 << 10 }
    }
}

/// What keeps a connection busy between the end of its answer's body and the flush that sends the rest of it.
#[derive(Clone, Default)]
pub(super) struct Sending(Arc<Mutex<Option<Busy>>>);

impl Sending {
    /// The answer, whose connection stays busy until it is sent.
    pub(super) fn answer(&self, response: Response<Bytes>, busy: Busy) -> Response<Answer> {
        response.map(|bytes| Answer { body: Full::new(bytes), busy: Some(busy), sending: self.clone() })
    }

    /// What a flush would end. The next request of the same connection goes on with it.
    pub(super) fn take(&self) -> Option<Busy> {
        self.slot(Option::take)
    }

    fn slot<T>(&self, change: impl FnOnce(&mut Option<Busy>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An answer's body; it is dropped once its bytes are buffered, and before they are flushed.
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

/// A connection's stream, which sees when everything has been written, and fails where the client reads too slowly.
pub(super) struct Flushed<S> {
    stream: S,
    sending: Sending,
    pace: Pace,
    /// What the client has read since something waits to be sent.
    waiting: Option<Waiting>,
    /// Runs out where no further byte is taken in time.
    stalled: Option<Pin<Box<Sleep>>>,
}

struct Waiting {
    since: Instant,
    bytes: u64,
}

impl<S> Flushed<S> {
    /// This stream, to a client that reads at this pace at least.
    pub(super) fn new(stream: S, sending: Sending, pace: Pace) -> Self {
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
        let Pace { pause, whole, bytes_per_second } = self.pace;
        let now = Instant::now();
        let waiting = self.waiting.get_or_insert(Waiting { since: now, bytes: 0 });
        let earned = Duration::from_secs(waiting.bytes / bytes_per_second.max(1));
        let end = (now + pause).min(waiting.since + whole + earned);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads its answer too slowly")))
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
        let mut stream = Flushed::new(server, Sending::default(), Pace::default());
        let written = stream.write_all(&vec![0; 1 << 20]).await.map_err(|error| error.kind());
        (written, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up_after_ten_seconds() {
        assert_eq!(sent(1_000, 1).await, (Err(io::ErrorKind::TimedOut), 10));
        assert_eq!(sent(11, 512).await, (Err(io::ErrorKind::TimedOut), 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_is_given_up_after_thirty_seconds() {
        assert_eq!(sent(9, 1).await, (Err(io::ErrorKind::TimedOut), 30));
        assert_eq!(sent(1, 16).await, (Err(io::ErrorKind::TimedOut), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_steadily_is_sent_all_however_long_it_takes() {
        let (written, seconds) = sent(1, 16 << 10).await;
        assert!(written.is_ok() && seconds > 60, "{written:?} after {seconds} s");
    }
}
