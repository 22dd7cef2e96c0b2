//! The suite that every engine must pass, on DynamoDB: an emulated one, whose address is in
//! `SEXTANT_TEST_DYNAMODB_ENDPOINT`.

#![expect(clippy::unwrap_used, reason = "a helper that finds nothing fails its test")]

use std::io::Write as _;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use store::conformance;
use store_dynamodb::DynamoTable;

const ENDPOINT: &str = "SEXTANT_TEST_DYNAMODB_ENDPOINT";

async fn client(endpoint: &str) -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await;
    Client::new(&config)
}

async fn create_table(client: &Client, name: &str) {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_dynamodb_keeps_all_promises() {
    #[expect(clippy::disallowed_methods, reason = "a test has no composition root, and the emulator may run anywhere")]
    let endpoint = std::env::var(ENDPOINT);
    let Ok(endpoint) = endpoint else {
        // Past the test harness, which would keep a line printed by a test that passes to itself.
        writeln!(std::io::stderr(), "SKIPPED: {ENDPOINT} is not set").unwrap();
        return;
    };
    let client = client(&endpoint).await;
    let name = format!("conformance-{:016x}", rand::random::<u64>());
    create_table(&client, &name).await;
    let outcome = conformance::run(async |clock| {
        Ok::<_, std::convert::Infallible>(DynamoTable::new(client.clone(), name.clone(), clock))
    })
    .await;
    client.delete_table().table_name(&name).send().await.unwrap();
    let cases = outcome.unwrap();
    assert!(cases > 30, "{cases}");
}
