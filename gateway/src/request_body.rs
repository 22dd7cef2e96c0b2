//! Reads a request's body whole, as far as API Gateway takes it and for as long as a client is waited for.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

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

/// The whole body.
///
/// Errors: [`Failure::TooLarge`], [`Failure::TooSlow`], and [`Failure::BadRequest`] where it breaks off.
pub async fn read(body: impl Body<Data = Bytes> + Unpin, deadlines: Deadlines) -> Result<Bytes, Failure> {
    timeout(deadlines.whole, pieces(body, deadlines.pause)).await.map_err(|_| Failure::TooSlow)?
}

async fn pieces(mut body: impl Body<Data = Bytes> + Unpin, pause: Duration) -> Result<Bytes, Failure> {
    let announced = body.size_hint().lower();
    if announced > MAX_DRAINED_BYTES as u64 {
        return Err(Failure::TooLarge);
    }
    let mut bytes = Vec::with_capacity(announced.min(MAX_BODY_BYTES as u64) as usize);
    let mut seen = 0;
    while let Some(frame) = timeout(pause, body.frame()).await.map_err(|_| Failure::TooSlow)? {
        // The client has gone, or what it sends is no HTTP: whatever is answered, nobody reads it.
        let Ok(data) = frame.map_err(|_| Failure::BadRequest)?.into_data() else { continue };
        seen += data.len();
        if seen > MAX_DRAINED_BYTES {
            break;
        }
        if seen <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if seen > MAX_BODY_BYTES { Err(Failure::TooLarge) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use futures::{Stream, StreamExt as _, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A body of single bytes, each of which comes so many seconds after the one before.
    fn body(pauses_s: impl Stream<Item = u64>) -> impl Body<Data = Bytes> + Unpin {
        let frames = pauses_s.then(|pause| async move {
            sleep(Duration::from_secs(pause)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        StreamBody::new(Box::pin(frames))
    }

    /// How a body ends that comes like this, and after how many seconds.
    async fn ended(pauses_s: impl Stream<Item = u64>) -> (Result<usize, Failure>, u64) {
        let begun = Instant::now();
        let read = read(body(pauses_s), Deadlines::default()).await.map(|bytes| bytes.len());
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
}
