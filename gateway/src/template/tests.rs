use super::*;
use crate::routes::RouteKey;
use crate::schedule_expression::ScheduleExpression;

/// A template of one function with these properties, four spaces deep.
fn one(properties: &str) -> Result<Template, TemplateError> {
    Template::parse(&format!(
        "Parameters:\n  When: {{ Type: String, Default: rate(5 minutes) }}\nGlobals:\n  Function: {{ Timeout: 7 }}\n\
         Resources:\n  Table: {{ Type: 'AWS::DynamoDB::Table' }}\n  TellTimeFunction:\n    \
         Type: AWS::Serverless::Function\n    Properties:\n{properties}"
    ))
}

#[test]
fn a_function_takes_its_name_from_its_folder_and_its_limits_from_the_globals() {
    let template = one("      CodeUri: target/lambda/tell-time/\n      MemorySize: 256\n").unwrap();
    let [function] = template.functions.as_slice() else { panic!("{template:?}") };
    assert_eq!(function.name, "tell-time");
    assert_eq!(function.timeout, Duration::from_secs(7));
    assert_eq!(function.memory_mb, 256);
    assert!(function.routes.is_empty() && function.schedules.is_empty());
}

#[test]
fn an_event_without_path_and_method_is_the_default_route() {
    let template = one("      CodeUri: target/lambda/tell-time/\n      Events:\n        A: { Type: HttpApi, \
         Properties: { ApiId: { Ref: Api } } }\n        B: { Type: HttpApi, Properties: { Method: get, Path: '/a/{b}' } }\n")
    .unwrap();
    let routes: Vec<String> = template.functions[0].routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["$default", "GET /a/{b}"]);
}

#[test]
fn a_route_is_public_only_where_it_says_so() {
    let events = |auth: &str| {
        one(&format!(
            "      CodeUri: target/lambda/tell-time/\n      Events:\n        A: {{ Type: HttpApi, \
             Properties: {{ Method: GET, Path: /a{auth} }} }}\n"
        ))
    };
    assert!(events("").unwrap().functions[0].public_routes.is_empty());
    let open = events(", Auth: { Authorizer: NONE }").unwrap();
    assert_eq!(open.functions[0].public_routes, open.functions[0].routes);
    assert!(events(", Auth: { Authorizer: Another }").unwrap_err().to_string().contains("Another"));
}

#[test]
fn an_api_without_an_authorizer_of_its_own_is_refused() {
    let api = |auth: &str| {
        let text = format!("Resources:\n  Api: {{ Type: 'AWS::Serverless::HttpApi', Properties: {{ {auth} }} }}\n");
        Template::parse(&text)
    };
    assert!(api("").unwrap_err().to_string().contains("public"));
    assert!(api("Auth: { DefaultAuthorizer: AWS_IAM }").is_err());
    let named = |more: &str| {
        let authorizer = format!("FunctionArn: {{ Ref: B.Alias }}{more}");
        api(&format!("Auth: {{ DefaultAuthorizer: A, Authorizers: {{ A: {{ {authorizer} }} }} }}"))
            .unwrap_err()
            .to_string()
    };
    assert!(named(", Identity: { ReauthorizeEvery: 0 }").contains("not a function"));
    for other in ["", ", Identity: { ReauthorizeEvery: 60 }"] {
        assert!(named(other).contains("called on every request"), "{other}");
    }
    let with_source = named(", Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }");
    assert!(with_source.contains("Headers"), "{with_source}");
    assert_eq!(Template::parse(PROJECT_TEMPLATE).unwrap().authorizer.as_deref(), Some("authorizer"));
}

#[test]
fn a_throttle_of_its_own_needs_a_route() {
    let renamed = PROJECT_TEMPLATE.replacen("\"POST /sessions\": {", "\"POST /session\": {", 1);
    assert_ne!(renamed, PROJECT_TEMPLATE);
    let refusal = Template::parse(&renamed).unwrap_err().to_string();
    assert!(refusal.contains("RouteSettings names POST /session,"), "{refusal}");
}

#[test]
fn a_schedule_may_refer_to_a_parameter() {
    let template = one("      CodeUri: target/lambda/tell-time/\n      Events:\n        Often: { Type: ScheduleV2, \
         Properties: { ScheduleExpression: { Ref: When }, Input: '{\"a\": 1}' } }\n")
    .unwrap();
    let [schedule] = template.functions[0].schedules.as_slice() else { panic!("{template:?}") };
    assert_eq!(schedule.name, "Often");
    assert_eq!(schedule.input, Some(serde_json::json!({"a": 1})));
    assert_eq!(schedule.expression, ScheduleExpression::parse("rate(5 minutes)", "UTC").unwrap());
}

#[test]
fn an_unsupported_setting_is_refused_with_its_place() {
    let code = "      CodeUri: target/lambda/tell-time/\n";
    let event = |text: &str| format!("{code}      Events:\n        E: {text}\n");
    for (properties, said) in [
        ("      Timeout: 3\n".to_owned(), "TellTimeFunction: missing field `CodeUri`"),
        ("      CodeUri: target/lambda/tell-times/\n".to_owned(), "tell-times"),
        ("      CodeUri: tell-time/\n".to_owned(), "named once"),
        (event("{ Type: SQS, Properties: {} }"), "the event E has the unsupported type SQS"),
        (event("{ Type: HttpApi, Properties: { Method: GET, Path: a } }"), "TellTimeFunction: "),
        (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: often } }"), "often"),
        (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: { Ref: Never } } }"), "Ref names Never"),
        (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 day), Input: a } }"), "not JSON"),
        (
            event(
                "{ Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 day), Input: '\"<aws.scheduler.execution-id>\"' } }",
            ),
            "the only supported keyword",
        ),
    ] {
        let error = one(&properties).unwrap_err().to_string();
        assert!(error.contains(said), "{error:?} does not say {said:?}");
    }
    assert!(matches!(Template::parse("a: ["), Err(TemplateError::Unreadable(_))));
    assert!(matches!(Template::parse("a: 1"), Err(TemplateError::Unreadable(_))));
}

#[test]
fn the_projects_own_template_is_read_whole() {
    let template = Template::parse(PROJECT_TEMPLATE).unwrap();
    let fetch = template.functions.iter().find(|function| function.name == "fetch-data").unwrap();
    assert_eq!(fetch.routes, [RouteKey::parse("GET", "/fetch-data/{symbol}").unwrap()]);
    let refresh = template.functions.iter().find(|function| function.name == "refresh-prices").unwrap();
    assert_eq!(refresh.schedules.len(), 2);
    let slot = serde_json::json!({ "time": SCHEDULED_TIME });
    assert!(refresh.schedules.iter().all(|schedule| schedule.input.as_ref() == Some(&slot)), "{refresh:?}");
    assert_eq!((refresh.timeout, refresh.retries), (Duration::from_mins(5), 2));
    assert_eq!(template.live_api, Some(LiveApi { stage: "live".to_owned(), function: "live".to_owned() }));
    let publish = template.functions.iter().find(|function| function.name == "publish-rates").unwrap();
    let [pattern] = publish.rules.as_slice() else { panic!("{publish:?}") };
    assert!(pattern.takes(&serde_json::json!({ "source": "sextant", "detail-type": "quotes.refreshed" })));
    assert_eq!(publish.retries, 2);
    // With the time to read the subscribers before, and to close connections after.
    assert!(publish.timeout >= notifications::live::QUOTES_TIME * 2, "{:?}", publish.timeout);
}

#[test]
fn prices_are_refreshed_every_quarter_of_an_hour_of_a_session_and_once_in_the_evening() {
    let template = Template::parse(PROJECT_TEMPLATE).unwrap();
    let refresh = template.functions.iter().find(|function| function.name == "refresh-prices").unwrap();
    let in_new_york = |text: &str| ScheduleExpression::parse(text, "America/New_York").unwrap();
    let of = |name: &str| &refresh.schedules.iter().find(|schedule| schedule.name == name).unwrap().expression;
    let (by_day, evening) = (of("DuringTrading"), of("AfterTheClose"));
    // Compared without printing: a calendar in print has thousands of numbers.
    assert!(*by_day == in_new_york("cron(0/15 9-15 ? * MON-FRI *)"));
    assert!(*evening == in_new_york("cron(30 18 ? * MON-FRI *)"));
    // What the slots come to, in winter: the first before the session, the last a quarter before its close.
    let fires =
        |schedule: &ScheduleExpression, from: &str| schedule.next_after(from.parse().unwrap()).unwrap().to_rfc3339();
    assert_eq!(fires(by_day, "2026-11-20T06:00:00Z"), "2026-11-20T14:00:00+00:00");
    assert_eq!(fires(by_day, "2026-11-20T14:30:00Z"), "2026-11-20T14:45:00+00:00");
    assert_eq!(fires(by_day, "2026-11-20T20:45:00Z"), "2026-11-23T14:00:00+00:00", "after Friday's last comes Monday");
    assert_eq!(fires(evening, "2026-11-20T06:00:00Z"), "2026-11-20T23:30:00+00:00");
    assert_eq!(fires(evening, "2026-11-20T23:30:00Z"), "2026-11-23T23:30:00+00:00");
}

#[test]
fn a_run_that_fails_all_retries_goes_to_the_queue_of_failed_runs() {
    let template: serde_json::Value = serde_saphyr::from_str(PROJECT_TEMPLATE).unwrap();
    let resources = &template["Resources"];
    assert_eq!(resources["FailedRuns"]["Type"], "AWS::SQS::Queue");
    let failed_runs = serde_json::json!({ "Fn::GetAtt": ["FailedRuns", "Arn"] });
    for (function, deliveries) in [
        ("RefreshPricesFunction", vec!["DuringTrading", "AfterTheClose"]),
        ("PublishRatesFunction", vec!["QuotesRefreshed"]),
    ] {
        let properties = &resources[function]["Properties"];
        let on_failure = &properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!((&on_failure["Type"], &on_failure["Destination"]), (&"SQS".into(), &failed_runs), "{function}");
        let events = properties["Events"].as_object().unwrap();
        assert_eq!(events.len(), deliveries.len(), "{function}");
        for delivery in deliveries {
            // Of an event that never reached the function.
            let dead = &events[delivery]["Properties"]["DeadLetterConfig"]["Arn"];
            assert_eq!(dead, &failed_runs, "{function}, {delivery}");
        }
    }
}

#[test]
fn a_state_machine_has_a_timeout_and_schedules() {
    let machine = |resource: &str, properties: &str| {
        Template::parse(&format!(
            "Resources:\n  {resource}: {{ Type: 'AWS::Serverless::StateMachine', Properties: {{ {properties} }} }}\n"
        ))
    };
    let event = |kind: &str| {
        format!("Events: {{ Often: {{ Type: {kind}, Properties: {{ ScheduleExpression: rate(1 day) }} }} }}")
    };
    let whole = format!("Definition: {{ TimeoutSeconds: 60, States: {{}} }}, {}", event("ScheduleV2"));
    let template = machine("TellTimeStateMachine", &whole).unwrap();
    let [read] = template.state_machines.as_slice() else { panic!("{template:?}") };
    assert_eq!((read.name.as_str(), read.timeout), ("tell-time", Duration::from_mins(1)));
    assert_eq!(read.schedules[0].expression, ScheduleExpression::parse("rate(1 day)", "UTC").unwrap());
    for (resource, properties, said) in [
        ("TellTime", whole, "ends with StateMachine"),
        ("StateMachine", "Definition: { TimeoutSeconds: 60 }".to_owned(), "ends with StateMachine"),
        ("TellTimeStateMachine", "Definition: {}".to_owned(), "TimeoutSeconds"),
        (
            "TellTimeStateMachine",
            format!("Definition: {{ TimeoutSeconds: 60 }}, {}", event("EventBridgeRule")),
            "the event Often has the unsupported type EventBridgeRule",
        ),
    ] {
        let refusal = machine(resource, &properties).unwrap_err().to_string();
        assert!(refusal.contains(said), "{refusal:?} does not say {said:?}");
    }
}

#[test]
fn the_books_are_verified_every_night_by_a_function_with_time_for_it() {
    let template = Template::parse(PROJECT_TEMPLATE).unwrap();
    let [machine] = template.state_machines.as_slice() else { panic!("one state machine") };
    let [schedule] = machine.schedules.as_slice() else { panic!("one schedule") };
    assert!(schedule.expression == ScheduleExpression::parse("cron(30 3 * * ? *)", "America/New_York").unwrap());
    let operator = template.functions.iter().find(|function| function.name == "operator").unwrap();
    assert!(operator.timeout > operator::LONGEST_INVOCATION, "{:?}", operator.timeout);
    assert!(operator.schedules.is_empty());
    // The state machine waits as long as the function may take, and keeps every run that fails.
    let document: serde_json::Value = serde_saphyr::from_str(PROJECT_TEMPLATE).unwrap();
    let states = document["Resources"]["VerificationStateMachine"]["Properties"]["Definition"]["States"].clone();
    let keeps = serde_json::json!([{ "ErrorEquals": ["States.ALL"], "Next": "KeepFailedRun" }]);
    for name in ["StartRun", "VerifyShards", "FinishRun"] {
        assert_eq!(states[name]["Catch"], keeps, "{name}");
    }
    assert_eq!(states["AreAllBooksSound"]["Default"], "KeepFailedRun");
    let verify = &states["VerifyShards"]["ItemProcessor"]["States"]["VerifyBatches"];
    for task in [&states["StartRun"], &states["FinishRun"], verify] {
        assert_eq!(task["TimeoutSeconds"], operator.timeout.as_secs(), "{task}");
        assert_eq!(task["Retry"][0]["ErrorEquals"], serde_json::json!(["States.ALL"]), "{task}");
    }
}

#[test]
fn a_rule_has_a_pattern_and_is_on_the_only_bus_of_the_template() {
    let rule = |properties: &str, more: &str| {
        one(&format!(
            "      CodeUri: target/lambda/tell-time/\n      Events:\n        E: {{ Type: EventBridgeRule, \
             Properties: {{ {properties} }} }}\n  Bus: {{ Type: 'AWS::Events::EventBus' }}\n{more}"
        ))
    };
    let sextant = "EventBusName: { Ref: Bus }, Pattern: { source: [sextant] }";
    let template = rule(sextant, "").unwrap();
    assert_eq!((template.functions[0].rules.len(), template.functions[0].retries), (1, 2));
    let not_the_bus = "is not a Ref to a bus of the template";
    for (properties, more, said) in [
        ("EventBusName: { Ref: Bus }, Pattern: {}", "", "names no field"),
        ("EventBusName: { Ref: Bus }, Pattern: { source: [{ prefix: sex }] }", "", "filter"),
        ("EventBusName: { Ref: Bus }", "", "missing field"),
        ("Pattern: { source: [sextant] }", "", not_the_bus),
        ("EventBusName: default, Pattern: { source: [sextant] }", "", not_the_bus),
        ("EventBusName: { Ref: Table }, Pattern: { source: [sextant] }", "", not_the_bus),
        (sextant, "  Another: { Type: 'AWS::Events::EventBus' }\n", "one of several buses"),
    ] {
        let refusal = rule(properties, more).unwrap_err().to_string();
        assert!(refusal.contains(said), "{refusal:?} does not say {said:?}");
    }
}

#[test]
fn a_websocket_api_leads_to_one_function_by_its_three_routes() {
    let api = |routes: &str| {
        let route = |text: &str| text.replace("TIME", "{ FunctionArn: { Ref: TellTimeFunction.Alias } }");
        let text = format!(
            "Resources:\n  TellTimeFunction: {{ Type: 'AWS::Serverless::Function', Properties: {{ CodeUri: \
             target/lambda/tell-time/ }} }}\n  Live: {{ Type: 'AWS::Serverless::WebSocketApi', Properties: \
             {{ StageName: live, Routes: {{ {} }} }} }}\n",
            route(routes)
        );
        Template::parse(&text)
    };
    let whole = api("$connect: TIME, $disconnect: TIME, $default: TIME").unwrap().live_api.unwrap();
    assert_eq!(whole, LiveApi { stage: "live".to_owned(), function: "tell-time".to_owned() });
    for (routes, said) in [
        ("$connect: TIME, $default: TIME", "are not $connect"),
        ("$connect: TIME, $disconnect: TIME, $default: TIME, join: TIME", "are not $connect"),
        ("$connect: TIME, $disconnect: TIME, $default: { FunctionArn: { Ref: A.Alias } }", "no function"),
        ("$connect: TIME, $disconnect: TIME, $default: { FunctionArn: { Ref: TellTimeFunction } }", "no function"),
    ] {
        let refusal = api(routes).unwrap_err().to_string();
        assert!(refusal.contains(said), "{refusal:?} does not say {said:?}");
    }
}
