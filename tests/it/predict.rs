use serde_json::{Value, json};

use crate::target::{Target, each};

async fn forecast(target: &Target, path: &str) -> Value {
    target.get(path).await.expect_status(200).json()
}

fn close_to(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn the_default_model_gives_the_golden_band_of_aapl() {
    each(async |target: &Target| {
        let answer = forecast(target, "/predict/AAPL?as_of=2012-06-01").await;
        assert_eq!((&answer["model"], &answer["horizon"]), (&json!("walk"), &json!(30)));
        assert_eq!((&answer["as_of"], &answer["hindsight"]), (&json!("2012-06-01"), &json!(true)));
        close_to(&answer["last_price"], 560.99);
        let points = answer["points"].as_array().unwrap();
        assert_eq!(points.len(), 30);
        assert_eq!(points[0]["date"], "2012-06-04");
        close_to(&points[0]["value"], 561.249_000);
        close_to(&points[0]["lower_95"], 538.151_320);
        close_to(&points[0]["upper_95"], 585.338_041);
    });
}

#[test]
fn a_forecast_is_made_once_and_returned_again() {
    each(async |target: &Target| {
        let first = forecast(target, "/predict/MSFT?model=drift&horizon=5").await;
        let again = forecast(target, "/predict/msft?horizon=5&model=drift").await;
        assert_eq!(first, again);
        assert_eq!(first["hindsight"], false);
        assert_eq!(first["as_of"], "2013-03-01");
        assert_eq!(first["points"][0]["date"], "2013-03-04");
        let other = forecast(target, "/predict/MSFT?model=drift&horizon=6").await;
        assert_ne!(first["id"], other["id"]);
    });
}

#[test]
fn a_forecast_of_the_past_shows_its_thirty_actuals() {
    each(async |target: &Target| {
        let made = forecast(target, "/predict/IBM?as_of=2012-06-01").await;
        let history = target.get("/predict/IBM/history?limit=200").await.expect_status(200).json();
        let items = history["items"].as_array().unwrap();
        let found = items.iter().find(|item| item["id"] == made["id"]).unwrap();
        let points = found["points"].as_array().unwrap();
        assert_eq!(points.len(), 30);
        assert!(points.iter().all(|point| point["actual"].is_f64()));
        assert_eq!(found["grade"]["state"], "graded");
        assert!(found["grade"]["mase"].as_f64().unwrap() > 0.0);
        let summary = history["summary"].as_array().unwrap();
        let record = summary.iter().find(|row| row["model"] == "walk" && row["hindsight"] == true).unwrap();
        assert!(record["forecasts"].as_u64().unwrap() >= 1 && record["coverage_95"].is_f64());
    });
}

#[test]
fn a_forecast_of_future_days_is_pending() {
    each(async |target: &Target| {
        let made = forecast(target, "/predict/GOOG?horizon=10").await;
        let history = target.get("/predict/GOOG/history?limit=200").await.expect_status(200).json();
        let items = history["items"].as_array().unwrap();
        let found = items.iter().find(|item| item["id"] == made["id"]).unwrap();
        assert_eq!(found["grade"]["state"], "pending");
        assert!(found["points"][0]["actual"].is_null());
    });
}

#[test]
fn every_model_has_a_score_relative_to_naive() {
    each(async |target: &Target| {
        for model in ["naive", "walk", "drift", "linear"] {
            let answer = forecast(target, &format!("/predict/AAPL?model={model}")).await;
            let score = &answer["score"];
            assert!(score["origins"].as_u64().unwrap() >= 70, "{model}");
            let rmase = score["rmase"].as_f64().unwrap();
            match model {
                "naive" => assert!((rmase - 1.0).abs() < 1e-12),
                "linear" => assert!(rmase > 2.0, "a straight line through prices is not a forecast: {rmase}"),
                _ => assert!(rmase < 1.02, "{model}: {rmase}"),
            }
        }
        let short = forecast(target, "/predict/FB").await;
        assert!(short["score"]["rmase"].is_null());
        assert_eq!(short["unavailable"]["rmase"], "few_origins");
    });
}

#[test]
fn invalid_requests_are_refused_with_the_invalid_field() {
    each(async |target: &Target| {
        let cases = [
            ("/predict/AAPL?horizon=0", 422, "invalid_fields", "/horizon"),
            ("/predict/AAPL?horizon=61", 422, "invalid_fields", "/horizon"),
            ("/predict/AAPL?horizon=3.5", 422, "invalid_fields", "/horizon"),
            ("/predict/AAPL?model=oracle", 422, "invalid_fields", "/model"),
            ("/predict/AAPL?as_of=2013-02-29", 422, "invalid_fields", "/as_of"),
            ("/predict/AAPL?as_of=2013-03-02", 422, "invalid_fields", "/as_of"),
            ("/predict/AAPL?as_of=1999-01-04", 422, "invalid_fields", "/as_of"),
            ("/predict/AAPL?seed=7", 422, "invalid_fields", "/seed"),
            ("/predict/AAPL/history?limit=0", 422, "invalid_fields", "/limit"),
        ];
        for (path, status, code, pointer) in cases {
            let problem = target.get(path).await.expect_problem(status, code);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
        }
        target.get("/predict/FB?as_of=2012-06-01").await.expect_problem(422, "not_enough_bars");
        target.get("/predict/NOPE").await.expect_problem(404, "unknown_symbol");
        target.get("/predict/NOPE/history").await.expect_problem(404, "unknown_symbol");
    });
}

#[test]
fn a_history_has_the_points_that_are_wanted() {
    each(async |target: &Target| {
        let made = forecast(target, "/predict/MSFT?as_of=2012-03-01&horizon=20").await;
        let read = async |points: &str| {
            let history = target.get(&format!("/predict/MSFT/history?limit=200{points}")).await.expect_status(200);
            let (bytes, history) = (history.bytes().len(), history.json());
            let items = history["items"].as_array().unwrap();
            (bytes, items.iter().find(|item| item["id"] == made["id"]).unwrap().clone())
        };
        let (whole, all) = read("").await;
        let (same, spelled_out) = read("&points=all").await;
        assert_eq!((whole, &all), (same, &spelled_out));
        assert_eq!(all["points"].as_array().unwrap().len(), 20);
        let (_, last) = read("&points=last").await;
        assert_eq!(last["points"], json!([all["points"][19]]));
        let (light, none) = read("&points=none").await;
        assert_eq!((&none["points"], &none["grade"]), (&json!([]), &all["grade"]));
        assert!(light < whole, "{light} of {whole} bytes");
    });
}

#[test]
fn a_history_is_filtered_by_model_and_state_in_either_order() {
    each(async |target: &Target| {
        for path in ["as_of=2011-05-02&model=drift", "as_of=2011-05-03&model=naive", "as_of=2013-02-28&model=drift"] {
            forecast(target, &format!("/predict/IBM?horizon=7&{path}")).await;
        }
        // Other tests make forecasts of the symbol too, with other horizons.
        let listed = async |query: &str| {
            let history = target.get(&format!("/predict/IBM/history?limit=200{query}")).await.expect_status(200).json();
            let items = history["items"].as_array().unwrap().iter().filter(|item| item["horizon"] == 7);
            items.map(|item| item["as_of"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed("").await, ["2013-02-28", "2011-05-03", "2011-05-02"]);
        assert_eq!(listed("&order=asc").await, ["2011-05-02", "2011-05-03", "2013-02-28"]);
        assert_eq!(listed("&model=drift").await, ["2013-02-28", "2011-05-02"]);
        assert_eq!(listed("&state=graded").await, ["2011-05-03", "2011-05-02"]);
        assert_eq!(listed("&state=pending&order=asc").await, ["2013-02-28"]);
        assert_eq!(listed("&state=graded&model=drift").await, ["2011-05-02"]);
        assert_eq!(listed("&model=linear").await, [""; 0]);
        let page = target.get("/predict/IBM/history?limit=1&model=drift").await.expect_status(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        target.get(&format!("/predict/IBM/history?model=drift&cursor={cursor}")).await.expect_status(200);
        for other in ["model=naive", "state=graded", "model=drift&order=asc", "model=drift&state=graded"] {
            let refused = target.get(&format!("/predict/IBM/history?{other}&cursor={cursor}")).await;
            refused.expect_problem(400, "invalid_cursor");
        }
        for (query, pointer) in
            [("points=some", "/points"), ("model=oracle", "/model"), ("state=done", "/state"), ("order=up", "/order")]
        {
            let refused = target.get(&format!("/predict/IBM/history?{query}")).await;
            let problem = refused.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
        }
    });
}

#[test]
fn every_state_in_a_filtered_history_is_the_one_that_was_asked_for() {
    each(async |target: &Target| {
        for as_of in ["2013-01-16", "2013-01-17", "2013-01-18", "2013-02-01"] {
            forecast(target, &format!("/predict/FB?as_of={as_of}")).await;
        }
        for (state, inside, outside) in
            [("graded", "2013-01-16", "2013-02-01"), ("pending", "2013-02-01", "2013-01-16")]
        {
            let path = format!("/predict/FB/history?limit=200&model=walk&state={state}");
            let history = target.get(&path).await.expect_status(200).json();
            let items = history["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["grade"]["state"] == state), "{state}");
            let has = |as_of: &str| items.iter().any(|item| item["as_of"] == as_of && item["horizon"] == 30);
            assert!(has(inside) && !has(outside), "{state}");
        }
    });
}
