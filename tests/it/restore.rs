//! Restoring the table on the emulated AWS: a stack is put on a restored table, and back.
//!
//! It proves the mechanism of docs/operations.md: the parameter, the roles and the data. The emulator restores the present,
//! whatever time it is asked for.

use std::time::Duration;

use gateway::template::PROJECT_TEMPLATE;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::target::{self, PASSWORD, Target, each};

/// How often the state of a stack is looked up, and how many times.
const LOOKUP_INTERVAL: Duration = Duration::from_millis(200);
const MOST_LOOKUPS: usize = 600;

/// CloudFormation and DynamoDB of the emulated AWS.
struct Aws {
    client: Client,
    endpoint: String,
    stack: String,
}

impl Aws {
    /// Calls an action of CloudFormation for the stack and returns its response, which is XML.
    async fn call(&self, action: &str, parameters: &[(String, String)]) -> String {
        let stack = [("Action", action), ("StackName", &self.stack), ("Version", "2010-05-15")];
        let mut form = Url::parse_with_params(&self.endpoint, stack).unwrap();
        form.query_pairs_mut().extend_pairs(parameters);
        let request = self.client.post(&self.endpoint).header("authorization", target::signature("cloudformation"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form.query().unwrap_or_default().to_owned()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{action}: {status} {text}");
        text
    }

    /// Calls an action of DynamoDB.
    async fn call_table(&self, action: &str, request: &Value) -> Value {
        let call = self.client.post(&self.endpoint).header("authorization", target::signature("dynamodb"));
        let call = call.header("x-amz-target", format!("DynamoDB_20120810.{action}"));
        let call = call.header("content-type", "application/x-amz-json-1.0").body(request.to_string());
        let response = call.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{action} {request}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Puts the stack on this table, as a deployment with the parameter does.
    async fn use_table(&self, name: &str) {
        let described = self.call("DescribeStacks", &[]).await;
        let keys = described.split("<ParameterKey>").skip(1).filter_map(|rest| rest.split_once("</ParameterKey>"));
        let mut parameters = vec![
            ("UsePreviousTemplate".to_owned(), "true".to_owned()),
            ("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()),
            ("Capabilities.member.2".to_owned(), "CAPABILITY_AUTO_EXPAND".to_owned()),
        ];
        for ((key, _), number) in keys.filter(|(key, _)| *key != "ExistingTableName").zip(2..) {
            let member = format!("Parameters.member.{number}");
            parameters.push((format!("{member}.ParameterKey"), key.to_owned()));
            parameters.push((format!("{member}.UsePreviousValue"), "true".to_owned()));
        }
        parameters.push(("Parameters.member.1.ParameterKey".to_owned(), "ExistingTableName".to_owned()));
        parameters.push(("Parameters.member.1.ParameterValue".to_owned(), name.to_owned()));
        self.call("UpdateStack", &parameters).await;
        let mut lookups = tokio::time::interval(LOOKUP_INTERVAL);
        for _ in 0..MOST_LOOKUPS {
            lookups.tick().await;
            let state = self.call("DescribeStacks", &[]).await;
            if state.contains("<StackStatus>UPDATE_COMPLETE</StackStatus>") {
                return;
            }
            assert!(!state.contains("ROLLBACK") && !state.contains("FAILED</StackStatus>"), "{state}");
        }
        panic!("the stack is not updated");
    }

    /// Restores the table under a new name, with the settings that a restored table lacks.
    async fn restore(&self, from: &str, to: &str) {
        let restored = json!({ "SourceTableName": from, "TargetTableName": to, "UseLatestRestorableTime": true });
        self.call_table("RestoreTableToPointInTime", &restored).await;
        let expiry = json!({ "AttributeName": "ttl", "Enabled": true });
        self.call_table("UpdateTimeToLive", &json!({ "TableName": to, "TimeToLiveSpecification": expiry })).await;
        let recovery = json!({ "PointInTimeRecoveryEnabled": true });
        let recovery = json!({ "TableName": to, "PointInTimeRecoverySpecification": recovery });
        self.call_table("UpdateContinuousBackups", &recovery).await;
        self.call_table("UpdateTable", &json!({ "TableName": to, "DeletionProtectionEnabled": true })).await;
    }
}

async fn deposit(customer: &Target, amount: &str) {
    let body = json!({ "amount": amount, "currency": "USD" });
    customer.post_with_key("/wallet/deposits", &body, amount).await.expect_status(201);
}

async fn balance(customer: &Target) -> Value {
    customer.get("/wallet").await.expect_status(200).json()["balance"].clone()
}

#[test]
fn a_stack_that_is_put_on_a_restored_table_serves_what_was_restored_and_the_way_back_is_open() {
    let Some((target, stack, table)) = target::to_restore() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let (_, endpoint) = target::emulated().unwrap();
        let aws = Aws { client: https::client().unwrap(), endpoint, stack };
        let email = format!("{}@example.com", Target::unique("restored"));
        let customer = target.registered(&email).await;
        deposit(&customer, "1000").await;
        let portfolio = json!({ "name": "Retirement", "type": "ira" });
        let portfolio = customer.post("/portfolios", &portfolio).await.expect_status(201).json();
        let trades = format!("/portfolios/{}/trades", portfolio["id"].as_str().unwrap());
        let order = json!({ "side": "buy", "symbol": "AAPL", "amount": "100.00" });
        let trade = customer.post_with_key(&trades, &order, "trade").await.expect_status(201).json();
        let erased_email = format!("{}@example.com", Target::unique("erased"));
        let erased = target.registered(&erased_email).await;
        let id = erased.get("/customers/me").await.expect_status(200).json()["id"].clone();
        let restored = format!("{table}-restored");
        aws.restore(&table, &restored).await;
        // What happens after the moment that is restored.
        deposit(&customer, "500").await;
        let erasure = json!({ "password": PASSWORD });
        erased.post("/customers/me/erasure", &erasure).await.expect_status(204);
        let later = target.registered(&format!("{}@example.com", Target::unique("later"))).await;

        aws.use_table(&restored).await;
        let ended = target.operate(&json!({ "command": "end-sessions" })).await;
        assert_eq!(ended, json!({ "customers": 2 }));
        for (before, code) in [(&customer, "session_ended"), (&later, "unauthenticated")] {
            assert_eq!(before.get("/wallet").await.expect_status(401).json()["code"], code);
        }
        let customer = target.sign_in(&email, PASSWORD).await;
        assert_eq!(balance(&customer).await, "900.00");
        let listed = customer.get(&trades).await.expect_status(200).json();
        assert_eq!(listed["items"], json!([trade]));
        deposit(&customer, "7").await;
        // A customer who was erased after that moment is back, until the operator erases them again.
        target.sign_in(&erased_email, PASSWORD).await;
        target.operate(&json!({ "command": "erase", "customer_id": id })).await;
        let credentials = json!({ "email": erased_email, "password": PASSWORD });
        target.anonymous().post("/sessions", &credentials).await.expect_status(401);
        let report = target.operate(&json!({ "command": "verify" })).await;
        assert_eq!((&report["unsound"], &report["unverified"]), (&json!([]), &json!([])), "{report}");

        // The stack has left its own table where it was.
        let resources = aws.call("ListStackResources", &[]).await;
        assert!(!resources.contains("<LogicalResourceId>Table</LogicalResourceId>"), "{resources}");
        aws.use_table(&table).await;
        let customer = target.sign_in(&email, PASSWORD).await;
        assert_eq!(balance(&customer).await, "1400.00");
    });
}

#[test]
fn every_use_of_the_table_in_the_template_is_of_the_existing_table_if_there_is_one() {
    let lines: Vec<&str> = PROJECT_TEMPLATE.lines().map(str::trim).collect();
    let mut uses = 0;
    for (place, line) in lines.iter().enumerate() {
        let number = place + 1;
        assert!(!line.contains("${Table"), "line {number}: {line}");
        if line.contains("[Table, Arn]") {
            let other =
                "- Fn::Sub: arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTableName}";
            assert_eq!((lines[place - 1], lines[place + 1]), ("- CreatesTable", other), "line {number}");
            uses += 1;
        } else if line.contains("Ref: Table }") {
            assert!(
                line.contains("[CreatesTable, { Ref: Table }, { Ref: ExistingTableName }]"),
                "line {number}: {line}"
            );
            uses += 1;
        }
    }
    assert!(uses > 10, "{uses}");
}

#[test]
fn the_operator_erases_a_customer_whose_address_is_free_again() {
    each(async |target: &Target| {
        let email = format!("{}@example.com", Target::unique("forgotten"));
        let customer = target.registered(&email).await;
        deposit(&customer, "10").await;
        let id = customer.get("/customers/me").await.expect_status(200).json()["id"].clone();
        let command = json!({ "command": "erase", "customer_id": id });
        // A second time changes nothing.
        for _ in 0..2 {
            assert_eq!(target.operate(&command).await, json!({ "customer_id": id }));
        }
        assert_eq!(customer.get("/wallet").await.expect_status(401).json()["code"], "unauthenticated");
        let again = target.registered(&email).await;
        assert_eq!(balance(&again).await, "0.00");
    });
}
