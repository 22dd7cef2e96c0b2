//! The list of activities.

use super::*;

#[test]
fn activities_are_filtered_by_type_symbol_and_day_and_ordered_by_day() {
    each(async |target: &Target| {
        let (customer, _, portfolio) = investor(target).await;
        let path = format!("/portfolios/{portfolio}/activities");
        let mut all = Vec::new();
        for (kind, symbol, day) in [
            ("buy", "IBM", "2012-05-01"),
            ("buy", "AAPL", "2011-01-03"),
            ("sell", "IBM", "2012-05-01"),
            ("buy", "IBM", "2010-01-04"),
            ("sell", "AAPL", "2012-06-01"),
        ] {
            let activity = json!({ "type": kind, "date": day, "symbol": symbol, "quantity": 1, "unit_price": 100 });
            all.push(customer.post(&path, &activity).await.expect_status(201).json());
        }
        // By day, and within a day as they were recorded.
        all.sort_by_key(|activity| activity["date"].as_str().unwrap().to_owned());
        let since = |item: &Value, day: &str| item["date"].as_str().unwrap() >= day;
        assert_filtered(
            &customer,
            &path,
            &all,
            &[
                ("", &|_| true),
                ("type=buy", &|item| item["type"] == "buy"),
                ("symbol=ibm", &|item| item["symbol"] == "IBM"),
                ("from=2011-01-03", &|item| since(item, "2011-01-03")),
                ("from=2011-01-03&to=2012-05-31", &|item| since(item, "2011-01-03") && !since(item, "2012-06-01")),
                ("type=sell&symbol=AAPL", &|item| item["type"] == "sell" && item["symbol"] == "AAPL"),
                ("type=split", &|_| false),
            ],
        )
        .await;
        let invalid = [
            ("type=gift", "/type"),
            ("symbol=%20", "/symbol"),
            ("from=2012-05-02&to=2012-05-01", "/from"),
            ("to=2012-02-30", "/to"),
            ("order=up", "/order"),
            ("limit=201", "/limit"),
        ];
        assert_refused(&customer, &path, &invalid).await;
    });
}
