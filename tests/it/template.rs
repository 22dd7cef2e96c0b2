//! What template.yaml says to AWS, and the gateway does not read.

use gateway::template::PROJECT_TEMPLATE;
use serde_json::{Value, json};

fn template() -> Value {
    serde_saphyr::from_str(PROJECT_TEMPLATE).unwrap()
}

/// The resources of one type, with their names.
fn of_type<'a>(template: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
}

fn functions(template: &Value) -> Vec<(&String, &Value)> {
    let functions: Vec<_> = of_type(template, "AWS::Serverless::Function").collect();
    assert!(functions.len() > 10, "{functions:?}");
    functions
}

#[test]
fn what_holds_data_stays_when_its_stack_is_deleted_and_when_its_first_deployment_fails() {
    let template = template();
    let data: Vec<_> =
        ["AWS::DynamoDB::Table", "AWS::S3::Bucket"].into_iter().flat_map(|kind| of_type(&template, kind)).collect();
    assert_eq!(data.len(), 2);
    for (name, resource) in data {
        // `RetainExceptOnCreate` deletes it in the second case. Its protection refuses that, and so the rollback fails.
        let kept = (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]);
        assert_eq!(kept, (&json!("Retain"), &json!("Retain")), "{name}");
        // A name of its own would be taken when the stack is deployed again.
        let properties = &resource["Properties"];
        assert!(properties["TableName"].is_null() && properties["BucketName"].is_null(), "{name}");
    }
    assert!(!template["Resources"]["Table"]["Properties"]["DeletionProtectionEnabled"].is_null());
}

#[test]
fn no_route_has_metrics_of_its_own() {
    let template = template();
    let mut settings = 0;
    for kind in ["AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"] {
        for (name, api) in of_type(&template, kind) {
            let own =
                api["Properties"]["RouteSettings"].as_object().into_iter().flatten().map(|(_, settings)| settings);
            for each in own.chain([&api["Properties"]["DefaultRouteSettings"]]) {
                assert_eq!(each["DetailedMetricsEnabled"], false, "{name}: {each}");
                settings += 1;
            }
        }
    }
    assert!(settings > 2);
}

#[test]
fn routes_that_hash_a_password_or_compute_much_have_a_throttle_of_their_own() {
    let template = template();
    let api = &template["Resources"]["Api"]["Properties"];
    let of = |settings: &Value| {
        let number = |name: &str| settings[name].as_u64().unwrap_or_else(|| panic!("{name} of {settings}"));
        (number("ThrottlingRateLimit"), number("ThrottlingBurstLimit"))
    };
    let default = of(&api["DefaultRouteSettings"]);
    let own = api["RouteSettings"].as_object().unwrap();
    for route in [
        "POST /customers",
        "POST /sessions",
        "PUT /customers/password",
        "PUT /customers/me/password",
        "POST /customers/email-verification",
        "POST /customers/email-verification/confirm",
        "POST /customers/password-reset",
    ] {
        assert_eq!(of(&own[route]), (20, 40), "{route}");
    }
    for dear in [
        "GET /customers/me/export",
        "GET /portfolios/{id}/activities/export",
        "GET /portfolios/{id}/investments/export",
        "GET /predict/{symbol}",
        "GET /report/{symbol}",
        "POST /backtest",
        "POST /portfolios/{id}/investments/import",
    ] {
        assert!(of(&own[dear]).0 < default.0 && of(&own[dear]).1 < default.1, "{dear}");
    }
}

#[test]
fn the_name_of_every_function_is_an_output() {
    let template = template();
    for (name, _) in functions(&template) {
        assert_eq!(template["Outputs"][format!("{name}Name")]["Value"], json!({ "Ref": name }), "{name}");
    }
}

#[test]
fn lambda_reports_every_invocation_at_every_log_level() {
    let template = template();
    let logging = &template["Globals"]["Function"]["LoggingConfig"];
    assert_eq!(logging["LogFormat"], "JSON");
    // platform.report is an event of the level INFO.
    assert_eq!(logging["SystemLogLevel"], "INFO");
    assert_eq!(logging["ApplicationLogLevel"], json!({ "Ref": "LogLevel" }));
    for (name, function) in functions(&template) {
        let own: Vec<_> = function["Properties"]["LoggingConfig"].as_object().unwrap().keys().collect();
        assert_eq!(own, ["LogGroup"], "{name}");
    }
}

#[test]
fn a_new_account_can_deploy_with_the_defaults() {
    let template = template();
    let parameters = template["Parameters"].as_object().unwrap();
    for (name, parameter) in parameters {
        assert!(!parameter["Default"].is_null(), "{name} has no default");
    }
    // Lambda gives a new account ten concurrent runs, of which none can be reserved.
    for (name, function) in functions(&template) {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        if reserved.is_null() {
            continue;
        }
        let choice = reserved["Fn::If"].as_array().unwrap();
        assert_eq!(choice[2], json!({ "Ref": "AWS::NoValue" }), "{name}");
        let parameter = choice[1]["Ref"].as_str().unwrap();
        assert_eq!(parameters[parameter]["Default"], 0, "{name}");
        let none = &template["Conditions"][choice[0].as_str().unwrap()]["Fn::Not"][0]["Fn::Equals"];
        assert_eq!(none, &json!([{ "Ref": parameter }, "0"]), "{name}");
    }
    // It has no role either with which API Gateway writes the log of the WebSocket API.
    assert_eq!(parameters["ManageApiGatewayAccount"]["Default"], "on");
    for name in ["ApiAccount", "ApiLogRole"] {
        assert_eq!(template["Resources"][name]["Condition"], "ManagesApiGatewayAccount", "{name}");
    }
    let log_group = &template["Resources"]["LiveApiLogGroup"]["Metadata"]["WrittenWith"];
    assert_eq!(
        log_group["Fn::If"][1],
        json!({ "Ref": "ApiAccount" }),
        "the stage must be created after the role is set"
    );
}

#[test]
fn every_function_that_reads_the_providers_key_may_decrypt_it_with_a_key_of_ones_own() {
    let template = template();
    let mut readers = 0;
    for (name, function) in functions(&template) {
        let policies = function["Properties"]["Policies"].to_string();
        let reads = policies.contains("\"ssm:GetParameter\"");
        assert_eq!(policies.contains("\"kms:Decrypt\""), reads, "{name}");
        if reads {
            readers += 1;
            let named = "\"Resource\":{\"Ref\":\"ProviderKeyKmsKeyArn\"}";
            assert!(policies.contains(named) && policies.contains("\"kms:ViaService\""), "{name}: {policies}");
        }
    }
    assert!(readers > 5);
    assert_eq!(template["Parameters"]["ProviderKeyKmsKeyArn"]["Default"], "");
}

#[test]
fn events_are_published_where_the_rule_listens_on_a_bus_named_after_the_stack() {
    let template = template();
    let resources = &template["Resources"];
    let name = &resources["EventBus"]["Properties"]["Name"];
    assert_eq!(name, &json!({ "Ref": "AWS::StackName" }), "two stacks of an account have two buses");
    let bus = json!({ "Ref": "EventBus" });
    let rule = &resources["PublishRatesFunction"]["Properties"]["Events"]["QuotesRefreshed"]["Properties"];
    assert_eq!(rule["EventBusName"], bus);
    let refresh = &resources["RefreshPricesFunction"];
    assert_eq!(refresh["Properties"]["Environment"]["Variables"]["EVENT_BUS_NAME"], bus);
    let may_publish = |statement: &&Value| statement["Action"] == "events:PutEvents";
    let policies = refresh["Properties"]["Policies"].as_array().unwrap().iter();
    let statements = policies.filter_map(|policy| policy["Statement"].as_array()).flatten();
    let resources: Vec<_> = statements.filter(may_publish).map(|statement| &statement["Resource"]).collect();
    assert_eq!(resources, [&json!({ "Fn::GetAtt": ["EventBus", "Arn"] })]);
}
