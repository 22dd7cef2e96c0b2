//! Messages that AWS refuses: which are repeated, for how long, and what becomes of the connection.

use std::time::Duration;

use app::push::PushError;
use market_data::quote_record::LastQuote;
use notifications::live::{self, Published, QUOTES_TIME};
use serde_json::json;
use tokio::time::Instant;

use crate::live::world::{World, kinds};

/// More refusals than there is time for.
const ALWAYS: usize = usize::MAX;

impl World {
    /// Connections of new customers that have subscribed to AAPL.
    async fn subscribers(&self, count: usize) -> Vec<String> {
        let mut connections = Vec::new();
        while connections.len() < count {
            let customer = self.customer(&format!("customer{}", connections.len())).await;
            for _ in 0..live::MAX_CONNECTIONS.min(count - connections.len()) {
                connections.push(self.connect_and_subscribe(&customer, &["AAPL"]).await);
            }
        }
        for connection in &connections {
            self.sockets.take_attempts(connection);
        }
        connections
    }

    async fn aapl(&self, seq: u64) -> [LastQuote; 1] {
        [self.store_quote("AAPL", seq).await]
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_quote_is_posted_again_until_it_is_accepted() {
    let world = World::new();
    let connections = world.subscribers(2).await;
    let (throttled, other) = (&connections[0], &connections[1]);
    world.sockets.refuse(throttled, 6, PushError::Throttled);
    let published = live::publish(&world.platform.app, &world.aapl(1).await).await.unwrap();
    assert_eq!(published, Published { quotes: 1, connections: 2, posted: 2, ..Published::default() });
    assert_eq!((world.sockets.take_attempts(throttled), world.sockets.take_attempts(other)), (7, 1));
    assert_eq!(kinds(&world.sockets.take(throttled)), ["quote"]);
    assert!(!world.sockets.is_closed(throttled));
    assert_eq!(world.stored_keys("LIVE#").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn throttled_connections_hold_up_no_other_and_stay_open() {
    let world = World::new();
    let connections = world.subscribers(160).await;
    // More than are posted to concurrently, and before the others.
    let (throttled, others) = connections.split_at(80);
    for connection in throttled {
        world.sockets.refuse(connection, ALWAYS, PushError::Throttled);
    }
    let start = Instant::now();
    let published = live::publish(&world.platform.app, &world.aapl(1).await).await.unwrap();
    assert_eq!(published, Published { quotes: 1, connections: 160, posted: 80, unreached: 80, ..Published::default() });
    for connection in others {
        let times = world.sockets.times(connection);
        assert!(times.len() == 1 && times[0] - start < Duration::from_millis(100), "{times:?}");
    }
    assert!(start.elapsed() <= QUOTES_TIME + Duration::from_secs(1), "{:?}", start.elapsed());
    for connection in throttled {
        let attempts = world.sockets.take_attempts(connection);
        // The ceilings of nine waits come to five seconds, and each further wait is two and a half on average.
        assert!((8..60).contains(&attempts), "{attempts}");
        assert!(!world.sockets.is_closed(connection));
    }
    assert_eq!(world.stored_keys("LIVE#").await.len(), 160);
}

#[tokio::test(start_paused = true)]
async fn a_repetition_reaches_what_was_throttled_and_closes_what_still_is() {
    let world = World::new();
    let connections = world.subscribers(3).await;
    for connection in &connections[1..] {
        world.sockets.refuse(connection, ALWAYS, PushError::Throttled);
    }
    let quotes = world.aapl(1).await;
    let published = live::publish(&world.platform.app, &quotes).await.unwrap();
    assert_eq!((published.posted, published.unreached), (1, 2));
    world.sockets.refuse(&connections[1], 0, PushError::Throttled);
    let again = live::publish_again(&world.platform.app, &quotes).await.unwrap();
    assert_eq!(again, Published { quotes: 1, connections: 3, posted: 2, failed: 1, ..Published::default() });
    let received: Vec<_> = connections.iter().map(|connection| world.sockets.take(connection).len()).collect();
    assert_eq!(received, [2, 1, 0], "a client ignores the seq that it has seen");
    let closed: Vec<_> = connections.iter().map(|connection| world.sockets.is_closed(connection)).collect();
    assert_eq!(closed, [false, false, true]);
    assert_eq!(world.stored_keys("LIVE#").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_the_connection_is_to_blame_for_closes_it() {
    for (error, attempts, is_closed) in [
        (PushError::TooLarge, 1, true),
        (PushError::TimedOut, 1, true),
        (PushError::Failed("planned failure".to_owned()), 1, true),
        (PushError::Forbidden, 1, false),
    ] {
        let world = World::new();
        let connection = world.subscribers(1).await.remove(0);
        world.sockets.refuse(&connection, ALWAYS, error.clone());
        let published = live::publish_again(&world.platform.app, &world.aapl(1).await).await.unwrap();
        assert_eq!(world.sockets.take_attempts(&connection), attempts, "{error}");
        assert_eq!((published.failed, published.unreached), (is_closed.into(), (!is_closed).into()), "{error}");
        assert_eq!(world.sockets.is_closed(&connection), is_closed, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_reply_is_repeated_and_its_connection_is_closed_only_after_four_seconds() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (one, other) = (world.connect(&ada).await, world.connect(&ada).await);
    world.sockets.refuse(&one, 5, PushError::Throttled);
    world.send(&one, &json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(kinds(&world.sockets.take(&one)), ["snapshot"]);
    assert_eq!(world.sockets.take_attempts(&one), 6);
    world.sockets.refuse(&other, ALWAYS, PushError::Throttled);
    let start = Instant::now();
    world.send(&other, &json!({ "action": "ping" })).await;
    assert!(start.elapsed() <= Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!world.sockets.is_closed(&one) && world.sockets.is_closed(&other));
}
