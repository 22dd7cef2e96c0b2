use serde_json::json;

use crate::target::{Target, each};

async fn get(target: &Target, path: &str) -> serde_json::Value {
    target.get(path).await.expect_status(200).json()
}

#[test]
fn the_five_sample_symbols_have_all_their_bars() {
    each(async |target: &Target| {
        for (symbol, bars) in [("AAPL", 3_270), ("MSFT", 3_270), ("IBM", 3_270), ("GOOG", 2_148), ("FB", 196)] {
            let answer = get(target, &format!("/fetch-data/{symbol}")).await;
            assert_eq!(answer["bars"].as_array().unwrap().len(), bars, "{symbol}");
            assert_eq!((&answer["currency"], &answer["source"]), (&json!("USD"), &json!("sample")));
            assert_eq!((&answer["as_of"], &answer["stale"]), (&json!("2013-03-01"), &json!(false)));
        }
    });
}

#[test]
fn a_span_includes_both_ends() {
    each(async |target: &Target| {
        let answer = get(target, "/fetch-data/aapl?from=2005-02-25&to=2005-02-28").await;
        let bars = answer["bars"].as_array().unwrap();
        assert_eq!(answer["symbol"], "AAPL");
        assert_eq!(bars.len(), 2);
        assert_eq!(bars[0]["date"], "2005-02-25");
        assert_eq!((&bars[1]["date"], &bars[1]["split_ratio"]), (&json!("2005-02-28"), &json!(2.0)));
    });
}

#[test]
fn a_month_opens_with_its_first_day_and_closes_with_its_last() {
    each(async |target: &Target| {
        let days = get(target, "/fetch-data/IBM?from=2012-10-01&to=2012-10-31").await;
        let days = days["bars"].as_array().unwrap();
        let months = get(target, "/fetch-data/IBM?from=2012-10-01&to=2012-10-31&interval=month").await;
        let months = months["bars"].as_array().unwrap();
        let [month] = months.as_slice() else { panic!("one month, not {}", months.len()) };
        let column = |name: &str| days.iter().map(|bar| bar[name].as_f64().unwrap()).collect::<Vec<_>>();
        assert_eq!(month["date"], "2012-10-31");
        assert_eq!(month["open"], days[0]["open"]);
        assert_eq!(month["close"], days[days.len() - 1]["close"]);
        assert_eq!(month["high"].as_f64().unwrap(), column("high").into_iter().fold(f64::MIN, f64::max));
        assert_eq!(month["low"].as_f64().unwrap(), column("low").into_iter().fold(f64::MAX, f64::min));
        assert_eq!(month["volume"].as_f64().unwrap(), column("volume").iter().sum::<f64>());
    });
}

#[test]
fn an_unfinished_week_is_marked() {
    each(async |target: &Target| {
        let answer = get(target, "/fetch-data/IBM?from=2013-02-18&to=2013-02-27&interval=week").await;
        let weeks = answer["bars"].as_array().unwrap();
        assert_eq!(weeks[0]["date"], "2013-02-22");
        assert_eq!((&weeks[0]["unfinished"], &weeks[1]["unfinished"]), (&json!(false), &json!(true)));
    });
}

#[test]
fn csv_has_one_line_per_bar_in_the_columns_of_the_sample() {
    each(async |target: &Target| {
        let answer = target.get("/fetch-data/FB?format=csv").await.expect_status(200);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        let text = answer.text();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        assert!(header.starts_with("date,open,high,low,close,volume,adjusted_close,split_ratio,dividend"), "{header}");
        assert!(lines.next().unwrap().starts_with("2012-05-18,42.05,45,38,38.2318,573576400,38.2318"));
        assert_eq!(lines.count(), 195);
    });
}

#[test]
fn market_data_is_privately_cacheable_and_every_response_has_an_id() {
    each(async |target: &Target| {
        let answer = target.get("/fetch-data/FB").await.expect_status(200);
        assert_eq!(answer.header("cache-control"), "private, max-age=60");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
    });
}

#[test]
fn invalid_requests_are_refused_with_the_invalid_field() {
    each(async |target: &Target| {
        let long = format!("/fetch-data/{}", "A".repeat(30));
        let cases = [
            ("/fetch-data/NOPE", 404, "unknown_symbol", ""),
            ("/fetch-data/MY:HOUSE", 404, "unknown_symbol", ""),
            ("/fetch-data/A%20B", 422, "invalid_fields", "/symbol"),
            (long.as_str(), 422, "invalid_fields", "/symbol"),
            ("/fetch-data/AAPL?from=2013-02-30", 422, "invalid_fields", "/from"),
            ("/fetch-data/AAPL?from=01.02.2013", 422, "invalid_fields", "/from"),
            ("/fetch-data/AAPL?from=2012-02-01&to=2012-01-01", 422, "invalid_fields", "/from"),
            ("/fetch-data/AAPL?from=2020-01-01&to=2019-01-01", 422, "invalid_fields", "/from"),
            ("/fetch-data/AAPL?from=1990-01-01&to=1990-12-31", 422, "no_bars_in_span", "/from"),
            ("/fetch-data/FB?to=2012-05-17", 422, "no_bars_in_span", "/from"),
            ("/fetch-data/AAPL?interval=hour", 422, "invalid_fields", "/interval"),
            ("/fetch-data/AAPL?format=xml", 422, "invalid_fields", "/format"),
            ("/fetch-data/AAPL?form=2012-01-01", 422, "invalid_fields", "/form"),
            ("/fetch-data/AAPL?from=2012-01-01&from=2012-01-02", 422, "invalid_fields", "/from"),
        ];
        for (path, status, code, pointer) in cases {
            let problem = target.get(path).await.expect_problem(status, code);
            if !pointer.is_empty() {
                assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
            }
        }
    });
}

#[test]
fn a_symbol_like_a_path_or_url_reaches_no_file_or_host() {
    each(async |target: &Target| {
        for path in ["/fetch-data/..%2F..%2Fetc%2Fpasswd", "/fetch-data/http:%2F%2F169.254.169.254%2F", "/fetch-data/"]
        {
            let answer = target.get(path).await;
            assert!([400, 404, 422].contains(&answer.status), "{path}: {}", answer.status);
            // A path with dot segments is refused by the local gateway itself, whose response is not a problem.
            let media_type = if answer.status == 400 { "application/json" } else { "application/problem+json" };
            assert_eq!(answer.header("content-type"), media_type, "{path}");
        }
    });
}

#[test]
fn all_errors_of_a_request_are_listed_together() {
    each(async |target: &Target| {
        let answer = target.get("/fetch-data/AAPL?from=x&to=y&interval=z&format=w").await;
        let problem = answer.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 4);
    });
}
