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

#[test]
fn holdings_as_of_a_day_have_the_units_and_prices_of_that_day() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        record(target, &path, "AAPL", "10", "80", "2005-02-25").await;
        record(target, &path, "AAPL", "5", "45", "2005-02-28").await;
        let as_of = async |query: &str| target.get(&format!("{path}/holdings?{query}")).await;
        let found = as_of("as_of=2005-02-25").await.expect_status(200).json();
        let apple = &found["items"][0];
        assert_eq!((&found["as_of"], &apple["price_as_of"]), (&json!("2005-02-25"), &json!("2005-02-25")));
        assert_eq!(
            (&apple["quantity"], &apple["price"], &apple["value"]),
            (&json!("10"), &json!("88.99"), &json!("889.90"))
        );
        assert_eq!((&apple["cost"], &apple["unrealized_gain"]), (&json!("800.00"), &json!("89.90")));
        assert_eq!(found["warnings"], json!([]), "a lot that did not exist yet is not missing");
        // Two for one overnight: 20 units at 44.86, after 88.99 for ten, and 5 more that were bought at 45.
        let split = as_of("as_of=2005-02-28").await.expect_status(200).json();
        let apple = &split["items"][0];
        assert_eq!((&apple["quantity"], &apple["value"]), (&json!("25"), &json!("1121.50")));
        assert_eq!(apple["day_change"], "6.60", "20 × (44.86 − 44.495) − 5 × 0.14");
        let weekend = as_of("as_of=2005-02-27").await.expect_status(200).json();
        assert_eq!((&weekend["items"][0]["price_as_of"], &weekend["value"]), (&json!("2005-02-25"), &found["value"]));
        let before = as_of("as_of=2005-02-24").await.expect_status(200).json();
        assert_eq!((&before["items"], &before["value"]), (&json!([]), &json!("0.00")));
        let today = as_of("as_of=2013-03-01").await.expect_status(200).json();
        assert_eq!(today, holdings(target, &path).await);
        for (query, pointer) in [
            ("as_of=2013-03-02", "/as_of"),
            ("as_of=yesterday", "/as_of"),
            ("lot_method=specific", "/lot_method"),
            ("lot_method=", "/lot_method"),
            ("include=prices", "/include"),
        ] {
            let problem = as_of(query).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
        }
    });
}

#[test]
fn holdings_name_their_instruments_and_leave_out_lots_that_are_not_wanted() {
    each(async |target: &Target| {
        let target = &target.newcomer().await;
        let path = portfolio(target).await;
        let item = json!({"symbol": "MY:BOAT", "name": "Our boat", "instrument_type": "item"});
        target.post("/instruments", &item).await.expect_status(201);
        record(target, &path, "MY:BOAT", "1", "9000", "2012-01-03").await;
        record(target, &path, "FB", "2", "30", "2012-06-01").await;
        let whole = holdings(target, &path).await;
        let names: Vec<_> = whole["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        let listed = target.get("/instruments/FB").await.expect_status(200).json();
        assert_eq!(names, [listed["name"].clone(), json!("Our boat")]);
        let include =
            async |parts: &str| target.get(&format!("{path}/holdings?include={parts}")).await.expect_status(200).json();
        assert_eq!(include("lots").await, whole);
        let light = include("").await;
        let mut expected = whole.clone();
        for item in expected["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("lots").unwrap();
        }
        assert_eq!(light, expected);
    });
}

#[test]
fn another_lot_method_is_a_what_if_of_holdings_and_of_a_sale() {
    each(async |target: &Target| {
        let customer = &target.newcomer().await;
        customer.post_with_key("/wallet/deposits", &json!({"amount": "10000"}), "cash").await.expect_status(201);
        let path = portfolio(customer).await;
        let trades = format!("{path}/trades");
        // Ten units for 4,304.70 and ten for 4,404.70, with a fee.
        for (key, fee) in [("one", "0"), ("two", "100")] {
            let order = json!({"side": "buy", "symbol": "AAPL", "quantity": "10", "fee": fee});
            customer.post_with_key(&trades, &order, key).await.expect_status(201);
        }
        let sale = json!({"side": "sell", "symbol": "AAPL", "quantity": "5"});
        let methods = [
            ("fifo", "0.00", "6557.05"),
            ("lifo", "-50.00", "6507.05"),
            ("hifo", "-50.00", "6507.05"),
            ("average", "-25.00", "6532.05"),
        ];
        let before = holdings(customer, &path).await;
        for (method, gain, cost) in methods {
            let tried = customer.post(&format!("{trades}?dry_run=true&lot_method={method}"), &sale).await;
            let tried = tried.expect_status(200).json();
            assert_eq!((&tried["lot_method"], &tried["dry_run"]), (&json!(method), &json!(true)));
            assert_eq!((&tried["realized_gain"], &tried["position"]["cost"]), (&json!(gain), &json!(cost)), "{method}");
        }
        assert_eq!(holdings(customer, &path).await, before, "nothing was sold");
        customer.post_with_key(&trades, &sale, "sale").await.expect_status(201);
        let sold = holdings(customer, &path).await;
        for (method, gain, cost) in methods {
            let tried = customer.get(&format!("{path}/holdings?lot_method={method}")).await.expect_status(200).json();
            assert_eq!((&tried["lot_method"], &tried["realized_gain"]), (&json!(method), &json!(gain)));
            assert_eq!((&tried["cost"], &tried["value"]), (&json!(cost), &sold["value"]), "{method}");
        }
        assert_eq!(holdings(customer, &path).await, sold, "nothing is stored");
        let lot = &sold["items"][0]["lots"][0];
        let named = json!({"side": "sell", "symbol": "AAPL", "quantity": "1",
            "lots": [{"lot_id": lot["lot_id"], "quantity": "1"}]});
        let purchase = json!({"side": "buy", "symbol": "AAPL", "quantity": "1"});
        for (query, order, pointer) in [
            ("lot_method=lifo", &sale, "/lot_method"),
            ("dry_run=false&lot_method=lifo", &sale, "/lot_method"),
            ("dry_run=true&lot_method=specific", &sale, "/lot_method"),
            ("dry_run=true&lot_method=lifo", &purchase, "/lot_method"),
            ("dry_run=true&lot_method=lifo", &named, "/lots"),
        ] {
            let refused = customer.post_with_key(&format!("{trades}?{query}"), order, "refused").await;
            let problem = refused.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
        }
        assert_eq!(holdings(customer, &path).await, sold);
    });
}
