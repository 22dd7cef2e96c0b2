//! The bus of events: EventBridge.

use app::bus::{self, Bus, Event, NotPublished};
use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

/// A bus of EventBridge.
pub struct EventBridge {
    client: Client,
    bus_name: String,
}

impl EventBridge {
    /// The bus of this name.
    pub fn new(client: Client, bus_name: String) -> Self {
        Self { client, bus_name }
    }
}

#[async_trait]
impl Bus for EventBridge {
    async fn publish(&self, event: Event) -> Result<(), NotPublished> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus_name)
            .source(bus::SOURCE)
            .detail_type(event.detail_type)
            .detail(event.detail.to_string())
            .build();
        let answer = self.client.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| NotPublished(error.into_service_error().to_string()))?;
        // An entry that is refused does not fail the call.
        match answer.entries().first().and_then(|entry| entry.error_code()) {
            None if answer.failed_entry_count() == 0 => Ok(()),
            code => Err(NotPublished(code.unwrap_or("refused without a reason").to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::loopback::Loopback;

    async fn published(status: u16, answer: &'static str) -> (Result<(), NotPublished>, Value) {
        let service = Loopback::start(vec![(status, "", answer)]).await;
        let bus = EventBridge::new(Client::new(&service.sdk), "sextant-dev".to_owned());
        let done = bus.publish(Event { detail_type: "quotes.refreshed", detail: json!({ "quotes": [] }) }).await;
        (done, serde_json::from_str(&service.asked()[0].body).unwrap())
    }

    #[tokio::test]
    async fn an_event_is_put_on_its_bus() {
        let (done, asked) = published(200, r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#).await;
        done.unwrap();
        let entry = json!({
            "EventBusName": "sextant-dev", "Source": "sextant", "DetailType": "quotes.refreshed",
            "Detail": "{\"quotes\":[]}",
        });
        assert_eq!(asked, json!({ "Entries": [entry] }));
    }

    #[tokio::test]
    async fn a_refused_event_is_reported_as_not_published() {
        let refused = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"no"}]}"#;
        let (done, _) = published(200, refused).await;
        assert_eq!(done.unwrap_err().to_string(), "the event was not published: InternalFailure");
        assert!(published(200, r#"{"FailedEntryCount":1,"Entries":[]}"#).await.0.is_err());
        assert!(published(500, "{}").await.0.is_err());
    }
}
