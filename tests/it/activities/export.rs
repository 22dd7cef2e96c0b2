//! The export of a history over HTTP.

use serde_json::{Value, json};

use super::{history, trade, with};
use crate::target::{Target, each};

/// The ids in the column of a CSV file that has them.
fn ids(csv: &str) -> Vec<String> {
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn a_history_is_exported_whole_in_the_order_of_recording() {
    each(async |target: &Target| {
        let list = history(target).await;
        let requests = [
            with(
                trade("buy", "IBM", "10", "100.5", "2012-06-01"),
                json!({"time": "15:30", "fee": "4.95", "note": "=1+1"}),
            ),
            json!({"type": "transfer_in", "symbol": "IBM", "quantity": "2", "cost_unknown": true, "date": "2010-01-04"}),
            with(trade("sell", "IBM", "3", "120", "2012-07-02"), json!({"tax": "7", "external_id": "T-1"})),
            json!({"type": "adjustment", "symbol": "IBM", "quantity": "-0.5", "date": "2012-08-01", "note": "a, \"quoted\"\nline"}),
        ];
        let mut recorded = Vec::new();
        for request in &requests {
            recorded.push(target.post(&list, request).await.expect_status(201).json());
        }
        let file = target.get(&format!("{list}/export?format=json")).await.expect_status(200);
        assert_eq!(file.header("content-type"), "application/json");
        assert_eq!(file.header("content-disposition"), "attachment; filename=\"activities.json\"");
        let export = file.json();
        assert_eq!((&export["format"], &export["version"]), (&json!("sextant"), &json!(1)));
        let settings = json!({
            "name": "Old broker", "type": "brokerage", "base_currency": "USD", "lot_method": "fifo", "long_term": "P1Y",
        });
        for (name, value) in settings.as_object().unwrap() {
            assert_eq!(export["portfolio"][name], *value, "{name}");
        }
        let exported = export["activities"].as_array().unwrap();
        assert_eq!(exported.len(), recorded.len());
        for (exported, recorded) in exported.iter().zip(&recorded) {
            for (name, value) in exported.as_object().unwrap() {
                let same = match (value.as_str(), recorded[name].as_str()) {
                    // Money is exported without zeros at its end.
                    (Some(exported), Some(recorded)) if ["amount", "fee", "tax"].contains(&name.as_str()) => {
                        exported.parse::<rust_decimal::Decimal>() == recorded.parse()
                    }
                    _ => *value == recorded[name],
                };
                assert!(same, "{name}: {value} {}", recorded[name]);
            }
            for name in ["portfolio_id", "source", "created_at", "updated_at", "version"] {
                assert_eq!(exported.get(name), None, "{name}");
            }
        }
        let file = target.get(&format!("{list}/export")).await.expect_status(200);
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let text = file.text();
        assert!(text.starts_with("id,type,date,time,symbol,quantity,unit_price,"), "{text}");
        assert!(text.contains(",'=1+1,") && text.contains(",-0.5,"), "{text}");
        assert!(ids(&text).iter().zip(&recorded).all(|(id, recorded)| recorded["id"] == *id), "{text}");
    });
}

#[test]
fn the_export_of_nothing_is_a_header_and_of_others_is_not_found() {
    each(async |target: &Target| {
        let list = history(target).await;
        assert_eq!(target.get(&format!("{list}/export")).await.expect_status(200).text().lines().count(), 1);
        let json = target.get(&format!("{list}/export?format=json")).await.expect_status(200).json();
        assert_eq!(json["activities"], json!([]));
        for query in ["format=xlsx", "format="] {
            let problem = target.get(&format!("{list}/export?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/format");
        }
        target.newcomer().await.get(&format!("{list}/export")).await.expect_problem(404, "not_found");
    });
}

#[test]
fn a_long_history_is_exported_behind_a_link() {
    each(async |target: &Target| {
        let list = history(target).await;
        let header = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency";
        let lots = format!("{header}\n{}", "IBM,1,100,2010-01-04,,\n".repeat(1_001));
        let import = format!("{}/investments/import?duplicates=import", list.strip_suffix("/activities").unwrap());
        target.post_raw(&import, &lots, "text/csv").await.expect_status(200);
        for (format, media_type) in [("csv", "text/csv; charset=utf-8"), ("json", "application/json")] {
            let answer = target.get(&format!("{list}/export?format={format}")).await.expect_status(303);
            let link = answer.json();
            assert_eq!(link["url"], answer.header("location"));
            let file = target.follow(link["url"].as_str().unwrap()).await.expect_status(200);
            assert_eq!(file.header("content-type"), media_type);
            let text = String::from_utf8(file.decoded()).unwrap();
            let count = if format == "csv" {
                ids(&text).len()
            } else {
                let file: Value = serde_json::from_str(&text).unwrap();
                file["activities"].as_array().unwrap().len()
            };
            assert_eq!(count, 1_001, "{format}");
        }
    });
}
