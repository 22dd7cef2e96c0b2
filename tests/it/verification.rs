//! The nightly verification of all books: by the state machine on the emulated AWS, and by the same work in a loop on one
//! machine.

use domain::CustomerId;
use serde_json::{Value, json};
use store::keys;

use crate::target::{self, Target, settings};

const STATE_MACHINE: &str = "verification";
const OUTPUT: &str = "VerificationStateMachineArn";
const CUSTOMERS: usize = 5;

/// New customers with a deposit, and their ids.
async fn depositors(target: &Target) -> Vec<(Target, CustomerId)> {
    let mut depositors = Vec::new();
    for _ in 0..CUSTOMERS {
        let customer = target.newcomer().await;
        let deposit = json!({ "amount": "100.00" });
        customer.post_with_key("/wallet/deposits", &deposit, "first").await.expect_status(201);
        let id = customer.get("/customers/me").await.expect_status(200).json()["id"].as_str().unwrap().parse();
        depositors.push((customer, CustomerId(id.unwrap())));
    }
    depositors
}

async fn frozen(depositors: &[(Target, CustomerId)]) -> Vec<bool> {
    let mut frozen = Vec::new();
    for (customer, _) in depositors {
        frozen.push(customer.get("/wallet").await.expect_status(200).json()["frozen"].as_bool().unwrap());
    }
    frozen
}

/// An altered ledger entry is found among sound ones, its wallet alone is frozen, and it is released once its books add
/// up again.
async fn finds_an_altered_wallet(target: &Target) -> CustomerId {
    let depositors = depositors(target).await;
    assert!(target.run_state_machine(STATE_MACHINE, OUTPUT).await, "all books are sound");
    assert_eq!(frozen(&depositors).await, [false; CUSTOMERS]);
    let verified_at = async || target.get("/health").await.expect_status(200).json()["last_verification"].clone();
    let first = verified_at().await;
    assert!(first.is_string());

    let (altered, id) = &depositors[2];
    let entry = keys::wallet_entry(*id, 1);
    target.alter(&entry, "100.00", "100.01").await;
    assert!(!target.run_state_machine(STATE_MACHINE, OUTPUT).await, "one is not");
    assert_eq!(frozen(&depositors).await, [false, false, true, false, false]);
    assert_ne!(verified_at().await, first);
    let deposit = json!({ "amount": "1.00" });
    altered.post_with_key("/wallet/deposits", &deposit, "second").await.expect_problem(423, "wallet_frozen");
    depositors[3].0.post_with_key("/wallet/deposits", &deposit, "second").await.expect_status(201);

    target.alter(&entry, "100.01", "100.00").await;
    assert!(target.run_state_machine(STATE_MACHINE, OUTPUT).await, "it is sound again");
    assert_eq!(frozen(&depositors).await, [false; CUSTOMERS]);
    *id
}

#[test]
fn the_nightly_run_on_one_machine_freezes_an_altered_wallet_among_sound_ones() {
    target::run(async || {
        let folder = tempfile::tempdir().unwrap();
        let (server, target) = Target::serve(settings(folder.path())).await;
        finds_an_altered_wallet(&target).await;
        server.stop().await;
    });
}

#[test]
fn the_state_machine_freezes_an_altered_wallet_among_sound_ones_and_keeps_the_report() {
    // The stack that no other test verifies.
    let Some(target) = target::second() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let altered = finds_an_altered_wallet(&target).await;
        let failed: Value = target.receive_failed_execution().await;
        assert!(failed["execution"].as_str().unwrap().contains("-verification:"), "{failed}");
        let report = &failed["result"]["report"];
        assert_eq!((&report["unsound_count"], &report["frozen"]), (&json!(1), &json!(1)), "{failed}");
        assert_eq!(report["unsound"][0]["customer_id"], json!(altered), "{failed}");
        assert_eq!(report["unfinished_shards"], 0, "{failed}");
    });
}

#[test]
fn a_shard_that_does_not_exist_and_an_unknown_field_are_refused() {
    target::run(async || {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let (server, _) = Target::serve(settings.clone()).await;
        for command in [
            json!({ "command": "verify-shard", "shard": 16 }),
            json!({ "command": "verify-shard" }),
            json!({ "command": "verify", "again": true }),
        ] {
            let refusal = gateway::operations::run(&settings, command.clone()).await.unwrap_err().to_string();
            assert!(refusal.starts_with("not a command"), "{command}: {refusal}");
        }
        let early = json!({ "command": "verify-shard", "shard": 15 });
        let refusal = gateway::operations::run(&settings, early).await.unwrap_err().to_string();
        assert!(refusal.contains("no verification was started"), "{refusal}");
        server.stop().await;
    });
}
