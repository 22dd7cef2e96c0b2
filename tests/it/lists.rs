//! Filters and order of the lists, and reading single objects of them.

mod activities;

use reqwest::Method;
use serde_json::{Value, json};

use crate::target::{Target, each};

const NO_ID: &str = "0190aaaa-0000-7000-8000-000000000000";

/// The ids on all pages of a list, two items a page, and the cursor of its second page, if it has one.
async fn walk(customer: &Target, path: &str) -> (Vec<String>, Option<String>) {
    let (mut ids, mut second, mut after) = (Vec::new(), None, String::new());
    let joint = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = customer.get(&format!("{path}{joint}limit=2{after}")).await.expect_status(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{path}");
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return (ids, second) };
        second.get_or_insert_with(|| next.to_owned());
        after = format!("&cursor={next}");
    }
}

/// Whether an item passes a filter.
type Keeps<'a> = &'a dyn Fn(&Value) -> bool;

/// Checks a list with every filter in both orders. `all` are its items, oldest first.
async fn assert_filtered(customer: &Target, path: &str, all: &[Value], filters: &[(&str, Keeps<'_>)]) {
    let mut cursors = Vec::new();
    for (filter, keeps) in filters {
        let mut expected: Vec<_> =
            all.iter().filter(|item| keeps(item)).map(|item| item["id"].as_str().unwrap()).collect();
        for order in ["&order=asc", "&order=desc"] {
            let (ids, cursor) = walk(customer, &format!("{path}?{filter}{order}")).await;
            assert_eq!(ids, expected, "{path}?{filter}{order}");
            cursors.push((format!("{filter}{order}"), cursor));
            expected.reverse();
        }
        let (ids, _) = walk(customer, &format!("{path}?{filter}")).await;
        expected.reverse();
        assert_eq!(ids, expected, "{path}?{filter}: the newest first");
    }
    // A cursor is valid neither in the other order nor with other filters.
    let with_cursor: Vec<_> = cursors.iter().filter_map(|(query, cursor)| Some((query, cursor.as_ref()?))).collect();
    assert!(with_cursor.len() >= 2, "{path}: no list has two pages");
    for (query, cursor) in with_cursor {
        let others: Vec<_> = cursors.iter().map(|(other, _)| other).filter(|other| *other != query).collect();
        for other in others.first().into_iter().chain(others.last()) {
            let refused = customer.get(&format!("{path}?{other}&cursor={cursor}")).await;
            refused.expect_problem(400, "invalid_cursor");
        }
    }
}

async fn assert_refused(customer: &Target, path: &str, invalid: &[(&str, &str)]) {
    for (query, pointer) in invalid {
        let answer = customer.get(&format!("{path}?{query}")).await;
        let problem = answer.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], *pointer, "{path}?{query}");
    }
}

async fn keyed(customer: &Target, path: &str, body: &Value) -> Value {
    customer.post_with_key(path, body, &Target::unique("list")).await.expect_status(201).json()
}

async fn open(customer: &Target, name: &str, kind: &str) -> Value {
    customer.post("/portfolios", &json!({ "name": name, "type": kind })).await.expect_status(201).json()
}

/// A customer with a deposit, and the id of a portfolio.
async fn investor(target: &Target) -> (Target, Value, String) {
    let customer = target.newcomer().await;
    let deposit = keyed(&customer, "/wallet/deposits", &json!({ "amount": "9000" })).await;
    let portfolio = open(&customer, "Trading", "brokerage").await;
    (customer, deposit, portfolio["id"].as_str().unwrap().to_owned())
}

fn order(side: &str, symbol: &str, quantity: u32) -> Value {
    json!({ "side": side, "symbol": symbol, "quantity": quantity })
}

#[test]
fn ledger_entries_and_trades_are_filtered_by_day_type_symbol_and_side() {
    each(async |target: &Target| {
        let (customer, deposit, portfolio) = investor(target).await;
        let path = format!("/portfolios/{portfolio}/trades");
        let mut trades = Vec::new();
        for order in [
            order("buy", "AAPL", 4),
            order("buy", "IBM", 3),
            order("sell", "AAPL", 1),
            order("sell", "IBM", 2),
            order("sell", "AAPL", 2),
        ] {
            trades.push(keyed(&customer, &path, &order).await);
        }
        assert_filtered(
            &customer,
            &path,
            &trades,
            &[
                ("", &|_| true),
                ("side=sell", &|trade| trade["side"] == "sell"),
                ("symbol=aapl", &|trade| trade["symbol"] == "AAPL"),
                ("side=sell&symbol=IBM", &|trade| trade["side"] == "sell" && trade["symbol"] == "IBM"),
                ("from=2013-03-01&to=2013-03-01", &|_| true),
                ("from=2013-03-02", &|_| false),
                ("to=2013-02-28", &|_| false),
            ],
        )
        .await;
        let withdrawal = keyed(&customer, "/wallet/withdrawals", &json!({ "amount": "5" })).await;
        let mut entries = customer.get("/wallet/entries?order=asc").await.expect_status(200).json();
        let entries = entries["items"].as_array_mut().unwrap();
        assert_eq!((entries.len(), &entries[0], &entries[6]), (7, &deposit, &withdrawal));
        let is_of = |entry: &Value, symbol: &str| {
            trades.iter().any(|trade| trade["id"] == entry["trade_id"] && trade["symbol"] == symbol)
        };
        assert_filtered(
            &customer,
            "/wallet/entries",
            entries,
            &[
                ("", &|_| true),
                ("type=sell", &|entry| entry["type"] == "sell"),
                ("symbol=AAPL", &|entry| is_of(entry, "AAPL")),
                ("type=buy&symbol=AAPL", &|entry| entry["type"] == "buy" && is_of(entry, "AAPL")),
                ("from=2013-03-01", &|_| true),
                ("to=2013-02-28&type=sell", &|_| false),
            ],
        )
        .await;
        let days = [("from=2013-13-01", "/from"), ("to=yesterday", "/to"), ("from=2013-03-02&to=2013-03-01", "/from")];
        for path in [path.as_str(), "/wallet/entries"] {
            assert_refused(&customer, path, &days).await;
            assert_refused(&customer, path, &[("symbol=-", "/symbol"), ("order=up", "/order"), ("limit=0", "/limit")])
                .await;
        }
        assert_refused(
            &customer,
            &path,
            &[("side=hold", "/side"), ("type=buy", "/type"), ("side=buy&side=sell", "/side")],
        )
        .await;
        assert_refused(&customer, "/wallet/entries", &[("type=gift", "/type"), ("side=buy", "/side")]).await;
    });
}

#[test]
fn an_entry_is_read_by_its_id_by_its_owner_alone() {
    each(async |target: &Target| {
        let (customer, _, portfolio) = investor(target).await;
        keyed(&customer, &format!("/portfolios/{portfolio}/trades"), &order("buy", "AAPL", 1)).await;
        let administrator = target.newcomer_as("administrator").await;
        let mistaken = keyed(&customer, "/wallet/deposits", &json!({ "amount": "5" })).await;
        let reversal = format!("/wallet/entries/{}/reversal", mistaken["id"].as_str().unwrap());
        keyed(&administrator, &reversal, &json!({})).await;
        let listed = customer.get("/wallet/entries").await.expect_status(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 4);
        for entry in listed["items"].as_array().unwrap() {
            let path = format!("/wallet/entries/{}", entry["id"].as_str().unwrap());
            assert_eq!(&customer.get(&path).await.expect_status(200).json(), entry);
            administrator.get(&path).await.expect_problem(404, "not_found");
        }
        for id in [NO_ID, "no-uuid", portfolio.as_str()] {
            customer.get(&format!("/wallet/entries/{id}")).await.expect_problem(404, "not_found");
        }
    });
}

#[test]
fn the_wallet_shows_its_balances_as_of_a_market_day() {
    each(async |target: &Target| {
        let (customer, _, portfolio) = investor(target).await;
        keyed(&customer, "/wallet/deposits", &json!({ "amount": "500", "currency": "JPY" })).await;
        keyed(&customer, &format!("/portfolios/{portfolio}/trades"), &order("buy", "AAPL", 1)).await;
        let mut now = customer.get("/wallet").await.expect_status(200).json();
        now["as_of"] = json!("2013-03-01");
        assert_eq!(customer.get("/wallet?as_of=2013-03-01").await.expect_status(200).json(), now);
        let before = customer.get("/wallet?as_of=2013-02-28").await.expect_status(200).json();
        let nothing = json!({
            "currency": "USD", "balance": "0.00", "balances": {}, "frozen": false, "as_of": "2013-02-28",
        });
        assert_eq!(before, nothing);
        assert_refused(&customer, "/wallet", &[("as_of=2013-03-02", "/as_of"), ("as_of=today", "/as_of")]).await;
        assert_refused(&customer, "/wallet", &[("day=2013-03-01", "/day")]).await;
    });
}

#[test]
fn portfolios_are_filtered_by_state_and_type() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let mut all = Vec::new();
        for kind in ["brokerage", "401k", "401k", "isa", "brokerage", "401k"] {
            all.push(open(&customer, "One", kind).await);
        }
        for closed in [1, 4] {
            let path = format!("/portfolios/{}", all[closed]["id"].as_str().unwrap());
            all[closed] = customer.patch(&path, &json!({ "state": "closed" }), "*").await.expect_status(200).json();
        }
        assert_filtered(
            &customer,
            "/portfolios",
            &all,
            &[
                ("", &|_| true),
                ("state=open", &|portfolio| portfolio["state"] == "open"),
                ("type=401k", &|portfolio| portfolio["type"] == "401k"),
                ("state=open&type=401k", &|portfolio| portfolio["state"] == "open" && portfolio["type"] == "401k"),
                ("type=crypto", &|_| false),
            ],
        )
        .await;
        assert_refused(&customer, "/portfolios", &[("state=shut", "/state"), ("type=none", "/type")]).await;
    });
}

#[test]
fn investments_are_filtered_by_symbol_and_day_of_purchase() {
    each(async |target: &Target| {
        let (customer, _, portfolio) = investor(target).await;
        let path = format!("/portfolios/{portfolio}/investments");
        let mut all = Vec::new();
        for (symbol, day) in [
            ("IBM", "2012-05-01"),
            ("AAPL", "2011-01-03"),
            ("IBM", "2010-01-04"),
            ("AAPL", "2012-05-01"),
            ("IBM", "2012-06-01"),
        ] {
            let lot = json!({ "ticker_symbol": symbol, "quantity": 1, "purchase_price": 100, "purchase_date": day });
            all.push(customer.post(&path, &lot).await.expect_status(201).json());
        }
        let since = |item: &Value, day: &str| item["purchase_date"].as_str().unwrap() >= day;
        let until = |item: &Value, day: &str| item["purchase_date"].as_str().unwrap() <= day;
        assert_filtered(
            &customer,
            &path,
            &all,
            &[
                ("", &|_| true),
                ("symbol=IBM", &|item| item["ticker_symbol"] == "IBM"),
                ("from=2012-05-01", &|item| since(item, "2012-05-01")),
                ("from=2011-01-03&to=2012-05-01", &|item| since(item, "2011-01-03") && until(item, "2012-05-01")),
                ("symbol=IBM&to=2012-05-01", &|item| item["ticker_symbol"] == "IBM" && until(item, "2012-05-01")),
            ],
        )
        .await;
        assert_refused(&customer, &path, &[("symbol=%20", "/symbol"), ("from=2012-05-02&to=2012-05-01", "/from")])
            .await;
    });
}

#[test]
fn alerts_are_filtered_by_symbol_and_state() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let mut all = Vec::new();
        for symbol in ["AAPL", "IBM", "AAPL", "IBM", "AAPL"] {
            let condition = json!({ "type": "above", "price": "100000" });
            let alert = json!({ "symbol": symbol, "condition": condition, "repeat": "once" });
            all.push(customer.post("/alerts", &alert).await.expect_status(201).json());
        }
        assert_filtered(
            &customer,
            "/alerts",
            &all,
            &[
                ("", &|_| true),
                ("symbol=AAPL", &|alert| alert["symbol"] == "AAPL"),
                ("state=active", &|_| true),
                ("state=active&symbol=IBM", &|alert| alert["symbol"] == "IBM"),
                ("state=fired", &|_| false),
            ],
        )
        .await;
        assert_refused(&customer, "/alerts", &[("symbol=%2A", "/symbol"), ("state=asleep", "/state")]).await;
        let history = format!("/alerts/{}/history", all[0]["id"].as_str().unwrap());
        let none = customer.get(&format!("{history}?from=2013-01-02&order=asc")).await.expect_status(200).json();
        assert_eq!(none, json!({ "items": [], "next_cursor": null }));
        assert_refused(&customer, &history, &[("from=2013-03-02&to=2013-03-01", "/from"), ("to=x", "/to")]).await;
        customer.get(&format!("/alerts/{NO_ID}/history?to=2013-01-02")).await.expect_problem(404, "not_found");
    });
}

#[test]
fn customers_are_filtered_by_role_and_state() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        let name = Target::unique("sought");
        let mut all = Vec::new();
        for number in 0..5 {
            let registered = target.registered(&format!("{name}-{number}@example.com")).await;
            all.push(registered.get("/customers/me").await.expect_status(200).json());
        }
        for (index, change) in [
            (0, json!({ "role": "advisor" })),
            (2, json!({ "disabled": true })),
            (3, json!({ "role": "advisor" })),
            (4, json!({ "disabled": true })),
        ] {
            let path = format!("/customers/{}", all[index]["id"].as_str().unwrap());
            all[index] = administrator.patch(&path, &change, "*").await.expect_status(200).json();
        }
        let (query, advisors) = (format!("query={name}"), format!("query={name}&role=advisor"));
        let (disabled, both) =
            (format!("query={name}&state=disabled"), format!("query={name}&role=client&state=active"));
        assert_filtered(
            &administrator,
            "/customers",
            &all,
            &[
                (query.as_str(), &|_| true),
                (advisors.as_str(), &|customer| customer["role"] == "advisor"),
                (disabled.as_str(), &|customer| customer["disabled"] == true),
                (both.as_str(), &|customer| customer["role"] == "client" && customer["disabled"] == false),
            ],
        )
        .await;
        let invalid = [("role=owner", "/role"), ("state=asleep", "/state"), ("order=up", "/order")];
        assert_refused(&administrator, "/customers", &invalid).await;
    });
}

#[test]
fn instruments_are_filtered_by_type() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let symbol = Target::unique("MY:T").to_uppercase();
        customer.post("/instruments", &json!({ "symbol": symbol, "name": "A house" })).await.expect_status(201);
        let items = customer.get("/instruments?type=item").await.expect_status(200).json();
        let symbols = |found: &Value| {
            found["items"].as_array().unwrap().iter().map(|item| item["symbol"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(symbols(&items), [json!(symbol)]);
        let stocks = customer.get("/instruments?type=stock&query=apple").await.expect_status(200).json();
        assert_eq!(symbols(&stocks), [json!("AAPL")]);
        assert_refused(&customer, "/instruments", &[("type=share", "/type")]).await;
    });
}

#[test]
fn a_session_is_read_by_its_owner_until_it_ends() {
    each(async |target: &Target| {
        let email = format!("{}@example.com", Target::unique("session"));
        let first = target.registered(&email).await;
        let second = target.sign_in(&email, crate::target::PASSWORD).await;
        let listed = first.get("/sessions").await.expect_status(200).json();
        let sessions = listed["items"].as_array().unwrap();
        assert_eq!(sessions.len(), 2);
        for session in sessions {
            let path = format!("/sessions/{}", session["id"].as_str().unwrap());
            let read = first.get(&path).await.expect_status(200).json();
            assert_eq!(
                (&read["id"], &read["current"], &read["kind"]),
                (&session["id"], &session["current"], &json!("api"))
            );
            target.get(&path).await.expect_problem(404, "not_found");
        }
        let ending = sessions.iter().find(|session| session["current"] == false).unwrap();
        let path = format!("/sessions/{}", ending["id"].as_str().unwrap());
        second.call(Method::DELETE, "/sessions/current").await.expect_status(204);
        first.get(&path).await.expect_problem(404, "not_found");
        for id in [NO_ID, "no-uuid"] {
            first.get(&format!("/sessions/{id}")).await.expect_problem(404, "not_found");
        }
        first.get("/sessions/current").await.expect_problem(405, "method_not_allowed");
    });
}
