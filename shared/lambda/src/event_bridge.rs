//! The bus of events: EventBridge.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use services::bus::{self, Bus, Event, NotPublished};

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
            code => Err(NotPublished(code.unwrap_or("it was refused without a reason").to_owned())),
        }
    }
}
