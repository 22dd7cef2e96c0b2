//! The overview of a customer beside holdings and performance of their portfolios.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::holdings::{portfolio, record};
use crate::target::{Target, each};

async fn overview(customer: &Target, query: &str) -> Value {
    customer.get(&format!("/customers/me/overview{query}")).await.expect_status(200).json()
}

async fn read(customer: &Target, path: &str) -> Value {
    customer.get(path).await.expect_status(200).json()
}

fn amount(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no amount")).parse().unwrap()
}

fn sum(rows: &Value, field: &str) -> Decimal {
    rows.as_array().unwrap().iter().filter(|row| !row[field].is_null()).map(|row| amount(&row[field])).sum()
}

async fn traded(customer: &Target, path: &str, orders: &[Value]) {
    for (number, order) in orders.iter().enumerate() {
        let key = format!("{path}-{number}");
        customer.post_with_key(&format!("{path}/trades"), order, &key).await.expect_status(201);
    }
}

/// A portfolio with purchases and a sale, one with lots held elsewhere, one without a price, and a closed one.
async fn with_portfolios(target: &Target) -> (Target, Vec<String>) {
    let customer = target.newcomer().await;
    customer.post_with_key("/wallet/deposits", &json!({"amount": "10000"}), "cash").await.expect_status(201);
    let order = |side: &str, symbol: &str, quantity: &str, fee: &str| json!({"side": side, "symbol": symbol, "quantity": quantity, "fee": fee});
    let trading = portfolio(&customer).await;
    let orders =
        [order("buy", "AAPL", "3", "1.5"), order("sell", "AAPL", "1.25", "0.99"), order("buy", "FB", "7", "0")];
    traded(&customer, &trading, &orders).await;
    let elsewhere = portfolio(&customer).await;
    record(&customer, &elsewhere, "AAPL", "10", "80", "2005-02-25").await;
    record(&customer, &elsewhere, "MSFT", "100.5", "25", "2005-01-03").await;
    let without_price = portfolio(&customer).await;
    let item = json!({"symbol": "MY:HOUSE", "name": "A house", "instrument_type": "item"});
    customer.post("/instruments", &item).await.expect_status(201);
    record(&customer, &without_price, "MY:HOUSE", "1", "900000", "2012-01-03").await;
    let closed = portfolio(&customer).await;
    traded(&customer, &closed, &[order("buy", "IBM", "2", "3"), order("sell", "IBM", "2", "4")]).await;
    customer.patch(&closed, &json!({"state": "closed"}), "*").await.expect_status(200);
    (customer, vec![closed, without_price, elsewhere, trading])
}

#[test]
fn an_overview_has_the_figures_of_holdings_and_performance() {
    each(async |target: &Target| {
        let (customer, paths) = with_portfolios(target).await;
        let found = overview(&customer, "?days=366").await;
        assert_eq!((&found["currency"], &found["market_day"]), (&json!("USD"), &json!("2013-03-01")));
        let mut held = Vec::new();
        let mut put_in = Decimal::ZERO;
        for (row, path) in found["portfolios"].as_array().unwrap().iter().zip(&paths) {
            let (portfolio, holdings) =
                (read(&customer, path).await, read(&customer, &format!("{path}/holdings")).await);
            for field in ["id", "name", "type", "state", "base_currency"] {
                assert_eq!(row[field], portfolio[field], "{field}");
            }
            assert_eq!((&row["value"], &row["day_change"]), (&holdings["value"], &holdings["day_change"]));
            let gain = amount(&holdings["unrealized_gain"]) + amount(&holdings["realized_gain"]);
            assert_eq!(amount(&row["gain"]), gain);
            let performance = read(&customer, &format!("{path}/performance")).await;
            let metrics = &performance["metrics"];
            assert_eq!((&row["return"], &row["xirr"]), (&metrics["twr"], &metrics["xirr"]));
            put_in += amount(&performance["attribution"]["flows"]);
            held.extend(holdings["items"].as_array().unwrap().clone());
        }
        assert_eq!(found["portfolios"].as_array().unwrap().len(), paths.len());
        for field in ["day_change", "gain"] {
            assert_eq!(sum(&found["portfolios"], field), amount(&found[field]), "{field}");
            let positions = sum(&found["positions"], field) + amount(&found["other"][field]);
            assert_eq!(positions, amount(&found[field]), "{field}");
        }
        let (value, cash) = (amount(&found["value"]), amount(&found["cash"]));
        assert_eq!(found["cash"], read(&customer, "/wallet").await["balance"]);
        assert_eq!(sum(&found["portfolios"], "value") + cash, value);
        assert_eq!(sum(&found["positions"], "value") + amount(&found["other"]["value"]) + cash, value);
        for position in found["positions"].as_array().unwrap() {
            let rows: Value = held.iter().filter(|item| item["symbol"] == position["symbol"]).cloned().collect();
            for field in ["name", "price", "price_as_of", "stale"] {
                assert_eq!(position[field], rows[0][field], "{field}");
            }
            for field in ["quantity", "value", "day_change"] {
                assert_eq!(sum(&rows, field), sum(&json!([position]), field), "{field} of {position}");
            }
        }
        let symbols: Vec<_> = found["positions"].as_array().unwrap().iter().map(|one| one["symbol"].clone()).collect();
        assert_eq!(symbols, ["AAPL", "MSFT", "FB", "MY:HOUSE"].map(Value::from), "the largest first");
        assert_eq!(found["other"]["gain"], "-7.00", "the fees of the closed portfolio");
        let last = found["put_in"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["date"], &last["value"]), (&json!("2013-03-01"), &found["value"]));
        assert_eq!(amount(&last["put_in"]), put_in + cash);
        let path = &paths[1];
        let attention = json!([{"kind": "unavailable", "detail": "MY:HOUSE is not available: price_unavailable.",
            "link": format!("{path}/holdings")}]);
        assert_eq!(found["attention"], attention);
        assert_eq!(
            overview(&customer, "").await["put_in"].as_array().unwrap().len(),
            21,
            "trading days of thirty days"
        );
        assert_eq!(overview(&customer, "?days=1").await["put_in"], json!([last]));
    });
}

#[test]
fn an_overview_of_nothing_is_empty_and_an_invalid_parameter_refused() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let found = overview(&customer, "?currency=CHF").await;
        for field in ["value", "cash", "day_change", "gain"] {
            assert_eq!(found[field], "0.00", "{field}");
        }
        for list in ["portfolios", "positions", "attention"] {
            assert_eq!(found[list], json!([]), "{list}");
        }
        assert_eq!(found["put_in"], json!([{"date": "2013-03-01", "value": "0.00", "put_in": "0.00"}]));
        for (query, pointer) in [
            ("days=0", "/days"),
            ("days=367", "/days"),
            ("days=1.5", "/days"),
            ("currency=dollars", "/currency"),
            ("from=2013-01-01", "/from"),
        ] {
            let answer = customer.get(&format!("/customers/me/overview?{query}")).await;
            assert_eq!(answer.expect_problem(422, "invalid_fields")["errors"][0]["pointer"], pointer, "{query}");
        }
    });
}

#[test]
fn an_overview_of_twenty_portfolios_of_many_symbols_is_small() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let mut lots =
            "ticker_symbol,quantity,purchase_price,purchase_date\nAAPL,1.123456789012,400,2011-06-01\n".to_owned();
        for number in 0..60 {
            let symbol = format!("MY:INSTRUMENT-{number:02}");
            let item = json!({"symbol": symbol, "name": format!("An instrument with a long name, number {number}")});
            customer.post("/instruments", &item).await.expect_status(201);
            let valuation = json!({"prices": [{"date": "2012-06-01", "price": format!("{}.25", 1_000 + number)}]});
            customer.put(&format!("/instruments/{symbol}/prices"), &valuation).await.expect_status(200);
            lots += &symbol;
            lots += ",12.123456789012,999.99,2012-06-01\n";
        }
        for _ in 0..20 {
            let path = portfolio(&customer).await;
            customer.post_raw(&format!("{path}/investments/import"), &lots, "text/csv").await.expect_status(200);
        }
        let answer = customer.get("/customers/me/overview?days=366").await.expect_status(200);
        assert!(answer.bytes().len() < 60_000, "{} bytes", answer.bytes().len());
        let found = answer.json();
        assert_eq!(found["positions"].as_array().unwrap().len(), 50);
        assert_eq!((&found["other"]["positions"], found["put_in"].as_array().unwrap().len()), (&json!(11), 251));
        let positions = sum(&found["positions"], "value") + amount(&found["other"]["value"]);
        assert_eq!(positions, amount(&found["value"]));
        assert_eq!(sum(&found["portfolios"], "value"), positions);
    });
}
