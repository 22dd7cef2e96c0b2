//! The shape of each response, field by field: a change of the contract shows in a snapshot.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::holdings::{portfolio, record};
use crate::target::{Target, each};

/// The first element stands for a list; ids, times, links and hashes differ from run to run.
fn outline(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().next().map_or(json!([]), |first| json!([outline(first)])),
        Value::Object(fields) => {
            let redacted = |name: &str| {
                let varying = [
                    "id",
                    "created_at",
                    "updated_at",
                    "since",
                    "lot_id",
                    "made_at",
                    "generated_at",
                    "expires_at",
                    "url",
                    "sha256",
                    "request_id",
                    "customer_id",
                    "portfolio_id",
                    "investment_id",
                ];
                varying.contains(&name)
            };
            let outlined = fields.into_iter().map(|(name, value)| {
                let value = if redacted(&name) { json!(format!("[{name}]")) } else { outline(value) };
                (name, value)
            });
            outlined.collect()
        }
        Value::Number(number) => number.as_f64().map_or(Value::Null, |number| json!(format!("{number:.6}"))),
        other => other,
    }
}

#[test]
fn responses_keep_their_shape() {
    each(async |target: &Target| {
        let bars = target.get("/fetch-data/MSFT?from=2003-02-14&to=2003-02-28&interval=week").await;
        assert_json_snapshot!("fetch_data", outline(bars.expect_status(200).json()));
        let rules = json!({"symbol": "FB", "buy": "close > sma(20)", "sell": "close < sma(20)"});
        let backtest = target.post("/backtest", &rules).await;
        assert_json_snapshot!("backtest", outline(backtest.expect_status(201).json()));
        let forecast = target.get("/predict/MSFT?horizon=5&as_of=2010-01-04").await;
        assert_json_snapshot!("predict", outline(forecast.expect_status(200).json()));
        let report = target.get("/report/FB?to=2012-12-31").await;
        assert_json_snapshot!("report", outline(report.expect_status(200).json()));
        let path = portfolio(target).await;
        record(target, &path, "FB", "12.5", "30", "2012-06-01").await;
        let holdings = target.get(&format!("{path}/holdings")).await;
        assert_json_snapshot!("holdings", outline(holdings.expect_status(200).json()));
        let performance = target.get(&format!("{path}/performance?benchmark=GOOG")).await;
        assert_json_snapshot!("performance", outline(performance.expect_status(200).json()));
        let problem = target.post("/backtest", &json!({"symbol": "FB", "buy": "close < smaa(50)"})).await;
        assert_json_snapshot!("problem", outline(problem.expect_status(422).json()));
    });
}

#[test]
fn portfolios_keep_their_shape() {
    each(async |target: &Target| {
        let aims =
            json!({"risk": 4, "horizon_years": 20, "loss_capacity": 0.3, "targets": {"stock": 0.6, "bond": 0.4}});
        let portfolio = json!({"name": "Retirement", "type": "roth_ira", "investment_profile": aims});
        let portfolio = target.post("/portfolios", &portfolio).await.expect_status(201);
        assert_json_snapshot!("portfolio", outline(portfolio.json()));
        let lots = format!("{}/investments", portfolio.header("location"));
        let lot =
            json!({"ticker_symbol": "AAPL", "quantity": "10", "purchase_price": "40", "purchase_date": "2005-02-25"});
        let lot = target.post(&lots, &lot).await.expect_status(201);
        assert_json_snapshot!("investment", outline(lot.json()));
        let file = "ticker_symbol,quantity,purchase_price,purchase_date\nFB,1,30,2012-06-01\n";
        let report = target.post_raw(&format!("{lots}/import"), file, "text/csv").await;
        assert_json_snapshot!("import", outline(report.expect_status(200).json()));
        let instrument = target.get("/instruments/IBM").await.expect_status(200);
        assert_json_snapshot!("instrument", outline(instrument.json()));
    });
}
