//! Keys that an earlier version stored are still those of the same requests: their fingerprints are of the parsed request,
//! in which a field that came later is absent where it is not sent.

use std::time::Duration;

use gateway::invoke::{Invocation, invoke_http};
use gateway::registry::{FUNCTIONS, Handler};
use serde_json::{Value, json};
use store::{Body, Key, Write};

use crate::target::App;

const CUSTOMER: &str = "01a22a46-90bd-70f1-b341-26fdd360497b";
const PORTFOLIO: &str = "01a22a46-9216-7570-9c5d-98ccd178972a";

/// Items as version 0.1.0 wrote them, before orders had an expected price: partition key, sort key and JSON.
const STORED: [(&str, &str, &str); 11] = [
    (
        "CUSTOMER#01a22a46-90bd-70f1-b341-26fdd360497b",
        "PORTFOLIO#01a22a46-9216-7570-9c5d-98ccd178972a",
        r#"{"portfolio":{"id":"01a22a46-9216-7570-9c5d-98ccd178972a","customer_id":"01a22a46-90bd-70f1-b341-26fdd360497b","name":"Old","type":"brokerage","base_currency":"USD","lot_method":"fifo","state":"open","investment_profile":null,"created_at":"2026-11-30T02:26:37.718Z","updated_at":"2026-11-30T02:26:37.718Z","version":1},"profiles":0,"dirty_from":"2010-01-04","removing":false}"#,
    ),
    (
        "IDEMPOTENCY#fa6ee66872326807b8462189aa3ec14ff8abd7bb210c994a29e192e682a2c15c",
        "-",
        r#"{"fingerprint":"f43a0ddc3551a818a9efc2e88dc9fe58ba8302bf9f402e4d0a9936ee9250a7e4","entry":1}"#,
    ),
    (
        "WALLET#01a22a46-90bd-70f1-b341-26fdd360497b",
        "ENTRY#000000000001",
        r#"{"id":"01a22a46-91cc-7018-9f1a-bb384cdb5b07","customer_id":"01a22a46-90bd-70f1-b341-26fdd360497b","seq":1,"type":"deposit","amount":"1000.00","currency":"USD","balance":"1000.00","market_day":"2013-03-01","created_at":"2026-11-30T02:26:37.644643361Z","trade_id":null,"reverses":null,"legs":[{"account":"world","currency":"USD","cash":"-1000.00"},{"account":"wallet","currency":"USD","cash":"1000.00"}]}"#,
    ),
    (
        "IDEMPOTENCY#865f73f62d70f8526af7f75a4cc1864d66142b89535844f6af34fcabe0a5e449",
        "-",
        r#"{"fingerprint":"8e0cdfe92b46bdcb1a531cc6a23e37c0adb7d5d3a321ab75da4a7d73b22e9c96","insufficient_funds":{"available":"994.50","requested":"5000.00","currency":"USD"}}"#,
    ),
    (
        "IDEMPOTENCY#4562265e91a470ad1eec96cefe0b91c9569011d63c0e1143747238ac4640931a",
        "-",
        r#"{"fingerprint":"c301ce2260e9120685530945c1bc9a3604a7512bbe7c9216a282f1dae21a5e73","result":"01a22a46-92d7-72c1-ba08-b94b4ae92f2d"}"#,
    ),
    (
        "PORTFOLIO#01a22a46-9216-7570-9c5d-98ccd178972a",
        "TRADE#01a22a46-92d7-72c1-ba08-b94b4ae92f2d",
        r#"{"id":"01a22a46-92d7-72c1-ba08-b94b4ae92f2d","portfolio_id":"01a22a46-9216-7570-9c5d-98ccd178972a","side":"buy","symbol":"AAPL","quantity":"1.5","price":"430.47","amount":"645.70","fee":"0.99","currency":"USD","market_day":"2013-03-01","quote_as_of":"2013-03-01T21:00:00Z","created_at":"2026-11-30T02:26:37.911860028Z","cash_after":"347.81","position":{"symbol":"AAPL","quantity":"1.5","cost":"646.69","average_cost":"431.12666667"},"realized_gain":null,"lots":[]}"#,
    ),
    (
        "IDEMPOTENCY#d9824cd901b46afce4da5bca968e94748916107b00e4c521cb1092267892ac39",
        "-",
        r#"{"fingerprint":"db7947b5dd75f8229ea64410ad07ab4daa97b83700c71972eb2cb8343578edad","result":"01a22a46-92ed-7366-b7df-9cecf2a6b237"}"#,
    ),
    (
        "PORTFOLIO#01a22a46-9216-7570-9c5d-98ccd178972a",
        "TRADE#01a22a46-92ed-7366-b7df-9cecf2a6b237",
        r#"{"id":"01a22a46-92ed-7366-b7df-9cecf2a6b237","portfolio_id":"01a22a46-9216-7570-9c5d-98ccd178972a","side":"buy","symbol":"AAPL","quantity":"0.23230422","price":"430.47","amount":"100.00","fee":"0.00","currency":"USD","market_day":"2013-03-01","quote_as_of":"2013-03-01T21:00:00Z","created_at":"2026-11-30T02:26:37.933687782Z","cash_after":"247.81","position":{"symbol":"AAPL","quantity":"1.73230422","cost":"746.69","average_cost":"431.03860822"},"realized_gain":null,"lots":[]}"#,
    ),
    (
        "IDEMPOTENCY#59f8c5daaa89d588490ec7be0731dab1f5b223e86d70143f694ef49822f9a8de",
        "-",
        r#"{"fingerprint":"3111166177c3b63334ede593e668abb9c6fcbb928203e2282b32611fdb588018","insufficient_units":{"available":"1.73230422","requested":"900"}}"#,
    ),
    (
        "IDEMPOTENCY#123ae240df54c09038de488ad2e9dd7552d75428b95affd7023d15b72ca22f57",
        "-",
        r#"{"fingerprint":"e092674a941ee8280f07c936438f23cf71752e0b344023f9702613113fd17dfb","result":"01a22a46-930e-7308-845a-aa821adabdf6"}"#,
    ),
    (
        "CUSTOMER#01a22a46-90bd-70f1-b341-26fdd360497b",
        "RESULT#01a22a46-930e-7308-845a-aa821adabdf6",
        r#"{"inline":{"id":"01a22a46-930e-7308-845a-aa821adabdf6","portfolio_id":"01a22a46-9216-7570-9c5d-98ccd178972a","ticker_symbol":"IBM","instrument_type":"stock","quantity":"12.5","purchase_price":"100.1","purchase_date":"2010-01-04","fee":"1.50","currency":"USD","cost":"1252.75","current_quantity":"12.5","current_price":"202.91","last_updated":"2013-03-01","value":"2536.38","gain":"1283.63","unavailable":{},"created_at":"2026-11-30T02:26:37.966Z","updated_at":"2026-11-30T02:26:37.966Z","version":1}}"#,
    ),
];

/// Sends a request under a key; the status, whether it was a replay, and the body.
async fn send(app: &services::App, function: &str, route: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    let path = route.trim_start_matches("POST ").replace("{id}", PORTFOLIO);
    let event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "",
        "headers": { "content-type": "application/json", "idempotency-key": key },
        "requestContext": {
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
            "authorizer": { "lambda": { "customer_id": CUSTOMER, "role": "client", "session": "00" } },
            "routeKey": route, "stage": "$default", "timeEpoch": 1_795_176_000_000_u64,
        },
        "body": body.to_string(), "isBase64Encoded": false,
    });
    let registered = FUNCTIONS.iter().find(|registered| registered.name == function).unwrap();
    let Handler::Http { router, .. } = registered.handler else { panic!("{function} has no routes") };
    let invocation = Invocation { function, timeout: Duration::from_mins(1), request_id: "stored-keys" };
    let answer = invoke_http(router(app.clone()), &event, &invocation).await;
    let replayed = answer.headers().contains_key("idempotency-replayed");
    (answer.status().as_u16(), replayed, serde_json::from_slice(answer.body()).unwrap())
}

#[test]
fn keys_stored_by_an_earlier_version_answer_the_first_result_again() {
    App::with(async |app| {
        let items = STORED.map(|(pk, sk, json)| Write::create(Key::new(pk, sk), Body::Json(json.to_owned())));
        app.table().transact(items.to_vec()).await.unwrap();
        let first = |place: usize| {
            // Instants are answered to the millisecond, whatever they were stored with.
            let text = STORED[place].2.replace("911860028Z", "911Z").replace("933687782Z", "933Z");
            let text = text.replace("21:00:00Z", "21:00:00.000Z");
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let trades = "POST /portfolios/{id}/trades";
        let bought = json!({ "side": "buy", "symbol": "AAPL", "quantity": "1.5", "fee": "0.99" });
        let spent = json!({ "side": "buy", "symbol": "AAPL", "amount": 100 });
        for (key, order, place) in [("trade-1", &bought, 5), ("trade-2", &spent, 7)] {
            assert_eq!(send(&app, "trades", trades, key, order).await, (201, true, first(place)), "{key}");
        }
        let lots = "POST /portfolios/{id}/investments";
        let lot = json!({ "ticker_symbol": "IBM", "quantity": "12.5", "purchase_price": "100.10",
            "purchase_date": "2010-01-04", "fee": "1.5" });
        let recorded = send(&app, "portfolios", lots, "investment-1", &lot).await;
        assert_eq!(recorded, (201, true, first(10)["inline"].clone()));
        let deposit = json!({ "amount": "1000.00", "currency": "USD" });
        let (status, replayed, entry) = send(&app, "wallet", "POST /wallet/deposits", "deposit-1", &deposit).await;
        assert_eq!((status, replayed, &entry["id"]), (201, true, &first(2)["id"]));
        for (function, route, key, body, code) in [
            ("wallet", "POST /wallet/withdrawals", "withdrawal-2", json!({ "amount": "5000" }), "insufficient_funds"),
            (
                "trades",
                trades,
                "trade-3",
                json!({ "side": "sell", "symbol": "AAPL", "quantity": "900" }),
                "insufficient_units",
            ),
        ] {
            let (status, replayed, problem) = send(&app, function, route, key, &body).await;
            assert_eq!((status, replayed, &problem["code"]), (409, true, &json!(code)), "{key}");
        }
        // The new field is part of the request where it is sent.
        let expecting =
            json!({ "side": "buy", "symbol": "AAPL", "quantity": "1.5", "fee": "0.99", "expected_price": "430.47" });
        let (status, _, problem) = send(&app, "trades", trades, "trade-1", &expecting).await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    });
}
