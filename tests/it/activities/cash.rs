//! Activities that move cash alone.

use super::*;

/// The path of the activities of a new portfolio in euros.
async fn in_euros(target: &Target) -> String {
    let request = json!({"name": "Old broker", "type": "brokerage", "base_currency": "EUR"});
    let (portfolio, _) = opened(target, &request).await;
    format!("{portfolio}/activities")
}

#[test]
fn cash_is_recorded_in_its_currency_with_or_without_an_instrument() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        let fields = ["symbol", "amount", "fee", "tax", "currency", "to_amount", "to_currency", "quantity"];
        let nothing = Value::Null;
        for (request, expected) in [
            (json!({"type": "deposit", "amount": 1000}), json!([nothing, "1000.00", "0.00", "0.00", "EUR"])),
            (
                json!({"type": "withdrawal", "amount": "10.5", "fee": "0.35", "currency": "USD"}),
                json!([nothing, "10.50", "0.35", "0.00", "USD"]),
            ),
            (json!({"type": "transfer_in", "amount": "7"}), json!([nothing, "7.00", "0.00", "0.00", "EUR"])),
            (json!({"type": "transfer_out", "amount": "7"}), json!([nothing, "7.00", "0.00", "0.00", "EUR"])),
            (
                json!({"type": "adjustment", "amount": "-0.01", "note": "rounded by the broker"}),
                json!([nothing, "-0.01", "0.00", "0.00", "EUR"]),
            ),
            (
                json!({"type": "exchange", "amount": "110", "currency": "USD", "to_amount": 15000, "to_currency": "JPY"}),
                json!([nothing, "110.00", "0.00", "0.00", "USD", "15000", "JPY"]),
            ),
            (
                json!({"type": "dividend", "symbol": "IBM", "amount": "3.30", "tax": "0.5"}),
                json!(["IBM", "3.30", "0.00", "0.50", "USD"]),
            ),
            (
                json!({"type": "dividend", "symbol": "IBM", "amount": "3", "currency": "EUR"}),
                json!(["IBM", "3.00", "0.00", "0.00", "EUR"]),
            ),
            (json!({"type": "interest", "amount": "-1.2"}), json!([nothing, "-1.20", "0.00", "0.00", "EUR"])),
            (json!({"type": "fee", "symbol": "IBM", "amount": "2"}), json!(["IBM", "2.00", "0.00", "0.00", "USD"])),
            (json!({"type": "tax", "amount": "12.34"}), json!([nothing, "12.34", "0.00", "0.00", "EUR"])),
        ] {
            let request = with(request, json!({"date": "2012-06-01"}));
            let made = target.post(&list, &request).await.expect_status(201);
            let read = target.get(&made.header("location")).await.expect_status(200).json();
            let mut expected = expected.as_array().unwrap().clone();
            expected.resize(fields.len(), Value::Null);
            assert_eq!(fields.map(|field| read[field].clone()).to_vec(), expected, "{request}");
        }
        let dividends = target.get(&format!("{list}?type=dividend&symbol=IBM")).await.expect_status(200).json();
        assert_eq!(dividends["items"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn cash_is_corrected_and_a_charge_can_lose_its_instrument() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        let fee = json!({"type": "fee", "symbol": "IBM", "amount": "2", "date": "2012-06-01"});
        let path = target.post(&list, &fee).await.expect_status(201).header("location");
        let change = json!({"symbol": null, "amount": "-3", "currency": "EUR", "tax": "1"});
        let fee = target.patch(&path, &change, "\"1\"").await.expect_status(200).json();
        let read = ["symbol", "amount", "currency", "tax"].map(|field| fee[field].clone());
        assert_eq!(read, [Value::Null, json!("-3.00"), json!("EUR"), json!("1.00")]);
        let problem = target.patch(&path, &json!({"amount": "0"}), "\"2\"").await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0], json!({"pointer": "/amount", "detail": "must not be zero"}));
        let exchange = json!({
            "type": "exchange", "amount": "110", "currency": "USD", "to_amount": 100, "to_currency": "EUR",
            "date": "2012-06-01",
        });
        let path = target.post(&list, &exchange).await.expect_status(201).header("location");
        let other = target.patch(&path, &json!({"to_amount": "99.5"}), "\"1\"").await.expect_status(200).json();
        assert_eq!((&other["amount"], &other["to_amount"]), (&json!("110.00"), &json!("99.50")));
        let problem = target.patch(&path, &json!({"currency": "EUR"}), "*").await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/to_currency");
        target.delete(&path).await.expect_status(204);
    });
}

#[test]
fn a_reversal_names_what_it_takes_back() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        let dividend = |amount: &str, symbol: &str| json!({"type": "dividend", "symbol": symbol, "amount": amount, "date": "2012-06-01"});
        let first = target.post(&list, &dividend("3", "IBM")).await.expect_status(201);
        let id = first.json()["id"].clone();
        let reversal = |request: Value, id: &Value| with(request, json!({"reverses": id}));
        for (refused, id) in [
            (dividend("3", "IBM"), &id),
            (dividend("-3", "AAPL"), &id),
            (with(dividend("-3", "IBM"), json!({"currency": "EUR"})), &id),
            (json!({"type": "tax", "amount": "-3", "symbol": "IBM", "date": "2012-06-01"}), &id),
            (dividend("-3", "IBM"), &json!("019b2c6e-8f00-7a3d-9c41-000000000011")),
        ] {
            let answer = target.post(&list, &reversal(refused, id)).await;
            let problem = answer.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/reverses", "{problem}");
        }
        let made = target.post(&list, &reversal(dividend("-3", "IBM"), &id)).await.expect_status(201);
        assert_eq!(made.json()["reverses"], id);
        // Neither of the two can be corrected so that one no longer takes back the other.
        for path in [made.header("location"), first.header("location")] {
            let corrected =
                if path == first.header("location") { json!({"amount": "-3"}) } else { json!({"amount": "3"}) };
            let problem = target.patch(&path, &corrected, "\"1\"").await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/reverses", "{problem}");
        }
        // What was taken back may be removed: the reversal can still be corrected.
        target.delete(&first.header("location")).await.expect_status(204);
        let path = made.header("location");
        let noted = target.patch(&path, &json!({"note": "paid twice"}), "\"1\"").await.expect_status(200);
        assert_eq!(noted.json()["reverses"], id);
        let without = target.patch(&path, &json!({"reverses": null}), "\"2\"").await.expect_status(200);
        assert_eq!(without.json()["reverses"], Value::Null);
    });
}

#[test]
fn cash_that_cannot_be_is_refused() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        for (request, pointer) in [
            (json!({"type": "deposit"}), "/amount"),
            (json!({"type": "deposit", "amount": "-1"}), "/amount"),
            (json!({"type": "deposit", "amount": "1.005"}), "/amount"),
            (json!({"type": "deposit", "amount": "1_000"}), "/amount"),
            (json!({"type": "deposit", "amount": 1e30}), "/amount"),
            (json!({"type": "deposit", "amount": "1", "symbol": "IBM"}), "/symbol"),
            (json!({"type": "deposit", "amount": "1", "currency": "XXX"}), "/currency"),
            (json!({"type": "withdrawal", "amount": "1", "quantity": "1"}), "/quantity"),
            (json!({"type": "dividend", "amount": "1"}), "/symbol"),
            (json!({"type": "interest", "amount": "0"}), "/amount"),
            (json!({"type": "tax", "amount": "1", "fee": "-1"}), "/fee"),
            (json!({"type": "adjustment", "amount": "1"}), "/note"),
            (json!({"type": "transfer_in", "amount": "1", "cost_unknown": true}), "/cost_unknown"),
            (json!({"type": "exchange", "amount": "1", "to_amount": "1", "to_currency": "USD"}), "/currency"),
            (
                json!({"type": "exchange", "amount": "1", "currency": "USD", "to_amount": "1", "to_currency": "USD"}),
                "/to_currency",
            ),
            (json!({"type": "fee", "amount": "1", "reverses": "no id"}), "/reverses"),
        ] {
            let request = with(request, json!({"date": "2012-06-01"}));
            let problem = target.post(&list, &request).await.expect_problem(422, "invalid_fields");
            let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
            assert_eq!(pointers, [pointer], "{request}: {problem}");
        }
        let unknown = json!({"type": "dividend", "symbol": "NOSUCH", "amount": "1", "date": "2012-06-01"});
        target.post(&list, &unknown).await.expect_problem(404, "unknown_symbol");
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([]));
    });
}

#[test]
fn a_dividend_leaves_units_and_lots_as_they_are() {
    each(async |target: &Target| {
        let list = history(target).await;
        target.post(&list, &trade("buy", "IBM", "10", "190", "2012-06-01")).await.expect_status(201);
        let holdings = list.replace("activities", "holdings");
        let before = target.get(&holdings).await.expect_status(200).json();
        for request in [
            json!({"type": "dividend", "symbol": "IBM", "amount": "8.50", "tax": "1.2", "date": "2012-09-10"}),
            json!({"type": "fee", "symbol": "IBM", "amount": "1", "date": "2012-09-10"}),
            json!({"type": "dividend", "symbol": "GOOG", "amount": "8.50", "date": "2012-09-10"}),
        ] {
            target.post(&list, &request).await.expect_status(201);
        }
        let after = target.get(&holdings).await.expect_status(200).json();
        assert_eq!((&after["items"], &after["value"]), (&before["items"], &before["value"]));
    });
}

#[test]
fn cash_is_read_by_currency_and_day_and_a_negative_balance_is_named() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        let cash = list.replace("activities", "cash");
        let nothing = target.get(&cash).await.expect_status(200).json();
        let expected = json!({
            "portfolio_id": list.split('/').nth(2).unwrap(), "cash": "ignored", "as_of": nothing["as_of"], "balances": [],
            "items": [], "next_cursor": null, "warnings": [],
        });
        assert_eq!(nothing, expected);
        for request in [
            json!({"type": "deposit", "amount": "1000", "date": "2012-06-01"}),
            json!({"type": "exchange", "amount": "400", "currency": "EUR", "to_amount": "500", "to_currency": "USD", "fee": "1.5", "date": "2012-06-01"}),
            json!({"type": "buy", "symbol": "IBM", "quantity": "3", "unit_price": "190", "fee": "4", "date": "2012-06-04"}),
            json!({"type": "dividend", "symbol": "IBM", "amount": "2.55", "tax": "0.38", "date": "2012-06-08"}),
            json!({"type": "deposit", "amount": "80", "currency": "USD", "date": "2012-06-11"}),
        ] {
            target.post(&list, &request).await.expect_status(201);
        }
        let found = target.get(&format!("{cash}?order=asc")).await.expect_status(200).json();
        let balances = json!([
            {"currency": "EUR", "balance": "598.50", "first_negative": null},
            {"currency": "USD", "balance": "8.17", "first_negative": "2012-06-04"},
        ]);
        assert_eq!(found["balances"], balances);
        let day = |date: &str, currency: &str, amounts: [&str; 7]| {
            let [flows, trades, income, fees, taxes, exchanges, balance] = amounts;
            json!({
                "date": date, "currency": currency, "flows": flows, "trades": trades, "income": income, "fees": fees,
                "taxes": taxes, "exchanges": exchanges, "balance": balance,
            })
        };
        let zero = "0.00";
        let days = json!([
            day("2012-06-01", "EUR", ["1000.00", zero, zero, "-1.50", zero, "-400.00", "598.50"]),
            day("2012-06-01", "USD", [zero, zero, zero, zero, zero, "500.00", "500.00"]),
            day("2012-06-04", "USD", [zero, "-570.00", zero, "-4.00", zero, zero, "-74.00"]),
            day("2012-06-08", "USD", [zero, zero, "2.55", zero, "-0.38", zero, "-71.83"]),
            day("2012-06-11", "USD", ["80.00", zero, zero, zero, zero, zero, "8.17"]),
        ]);
        assert_eq!(found["items"], days);
        // Filters and pages leave the balances as they are.
        let page = target.get(&format!("{cash}?currency=USD&to=2012-06-08&limit=2")).await.expect_status(200).json();
        assert_eq!((&page["balances"], &page["items"]), (&balances, &json!([days[3], days[2]])));
        let next = page["next_cursor"].as_str().unwrap();
        let rest = format!("{cash}?currency=USD&to=2012-06-08&limit=2&cursor={next}");
        let rest = target.get(&rest).await.expect_status(200).json();
        assert_eq!((&rest["items"], &rest["next_cursor"]), (&json!([days[1]]), &Value::Null));
        target.get(&format!("{list}?cursor={next}")).await.expect_problem(400, "invalid_cursor");
        for query in ["currency=usd", "currency=XXX", "from=2012-02-30", "from=2012-06-02&to=2012-06-01", "limit=0"] {
            target.get(&format!("{cash}?{query}")).await.expect_problem(422, "invalid_fields");
        }
        let stranger = target.newcomer().await;
        stranger.get(&cash).await.expect_problem(404, "not_found");
    });
}

#[test]
fn cash_dated_after_the_markets_today_is_named_and_in_no_balance() {
    each(async |target: &Target| {
        let list = in_euros(target).await;
        let deposit = |date: &str| json!({"type": "deposit", "amount": "1", "date": date});
        let cash = list.replace("activities", "cash");
        let today = target.get(&cash).await.expect_status(200).json()["as_of"].clone();
        let today = today.as_str().unwrap();
        target.post(&list, &deposit(today)).await.expect_status(201);
        let after = today.parse::<chrono::NaiveDate>().unwrap().succ_opt().unwrap().to_string();
        target.post(&list, &deposit(&after)).await.expect_status(201);
        let found = target.get(&cash).await.expect_status(200).json();
        assert_eq!(found["balances"][0]["balance"], "1.00", "{found}");
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        let detail = format!("Activities that move cash and are dated after {today} are not included: 1.");
        assert_eq!(found["warnings"], json!([{"code": "activities_to_come", "detail": detail}]));
    });
}
