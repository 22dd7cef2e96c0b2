//! Deposits and withdrawals, each exactly once.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{Target, each};

fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

#[test]
fn the_statement_runs_to_the_balance() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let empty = customer.get("/wallet").await.expect_status(200).json();
        assert_eq!(empty, json!({ "currency": "USD", "balance": "0.00", "balances": {}, "frozen": false }));
        customer.post_with_key("/wallet/deposits", &usd("1000"), "a").await.expect_status(201);
        customer
            .post_with_key("/wallet/deposits", &json!({ "amount": 500, "currency": "JPY" }), "b")
            .await
            .expect_status(201);
        let taken = customer.post_with_key("/wallet/withdrawals", &usd("0.01"), "c").await.expect_status(201).json();
        assert_eq!(
            (&taken["seq"], &taken["type"], &taken["amount"], &taken["balance"], &taken["market_day"]),
            (&json!(3), &json!("withdrawal"), &json!("-0.01"), &json!("999.99"), &json!("2013-03-01"))
        );
        let wallet = customer.get("/wallet").await.expect_status(200).json();
        assert_eq!(wallet["balances"], json!({ "JPY": "500", "USD": "999.99" }));
        let page = customer.get("/wallet/entries?limit=2").await.expect_status(200).json();
        let seqs: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, [3, 2]);
        let rest = format!("/wallet/entries?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
        let rest = customer.get(&rest).await.expect_status(200).json();
        assert_eq!((&rest["items"][0]["amount"], &rest["next_cursor"]), (&json!("1000.00"), &Value::Null));
    });
}

#[test]
fn one_key_moves_money_once_however_often_it_is_sent() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let deposit = usd("10.00");
        let answers =
            join_all((0..target.rivals(20)).map(|_| customer.post_with_key("/wallet/deposits", &deposit, "once")))
                .await;
        let (made, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert!(busy.iter().all(Answer::is_busy), "{busy:?}");
        let first = made[0].json();
        assert!(made.iter().all(|answer| answer.json() == first));
        let spelled = json!({ "currency": "USD", "amount": 10 });
        let again = customer.post_with_key("/wallet/deposits", &spelled, "once").await.expect_status(201);
        assert_eq!((again.json(), again.header("idempotency-replayed")), (first, "true".to_owned()));
        assert_eq!(customer.get("/wallet").await.json()["balance"], "10.00");
        customer
            .post_with_key("/wallet/deposits", &usd("11"), "once")
            .await
            .expect_problem(422, "idempotency_key_reused");
        customer
            .post_with_key("/wallet/withdrawals", &deposit, "once")
            .await
            .expect_problem(422, "idempotency_key_reused");
        // Keys are separate for each customer.
        target.newcomer().await.post_with_key("/wallet/deposits", &usd("11"), "once").await.expect_status(201);
    });
}

#[test]
fn a_refusal_for_lack_of_funds_is_stored_with_its_key() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let first = customer.post_with_key("/wallet/withdrawals", &usd("1"), "w").await;
        first.expect_problem(409, "insufficient_funds");
        customer.post_with_key("/wallet/deposits", &usd("5"), "d").await.expect_status(201);
        let again = customer.post_with_key("/wallet/withdrawals", &usd("1"), "w").await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        again.expect_problem(409, "insufficient_funds");
        customer.post_with_key("/wallet/withdrawals", &usd("1"), "w2").await.expect_status(201);
    });
}

#[test]
fn parallel_withdrawals_never_exceed_the_balance() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        customer.post_with_key("/wallet/deposits", &usd("5"), "d").await.expect_status(201);
        let (amount, keys): (_, Vec<_>) =
            (usd("1"), (0..target.rivals(20)).map(|number| format!("w-{number}")).collect());
        let mut done = 0;
        let mut open = keys;
        // Clients that get a retryable error retry.
        while !open.is_empty() {
            let answers =
                join_all(open.iter().map(|key| customer.post_with_key("/wallet/withdrawals", &amount, key))).await;
            done += answers.iter().filter(|answer| answer.status == 201).count();
            let busy = open.into_iter().zip(&answers).filter(|(_, answer)| answer.is_busy());
            open = busy.map(|(key, _)| key).collect();
        }
        assert_eq!((done, customer.get("/wallet").await.json()["balance"].clone()), (5, json!("0.00")));
    });
}

#[test]
fn an_invalid_amount_is_refused_and_uses_up_no_key() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        for amount in ["0", "-5", "0.001", "ten", "1e13", ""] {
            let problem = customer
                .post_with_key("/wallet/deposits", &usd(amount), "k")
                .await
                .expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/amount", "{amount}");
        }
        let body = json!({ "amount": "1", "currency": "usd" });
        customer.post_with_key("/wallet/deposits", &body, "k").await.expect_problem(422, "invalid_fields");
        for body in [usd("1"), json!({ "amount": "1", "unknown": 1 })] {
            customer.post("/wallet/deposits", &body).await.expect_problem(400, "idempotency_key_required");
        }
        customer.post_with_key("/wallet/deposits", &usd("1"), "k").await.expect_status(201);
        customer
            .post_with_key("/wallet/deposits", &usd("1"), &"k".repeat(256))
            .await
            .expect_problem(400, "invalid_idempotency_key");
    });
}

#[test]
fn an_administrator_reverses_a_deposit_once() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        let customer = target.newcomer().await;
        let entry = customer.post_with_key("/wallet/deposits", &usd("25"), "d").await.expect_status(201).json();
        let path = format!("/wallet/entries/{}/reversal", entry["id"].as_str().unwrap());
        customer.post_with_key(&path, &json!({}), "r").await.expect_problem(403, "forbidden");
        let reversal = administrator.post_with_key(&path, &json!({}), "r").await.expect_status(201).json();
        assert_eq!(
            (&reversal["type"], &reversal["reverses"], &reversal["balance"]),
            (&json!("reversal"), &entry["id"], &json!("0.00"))
        );
        let again = administrator.post_with_key(&path, &json!({}), "r").await.expect_status(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        administrator.post_with_key(&path, &json!({}), "r2").await.expect_problem(409, "already_reversed");
        let reverse = format!("/wallet/entries/{}/reversal", reversal["id"].as_str().unwrap());
        administrator.post_with_key(&reverse, &json!({}), "r3").await.expect_problem(404, "not_found");
    });
}
