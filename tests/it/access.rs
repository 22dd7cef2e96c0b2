//! The roles of the template allow what [`store::access`] grants, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use gateway::invoke::{Invocation, invoke_http};
use gateway::registry::{FUNCTIONS, Handler};
use gateway::template::PROJECT_TEMPLATE;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use store::access::{self, Action};

use crate::target::{self, InProcess};
use crate::tidy::root;

/// The statements on the table that a role can have: the id, the action and the names of IAM for it.
const STATEMENTS: [(&str, Action, &str); 5] = [
    ("GetItems", Action::Get, "dynamodb:GetItem"),
    ("ReadItems", Action::Read, "[dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:Query]"),
    ("CheckItems", Action::Check, "dynamodb:ConditionCheckItem"),
    ("PutItems", Action::Put, "dynamodb:PutItem"),
    ("DeleteItems", Action::Delete, "dynamodb:DeleteItem"),
];
const ORIGIN: &str = "            # From shared/store/src/access.rs; `make policies` writes these statements.";
const STATEMENT: &str = "            - Sid: ";

/// The statements on the table of a function's role, in the indentation of the template.
///
/// A transaction is authorized by the actions of its writes. Each names the partition keys of the request in
/// `dynamodb:LeadingKeys`; `Null` refuses a request that names none, such as a scan.
fn statements(function: &str) -> String {
    let mut text = format!("{ORIGIN}\n");
    for (sid, action, names) in STATEMENTS {
        let partitions = access::partitions(function, action);
        if partitions.is_empty() {
            continue;
        }
        let partitions: Vec<_> = partitions.into_iter().collect();
        write!(
            text,
            "{STATEMENT}{sid}
              Effect: Allow
              Action: {names}
              Resource:
                Fn::If:
                  - CreatesTable
                  - Fn::GetAtt: [Table, Arn]
                  - Fn::Sub: arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{ExistingTableName}}
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: [{}]
                \"Null\": {{ dynamodb:LeadingKeys: \"false\" }}
",
            partitions.join(", ")
        )
        .unwrap();
    }
    text
}

/// The template with the statements on the table that the functions need.
fn with_statements(template: &str) -> String {
    let (mut text, mut function, mut skipping) = (String::new(), None, false);
    for line in template.lines() {
        if let Some(name) = line.trim().strip_prefix("CodeUri: target/lambda/") {
            function = Some(name.trim_end_matches('/'));
        }
        let inside = line.starts_with("             ");
        skipping = line == ORIGIN || line.strip_prefix(STATEMENT).is_some_and(is_on_items) || (skipping && inside);
        if !skipping {
            text.push_str(line);
            text.push('\n');
        }
        if line == "          Statement:"
            && let Some(function) = function.take()
        {
            text.push_str(&statements(function));
        }
    }
    text
}

fn is_on_items(sid: &str) -> bool {
    STATEMENTS.iter().any(|(known, ..)| *known == sid)
}

#[expect(clippy::disallowed_methods, reason = "make says whether the template is to be written")]
fn writes_the_template() -> bool {
    std::env::var_os("SEXTANT_WRITE_POLICIES").is_some()
}

#[test]
fn a_role_may_do_with_the_table_exactly_what_its_function_is_granted() {
    let expected = with_statements(PROJECT_TEMPLATE);
    if writes_the_template() {
        std::fs::write(root().join("template.yaml"), &expected).unwrap();
        return;
    }
    let mut old = PROJECT_TEMPLATE.lines();
    let mut differing = expected.lines().zip(1..).filter(|(line, _)| old.next() != Some(line));
    assert_eq!(differing.next(), None, "template.yaml and shared/store/src/access.rs differ: run `make policies`");
    assert_eq!(expected.matches(ORIGIN).count(), FUNCTIONS.len());
    assert_eq!(PROJECT_TEMPLATE.matches("dynamodb:").count(), expected.matches("dynamodb:").count());
}

#[test]
fn grants_are_for_functions_that_exist() {
    let functions: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    for (function, _) in access::FUNCTIONS {
        assert!(functions.contains(function), "{function}");
    }
}

#[test]
fn only_functions_that_change_accounts_can_write_a_profile() {
    for action in [Action::Put, Action::Delete] {
        let may = |name: &&str| access::require(name, action, "PROFILE#1").is_ok();
        let functions: Vec<_> = FUNCTIONS.iter().map(|function| function.name).filter(may).collect();
        let expected: &[&str] = if action == Action::Put { &["customers", "operator", "sessions"] } else { &[] };
        assert_eq!(functions, expected, "{action:?}");
    }
}

#[test]
fn no_function_can_remove_an_entry_of_a_ledger_or_of_an_audit_trail() {
    for partition in ["WALLET#1", "AUDIT#1#202611"] {
        for function in FUNCTIONS {
            assert!(access::require(function.name, Action::Delete, partition).is_err(), "{}", function.name);
        }
    }
}

#[test]
fn the_authorizer_and_health_read_single_items_and_the_authorizer_writes_sessions_alone() {
    for function in ["authorizer", "health"] {
        for action in [Action::Read, Action::Check, Action::Delete] {
            assert_eq!(access::partitions(function, action), BTreeSet::new(), "{function}: {action:?}");
        }
    }
    assert_eq!(access::partitions("authorizer", Action::Put), BTreeSet::from(["SESSION#*"]));
    assert_eq!(access::partitions("health", Action::Put), BTreeSet::new());
}

#[test]
fn a_request_that_needs_another_partition_than_its_function_is_granted_is_refused() {
    InProcess::with(async |platform| {
        let customers = FUNCTIONS.iter().find(|function| function.name == "customers").unwrap();
        let Handler::Http { router, .. } = customers.handler else { panic!("customers has routes") };
        let body = json!({
            "email": "ada@example.com", "password": crate::target::PASSWORD, "first_name": "Ada", "last_name": "King",
        });
        let event = json!({
            "version": "2.0", "routeKey": "POST /customers", "rawPath": "/customers", "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "requestContext": {
                "http": { "method": "POST", "path": "/customers", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
                "routeKey": "POST /customers", "stage": "$default", "timeEpoch": 1_795_176_000_000_u64,
            },
            "body": body.to_string(), "isBase64Encoded": false,
        });
        for (function, status) in [("health", 500), ("customers", 201)] {
            let invocation = Invocation { function, timeout: Duration::from_mins(1), request_id: "access" };
            let response = invoke_http(router.on(platform.restricted_to(function)), &event, &invocation).await;
            assert_eq!(response.status().as_u16(), status, "{function}: {:?}", response.body());
        }
    });
}

/// Whether the emulated AWS would let a function call an action on the table of its stack, by its deployed role.
async fn is_allowed(client: &Client, endpoint: &str, function: &Value, action: &str) -> bool {
    let table = function["Environment"]["Variables"]["TABLE_NAME"].as_str().unwrap();
    let (role, table) =
        (function["Role"].as_str().unwrap(), format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}"));
    let parameters = [
        ("Action", "SimulatePrincipalPolicy"),
        ("PolicySourceArn", role),
        ("ActionNames.member.1", action),
        ("ResourceArns.member.1", table.as_str()),
    ];
    let form = Url::parse_with_params(endpoint, parameters).unwrap();
    let request = client.post(endpoint).header("authorization", target::signature("iam"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(form.query().unwrap_or_default().to_owned()).send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status} {text}");
    text.contains("<EvalDecision>allowed</EvalDecision>")
}

#[test]
fn the_emulated_aws_enforces_the_deployed_roles() {
    target::run(async || {
        let Some((deployed, endpoint)) = target::emulated() else {
            return eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        };
        let client = https::client().unwrap();
        let health = client.get(format!("{endpoint}/_ministack/health")).send().await.unwrap().text().await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&health).unwrap()["auth"], "enabled");
        for function in FUNCTIONS {
            let deployed = deployed.configuration_of(function.name).await;
            for (action, name) in [
                (Action::Check, "dynamodb:ConditionCheckItem"),
                (Action::Delete, "dynamodb:DeleteItem"),
                (Action::Put, "dynamodb:PutItem"),
                (Action::Read, "dynamodb:Query"),
            ] {
                let granted = !access::partitions(function.name, action).is_empty();
                let allowed = is_allowed(&client, &endpoint, &deployed, name).await;
                assert_eq!(allowed, granted, "{}: {name}", function.name);
            }
            assert!(!is_allowed(&client, &endpoint, &deployed, "dynamodb:Scan").await, "{}", function.name);
        }
    });
}
