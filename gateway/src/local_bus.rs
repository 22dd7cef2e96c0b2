//! The event bus of one machine: delivers events to the functions whose rules match, as EventBridge does.
//!
//! A publisher does not wait for the functions. Each delivery is a separate run. A failed delivery is retried, like
//! Lambda's asynchronous invocations. After the last retry it is logged, whereas AWS would put it in a queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::bus::{self, Bus, Event, MAX_EVENT_BYTES, NotPublished};
use async_trait::async_trait;
use chrono::SecondsFormat;
use market_data::MarketData;
use serde_json::{Value, json};
use store::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::event::ACCOUNT;
use crate::event_function::{EventFunction, RunOutcome};
use crate::event_pattern::EventPattern;

/// Most events that wait for delivery; further ones are refused.
const MAX_WAITING: usize = 256;
/// Most concurrent deliveries.
const MAX_DELIVERIES: usize = 16;
/// The pause before the first retry of a delivery; the next is twice as long. Lambda waits one minute, then two.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// A function and the events to which it subscribes.
#[derive(Clone)]
pub struct Subscriber {
    /// The function.
    pub function: EventFunction,
    /// The pattern of its events.
    pub pattern: EventPattern,
}

/// Accepts events; [`Deliveries`] delivers them to their subscribers.
#[derive(Clone)]
pub struct LocalBus {
    waiting: mpsc::Sender<Value>,
    clock: Clock,
}

/// The receiving end of a [`LocalBus`].
pub struct Deliveries {
    waiting: mpsc::Receiver<Value>,
}

/// A bus and its receiving end.
#[must_use]
pub fn open(clock: Clock) -> (LocalBus, Deliveries) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (LocalBus { waiting: sender, clock }, Deliveries { waiting: receiver })
}

/// Deliveries that have not started; the server takes them when it starts.
pub type Undelivered = Arc<Mutex<Option<Deliveries>>>;

/// Takes the deliveries, unless they are already taken.
#[must_use]
pub fn take(undelivered: &Undelivered) -> Option<Deliveries> {
    undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, event: Event) -> Result<(), NotPublished> {
        let bytes = event.detail.to_string().len();
        if bytes > MAX_EVENT_BYTES {
            return Err(NotPublished(format!("its detail has {bytes} bytes, {MAX_EVENT_BYTES} are taken")));
        }
        let envelope = self.envelope(&event);
        self.waiting.try_send(envelope).map_err(|error| NotPublished(error.to_string()))
    }
}

impl LocalBus {
    /// The event in the form in which EventBridge sends it to a rule's target.
    fn envelope(&self, event: &Event) -> Value {
        json!({
            "version": "0",
            "id": uuid(),
            "detail-type": event.detail_type,
            "source": bus::SOURCE,
            "account": ACCOUNT,
            "time": (self.clock)().to_rfc3339_opts(SecondsFormat::Secs, true),
            "region": "local",
            "resources": [],
            "detail": event.detail,
        })
    }
}

/// A random id in EventBridge's form.
fn uuid() -> String {
    let bytes: [u8; 16] = rand::random();
    let hex = store::keys::hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

impl Deliveries {
    /// Delivers until `stopped`, including everything published by then.
    pub async fn run(mut self, market: MarketData, subscribers: Vec<Subscriber>, mut stopped: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        loop {
            let event = tokio::select! {
                biased;
                event = self.waiting.recv() => event,
                // An error means that the sender is gone, which also means to stop.
                _ = stopped.wait_for(|stopped| *stopped) => None,
            };
            let Some(event) = event else { break };
            for subscriber in subscribers.iter().filter(|subscriber| subscriber.pattern.takes(&event)) {
                if under_way.len() >= MAX_DELIVERIES {
                    under_way.join_next().await;
                }
                under_way.spawn(deliver(market.clone(), subscriber.function.clone(), event.clone()));
            }
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// Runs the function on the event until it succeeds or its configured retries are used up.
async fn deliver(market: MarketData, function: EventFunction, event: Value) {
    let mut pause = FIRST_RETRY;
    for repeated in 0..=function.retries {
        if repeated > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let (name, id) = (&function.name, &event["id"]);
        match function.run(&market, event.clone()).await {
            RunOutcome::Done(_) => return tracing::debug!(function = name, event = %id, "delivered"),
            ended => {
                let error = ended.answer().err().map(|error| format!("{error:#}"));
                tracing::error!(function = name, event = %id, repeated, error, "a function failed to handle an event");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::event_function::tests_support::function;
    use crate::platform::tests_support::market;
    use crate::registry::EventAnswer;

    fn subscriber(pattern: &Value, handle: fn(MarketData, Value) -> EventAnswer) -> Subscriber {
        Subscriber { function: function(handle), pattern: EventPattern::parse(pattern.as_object().unwrap()).unwrap() }
    }

    fn event(detail: Value) -> Event {
        Event { detail_type: "quotes.refreshed", detail }
    }

    fn clock() -> Clock {
        Arc::new(|| "2026-11-20T15:00:00Z".parse().unwrap())
    }

    /// Publishes, delivers all of it, and stops.
    async fn delivered(events: Vec<Event>, subscribers: Vec<Subscriber>) {
        let (market, _folder) = market();
        let (bus, deliveries) = open(clock());
        for event in events {
            bus.publish(event).await.unwrap();
        }
        let (_stop, stopped) = watch::channel(true);
        deliveries.run(market, subscribers, stopped).await;
    }

    static RECEIVED: LazyLock<Mutex<Vec<Value>>> = LazyLock::new(Mutex::default);

    #[tokio::test]
    async fn a_listener_gets_what_eventbridge_would_send_and_nothing_that_its_rule_does_not_take() {
        let record = |_, event| -> EventAnswer {
            Box::pin(async {
                RECEIVED.lock().unwrap().push(event);
                Ok(Value::Null)
            })
        };
        let quotes = subscriber(&json!({ "source": ["sextant"], "detail-type": ["quotes.refreshed"] }), record);
        let others = subscriber(&json!({ "detail-type": ["quotes.forgotten"] }), record);
        delivered(vec![event(json!({ "quotes": [1] }))], vec![quotes, others]).await;
        let received = std::mem::take(&mut *RECEIVED.lock().unwrap());
        let [envelope] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(envelope["id"].as_str().unwrap().len(), 36);
        let mut rest = envelope.clone();
        rest.as_object_mut().unwrap().remove("id");
        let expected = json!({
            "version": "0", "detail-type": "quotes.refreshed", "source": "sextant", "account": "000000000000",
            "time": "2026-11-20T15:00:00Z", "region": "local", "resources": [], "detail": { "quotes": [1] },
        });
        assert_eq!(rest, expected);
    }

    static FAILURES: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test(start_paused = true)]
    async fn a_failed_delivery_is_repeated_as_often_as_the_function_says() {
        let fails = subscriber(&json!({ "source": ["sextant"] }), |_, _| {
            Box::pin(async {
                FAILURES.fetch_add(1, Ordering::SeqCst);
                anyhow::bail!("no")
            })
        });
        let begun = tokio::time::Instant::now();
        delivered(vec![event(json!({}))], vec![fails]).await;
        assert_eq!(FAILURES.load(Ordering::SeqCst), 2);
        assert!(begun.elapsed() >= FIRST_RETRY);
    }

    static HANDLED: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test]
    async fn one_event_more_than_may_wait_is_refused_and_the_others_are_delivered() {
        let counts = subscriber(&json!({ "source": ["sextant"] }), |_, _| {
            Box::pin(async {
                HANDLED.fetch_add(1, Ordering::SeqCst);
                Ok(Value::Null)
            })
        });
        let (market, _folder) = market();
        let (bus, deliveries) = open(clock());
        for _ in 0..MAX_WAITING {
            bus.publish(event(json!({}))).await.unwrap();
        }
        assert!(bus.publish(event(json!({}))).await.is_err());
        let (_stop, stopped) = watch::channel(true);
        deliveries.run(market, vec![counts], stopped).await;
        assert_eq!(HANDLED.load(Ordering::SeqCst), MAX_WAITING);
        let refusal = bus.publish(event(json!({}))).await.unwrap_err();
        assert!(refusal.to_string().contains("closed"), "{refusal}");
    }

    #[tokio::test]
    async fn an_event_that_eventbridge_would_not_take_is_refused() {
        let (bus, _deliveries) = open(clock());
        assert!(bus.publish(event(json!("x".repeat(MAX_EVENT_BYTES)))).await.is_err());
        assert!(bus.publish(event(json!("x".repeat(MAX_EVENT_BYTES - 2)))).await.is_ok());
    }
}
