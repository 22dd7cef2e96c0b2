//! Decimals in every field of every route that takes one: digits, a point and a sign in a string, JSON's grammar in a
//! number.

use reqwest::Method;
use serde_json::{Value, json};

use crate::target::{Target, each};

/// Strings that are not decimals, though number parsers are often more generous.
const NO_DECIMALS: [&str; 12] = ["1_000", "1_0", "10_", "1_", "+1", ".5", "5.", "1e3", "1E0", "1,5", " 1", "0x1"];

/// A field that takes a decimal: its route, the rest of the body, and its pointer.
struct Field {
    method: Method,
    path: String,
    body: Value,
    pointer: &'static str,
}

/// Every field of every route that takes an amount, a quantity, a price or a fraction.
async fn fields(customer: &Target) -> Vec<Field> {
    let portfolio = json!({ "name": "Trading", "type": "brokerage" });
    let portfolio = customer.post("/portfolios", &portfolio).await.expect_status(201).header("location");
    let lot =
        json!({ "ticker_symbol": "IBM", "quantity": "1", "purchase_price": "100", "purchase_date": "2010-01-04" });
    let investment =
        customer.post(&format!("{portfolio}/investments"), &lot).await.expect_status(201).header("location");
    let item = json!({ "symbol": Target::unique("MY:A").to_uppercase(), "name": "A house" });
    let item = customer.post("/instruments", &item).await.expect_status(201).json();
    let prices = format!("/instruments/{}/prices", item["symbol"].as_str().unwrap());
    let order = json!({ "side": "buy", "symbol": "AAPL", "quantity": "1" });
    let spend = json!({ "side": "buy", "symbol": "AAPL" });
    let picks = json!({ "side": "sell", "symbol": "AAPL", "quantity": "1", "lots": [{ "lot_id": "00000000-0000-7000-8000-000000000000" }] });
    let aims = json!({ "risk": 4, "horizon_years": 20, "loss_capacity": "0.3", "targets": { "stock": "1" } });
    let opened = json!({ "name": "Another", "type": "other", "investment_profile": aims });
    let alert =
        |kind: &str| json!({ "symbol": "AAPL", "condition": { "type": kind, "direction": "up" }, "repeat": "once" });
    let above = json!({ "symbol": "AAPL", "condition": { "type": "above" }, "repeat": "once" });
    let backtest = json!({ "symbol": "FB" });
    let post = |path: &str, body: &Value, pointer| Field {
        method: Method::POST,
        path: path.to_owned(),
        body: body.clone(),
        pointer,
    };
    let trades = format!("{portfolio}/trades");
    let lots = format!("{portfolio}/investments");
    let patch = |path: &str, pointer| Field { method: Method::PATCH, path: path.to_owned(), body: json!({}), pointer };
    vec![
        post("/wallet/deposits", &json!({}), "/amount"),
        post("/wallet/withdrawals", &json!({}), "/amount"),
        post(&trades, &spend, "/quantity"),
        post(&trades, &spend, "/amount"),
        post(&trades, &order, "/fee"),
        post(&trades, &order, "/expected_price"),
        post(&trades, &picks, "/lots/0/quantity"),
        post(&lots, &lot, "/quantity"),
        post(&lots, &lot, "/purchase_price"),
        post(&lots, &lot, "/fee"),
        patch(&investment, "/quantity"),
        patch(&investment, "/purchase_price"),
        patch(&investment, "/fee"),
        Field {
            method: Method::PUT,
            path: prices,
            body: json!({ "prices": [{ "date": "2012-12-31" }] }),
            pointer: "/prices/0/price",
        },
        post("/alerts", &above, "/condition/price"),
        post("/alerts", &alert("percent_move"), "/condition/percent"),
        post("/alerts", &alert("crosses_sma"), "/condition/window"),
        post("/backtest", &backtest, "/initial_investment"),
        post("/backtest", &backtest, "/commission_minimum"),
        post("/portfolios", &opened, "/investment_profile/loss_capacity"),
        patch(&portfolio, "/investment_profile/loss_capacity"),
    ]
}

/// The body with this value at the field's pointer, whose last part can be new.
fn with(field: &Field, value: &Value) -> Value {
    let mut body = field.body.clone();
    let mut place = &mut body;
    for part in field.pointer.split('/').skip(1) {
        place = match part.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[part],
        };
    }
    *place = value.clone();
    body
}

#[test]
fn a_string_that_is_not_a_decimal_is_refused_in_every_field() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        for field in fields(&customer).await {
            for text in NO_DECIMALS {
                let body = with(&field, &json!(text)).to_string();
                let headers = [("content-type", "application/json"), ("idempotency-key", "n"), ("if-match", "*")];
                let answer = customer.send_with(field.method.clone(), &field.path, &headers, body.clone()).await;
                let problem = answer.expect_problem(422, "invalid_fields");
                let pointers: Vec<_> =
                    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
                assert!(pointers.contains(&json!(field.pointer)), "{} {body}: {problem}", field.path);
            }
        }
        assert_eq!(customer.get("/wallet").await.json()["balances"], json!({}), "nothing was moved");
    });
}

#[test]
fn a_json_number_is_read_exactly() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        for (number, (body, amount)) in
            [("1e3", "1000.00"), ("1.5E+1", "15.00"), ("125e-2", "1.25"), ("0.10", "0.10"), ("1.0000", "1.00")]
                .into_iter()
                .enumerate()
        {
            let key = format!("number-{number}");
            let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
            let body = format!("{{\"amount\": {body}}}");
            let made = customer.send_with(Method::POST, "/wallet/deposits", &headers, body).await.expect_status(201);
            assert_eq!(made.json()["amount"], amount);
        }
        for number in ["1e400", "-1e3", "1e-3", "9999999999999999999999999999e20", "1e99999999999999999999"] {
            let headers = [("content-type", "application/json"), ("idempotency-key", "refused")];
            let body = format!("{{\"amount\": {number}}}");
            let refused = customer.send_with(Method::POST, "/wallet/deposits", &headers, body).await;
            assert_eq!(refused.expect_problem(422, "invalid_fields")["errors"][0]["pointer"], "/amount", "{number}");
        }
    });
}

#[test]
fn a_cell_of_a_file_is_as_strict_as_a_string() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let portfolio = json!({ "name": "Imported", "type": "brokerage" });
        let portfolio = customer.post("/portfolios", &portfolio).await.expect_status(201).header("location");
        let path = format!("{portfolio}/investments/import?dry_run=true");
        for text in NO_DECIMALS.into_iter().filter(|text| text.trim() == *text) {
            let csv = format!(
                "ticker_symbol,quantity,purchase_price,purchase_date,fee\nFB,\"{text}\",\"{text}\",2012-06-01,\"{text}\"\n"
            );
            let json = json!([{ "ticker_symbol": "FB", "quantity": text, "purchase_price": text, "purchase_date": "2012-06-01", "fee": text }]);
            for (file, media_type) in [(csv, "text/csv"), (json.to_string(), "application/json")] {
                let report = customer.post_raw(&path, &file, media_type).await.expect_status(200).json();
                let errors = report["items"][0]["errors"].as_array().unwrap();
                let columns: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
                assert_eq!(columns, ["quantity", "purchase_price", "fee"], "{media_type} {text}");
            }
        }
        let numbers =
            r#"[{"ticker_symbol": "FB", "quantity": 1e1, "purchase_price": 3.05e1, "purchase_date": "2012-06-01"}]"#;
        let report = customer.post_raw(&path, numbers, "application/json").await.expect_status(200).json();
        assert_eq!(report["imported"], 1, "{report}");
    });
}
