//! Every sample event in events/ is handled by its function.

use std::time::Duration;

use domain::Role;
use gateway::invoke::{Invocation, invoke_http};
use gateway::registry::{FUNCTIONS, Handler};
use identity::password::Password;
use identity::profile::Person;
use identity::sessions::{self, SessionKind};
use identity::{authorization, registration};
use market_data::MarketData;
use serde_json::Value;

use crate::target::{InProcess, PASSWORD};
use crate::tidy::{files_below, root, template};

/// Events with this prefix are answered with a problem, all others with success.
const REFUSED: &str = "refused-";

#[test]
fn every_sample_event_is_answered_by_its_function() {
    InProcess::with(async |platform| {
        let context = administrator(&platform).await;
        for path in files_below(&root().join("events"), "json") {
            let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
            let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let function = FUNCTIONS.iter().find(|function| function.name == folder).expect("a folder a function");
            let platform = platform.restricted_to(&folder);
            match function.handler {
                Handler::Http { router, .. } => {
                    let invocation =
                        Invocation { function: &folder, timeout: Duration::from_mins(1), request_id: "event" };
                    let mut event = event;
                    event["requestContext"]["authorizer"]["lambda"] = context.clone();
                    let answer = invoke_http(router.on(platform), &event, &invocation).await;
                    let status = answer.status().as_u16();
                    let expected = if case.starts_with(REFUSED) { 400..500 } else { 200..400 };
                    let body = String::from_utf8_lossy(answer.body()).into_owned();
                    assert!(expected.contains(&status), "{folder}/{case}: {status} {body}");
                }
                Handler::Event { handle } => {
                    let answer = handle(platform, event).await.unwrap();
                    assert!(answer.is_object(), "{folder}/{case}: {answer}");
                }
                Handler::Live { handle } => {
                    let answer = handle(platform, [].into(), event).await.unwrap();
                    let expected = if case.starts_with(REFUSED) { 400..500 } else { 200..300 };
                    let status = answer["statusCode"].as_u64().unwrap();
                    assert!(expected.contains(&status), "{folder}/{case}: {answer}");
                }
            }
        }
    });
}

/// The authorizer's context of the events' customer.
async fn administrator(platform: &MarketData) -> Value {
    let person = Person {
        email: "ada@example.com".parse().unwrap(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        phone: None,
        address: None,
    };
    let (email, password) = (person.email.clone(), || Password::typed(PASSWORD.to_owned()));
    registration::register(&platform.app, person, password()).await.unwrap();
    accounts::administration::set_role(&platform.app, &email, Role::Administrator).await.unwrap();
    let session = sessions::sign_in(&platform.app, &email, password(), SessionKind::Api).await.unwrap();
    let authorized = authorization::authorize(&platform.app, &session.token).await.unwrap().unwrap();
    serde_json::to_value(gateway::authorizer::context(Ok(&authorized))).unwrap()
}

#[test]
fn every_sample_event_matches_a_route_of_its_function() {
    for path in files_below(&root().join("events"), "json") {
        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let Some(route) = event["routeKey"].as_str() else { continue };
        let template = template();
        let function = template.functions.iter().find(|function| function.name == folder).unwrap();
        // The authorizer is called for the routes of all others.
        let asked = template.authorizer.as_deref() == Some(&folder);
        let functions = template.functions.iter().filter(|other| asked || other.name == function.name);
        let mut routes = functions.flat_map(|function| &function.routes);
        assert!(routes.any(|key| key.to_string() == route), "{folder}: {route}");
    }
}
