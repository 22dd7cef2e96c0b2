//! Requests without an active session, on every route.

use identity::tokens;

use super::*;

/// The `WWW-Authenticate` of a request without a token, and of one whose token is not valid.
const NO_TOKEN: &str = "Bearer";
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// A client without an active session.
struct Client {
    what: &'static str,
    caller: Target,
    /// A header in addition to the token of the caller.
    authorization: Option<&'static str>,
    /// The expected code and challenge.
    code: &'static str,
    challenge: &'static str,
}

/// A client of each kind whose session has ended.
async fn ended(target: &Target) -> Vec<Client> {
    let administrator = target.newcomer_as("administrator").await;
    let mut clients = Vec::new();
    for (what, code) in [
        ("signed out", "session_ended"),
        ("signed out everywhere", "session_ended"),
        ("with another password", "session_ended"),
        ("with another role", "session_ended"),
        ("disabled", "session_ended"),
        // Nothing is left of the session.
        ("erased", "unauthenticated"),
    ] {
        let email = format!("{}@example.com", Target::unique("ended"));
        let client = target.registered(&email).await;
        let id = client.get("/customers/me").await.expect_status(200).json()["id"].as_str().unwrap().to_owned();
        let administer = async |change: Value| {
            administrator.patch(&format!("/customers/{id}"), &change, "*").await.expect_status(200);
        };
        match what {
            "signed out" => drop(client.delete("/sessions/current").await.expect_status(204)),
            "signed out everywhere" => {
                drop(target.sign_in(&email, PASSWORD).await.delete("/sessions").await.expect_status(204));
            }
            "with another password" => {
                let change = json!({ "current_password": PASSWORD, "new_password": "another fine one" });
                client.put("/customers/me/password", &change).await.expect_status(204);
            }
            "with another role" => administer(json!({ "role": "advisor" })).await,
            "disabled" => administer(json!({ "disabled": true })).await,
            _ => {
                drop(client.post("/customers/me/erasure", &json!({ "password": PASSWORD })).await.expect_status(204));
            }
        }
        clients.push(Client { what, caller: client, authorization: None, code, challenge: INVALID_TOKEN });
    }
    clients
}

async fn without_a_session(target: &Target) -> Vec<Client> {
    let client = |what, caller, authorization, challenge| Client {
        what,
        caller,
        authorization,
        code: "unauthenticated",
        challenge,
    };
    let basic = Some("Basic YWRhOnBhc3N3b3Jk");
    let unknown = target.with_token(&tokens::new().unwrap());
    let mut clients = vec![
        client("without a token", target.anonymous(), None, NO_TOKEN),
        client("with another scheme", target.anonymous(), basic, NO_TOKEN),
        client("with text that is no token", target.with_token("nonsense"), None, INVALID_TOKEN),
        client("with an unknown token", unknown, None, INVALID_TOKEN),
    ];
    clients.extend(ended(target).await);
    clients
}

#[test]
fn every_private_route_challenges_a_request_without_an_active_session_before_it_reports_anything_else() {
    each(async |target: &Target| {
        let clients = without_a_session(target).await;
        let mut found = Vec::new();
        for (route, _) in POLICIES.iter().filter(|(_, access)| *access != Access::Public) {
            let (method, template) = route.split_once(' ').unwrap();
            let method: Method = method.parse().unwrap();
            let segments = template.split('/').map(|segment| if segment.starts_with('{') { "17" } else { segment });
            // With an id that is none, an unknown parameter, an unusable key and version, and a body of another type.
            let path = segments.collect::<Vec<_>>().join("/") + "?no_such_parameter=1";
            let wrong = [("idempotency-key", "a,b"), ("if-match", "none"), ("content-type", "text/plain")];
            let answers = clients.iter().map(|client| {
                let authorization = client.authorization.map(|value| ("authorization", value));
                let headers: Vec<_> = wrong.into_iter().chain(authorization).collect();
                let (method, path) = (method.clone(), path.as_str());
                async move { (client, client.caller.send_with(method, path, &headers, "{".to_owned()).await) }
            });
            for (client, answer) in futures::future::join_all(answers).await {
                let challenge = answer.header("www-authenticate");
                if (answer.status, challenge.as_str()) != (401, client.challenge) {
                    found.push(format!("{route} {}: {} {challenge}: {}", client.what, answer.status, answer.text()));
                    continue;
                }
                answer.expect_problem(401, client.code);
            }
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
    });
}

#[test]
fn a_public_route_answers_with_a_token_that_is_not_valid_as_without_one() {
    each(async |target: &Target| {
        let email = format!("{}@example.com", Target::unique("public"));
        let signed_out = target.registered(&email).await;
        signed_out.delete("/sessions/current").await.expect_status(204);
        let mut found = Vec::new();
        for (route, _) in POLICIES.iter().filter(|(_, access)| *access == Access::Public) {
            let (Expected::Alone([status, ..]) | Expected::Object { own: [status, ..], .. }) = expected::of(route);
            let path = route.split_once(' ').unwrap().1.replace("{file}", "style.css");
            let unknown = target.with_token(&tokens::new().unwrap());
            for caller in [&target.with_token("nonsense"), &unknown, &signed_out] {
                let answer = call(caller, route, &path, &email).await;
                if answer.status != *status {
                    found.push(format!("{route}: {}: {}", answer.status, answer.text()));
                }
            }
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
    });
}

#[test]
fn a_failed_sign_in_has_a_challenge() {
    each(async |target: &Target| {
        let unknown = json!({ "email": format!("{}@example.com", Target::unique("unknown")), "password": PASSWORD });
        let answer = target.anonymous().post("/sessions", &unknown).await;
        assert_eq!(answer.header("www-authenticate"), NO_TOKEN);
        answer.expect_problem(401, "invalid_credentials");
    });
}
