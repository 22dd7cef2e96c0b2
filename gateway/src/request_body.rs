//! Reads a request's body whole, within the size limit of its route, a deadline for the client, and a memory budget for
//! all clients.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::invoke::Failure;

/// The largest body that API Gateway accepts, in bytes.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// How much of a refused body is read and discarded, so that the client gets to read the response.
const MAX_DRAINED_BYTES: usize = 4 * MAX_BODY_BYTES;
/// This much of each body is not counted in the budget, so that a small body never waits for a large one. For all
/// connections together it is little.
const FREE_BYTES: usize = 64 * 1024;

/// How long a client may take to send a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Longest pause between two bytes.
    pub pause: Duration,
    /// Longest total time; API Gateway waits 30 seconds for everything.
    pub whole: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { pause: Duration::from_secs(10), whole: Duration::from_secs(30) }
    }
}

/// The limits of a route for bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// Whether the route needs no token. Bodies to public routes have a separate budget, so that those of authorized
    /// callers need not wait for them.
    pub public: bool,
}

/// The limits for reading bodies: the deadlines of each, and the memory budgets for all.
#[derive(Clone, Debug)]
pub struct Bodies {
    deadlines: Deadlines,
    /// Of bodies to public routes, a permit for each KiB.
    public: Arc<Semaphore>,
    /// Of bodies from authorized callers, the same.
    authorized: Arc<Semaphore>,
}

/// A body in memory; it counts in the budget until this is dropped.
#[derive(Debug, Default)]
pub struct Buffered {
    bytes: Bytes,
    /// The length of the body in bytes. Where that is more than the route takes, there are no bytes, and it is the
    /// length that was announced, or came before the rest was left.
    pub length: u64,
    _held: Option<OwnedSemaphorePermit>,
}

impl Deref for Buffered {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Bodies that come within these deadlines. So many KiB may be held at a time of those to public routes, and as
    /// many of all others.
    #[must_use]
    pub fn new(deadlines: Deadlines, budget_kib: u32) -> Self {
        let budget = || Arc::new(Semaphore::new(budget_kib as usize));
        Self { deadlines, public: budget(), authorized: budget() }
    }

    /// The whole body, which is taken out of `unread`; one that is larger than is accepted stays there and comes
    /// without its bytes.
    ///
    /// Errors: [`Failure::TooLarge`] if API Gateway would refuse it too, [`Failure::TooSlow`], [`Failure::Overloaded`]
    /// if the memory budget is used up, and [`Failure::BadRequest`] if it breaks off.
    pub async fn read<B: Body<Data = Bytes> + Unpin>(
        &self,
        unread: &mut Option<B>,
        limit: BodyLimit,
    ) -> Result<Buffered, Failure> {
        let end = Instant::now() + self.deadlines.whole;
        let Some(body) = unread else { return Ok(Buffered::default()) };
        let announced = body.size_hint().lower();
        if announced > MAX_BODY_BYTES as u64 {
            return Err(Failure::TooLarge);
        }
        let too_large = |length| Ok(Buffered { length, ..Buffered::default() });
        if announced > limit.max_bytes as u64 {
            return too_large(announced);
        }
        let budget = if limit.public { &self.public } else { &self.authorized };
        let (mut bytes, mut held) = (Vec::new(), None);
        loop {
            let pause_end = end.min(Instant::now() + self.deadlines.pause);
            let Ok(frame) = timeout_at(pause_end, body.frame()).await else {
                // No further data is expected.
                *unread = None;
                return Err(Failure::TooSlow);
            };
            let Some(frame) = frame else { break };
            // The client is gone or does not speak HTTP: no response can reach it.
            let Ok(data) = frame.map_err(|_| Failure::BadRequest)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > limit.max_bytes {
                return too_large(length as u64);
            }
            timeout_at(end, hold(budget, &mut held, length)).await.map_err(|_| Failure::Overloaded)??;
            bytes.extend_from_slice(&data);
        }
        *unread = None;
        Ok(Buffered { length: bytes.len() as u64, bytes: bytes.into(), _held: held })
    }

    /// Throws away what still comes of a body that is not read, for as long as a pause may be: a connection that is
    /// closed while its client sends would take the answer with it. Nothing of it is held.
    pub fn drain(&self, mut body: impl Body<Data = Bytes> + Send + Unpin + 'static) {
        let end = Instant::now() + self.deadlines.pause;
        tokio::spawn(async move {
            let mut seen = 0;
            while seen <= MAX_DRAINED_BYTES
                && let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await
            {
                seen += frame.data_ref().map_or(0, Bytes::len);
            }
        });
    }
}

/// Waits until the budget allows `bytes` of one body, including those already `held`.
async fn hold(budget: &Arc<Semaphore>, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Failure> {
    let needed = bytes.saturating_sub(FREE_BYTES).div_ceil(1024);
    let before = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = u32::try_from(needed.saturating_sub(before)).map_err(|_| Failure::TooLarge)?;
    if more == 0 {
        return Ok(());
    }
    let permit = budget.clone().acquire_many_owned(more).await.map_err(|_| Failure::Overloaded)?;
    match held {
        Some(held) => held.merge(permit),
        None => *held = Some(permit),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::{Stream, StreamExt as _, stream};
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use tokio::time::sleep;

    use super::*;

    const AUTHORIZED: BodyLimit = BodyLimit { max_bytes: 1 << 20, public: false };
    const PUBLIC: BodyLimit = BodyLimit { public: true, ..AUTHORIZED };

    /// A body of single bytes, each of which comes so many seconds after the one before.
    fn body(
        pauses_s: impl Stream<Item = u64> + Send,
    ) -> impl Body<Data = Bytes, Error = std::io::Error> + Send + Unpin {
        let frames = pauses_s.then(|pause| async move {
            sleep(Duration::from_secs(pause)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        StreamBody::new(Box::pin(frames))
    }

    /// A body of so many bytes that are there at once.
    fn of(bytes: usize) -> Full<Bytes> {
        Full::new(Bytes::from(vec![b'x'; bytes]))
    }

    /// A body of so many bytes, of which the first come at once and the last after so many seconds.
    fn dripping(bytes: usize, last_after_s: u64) -> impl Body<Data = Bytes, Error = std::io::Error> + Send + Unpin {
        let first = stream::iter([Ok(Frame::data(Bytes::from(vec![b'x'; bytes - 1])))]);
        let last = stream::once(async move {
            sleep(Duration::from_secs(last_after_s)).await;
            Ok(Frame::data(Bytes::from_static(b"x")))
        });
        StreamBody::new(Box::pin(first.chain(last)))
    }

    /// The length of what is read of a body.
    async fn read<B: Body<Data = Bytes> + Unpin>(bodies: &Bodies, body: B, from: BodyLimit) -> Result<usize, Failure> {
        bodies.read(&mut Some(body), from).await.map(|bytes| bytes.len())
    }

    /// How a body ends that comes like this, and after how many seconds.
    async fn ended(pauses_s: impl Stream<Item = u64> + Send) -> (Result<usize, Failure>, u64) {
        let begun = Instant::now();
        let read = read(&Bodies::new(Deadlines::default(), 1), body(pauses_s), PUBLIC).await;
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
    async fn a_large_body_for_which_no_room_comes_within_its_deadline_is_refused() {
        let bodies = Bodies::new(Deadlines::default(), 2);
        let first = bodies.read(&mut Some(of(FREE_BYTES + 1025)), AUTHORIZED).await.unwrap();
        let begun = Instant::now();
        assert_eq!(read(&bodies, dripping(FREE_BYTES + 1, 1), AUTHORIZED).await, Err(Failure::Overloaded));
        assert_eq!(begun.elapsed().as_secs(), 30);
        let waiting = tokio::spawn({
            let bodies = bodies.clone();
            async move { read(&bodies, dripping(FREE_BYTES + 1, 1), AUTHORIZED).await }
        });
        sleep(Duration::from_secs(5)).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok(FREE_BYTES + 1));
        assert_eq!(read(&bodies, of(FREE_BYTES + 2048), AUTHORIZED).await, Ok(FREE_BYTES + 2048), "nothing is held");
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_and_those_of_authorized_callers_never_wait_for_large_ones_to_public_routes() {
        let bodies = Bodies::new(Deadlines::default(), 1024);
        for _ in 0..30 {
            let bodies = bodies.clone();
            tokio::spawn(async move { read(&bodies, dripping(1 << 20, 9), PUBLIC).await });
        }
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        for bytes in [0, 50, FREE_BYTES] {
            assert_eq!(read(&bodies, of(bytes), PUBLIC).await, Ok(bytes));
        }
        assert_eq!(read(&bodies, of(1 << 20), AUTHORIZED).await, Ok(1 << 20));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_body_that_is_larger_than_its_route_takes_is_measured_and_left() {
        let bodies = Bodies::new(Deadlines::default(), 1024);
        for bytes in [(1 << 20) + 1, 4 << 20, MAX_BODY_BYTES] {
            let mut unread = Some(of(bytes));
            let read = bodies.read(&mut unread, PUBLIC).await.unwrap();
            assert_eq!((read.len(), read.length), (0, bytes as u64));
            assert!(unread.is_some_and(|body| !body.is_end_stream()), "none of it is read");
        }
        let unannounced = read(&bodies, dripping((1 << 20) + 1, 0), PUBLIC).await;
        assert_eq!(unannounced, Ok(0));
        assert_eq!(read(&bodies, of(MAX_BODY_BYTES + 1), PUBLIC).await, Err(Failure::TooLarge));
        let file = BodyLimit { max_bytes: 4 << 20, public: false };
        assert_eq!(read(&bodies, of(1 << 20), file).await, Ok(1 << 20));
    }
}
