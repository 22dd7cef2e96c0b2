use serde_json::{Value, json};

use crate::portfolios::opened;
use crate::target::{Target, each};

pub async fn portfolio(target: &Target) -> String {
    opened(target, &json!({"name": "Valued", "type": "brokerage"})).await.0
}

pub async fn record(target: &Target, path: &str, symbol: &str, quantity: &str, price: &str, date: &str) -> Value {
    let lot = json!({"ticker_symbol": symbol, "quantity": quantity, "purchase_price": price, "purchase_date": date});
    target.post(&format!("{path}/investments"), &lot).await.expect_status(201).json()
}

async fn holdings(target: &Target, path: &str) -> Value {
    target.get(&format!("{path}/holdings")).await.expect_status(200).json()
}

#[test]
fn lots_of_a_symbol_are_one_holding_in_current_units() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        record(target, &path, "AAPL", "10", "80", "2005-02-25").await;
        record(target, &path, "AAPL", "5", "45", "2005-02-28").await;
        record(target, &path, "MSFT", "100.5", "25", "2005-01-03").await;
        let found = holdings(target, &path).await;
        assert_eq!(
            (&found["currency"], &found["as_of"], &found["source"]),
            (&json!("USD"), &json!("2013-03-01"), &json!("sample"))
        );
        let [apple, microsoft] = found["items"].as_array().unwrap().as_slice() else { panic!("{found}") };
        // Two for one between the two purchases: 25 units at 430.47, after 441.40.
        assert_eq!(
            (&apple["quantity"], &apple["price"], &apple["value"]),
            (&json!("25"), &json!("430.47"), &json!("10761.75"))
        );
        assert_eq!((&apple["cost"], &apple["unrealized_gain"]), (&json!("1025.00"), &json!("9736.75")));
        assert_eq!((&apple["day_change"], &apple["realized_gain"]), (&json!("-273.25"), &json!("0.00")));
        assert_eq!((&apple["price_as_of"], &apple["stale"]), (&json!("2013-03-01"), &json!(false)));
        let lots: Vec<_> =
            apple["lots"].as_array().unwrap().iter().map(|lot| (&lot["quantity"], &lot["cost"])).collect();
        assert_eq!(lots, [(&json!("20"), &json!("800.00")), (&json!("5"), &json!("225.00"))]);
        assert_eq!(microsoft["value"], "2808.98", "2808.975 to the even cent");
        assert_eq!(
            (&found["value"], &found["cost"], &found["unrealized_gain"]),
            (&json!("13570.73"), &json!("3537.50"), &json!("10033.23"))
        );
        assert_eq!((&apple["allocation"], &microsoft["allocation"]), (&json!(0.793), &json!(0.207)));
        assert_eq!(found["sectors"], json!([{"name": "Technology", "value": "13570.73", "allocation": 1.0}]));
        assert_eq!(
            (&found["currencies"][0]["name"], &found["instrument_types"][0]["name"]),
            (&json!("USD"), &json!("stock"))
        );
        assert_eq!((&found["unavailable"], &found["warnings"]), (&json!({}), &json!([])));
    });
}

#[test]
fn a_holding_without_a_price_or_rate_fails_nothing_else() {
    each(async |target: &Target| {
        let target = &target.newcomer().await;
        let path = portfolio(target).await;
        for (symbol, currency) in [("MY:HOUSE", "USD"), ("MY:CHALET", "CHF")] {
            let item = json!({"symbol": symbol, "name": "A house", "currency": currency, "instrument_type": "item"});
            target.post("/instruments", &item).await.expect_status(201);
            record(target, &path, symbol, "1", "900000", "2012-01-03").await;
        }
        let valuation = json!({"prices": [{"date": "2012-06-01", "price": "950000"}]});
        target.put("/instruments/MY:CHALET/prices", &valuation).await.expect_status(200);
        record(target, &path, "IBM", "2", "180", "2012-01-03").await;
        let found = holdings(target, &path).await;
        assert_eq!(found["unavailable"], json!({"MY:CHALET": "fx_unavailable", "MY:HOUSE": "price_unavailable"}));
        assert_eq!((&found["value"], &found["cost"]), (&json!("405.82"), &json!("360.00")));
        assert_eq!(found["items"].as_array().unwrap().len(), 3);
        let answer = target.get(&format!("{path}/performance")).await.expect_status(200).json();
        assert_eq!(answer["unavailable"]["MY:HOUSE"], "price_unavailable");
        assert_eq!(answer["unavailable"]["MY:CHALET"], "fx_unavailable");
        assert_eq!(answer["attribution"]["end_value"], "405.82");
        target.put("/instruments/MY:HOUSE/prices", &valuation).await.expect_status(200);
        assert_eq!(holdings(target, &path).await["value"], "950405.82");
        let answer = target.get(&format!("{path}/performance")).await.expect_status(200).json();
        assert_eq!(answer["attribution"]["end_value"], "950405.82", "stored daily values are computed again");
    });
}

#[test]
fn an_empty_portfolio_has_no_value_and_others_are_not_visible() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        let found = holdings(target, &path).await;
        assert_eq!((&found["value"], &found["cost"], &found["items"]), (&json!("0.00"), &json!("0.00"), &json!([])));
        assert_eq!(found["realized_gain"], "0.00");
        let stranger = target.newcomer().await;
        for path in [path.as_str(), "/portfolios/0190aaaa-0000-7000-8000-000000000000", "/portfolios/none"] {
            for part in ["holdings", "performance"] {
                stranger.get(&format!("{path}/{part}")).await.expect_problem(404, "not_found");
            }
        }
        target.post(&format!("{path}/holdings"), &json!({})).await.expect_problem(405, "method_not_allowed");
    });
}
