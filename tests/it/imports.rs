use serde_json::{Value, json};

use crate::answer::Answer;
use crate::portfolios::opened;
use crate::target::{Target, each};

const HEADER: &str = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency";
const THREE: &str = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency
IBM,1.5,120.25,2010-01-04,1.50,USD
AAPL,10,40,2005-02-25,0.00,USD
MSFT,0.00000001,25,2009-06-01,0.00,USD
";

async fn investments(target: &Target) -> String {
    let (path, _) = opened(target, &json!({"name": "Imported", "type": "other"})).await;
    format!("{path}/investments")
}

async fn import(target: &Target, investments: &str, query: &str, csv: &str) -> Answer {
    target.post_raw(&format!("{investments}/import{query}"), csv, "text/csv").await
}

async fn count(target: &Target, investments: &str) -> usize {
    let list = target.get(&format!("{investments}?limit=200")).await.expect_status(200).json();
    list["items"].as_array().unwrap().len()
}

fn verdicts(report: &Value) -> Vec<&str> {
    report["items"].as_array().unwrap().iter().map(|item| item["verdict"].as_str().unwrap()).collect()
}

#[test]
fn a_dry_run_reports_what_would_happen_and_writes_nothing() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let file = format!("{THREE}IBM,1.50,120.250,2010-01-04,1.5,\nNOPE,1,1,2010-01-04,,\nIBM,0,x,2010-01-04,,\n");
        let report = import(target, &investments, "?dry_run=true", &file).await.expect_status(200).json();
        let expected = ["would_import", "would_import", "would_import", "would_import", "invalid", "invalid"];
        assert_eq!(verdicts(&report), expected);
        assert_eq!((&report["imported"], &report["duplicates"], &report["invalid"]), (&json!(4), &json!(0), &json!(2)));
        assert_eq!(report["items"][3]["same_as_row"], 1);
        assert_eq!(report["items"][4]["errors"][0]["field"], "ticker_symbol");
        assert_eq!(report["items"][5]["errors"][0]["field"], "purchase_price");
        assert_eq!((&report["items"][0]["line"], &report["items"][5]["line"]), (&json!(2), &json!(7)));
        assert_eq!(count(target, &investments).await, 0);
    });
}

#[test]
fn a_report_of_twenty_thousand_rows_lists_a_thousand_errors_first() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let row = |row: usize| {
            if row.is_multiple_of(4) { "IBM,1,1,2010-01-04,,\n" } else { "N/A,-1,free,1.4.2010,none,EURO\n" }
        };
        let file = format!("{HEADER}\n{}", (1..=20_000).map(row).collect::<String>());
        let report = import(target, &investments, "?dry_run=true", &file).await.expect_status(200).json();
        assert_eq!(
            (&report["rows"], &report["invalid"], &report["cut"]),
            (&json!(20_000), &json!(15_000), &json!(true))
        );
        assert_eq!(verdicts(&report), ["invalid"; 1_000]);
        let refused = import(target, &investments, "", &file).await.expect_problem(422, "invalid_rows");
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1_000);
        assert!(refused["detail"].as_str().unwrap().contains("The first 1000 errors are listed"), "{refused}");
        let good = format!("{HEADER}\n{}", "IBM,1,1,2010-01-04,,\n".repeat(1_001));
        let imported = import(target, &investments, "?duplicates=import", &good).await.expect_status(200).json();
        assert_eq!((&imported["imported"], &imported["cut"]), (&json!(1_001), &json!(true)));
        assert_eq!(verdicts(&imported).len(), 1_000);
    });
}

#[test]
fn the_same_file_twice_changes_nothing() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let first = import(target, &investments, "", THREE).await.expect_status(200).json();
        assert_eq!((&first["imported"], &first["repeated"]), (&json!(3), &json!(false)));
        let id = first["items"][0]["investment_id"].as_str().unwrap();
        let lot = target.get(&format!("{investments}/{id}")).await.expect_status(200).json();
        assert_eq!(
            (&lot["ticker_symbol"], &lot["quantity"], &lot["fee"]),
            (&json!("IBM"), &json!("1.5"), &json!("1.50"))
        );
        for query in ["", "?duplicates=import", "?duplicates=skip", "?dry_run=true"] {
            let again = import(target, &investments, query, THREE).await.expect_status(200).json();
            assert_eq!(again["repeated"], true, "{query}");
            assert_eq!(again["items"], first["items"], "{query}");
        }
        assert_eq!(count(target, &investments).await, 3);
    });
}

async fn import_with_key(target: &Target, investments: &str, query: &str, csv: &str, key: &str) -> Answer {
    let headers = [("content-type", "text/csv"), ("idempotency-key", key)];
    let path = format!("{investments}/import{query}");
    target.send_with(reqwest::Method::POST, &path, &headers, csv.to_owned()).await
}

#[test]
fn an_import_repeated_with_its_key_returns_the_same_bytes() {
    each(async |target: &Target| {
        // The response to the second file is over 100 KB.
        let rows: Vec<String> = (1..=1_200).map(|number| format!("IBM,{number},100,2010-01-04,,")).collect();
        for file in [THREE.to_owned(), format!("{HEADER}\n{}", rows.join("\n"))] {
            let investments = investments(target).await;
            let (key, other_key) = (Target::unique("file"), Target::unique("file"));
            import_with_key(target, &investments, "?dry_run=true", &file, &other_key).await.expect_status(200);
            let first = import_with_key(target, &investments, "", &file, &key).await.expect_status(200);
            assert_eq!(
                (first.header("idempotency-replayed"), &first.json()["repeated"]),
                (String::new(), &json!(false))
            );
            let sent = (0..3).map(|_| import_with_key(target, &investments, "", &file, &key));
            for again in futures::future::join_all(sent).await {
                let again = again.expect_status(200);
                assert_eq!(again.header("idempotency-replayed"), "true");
                assert!(again.bytes() == first.bytes(), "{} and {} bytes", again.bytes().len(), first.bytes().len());
            }
            let without = import(target, &investments, "", &file).await.expect_status(200);
            let new_key = Target::unique("file");
            let with_another = import_with_key(target, &investments, "", &file, &new_key).await.expect_status(200);
            for answer in [without, with_another] {
                assert_eq!(
                    (answer.header("idempotency-replayed"), &answer.json()["repeated"]),
                    (String::new(), &json!(true))
                );
            }
            // A dry run is never replayed: by now, all that it reported has happened.
            let again = import_with_key(target, &investments, "?dry_run=true", &file, &other_key).await;
            assert_eq!(
                (again.header("idempotency-replayed"), &again.json()["repeated"]),
                (String::new(), &json!(true))
            );
            let reused = import_with_key(target, &investments, "?duplicates=skip", &file, &key).await;
            reused.expect_problem(422, "idempotency_key_reused");
        }
    });
}

#[test]
fn repeated_rows_need_a_decision_and_are_never_dropped_silently() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        import(target, &investments, "", THREE).await.expect_status(200);
        let file = format!("{HEADER}\nIBM,1.5,120.25,2010-01-04,1.5,\nFB,1,30,2012-06-01,,\nFB,1,30,2012-06-01,,\n");
        let problem = import(target, &investments, "", &file).await.expect_problem(409, "duplicate_rows");
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["/rows/1"]);
        assert_eq!(count(target, &investments).await, 3);
        let skipped = import(target, &investments, "?duplicates=skip", &file).await.expect_status(200).json();
        assert_eq!(verdicts(&skipped), ["duplicate", "imported", "imported"]);
        assert_eq!(count(target, &investments).await, 5);
        let other = self::investments(target).await;
        let taken = import(target, &other, "?duplicates=import", &file).await.expect_status(200).json();
        assert_eq!(verdicts(&taken), ["imported", "imported", "imported"]);
        assert_eq!(taken["items"][2]["same_as_row"], 2, "repeats are shown even if they are imported");
        assert_eq!(count(target, &other).await, 3);
    });
}

const ONE_FILL: &str = "IBM,1,100,2010-01-04,0,USD\n";

/// The units of a portfolio's lots, which are whole here.
async fn units(target: &Target, investments: &str) -> u32 {
    let list = target.get(&format!("{investments}?limit=200")).await.expect_status(200).json();
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["quantity"].as_str().unwrap().parse::<u32>().unwrap()).sum()
}

async fn delete(target: &Target, investments: &str, report: &Value, row: usize) {
    let id = report["items"][row - 1]["investment_id"].as_str().unwrap();
    target.delete(&format!("{investments}/{id}")).await.expect_status(204);
}

#[test]
fn each_stored_lot_matches_one_row_of_a_growing_file() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        import(target, &investments, "", &format!("{HEADER}\n{ONE_FILL}")).await.expect_status(200);
        let grown = format!("{HEADER}\n{ONE_FILL}{ONE_FILL}IBM,2,101,2010-01-05,0,USD\n");
        let dry = import(target, &investments, "?dry_run=true", &grown).await.expect_status(200).json();
        assert_eq!(verdicts(&dry), ["duplicate", "would_import", "would_import"]);
        import(target, &investments, "", &grown).await.expect_problem(409, "duplicate_rows");
        let report = import(target, &investments, "?duplicates=skip", &grown).await.expect_status(200).json();
        assert_eq!(verdicts(&report), ["duplicate", "imported", "imported"]);
        assert_eq!((&report["imported"], &report["duplicates"]), (&json!(2), &json!(1)));
        assert_eq!(units(target, &investments).await, 4);
        let again = import(target, &investments, "", &grown).await.expect_status(200).json();
        assert_eq!((&again["repeated"], &again["items"]), (&json!(true), &report["items"]));
        assert_eq!(units(target, &investments).await, 4);
    });
}

#[test]
fn a_file_whose_lots_are_gone_is_imported_anew() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let file = format!("{HEADER}\n{ONE_FILL}");
        let first = import(target, &investments, "", &file).await.expect_status(200).json();
        delete(target, &investments, &first, 1).await;
        let dry = import(target, &investments, "?dry_run=true", &file).await.expect_status(200).json();
        assert_eq!((verdicts(&dry), &dry["repeated"]), (vec!["would_import"], &json!(false)));
        let sent = (0..3).map(|_| import(target, &investments, "", &file));
        for answer in futures::future::join_all(sent).await {
            assert!([200, 503].contains(&answer.status), "{}", answer.text());
        }
        assert_eq!(units(target, &investments).await, 1);
        let again = import(target, &investments, "", &file).await.expect_status(200).json();
        assert_eq!(again["repeated"], true);
        let id = again["items"][0]["investment_id"].as_str().unwrap();
        assert_ne!(first["items"][0]["investment_id"], id);
        target.get(&format!("{investments}/{id}")).await.expect_status(200);
    });
}

#[test]
fn the_remaining_lots_of_a_file_are_duplicates_even_if_corrected() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let file = format!("{HEADER}\n{ONE_FILL}IBM,2,101,2010-01-05,0,USD\nIBM,4,102,2010-01-06,0,USD\n");
        let first = import(target, &investments, "", &file).await.expect_status(200).json();
        let corrected = first["items"][0]["investment_id"].as_str().unwrap();
        target.patch(&format!("{investments}/{corrected}"), &json!({"quantity": "8"}), "*").await.expect_status(200);
        let again = import(target, &investments, "", &file).await.expect_status(200).json();
        assert_eq!((&again["repeated"], &again["items"]), (&json!(true), &first["items"]));
        delete(target, &investments, &first, 2).await;
        let problem = import(target, &investments, "", &file).await.expect_problem(409, "duplicate_rows");
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["/rows/1", "/rows/3"]);
        let skipped = import(target, &investments, "?duplicates=skip", &file).await.expect_status(200).json();
        assert_eq!(verdicts(&skipped), ["duplicate", "imported", "duplicate"]);
        assert_eq!(skipped["items"][0]["same_as_investment"], corrected);
        assert_eq!(units(target, &investments).await, 14);
    });
}

#[test]
fn a_dry_run_warns_about_future_purchases_and_rounding_too() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let file = format!("{HEADER}\nIBM,1.0000000000005,100,2013-03-01,0.125,\nIBM,1,100,2013-03-04,0,\n");
        let codes = |report: &Value| {
            let items = report["items"].as_array().unwrap().iter();
            let codes = items.map(|item| {
                let warnings = item["warnings"].as_array().cloned().unwrap_or_default();
                warnings.iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            });
            codes.collect::<Vec<_>>()
        };
        for query in ["?dry_run=true", ""] {
            let report = import(target, &investments, query, &file).await.expect_status(200).json();
            assert_eq!(codes(&report), [vec!["rounded", "rounded"], vec!["investments_to_come"]], "{query}");
        }
        let json = target.get(&format!("{investments}/export")).await.expect_status(200).text();
        assert!(json.contains("IBM,1,100,2013-03-01,0.12,USD"), "{json}");
        // A single purchase is refused instead.
        let single = json!({"ticker_symbol": "IBM", "quantity": "1.0000000000005", "purchase_price": "100", "purchase_date": "2013-03-01"});
        let problem = target.post(&investments, &single).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/quantity");
    });
}

#[test]
fn one_invalid_row_keeps_the_whole_file_out() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let file = format!("{THREE}IBM,-1,10,2010-02-30,,\nIBM,1\n");
        let problem = import(target, &investments, "", &file).await.expect_problem(422, "invalid_rows");
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["/rows/4/quantity", "/rows/4/purchase_date", "/rows/5"]);
        let details = problem["errors"].as_array().unwrap().iter().map(|error| error["detail"].as_str().unwrap());
        let lines: Vec<&str> = details.map(|detail| detail.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["line 5", "line 5", "line 6"]);
        assert_eq!(count(target, &investments).await, 0);
    });
}

#[test]
fn an_imported_export_exports_to_the_same_bytes() {
    each(async |target: &Target| {
        let source = investments(target).await;
        let lots =
            "IBM,12345678.12345678,0.00000001,2010-01-04,0,\nAAPL,1,40,2005-02-25,3.2,\nAAPL,1,40,2005-02-25,3.20,\n";
        import(target, &source, "?duplicates=import", &format!("{HEADER}\n{lots}")).await.expect_status(200);
        let exported = target.get(&format!("{source}/export?format=csv")).await.expect_status(200);
        assert_eq!(exported.header("content-type"), "text/csv; charset=utf-8");
        let expected = "AAPL,1,40,2005-02-25,3.20,USD\nAAPL,1,40,2005-02-25,3.20,USD\nIBM,12345678.12345678,0.00000001,2010-01-04,0.00,USD\n";
        assert_eq!(exported.text(), format!("{HEADER}\n{expected}"));
        let copy = investments(target).await;
        import(target, &copy, "?duplicates=import", &exported.text()).await.expect_status(200);
        assert_eq!(target.get(&format!("{copy}/export")).await.expect_status(200).text(), exported.text());
        let json_file = target.get(&format!("{copy}/export?format=json")).await.expect_status(200);
        let third = investments(target).await;
        let path = format!("{third}/import?duplicates=import");
        target.post_raw(&path, &json_file.text(), "application/json").await.expect_status(200);
        assert_eq!(target.get(&format!("{third}/export")).await.expect_status(200).text(), exported.text());
        let without_ids = |file: Value| {
            let items = file["items"].as_array().unwrap().clone();
            items.into_iter().map(|mut item| (item["id"].take(), item).1).collect::<Vec<_>>()
        };
        let again = target.get(&format!("{third}/export?format=json")).await.expect_status(200).json();
        assert_eq!(without_ids(again), without_ids(json_file.json()));
    });
}

#[test]
fn parallel_copies_of_a_large_file_are_imported_once_and_completely() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let rows: Vec<String> = (1..=400).map(|number| format!("IBM,{number},100,2010-01-04,,")).collect();
        let file = format!("{HEADER}\n{}", rows.join("\n"));
        let sent = (0..3).map(|_| import(target, &investments, "", &file));
        for answer in futures::future::join_all(sent).await {
            assert!([200, 503].contains(&answer.status), "{}", answer.text());
        }
        let report = import(target, &investments, "", &file).await.expect_status(200).json();
        assert_eq!((&report["imported"], &report["repeated"]), (&json!(400), &json!(true)));
        let exported = target.get(&format!("{investments}/export")).await.expect_status(200).text();
        assert_eq!(exported.lines().count(), 401);
    });
}

#[test]
fn unreadable_files_are_refused() {
    each(async |target: &Target| {
        let investments = investments(target).await;
        let path = format!("{investments}/import");
        let large = "x".repeat((4 << 20) + 1);
        let many = format!("{HEADER}\n{}", "IBM,1,1,2010-01-04,,\n".repeat(20_001));
        let cases = [
            ("", "text/csv", 422, "invalid_fields"),
            ("a,b\n1,2\n", "text/csv", 422, "invalid_fields"),
            (many.as_str(), "text/csv", 422, "invalid_fields"),
            ("{", "application/json", 400, "malformed_file"),
            ("[{\"ticker_symbol\": \"IBM\"}]", "application/json", 422, "invalid_rows"),
            (THREE, "application/pdf", 415, "unsupported_media_type"),
            (THREE, "", 415, "unsupported_media_type"),
            (large.as_str(), "text/csv", 413, "body_too_large"),
        ];
        for (file, media_type, status, code) in cases {
            target.post_raw(&path, file, media_type).await.expect_problem(status, code);
        }
        let empty = import(target, &investments, "", &format!("\u{feff}{HEADER}\r\n")).await.expect_status(200).json();
        assert_eq!(empty["rows"], 0);
        import(target, &investments, "?dry_run=yes", THREE).await.expect_problem(422, "invalid_fields");
        import(target, &investments, "?duplicates=drop", THREE).await.expect_problem(422, "invalid_fields");
        target.get(&format!("{investments}/export?format=xls")).await.expect_problem(422, "invalid_fields");
        let nowhere = "/portfolios/0190aaaa-0000-7000-8000-000000000000/investments";
        import(target, nowhere, "", THREE).await.expect_problem(404, "not_found");
        target.get(&format!("{nowhere}/export")).await.expect_problem(404, "not_found");
    });
}
