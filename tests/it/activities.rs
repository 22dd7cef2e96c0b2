//! Activities over HTTP: their life, and what guards them.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::portfolios::opened;
use crate::target::{Target, each};

mod cash;
mod currencies;
mod export;
mod refusals;

/// The path of a new portfolio's activities.
async fn history(target: &Target) -> String {
    let (portfolio, _) = opened(target, &json!({"name": "Old broker", "type": "brokerage"})).await;
    format!("{portfolio}/activities")
}

fn trade(kind: &str, symbol: &str, quantity: &str, unit_price: &str, date: &str) -> Value {
    json!({"type": kind, "symbol": symbol, "quantity": quantity, "unit_price": unit_price, "date": date})
}

/// An object with other fields in addition, or in place of its own.
fn with(mut object: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("{fields} is no object") };
    object.as_object_mut().unwrap().extend(fields);
    object
}

#[test]
fn an_item_of_ones_own_is_recorded_corrected_and_removed() {
    each(async |target: &Target| {
        let item = json!({"symbol": "MY:HOUSE", "name": "A house"});
        let ada = target.newcomer().await;
        ada.post("/instruments", &item).await.expect_status(201);
        let list = history(&ada).await;
        let path = ada.post(&list, &trade("buy", "MY:HOUSE", "1", "250000", "2012-06-01")).await.expect_status(201);
        let path = path.header("location");
        ada.patch(&path, &json!({"fee": "1200"}), "\"1\"").await.expect_status(200);
        ada.delete(&path).await.expect_status(204);
    });
}

#[test]
fn an_activity_is_recorded_corrected_and_removed_and_its_versions_stay() {
    each(async |target: &Target| {
        let list = history(target).await;
        let request = json!({
            "type": "buy", "date": "2012-06-01", "time": "15:30", "symbol": "ibm", "quantity": 2.50,
            "unit_price": "190.10", "fee": 4.95, "currency": "USD", "note": " first\nbuy ", "external_id": " T-1 ",
        });
        let made = target.post(&list, &request).await.expect_status(201);
        let (path, activity) = (made.header("location"), made.json());
        assert_eq!(path, format!("{list}/{}", activity["id"].as_str().unwrap()));
        let expected = json!({
            "id": activity["id"], "portfolio_id": list.split('/').nth(2).unwrap(), "type": "buy", "date": "2012-06-01",
            "time": "15:30:00", "symbol": "IBM", "quantity": "2.5", "unit_price": "190.1", "cost_unknown": false,
            "amount": "475.25", "fee": "4.95", "tax": "0.00", "currency": "USD", "to_amount": null, "to_currency": null,
            "fee_currency": null, "fx_rate": null, "base_rate": null, "acquired_on": null, "ratio": null, "lots": [], "reverses": null, "note": "first\nbuy", "external_id": "T-1", "source": "recorded",
            "created_at": activity["created_at"], "updated_at": activity["created_at"], "version": 1,
        });
        assert_eq!(activity, expected);
        assert_eq!(made.header("etag"), "\"1\"");
        let read = target.get(&path).await.expect_status(200);
        assert_eq!((read.json(), read.header("etag").as_str()), (activity.clone(), "\"1\""));
        let change = json!({"quantity": "3", "time": null, "fee": null, "note": "second"});
        let corrected = target.patch(&path, &change, "\"1\"").await.expect_status(200);
        assert_eq!(corrected.header("etag"), "\"2\"");
        let second = corrected.json();
        let changed = json!({
            "quantity": "3", "amount": "570.30", "time": null, "fee": "0.00", "note": "second", "version": 2,
            "updated_at": second["updated_at"],
        });
        assert_eq!(second, with(activity.clone(), changed));
        // Nothing changes, so there is no version of it.
        let same = target.patch(&path, &json!({"note": "second"}), "\"2\"").await.expect_status(200).json();
        assert_eq!(same, second);
        let versions = format!("{path}/versions");
        assert_eq!(target.get(&versions).await.expect_status(200).json(), json!({"items": [second, activity]}));
        assert_eq!(target.get(&list).await.expect_status(200).json(), json!({"items": [second], "next_cursor": null}));
        target.delete(&path).await.expect_status(204);
        target.get(&path).await.expect_problem(404, "not_found");
        target.delete(&path).await.expect_problem(404, "not_found");
        target.patch(&path, &change, "*").await.expect_problem(404, "not_found");
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([]));
        assert_eq!(target.get(&versions).await.expect_status(200).json(), json!({"items": [second, activity]}));
    });
}

#[test]
fn each_type_has_the_fields_that_it_takes_and_null_for_the_rest() {
    each(async |target: &Target| {
        let list = history(target).await;
        let fields = ["quantity", "unit_price", "cost_unknown", "amount", "fee", "acquired_on", "ratio"];
        let nothing = Value::Null;
        for (request, expected) in [
            (
                json!({"type": "transfer_in", "quantity": "8", "unit_price": "100.5", "acquired_on": "2009-01-02"}),
                json!(["8", "100.5", false, nothing, "0.00", "2009-01-02", nothing]),
            ),
            (
                json!({"type": "transfer_in", "quantity": "1", "cost_unknown": true}),
                json!(["1", nothing, true, nothing, "0.00", nothing, nothing]),
            ),
            (
                json!({"type": "split", "ratio": "3:2", "fee": 0, "tax": "0.00"}),
                json!([nothing, nothing, false, nothing, "0.00", nothing, "1.5"]),
            ),
            (
                json!({"type": "adjustment", "quantity": "-0.5", "note": "a fraction was paid out"}),
                json!(["-0.5", nothing, false, nothing, "0.00", nothing, nothing]),
            ),
            (
                json!({"type": "sell", "quantity": "3", "amount": "1000", "fee": "1"}),
                json!(["3", "333.333333333333", false, "1000.00", "1.00", nothing, nothing]),
            ),
            (
                json!({"type": "transfer_out", "quantity": "5.5"}),
                json!(["5.5", nothing, false, nothing, "0.00", nothing, nothing]),
            ),
        ] {
            let request = with(request, json!({"symbol": "IBM", "date": "2012-06-01"}));
            let made = target.post(&list, &request).await.expect_status(201);
            let read = target.get(&made.header("location")).await.expect_status(200).json();
            assert_eq!(fields.map(|field| read[field].clone()).to_vec(), *expected.as_array().unwrap(), "{request}");
        }
        // What is dated on the day of a split is in new units: 9 came in, and all of them left.
        let more = json!({"type": "transfer_out", "quantity": "0.1", "symbol": "IBM", "date": "2012-06-02"});
        target.post(&list, &more).await.expect_problem(409, "insufficient_units");
    });
}

#[test]
fn of_two_sales_of_the_same_units_at_once_one_is_refused() {
    each(async |target: &Target| {
        let list = history(target).await;
        target.post(&list, &trade("buy", "IBM", "10", "190", "2012-06-01")).await.expect_status(201);
        let sale = trade("sell", "IBM", "6", "200", "2012-07-02");
        let answers = join_all((0..target.rivals(4)).map(|_| target.post(&list, &sale))).await;
        let sold = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(sold, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        for refused in answers.into_iter().filter(|answer| answer.status != 201) {
            let problem = refused.expect_problem(409, "insufficient_units");
            assert_eq!(problem["detail"], "6 units of IBM cannot leave on 2012-07-02: only 4 are held.");
        }
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn the_same_key_records_one_activity() {
    each(async |target: &Target| {
        let list = history(target).await;
        let key = Target::unique("activity");
        let request = trade("buy", "GOOG", "1.50", "300", "2009-01-02");
        let answers = join_all((0..target.rivals(6)).map(|_| target.post_with_key(&list, &request, &key))).await;
        let first = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == first));
        let path = answers[0].header("location");
        target.patch(&path, &json!({"quantity": 2}), "\"1\"").await.expect_status(200);
        // The first answer is repeated, whatever became of the activity, and however its numbers are written.
        let again = with(request.clone(), json!({"quantity": 1.5, "unit_price": "300.000", "fee": 0, "lots": []}));
        let again = target.post_with_key(&list, &again, &key).await.expect_status(201);
        assert_eq!((again.json(), again.header("location")), (first, path));
        assert_eq!((again.header("idempotency-replayed"), again.header("etag")), ("true".into(), "\"1\"".into()));
        let other = with(request, json!({"quantity": 2}));
        target.post_with_key(&list, &other, &key).await.expect_problem(422, "idempotency_key_reused");
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn an_activity_that_has_changed_is_neither_corrected_nor_removed_at_an_older_version() {
    each(async |target: &Target| {
        let list = history(target).await;
        let made = target.post(&list, &trade("buy", "IBM", "10", "190", "2012-06-01")).await.expect_status(201);
        let path = made.header("location");
        target.patch(&path, &json!({"quantity": 11}), "").await.expect_problem(428, "precondition_required");
        let rivals = ["11", "12"].map(|quantity| json!({"quantity": quantity}));
        let answers = join_all(rivals.iter().map(|change| target.patch(&path, change, "\"1\""))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        target.patch(&path, &json!({"quantity": 13}), "\"1\"").await.expect_problem(412, "precondition_failed");
        let old = [("if-match", "\"1\"")];
        let removal = target.send_with(reqwest::Method::DELETE, &path, &old, String::new()).await;
        removal.expect_problem(412, "precondition_failed");
        let current = [("if-match", "\"2\"")];
        target.send_with(reqwest::Method::DELETE, &path, &current, String::new()).await.expect_status(204);
    });
}

#[test]
fn a_sale_names_its_lots_where_the_portfolio_sells_specific_ones() {
    each(async |target: &Target| {
        let request = json!({"name": "Chosen", "type": "brokerage", "lot_method": "specific"});
        let (portfolio, _) = opened(target, &request).await;
        let list = format!("{portfolio}/activities");
        let mut bought = Vec::new();
        for date in ["2012-06-01", "2012-07-02"] {
            let made = target.post(&list, &trade("buy", "IBM", "5", "190", date)).await.expect_status(201);
            bought.push(made.json()["id"].clone());
        }
        let sale = |quantity: &str, lots: Value| {
            with(trade("sell", "IBM", quantity, "200", "2012-08-01"), json!({"lots": lots}))
        };
        let lots = json!([{"lot_id": bought[1], "quantity": "4"}]);
        let sold = target.post(&list, &sale("4", lots.clone())).await.expect_status(201);
        assert_eq!(sold.json()["lots"], lots);
        for (quantity, lots, detail) in [
            ("4", json!([{"lot_id": bought[1], "quantity": 4}]), format!("1 units of the lot {}", bought[1])),
            ("4", json!([{"lot_id": bought[0], "quantity": 3}]), "add up to 3 units, but 4 leave".to_owned()),
        ] {
            let problem = target.post(&list, &sale(quantity, lots)).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/lots", "{problem}");
            assert!(
                problem["errors"][0]["detail"].as_str().unwrap().starts_with(&detail.replace('"', "")),
                "{problem}"
            );
        }
        let unread = json!([{"lot_id": bought[0], "quantity": "1_000"}]);
        let problem = target.post(&list, &sale("1", unread)).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/lots/0/quantity", "{problem}");
        // By default the oldest lots are sold, and none is named.
        let automatic = history(target).await;
        let made = target.post(&automatic, &trade("buy", "IBM", "5", "190", "2012-06-01")).await.expect_status(201);
        let named = json!([{"lot_id": made.json()["id"], "quantity": 5}]);
        let problem = target.post(&automatic, &sale("5", named)).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/lots", "{problem}");
    });
}
