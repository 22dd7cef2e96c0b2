use domain::Currency;
use render::Report;
use render::figures::{self, METRICS};
use render::report::BuyAndHoldFigures;
use serde_json::{Value, json};

use crate::target::{Target, each};

async fn report(target: &Target, path: &str) -> Value {
    target.get(path).await.expect_status(200).json()
}

async fn pdf(target: &Target, report: &Value) -> Vec<u8> {
    let answer = target.follow(report["pdf"]["url"].as_str().unwrap()).await.expect_status(200);
    assert_eq!(answer.header("content-type"), "application/pdf");
    assert!(answer.header("content-disposition").starts_with("attachment; filename="));
    answer.bytes().to_vec()
}

#[test]
fn the_figures_in_the_pdf_are_those_of_the_json() {
    each(async |target: &Target| {
        let json = report(target, "/report/AAPL?from=2005-01-03&to=2012-12-31").await;
        let text = pdf_extract::extract_text_from_mem(&pdf(target, &json).await).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let typed: Report = serde_json::from_value(json.clone()).unwrap();
        let BuyAndHoldFigures { metrics: benchmark, .. } = &typed.benchmark;
        for figure in METRICS {
            for metrics in [&typed.metrics, benchmark] {
                let printed = figure.text(metrics, Currency::USD);
                assert!(words.contains(&printed), "{} {printed} is not in the PDF", figure.name);
            }
        }
        for part in ["AAPL", "Apple", "2005-01-03", "2012-12-31", "sample", "1 / "] {
            assert!(words.contains(part), "{part} is not in the PDF");
        }
        assert!(figures::metric("sharpe").is_some());
    });
}

#[test]
fn a_report_of_each_sample_symbol_is_a_pdf_of_two_to_four_pages() {
    each(async |target: &Target| {
        for symbol in ["AAPL", "MSFT", "IBM", "GOOG", "FB"] {
            let json = report(target, &format!("/report/{symbol}")).await;
            let bytes = pdf(target, &json).await;
            assert!(bytes.starts_with(b"%PDF-"), "{symbol}");
            let pages = pdf_extract::extract_text_from_mem_by_pages(&bytes).unwrap();
            assert!((2..=4).contains(&pages.len()), "{symbol}: {} pages", pages.len());
            assert!(json["forecast"]["points"].as_array().unwrap().len() == 30);
            assert!(json["forecast_check"]["points"].as_array().unwrap().iter().all(|point| point["actual"].is_f64()));
        }
    });
}

#[test]
fn the_months_of_a_year_compound_to_its_total() {
    each(async |target: &Target| {
        let json = report(target, "/report/MSFT").await;
        for row in json["monthly_returns"].as_array().unwrap() {
            let months = row["months"].as_array().unwrap().iter().filter_map(Value::as_f64);
            let compounded = months.fold(1.0, |growth, month| growth * (1.0 + month)) - 1.0;
            assert!((compounded - row["total"].as_f64().unwrap()).abs() < 1e-9, "{row}");
        }
    });
}

#[test]
fn the_same_content_is_one_report_with_a_new_link() {
    each(async |target: &Target| {
        let first = report(target, "/report/FB?to=2012-12-31").await;
        let again = report(target, "/report/FB?to=2012-12-31").await;
        assert_eq!((&first["id"], &first["generated_at"]), (&again["id"], &again["generated_at"]));
        assert_eq!(pdf(target, &first).await, pdf(target, &again).await);
    });
}

#[test]
fn format_pdf_redirects_to_the_document() {
    each(async |target: &Target| {
        let answer = target.get("/report/FB?format=pdf").await.expect_status(303);
        let document = target.follow(&answer.header("location")).await.expect_status(200);
        assert!(document.bytes().starts_with(b"%PDF-"));
    });
}

#[test]
fn an_altered_link_is_refused() {
    each(async |target: &Target| {
        let json = report(target, "/report/FB").await;
        let link = json["pdf"]["url"].as_str().unwrap();
        // Local links and those of S3 spell these parameters with different case.
        for part in ["expires=", "signature="] {
            let at = link.to_ascii_lowercase().find(part).unwrap() + part.len();
            let (start, rest) = link.split_at(at);
            let altered = if rest.starts_with('4') { "5" } else { "4" };
            assert_eq!(target.follow(&format!("{start}{altered}{}", &rest[1..])).await.status, 403, "{part}");
        }
    });
}

#[test]
fn a_report_uses_the_rules_of_the_callers_backtest() {
    each(async |target: &Target| {
        let rules = json!({"symbol": "IBM", "buy": "rsi(14) < 30", "sell": "rsi(14) > 70", "commission_percent": 0.1});
        let backtest = target.post("/backtest", &rules).await.expect_status(201).json();
        let id = backtest["id"].as_str().unwrap();
        let json = report(target, &format!("/report/IBM?backtest={id}")).await;
        assert_eq!(json["strategy"]["buy"], "rsi(14) < 30");
        assert_eq!(json["metrics"], backtest["metrics"]);
        let missing = "/report/IBM?backtest=0190aaaa-0000-7000-8000-000000000000";
        target.get(missing).await.expect_problem(404, "not_found");
    });
}

#[test]
fn a_report_of_a_backtest_has_its_span_and_stored_results() {
    each(async |target: &Target| {
        let request = json!({
            "symbol": "IBM", "from": "2005-01-03", "to": "2009-12-31", "initial_investment": "25000",
            "buy": "close > ema(20)", "sell": "close < bollinger_lower(20, 2)", "commission_percent": 0.1,
        });
        let backtest = target.post("/backtest", &request).await.expect_status(201).json();
        let id = backtest["id"].as_str().unwrap();
        let json = report(target, &format!("/report/IBM?backtest={id}")).await;
        for part in ["metrics", "trades", "open_trade", "unavailable"] {
            assert_eq!(json[part], backtest[part], "{part}");
        }
        assert_eq!((&json["from"], &json["to"]), (&json!("2005-01-03"), &json!("2009-12-31")));
        assert_eq!(json["benchmark"]["metrics"], backtest["benchmark"]["metrics"]);
        assert_eq!(json["strategy"]["initial_investment"], "25000.00");
        assert_eq!(json["strategy"]["sell"], "close < bollinger_lower(20, 2)");
        // Stating the same span is no contradiction.
        report(target, &format!("/report/IBM?backtest={id}&from=2005-01-03&to=2009-12-31")).await;
        let price = format!("/report/IBM/chart.svg?chart=price&backtest={id}");
        let svg = target.get(&price).await.expect_status(200).text();
        assert!(svg.contains(">ema(20)<") && svg.contains(">bollinger_lower(20, 2)<") && !svg.contains("sma("));
    });
}

#[test]
fn a_symbol_or_span_other_than_the_backtests_is_refused() {
    each(async |target: &Target| {
        let request = json!({"symbol": "IBM", "from": "2005-01-03", "to": "2009-12-31"});
        let backtest = target.post("/backtest", &request).await.expect_status(201).json();
        let id = backtest["id"].as_str().unwrap();
        for (path, pointer) in [("AAPL?", "/symbol"), ("IBM?from=2006-01-03&", "/from"), ("IBM?to=2012-12-31&", "/to")]
        {
            let problem =
                target.get(&format!("/report/{path}backtest={id}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer);
            let chart = format!("/report/{}backtest={id}", path.replace('?', "/chart.svg?"));
            target.get(&chart).await.expect_problem(422, "invalid_fields");
        }
    });
}

#[test]
fn a_report_has_warnings_about_its_prices_as_code_and_text() {
    each(async |target: &Target| {
        let json = report(target, "/report/AAPL").await;
        let warnings = json["warnings"].as_array().unwrap();
        let moved = warnings.iter().find(|warning| warning["code"] == "unexplained_move").unwrap();
        let sentence = moved["detail"].as_str().unwrap();
        assert!(json["notes"].as_array().unwrap().contains(&json!(sentence)));
        let text = pdf_extract::extract_text_from_mem(&pdf(target, &json).await).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("{sentence} (unexplained_move)")), "{words}");
        assert!(words.contains(&format!("generated {}", json["generated_at"].as_str().unwrap())), "{words}");
        let svg = target.get("/report/AAPL/chart.svg").await.expect_status(200).text();
        assert!(svg.contains(sentence));
        // The move was in 2000.
        let later = report(target, "/report/AAPL?from=2005-01-03").await;
        assert_eq!((&later["warnings"], &later["notes"]), (&json!([]), &json!([])));
    });
}

#[test]
fn each_chart_is_an_svg_with_a_title() {
    each(async |target: &Target| {
        for chart in ["price", "equity", "drawdown", "forecast"] {
            let answer = target.get(&format!("/report/GOOG/chart.svg?chart={chart}")).await.expect_status(200);
            assert_eq!(answer.header("content-type"), "image/svg+xml");
            let svg = answer.text();
            assert!(svg.trim_start().starts_with("<svg") || svg.starts_with("<?xml"), "{chart}");
            assert!(svg.contains("<title") && svg.contains("GOOG"), "{chart}");
        }
    });
}

#[test]
fn invalid_requests_are_refused_with_the_invalid_field() {
    each(async |target: &Target| {
        let cases = [
            ("/report/AAPL?format=docx", 422, "invalid_fields", "/format"),
            ("/report/AAPL?backtest=17", 422, "invalid_fields", "/backtest"),
            ("/report/AAPL?from=2012-13-01", 422, "invalid_fields", "/from"),
            ("/report/AAPL?from=2012-02-01&to=2012-01-01", 422, "invalid_fields", "/from"),
            ("/report/AAPL?to=1999-01-01", 422, "no_bars_in_span", "/from"),
            ("/report/AAPL/chart.svg?chart=pie", 422, "invalid_fields", "/chart"),
        ];
        for (path, status, code, pointer) in cases {
            let problem = target.get(path).await.expect_problem(status, code);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
        }
        target.get("/report/NOPE").await.expect_problem(404, "unknown_symbol");
    });
}

#[test]
fn a_report_has_only_the_heavy_parts_that_are_wanted_and_is_the_same_report() {
    each(async |target: &Target| {
        let path = "/report/AAPL?from=2004-01-02&to=2012-12-31";
        let whole = report(target, path).await;
        let parts = |report: &Value| {
            let points = |name: &str| report[name].get("points").is_some();
            [report.get("trades").is_some(), points("forecast_check")]
        };
        assert_eq!((parts(&whole), whole["forecast"].is_null()), ([true; 2], true));
        for (include, expected) in
            [("", [false; 2]), ("trades", [true, false]), ("points", [false, true]), ("points,trades", [true; 2])]
        {
            let read = report(target, &format!("{path}&include={include}")).await;
            assert_eq!(parts(&read), expected, "{include}");
            // No other report is made, nor another document.
            for field in ["id", "generated_at", "metrics", "monthly_returns", "open_trade"] {
                assert_eq!(read[field], whole[field], "{include}: {field}");
            }
        }
        let today = report(target, "/report/AAPL?include=").await;
        assert!(today["forecast"]["score"].is_object() && today["forecast"].get("points").is_none());
        let problem = target.get(&format!("{path}&include=charts")).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/include");
    });
}
