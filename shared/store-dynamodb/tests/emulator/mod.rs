//! An emulated DynamoDB: where it is, a client of it, and a table as the template has it. The tests of the books include
//! this file by its path.

use std::sync::OnceLock;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use aws_smithy_http_client::Builder;

/// The setting that has its address.
pub const ENDPOINT: &str = "SEXTANT_TEST_DYNAMODB_ENDPOINT";

/// Its address, where there is one.
pub fn endpoint() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "a test has no composition root, and the emulator may run anywhere")]
    FOUND.get_or_init(|| std::env::var(ENDPOINT).ok()).as_deref()
}

pub async fn client(endpoint: &str) -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await;
    Client::new(&config)
}

/// Makes a table, and waits until it can be used.
pub async fn create_table(client: &Client, name: &str) {
    let mut call = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(key_type);
        call = call
            .attribute_definitions(definition.attribute_type(ScalarAttributeType::S).build().unwrap())
            .key_schema(element.build().unwrap());
    }
    call.send().await.unwrap();
    loop {
        let found = client.describe_table().table_name(name).send().await.unwrap();
        if found.table.unwrap().table_status == Some(TableStatus::Active) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
