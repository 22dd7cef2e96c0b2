//! The built-in client `sextant listen`: it connects, receives each quote once, reconnects after a disconnect, and
//! stops when its session ends.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use app::bus::Event;
use gateway::Server;
use gateway::listen::ListenError;
use market_data::quote_record::QUOTES_REFRESHED;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::target::{self, Target, each};

/// The deadline for a message. An emulated function has to start first.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often a tick is published until it is received.
const MOST_TICKS: usize = 240;

/// A listener that runs until its session ends, and the messages that it receives.
struct RunningListener {
    messages: mpsc::UnboundedReceiver<Value>,
    listening: JoinHandle<Result<Infallible, ListenError>>,
}

impl RunningListener {
    fn of(target: &Target, symbols: &[&str]) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut listener = target.listener(symbols);
        let listening = tokio::spawn(async move {
            listener
                .listen(|news| match sender.send(news.clone()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                })
                .await
        });
        Self { messages, listening }
    }

    async fn next(&mut self) -> Value {
        timeout(DEADLINE, self.messages.recv()).await.expect("a message arrives in time").unwrap()
    }

    async fn ended(self) -> ListenError {
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

/// Publishes a tick until it is received: a tick before the subscription is stored reaches no one.
async fn tick_until_received(server: &Server, running: &mut RunningListener, seq: u64) {
    for _ in 0..MOST_TICKS {
        server.platform().market.app.bus().publish(tick(seq)).await.unwrap();
        if let Ok(Some(news)) = timeout(Duration::from_millis(250), running.messages.recv()).await {
            assert_eq!((&news["type"], &news["seq"]), (&json!("quote"), &json!(seq)), "each is received once: {news}");
            return;
        }
    }
    panic!("tick {seq} was never received");
}

#[test]
fn a_listener_receives_the_current_price_and_ends_with_its_session() {
    each(async |target: &Target| {
        target.get("/fetch-data/AAPL").await.expect_status(200);
        let customer = target.newcomer().await;
        let mut running = RunningListener::of(&customer, &["AAPL", "NOSUCH"]);
        let quote = running.next().await;
        assert_eq!((&quote["symbol"], &quote["price"]), (&json!("AAPL"), &json!("430.47")), "{}: {quote}", target.name);
        let without = running.next().await;
        assert!(without["unavailable"]["NOSUCH"].is_string(), "{}: {without}", target.name);
        customer.delete("/sessions").await.expect_status(204);
        assert!(matches!(running.ended().await, ListenError::SignedOut), "{}", target.name);
        assert!(
            matches!(RunningListener::of(&customer, &["AAPL"]).ended().await, ListenError::SignedOut),
            "{}",
            target.name
        );
    });
}

#[test]
fn a_listener_reconnects_to_a_restarted_platform() {
    target::run(async || {
        let home = tempfile::tempdir().unwrap();
        let (server, target) = Target::serve(target::settings(home.path())).await;
        let address = server.address();
        let customer = target.newcomer().await;
        customer.get("/fetch-data/AAPL").await.expect_status(200);
        let mut running = RunningListener::of(&customer, &["AAPL"]);
        assert_eq!(running.next().await["seq"], 0);
        tick_until_received(&server, &mut running, 1).await;
        server.stop().await;
        let (server, _) = Target::serve(gateway::Settings { address, ..target::settings(home.path()) }).await;
        let again = running.next().await;
        assert_eq!((&again["type"], &again["seq"]), (&json!("quote"), &json!(0)), "the snapshot is the truth: {again}");
        tick_until_received(&server, &mut running, 2).await;
        drop(running.messages);
        server.platform().market.app.bus().publish(tick(3)).await.unwrap();
        assert!(matches!(timeout(DEADLINE, running.listening).await.unwrap().unwrap(), Err(ListenError::OutputClosed)));
        server.stop().await;
    });
}
