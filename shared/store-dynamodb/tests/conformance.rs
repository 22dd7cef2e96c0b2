//! The suite that every engine must pass, on DynamoDB: an emulated one, whose address is in
//! `SEXTANT_TEST_DYNAMODB_ENDPOINT`.

#![expect(clippy::unwrap_used, reason = "a helper that finds nothing fails its test")]

use std::io::Write as _;

use store::conformance;
use store_dynamodb::DynamoTable;

mod emulator;

use emulator::{ENDPOINT, client, create_table};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_dynamodb_keeps_all_promises() {
    let Some(endpoint) = emulator::endpoint() else {
        // Past the test harness, which would keep a line printed by a test that passes to itself.
        writeln!(std::io::stderr(), "SKIPPED: {ENDPOINT} is not set").unwrap();
        return;
    };
    let client = client(endpoint).await;
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
