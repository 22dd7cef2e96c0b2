//! The places of connections: a fixed number may be open, and when all are taken, the one that has been idle longest is
//! closed for a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// All places.
pub(super) struct Places {
    count: u32,
    free: Arc<Semaphore>,
    open: Mutex<Open>,
    /// Notified whenever a connection becomes idle.
    became_idle: Notify,
}

#[derive(Default)]
struct Open {
    /// Counts events, so that an earlier event has a lower number.
    events: u64,
    connections: HashMap<u64, Connection>,
}

struct Connection {
    /// The event with which it became idle; `None` while a request or response is in progress.
    idle_since: Option<u64>,
    /// Dropped to close it.
    _close: oneshot::Sender<()>,
}

/// The place of one connection, released on drop.
pub(super) struct Place {
    id: u64,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

/// A request or response in progress; the connection is idle again when this is dropped.
pub(super) struct Busy(Arc<Place>);

/// Resolves with an error when the connection must close immediately.
pub(super) type Closing = oneshot::Receiver<()>;

impl Places {
    /// Creates `count` places.
    pub(super) fn new(count: u32) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(count as usize));
        Arc::new(Self { count, free, open: Mutex::default(), became_idle: Notify::new() })
    }

    /// A place for a new connection, which is idle at first. If none is free, the connection that has been idle longest
    /// is closed; if none is idle, the first that becomes idle. `None` only after [`Self::wait_until_free`].
    pub(super) async fn take(self: &Arc<Self>) -> Option<(Arc<Place>, Closing)> {
        let permit = loop {
            if let Ok(permit) = self.free.clone().try_acquire_owned() {
                break permit;
            }
            if self.close_longest_idle() {
                break self.free.clone().acquire_owned().await.ok()?;
            }
            tokio::select! {
                permit = self.free.clone().acquire_owned() => break permit.ok()?,
                () = self.became_idle.notified() => {}
            }
        };
        let (close, closing) = oneshot::channel();
        let id = self.with_open(|open| {
            let id = open.next_event();
            open.connections.insert(id, Connection { idle_since: Some(id), _close: close });
            id
        });
        Some((Arc::new(Place { id, places: self.clone(), _permit: permit }), closing))
    }

    /// Waits until all connections have ended. No places are given afterwards.
    pub(super) async fn wait_until_free(&self) {
        if let Ok(all) = self.free.acquire_many(self.count).await {
            all.forget();
        }
    }

    /// Returns whether one was idle.
    fn close_longest_idle(&self) -> bool {
        self.with_open(|open| {
            let idle = open.connections.iter().filter_map(|(id, connection)| Some((connection.idle_since?, *id)));
            let longest = idle.min().map(|(_, id)| id);
            longest.and_then(|id| open.connections.remove(&id)).is_some()
        })
    }

    fn with_open<T>(&self, change: impl FnOnce(&mut Open) -> T) -> T {
        // Each change is atomic, so a panic leaves a consistent state.
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Open {
    fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

impl Place {
    /// Marks a request as in progress; `None` if the connection is already closing.
    pub(super) fn busy(self: &Arc<Self>) -> Option<Busy> {
        self.places.with_open(|open| open.connections.get_mut(&self.id)?.idle_since.take())?;
        Some(Busy(self.clone()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(place) = self;
        place.places.with_open(|open| {
            let event = open.next_event();
            if let Some(connection) = open.connections.get_mut(&place.id) {
                connection.idle_since = Some(event);
            }
        });
        place.places.became_idle.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with_open(|open| open.connections.remove(&self.id));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn is_closing(closing: &mut Closing) -> bool {
        closing.now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_connection_that_has_been_idle_longest_is_closed_for_a_new_one() {
        let places = Places::new(3);
        let (first, mut first_closing) = places.take().await.unwrap();
        let (second, mut second_closing) = places.take().await.unwrap();
        let (_third, mut third_closing) = places.take().await.unwrap();
        drop(first.busy());
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(is_closing(&mut second_closing) && !is_closing(&mut first_closing) && !is_closing(&mut third_closing));
        assert!(second.busy().is_none(), "its next request comes too late");
        assert!(!waiting.is_finished(), "it is open as yet");
        drop(second);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_connection_with_a_request_in_progress_is_waited_for() {
        let places = Places::new(2);
        let (first, mut first_closing) = places.take().await.unwrap();
        let (second, mut second_closing) = places.take().await.unwrap();
        let (busy, other) = (first.busy().unwrap(), second.busy().unwrap());
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!is_closing(&mut first_closing) && !is_closing(&mut second_closing));
        drop(other);
        tokio::task::yield_now().await;
        assert!(is_closing(&mut second_closing) && !is_closing(&mut first_closing));
        drop(second);
        assert!(waiting.await.unwrap());
        drop(busy);
    }
}
