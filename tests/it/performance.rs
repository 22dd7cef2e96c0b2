use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use crate::holdings::{portfolio, record};
use crate::target::{Target, each};

async fn performance(target: &Target, path: &str, query: &str) -> Value {
    target.get(&format!("{path}/performance{query}")).await.expect_status(200).json()
}

fn cents(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no amount")).parse().unwrap()
}

/// Every row adds up, and rows add up to the whole.
fn assert_adds_up(answer: &Value) {
    let row = |row: &Value| {
        let part = |name: &str| cents(&row[name]);
        let costs = part("fees") + part("taxes");
        let sum = part("start_value") + part("price_gain") + part("income") - costs + part("fx") + part("flows");
        assert_eq!(sum, part("end_value"), "{row}");
    };
    row(&answer["attribution"]);
    for table in ["attribution_by_symbol", "attribution_by_sector", "attribution_by_currency"] {
        let rows = answer[table].as_array().unwrap();
        rows.iter().for_each(row);
        for part in ["start_value", "price_gain", "income", "dividends", "fees", "taxes", "fx", "flows", "end_value"] {
            let sum: Decimal = rows.iter().map(|row| cents(&row[part])).sum();
            assert_eq!(sum, cents(&answer["attribution"][part]), "{table}: {part}");
        }
    }
}

async fn two_stocks(target: &Target) -> String {
    let path = portfolio(target).await;
    let lot = json!({"ticker_symbol": "AAPL", "quantity": 10, "purchase_price": 80, "purchase_date": "2005-01-03", "fee": 1.5});
    target.post(&format!("{path}/investments"), &lot).await.expect_status(201);
    record(target, &path, "MSFT", "100.5", "25", "2005-01-03").await;
    path
}

#[test]
fn a_split_and_dividends_add_up_to_the_cent() {
    each(async |target: &Target| {
        let path = two_stocks(target).await;
        let found = performance(target, &path, "").await;
        assert_eq!(
            (&found["from"], &found["to"], &found["as_of"]),
            (&json!("2005-01-03"), &json!("2013-03-01"), &json!("2013-03-01"))
        );
        let series = found["series"].as_array().unwrap();
        // Every trading day of the sample from there on.
        assert_eq!(series.len(), 2054);
        assert_eq!((&series[0]["inflow"], &series[0]["value"]), (&json!("3314.00"), &json!("3320.27")));
        // 20 × 430.47 + 100.5 × 27.95; dividends of 20 × 7.95 + 439.185, in pandas' float 2.72713974 in all.
        let parts = &found["attribution"];
        assert_eq!(
            (&parts["end_value"], &parts["income"], &parts["fees"]),
            (&json!("11418.38"), &json!("598.18"), &json!("1.50"))
        );
        assert_eq!((&parts["flows"], &parts["price_gain"]), (&json!("2715.82"), &json!("8105.88")));
        let twr = found["metrics"]["twr"].as_f64().unwrap();
        assert!((twr - 2.727_139_741_495).abs() < 1e-9, "{twr}");
        assert_eq!(series.last().unwrap()["twr"], found["metrics"]["twr"]);
        for figure in ["twr_annualized", "xirr", "modified_dietz", "volatility", "sharpe", "sortino", "max_drawdown"] {
            assert!(found["metrics"][figure].is_number(), "{figure}: {found}");
        }
        // The gain over what was paid for both lots, at the start and on average, since nothing was sold.
        let gain = (cents(&parts["price_gain"]) + cents(&parts["income"]) - cents(&parts["fees"])).to_f64();
        for (figure, expected) in [
            ("simple_return", gain.unwrap() / 3314.0),
            ("return_on_invested", gain.unwrap() / 3312.5),
            ("return_on_invested_gross", (gain.unwrap() + 1.5) / 3312.5),
        ] {
            let rate = found["metrics"][figure].as_f64().unwrap();
            assert!((rate - expected).abs() < 1e-5, "{figure}: {rate} is not {expected}");
        }
        assert_eq!((&found["metrics"]["beta"], &found["unavailable"]["beta"]), (&Value::Null, &json!("no_benchmark")));
        assert_eq!(found["dividends"], "not credited");
        assert_adds_up(&found);
        // On the day of the split the value moves only with the prices.
        let split = performance(target, &path, "?from=2005-02-28&to=2005-02-28").await;
        assert_eq!(
            (&split["attribution"]["flows"], &split["attribution"]["start_value"]),
            (&json!("0.00"), &json!("3427.52"))
        );
        assert_adds_up(&split);
        for query in ["?from=2005-01-01&to=2005-12-31", "?from=2006-01-01", "?from=2012-08-09", "?to=2004-12-31"] {
            assert_adds_up(&performance(target, &path, query).await);
        }
    });
}

#[test]
fn a_repeated_request_has_the_same_response_until_the_past_changes() {
    each(async |target: &Target| {
        let path = two_stocks(target).await;
        let first = performance(target, &path, "?benchmark=IBM").await;
        assert_eq!(performance(target, &path, "?benchmark=IBM").await, first);
        let lot = record(target, &path, "IBM", "3", "80", "2008-10-10").await;
        let changed = performance(target, &path, "?benchmark=IBM").await;
        assert_eq!(changed["attribution"]["end_value"], "12027.10", "11,418.375 and 3 × 202.91, to the even cent");
        assert_adds_up(&changed);
        let day = |answer: &Value, date: &str| {
            answer["series"].as_array().unwrap().iter().find(|day| day["date"] == date).unwrap().clone()
        };
        assert_eq!(day(&changed, "2008-10-10")["inflow"], "240.00");
        assert_eq!(day(&changed, "2008-10-09"), day(&first, "2008-10-09"), "earlier days stay unchanged");
        target.delete(&format!("{path}/investments/{}", lot["id"].as_str().unwrap())).await.expect_status(204);
        assert_eq!(performance(target, &path, "?benchmark=IBM").await, first);
    });
}

#[test]
fn a_portfolio_of_only_its_benchmark_moves_like_it() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        record(target, &path, "FB", "10", "38.2318", "2012-05-18").await;
        let found = performance(target, &path, "?benchmark=fb").await;
        let metrics = &found["metrics"];
        let near = |figure: &str, expected: f64| {
            let value = metrics[figure].as_f64().unwrap();
            assert!((value - expected).abs() < 1e-9, "{figure}: {value}");
        };
        near("beta", 1.0);
        near("alpha", 0.0);
        // At the purchase price; the cost of 382.32 is rounded to the cent.
        near("twr", 277.8 / 382.318 - 1.0);
        assert_eq!(
            (&found["benchmark"], &found["unavailable"]["information_ratio"]),
            (&json!("FB"), &json!("no_deviation"))
        );
        assert_eq!(found["unavailable"]["twr_annualized"], "span_under_one_year");
    });
}

#[test]
fn the_size_of_a_flow_changes_the_return_only_with_a_timing() {
    each(async |target: &Target| {
        for (units, start_of_day, end_of_day) in [
            ("1", 0.038_554_876, 0.084_636_253),
            ("10", 0.003_666_513, 0.084_636_253),
            ("1000", -0.003_689_365, 0.084_636_253),
        ] {
            let path = portfolio(target).await;
            record(target, &path, "AAPL", "1", "560.28", "2012-04-24").await;
            record(target, &path, "AAPL", units, "610.00", "2012-04-25").await;
            for (query, timing, expected) in [
                ("", "priced", 0.084_636_253),
                ("&flow_timing=start_of_day", "start_of_day", start_of_day),
                ("&flow_timing=end_of_day", "end_of_day", end_of_day),
            ] {
                let found = performance(target, &path, &format!("?to=2012-04-26{query}")).await;
                let twr = found["metrics"]["twr"].as_f64().unwrap();
                assert!((twr - expected).abs() < 1e-9, "{units}, {timing}: {twr}");
                assert_eq!(found["flow_timing"], timing);
            }
        }
    });
}

#[test]
fn days_after_the_markets_today_are_excluded() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        record(target, &path, "FB", "1", "27.25", "2013-02-28").await;
        record(target, &path, "FB", "1", "30", "2020-01-02").await;
        let found = performance(target, &path, "?to=2025-01-01").await;
        assert_eq!((&found["to"], &found["series"].as_array().unwrap().len()), (&json!("2013-03-01"), &2));
        assert_eq!(found["attribution"]["end_value"], "27.78");
        assert_eq!(found["warnings"][0]["code"], "investments_to_come");
        let held = target.get(&format!("{path}/holdings")).await.expect_status(200).json();
        assert_eq!((&held["value"], &held["items"][0]["quantity"]), (&json!("27.78"), &json!("1")));
        assert_eq!(held["warnings"][0]["code"], "investments_to_come");
    });
}

#[test]
fn invalid_requests_are_refused_with_their_pointer() {
    each(async |target: &Target| {
        let path = format!("{}/performance", portfolio(target).await);
        for (query, pointer) in [
            ("from=yesterday", "/from"),
            ("to=2013-02-30", "/to"),
            ("from=2013-02-02&to=2013-02-01", "/from"),
            ("from=2013-03-02", "/from"),
            ("benchmark=A%20B", "/benchmark"),
            ("flow_timing=noon", "/flow_timing"),
            ("form=2013-02-02", "/form"),
        ] {
            let problem = target.get(&format!("{path}?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
        }
        target.get(&format!("{path}?benchmark=NOSUCH")).await.expect_problem(404, "unknown_symbol");
        let empty = target.get(&path).await.expect_status(200).json();
        assert_eq!((&empty["series"], &empty["unavailable"]["twr"]), (&json!([]), &json!("nothing_invested")));
        assert_eq!(empty["attribution"]["end_value"], "0.00");
    });
}

#[test]
fn rows_of_weeks_and_months_have_the_value_and_return_of_their_last_day_and_all_flows() {
    each(async |target: &Target| {
        let path = two_stocks(target).await;
        let days = performance(target, &path, "").await;
        let rows = |answer: &Value| answer["series"].as_array().unwrap().clone();
        for (interval, count) in [("week", 426), ("month", 99)] {
            let periods = performance(target, &path, &format!("?interval={interval}")).await;
            assert_eq!(periods["interval"], interval);
            assert_eq!(rows(&periods).len(), count, "{interval}");
            for part in ["metrics", "attribution", "from", "to", "unavailable"] {
                assert_eq!(periods[part], days[part], "{interval}: {part} is of days");
            }
            let mut of_days = rows(&days).into_iter().peekable();
            for row in rows(&periods) {
                let until = row["date"].as_str().unwrap();
                let mut flows = (Decimal::ZERO, Decimal::ZERO);
                let mut last = Value::Null;
                while let Some(day) = of_days.next_if(|day| day["date"].as_str().unwrap() <= until) {
                    flows = (flows.0 + cents(&day["inflow"]), flows.1 + cents(&day["outflow"]));
                    last = day;
                }
                assert_eq!((cents(&row["inflow"]), cents(&row["outflow"])), flows, "{row}");
                assert_eq!((&row["date"], &row["value"], &row["twr"]), (&last["date"], &last["value"], &last["twr"]));
            }
            assert_eq!(of_days.next(), None);
        }
        assert_eq!(performance(target, &path, "?interval=day&include=series").await, days);
        let mut light = days.clone();
        light.as_object_mut().unwrap().remove("series").unwrap();
        assert_eq!(performance(target, &path, "?include=").await, light);
        for query in ["interval=year", "as_of=2013-03-02", "include=lots"] {
            let problem =
                target.get(&format!("{path}/performance?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], format!("/{}", query.split('=').next().unwrap()));
        }
    });
}

#[test]
fn as_of_a_day_performance_ends_on_it_and_has_the_value_of_the_holdings() {
    each(async |target: &Target| {
        let path = two_stocks(target).await;
        record(target, &path, "IBM", "3", "80", "2008-10-10").await;
        for on in ["2005-02-27", "2008-10-09", "2008-10-10", "2013-03-01"] {
            let then = performance(target, &path, &format!("?as_of={on}")).await;
            assert_eq!((&then["as_of"], &then["to"]), (&json!(on), &json!(on)));
            let held = target.get(&format!("{path}/holdings?as_of={on}")).await.expect_status(200).json();
            assert_eq!(then["series"].as_array().unwrap().last().unwrap()["value"], held["value"], "{on}");
            let ending = performance(target, &path, &format!("?to={on}")).await;
            assert_eq!((&then["metrics"], &then["attribution"]), (&ending["metrics"], &ending["attribution"]));
            let later = performance(target, &path, &format!("?as_of={on}&to=2013-03-01")).await;
            assert_eq!(later, then, "to is at most that day");
        }
        let problem = target.get(&format!("{path}/performance?as_of=2008-10-09&from=2008-10-10")).await;
        problem.expect_status(422);
    });
}
