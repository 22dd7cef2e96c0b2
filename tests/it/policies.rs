//! Access policies: every route with every role, on the caller's own object, another customer's and a missing one.

mod chosen_routes;
mod expected;
mod faults;
mod keys;
mod requests;
mod sessions;
mod things;

use std::collections::{BTreeMap, BTreeSet};

use gateway::policy::{Access, POLICIES};
use reqwest::Method;
use serde_json::{Value, json};

use self::expected::{EXPECTED, Expected, signed_in};
use self::things::{Things, activity, alert, investment, trade};
use crate::answer::Answer;
use crate::target::{PASSWORD, Target, each};

const ROLES: [&str; 3] = ["client", "advisor", "administrator"];
/// Routes that end the caller's session.
const LAST_CALLS: [&str; 4] =
    ["POST /customers/me/erasure", "PUT /customers/me/password", "DELETE /sessions", "DELETE /sessions/current"];
/// Routes that consume an object.
const USED_UP: [&str; 7] = [
    "DELETE /alerts/{id}",
    "DELETE /backtest/{id}",
    "DELETE /portfolios/{id}",
    "DELETE /portfolios/{id}/activities/{activity_id}",
    "DELETE /portfolios/{id}/investments/{investment_id}",
    "POST /wallet/entries/{id}/reversal",
    "DELETE /watchlist/{symbol}",
];

fn person(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" })
}

/// The body and headers for a route, if it needs more than its path.
fn body(route: &str, email: &str) -> Option<Value> {
    Some(match route {
        "POST /alerts" => alert(),
        "POST /backtest" | "POST /backtest/check" => json!({ "symbol": "FB" }),
        "PATCH /backtest/{id}" | "PATCH /instruments/{symbol}" | "PATCH /portfolios/{id}" => {
            json!({ "name": "Renamed" })
        }
        "POST /customers" => person(&format!("{}@example.com", Target::unique("newcomer"))),
        "POST /customers/email-verification/confirm" => json!({ "token": "0".repeat(64) }),
        "PATCH /customers/me" => json!({ "phone": "+44 20 7946 0000" }),
        "POST /customers/me/erasure" => json!({ "password": PASSWORD }),
        "PUT /customers/me/password" => json!({ "current_password": PASSWORD, "new_password": "another fine one" }),
        "PUT /customers/password" => json!({ "token": "0".repeat(64), "new_password": "another fine one" }),
        "POST /customers/password-reset" => json!({ "email": email }),
        "PATCH /customers/{id}" => json!({ "disabled": false }),
        "POST /instruments" => json!({ "symbol": Target::unique("MY:Q").to_uppercase(), "name": "Another" }),
        "PUT /instruments/{symbol}/prices" => json!({ "prices": [{ "date": "2012-12-31", "price": "5" }] }),
        "POST /portfolios" => json!({ "name": "Another", "type": "other" }),
        "POST /portfolios/{id}/activities" => activity(),
        "POST /portfolios/{id}/investments" => investment(),
        "PATCH /portfolios/{id}/activities/{activity_id}" | "PATCH /portfolios/{id}/investments/{investment_id}" => {
            json!({ "quantity": 2 })
        }
        "POST /portfolios/{id}/trades" => trade(),
        "POST /sessions" => json!({ "email": email, "password": PASSWORD }),
        "POST /wallet/deposits" => json!({ "amount": "10" }),
        "POST /wallet/withdrawals" => json!({ "amount": "1" }),
        _ => return None,
    })
}

async fn call(caller: &Target, route: &str, path: &str, email: &str) -> Answer {
    let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
    let key = Target::unique("policy");
    let mut headers = Vec::new();
    if method == Method::POST {
        headers.push(("idempotency-key", key.as_str()));
    }
    if method == Method::PATCH {
        headers.push(("if-match", "*"));
    }
    if route.ends_with("/import") {
        headers.push(("content-type", "text/csv"));
        let csv = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,3,1,2010-01-04\n".to_owned();
        return caller.send_with(method, &format!("{path}?duplicates=import"), &headers, csv).await;
    }
    match body(route, email) {
        Some(body) => {
            headers.push(("content-type", "application/json"));
            caller.send_with(method, path, &headers, body.to_string()).await
        }
        None => caller.send_with(method, path, &headers, String::new()).await,
    }
}

/// A caller with a role and their own things.
struct Actor {
    role: &'static str,
    target: Target,
    things: Things,
    email: String,
}

impl Actor {
    async fn new(target: &Target, role: &'static str) -> Self {
        let signed_in = target.newcomer_as(role).await;
        let email = signed_in.get("/customers/me").await.json()["email"].as_str().unwrap().to_owned();
        let things = Things::of(&signed_in).await;
        Self { role, target: signed_in, things, email }
    }
}

/// The cells of the table in which a route differs from the expectation.
async fn mistakes(
    target: &Target,
    route: &str,
    expected: &Expected,
    anonymous: &Actor,
    actors: &[Actor],
    victim: &Actor,
) -> Vec<String> {
    let mut found = Vec::new();
    for (place, actor) in std::iter::once(anonymous).chain(actors).enumerate() {
        let fresh =
            if place > 0 && LAST_CALLS.contains(&route) { Some(target.newcomer_as(actor.role).await) } else { None };
        let caller = fresh.as_ref().unwrap_or(&actor.target);
        let used_up = place > 0 && USED_UP.contains(&route);
        let own = if used_up { Things::of(caller).await } else { actor.things.clone() };
        let others = if used_up { Things::of(&victim.target).await } else { victim.things.clone() };
        let mut responses = BTreeMap::new();
        for cell in cells(route, expected, place, &own, &others) {
            let Cell { which, status, things, market } = &cell;
            let answer = call(caller, route, &things.path(route, *market), &actor.email).await;
            if answer.status != *status {
                let (role, text) = (actor.role, answer.text());
                found.push(format!("{route} as {role}{which}: {} instead of {status}: {text}", answer.status));
            }
            if answer.status == 404 {
                let problem = answer.json();
                let parts = [&problem["code"], &problem["title"], &problem["detail"]].map(Value::to_string);
                responses.insert(*which, things.blotted(&parts.join(" ")));
            }
        }
        for (theirs, missing) in [(ANOTHERS, MISSING), (ANOTHERS_BELOW_OWN, MISSING_BELOW_OWN)] {
            if responses.contains_key(theirs) && responses.get(theirs) != responses.get(missing) {
                found.push(format!(
                    "{route} as {}: a missing object can be distinguished from another customer's: {responses:?}",
                    actor.role
                ));
            }
        }
    }
    found
}

/// A call and its expected result.
struct Cell<'a> {
    which: &'a str,
    status: u16,
    things: Things,
    market: Option<&'a str>,
}

const ANOTHERS: &str = " on another's";
const MISSING: &str = " on a missing one";
const ANOTHERS_BELOW_OWN: &str = " on another's below their own portfolio";
const MISSING_BELOW_OWN: &str = " on a missing one below their own portfolio";

/// The calls of a route by the caller at this place of [`Statuses`].
fn cells<'a>(route: &str, expected: &Expected, place: usize, own: &Things, others: &Things) -> Vec<Cell<'a>> {
    let cell = |which, status, things, market| Cell { which, status, things, market };
    let (of_own, of_others, of_missing) = match expected {
        Expected::Alone(statuses) => return vec![cell("", statuses[place], own.clone(), None)],
        Expected::Object { own, others, missing } => (own, others, missing),
    };
    let mut cells = vec![
        cell(ANOTHERS, of_others[place], others.clone(), None),
        cell(MISSING, of_missing[place], Things::none(), None),
    ];
    if route.matches('{').count() == 2 {
        cells.push(cell(ANOTHERS_BELOW_OWN, of_others[place], others.clone().below(own), None));
        cells.push(cell(MISSING_BELOW_OWN, of_missing[place], Things::none().below(own), None));
    }
    // Consumed objects are used last.
    cells.push(cell(" on their own", of_own[place], own.clone(), Some("FB")));
    cells
}

/// The visible state of the victim's things.
async fn seen(victim: &Actor) -> Vec<Value> {
    let Things { portfolio, activity, investment, traded, trade, backtest, item, entry, alert, .. } = &victim.things;
    let mut seen = Vec::new();
    for path in [
        format!("/portfolios/{portfolio}"),
        format!("/portfolios/{portfolio}/investments/{investment}"),
        format!("/portfolios/{portfolio}/investments"),
        format!("/portfolios/{portfolio}/trades"),
        format!("/portfolios/{traded}/activities"),
        format!("/portfolios/{traded}/activities/{activity}/versions"),
        format!("/portfolios/{traded}/trades"),
        format!("/portfolios/{traded}/trades/{trade}"),
        format!("/backtest/{backtest}"),
        format!("/instruments/{item}"),
        format!("/wallet/entries/{entry}"),
        format!("/alerts/{alert}"),
        format!("/alerts/{alert}/history"),
        format!("/watchlist/{item}"),
    ] {
        seen.push(victim.target.get(&path).await.expect_status(200).json());
    }
    seen
}

#[test]
fn every_route_answers_every_role_on_every_object_as_declared() {
    each(async |target: &Target| {
        let victim = Actor::new(target, "client").await;
        let mut actors = Vec::new();
        for role in ROLES {
            actors.push(Actor::new(target, role).await);
        }
        let anonymous = Actor {
            role: "anonymous",
            target: target.anonymous(),
            things: victim.things.clone(),
            email: victim.email.clone(),
        };
        let before = seen(&victim).await;
        let mut found = Vec::new();
        for (route, _) in POLICIES {
            let expected = expected::of(route);
            found.extend(mistakes(target, route, expected, &anonymous, &actors, &victim).await);
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
        assert_eq!(seen(&victim).await, before, "a caller changed what belongs to another customer");
    });
}

#[test]
fn no_cell_contradicts_the_declared_policy() {
    for (route, access) in POLICIES {
        let expected = expected::of(route);
        let columns = match expected {
            Expected::Alone(statuses) => vec![statuses],
            Expected::Object { own, others, missing } => vec![own, others, missing],
        };
        assert_eq!(matches!(expected, Expected::Object { .. }), route.contains('{'), "{route}");
        for [anonymous, client, advisor, administrator] in columns.iter().map(|statuses| **statuses) {
            assert_eq!(anonymous == 401, *access != Access::Public, "{route}");
            assert_eq!(
                (client, advisor) == (403, 403),
                *access == Access::Administrators || anonymous == 403,
                "{route}"
            );
            assert!(administrator != 401 && client == advisor, "{route}");
        }
        if *access == Access::Own
            && let Expected::Object { others, missing, .. } = expected
        {
            assert_eq!((others, missing), (&signed_in(404), &signed_in(404)), "{route}");
        }
    }
    let declared: BTreeSet<_> = POLICIES.iter().map(|(route, _)| *route).collect();
    // Left over from a removed route.
    let stale: Vec<_> =
        EXPECTED.iter().filter(|(route, _)| !declared.contains(route)).map(|(route, _)| route).collect();
    assert!(stale.is_empty(), "{stale:?}");
}
