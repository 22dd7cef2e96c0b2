//! Buying and selling: exact, paid from the wallet, exactly once.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{Target, each};

/// A customer with an open portfolio and this much cash, and the path of the portfolio's trades.
async fn trader(target: &Target, cash: &str, portfolio: &Value) -> (Target, String) {
    let customer = target.newcomer().await;
    customer.post_with_key("/wallet/deposits", &json!({ "amount": cash }), "cash").await.expect_status(201);
    let portfolio = customer.post("/portfolios", portfolio).await.expect_status(201).json();
    let path = format!("/portfolios/{}/trades", portfolio["id"].as_str().unwrap());
    (customer, path)
}

fn brokerage() -> Value {
    json!({ "name": "Trading", "type": "brokerage" })
}

fn buy(quantity: &str) -> Value {
    json!({ "side": "buy", "symbol": "AAPL", "quantity": quantity })
}

fn sell(quantity: &str) -> Value {
    json!({ "side": "sell", "symbol": "AAPL", "quantity": quantity })
}

/// Sends each order until it is decided, retrying when asked to.
async fn decided(customer: &Target, path: &str, order: &Value, keys: Vec<String>) -> Vec<Answer> {
    let mut done = Vec::new();
    let mut open = keys;
    while !open.is_empty() {
        let answers = join_all(open.iter().map(|key| customer.post_with_key(path, order, key))).await;
        let mut busy = Vec::new();
        for (key, answer) in open.into_iter().zip(answers) {
            if answer.is_busy() { busy.push(key) } else { done.push(answer) }
        }
        open = busy;
    }
    done
}

fn keys(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{word}-{number}")).collect()
}

#[test]
fn a_purchase_and_a_sale_leave_exact_books() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "10000", &brokerage()).await;
        let order = json!({ "side": "buy", "symbol": "aapl", "quantity": "10", "fee": "1.00" });
        let bought = customer.post_with_key(&path, &order, "b").await.expect_status(201).json();
        assert_eq!(
            (&bought["price"], &bought["amount"], &bought["fee"], &bought["cash_after"], &bought["market_day"]),
            (&json!("430.47"), &json!("4304.70"), &json!("1.00"), &json!("5694.30"), &json!("2013-03-01"))
        );
        assert_eq!(bought["quote_as_of"], "2013-03-01T21:00:00.000Z");
        assert_eq!((&bought["position"]["quantity"], &bought["position"]["cost"]), (&json!("10"), &json!("4305.70")));
        let sold = customer.post_with_key(&path, &sell("4"), "s").await.expect_status(201).json();
        // 4 of 10 units: 4305.70 × 4 / 10 = 1722.28 of the cost go.
        assert_eq!((&sold["amount"], &sold["realized_gain"]), (&json!("1721.88"), &json!("-0.40")));
        assert_eq!(sold["lots"][0]["lot_id"], bought["id"]);
        let wallet = customer.get("/wallet").await.expect_status(200).json();
        assert_eq!(wallet["balance"], "7416.18");
        let all = customer.post_with_key(&path, &sell("6"), "s2").await.expect_status(201).json();
        assert_eq!(all["position"], json!({ "symbol": "AAPL", "quantity": "0", "cost": "0.00", "average_cost": null }));
        let listed = customer.get(&format!("{path}?limit=2")).await.expect_status(200).json();
        assert_eq!((&listed["items"][0], &listed["items"][1]), (&all, &sold));
        let statement = customer.get("/wallet/entries").await.expect_status(200).json();
        assert_eq!((&statement["items"][0]["trade_id"], &statement["items"][0]["type"]), (&all["id"], &json!("sell")));
    });
}

#[test]
fn a_trade_is_read_as_it_was_executed_and_as_it_is_listed() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "10000", &brokerage()).await;
        let order = json!({ "side": "buy", "symbol": "AAPL", "quantity": "3", "fee": 2.5 });
        let bought = customer.post_with_key(&path, &order, "b").await.expect_status(201).json();
        let sold = customer.post_with_key(&path, &sell("3"), "s").await.expect_status(201).json();
        customer.patch(path.trim_end_matches("/trades"), &json!({ "state": "closed" }), "*").await.expect_status(200);
        let listed = customer.get(&path).await.expect_status(200).json();
        assert_eq!(listed["items"], json!([sold, bought]));
        for trade in [sold, bought] {
            let read = customer.get(&one(&path, &trade)).await.expect_status(200);
            assert_eq!(read.json(), trade);
            assert_eq!(read.header("cache-control"), "no-store");
        }
    });
}

/// The path of this trade, below this list.
fn one(list: &str, trade: &Value) -> String {
    format!("{list}/{}", trade["id"].as_str().unwrap())
}

#[test]
fn a_trade_of_another_portfolio_or_customer_and_one_that_is_none_are_not_found() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "1000", &brokerage()).await;
        let trade = customer.post_with_key(&path, &buy("1"), "b").await.expect_status(201).json();
        let second = customer.post("/portfolios", &brokerage()).await.expect_status(201).json();
        let beside = format!("/portfolios/{}/trades", second["id"].as_str().unwrap());
        let (stranger, of_stranger) = trader(target, "1000", &brokerage()).await;
        let unknown = json!({ "id": "0190aaaa-0000-7000-8000-000000000000" });
        let missing = customer.get(&one(&path, &unknown)).await.expect_problem(404, "not_found");
        for (caller, list) in [(&customer, &beside), (&stranger, &of_stranger)] {
            let problem = caller.get(&one(list, &trade)).await.expect_problem(404, "not_found");
            assert_eq!(problem["detail"], missing["detail"], "{list}");
        }
        let anothers = stranger.get(&one(&path, &trade)).await.expect_problem(404, "not_found");
        let nowhere = one("/portfolios/0190aaaa-0000-7000-8000-000000000000/trades", &trade);
        let nobodys = stranger.get(&nowhere).await.expect_problem(404, "not_found");
        assert_eq!(anothers["detail"], nobodys["detail"]);
        customer.get(&one("/portfolios/17/trades", &trade)).await.expect_problem(404, "not_found");
        for malformed in ["17", "latest", "0190aaaa-0000-7000-8000-00000000000"] {
            customer.get(&format!("{path}/{malformed}")).await.expect_problem(404, "not_found");
        }
        let extended = format!("{}?limit=1", one(&path, &trade));
        customer.get(&extended).await.expect_problem(422, "invalid_fields");
        customer.delete(&one(&path, &trade)).await.expect_problem(405, "method_not_allowed");
        assert_eq!(customer.get(&one(&path, &trade)).await.expect_status(200).json(), trade);
    });
}

#[test]
fn an_order_by_amount_never_buys_more_than_it_pays_for() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "100", &brokerage()).await;
        let order = json!({ "side": "buy", "symbol": "AAPL", "amount": 100 });
        let bought = customer.post_with_key(&path, &order, "b").await.expect_status(201).json();
        // 100 / 430.47, truncated to twelve decimals.
        assert_eq!((&bought["quantity"], &bought["amount"]), (&json!("0.232304225613"), &json!("100.00")));
        assert_eq!(bought["cash_after"], "0.00");
        let held = customer.get(&path.replace("/trades", "/holdings")).await.expect_status(200).json();
        assert_eq!((&held["value"], &held["unrealized_gain"]), (&json!("100.00"), &json!("0.00")));
    });
}

#[test]
fn a_hundred_parallel_purchases_spend_exactly_the_balance() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "1000.00", &brokerage()).await;
        let order = json!({ "side": "buy", "symbol": "AAPL", "amount": "100.00" });
        let rivals = target.rivals(100);
        let answers = decided(&customer, &path, &order, keys("p", rivals)).await;
        let bought = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((bought, refused), (10, rivals - 10));
        assert_eq!(customer.get("/wallet").await.json()["balance"], "0.00");
    });
}

#[test]
fn fifty_parallel_copies_of_one_purchase_are_one_trade() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "100000", &brokerage()).await;
        let order = buy("1");
        let copies = join_all((0..target.rivals(50)).map(|_| customer.post_with_key(&path, &order, "copy"))).await;
        let (made, busy): (Vec<_>, Vec<_>) = copies.into_iter().partition(|answer| answer.status == 201);
        assert!(busy.iter().all(Answer::is_busy), "{busy:?}");
        let first = made[0].json();
        assert!(made.iter().all(|answer| answer.json() == first));
        assert_eq!(customer.get(&path).await.json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(customer.get("/wallet").await.json()["balance"], "99569.53");
    });
}

#[test]
fn a_hundred_parallel_sales_of_everything_are_one_sale() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "1000", &brokerage()).await;
        customer.post_with_key(&path, &buy("2"), "b").await.expect_status(201);
        let rivals = target.rivals(100);
        let answers = decided(&customer, &path, &sell("2"), keys("s", rivals)).await;
        let sold = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((sold, refused), (1, rivals - 1));
        assert_eq!(customer.get("/wallet").await.json()["balance"], "1000.00");
    });
}

#[test]
fn orders_that_cannot_be_paid_sold_or_priced_are_refused() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "100", &brokerage()).await;
        let short = customer.post_with_key(&path, &buy("1"), "a").await;
        short.expect_problem(409, "insufficient_funds");
        let again = customer.post_with_key(&path, &buy("1"), "a").await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        customer.post_with_key(&path, &buy("2"), "a").await.expect_problem(422, "idempotency_key_reused");
        customer.post_with_key(&path, &sell("1"), "b").await.expect_problem(409, "insufficient_units");
        let unknown = json!({ "side": "buy", "symbol": "NOSUCH", "quantity": "1" });
        customer.post_with_key(&path, &unknown, "c").await.expect_problem(404, "unknown_symbol");
        customer.post(&path, &buy("0.1")).await.expect_problem(400, "idempotency_key_required");
        let stranger = target.newcomer().await;
        stranger.post_with_key(&path, &buy("0.1"), "d").await.expect_problem(404, "not_found");
        stranger.get(&path).await.expect_problem(404, "not_found");
        for (field, order) in [
            ("quantity", json!({ "side": "buy", "symbol": "AAPL" })),
            ("quantity", json!({ "side": "buy", "symbol": "AAPL", "quantity": "1", "amount": "1" })),
            ("quantity", buy("0")),
            ("quantity", buy("-1")),
            ("quantity", buy("0.0000000000001")),
            ("amount", json!({ "side": "buy", "symbol": "AAPL", "amount": "0.001" })),
            ("fee", json!({ "side": "buy", "symbol": "AAPL", "quantity": "0.1", "fee": "-1" })),
            ("symbol", json!({ "side": "buy", "symbol": "../x", "quantity": "1" })),
            ("side", json!({ "side": "short", "symbol": "AAPL", "quantity": "1" })),
            ("limit", json!({ "side": "buy", "symbol": "AAPL", "quantity": "1", "limit": "5" })),
        ] {
            let problem = customer.post_with_key(&path, &order, "e").await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"), "{order}");
        }
    });
}

#[test]
fn a_price_worse_than_expected_is_refused_and_a_better_one_fills() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "10000", &brokerage()).await;
        // AAPL is at 430.47.
        let order = |side: &str, expected: Value| json!({ "side": side, "symbol": "AAPL", "quantity": "1", "expected_price": expected });
        for (number, (side, expected)) in
            [("buy", json!("430.47")), ("buy", json!(430.470_0)), ("buy", json!("430.48")), ("sell", json!("430.46"))]
                .into_iter()
                .enumerate()
        {
            let filled = customer.post_with_key(&path, &order(side, expected), &format!("f-{number}")).await;
            assert_eq!(filled.expect_status(201).json()["price"], "430.47");
        }
        for (side, expected) in
            [("buy", "430.469999999999"), ("buy", "0.01"), ("sell", "430.47000001"), ("sell", "431")]
        {
            let refused = customer.post_with_key(&path, &order(side, json!(expected)), "w").await;
            let problem = refused.expect_problem(409, "price_changed");
            assert_eq!((&problem["expected_price"], &problem["current_price"]), (&json!(expected), &json!("430.47")));
            let dry = customer.post(&format!("{path}?dry_run=true"), &order(side, json!(expected))).await;
            dry.expect_problem(409, "price_changed");
        }
        // The refusals used up no key.
        customer.post_with_key(&path, &order("sell", json!("430.47")), "w").await.expect_status(201);
        for expected in [json!("0"), json!("-1"), json!("1e3"), json!("430.4700000000001"), json!("dear"), json!(true)]
        {
            let refused = customer.post_with_key(&path, &order("buy", expected.clone()), "n").await;
            let problem = refused.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/expected_price", "{expected}");
        }
    });
}

#[test]
fn a_loss_is_written_with_the_decimals_of_its_currency() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "1000", &brokerage()).await;
        let order = |side: &str| json!({ "side": side, "symbol": "AAPL", "quantity": "1", "fee": 2.5 });
        customer.post_with_key(&path, &order("buy"), "b").await.expect_status(201);
        let sold = customer.post_with_key(&path, &order("sell"), "s").await.expect_status(201).json();
        assert_eq!((&sold["realized_gain"], &sold["lots"][0]["gain"]), (&json!("-5.00"), &json!("-5.00")));
        assert_eq!((&sold["cash_after"], &sold["position"]["cost"]), (&json!("995.00"), &json!("0.00")));
        let listed = customer.get(&path).await.expect_status(200).json();
        assert_eq!(listed["items"][0]["realized_gain"], "-5.00", "as it was first returned");
    });
}

#[test]
fn a_closed_portfolio_and_a_frozen_wallet_accept_no_order() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "1000", &brokerage()).await;
        let portfolio = path.trim_end_matches("/trades").to_owned();
        customer.post_with_key(&path, &buy("1"), "a").await.expect_status(201);
        let close = json!({ "state": "closed" });
        customer.patch(&portfolio, &close, "*").await.expect_problem(409, "portfolio_not_empty");
        customer.delete(&portfolio).await.expect_problem(409, "portfolio_has_trades");
        customer.post_with_key(&path, &sell("1"), "b").await.expect_status(201);
        customer.patch(&portfolio, &close, "*").await.expect_status(200);
        customer.post_with_key(&path, &buy("1"), "c").await.expect_problem(409, "portfolio_closed");
    });
}

#[test]
fn lots_are_sold_by_the_portfolios_lot_method() {
    each(async |target: &Target| {
        let specific = json!({ "name": "Chosen", "type": "brokerage", "lot_method": "specific" });
        let (customer, path) = trader(target, "10000", &specific).await;
        let first = customer.post_with_key(&path, &buy("1"), "a").await.expect_status(201).json();
        let second = customer.post_with_key(&path, &buy("2"), "b").await.expect_status(201).json();
        customer.post_with_key(&path, &sell("1"), "c").await.expect_problem(422, "invalid_fields");
        let chosen = json!({ "side": "sell", "symbol": "AAPL", "quantity": "1", "lots": [{ "lot_id": second["id"], "quantity": "1" }] });
        let sold = customer.post_with_key(&path, &chosen, "d").await.expect_status(201).json();
        assert_eq!((&sold["lots"][0]["lot_id"], &sold["position"]["quantity"]), (&second["id"], &json!("2")));
        assert_ne!(first["id"], second["id"]);
    });
}

#[test]
fn after_all_tests_the_books_add_up() {
    each(async |target: &Target| {
        let (customer, path) = trader(target, "5000", &brokerage()).await;
        for (number, order) in [buy("3"), sell("1"), buy("0.5"), sell("2.5")].iter().enumerate() {
            customer.post_with_key(&path, order, &format!("o-{number}")).await.expect_status(201);
        }
        let report = target.operate(&json!({ "command": "verify", "restart": true })).await;
        assert_eq!(report["unsound"], json!([]), "{report}");
        assert!(report["entries"].as_u64().unwrap() >= 5, "{report}");
    });
}
