use futures::future::join_all;
use serde_json::{Value, json};

use crate::target::{Target, each};

async fn run(target: &Target, request: &Value) -> Value {
    target.post("/backtest", request).await.expect_status(201).json()
}

fn close_to(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{value} is not {expected}");
}

#[test]
fn a_crossover_on_goog_agrees_with_other_engines() {
    each(async |target: &Target| {
        let request =
            json!({"symbol": "GOOG", "buy": "sma(50) > sma(200)", "sell": "sma(50) < sma(200)", "fractional": true});
        let answer = run(target, &request).await;
        close_to(&answer["metrics"]["total_return"], 0.663_941_873);
        close_to(&answer["metrics"]["max_drawdown"], -0.424_699_512);
        assert_eq!(answer["trades"].as_array().unwrap().len(), 5);
        assert_eq!(answer["metrics"]["trades"], 5);
        assert!(answer["open_trade"].is_object());
        assert_eq!(answer["equity"].as_array().unwrap().len(), 2_148);
        assert_eq!(answer["benchmark"]["equity"].as_array().unwrap().len(), 2_148);
    });
}

#[test]
fn a_position_is_carried_through_a_split_with_costs() {
    each(async |target: &Target| {
        let request = json!({
            "symbol": "AAPL", "from": "2004-01-02", "to": "2006-12-29", "initial_investment": "10000",
            "buy": "sma(20) > sma(50)", "sell": "sma(20) < sma(50)",
            "commission_percent": 0.1, "slippage_percent": 0.05
        });
        let answer = run(target, &request).await;
        close_to(&answer["metrics"]["final_equity"], 48_123.970_121);
        close_to(&answer["metrics"]["max_drawdown"], -0.366_504_644);
        let third = &answer["trades"][2];
        assert_eq!((&third["entry_date"], &third["exit_date"]), (&json!("2004-09-01"), &json!("2005-04-18")));
        assert_eq!((&third["quantity"], &third["split_factor"]), (&json!(358.0), &json!(2.0)));
        close_to(&third["pnl"], 12_746.045_081);
    });
}

#[test]
fn only_the_symbol_is_required_and_the_defaults_are_returned() {
    each(async |target: &Target| {
        let answer = run(target, &json!({"symbol": "ibm"})).await;
        let request = &answer["request"];
        assert_eq!(request["symbol"], "IBM");
        assert_eq!((&request["buy"], &request["sell"]), (&json!("close < sma(50)"), &json!("close > sma(200)")));
        assert_eq!((&request["fill"], &request["fractional"]), (&json!("next_open"), &json!(false)));
        assert_eq!(request["initial_investment"], "10000.00");
        assert_eq!((&answer["data"]["bars"], &answer["data"]["source"]), (&json!(3_270), &json!("sample")));
        assert_eq!(answer["data"]["sha256"].as_str().unwrap().len(), 64);
    });
}

#[test]
fn the_gains_of_all_trades_sum_to_the_change_in_equity() {
    each(async |target: &Target| {
        let answer = run(target, &json!({"symbol": "MSFT", "commission_percent": 0.2})).await;
        let closed: f64 = answer["trades"].as_array().unwrap().iter().map(|trade| trade["pnl"].as_f64().unwrap()).sum();
        let open = answer["open_trade"]["pnl"].as_f64().unwrap_or(0.0);
        close_to(&answer["metrics"]["final_equity"], 10_000.0 + closed + open);
    });
}

#[test]
fn a_backtest_is_read_back_byte_for_byte_and_listed_without_its_curves() {
    each(async |target: &Target| {
        let created = target.post("/backtest", &json!({"symbol": "FB"})).await.expect_status(201);
        let location = created.header("location");
        let id = created.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/backtest/{id}"));
        let read = target.get(&location).await.expect_status(200);
        assert_eq!(read.text(), created.text());
        let list = target.get("/backtest?limit=200").await.expect_status(200).json();
        let item = list["items"].as_array().unwrap().iter().find(|item| item["id"] == id.as_str()).unwrap();
        assert!(item.get("equity").is_none() && item.get("trades").is_none());
        assert_eq!(item["metrics"], created.json()["metrics"]);
    });
}

#[test]
fn the_same_request_and_data_give_the_same_bytes_except_id_and_time() {
    each(async |target: &Target| {
        let request = json!({"symbol": "GOOG", "from": "2010-01-04", "to": "2011-12-30"});
        let mut answers = Vec::new();
        for _ in 0..2 {
            let mut answer = run(target, &request).await;
            answer["id"].take();
            answer["created_at"].take();
            answers.push(answer.to_string());
        }
        assert_eq!(answers[0], answers[1]);
    });
}

#[test]
fn pages_do_not_overlap_and_cursors_fit_no_other_list() {
    each(async |target: &Target| {
        for _ in 0..3 {
            run(target, &json!({"symbol": "FB", "to": "2012-06-29"})).await;
        }
        let first = target.get("/backtest?limit=2").await.expect_status(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = target.get(&format!("/backtest?limit=2&cursor={cursor}")).await.expect_status(200).json();
        let ids = |page: &Value| {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(ids(&first).iter().all(|id| !ids(&second).contains(id)));
        let stranger = format!("/predict/FB/history?cursor={cursor}");
        target.get(&stranger).await.expect_problem(400, "invalid_cursor");
        target.get("/backtest?cursor=nonsense").await.expect_problem(400, "invalid_cursor");
    });
}

#[test]
fn an_idempotency_key_repeats_the_first_response_and_refuses_another_request() {
    each(async |target: &Target| {
        let key = Target::unique("backtest");
        let first = target.post_with_key("/backtest", &json!({"symbol": "FB"}), &key).await.expect_status(201);
        let spelled_out = json!({"initial_investment": 10000.0, "symbol": "fb", "fill": "next_open"});
        let again = target.post_with_key("/backtest", &spelled_out, &key).await.expect_status(201);
        assert_eq!(again.text(), first.text());
        assert_eq!(
            (first.header("idempotency-replayed").as_str(), again.header("idempotency-replayed").as_str()),
            ("", "true")
        );
        let other = target.post_with_key("/backtest", &json!({"symbol": "IBM"}), &key).await;
        other.expect_problem(422, "idempotency_key_reused");
        let blank = target.post_with_key("/backtest", &json!({"symbol": "IBM"}), "two words").await;
        blank.expect_problem(400, "invalid_idempotency_key");
    });
}

#[test]
fn parallel_copies_of_a_request_with_one_key_make_one_backtest() {
    each(async |target: &Target| {
        let key = Target::unique("parallel");
        let request = json!({"symbol": "FB"});
        let copies = (0..8).map(|_| target.post_with_key("/backtest", &request, &key));
        let mut ids: Vec<String> = Vec::new();
        for answer in join_all(copies).await {
            ids.push(answer.expect_status(201).json()["id"].as_str().unwrap().to_owned());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
    });
}

#[test]
fn invalid_fields_are_refused_with_their_pointer() {
    each(async |target: &Target| {
        let cases = [
            (json!({}), "/"),
            (json!({"symbol": 7}), "/symbol"),
            (json!({"symbol": "../x"}), "/symbol"),
            (json!({"symbol": "AAPL", "from": "2013-02-30"}), "/from"),
            (json!({"symbol": "AAPL", "from": "2012-01-02", "to": "2012-01-01"}), "/from"),
            (json!({"symbol": "AAPL", "initial_investment": "0"}), "/initial_investment"),
            (json!({"symbol": "AAPL", "initial_investment": -5}), "/initial_investment"),
            (json!({"symbol": "AAPL", "initial_investment": "1e99"}), "/initial_investment"),
            (json!({"symbol": "AAPL", "initial_investment": "0.001"}), "/initial_investment"),
            (json!({"symbol": "AAPL", "initial_investment": "ten"}), "/initial_investment"),
            (json!({"symbol": "AAPL", "commission_percent": 200}), "/commission_percent"),
            (json!({"symbol": "AAPL", "commission_percent": -0.1}), "/commission_percent"),
            (json!({"symbol": "AAPL", "commission_minimum": "-1"}), "/commission_minimum"),
            (json!({"symbol": "AAPL", "slippage_percent": 100}), "/slippage_percent"),
            (json!({"symbol": "AAPL", "risk_free_rate": 2}), "/risk_free_rate"),
            (json!({"symbol": "AAPL", "fill": "tomorrow"}), "/fill"),
            (json!({"symbol": "AAPL", "simbol": "MSFT"}), "/simbol"),
        ];
        for (request, pointer) in cases {
            let problem = target.post("/backtest", &request).await.expect_problem(422, "invalid_fields");
            let found = problem["errors"][0]["pointer"].as_str().unwrap();
            assert!(found == pointer || (pointer == "/" && found.is_empty()), "{request}: {problem}");
        }
        target.post("/backtest", &json!({"symbol": "NOPE"})).await.expect_problem(404, "unknown_symbol");
        let empty = json!({"symbol": "FB", "to": "2011-01-03"});
        target.post("/backtest", &empty).await.expect_problem(422, "no_bars_in_span");
    });
}

#[test]
fn an_error_in_a_rule_has_its_column() {
    each(async |target: &Target| {
        let nested = format!("{}close > 1{}", "(".repeat(40), ")".repeat(40));
        let cases = [
            ("close < smaa(50)", Some(9)),
            ("close <", Some(8)),
            ("close + 1", None),
            ("close < sma(50, 2, 3)", None),
            ("close < sma(0)", None),
            ("close < sma(1001)", None),
            ("close < $fast", Some(9)),
            ("", Some(1)),
            (nested.as_str(), None),
        ];
        for (rule, column) in cases {
            let answer = target.post("/backtest", &json!({"symbol": "AAPL", "buy": rule})).await;
            let problem = answer.expect_problem(422, "invalid_fields");
            let error = &problem["errors"][0];
            assert_eq!(error["pointer"], "/buy", "{rule}");
            let found = error["column"].as_u64().unwrap();
            assert!(error["detail"].as_str().unwrap().starts_with(&format!("column {found}: ")), "{error}");
            if let Some(column) = column {
                assert_eq!(found, column, "{rule}: {error}");
            }
        }
        let long = json!({"symbol": "AAPL", "sell": "close > 1 and ".repeat(720)});
        let problem = target.post("/backtest", &long).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/sell");
    });
}

#[test]
fn unreadable_bodies_are_refused_first() {
    each(async |target: &Target| {
        let json = "application/json";
        let big = format!("{{\"symbol\": \"{}\"}}", "A".repeat(2 << 20));
        let cases = [
            ("not json", json, 400, "malformed_json"),
            ("", json, 400, "malformed_json"),
            ("{\"symbol\": \"AAPL\"", json, 400, "malformed_json"),
            ("{\"symbol\": \"AAPL\", \"symbol\": \"MSFT\"}", json, 422, "invalid_fields"),
            ("[]", json, 422, "invalid_fields"),
            ("{\"symbol\": \"AAPL\"}", "text/plain", 415, "unsupported_media_type"),
            ("{\"symbol\": \"AAPL\"}", "", 415, "unsupported_media_type"),
            (big.as_str(), json, 413, "body_too_large"),
        ];
        for (body, content_type, status, code) in cases {
            let answer = target.post_raw("/backtest", body, content_type).await;
            answer.expect_problem(status, code);
        }
    });
}

#[test]
fn invalid_and_unknown_ids_are_both_not_found() {
    each(async |target: &Target| {
        for id in ["0190aaaa-0000-7000-8000-000000000000", "17", "null"] {
            target.get(&format!("/backtest/{id}")).await.expect_problem(404, "not_found");
        }
    });
}
