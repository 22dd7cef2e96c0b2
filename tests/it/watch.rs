//! Watchlists and alerts over HTTP.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{Target, each};

const NO_ID: &str = "0190aaaa-0000-7000-8000-000000000000";

async fn watch(target: &Target, symbol: &str) -> Answer {
    target.call(Method::PUT, &format!("/watchlist/{symbol}")).await
}

fn alert(condition: &Value) -> Value {
    json!({ "symbol": "AAPL", "condition": condition, "repeat": "once" })
}

#[test]
fn a_watchlist_has_each_symbol_once_with_its_last_price() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let empty = customer.get("/watchlist").await.expect_status(200).json();
        assert_eq!(empty, json!({ "items": [], "next_cursor": null }));
        let first = watch(&customer, "aapl").await.expect_status(201);
        assert_eq!(first.header("location"), "/watchlist/AAPL");
        let first = first.json();
        assert_eq!(watch(&customer, "AAPL").await.expect_status(200).json()["added_at"], first["added_at"]);
        watch(&customer, "IBM").await.expect_status(201);
        let listed = customer.get("/watchlist").await.expect_status(200).json();
        let items = listed["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["symbol"], &items[1]["symbol"]), (2, &json!("IBM"), &json!("AAPL")));
        // The last bar of the sample and the one before.
        let quote = json!({
            "price": "430.47", "previous_close": "441.4", "currency": "USD", "as_of": "2013-03-01T21:00:00.000Z",
            "age_seconds": 0, "source": "sample", "stale": false, "warnings": [],
        });
        assert_eq!(items[1]["quote"], quote);
        assert_eq!(customer.get("/watchlist/AAPL").await.expect_status(200).json()["quote"], quote);
        customer.delete("/watchlist/AAPL").await.expect_status(204);
        customer.delete("/watchlist/AAPL").await.expect_problem(404, "not_found");
        customer.get("/watchlist/AAPL").await.expect_problem(404, "not_found");
        // Each customer has a watchlist of their own.
        let other = target.newcomer().await;
        other.get("/watchlist/IBM").await.expect_problem(404, "not_found");
        other.delete("/watchlist/IBM").await.expect_problem(404, "not_found");
        assert_eq!(customer.get("/watchlist").await.json()["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn an_unknown_symbol_cannot_be_watched() {
    each(async |target: &Target| {
        watch(target, "NOPE").await.expect_problem(404, "unknown_symbol");
        watch(target, "MY:NOPE").await.expect_problem(404, "unknown_symbol");
        for invalid in ["A%20B", "%F0%9F%93%88", "-A", &"A".repeat(21)] {
            watch(target, invalid).await.expect_problem(422, "invalid_fields");
            target.get(&format!("/watchlist/{invalid}")).await.expect_problem(422, "invalid_fields");
        }
    });
}

#[test]
fn concurrent_requests_add_a_symbol_once() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let answers = join_all((0..target.rivals(20)).map(|_| watch(&customer, "MSFT"))).await;
        let (done, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status < 300);
        assert!(busy.iter().all(Answer::is_busy), "{busy:?}");
        assert_eq!(done.iter().filter(|answer| answer.status == 201).count(), 1, "{done:?}");
        assert_eq!(customer.get("/watchlist").await.json()["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn alerts_are_created_read_listed_and_removed() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let mut made = Vec::new();
        // Decimals as strings and as numbers, read exactly.
        let conditions = [
            (json!({ "type": "above", "price": "450.00" }), json!({ "type": "above", "price": "450" })),
            (json!({ "type": "below", "price": 0.1 }), json!({ "type": "below", "price": "0.1" })),
            (
                json!({ "type": "percent_move", "percent": 2.50, "direction": "either" }),
                json!({ "type": "percent_move", "percent": "2.5", "direction": "either" }),
            ),
            (
                json!({ "type": "crosses_sma", "window": 50, "direction": "down" }),
                json!({ "type": "crosses_sma", "window": 50, "direction": "down" }),
            ),
        ];
        for (sent, stored) in &conditions {
            let answer = customer.post("/alerts", &alert(sent)).await.expect_status(201);
            let alert = answer.json();
            assert_eq!(answer.header("location"), format!("/alerts/{}", alert["id"].as_str().unwrap()));
            assert_eq!(&alert["condition"], stored);
            made.push(alert);
        }
        let first = &made[0];
        assert_eq!(
            first,
            &json!({
                "id": first["id"], "symbol": "AAPL", "condition": conditions[0].1, "repeat": "once", "email": false,
                "state": "active", "created_at": first["created_at"], "last_fired_at": null, "last_fired_on": null,
            })
        );
        let path = format!("/alerts/{}", first["id"].as_str().unwrap());
        assert_eq!(&customer.get(&path).await.expect_status(200).json(), first);
        let page = customer.get("/alerts?limit=3").await.expect_status(200).json();
        assert_eq!(page["items"], json!([made[3], made[2], made[1]]));
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = customer.get(&format!("/alerts?limit=3&cursor={cursor}")).await.expect_status(200).json();
        assert_eq!(rest, json!({ "items": [first], "next_cursor": null }));
        let history = customer.get(&format!("{path}/history")).await.expect_status(200).json();
        assert_eq!(history, json!({ "items": [], "next_cursor": null }));
        // Another customer finds none of it.
        let other = target.newcomer().await;
        other.get(&path).await.expect_problem(404, "not_found");
        other.get(&format!("{path}/history")).await.expect_problem(404, "not_found");
        other.delete(&path).await.expect_problem(404, "not_found");
        other.get(&format!("/alerts?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
        customer.delete(&path).await.expect_status(204);
        customer.delete(&path).await.expect_problem(404, "not_found");
        customer.get(&path).await.expect_problem(404, "not_found");
        for path in ["/alerts/7", "/alerts/7/history", &format!("/alerts/{NO_ID}")] {
            customer.get(path).await.expect_problem(404, "not_found");
        }
    });
}

#[test]
fn one_key_creates_one_alert() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let above = alert(&json!({ "type": "above", "price": "450" }));
        let first = customer.post_with_key("/alerts", &above, "k").await.expect_status(201).json();
        let rewritten = json!({ "repeat": "once", "condition": { "price": 450.0, "type": "above" }, "symbol": "aapl" });
        let again = customer.post_with_key("/alerts", &rewritten, "k").await.expect_status(201);
        assert_eq!((again.header("idempotency-replayed"), again.json()), ("true".to_owned(), first));
        let other = alert(&json!({ "type": "above", "price": "451" }));
        customer.post_with_key("/alerts", &other, "k").await.expect_problem(422, "idempotency_key_reused");
        assert_eq!(customer.get("/alerts").await.json()["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn invalid_alerts_are_refused_with_a_pointer_to_the_field() {
    each(async |target: &Target| {
        let above = json!({ "type": "above", "price": "450" });
        let with = |field: &str, value: Value| {
            let mut alert = alert(&above);
            alert[field] = value;
            alert
        };
        let condition = |condition: Value| alert(&condition);
        for (request, pointer) in [
            (with("symbol", json!("A B")), "/symbol"),
            (with("symbol", json!("MY:HOUSE")), "/symbol"),
            (with("repeat", json!("daily")), "/repeat"),
            (with("email", json!("yes")), "/email"),
            (with("until", json!("2030-01-01")), "/until"),
            (condition(json!({ "type": "touches", "price": 1 })), "/condition/type"),
            (condition(json!({ "type": "above" })), "/condition/price"),
            (condition(json!({ "type": "above", "price": 0 })), "/condition/price"),
            (condition(json!({ "type": "above", "price": "-1" })), "/condition/price"),
            (condition(json!({ "type": "above", "price": "0.0000000001" })), "/condition/price"),
            (condition(json!({ "type": "above", "price": "1e30" })), "/condition/price"),
            (condition(json!({ "type": "above", "price": "NaN" })), "/condition/price"),
            (condition(json!({ "type": "above", "price": [1] })), "/condition/price"),
            (condition(json!({ "type": "above", "price": 1, "direction": "up" })), "/condition/direction"),
            (condition(json!({ "type": "percent_move", "percent": 0, "direction": "up" })), "/condition/percent"),
            (condition(json!({ "type": "percent_move", "percent": 1001, "direction": "up" })), "/condition/percent"),
            (condition(json!({ "type": "percent_move", "percent": 5 })), "/condition/direction"),
            (condition(json!({ "type": "percent_move", "percent": 5, "direction": "left" })), "/condition/direction"),
            (condition(json!({ "type": "crosses_sma", "window": 1, "direction": "up" })), "/condition/window"),
            (condition(json!({ "type": "crosses_sma", "window": 401, "direction": "up" })), "/condition/window"),
            (condition(json!({ "type": "crosses_sma", "window": 2.5, "direction": "up" })), "/condition/window"),
            (condition(json!({ "type": "crosses_sma", "window": -3, "direction": "up" })), "/condition/window"),
        ] {
            let problem = target.post("/alerts", &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        target.post("/alerts", &with("symbol", json!("NOPE"))).await.expect_problem(404, "unknown_symbol");
        target.post_raw("/alerts", "{", "application/json").await.expect_problem(400, "malformed_json");
        target.post_raw("/alerts", "{}", "text/plain").await.expect_problem(415, "unsupported_media_type");
        let long = "k".repeat(256);
        target.post_with_key("/alerts", &alert(&above), &long).await.expect_problem(400, "invalid_idempotency_key");
        target.get("/alerts?limit=0").await.expect_problem(422, "invalid_fields");
        target.get("/alerts?cursor=nonsense").await.expect_problem(400, "invalid_cursor");
    });
}

#[test]
fn a_customer_has_at_most_a_hundred_active_alerts() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let above = alert(&json!({ "type": "above", "price": "450" }));
        for _ in 0..100 {
            customer.post("/alerts", &above).await.expect_status(201);
        }
        customer.post("/alerts", &above).await.expect_problem(409, "limit_reached");
        let newest = customer.get("/alerts?limit=1").await.expect_status(200).json();
        let path = format!("/alerts/{}", newest["items"][0]["id"].as_str().unwrap());
        customer.delete(&path).await.expect_status(204);
        customer.post("/alerts", &above).await.expect_status(201);
    });
}
