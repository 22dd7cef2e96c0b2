//! Idempotency keys stored by an earlier version still match the same requests. Fingerprints are of the parsed request,
//! in which a newer field is absent if it is not sent.

use std::time::Duration;

use gateway::invoke::{Invocation, invoke_http};
use gateway::registry::{FUNCTIONS, Handler};
use market_data::MarketData;
use serde_json::{Value, json};
use store::{Body, Key, Write};

use crate::target::InProcess;

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

/// Requests whose keys are not in [`STORED`]: function, route and body, the key and its item, its fingerprint and the
/// id of the result.
const MADE: [[&str; 7]; 7] = [
    [
        "portfolios",
        "POST /portfolios",
        r#"{"name": " Retirement ", "type": "401k", "base_currency": "EUR", "investment_profile": {"risk": 3, "horizon_years": 20, "loss_capacity": 0.25, "targets": {"bond": 0.4, "stock": 0.60}}}"#,
        "portfolio-1",
        "IDEMPOTENCY#7f703d63576f4c0fc7336eae9286b382471c0a8f3a12d3e64d8c512b8d139bdf",
        "4a37a48a2c133cb1101cab460b9c00744745a4e700de3a8126d9c806ab3f346e",
        "01a22a46-9301-7000-8000-000000000001",
    ],
    [
        "portfolios",
        "POST /portfolios",
        r#"{"name": "Plain", "type": "brokerage", "lot_method": "average"}"#,
        "portfolio-2",
        "IDEMPOTENCY#4e01baee060ec578859d8905c2d00e49bcd41204bce23a25181ca8dc0da5c7e0",
        "ee43928e0cd2b27aa6b6f1b6c44f764774152eaf97f3c22a0ff0151af43b36ea",
        "01a22a46-9302-7000-8000-000000000002",
    ],
    [
        "watch",
        "POST /alerts",
        r#"{"symbol": "aapl", "condition": {"type": "above", "price": "450.50"}, "repeat": "once"}"#,
        "alert-1",
        "IDEMPOTENCY#7e67e263bd2853251f1de491cee8d4c3080919146a07a1d49ae303be0d614934",
        "c4bd664f5836dacb2f8f2fcc4ffb764e3bc645b0b98dacacc51e13c1ab1983d7",
        "01a22a46-9303-7000-8000-000000000003",
    ],
    [
        "watch",
        "POST /alerts",
        r#"{"symbol": "IBM", "condition": {"type": "percent_move", "percent": 2.5, "direction": "either"}, "repeat": "recurring"}"#,
        "alert-2",
        "IDEMPOTENCY#08385c9b28231f46ec58c1d4a70e8737b1be560f97d57cb4662a8ea26883c7d8",
        "ea4c51c6faf1980b71d21cc4a2e2a7fad7b977b48398c9ceb9c891ec407c47b9",
        "01a22a46-9304-7000-8000-000000000004",
    ],
    [
        "watch",
        "POST /alerts",
        r#"{"symbol": "IBM", "condition": {"type": "crosses_sma", "window": 50, "direction": "down"}, "repeat": "once"}"#,
        "alert-3",
        "IDEMPOTENCY#f2762396ed436726e91bb18bb18a00fe3de9645a6cae32db7c2d4534220c368d",
        "50bde966a3ddda215a899667323e729dae7716ba39694e1720060ced5f3f10b6",
        "01a22a46-9305-7000-8000-000000000005",
    ],
    [
        "instruments",
        "POST /instruments",
        r#"{"symbol": "my:house", "name": "The house", "currency": "EUR"}"#,
        "item-1",
        "IDEMPOTENCY#4a6d308dc896307731bc5bd82f90104c20bbed74c0ca8538aca5e7a6d5ddf00f",
        "0a0e6278603d0b7dad83763e9b61907ffd58c8288e522d229783793068f6f402",
        "01a22a46-9306-7000-8000-000000000006",
    ],
    [
        "backtest",
        "POST /backtest",
        r#"{"symbol": "AAPL", "from": "2005-01-03", "commission_percent": 0.1}"#,
        "backtest-1",
        "IDEMPOTENCY#e2263a6e33add338e2d5b69333012f4fb290a593d0014278ca18079c9e1f5612",
        "a3f4a0dc62c7c041b85565e4ea589ad0d01168aab3701b327d3b09fbf9b634da",
        "01a22a46-9307-7000-8000-000000000007",
    ],
];

/// A backtest with its stored response, both shortened; an import with its key; a reversal with its key, its entry and
/// the place of the deposit that it reverses.
const ANSWERED: [(&str, &str, &str); 8] = [
    (
        "CUSTOMER#01a22a46-90bd-70f1-b341-26fdd360497b",
        "RESULT#01a22a46-9307-7000-8000-000000000007",
        r#"{"inline":{"id":"01a22a46-9307-7000-8000-000000000007","trades":[]}}"#,
    ),
    (
        "CUSTOMER#01a22a46-90bd-70f1-b341-26fdd360497b",
        "BACKTEST#01a22a46-9307-7000-8000-000000000007",
        r#"{"id":"01a22a46-9307-7000-8000-000000000007"}"#,
    ),
    (
        "IDEMPOTENCY#c2b209146305abdcd3a3da3e8deb4c7eec3c37177e315008127ccd44f9678d40",
        "-",
        r#"{"fingerprint":"8c82176aea4c01ceac51550b05b32ba12e17dd1466dd9227acbc6aae1e01d050","result":"01a22a46-9308-7000-8000-000000000008"}"#,
    ),
    (
        "CUSTOMER#01a22a46-90bd-70f1-b341-26fdd360497b",
        "RESULT#01a22a46-9308-7000-8000-000000000008",
        r#"{"inline":{"sha256":"8205e514414643242e52b35f504921248cc610a06cd0b0cc2bea33bc4a3015b4","dry_run":false,"repeated":false,"rows":1,"imported":1,"duplicates":0,"invalid":0,"items":[{"row":1,"verdict":"imported","investment_id":"01a22a46-9340-7000-8000-000000000040"}]}}"#,
    ),
    (
        "IDEMPOTENCY#d6c8cccdf8318a12cf4653dbc8c9465a030b969705a386d8302f6163fa4895ff",
        "-",
        r#"{"fingerprint":"1fb72ae5fc73e93e8459d865bd4f600a103d18b4901bc9f5073ef9794105e455","entry":2}"#,
    ),
    ("WALLET#01a22a46-90bd-70f1-b341-26fdd360497b", "ENTRY#000000000001", STORED[2].2),
    (
        "WALLET#01a22a46-90bd-70f1-b341-26fdd360497b",
        "ENTRY#000000000002",
        r#"{"id":"01a22a46-9309-7000-8000-000000000009","customer_id":"01a22a46-90bd-70f1-b341-26fdd360497b","seq":2,"type":"reversal","amount":"-1000.00","currency":"USD","balance":"0.00","market_day":"2013-03-01","created_at":"2026-11-30T02:26:38.101Z","trade_id":null,"reverses":"01a22a46-91cc-7018-9f1a-bb384cdb5b07","legs":[{"account":"wallet","currency":"USD","cash":"-1000.00"},{"account":"world","currency":"USD","cash":"1000.00"}]}"#,
    ),
    (
        "ENTRY#01a22a46-91cc-7018-9f1a-bb384cdb5b07",
        "-",
        r#"{"customer_id":"01a22a46-90bd-70f1-b341-26fdd360497b","seq":1,"reversed_by":"01a22a46-9309-7000-8000-000000000009"}"#,
    ),
];

/// A request under a key.
struct Sent<'a> {
    function: &'a str,
    route: &'a str,
    /// The value of `{id}` in the path.
    id: &'a str,
    key: &'a str,
    media_type: &'a str,
    role: &'a str,
    body: &'a str,
}

impl<'a> Sent<'a> {
    fn json(function: &'a str, route: &'a str, key: &'a str, body: &'a str) -> Self {
        Self { function, route, id: PORTFOLIO, key, media_type: "application/json", role: "client", body }
    }

    /// The status, whether it was a replay, and the body.
    async fn answered(&self, platform: &MarketData) -> (u16, bool, Value) {
        let path = self.route.trim_start_matches("POST ").replace("{id}", self.id);
        let event = json!({
            "version": "2.0", "routeKey": self.route, "rawPath": path, "rawQueryString": "",
            "headers": { "content-type": self.media_type, "idempotency-key": self.key },
            "requestContext": {
                "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
                "authorizer": { "lambda": { "customer_id": CUSTOMER, "role": self.role, "session": "00" } },
                "routeKey": self.route, "stage": "$default", "timeEpoch": 1_795_176_000_000_u64,
            },
            "body": self.body, "isBase64Encoded": false,
        });
        let registered = FUNCTIONS.iter().find(|registered| registered.name == self.function).unwrap();
        let Handler::Http { router, .. } = registered.handler else { panic!("{} has no routes", self.function) };
        let function = self.function;
        let invocation = Invocation { function, timeout: Duration::from_mins(1), request_id: "stored-keys" };
        let answer = invoke_http(router.on(platform.restricted_to(function)), &event, &invocation).await;
        let replayed = answer.headers().contains_key("idempotency-replayed");
        (answer.status().as_u16(), replayed, serde_json::from_slice(answer.body()).unwrap())
    }
}

async fn send(platform: &MarketData, function: &str, route: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    Sent::json(function, route, key, &body.to_string()).answered(platform).await
}

async fn store(platform: &MarketData, items: &[(&str, &str, &str)]) {
    let items = items.iter().map(|&(pk, sk, json)| Write::create(Key::new(pk, sk), Body::Json(json.to_owned())));
    platform.app.table().transact(items.collect()).await.unwrap();
}

#[test]
fn keys_stored_by_an_earlier_version_return_the_first_result() {
    InProcess::with(async |platform| {
        store(&platform, &STORED).await;
        let first = |place: usize| {
            // Instants in responses have milliseconds, whatever their stored precision.
            let text = STORED[place].2.replace("911860028Z", "911Z").replace("933687782Z", "933Z");
            let text = text.replace("21:00:00Z", "21:00:00.000Z");
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let trades = "POST /portfolios/{id}/trades";
        let bought = json!({ "side": "buy", "symbol": "AAPL", "quantity": "1.5", "fee": "0.99" });
        let spent = json!({ "side": "buy", "symbol": "AAPL", "amount": 100 });
        for (key, order, place) in [("trade-1", &bought, 5), ("trade-2", &spent, 7)] {
            assert_eq!(send(&platform, "trades", trades, key, order).await, (201, true, first(place)), "{key}");
        }
        let lots = "POST /portfolios/{id}/investments";
        let lot = json!({ "ticker_symbol": "IBM", "quantity": "12.5", "purchase_price": "100.10",
            "purchase_date": "2010-01-04", "fee": "1.5" });
        let recorded = send(&platform, "portfolios", lots, "investment-1", &lot).await;
        assert_eq!(recorded, (201, true, first(10)["inline"].clone()));
        let deposit = json!({ "amount": "1000.00", "currency": "USD" });
        let (status, replayed, entry) = send(&platform, "wallet", "POST /wallet/deposits", "deposit-1", &deposit).await;
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
            let (status, replayed, problem) = send(&platform, function, route, key, &body).await;
            assert_eq!((status, replayed, &problem["code"]), (409, true, &json!(code)), "{key}");
        }
        // The new field is part of the fingerprint if it is sent.
        let expecting =
            json!({ "side": "buy", "symbol": "AAPL", "quantity": "1.5", "fee": "0.99", "expected_price": "430.47" });
        let (status, _, problem) = send(&platform, "trades", trades, "trade-1", &expecting).await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    });
}

#[test]
fn keys_of_an_earlier_version_match_the_same_requests() {
    InProcess::with(async |platform| {
        store(&platform, &ANSWERED).await;
        for [function, route, body, key, item, fingerprint, id] in MADE {
            let record = json!({ "fingerprint": fingerprint, "result": id }).to_string();
            store(&platform, &[(item, "-", &record)]).await;
            let (status, replayed, made) = Sent::json(function, route, key, body).answered(&platform).await;
            assert_eq!((status, replayed), (201, true), "{key}: {made}");
            // A custom instrument is known by its symbol.
            let expected = if route == "POST /instruments" { ("symbol", "MY:HOUSE") } else { ("id", id) };
            assert_eq!(made[expected.0], expected.1, "{key}");
        }
    });
}

#[test]
fn keys_of_imports_and_reversals_of_an_earlier_version_still_match() {
    InProcess::with(async |platform| {
        store(&platform, &ANSWERED).await;
        let file = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,1,100,2010-01-04\n";
        let import = Sent {
            media_type: "text/csv",
            ..Sent::json("portfolios", "POST /portfolios/{id}/investments/import", "import-1", file)
        };
        let (status, replayed, report) = import.answered(&platform).await;
        assert_eq!((status, replayed), (200, true), "{report}");
        assert_eq!(report["items"][0]["investment_id"], "01a22a46-9340-7000-8000-000000000040");
        let reversal = Sent {
            id: "01a22a46-91cc-7018-9f1a-bb384cdb5b07",
            role: "administrator",
            ..Sent::json("wallet", "POST /wallet/entries/{id}/reversal", "reversal-1", "")
        };
        let (status, replayed, entry) = reversal.answered(&platform).await;
        assert_eq!((status, replayed), (201, true), "{entry}");
        assert_eq!(entry["id"], "01a22a46-9309-7000-8000-000000000009");
    });
}
