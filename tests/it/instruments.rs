use reqwest::Method;
use serde_json::{Value, json};

use crate::portfolios::opened;
use crate::target::{Target, each};

/// Creates a custom instrument that no other test uses; returns its symbol.
async fn item(target: &Target) -> String {
    let symbol = Target::unique("MY:I").to_uppercase();
    let request = json!({"symbol": symbol, "name": "The house by the lake", "currency": "CHF"});
    let made = target.post("/instruments", &request).await.expect_status(201);
    assert_eq!(made.header("location"), format!("/instruments/{symbol}"));
    symbol
}

#[test]
fn a_custom_instrument_is_valued_day_by_day() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let read = target.get(&format!("/instruments/{symbol}")).await.expect_status(200).json();
        assert_eq!((&read["instrument_type"], &read["currency"]), (&json!("item"), &json!("CHF")));
        let (portfolio, _) = opened(target, &json!({"name": "Things", "type": "other"})).await;
        let lot =
            json!({"ticker_symbol": symbol, "quantity": 1, "purchase_price": 800_000, "purchase_date": "2010-05-01"});
        let made = target.post(&format!("{portfolio}/investments"), &lot).await.expect_status(201);
        assert_eq!((&made.json()["value"], &made.json()["unavailable"]["value"]), (&Value::Null, &json!("no_price")));
        let prices = format!("/instruments/{symbol}/prices");
        let first =
            json!({"prices": [{"date": "2012-12-31", "price": "925000.50"}, {"date": "2011-12-31", "price": 900_000}]});
        let stored = target.put(&prices, &first).await.expect_status(200).json();
        assert_eq!((&stored["count"], &stored["last"]), (&json!(2), &json!("2012-12-31")));
        let replaced = json!({"prices": [{"date": "2012-12-31", "price": "930000.05"}]});
        assert_eq!(target.put(&prices, &replaced).await.expect_status(200).json()["count"], 2);
        let lot = target.get(&made.header("location")).await.expect_status(200).json();
        assert_eq!((&lot["current_price"], &lot["last_updated"]), (&json!("930000.05"), &json!("2012-12-31")));
        assert_eq!(
            (&lot["value"], &lot["gain"], &lot["currency"]),
            (&json!("930000.05"), &json!("130000.05"), &json!("CHF"))
        );
    });
}

#[test]
fn concurrent_valuations_are_all_stored() {
    each(async |target: &Target| {
        let prices = format!("/instruments/{}/prices", item(target).await);
        let bodies: Vec<_> =
            (1..7).map(|day| json!({"prices": [{"date": format!("2012-01-0{day}"), "price": day}]})).collect();
        for answer in futures::future::join_all(bodies.iter().map(|body| target.put(&prices, body))).await {
            answer.expect_status(200);
        }
        let last = target.put(&prices, &json!({"prices": [{"date": "2012-01-07", "price": 7}]})).await;
        assert_eq!(last.expect_status(200).json()["count"], 7);
    });
}

#[test]
fn instruments_are_found_by_symbol_and_name() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let symbols = |answer: Value| {
            let items = answer["items"].as_array().unwrap().clone();
            items.iter().map(|item| item["symbol"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let found = target.get("/instruments?query=apple").await.expect_status(200).json();
        assert_eq!(symbols(found), ["AAPL"]);
        let found = target.get(&format!("/instruments?query={}", &symbol[3..])).await.expect_status(200).json();
        assert!(symbols(found).contains(&symbol));
        let found = target.get("/instruments?limit=1").await.expect_status(200).json();
        assert_eq!(symbols(found), ["AAPL"]);
        target.get("/instruments/IBM").await.expect_status(200);
        target.get("/instruments/NOPE").await.expect_problem(404, "unknown_symbol");
        target.get("/instruments?limit=0").await.expect_problem(422, "invalid_fields");
    });
}

#[test]
fn last_prices_have_an_age_and_missing_ones_a_reason() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let prices = json!({"prices": [{"date": "2012-12-31", "price": "925000.50"}]});
        target.put(&format!("/instruments/{symbol}/prices"), &prices).await.expect_status(200);
        let answer = target.get(&format!("/quotes?symbols=IBM,{symbol},NOPE")).await.expect_status(200);
        assert_eq!(answer.header("cache-control"), "private, max-age=15");
        let answer = answer.json();
        let (ibm, house) = (&answer["items"][0], &answer["items"][1]);
        assert_eq!((&ibm["symbol"], &ibm["source"]), (&json!("IBM"), &json!("sample")));
        // The sample's clock stands at the close of its last day.
        assert_eq!((&ibm["as_of"], &ibm["age_seconds"]), (&json!("2013-03-01T21:00:00.000Z"), &json!(0)));
        assert_eq!((&house["price"], &house["age_seconds"]), (&json!("925000.5"), &json!(60 * 86_400)));
        assert_eq!(
            (&ibm["stale"], &house["stale"]),
            (&json!(false), &json!(false)),
            "a custom instrument is never stale"
        );
        assert_eq!(answer["unavailable"], json!({"NOPE": "unknown_symbol"}));
    });
}

#[test]
fn a_request_has_at_most_a_hundred_symbols_and_none_twice() {
    each(async |target: &Target| {
        let of = |count: usize| (0..count).map(|number| format!("S{number}")).collect::<Vec<_>>().join(",");
        let answer = target.get(&format!("/quotes?symbols={}", of(100))).await.expect_status(200).json();
        assert_eq!(answer["unavailable"].as_object().map(serde_json::Map::len), Some(100));
        for symbols in [of(101), String::new(), "IBM,AAPL,ibm".to_owned(), "IBM,".to_owned(), "IBM,A B".to_owned()] {
            let symbols = symbols.replace(' ', "%20");
            let refused = target.get(&format!("/quotes?symbols={symbols}")).await;
            let problem = refused.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/symbols", "{symbols}: {problem}");
        }
    });
}

#[test]
fn invalid_instruments_and_valuations_are_refused_with_pointers() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let again = json!({"symbol": symbol, "name": "Another"});
        target.post("/instruments", &again).await.expect_problem(409, "symbol_taken");
        for (request, pointer) in [
            (json!({"symbol": "HOUSE", "name": "x"}), "/symbol"),
            (json!({"symbol": "MY:A B", "name": "x"}), "/symbol"),
            (json!({"symbol": "MY:HOUSE2", "name": " "}), "/name"),
            (json!({"symbol": "MY:HOUSE2", "name": "x", "currency": "Gold"}), "/currency"),
            (json!({"symbol": "MY:HOUSE2", "name": "x", "instrument_type": "boat"}), "/instrument_type"),
        ] {
            let problem = target.post("/instruments", &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        let prices = format!("/instruments/{symbol}/prices");
        for (request, pointer) in [
            (json!({"prices": []}), "/prices"),
            (json!({"prices": [{"date": "2012-01-01", "price": 0}]}), "/prices/0/price"),
            (json!({"prices": [{"date": "2012-01-32", "price": 1}]}), "/prices/0/date"),
            (json!({"prices": [{"date": "2199-01-01", "price": 1}]}), "/prices"),
            (json!({"prices": [{"date": "2012-01-01", "price": 1}, {"date": "2012-01-01", "price": 2}]}), "/prices"),
            (json!({"prices": [{"date": "2012-01-01", "price": "12345678901.12345678"}]}), "/prices"),
        ] {
            let problem = target.put(&prices, &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        let good = json!({"prices": [{"date": "2012-01-01", "price": 1}]});
        target.put("/instruments/IBM/prices", &good).await.expect_problem(422, "invalid_fields");
        target.put("/instruments/MY:NOPE/prices", &good).await.expect_problem(404, "unknown_symbol");
    });
}

#[test]
fn a_custom_instrument_is_changed_at_the_version_that_was_read() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let path = format!("/instruments/{symbol}");
        let first = target.get(&path).await.expect_status(200).header("etag");
        let new = json!({"symbol": Target::unique("MY:I").to_uppercase(), "name": "Another"});
        let key = Target::unique("instrument");
        let made = target.post_with_key("/instruments", &new, &key).await.expect_status(201);
        target.delete(&made.header("location")).await.expect_status(204);
        // The first response again has no version: it would be that of another instrument of this name.
        let again = target.post_with_key("/instruments", &new, &key).await.expect_status(201);
        assert_eq!((again.text(), again.header("etag")), (made.text(), String::new()));
        let change = json!({"name": " The boat ", "instrument_type": "stock", "currency": "EUR"});
        let changed = target.patch(&path, &change, &first).await.expect_status(200);
        let second = changed.header("etag");
        assert_ne!(second, first);
        let changed = changed.json();
        assert_eq!((&changed["name"], &changed["instrument_type"]), (&json!("The boat"), &json!("stock")));
        assert_eq!((&changed["currency"], &changed["symbol"]), (&json!("EUR"), &json!(symbol)));
        let read = target.get(&path).await.expect_status(200);
        assert_eq!((read.header("etag"), read.json()), (second.clone(), changed));
        target.patch(&path, &change, &first).await.expect_problem(412, "precondition_failed");
        target.patch(&path, &change, "").await.expect_problem(428, "precondition_required");
        assert_eq!(target.patch(&path, &json!({}), &second).await.expect_status(200).header("etag"), second);
        for (change, pointer) in [
            (json!({"name": ""}), "/name"),
            (json!({"name": null}), "/name"),
            (json!({"currency": "Gold"}), "/currency"),
            (json!({"currency": null}), "/currency"),
            (json!({"instrument_type": "boat"}), "/instrument_type"),
            (json!({"symbol": "MY:OTHER"}), "/symbol"),
        ] {
            let problem = target.patch(&path, &change, "*").await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{change}: {problem}");
        }
        let name = json!({"name": "x"});
        target.patch("/instruments/MY:NOPE", &name, "*").await.expect_problem(404, "unknown_symbol");
        let ibm = target.get("/instruments/IBM").await.expect_status(200).header("etag");
        assert_eq!(target.get("/instruments/ibm").await.expect_status(200).header("etag"), ibm);
        assert_ne!(target.get("/instruments/AAPL").await.expect_status(200).header("etag"), ibm);
        let market = target.patch("/instruments/IBM", &name, "*").await.expect_problem(422, "invalid_fields");
        assert_eq!(market["errors"][0]["pointer"], "/symbol");
    });
}

#[test]
fn the_currency_of_a_custom_instrument_stays_while_it_is_held_or_has_valuations() {
    each(async |target: &Target| {
        let to_euro = json!({"currency": "EUR"});
        let valued = item(target).await;
        let prices = json!({"prices": [{"date": "2012-12-31", "price": "7"}]});
        target.put(&format!("/instruments/{valued}/prices"), &prices).await.expect_status(200);
        let held = item(target).await;
        let lot = json!({"ticker_symbol": held, "quantity": 1, "purchase_price": 8, "purchase_date": "2010-05-01"});
        let (portfolio, _) = opened(target, &json!({"name": "Chalets", "type": "other"})).await;
        let lot = target.post(&format!("{portfolio}/investments"), &lot).await.expect_status(201).header("location");
        for (symbol, reason) in [(&valued, "valuations"), (&held, "Chalets")] {
            let path = format!("/instruments/{symbol}");
            let problem = target.patch(&path, &to_euro, "*").await.expect_problem(409, "instrument_in_use");
            assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
            let same = json!({"currency": "CHF", "name": "Another name"});
            target.patch(&path, &same, "*").await.expect_status(200);
        }
        target.delete(&lot).await.expect_status(204);
        target.patch(&format!("/instruments/{held}"), &to_euro, "*").await.expect_status(200);
    });
}

#[test]
fn a_custom_instrument_is_removed_with_its_valuations_once_nothing_refers_to_it() {
    each(async |target: &Target| {
        let symbol = item(target).await;
        let path = format!("/instruments/{symbol}");
        let prices = json!({"prices": [{"date": "2011-12-30", "price": "6"}, {"date": "2012-12-31", "price": "7"}]});
        target.put(&format!("{path}/prices"), &prices).await.expect_status(200);
        let refused = async |reason: &str| {
            let problem = target.delete(&path).await.expect_problem(409, "instrument_in_use");
            assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
            target.get(&path).await.expect_status(200);
        };
        target.call(Method::PUT, &format!("/watchlist/{symbol}")).await.expect_status(201);
        refused("watchlist").await;
        target.delete(&format!("/watchlist/{symbol}")).await.expect_status(204);
        let (portfolio, _) = opened(target, &json!({"name": "Boats", "type": "other"})).await;
        let lot = json!({"ticker_symbol": symbol, "quantity": 1, "purchase_price": 8, "purchase_date": "2010-05-01"});
        let lot = target.post(&format!("{portfolio}/investments"), &lot).await.expect_status(201).header("location");
        refused("Boats").await;
        target.delete(&lot).await.expect_status(204);

        let stale = target.send_with(Method::DELETE, &path, &[("if-match", "\"1\"")], String::new()).await;
        stale.expect_problem(412, "precondition_failed");
        target.delete(&path).await.expect_status(204);
        for gone in [
            target.get(&path).await,
            target.delete(&path).await,
            target.patch(&path, &json!({"name": "x"}), "*").await,
            target.put(&format!("{path}/prices"), &prices).await,
            target.call(Method::PUT, &format!("/watchlist/{symbol}")).await,
        ] {
            gone.expect_problem(404, "unknown_symbol");
        }
        let quotes = target.get(&format!("/quotes?symbols={symbol}")).await.expect_status(200).json();
        assert_eq!(quotes["unavailable"][&symbol], "unknown_symbol");
        // The name is free again, and the new instrument has none of the old valuations.
        let again = json!({"symbol": symbol, "name": "Another", "currency": "EUR"});
        target.post("/instruments", &again).await.expect_status(201);
        let one = json!({"prices": [{"date": "2013-01-02", "price": "9"}]});
        assert_eq!(target.put(&format!("{path}/prices"), &one).await.expect_status(200).json()["count"], 1);
        let market = target.delete("/instruments/IBM").await.expect_problem(422, "invalid_fields");
        assert_eq!(market["errors"][0]["pointer"], "/symbol");
    });
}
