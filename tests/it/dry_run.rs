//! `dry_run=true`: reports the effect of a request without executing it.

use gateway::policy::POLICIES;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{Target, each};

/// A customer with 1,010 dollars, and a portfolio with a share, an activity and a lot held elsewhere.
struct Scene {
    customer: Target,
    portfolio: String,
    activity: String,
    investment: String,
    deposit: String,
}

impl Scene {
    async fn new(target: &Target) -> Self {
        let customer = target.newcomer_as("administrator").await;
        let cash = json!({ "amount": "1000" });
        customer.post_with_key("/wallet/deposits", &cash, "cash").await.expect_status(201);
        let ten = json!({ "amount": "10" });
        let deposit = customer.post_with_key("/wallet/deposits", &ten, "ten").await.expect_status(201).json();
        let portfolio = json!({ "name": "Trading", "type": "brokerage" });
        let portfolio = customer.post("/portfolios", &portfolio).await.expect_status(201).header("location");
        let bought = json!({ "side": "buy", "symbol": "AAPL", "quantity": "1" });
        customer.post_with_key(&format!("{portfolio}/trades"), &bought, "buy").await.expect_status(201);
        let activity = customer.post(&format!("{portfolio}/activities"), &purchase()).await.expect_status(201);
        let lot = customer.post(&format!("{portfolio}/investments"), &lot()).await.expect_status(201);
        let deposit = deposit["id"].as_str().unwrap().to_owned();
        let (activity, investment) = (activity.header("location"), lot.header("location"));
        Self { customer, portfolio, activity, investment, deposit }
    }

    /// The requests that move money or lots, destructive ones last.
    fn requests(&self) -> Vec<(Method, String, Value)> {
        let Self { portfolio, activity, investment, deposit, .. } = self;
        let trades = format!("{portfolio}/trades");
        vec![
            (Method::POST, "/wallet/deposits".to_owned(), json!({ "amount": "12.5" })),
            (Method::POST, "/wallet/withdrawals".to_owned(), json!({ "amount": "0.01", "currency": "USD" })),
            (Method::POST, trades.clone(), json!({ "side": "buy", "symbol": "AAPL", "amount": "100", "fee": "1" })),
            (Method::POST, trades, json!({ "side": "sell", "symbol": "AAPL", "quantity": "0.5" })),
            (Method::POST, format!("{portfolio}/investments"), lot()),
            (Method::PATCH, investment.clone(), json!({ "quantity": "2" })),
            (Method::POST, format!("{portfolio}/activities"), purchase()),
            (Method::PATCH, activity.clone(), json!({ "quantity": "2", "note": "two" })),
            (Method::DELETE, activity.clone(), Value::Null),
            (Method::POST, format!("/wallet/entries/{deposit}/reversal"), Value::Null),
            (Method::DELETE, investment.clone(), Value::Null),
        ]
    }

    async fn send(&self, method: &Method, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let mut headers = vec![("if-match", "*")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.customer.send_with(method.clone(), path, &headers, body).await
    }

    /// Everything that the requests could change.
    async fn seen(&self) -> Vec<String> {
        let Self { portfolio, activity, investment, .. } = self;
        let mut seen = Vec::new();
        for path in [
            "/wallet".to_owned(),
            "/wallet/entries".to_owned(),
            portfolio.clone(),
            format!("{portfolio}/trades"),
            format!("{portfolio}/investments"),
            format!("{portfolio}/holdings"),
            format!("{portfolio}/performance"),
            investment.clone(),
            format!("{portfolio}/activities"),
            format!("{activity}/versions"),
        ] {
            seen.push(self.customer.get(&path).await.expect_status(200).text());
        }
        seen
    }
}

fn lot() -> Value {
    json!({ "ticker_symbol": "IBM", "quantity": "1", "purchase_price": "100.10", "purchase_date": "2010-01-04" })
}

fn purchase() -> Value {
    json!({ "type": "buy", "date": "2012-06-01", "symbol": "MSFT", "quantity": "1", "unit_price": "28.45" })
}

/// A response without its ids, times and marker.
fn effect(mut body: Value) -> Value {
    for name in ["id", "created_at", "updated_at", "dry_run"] {
        body.as_object_mut().unwrap().remove(name);
    }
    body
}

#[test]
fn a_dry_run_returns_the_later_result_and_changes_nothing() {
    each(async |target: &Target| {
        let scene = Scene::new(target).await;
        let before = scene.seen().await;
        for (method, path, body) in scene.requests() {
            let dry = scene.send(&method, &format!("{path}?dry_run=true"), &body, None).await.expect_status(200);
            assert_eq!(dry.json()["dry_run"], true, "{method} {path}");
            assert_eq!((dry.header("location"), dry.header("etag")), (String::new(), String::new()), "{method} {path}");
            assert_eq!(dry.json()["id"].is_null(), method == Method::POST, "{method} {path}");
        }
        assert_eq!(scene.seen().await, before);
        for (number, (method, path, body)) in scene.requests().into_iter().enumerate() {
            let dry = scene.send(&method, &format!("{path}?dry_run=true"), &body, None).await.expect_status(200).json();
            let key = format!("real-{number}");
            let real = scene.send(&method, &format!("{path}?dry_run=false"), &body, Some(&key)).await;
            if method == Method::DELETE {
                real.expect_status(204);
                continue;
            }
            assert_eq!(effect(dry), effect(real.json()), "{method} {path}: {}", real.text());
        }
    });
}

#[test]
fn a_dry_run_neither_uses_a_key_nor_looks_it_up() {
    each(async |target: &Target| {
        let scene = Scene::new(target).await;
        let (trades, deposit) = (format!("{}/trades", scene.portfolio), json!({ "amount": "5" }));
        let order = json!({ "side": "buy", "symbol": "AAPL", "quantity": "100" });
        // A refusal that would be stored with its key.
        let refused = scene.customer.post_with_key(&format!("{trades}?dry_run=true"), &order, "k").await;
        refused.expect_problem(409, "insufficient_funds");
        scene.customer.post_with_key("/wallet/deposits?dry_run=true", &deposit, "k").await.expect_status(200);
        let made = scene.customer.post_with_key("/wallet/deposits", &deposit, "k").await.expect_status(201);
        assert_eq!(made.header("idempotency-replayed"), "");
        // The key is used up now, by another request.
        let seven = json!({ "amount": "7" });
        let dry = scene.customer.post_with_key("/wallet/deposits?dry_run=true", &seven, "k").await.expect_status(200);
        assert_eq!((&dry.json()["amount"], dry.header("idempotency-replayed")), (&json!("7.00"), String::new()));
        let lots = format!("{}/investments", scene.portfolio);
        scene.customer.post_with_key(&format!("{lots}?dry_run=true"), &lot(), "lot").await.expect_status(200);
        let recorded = scene.customer.post_with_key(&lots, &lot(), "lot").await.expect_status(201);
        assert_eq!(recorded.header("idempotency-replayed"), "");
    });
}

#[test]
fn the_dry_run_of_an_import_uses_up_no_key() {
    each(async |target: &Target| {
        let scene = Scene::new(target).await;
        let path = format!("{}/investments/import", scene.portfolio);
        let headers = [("content-type", "text/csv"), ("idempotency-key", "import")];
        let file = |quantity: &str| {
            format!("ticker_symbol,quantity,purchase_price,purchase_date\nFB,{quantity},30,2012-06-01\n")
        };
        let dry = format!("{path}?dry_run=true");
        let first = scene.customer.send_with(Method::POST, &dry, &headers, file("1")).await.expect_status(200).json();
        assert_eq!((&first["dry_run"], &first["imported"]), (&json!(true), &json!(1)));
        scene.customer.send_with(Method::POST, &path, &headers, file("2")).await.expect_status(200);
        scene.customer.send_with(Method::POST, &dry, &headers, file("3")).await.expect_status(200);
    });
}

#[test]
fn a_dry_run_is_refused_like_the_request() {
    each(async |target: &Target| {
        let scene = Scene::new(target).await;
        let stranger = target.newcomer().await;
        let trades = format!("{}/trades", scene.portfolio);
        let buy = |symbol: &str, quantity: &str| json!({ "side": "buy", "symbol": symbol, "quantity": quantity });
        for (path, body, status, code) in [
            ("/wallet/withdrawals", json!({ "amount": "99999" }), 409, "insufficient_funds"),
            ("/wallet/deposits", json!({ "amount": "-1" }), 422, "invalid_fields"),
            ("/wallet/deposits", json!({ "amount": "1", "x": 1 }), 422, "invalid_fields"),
            (&trades, buy("AAPL", "100"), 409, "insufficient_funds"),
            (&trades, json!({ "side": "sell", "symbol": "AAPL", "quantity": "2" }), 409, "insufficient_units"),
            (&trades, buy("NOSUCH", "1"), 404, "unknown_symbol"),
            (&trades, buy("AAPL", "0"), 422, "invalid_fields"),
        ] {
            let dry = scene.customer.post(&format!("{path}?dry_run=true"), &body).await;
            dry.expect_problem(status, code);
        }
        stranger.post(&format!("{trades}?dry_run=true"), &buy("AAPL", "1")).await.expect_problem(404, "not_found");
        let reversal = format!("/wallet/entries/{}/reversal?dry_run=true", scene.deposit);
        stranger.call(Method::POST, &reversal).await.expect_problem(403, "forbidden");
        let change = format!("{}?dry_run=true", scene.investment);
        scene
            .customer
            .patch(&change, &json!({ "quantity": "2" }), "")
            .await
            .expect_problem(428, "precondition_required");
        scene
            .customer
            .patch(&change, &json!({ "quantity": "2" }), "\"7\"")
            .await
            .expect_problem(412, "precondition_failed");
        let none = format!("{}/investments/{}?dry_run=true", scene.portfolio, "00000000-0000-7000-8000-000000000000");
        scene.customer.delete(&none).await.expect_problem(404, "not_found");
        for wrong in ["1", "yes", "TRUE", ""] {
            let answer =
                scene.customer.post_with_key(&format!("/wallet/deposits?dry_run={wrong}"), &json!({}), "w").await;
            assert_eq!(answer.expect_problem(422, "invalid_fields")["errors"][0]["pointer"], "/dry_run", "{wrong}");
        }
    });
}

#[test]
fn every_route_refuses_unknown_query_parameters() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        for (route, _) in POLICIES {
            let (method, path) = route.split_once(' ').unwrap();
            let parts = path.split('/').map(|part| match part {
                "{symbol}" => "IBM",
                part if part.starts_with('{') => "00000000-0000-7000-8000-000000000000",
                part => part,
            });
            let path = parts.collect::<Vec<_>>().join("/");
            let answer = administrator.call(method.parse().unwrap(), &format!("{path}?no_such=1")).await;
            let problem = answer.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/no_such", "{route}");
        }
        // A route without a dry run must not act on such a request.
        let portfolio = json!({ "name": "Never", "type": "other" });
        let refused = administrator.post("/portfolios?dry_run=true", &portfolio).await;
        assert_eq!(refused.expect_problem(422, "invalid_fields")["errors"][0]["pointer"], "/dry_run");
        assert_eq!(administrator.get("/portfolios").await.json()["items"], json!([]));
    });
}
