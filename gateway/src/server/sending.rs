//! How long an answer is on its way: its connection is busy until the last byte has been handed to the system, however
//! slowly the client reads.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::places::Busy;

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

/// A connection's stream, which sees when everything has been written.
pub(super) struct Flushed<S> {
    pub(super) stream: S,
    pub(super) sending: Sending,
}

impl<S: AsyncRead + Unpin> AsyncRead for Flushed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        drop(self.sending.take());
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
