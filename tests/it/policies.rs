//! Who may do what: every route, as everybody who may call it, on their own object, on another's and on a missing one.

use std::collections::BTreeSet;

use gateway::policy::{Access, POLICIES};
use reqwest::Method;
use serde_json::{Value, json};

use crate::target::{Answer, PASSWORD, Target, each};

const ROLES: [&str; 3] = ["client", "advisor", "administrator"];
/// An id that nothing has, and a symbol that nobody's item has.
const NO_ID: &str = "0190aaaa-0000-7000-8000-000000000000";
const NO_SYMBOL: &str = "MY:NOPE";

/// The statuses for no token at all, a client, an advisor and an administrator.
type Statuses = [u16; 4];

/// What a route answers.
enum Expected {
    /// Its path names no object.
    Alone(Statuses),
    /// Its path names one: for the caller's own, another customer's, and one that is not there.
    Object { own: Statuses, others: Statuses, missing: Statuses },
}

const fn everybody(status: u16) -> Statuses {
    [status; 4]
}

const fn signed_in(status: u16) -> Statuses {
    [401, status, status, status]
}

const fn administrators(status: u16) -> Statuses {
    [401, 403, 403, status]
}

const fn object(own: Statuses, others: Statuses, missing: Statuses) -> Expected {
    Expected::Object { own, others, missing }
}

/// What is one's own, and does not exist to anybody else.
const fn own(status: u16) -> Expected {
    object(signed_in(status), signed_in(404), signed_in(404))
}

const fn alone(statuses: Statuses) -> Expected {
    Expected::Alone(statuses)
}

const EXPECTED: &[(&str, Expected)] = &[
    ("GET /backtest", alone(signed_in(200))),
    ("POST /backtest", alone(signed_in(201))),
    ("GET /backtest/{id}", own(200)),
    ("GET /customers", alone(administrators(200))),
    ("POST /customers", alone(everybody(201))),
    ("GET /customers/me", alone(signed_in(200))),
    ("PATCH /customers/me", alone(signed_in(200))),
    ("POST /customers/me/erasure", alone(signed_in(204))),
    ("GET /customers/me/export", alone(signed_in(200))),
    ("PUT /customers/me/password", alone(signed_in(204))),
    // A token that nobody was given.
    ("PUT /customers/password", alone(everybody(403))),
    ("GET /customers/{id}", object(administrators(200), administrators(200), administrators(404))),
    ("PATCH /customers/{id}", object(administrators(200), administrators(200), administrators(404))),
    // Prices of the market are everybody's: that is what stands for one's own here.
    ("GET /fetch-data/{symbol}", own(200)),
    ("GET /health", alone(everybody(200))),
    ("GET /openapi.json", alone(everybody(200))),
    ("GET /instruments", alone(signed_in(200))),
    ("POST /instruments", alone(signed_in(201))),
    ("GET /instruments/{symbol}", own(200)),
    ("PUT /instruments/{symbol}/prices", own(200)),
    ("GET /portfolios", alone(signed_in(200))),
    ("POST /portfolios", alone(signed_in(201))),
    ("GET /portfolios/{id}", own(200)),
    ("PATCH /portfolios/{id}", own(200)),
    ("DELETE /portfolios/{id}", own(204)),
    ("GET /portfolios/{id}/holdings", own(200)),
    ("GET /portfolios/{id}/investments", own(200)),
    ("POST /portfolios/{id}/investments", own(201)),
    ("GET /portfolios/{id}/investments/export", own(200)),
    ("POST /portfolios/{id}/investments/import", own(200)),
    ("GET /portfolios/{id}/investments/{investment_id}", own(200)),
    ("PATCH /portfolios/{id}/investments/{investment_id}", own(200)),
    ("DELETE /portfolios/{id}/investments/{investment_id}", own(204)),
    ("GET /portfolios/{id}/performance", own(200)),
    ("GET /portfolios/{id}/trades", own(200)),
    ("POST /portfolios/{id}/trades", own(201)),
    ("GET /predict/{symbol}", own(200)),
    ("GET /predict/{symbol}/history", own(200)),
    ("GET /report/{symbol}", own(200)),
    ("GET /report/{symbol}/chart.svg", own(200)),
    ("GET /sessions", alone(signed_in(200))),
    ("POST /sessions", alone(everybody(201))),
    ("DELETE /sessions", alone(signed_in(204))),
    ("DELETE /sessions/current", alone(signed_in(204))),
    ("GET /wallet", alone(signed_in(200))),
    ("POST /wallet/deposits", alone(signed_in(201))),
    ("GET /wallet/entries", alone(signed_in(200))),
    (
        "POST /wallet/entries/{id}/reversal",
        object(administrators(201), administrators(201), administrators(404)),
    ),
    ("POST /wallet/withdrawals", alone(signed_in(201))),
];

/// Routes after which a caller's token is dead.
const LAST_CALLS: [&str; 4] =
    ["POST /customers/me/erasure", "PUT /customers/me/password", "DELETE /sessions", "DELETE /sessions/current"];
/// Routes that use an object up.
const USED_UP: [&str; 3] = [
    "DELETE /portfolios/{id}",
    "DELETE /portfolios/{id}/investments/{investment_id}",
    "POST /wallet/entries/{id}/reversal",
];

/// One of each thing that a customer can have.
#[derive(Clone)]
struct Things {
    customer: String,
    portfolio: String,
    investment: String,
    backtest: String,
    item: String,
    entry: String,
}

impl Things {
    async fn of(customer: &Target) -> Self {
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let item = Target::unique("MY:P").to_uppercase();
        let deposit = json!({ "amount": "1000" });
        let made = async |path: &str, body: &Value| customer.post(path, body).await.expect_status(201).json();
        let portfolio = id(&made("/portfolios", &json!({ "name": "Held", "type": "brokerage" })).await);
        let investment = id(&made(&format!("/portfolios/{portfolio}/investments"), &investment()).await);
        made("/instruments", &json!({ "symbol": item, "name": "A thing" })).await;
        let entry = customer.post_with_key("/wallet/deposits", &deposit, &Target::unique("cash")).await;
        Self {
            customer: id(&customer.get("/customers/me").await.expect_status(200).json()),
            portfolio,
            investment,
            backtest: id(&made("/backtest", &json!({ "symbol": "FB" })).await),
            item,
            entry: id(&entry.expect_status(201).json()),
        }
    }

    fn none() -> Self {
        let [customer, portfolio, investment, backtest, entry] = [NO_ID; 5].map(str::to_owned);
        Self { customer, portfolio, investment, backtest, item: NO_SYMBOL.to_owned(), entry }
    }

    /// The path of a route with these things in it. `market` stands for a symbol where prices are anybody's.
    fn path(&self, route: &str, market: Option<&str>) -> String {
        let path = route.split_once(' ').unwrap().1;
        let id = match path.split('/').nth(1).unwrap() {
            "backtest" => &self.backtest,
            "customers" => &self.customer,
            "wallet" => &self.entry,
            _ => &self.portfolio,
        };
        let symbol = market.filter(|_| !path.starts_with("/instruments")).unwrap_or(&self.item);
        path.replace("{investment_id}", &self.investment).replace("{id}", id).replace("{symbol}", symbol)
    }

    /// The text without these things' ids, which alone may tell two refusals apart.
    fn blotted(&self, text: &str) -> String {
        let ids = [&self.customer, &self.portfolio, &self.investment, &self.backtest, &self.item, &self.entry];
        ids.iter().fold(text.to_owned(), |text, id| text.replace(id.as_str(), "*"))
    }
}

fn investment() -> Value {
    json!({ "ticker_symbol": "IBM", "quantity": 1, "purchase_price": 100, "purchase_date": "2010-01-04" })
}

fn person(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" })
}

/// What is sent to a route beside its path; a GET of the path alone where nothing is said.
fn body(route: &str, email: &str) -> Option<Value> {
    Some(match route {
        "POST /backtest" => json!({ "symbol": "FB" }),
        "POST /customers" => person(&format!("{}@example.com", Target::unique("anybody"))),
        "PATCH /customers/me" => json!({ "phone": "+44 20 7946 0000" }),
        "POST /customers/me/erasure" => json!({ "password": PASSWORD }),
        "PUT /customers/me/password" => json!({ "current_password": PASSWORD, "new_password": "another fine one" }),
        "PUT /customers/password" => json!({ "token": "0".repeat(64), "new_password": "another fine one" }),
        "PATCH /customers/{id}" => json!({ "disabled": false }),
        "POST /instruments" => json!({ "symbol": Target::unique("MY:Q").to_uppercase(), "name": "Another" }),
        "PUT /instruments/{symbol}/prices" => json!({ "prices": [{ "date": "2012-12-31", "price": "5" }] }),
        "POST /portfolios" => json!({ "name": "Another", "type": "other" }),
        "PATCH /portfolios/{id}" => json!({ "name": "Renamed" }),
        "POST /portfolios/{id}/investments" => investment(),
        "PATCH /portfolios/{id}/investments/{investment_id}" => json!({ "quantity": 2 }),
        "POST /portfolios/{id}/trades" => json!({ "side": "buy", "symbol": "AAPL", "amount": "10" }),
        "POST /sessions" => json!({ "email": email, "password": PASSWORD }),
        "POST /wallet/deposits" => json!({ "amount": "10" }),
        "POST /wallet/withdrawals" => json!({ "amount": "1" }),
        _ => return None,
    })
}

async fn call(caller: &Target, route: &str, path: &str, email: &str) -> Answer {
    let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
    let key = Target::unique("policy");
    let mut headers = vec![("idempotency-key", key.as_str()), ("if-match", "*")];
    if route.ends_with("/import") {
        headers.push(("content-type", "text/csv"));
        let csv = format!("ticker_symbol,quantity,purchase_price,purchase_date\nIBM,{},1,2010-01-04\n", key.len());
        return caller.send_with(method, &format!("{path}?duplicates=import"), &headers, csv).await;
    }
    if method == Method::GET || method == Method::DELETE || route.ends_with("/reversal") {
        headers.truncate(if method == Method::POST { 1 } else { 0 });
    }
    match body(route, email) {
        Some(body) => {
            headers.push(("content-type", "application/json"));
            caller.send_with(method, path, &headers, body.to_string()).await
        }
        None => caller.send_with(method, path, &headers, String::new()).await,
    }
}

/// A caller of a role with things of their own.
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

/// The cells of a route that are not as expected.
async fn mistakes(
    target: &Target,
    route: &str,
    expected: &Expected,
    nobody: &Actor,
    actors: &[Actor],
    victim: &Actor,
) -> Vec<String> {
    let mut found = Vec::new();
    for (place, actor) in std::iter::once(nobody).chain(actors).enumerate() {
        let fresh = if place > 0 && LAST_CALLS.contains(&route) { Some(target.newcomer_as(actor.role).await) } else { None };
        let caller = fresh.as_ref().unwrap_or(&actor.target);
        let used_up = place > 0 && USED_UP.contains(&route);
        let own = if used_up { Things::of(caller).await } else { actor.things.clone() };
        let others = if used_up { Things::of(&victim.target).await } else { victim.things.clone() };
        let missing = Things::none();
        let crossed = Things { portfolio: own.portfolio.clone(), ..others.clone() };
        let cells: Vec<(&str, u16, &Things, Option<&str>)> = match expected {
            Expected::Alone(statuses) => vec![("", statuses[place], &own, None)],
            Expected::Object { own: of_own, others: of_others, missing: of_missing } => {
                let mut cells = vec![
                    (" on their own", of_own[place], &own, Some("FB")),
                    (" on another's", of_others[place], &others, None),
                    (" on a missing one", of_missing[place], &missing, None),
                ];
                if route.contains("{investment_id}") {
                    cells.push((" on another's below their own", of_others[place], &crossed, None));
                }
                // What is used up is used last.
                cells.rotate_left(1);
                cells
            }
        };
        let mut refusals = BTreeSet::new();
        for (which, status, things, market) in cells {
            let answer = call(caller, route, &things.path(route, market), &actor.email).await;
            if answer.status != status {
                found.push(format!("{route} as {}{which}: {} instead of {status}: {}", actor.role, answer.status, answer.text()));
            }
            if status == 404 {
                let problem = answer.json();
                let told = [&problem["code"], &problem["title"], &problem["detail"]].map(Value::to_string);
                refusals.insert(things.blotted(&told.join(" ")));
            }
        }
        if refusals.len() > 1 {
            found.push(format!("{route} as {}: another's object and a missing one differ: {refusals:?}", actor.role));
        }
    }
    found
}

/// What there is to see of the victim's things.
async fn seen(victim: &Actor) -> Vec<Value> {
    let Things { portfolio, investment, backtest, item, .. } = &victim.things;
    let mut seen = Vec::new();
    for path in [
        format!("/portfolios/{portfolio}"),
        format!("/portfolios/{portfolio}/investments/{investment}"),
        format!("/portfolios/{portfolio}/investments"),
        format!("/portfolios/{portfolio}/trades"),
        format!("/backtest/{backtest}"),
        format!("/instruments/{item}"),
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
        let nobody = Actor {
            role: "nobody",
            target: target.anonymous(),
            things: victim.things.clone(),
            email: victim.email.clone(),
        };
        let before = seen(&victim).await;
        let mut found = Vec::new();
        for (route, _) in POLICIES {
            let (_, expected) = EXPECTED.iter().find(|(known, _)| known == route).unwrap_or_else(|| panic!("{}", unknown(route)));
            found.extend(mistakes(target, route, expected, &nobody, &actors, &victim).await);
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
        assert_eq!(seen(&victim).await, before, "somebody changed what is another's");
    });
}

fn unknown(route: &str) -> String {
    format!(
        "POLICIES has {route}, and the table EXPECTED in tests/it/policies.rs has not. Add a line: what nobody, a client, \
         an advisor and an administrator are answered, and, where the path names an object, each of these for one's own, \
         for another's and for a missing one. A route that wants a body has it in `body`; an id of a new kind is one of \
         `Things`; what ends the caller's session is one of LAST_CALLS, what uses its object up one of USED_UP."
    )
}

#[test]
fn no_cell_contradicts_the_declared_policy() {
    for (route, access) in POLICIES {
        let (_, expected) = EXPECTED.iter().find(|(known, _)| known == route).unwrap_or_else(|| panic!("{}", unknown(route)));
        let columns = match expected {
            Expected::Alone(statuses) => vec![statuses],
            Expected::Object { own, others, missing } => vec![own, others, missing],
        };
        assert_eq!(matches!(expected, Expected::Object { .. }), route.contains('{'), "{route}");
        for [nobody, client, advisor, administrator] in columns.iter().map(|statuses| **statuses) {
            assert_eq!(nobody == 401, *access != Access::Public, "{route}");
            assert_eq!((client, advisor) == (403, 403), *access == Access::Administrators || nobody == 403, "{route}");
            assert!(administrator != 401 && client == advisor, "{route}");
        }
        if *access == Access::Own
            && let Expected::Object { others, missing, .. } = expected
        {
            assert_eq!((others, missing), (&signed_in(404), &signed_in(404)), "{route}");
        }
    }
    let declared: BTreeSet<_> = POLICIES.iter().map(|(route, _)| *route).collect();
    // Left over from a route that is no more.
    let stale: Vec<_> = EXPECTED.iter().filter(|(route, _)| !declared.contains(route)).map(|(route, _)| route).collect();
    assert!(stale.is_empty(), "{stale:?}");
}
