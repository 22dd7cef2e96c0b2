//! Looking up what a call did by its idempotency key.

use std::task::Poll;

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{Target, each};

/// The key as it is sent in a query.
fn encoded(key: &str) -> String {
    key.bytes().flat_map(|byte| ["%".to_owned(), format!("{byte:02X}")]).collect()
}

async fn look_up(customer: &Target, key: &str) -> Answer {
    customer.get(&format!("/operations?idempotency_key={}", encoded(key))).await
}

async fn outcome(customer: &Target, key: &str) -> Value {
    look_up(customer, key).await.expect_status(200).json()
}

/// Sends a call with a key, which is unknown before, and checks what is said of it afterwards.
async fn send(customer: &Target, path: &str, body: &Value, key: &str) -> (Answer, Value) {
    look_up(customer, key).await.expect_problem(404, "not_found");
    let answer = customer.post_with_key(path, body, key).await;
    assert_eq!(answer.header("idempotency-replayed"), "", "a lookup uses up nothing");
    let outcome = outcome(customer, key).await;
    assert_eq!(outcome["idempotency_key"], key);
    assert_eq!((&outcome["method"], &outcome["path"]), (&json!("POST"), &json!(path)));
    assert_eq!(outcome["status"], answer.status, "{}: {}", answer.request, answer.text());
    assert!(outcome["completed_at"].as_str().is_some_and(|instant| instant.ends_with('Z')), "{outcome}");
    (answer, outcome)
}

/// Sends a call that creates an object, and checks that its outcome names the object. `has_body` if the outcome has the
/// body of the response, too.
async fn create(customer: &Target, path: &str, body: &Value, has_body: bool) -> Value {
    let key = Target::unique("create");
    let (answer, outcome) = send(customer, path, body, &key).await;
    let created = answer.expect_status(201).json();
    if !created["id"].is_null() {
        assert_eq!(outcome["id"], created["id"], "{path}");
    }
    assert_eq!(outcome["body"], if has_body { created.clone() } else { Value::Null }, "{path}");
    let found = customer.get(outcome["link"].as_str().unwrap()).await.expect_status(200).json();
    for name in ["id", "symbol"] {
        assert_eq!(found[name], created[name], "{path}");
    }
    created
}

#[test]
fn the_outcome_of_every_kind_of_call_is_found_by_its_key() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let (_, deposit) = send(&customer, "/wallet/deposits", &json!({ "amount": "5000" }), "a+b/c=d&e%f#?").await;
        let replay = customer.post_with_key("/wallet/deposits", &json!({ "amount": "5000" }), "a+b/c=d&e%f#?").await;
        assert_eq!(deposit["body"], replay.expect_status(201).json());
        assert_eq!(deposit["id"], deposit["body"]["id"]);
        assert_eq!(deposit["link"], format!("/wallet/entries/{}", deposit["id"].as_str().unwrap()));
        send(&customer, "/wallet/withdrawals", &json!({ "amount": "1" }), "withdrawal").await.0.expect_status(201);
        let portfolio = create(&customer, "/portfolios", &json!({ "name": "Found", "type": "brokerage" }), false).await;
        let below = format!("/portfolios/{}", portfolio["id"].as_str().unwrap());
        let order = json!({ "side": "buy", "symbol": "AAPL", "quantity": "1" });
        create(&customer, &format!("{below}/trades"), &order, true).await;
        let lot =
            json!({ "ticker_symbol": "IBM", "quantity": "1", "purchase_price": "100", "purchase_date": "2012-06-01" });
        create(&customer, &format!("{below}/investments"), &lot, true).await;
        create(&customer, "/backtest", &json!({ "symbol": "FB" }), false).await;
        let alert = json!({ "symbol": "AAPL", "condition": { "type": "above", "price": "900" }, "repeat": "once" });
        create(&customer, "/alerts", &alert, false).await;
        create(&customer, "/instruments", &json!({ "symbol": "MY:HOUSE", "name": "The house" }), true).await;
    });
}

#[test]
fn the_report_of_an_import_is_found_by_its_key() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let body = json!({ "name": "Imported", "type": "brokerage" });
        let portfolio = customer.post("/portfolios", &body).await.expect_status(201).json();
        let path = format!("/portfolios/{}/investments/import", portfolio["id"].as_str().unwrap());
        let headers = [("content-type", "text/csv"), ("idempotency-key", "import")];
        let file = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,3,1,2010-01-04\n".to_owned();
        let report = customer.send_with(Method::POST, &path, &headers, file).await.expect_status(200).json();
        let outcome = outcome(&customer, "import").await;
        assert_eq!((&outcome["status"], &outcome["path"], &outcome["body"]), (&json!(200), &json!(path), &report));
        assert_eq!((&outcome["id"], &outcome["link"]), (&Value::Null, &Value::Null));
    });
}

#[test]
fn a_stored_refusal_is_found_by_its_key_and_other_refusals_leave_nothing() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let withdrawal = json!({ "amount": "1000000" });
        let (refused, outcome) = send(&customer, "/wallet/withdrawals", &withdrawal, "refused").await;
        let refused = refused.expect_problem(409, "insufficient_funds");
        for name in ["type", "title", "status", "detail", "code"] {
            assert_eq!(outcome["body"][name], refused[name], "{name}");
        }
        assert_eq!((&outcome["id"], &outcome["link"]), (&Value::Null, &Value::Null));
        customer.post_with_key("/wallet/deposits", &json!({ "amount": "-1" }), "invalid").await.expect_status(422);
        customer
            .post_with_key("/wallet/deposits?dry_run=true", &json!({ "amount": "1" }), "dry")
            .await
            .expect_status(200);
        for key in ["invalid", "dry"] {
            look_up(&customer, key).await.expect_problem(404, "not_found");
        }
        assert_eq!(customer.get("/wallet").await.json()["balance"], "0.00");
    });
}

#[test]
fn the_entry_of_a_reversal_is_shown_to_the_administrator_who_made_it() {
    each(async |target: &Target| {
        let (customer, administrator) = (target.newcomer().await, target.newcomer_as("administrator").await);
        let deposit = customer.post_with_key("/wallet/deposits", &json!({ "amount": "7" }), "deposit").await;
        let deposit = deposit.expect_status(201).json();
        let path = format!("/wallet/entries/{}/reversal", deposit["id"].as_str().unwrap());
        let headers = [("idempotency-key", "reversal")];
        let reversed = administrator.send_with(Method::POST, &path, &headers, String::new()).await;
        let outcome = outcome(&administrator, "reversal").await;
        assert_eq!((&outcome["path"], &outcome["body"]), (&json!(path), &reversed.expect_status(201).json()));
        assert_eq!(outcome["link"], Value::Null, "the entry is in another customer's wallet");
        // Keys belong to their caller.
        look_up(&customer, "reversal").await.expect_problem(404, "not_found");
        look_up(&administrator, "deposit").await.expect_problem(404, "not_found");
    });
}

#[test]
fn a_lookup_needs_exactly_one_key_that_can_be_sent() {
    each(async |target: &Target| {
        let longest = "k".repeat(255);
        look_up(target, &longest).await.expect_problem(404, "not_found");
        let longer = format!("{longest}k");
        for query in [
            "",
            "idempotency_key=",
            "idempotency_key=a&idempotency_key=b",
            "idempotency_key=a,b",
            "idempotency_key=a+b",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("idempotency_key={longer}"), "idempotency_key=%C3%A9".to_owned()])
        {
            let problem = target.get(&format!("/operations?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/idempotency_key", "{query}: {problem}");
        }
        let problem = target.get("/operations?idempotency_key=a&key=b").await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/key");
    });
}

/// Polls a request so many times and drops it, as a client does that goes away.
async fn give_up_after(polls: usize, request: impl Future<Output = Answer>) {
    let (mut request, mut left) = (std::pin::pin!(request), polls);
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        request.as_mut().poll(context).map(drop)
    })
    .await;
}

#[test]
fn a_client_that_got_no_response_looks_its_call_up_and_sends_it_again() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let deposit = json!({ "amount": "0.10" });
        for number in 0..target.rivals(40) {
            let key = format!("cut-off-{number}");
            // The response of some is lost after it was decided, of others before.
            give_up_after(number % 10, customer.post_with_key("/wallet/deposits", &deposit, &key)).await;
            let found = look_up(&customer, &key).await;
            let again = customer.post_with_key("/wallet/deposits", &deposit, &key).await.expect_status(201);
            if found.status == 200 {
                assert_eq!(again.header("idempotency-replayed"), "true");
                assert_eq!(found.json()["body"], again.json());
            } else {
                // It was not decided then; it may have been since.
                found.expect_problem(404, "not_found");
            }
            assert_eq!(outcome(&customer, &key).await["body"], again.json());
        }
        let entries = customer.get("/wallet/entries?limit=200").await.expect_status(200).json();
        assert_eq!(entries["items"].as_array().unwrap().len(), target.rivals(40), "each was made once");
    });
}
