//! Reads a request's body whole, as far as API Gateway takes it, for as long as a client is waited for, and while all that
//! is held for all clients stays within bounds.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::invoke::Failure;

/// The largest body that API Gateway takes, in bytes.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Of a body that is too large, this much is still read, so that the client comes to read the refusal.
const MAX_DRAINED_BYTES: usize = 4 * MAX_BODY_BYTES;

/// How long a client may take to send a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Without a further byte.
    pub pause: Duration,
    /// In all; API Gateway waits 30 seconds for everything.
    pub whole: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { pause: Duration::from_secs(10), whole: Duration::from_secs(30) }
    }
}

/// How bodies are read: how long each may take, and how much of all of them may be held at a time.
#[derive(Clone, Debug)]
pub struct Bodies {
    deadlines: Deadlines,
    /// A permit for each KiB.
    budget: Arc<Semaphore>,
}

/// A body that was read; what it takes up counts until this is dropped.
#[derive(Debug)]
pub struct Buffered {
    bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Deref for Buffered {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Bodies that come within these deadlines, and of which so many KiB may be held at a time.
    #[must_use]
    pub fn new(deadlines: Deadlines, budget_kib: u32) -> Self {
        Self { deadlines, budget: Arc::new(Semaphore::new(budget_kib as usize)) }
    }

    /// The whole body.
    ///
    /// Errors: [`Failure::TooLarge`], [`Failure::TooSlow`], [`Failure::Overloaded`] where too much of others is held, and
    /// [`Failure::BadRequest`] where it breaks off.
    pub async fn read(&self, mut body: impl Body<Data = Bytes> + Unpin) -> Result<Buffered, Failure> {
        let end = Instant::now() + self.deadlines.whole;
        if body.size_hint().lower() > MAX_DRAINED_BYTES as u64 {
            return Err(Failure::TooLarge);
        }
        let (mut bytes, mut held, mut seen) = (Vec::new(), None, 0);
        loop {
            let pause_end = end.min(Instant::now() + self.deadlines.pause);
            let frame = timeout_at(pause_end, body.frame()).await.map_err(|_| Failure::TooSlow)?;
            let Some(frame) = frame else { break };
            // The client has gone, or what it sends is no HTTP: no answer can reach it.
            let Ok(data) = frame.map_err(|_| Failure::BadRequest)?.into_data() else { continue };
            seen += data.len();
            if seen > MAX_DRAINED_BYTES {
                break;
            }
            if seen <= MAX_BODY_BYTES {
                timeout_at(end, self.hold(&mut held, seen)).await.map_err(|_| Failure::Overloaded)??;
                bytes.extend_from_slice(&data);
            }
        }
        if seen > MAX_BODY_BYTES { Err(Failure::TooLarge) } else { Ok(Buffered { bytes: bytes.into(), _held: held }) }
    }

    /// Waits until so many bytes may be held, those that are `held` included.
    async fn hold(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Failure> {
        let before = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(1024).saturating_sub(before)).map_err(|_| Failure::TooLarge)?;
        if more == 0 {
            return Ok(());
        }
        let permit = self.budget.clone().acquire_many_owned(more).await.map_err(|_| Failure::Overloaded)?;
        match held {
            Some(held) => held.merge(permit),
            None => *held = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::{Stream, StreamExt as _, stream};
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use tokio::time::sleep;

    use super::*;

    /// A body of single bytes, each of which comes so many seconds after the one before.
    fn body(pauses_s: impl Stream<Item = u64>) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        let frames = pauses_s.then(|pause| async move {
            sleep(Duration::from_secs(pause)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        StreamBody::new(Box::pin(frames))
    }

    /// How a body ends that comes like this, and after how many seconds.
    async fn ended(pauses_s: impl Stream<Item = u64>) -> (Result<usize, Failure>, u64) {
        let begun = Instant::now();
        let bodies = Bodies::new(Deadlines::default(), 1);
        let read = bodies.read(body(pauses_s)).await.map(|bytes| bytes.len());
        (read, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up_after_ten_seconds() {
        assert_eq!(ended(stream::iter([9, 11])).await, (Err(Failure::TooSlow), 19));
        assert_eq!(ended(stream::pending()).await, (Err(Failure::TooSlow), 10));
        assert_eq!(ended(stream::iter([9, 9, 9])).await, (Ok(3), 27));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_after_thirty_seconds() {
        assert_eq!(ended(stream::repeat(1)).await, (Err(Failure::TooSlow), 30));
        assert_eq!(ended(stream::repeat(9)).await, (Err(Failure::TooSlow), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_for_which_no_room_comes_within_its_deadline_is_refused() {
        let bodies = Bodies::new(Deadlines::default(), 2);
        let of = |bytes: usize| Full::new(Bytes::from(vec![b'x'; bytes]));
        let first = bodies.read(of(1025)).await.unwrap();
        let begun = Instant::now();
        // A body without bytes needs no room.
        assert_eq!(bodies.read(of(0)).await.unwrap().len(), 0);
        assert_eq!(begun.elapsed().as_secs(), 0);
        assert_eq!(bodies.read(body(stream::iter([1]))).await.unwrap_err(), Failure::Overloaded);
        assert_eq!(begun.elapsed().as_secs(), 30);
        let waiting = tokio::spawn({
            let bodies = bodies.clone();
            async move { bodies.read(body(stream::iter([1, 1]))).await.map(|bytes| bytes.len()) }
        });
        sleep(Duration::from_secs(5)).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok(2));
        assert_eq!(bodies.read(of(2048)).await.unwrap().len(), 2048, "nothing of before is held");
    }
}
