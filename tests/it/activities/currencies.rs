//! Activities in another currency than the instrument's.

use super::*;

fn purchase() -> Value {
    json!({
        "type": "buy", "symbol": "IBM", "date": "2012-06-01", "quantity": "10", "amount": "900.00", "currency": "EUR",
        "fx_rate": "1.10",
    })
}

#[test]
fn a_purchase_keeps_the_amounts_as_they_were_paid() {
    each(async |target: &Target| {
        let request = json!({"name": "Abroad", "type": "brokerage", "base_currency": "EUR"});
        let (portfolio, _) = opened(target, &request).await;
        let list = format!("{portfolio}/activities");
        let made = target.post(&list, &with(purchase(), json!({"fee": "1.50"}))).await.expect_status(201);
        let path = made.header("location");
        let read = target.get(&path).await.expect_status(200).json();
        let fields = ["currency", "unit_price", "amount", "fee", "fee_currency", "fx_rate", "base_rate"];
        let expected = json!(["EUR", "90", "900.00", "1.50", null, "1.1", null]);
        assert_eq!(fields.map(|field| read[field].clone()).to_vec(), *expected.as_array().unwrap());
        // The cash that left is what was paid.
        let cash = target.get(&format!("{portfolio}/cash")).await.expect_status(200).json();
        assert_eq!(
            cash["balances"][0],
            json!({"currency": "EUR", "balance": "-901.50", "first_negative": "2012-06-01"})
        );
        // A correction of one field leaves the others, and none makes them those of the instrument.
        let noted = target.patch(&path, &json!({"fee": "2"}), "\"1\"").await.expect_status(200).json();
        assert_eq!(noted, with(read.clone(), json!({"fee": "2.00", "version": 2, "updated_at": noted["updated_at"]})));
        let change = json!({"currency": "USD", "fx_rate": null, "amount": "990", "fee": null});
        let in_dollars = target.patch(&path, &change, "\"2\"").await.expect_status(200).json();
        let expected = json!(["USD", "99", "990.00", "0.00", null, null, null]);
        assert_eq!(fields.map(|field| in_dollars[field].clone()).to_vec(), *expected.as_array().unwrap());
        let versions = target.get(&format!("{path}/versions")).await.expect_status(200).json();
        assert_eq!(versions["items"][2], read);
    });
}

#[test]
fn without_a_rate_an_amount_is_refused_and_never_taken_as_it_is() {
    each(async |target: &Target| {
        let list = history(target).await;
        // No pair of the Tongan paʻanga is known.
        let without = with(purchase(), json!({"currency": "TOP", "fx_rate": null}));
        let problem = target.post(&list, &without).await.expect_problem(422, "fx_unavailable");
        let detail = "No exchange rate of TOP into USD is known for 2012-06-01, or for the seven days before it.";
        assert_eq!(problem["detail"], detail);
        let fee = with(purchase(), json!({"fee": "1", "fee_currency": "TOP"}));
        let problem = target.post(&list, &fee).await.expect_problem(422, "fx_unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("TOP into EUR"), "{problem}");
        // A field at fault comes first.
        let both = with(without, json!({"quantity": "0"}));
        target.post(&list, &both).await.expect_problem(422, "invalid_fields");
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([]));
        let given = with(purchase(), json!({"currency": "TOP", "fx_rate": "0.44"}));
        target.post(&list, &given).await.expect_status(201);
    });
}
