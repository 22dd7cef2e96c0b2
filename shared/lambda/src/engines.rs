//! The engines that functions run on. A `main` names the set that its services use, and what it does not
//! name is not linked: a function without reports carries no client of S3, one without prices no sample.
//!
//! In the place of an engine that a set lacks stands one of [`crate::absent`], which refuses every call.

use std::sync::Arc;

use objects::Objects;
use objects_s3::S3Objects;
use services::bus::{Bus, NobodyListens};
use services::mail::{Mail, NoMail};
use services::push::{NoConnections, Push};
use services::{Channels, Parts};
use store::Table;
use store_dynamodb::DynamoTable;

use crate::absent::NoObjects;
use crate::aws::Aws;
use crate::event_bridge::EventBridge;
use crate::letterboxes::Letterboxes;
use crate::live_connections::LiveConnections;
use crate::prices;

/// Makes the engines of a function.
pub type Engines = fn(&Aws) -> Parts;

/// The table. The market's clock stands or runs as the source of prices has it, but there is no price.
#[must_use]
pub fn table(aws: &Aws) -> Parts {
    let table = dynamo_table(aws);
    let provider = prices::names(aws);
    Parts { table, objects: Arc::new(NoObjects), provider, clock: aws.clock.clone(), channels: Channels::none() }
}

/// The table and the source of prices.
#[must_use]
pub fn table_and_prices(aws: &Aws) -> Parts {
    let table = dynamo_table(aws);
    let provider = prices::sources(aws, &table);
    Parts { table, objects: Arc::new(NoObjects), provider, clock: aws.clock.clone(), channels: Channels::none() }
}

/// The table, and the bucket of reports and large results.
#[must_use]
pub fn table_and_objects(aws: &Aws) -> Parts {
    Parts { objects: s3_objects(aws), ..table(aws) }
}

/// The table, the source of prices, and the bucket of reports and large results.
#[must_use]
pub fn table_prices_and_objects(aws: &Aws) -> Parts {
    Parts { objects: s3_objects(aws), ..table_and_prices(aws) }
}

/// The table and the live connections.
#[must_use]
pub fn table_and_push(aws: &Aws) -> Parts {
    Parts { channels: Channels { push: push(aws), ..Channels::none() }, ..table(aws) }
}

/// The table, the live connections and letters.
#[must_use]
pub fn table_push_and_mail(aws: &Aws) -> Parts {
    Parts { channels: push_and_mail(aws), ..table(aws) }
}

/// The table, the source of prices, and the bus that events are published to.
#[must_use]
pub fn table_prices_and_bus(aws: &Aws) -> Parts {
    Parts { channels: Channels { bus: bus(aws), ..Channels::none() }, ..table_and_prices(aws) }
}

/// The table, the source of prices, and letters.
#[must_use]
pub fn table_prices_and_mail(aws: &Aws) -> Parts {
    Parts { channels: Channels { mail: mail(aws), ..Channels::none() }, ..table_and_prices(aws) }
}

/// The table, the bucket, the live connections and letters.
#[must_use]
pub fn table_objects_push_and_mail(aws: &Aws) -> Parts {
    Parts { channels: push_and_mail(aws), ..table_and_objects(aws) }
}

/// The table, the source of prices, the bucket, the live connections and letters.
#[must_use]
pub fn table_prices_objects_push_and_mail(aws: &Aws) -> Parts {
    Parts { channels: push_and_mail(aws), ..table_prices_and_objects(aws) }
}

fn push_and_mail(aws: &Aws) -> Channels {
    Channels { push: push(aws), mail: mail(aws), ..Channels::none() }
}

fn bus(aws: &Aws) -> Arc<dyn Bus> {
    match &aws.configuration.event_bus_name {
        None => Arc::new(NobodyListens),
        Some(name) => Arc::new(EventBridge::new(aws_sdk_eventbridge::Client::new(&aws.sdk), name.clone())),
    }
}

fn push(aws: &Aws) -> Arc<dyn Push> {
    let Some(endpoint) = &aws.configuration.live_endpoint else { return Arc::new(NoConnections) };
    // Unlike every other service's this address belongs to the API, so that none stands in for it.
    let stage = aws_sdk_apigatewaymanagement::config::Builder::from(&aws.sdk).endpoint_url(endpoint).build();
    Arc::new(LiveConnections::new(aws_sdk_apigatewaymanagement::Client::from_conf(stage)))
}

fn mail(aws: &Aws) -> Arc<dyn Mail> {
    match &aws.configuration.letterbox_topic_prefix {
        None => Arc::new(NoMail),
        Some(prefix) => Arc::new(Letterboxes::new(aws_sdk_sns::Client::new(&aws.sdk), prefix.clone())),
    }
}

fn dynamo_table(aws: &Aws) -> Arc<dyn Table> {
    let client = aws_sdk_dynamodb::Client::new(&aws.sdk);
    Arc::new(DynamoTable::new(client, &aws.configuration.table_name, aws.clock.clone()))
}

fn s3_objects(aws: &Aws) -> Arc<dyn Objects> {
    let client = aws_sdk_s3::Client::new(&aws.sdk);
    Arc::new(S3Objects::new(client, &aws.configuration.bucket_name, aws.clock.clone()))
}
