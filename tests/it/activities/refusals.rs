//! Activities that cannot be: each with its problem.

use chrono::{Days, NaiveDate};

use super::*;

fn purchase() -> Value {
    trade("buy", "IBM", "10", "190", "2012-06-01")
}

/// The fields at fault, each with what is wrong.
fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap())).collect()
}

#[test]
fn a_field_at_fault_is_refused_with_its_pointer() {
    each(async |target: &Target| {
        let (list, decimal) = (history(target).await, "must be a decimal number");
        for (change, pointer, detail) in [
            (json!({"quantity": 0}), "/quantity", "must be above zero"),
            (json!({"quantity": -1}), "/quantity", "must be above zero"),
            (json!({"quantity": "1_000"}), "/quantity", decimal),
            (json!({"quantity": "1e3"}), "/quantity", decimal),
            (json!({"quantity": "0.0000000000001"}), "/quantity", "must have at most 12 decimals"),
            (json!({"quantity": "10000000000000"}), "/quantity", "must be at most 1000000000000"),
            (json!({"unit_price": "0"}), "/unit_price", "must be above zero"),
            (json!({"unit_price": "1.0000000000001"}), "/unit_price", "must have at most 12 decimals"),
            (json!({"fee": "-0.01"}), "/fee", "must not be below zero"),
            (
                json!({"amount": "1950"}),
                "/amount",
                "is 1950, but quantity × unit_price is 1900: correct one of the three",
            ),
            (
                json!({"type": "transfer_out", "unit_price": null, "currency": "EUR"}),
                "/currency",
                "must be USD, in which IBM is priced",
            ),
            (json!({"currency": "EUR", "fx_rate": 0}), "/fx_rate", "must be above zero"),
            (json!({"fx_rate": "1.1"}), "/fx_rate", "must be 1, because both currencies are USD"),
            (json!({"base_rate": "-1"}), "/base_rate", "must be above zero"),
            (json!({"fee": 1, "fee_currency": "euro"}), "/fee_currency", ""),
            (json!({"currency": "Dollar"}), "/currency", ""),
            (json!({"ratio": 2}), "/ratio", "buy does not take it"),
            (json!({"acquired_on": "2012-01-03"}), "/acquired_on", "buy does not take it"),
            (json!({"cost_unknown": true}), "/cost_unknown", "buy does not take it"),
            (json!({"type": "transfer_out", "unit_price": null, "tax": 1}), "/tax", "transfer_out does not take it"),
            (
                json!({"type": "transfer_in", "unit_price": null}),
                "/unit_price",
                "give either unit_price or cost_unknown=true",
            ),
            (
                json!({"type": "adjustment"}),
                "/note",
                "must say why the units or the cash are adjusted, in at most 500 characters",
            ),
            (json!({"type": "gift"}), "/type", ""),
            (json!({"symbol": "A A"}), "/symbol", ""),
            (json!({"symbol": null}), "/symbol", "buy needs it"),
            (json!({"time": "25:00"}), "/time", "must be a time of day such as 15:30 or 15:30:05"),
            (json!({"note": "x".repeat(501)}), "/note", ""),
            (json!({"note": "a\u{0}b"}), "/note", ""),
            (json!({"external_id": "x".repeat(201)}), "/external_id", ""),
            (json!({"external_id": "a\nb"}), "/external_id", ""),
            (json!({"units": "2"}), "/units", ""),
        ] {
            let request = with(purchase(), change);
            let problem = target.post(&list, &request).await.expect_problem(422, "invalid_fields");
            let [(found, said)] = faults(&problem)[..] else { panic!("{request}: {problem}") };
            assert_eq!(found, pointer, "{request}: {problem}");
            assert!(detail.is_empty() || said == detail, "{request}: {problem}");
        }
        // A number that JSON knows and no decimal holds.
        let huge = purchase().to_string().replace("\"10\"", "1e400");
        let headers = [("content-type", "application/json")];
        let problem = target.send_with(reqwest::Method::POST, &list, &headers, huge).await;
        assert_eq!(faults(&problem.expect_problem(422, "invalid_fields")), [("/quantity", decimal)]);
        for (ratio, detail) in
            [(json!(0), "must be above zero"), (json!("0:1"), "must be above zero"), (json!("two"), decimal)]
        {
            let split = json!({"type": "split", "date": "2012-06-01", "symbol": "IBM", "ratio": ratio});
            let problem = target.post(&list, &split).await.expect_problem(422, "invalid_fields");
            assert_eq!(faults(&problem), [("/ratio", detail)], "{ratio}");
        }
        assert_eq!(target.get(&list).await.expect_status(200).json()["items"], json!([]));
    });
}

#[test]
fn every_field_at_fault_is_named_in_one_answer() {
    each(async |target: &Target| {
        let list = history(target).await;
        let unread = json!({
            "type": "sell", "date": "2012-02-30", "symbol": "IBM", "quantity": "x", "unit_price": "1_000", "time": "1",
        });
        let problem = target.post(&list, &unread).await.expect_problem(422, "invalid_fields");
        let pointers: Vec<_> = faults(&problem).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/date", "/time", "/quantity", "/unit_price"]);
        let no_units = json!({"lots": [{"lot_id": "0190aaaa-0000-7000-8000-000000000000", "quantity": "0"}]});
        let problem = target.post(&list, &with(purchase(), no_units)).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&problem), [("/lots/0/quantity", "must be above zero")]);
        let wrong = json!({
            "type": "split", "date": "2199-12-31", "symbol": "IBM", "quantity": 1, "fee": 1, "currency": "EUR",
            "lots": [{"lot_id": "0190aaaa-0000-7000-8000-000000000000", "quantity": 1}],
        });
        let problem = target.post(&list, &wrong).await.expect_problem(422, "invalid_fields");
        let pointers: Vec<_> = faults(&problem).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/date", "/quantity", "/fee", "/lots", "/currency", "/ratio"], "{problem}");
        assert_eq!(problem["detail"], "6 fields are invalid.");
    });
}

#[test]
fn a_day_is_one_from_1900_to_the_day_after_today() {
    each(async |target: &Target| {
        let list = history(target).await;
        let today: NaiveDate = crate::target::now().date_naive();
        let on = |date: &str| with(purchase(), json!({"date": date}));
        // Two days ahead, and one more in case midnight passes.
        let later = today.checked_add_days(Days::new(3)).unwrap().to_string();
        for date in ["1899-12-31", "2013-02-30", "2013-02-29", "01.03.2013", "", &later] {
            let problem = target.post(&list, &on(date)).await.expect_problem(422, "invalid_fields");
            assert_eq!(faults(&problem)[0].0, "/date", "{date}: {problem}");
        }
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap().to_string();
        for date in ["1900-01-01", "2012-02-29", &tomorrow] {
            let made = target.post(&list, &on(date)).await.expect_status(201).json();
            assert_eq!(made["date"], *date);
        }
    });
}

#[test]
fn what_is_dated_after_the_markets_today_is_recorded_and_named_and_in_no_figure_yet() {
    each(async |target: &Target| {
        let list = history(target).await;
        let holdings = list.replace("/activities", "/holdings");
        target.post(&list, &purchase()).await.expect_status(201);
        let before = target.get(&holdings).await.expect_status(200).json();
        // The prices of the sample end on 2013-03-01.
        let sale = trade("sell", "IBM", "4", "200", "2013-03-02");
        target.post(&list, &sale).await.expect_status(201);
        target.post(&list, &trade("buy", "MSFT", "1", "28", "2013-03-04")).await.expect_status(201);
        let after = target.get(&holdings).await.expect_status(200).json();
        assert_eq!((&after["items"], &after["value"]), (&before["items"], &before["value"]));
        let warnings = after["warnings"].as_array().unwrap().iter();
        let mut codes: Vec<_> = warnings.map(|warning| warning["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["activities_to_come", "investments_to_come"]);
        // The units that it takes are gone nevertheless.
        target
            .post(&list, &trade("sell", "IBM", "7", "200", "2013-03-04"))
            .await
            .expect_problem(409, "insufficient_units");
    });
}

#[test]
fn a_sale_before_its_purchase_is_refused_with_its_day_and_the_units_held() {
    each(async |target: &Target| {
        let list = history(target).await;
        target.post(&list, &purchase()).await.expect_status(201);
        let early = target.post(&list, &trade("sell", "IBM", "10", "180", "2012-05-31")).await;
        let problem = early.expect_problem(409, "insufficient_units");
        assert_eq!(problem["detail"], "10 units of IBM cannot leave on 2012-05-31: only 0 are held.");
        // Without times, the purchase of a day comes before its sale; with them, the earlier one.
        let sale = trade("sell", "IBM", "10", "191", "2012-06-01");
        let path = target.post(&list, &sale).await.expect_status(201).header("location");
        target.delete(&path).await.expect_status(204);
        let bought = target.get(&list).await.expect_status(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
        target.patch(&format!("{list}/{bought}"), &json!({"time": "15:00"}), "*").await.expect_status(200);
        let earlier = with(sale, json!({"time": "14:59:59"}));
        target.post(&list, &earlier).await.expect_problem(409, "insufficient_units");
    });
}

#[test]
fn a_change_that_leaves_a_later_sale_without_units_is_refused_and_names_it() {
    each(async |target: &Target| {
        let list = history(target).await;
        let bought = target.post(&list, &purchase()).await.expect_status(201).header("location");
        let sold = target.post(&list, &trade("sell", "IBM", "8", "200", "2012-09-03")).await.expect_status(201).json();
        let before = target.get(&list).await.expect_status(200).json();
        let assert_named = |answer: crate::answer::Answer, held: &str| {
            let detail = format!(
                "The activity {} on 2012-09-03 needs 8 units of IBM, but only {held} would be held.",
                sold["id"].as_str().unwrap()
            );
            assert_eq!(answer.expect_problem(409, "history_conflict")["detail"], detail);
        };
        assert_named(target.delete(&bought).await, "0");
        for (change, held) in [
            (json!({"quantity": "7.5"}), "7.5"),
            (json!({"date": "2012-09-04"}), "0"),
            (json!({"symbol": "AAPL"}), "0"),
        ] {
            assert_named(target.patch(&bought, &change, "*").await, held);
        }
        let left = json!({"type": "transfer_out", "date": "2012-07-02", "symbol": "IBM", "quantity": "3"});
        assert_named(target.post(&list, &left).await, "7");
        assert_named(target.post(&format!("{list}?dry_run=true"), &left).await, "7");
        assert_eq!(target.get(&list).await.expect_status(200).json(), before);
    });
}

#[test]
fn an_unknown_symbol_and_what_another_customer_has_are_not_found() {
    each(async |target: &Target| {
        let (owner, stranger) = (target.newcomer().await, target.newcomer().await);
        let list = history(&owner).await;
        for symbol in ["NOSUCH", "MY:NOSUCH"] {
            let request = with(purchase(), json!({"symbol": symbol}));
            owner.post(&list, &request).await.expect_problem(404, "unknown_symbol");
        }
        let path = owner.post(&list, &purchase()).await.expect_status(201).header("location");
        stranger.post(&list, &purchase()).await.expect_problem(404, "not_found");
        stranger.get(&list).await.expect_problem(404, "not_found");
        for path in
            [path.clone(), format!("{path}/versions"), format!("{list}/17"), "/portfolios/17/activities/17".into()]
        {
            stranger.get(&path).await.expect_problem(404, "not_found");
        }
        stranger.patch(&path, &json!({"quantity": 1}), "*").await.expect_problem(404, "not_found");
        stranger.delete(&path).await.expect_problem(404, "not_found");
        // Below a portfolio of their own it is not found either.
        let id = path.rsplit('/').next().unwrap();
        let own = history(&stranger).await;
        for path in [format!("{own}/{id}"), format!("{own}/{id}/versions")] {
            stranger.get(&path).await.expect_problem(404, "not_found");
        }
    });
}

#[test]
fn a_closed_portfolio_keeps_its_history_as_it_is() {
    each(async |target: &Target| {
        let list = history(target).await;
        let portfolio = list.strip_suffix("/activities").unwrap();
        target.post(&list, &purchase()).await.expect_status(201);
        let sale = trade("sell", "IBM", "10", "200", "2012-09-03");
        let sold = target.post(&list, &sale).await.expect_status(201).header("location");
        target.patch(portfolio, &json!({"state": "closed"}), "*").await.expect_status(200);
        target.post(&list, &purchase()).await.expect_problem(409, "portfolio_closed");
        target.patch(&sold, &json!({"unit_price": 201}), "*").await.expect_problem(409, "portfolio_closed");
        // Without the sale, a closed portfolio would hold units.
        target.delete(&sold).await.expect_problem(409, "portfolio_closed");
        target.get(&sold).await.expect_status(200);
        target.patch(portfolio, &json!({"state": "open"}), "*").await.expect_status(200);
        target.delete(&sold).await.expect_status(204);
    });
}

#[test]
fn a_correction_is_checked_like_what_it_corrects() {
    each(async |target: &Target| {
        let list = history(target).await;
        let path = target.post(&list, &purchase()).await.expect_status(201).header("location");
        for (change, pointer) in [
            (json!({"type": "sell"}), "/type"),
            (json!({"external_id": "T-2"}), "/external_id"),
            (json!({"date": null}), "/date"),
            (json!({"quantity": null}), "/quantity"),
            (json!({"quantity": "0"}), "/quantity"),
            (json!({"ratio": "2:1"}), "/ratio"),
            (json!({"acquired_on": "2012-01-03"}), "/acquired_on"),
            (json!({"amount": 1, "unit_price": 2}), "/amount"),
            (json!({"note": "x".repeat(501)}), "/note"),
            (json!({"tax": "0.001"}), "/tax"),
        ] {
            let problem = target.patch(&path, &change, "\"1\"").await.expect_problem(422, "invalid_fields");
            assert_eq!(faults(&problem)[0].0, pointer, "{change}: {problem}");
        }
        let paid = target.patch(&path, &json!({"amount": "1901"}), "\"1\"").await.expect_status(200).json();
        assert_eq!((&paid["amount"], &paid["unit_price"]), (&json!("1901.00"), &json!("190.1")));
    });
}
