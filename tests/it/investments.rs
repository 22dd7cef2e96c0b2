use futures::future::join_all;
use serde_json::{Value, json};

use crate::portfolios::opened;
use crate::target::{Target, each};

async fn portfolio(target: &Target) -> String {
    opened(target, &json!({"name": "Held elsewhere", "type": "brokerage"})).await.0
}

fn lot(symbol: &str, quantity: &str, price: &str, date: &str) -> Value {
    json!({"ticker_symbol": symbol, "quantity": quantity, "purchase_price": price, "purchase_date": date})
}

#[test]
fn a_lot_is_recorded_valued_corrected_and_removed() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        let request = json!({"ticker_symbol": "ibm", "quantity": 2.5, "purchase_price": "100.10", "purchase_date": "2010-01-04", "fee": 1.5});
        let made = target.post(&list, &request).await.expect_status(201);
        let path = made.header("location");
        let lot = made.json();
        assert_eq!(path, format!("{list}/{}", lot["id"].as_str().unwrap()));
        assert_eq!((&lot["ticker_symbol"], &lot["instrument_type"]), (&json!("IBM"), &json!("stock")));
        assert_eq!((&lot["quantity"], &lot["purchase_price"]), (&json!("2.5"), &json!("100.1")));
        assert_eq!((&lot["fee"], &lot["cost"]), (&json!("1.50"), &json!("251.75")));
        // IBM closed at 202.91 on the last day of the sample: 507.275 to the even cent.
        assert_eq!((&lot["current_price"], &lot["last_updated"]), (&json!("202.91"), &json!("2013-03-01")));
        assert_eq!((&lot["value"], &lot["gain"]), (&json!("507.28"), &json!("255.53")));
        assert_eq!(lot["unavailable"], json!({}));
        let read = target.get(&path).await.expect_status(200);
        assert_eq!((read.json(), read.header("etag").as_str()), (lot.clone(), "\"1\""));
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([lot]));
        target.patch(&path, &json!({"quantity": 3}), "").await.expect_problem(428, "precondition_required");
        target.patch(&path, &json!({"quantity": 3}), "\"9\"").await.expect_problem(412, "precondition_failed");
        let corrected = target.patch(&path, &json!({"quantity": 3, "fee": null}), "\"1\"").await.expect_status(200);
        assert_eq!(corrected.header("etag"), "\"2\"");
        assert_eq!((&corrected.json()["cost"], &corrected.json()["fee"]), (&json!("300.30"), &json!("0.00")));
        target.delete(&path).await.expect_status(204);
        target.get(&path).await.expect_problem(404, "not_found");
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([]));
    });
}

#[test]
fn a_split_since_the_purchase_multiplies_the_current_units_only() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        // Apple split two for one on 2005-02-28: the day before is in old units, the day itself in new ones.
        for (date, units) in [("2005-02-25", "20"), ("2005-02-28", "10")] {
            let lot = target.post(&list, &lot("AAPL", "10", "40", date)).await.expect_status(201).json();
            assert_eq!((&lot["quantity"], &lot["current_quantity"]), (&json!("10"), &json!(units)), "{date}");
            assert_eq!(lot["cost"], "400.00");
        }
    });
}

#[test]
fn a_portfolio_with_lots_can_be_removed_but_not_closed() {
    each(async |target: &Target| {
        let path = portfolio(target).await;
        let list = format!("{path}/investments");
        let made = target.post(&list, &lot("FB", "1", "30", "2012-06-01")).await.expect_status(201);
        let closing = json!({"state": "closed"});
        target.patch(&path, &closing, "*").await.expect_problem(409, "portfolio_not_empty");
        target.delete(&made.header("location")).await.expect_status(204);
        target.patch(&path, &closing, "*").await.expect_status(200);
        let refused = target.post(&list, &lot("FB", "1", "30", "2012-06-01")).await;
        refused.expect_problem(409, "portfolio_closed");
        target.patch(&path, &json!({"state": "open"}), "*").await.expect_status(200);
        target.post(&list, &lot("FB", "1", "30", "2012-06-01")).await.expect_status(201);
        target.delete(&path).await.expect_status(204);
        target.get(&list).await.expect_problem(404, "not_found");
    });
}

#[test]
fn the_same_key_records_one_lot() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        let key = Target::unique("lot");
        let request = lot("GOOG", "1", "300", "2009-01-02");
        let answers = join_all((0..6).map(|_| target.post_with_key(&list, &request, &key))).await;
        let first = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == first));
        assert_eq!(target.get(&list).await.json()["items"].as_array().unwrap().len(), 1);
        let other = target.post_with_key(&list, &lot("GOOG", "2", "300", "2009-01-02"), &key).await;
        other.expect_problem(422, "idempotency_key_reused");
    });
}

#[test]
fn a_lot_repeated_with_its_key_returns_its_first_value() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        let symbol = format!("MY:{}", Target::unique("LOT").to_uppercase());
        let item = json!({"symbol": symbol, "name": "House", "currency": "USD", "instrument_type": "item"});
        target.post("/instruments", &item).await.expect_status(201);
        let prices = format!("/instruments/{symbol}/prices");
        target.put(&prices, &json!({"prices": [{"date": "2010-01-04", "price": "100"}]})).await.expect_status(200);
        let (request, key) = (lot(&symbol, "2", "90", "2010-01-04"), Target::unique("lot"));
        let first = target.post_with_key(&list, &request, &key).await.expect_status(201);
        assert_eq!(first.json()["value"], "200.00");
        target.put(&prices, &json!({"prices": [{"date": "2010-01-05", "price": "120"}]})).await.expect_status(200);
        let path = first.header("location");
        assert_eq!(target.get(&path).await.expect_status(200).json()["value"], "240.00");
        let again = target.post_with_key(&list, &request, &key).await.expect_status(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(
            (again.text(), again.header("location"), again.header("etag")),
            (first.text(), path, first.header("etag"))
        );
    });
}

#[test]
fn parallel_lots_are_all_recorded() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        let lots: Vec<Value> = (1..6).map(|day| lot("MSFT", "1", "25", &format!("2010-02-0{day}"))).collect();
        for answer in join_all(lots.iter().map(|lot| target.post(&list, lot))).await {
            answer.expect_status(201);
        }
        let first = target.get(&format!("{list}?limit=3")).await.expect_status(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = target.get(&format!("{list}?limit=3&cursor={cursor}")).await.expect_status(200).json();
        assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (3, 2));
    });
}

#[test]
fn invalid_fields_of_a_lot_are_refused_with_their_pointer() {
    each(async |target: &Target| {
        let list = format!("{}/investments", portfolio(target).await);
        let with = |change: Value| {
            let mut lot = lot("IBM", "1", "100", "2010-01-04");
            lot.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            lot
        };
        let cases = [
            (json!({"ticker_symbol": "A A"}), "/ticker_symbol"),
            (json!({"ticker_symbol": 7}), "/ticker_symbol"),
            (json!({"quantity": "0"}), "/quantity"),
            (json!({"quantity": -1}), "/quantity"),
            (json!({"quantity": "0.0000000000001"}), "/quantity"),
            (json!({"quantity": "10000000000000"}), "/quantity"),
            (json!({"quantity": 1e12, "purchase_price": "1000000000000"}), "/quantity"),
            (json!({"quantity": true}), "/quantity"),
            (json!({"purchase_price": 0}), "/purchase_price"),
            (json!({"purchase_price": "ten"}), "/purchase_price"),
            (json!({"purchase_date": "2010-02-30"}), "/purchase_date"),
            (json!({"purchase_date": "2199-01-01"}), "/purchase_date"),
            (json!({"fee": "-0.01"}), "/fee"),
            (json!({"fee": "0.001"}), "/fee"),
            (json!({"currency": "EUR"}), "/currency"),
            (json!({"currency": "Dollar"}), "/currency"),
            (json!({"colour": "red"}), "/colour"),
        ];
        for (change, pointer) in cases {
            let request = with(change);
            let problem = target.post(&list, &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        target.post(&list, &lot("NOPE", "1", "1", "2010-01-04")).await.expect_problem(404, "unknown_symbol");
        target.post(&list, &lot("MY:NOPE", "1", "1", "2010-01-04")).await.expect_problem(404, "unknown_symbol");
        let nowhere = "/portfolios/0190aaaa-0000-7000-8000-000000000000/investments";
        target.post(nowhere, &lot("IBM", "1", "1", "2010-01-04")).await.expect_problem(404, "not_found");
        target.get(&format!("{list}/17")).await.expect_problem(404, "not_found");
        target.delete(&format!("{list}/0190aaaa-0000-7000-8000-000000000000")).await.expect_problem(404, "not_found");
    });
}
