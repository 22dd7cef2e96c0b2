//! Stored backtests: their heavy parts, their names, their removal; and the check of a request that stores none.

use reqwest::Method;
use serde_json::{Value, json};

use crate::target::{Target, each};

/// Runs a backtest; returns its path and its response.
async fn run(target: &Target, request: &Value) -> (String, Value) {
    let made = target.post("/backtest", request).await.expect_status(201);
    (made.header("location"), made.json())
}

/// The heavy parts that a backtest has: its trades, its equity curve, and that of buy and hold.
fn parts(backtest: &Value) -> [bool; 3] {
    [backtest.get("trades"), backtest.get("equity"), backtest["benchmark"].get("equity")].map(|part| part.is_some())
}

#[test]
fn a_backtest_has_only_the_heavy_parts_that_are_wanted() {
    each(async |target: &Target| {
        let (path, whole) = run(target, &json!({"symbol": "IBM"})).await;
        assert_eq!(parts(&whole), [true; 3]);
        let full = target.get(&path).await.expect_status(200);
        for (include, expected) in [
            ("", [false, false, false]),
            ("trades", [true, false, false]),
            ("equity", [false, true, true]),
            ("trades,equity", [true, true, true]),
        ] {
            let read = target.get(&format!("{path}?include={include}")).await.expect_status(200);
            let backtest = read.json();
            assert_eq!(parts(&backtest), expected, "{include}");
            assert_eq!(read.header("etag"), full.header("etag"), "{include}");
            for field in ["id", "name", "request", "data", "metrics", "open_trade", "warnings"] {
                assert_eq!(backtest[field], whole[field], "{include}: {field}");
            }
            let made = target.post(&format!("/backtest?include={include}"), &json!({"symbol": "IBM"})).await;
            let made = made.expect_status(201).json();
            assert_eq!((parts(&made), &made["metrics"]), (expected, &whole["metrics"]), "{include}");
        }
        // Two curves of 3,270 days.
        let light = target.get(&format!("{path}?include=")).await.bytes().len();
        assert!(light < 10_000 && full.bytes().len() > 50 * light, "{light} of {} bytes", full.bytes().len());
        for include in ["charts", "equity,", "equity,charts", "Equity"] {
            for refused in [
                target.get(&format!("{path}?include={include}")).await,
                target.post(&format!("/backtest?include={include}"), &json!({"symbol": "IBM"})).await,
            ] {
                let problem = refused.expect_problem(422, "invalid_fields");
                assert_eq!(problem["errors"][0]["pointer"], "/include", "{include}: {problem}");
            }
        }
    });
}

#[test]
fn a_backtest_is_named_at_the_version_that_was_read() {
    each(async |target: &Target| {
        let (path, made) = run(target, &json!({"symbol": "FB"})).await;
        assert_eq!(made["name"], Value::Null);
        let first = target.get(&path).await.expect_status(200).header("etag");
        let named = target.patch(&path, &json!({"name": "  Crossover "}), &first).await.expect_status(200);
        assert_eq!((&named.json()["name"], parts(&named.json())), (&json!("Crossover"), [false; 3]));
        let second = named.header("etag");
        assert_ne!(first, second);
        let read = target.get(&path).await.expect_status(200);
        assert_eq!((read.header("etag"), read.json()["name"].clone()), (second.clone(), json!("Crossover")));
        assert_eq!(read.json()["equity"], made["equity"]);
        let list = target.get("/backtest?limit=200").await.expect_status(200).json();
        let listed = list["items"].as_array().unwrap().iter().find(|item| item["id"] == made["id"]).unwrap();
        assert_eq!(listed["name"], "Crossover");
        target.patch(&path, &json!({"name": "Late"}), &first).await.expect_problem(412, "precondition_failed");
        for same in [json!({}), json!({"name": "Crossover"})] {
            assert_eq!(target.patch(&path, &same, &second).await.expect_status(200).header("etag"), second);
        }
        let unnamed = target.patch(&path, &json!({"name": null}), "*").await.expect_status(200);
        assert_eq!(unnamed.json()["name"], Value::Null);
    });
}

#[test]
fn a_name_that_cannot_be_given_is_refused() {
    each(async |target: &Target| {
        let (path, _) = run(target, &json!({"symbol": "FB"})).await;
        for name in [json!(""), json!("  "), json!("ä".repeat(101)), json!("two\nlines"), json!(7)] {
            let problems = [
                target.patch(&path, &json!({"name": name}), "*").await,
                target.post("/backtest", &json!({"symbol": "FB", "name": name})).await,
            ];
            for problem in problems.map(|refused| refused.expect_problem(422, "invalid_fields")) {
                assert_eq!(problem["errors"][0]["pointer"], "/name", "{name}: {problem}");
            }
        }
        let other = target.patch(&path, &json!({"symbol": "IBM"}), "*").await.expect_problem(422, "invalid_fields");
        assert_eq!(other["errors"][0]["pointer"], "/symbol");
        let blind = target.patch(&path, &json!({"name": "A"}), "").await;
        blind.expect_problem(428, "precondition_required");
    });
}

#[test]
fn a_name_changes_nothing_of_the_run_and_belongs_to_the_request_of_its_key() {
    each(async |target: &Target| {
        let named = json!({"symbol": "FB", "name": "First"});
        let (_, mut with) = run(target, &named).await;
        let (_, mut without) = run(target, &json!({"symbol": "FB"})).await;
        assert_eq!((&with["name"], &without["name"]), (&json!("First"), &Value::Null));
        for backtest in [&mut with, &mut without] {
            for field in ["id", "name", "created_at"] {
                backtest[field].take();
            }
        }
        assert_eq!(with, without);

        let key = Target::unique("named");
        let first = target.post_with_key("/backtest", &named, &key).await.expect_status(201);
        target.patch(&first.header("location"), &json!({"name": "Second"}), "*").await.expect_status(200);
        let again = target.post_with_key("/backtest", &named, &key).await.expect_status(201);
        assert_eq!((again.text(), again.header("idempotency-replayed")), (first.text(), "true".to_owned()));
        for other in [json!({"symbol": "FB"}), json!({"symbol": "FB", "name": "Second"})] {
            let reused = target.post_with_key("/backtest", &other, &key).await;
            reused.expect_problem(422, "idempotency_key_reused");
        }
    });
}

#[test]
fn a_removed_backtest_is_gone_for_every_request() {
    each(async |target: &Target| {
        // Large enough for its response to be an object.
        let (request, key) = (json!({"symbol": "IBM"}), Target::unique("removed"));
        let made = target.post_with_key("/backtest", &request, &key).await.expect_status(201);
        let (path, id) = (made.header("location"), made.json()["id"].as_str().unwrap().to_owned());
        let report = format!("/report/IBM?backtest={id}");
        let earlier = target.get(&report).await.expect_status(200).json();
        let remove =
            async |headers: &[(&str, &str)]| target.send_with(Method::DELETE, &path, headers, String::new()).await;
        remove(&[("if-match", "\"1\"")]).await.expect_problem(412, "precondition_failed");
        let version = target.get(&path).await.expect_status(200).header("etag");
        remove(&[("if-match", &version)]).await.expect_status(204);
        for gone in [
            remove(&[]).await,
            target.get(&path).await,
            target.get(&format!("{path}?include=")).await,
            target.patch(&path, &json!({"name": "A"}), "*").await,
            target.get(&report).await,
            target.get(&format!("/report/IBM/chart.svg?backtest={id}")).await,
            target.post_with_key("/backtest", &request, &key).await,
        ] {
            gone.expect_problem(404, "not_found");
        }
        let list = target.get("/backtest?limit=200").await.expect_status(200).text();
        assert!(!list.contains(&id));
        // A report that was made of it keeps its document.
        target.follow(earlier["pdf"]["url"].as_str().unwrap()).await.expect_status(200);
    });
}

#[test]
fn backtests_are_listed_by_symbol_and_day_in_either_order() {
    each(async |target: &Target| {
        let owner = target.newcomer().await;
        let mut made = Vec::new();
        for symbol in ["FB", "IBM", "FB", "FB"] {
            let (_, backtest) = run(&owner, &json!({"symbol": symbol, "from": "2012-06-01"})).await;
            made.push((symbol, backtest["id"].clone(), backtest["created_at"].as_str().unwrap()[..10].to_owned()));
        }
        let listed = async |query: &str| {
            let page = owner.get(&format!("/backtest?{query}")).await.expect_status(200).json();
            page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
        };
        let all: Vec<_> = made.iter().map(|(_, id, _)| id.clone()).collect();
        let of_fb = vec![all[0].clone(), all[2].clone(), all[3].clone()];
        let newest_first: Vec<_> = all.iter().rev().cloned().collect();
        let (first_day, last_day) = (&made[0].2, &made[3].2);
        assert_eq!(listed("").await, newest_first);
        assert_eq!(listed("order=asc").await, all);
        assert_eq!(listed("order=asc&symbol=fb").await, of_fb);
        assert_eq!(listed("symbol=MSFT").await, [Value::Null; 0]);
        assert_eq!(listed(&format!("order=asc&from={first_day}&to={last_day}")).await, all);
        for none in ["to=2020-01-01", "from=2199-12-31"] {
            assert_eq!(listed(none).await, [Value::Null; 0], "{none}");
        }
        let first = owner.get("/backtest?order=asc&symbol=FB&limit=2").await.expect_status(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        assert_eq!(listed(&format!("order=asc&symbol=FB&cursor={cursor}")).await, of_fb[2..]);
        for other in ["order=desc&symbol=FB", "order=asc&symbol=IBM", "order=asc", "order=asc&symbol=FB&to=2199-12-31"]
        {
            let refused = owner.get(&format!("/backtest?{other}&cursor={cursor}")).await;
            refused.expect_problem(400, "invalid_cursor");
        }
        for (query, pointer) in [
            ("symbol=a%20b", "/symbol"),
            ("from=yesterday", "/from"),
            ("from=2013-01-02&to=2013-01-01", "/from"),
            ("order=up", "/order"),
            ("state=old", "/state"),
        ] {
            let refused = owner.get(&format!("/backtest?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{query}: {refused}");
        }
    });
}

#[test]
fn a_check_agrees_with_a_run_about_every_request() {
    each(async |target: &Target| {
        let good = [
            json!({"symbol": "FB"}),
            json!({"symbol": "fb", "buy": "close > sma(20) and not (rsi(14) >= 70)", "sell": "close < open"}),
            json!({"symbol": "FB", "initial_investment": 5000, "fill": "close", "fractional": true, "name": "A"}),
        ];
        let rules = ["close < smaa(50)", "close <", "", "close + 1", "close < sma(0)", "close < $fast", "close == 1"];
        let rules = rules.into_iter().flat_map(|rule| {
            [json!({"symbol": "FB", "buy": rule}), json!({"symbol": "FB", "sell": rule, "to": "yesterday"})]
        });
        let bad = [
            json!({"symbol": "../x"}),
            json!({"symbol": "FB", "from": "2012-01-02", "to": "2012-01-01"}),
            json!({"symbol": "FB", "initial_investment": "0", "commission_percent": 100}),
            json!({"symbol": "FB", "initial_investment": "2000000000000"}),
            json!({"symbol": "FB", "risk_free_rate": -1}),
            json!({"symbol": "FB", "name": " "}),
            json!({"symbol": "FB", "buy": "close > 1 and ".repeat(720)}),
        ];
        for request in &good {
            let check = target.post("/backtest/check", request).await.expect_status(200).json();
            assert_eq!((&check["valid"], &check["errors"]), (&json!(true), &json!([])), "{request}");
            let (_, made) = run(target, request).await;
            for field in ["buy", "sell", "fill", "initial_investment", "fractional"] {
                assert_eq!(check["request"][field], made["request"][field], "{request}");
            }
        }
        for request in bad.into_iter().chain(rules) {
            let check = target.post("/backtest/check", &request).await.expect_status(200).json();
            let problem = target.post("/backtest", &request).await.expect_problem(422, "invalid_fields");
            assert_eq!((&check["valid"], &check["errors"]), (&json!(false), &problem["errors"]), "{request}");
            for rule in ["buy", "sell"] {
                let errors = problem["errors"].as_array().unwrap();
                let refused = errors.iter().find(|error| error["pointer"] == format!("/{rule}"));
                assert_eq!(check[rule]["valid"], refused.is_none(), "{request}: {check}");
                if let Some(refused) = refused {
                    let mistake = &check[rule]["error"];
                    assert_eq!((&mistake["column"], &mistake["length"]), (&refused["column"], &refused["length"]));
                }
            }
        }
    });
}

#[test]
fn a_check_stores_nothing_and_refuses_only_what_is_no_request() {
    each(async |target: &Target| {
        let owner = target.newcomer().await;
        let key = Target::unique("check");
        for buy in ["close > 1", "close >"] {
            owner.post_with_key("/backtest/check", &json!({"symbol": "FB", "buy": buy}), &key).await.expect_status(200);
        }
        // Not even a symbol is looked up.
        let check = owner.post("/backtest/check", &json!({"symbol": "NOPE"})).await.expect_status(200).json();
        assert_eq!(check["valid"], true);
        assert_eq!(owner.get("/backtest").await.expect_status(200).json()["items"], json!([]));
        owner.post_with_key("/backtest", &json!({"symbol": "FB"}), &key).await.expect_status(201);

        owner.post_raw("/backtest/check", "{", "application/json").await.expect_problem(400, "malformed_json");
        owner.post_raw("/backtest/check", "{}", "text/plain").await.expect_problem(415, "unsupported_media_type");
        for (request, pointer) in [
            (json!({"symbol": "FB", "buy": 7}), "/buy"),
            (json!({"symbol": "FB", "bye": "close > 1"}), "/bye"),
            (json!({"symbol": "FB", "fill": "tomorrow"}), "/fill"),
        ] {
            let problem = owner.post("/backtest/check", &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        let blank = owner.post_with_key("/backtest/check", &json!({"symbol": "FB"}), "two words").await;
        blank.expect_problem(400, "invalid_idempotency_key");
    });
}
