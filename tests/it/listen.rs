//! The client that comes with the platform: it is let in, hears each quote once, comes back after whatever ends its
//! connection, and stops with its session.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use app::bus::Event;
use gateway::Server;
use gateway::listen::Ended;
use market_data::quote_record::QUOTES_REFRESHED;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::target::{self, Target, each};

/// What does not come by now does not come. An emulated function has to be started first.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often a tick is published that is not heard.
const MOST_TICKS: usize = 240;

/// Somebody who listens until their session is over, and what they hear.
struct Hearing {
    heard: mpsc::UnboundedReceiver<Value>,
    listening: JoinHandle<Result<Infallible, Ended>>,
}

impl Hearing {
    fn of(target: &Target, symbols: &[&str]) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let mut listener = target.listener(symbols);
        let listening = tokio::spawn(async move {
            listener
                .listen(|news| match tell.send(news.clone()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                })
                .await
        });
        Self { heard, listening }
    }

    async fn next(&mut self) -> Value {
        timeout(DEADLINE, self.heard.recv()).await.expect("something is heard in time").unwrap()
    }

    async fn ended(self) -> Ended {
        let Err(ended) = timeout(DEADLINE, self.listening).await.expect("it ends in time").unwrap();
        ended
    }
}

/// A new price of AAPL.
fn tick(seq: u64) -> Event {
    let quote = json!({
        "symbol": "AAPL", "price": format!("431.{seq:02}"), "previous_close": "441.40", "currency": "USD",
        "day": "2013-03-01", "as_of": "2013-03-01T15:00:00Z", "source": "test", "seq": seq,
        "fetched_at": "2013-03-01T15:00:01Z",
    });
    Event { detail_type: QUOTES_REFRESHED, detail: json!({ "quotes": [quote] }) }
}

/// Publishes a tick until it is heard: one that comes before the listener is on the list goes to nobody.
async fn ticked_until_heard(server: &Server, hearing: &mut Hearing, seq: u64) {
    for _ in 0..MOST_TICKS {
        server.platform().market.app.bus().publish(tick(seq)).await.unwrap();
        if let Ok(Some(news)) = timeout(Duration::from_millis(250), hearing.heard.recv()).await {
            assert_eq!((&news["type"], &news["seq"]), (&json!("quote"), &json!(seq)), "each is heard once: {news}");
            return;
        }
    }
    panic!("tick {seq} was never heard");
}

#[test]
fn a_listener_hears_the_price_of_now_and_ends_with_its_session() {
    each(async |target: &Target| {
        target.get("/fetch-data/AAPL").await.expect_status(200);
        let customer = target.newcomer().await;
        let mut hearing = Hearing::of(&customer, &["AAPL", "NOSUCH"]);
        let quote = hearing.next().await;
        assert_eq!((&quote["symbol"], &quote["price"]), (&json!("AAPL"), &json!("430.47")), "{}: {quote}", target.name);
        let without = hearing.next().await;
        assert!(without["unavailable"]["NOSUCH"].is_string(), "{}: {without}", target.name);
        customer.delete("/sessions").await.expect_status(204);
        assert!(matches!(hearing.ended().await, Ended::SignedOut), "{}", target.name);
        assert!(matches!(Hearing::of(&customer, &["AAPL"]).ended().await, Ended::SignedOut), "{}", target.name);
    });
}

#[test]
fn a_listener_comes_back_to_a_platform_that_was_started_again() {
    target::run(async || {
        let home = tempfile::tempdir().unwrap();
        let (server, target) = Target::serve(target::settings(home.path())).await;
        let address = server.address();
        let customer = target.newcomer().await;
        customer.get("/fetch-data/AAPL").await.expect_status(200);
        let mut hearing = Hearing::of(&customer, &["AAPL"]);
        assert_eq!(hearing.next().await["seq"], 0);
        ticked_until_heard(&server, &mut hearing, 1).await;
        server.stop().await;
        let (server, _) = Target::serve(gateway::Settings { address, ..target::settings(home.path()) }).await;
        let again = hearing.next().await;
        assert_eq!((&again["type"], &again["seq"]), (&json!("quote"), &json!(0)), "the snapshot is the truth: {again}");
        ticked_until_heard(&server, &mut hearing, 2).await;
        drop(hearing.heard);
        server.platform().market.app.bus().publish(tick(3)).await.unwrap();
        assert!(matches!(timeout(DEADLINE, hearing.listening).await.unwrap().unwrap(), Err(Ended::Enough)));
        server.stop().await;
    });
}
