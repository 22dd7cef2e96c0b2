//! Realised gains over HTTP: golden values, both books, files and refusals.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::portfolios::opened;
use crate::target::{Target, each};

/// A new portfolio of this lot method.
async fn portfolio(target: &Target, lot_method: &str) -> String {
    opened(target, &json!({"name": "Old broker", "type": "brokerage", "lot_method": lot_method})).await.0
}

/// Records a trade for an amount of money and returns its id.
async fn recorded(target: &Target, portfolio: &str, kind: &str, date: &str, units: &str, amount: &str) -> String {
    let trade = json!({"type": kind, "symbol": "IBM", "quantity": units, "amount": amount, "date": date});
    let made = target.post(&format!("{portfolio}/activities"), &trade).await.expect_status(201).json();
    made["id"].as_str().unwrap().to_owned()
}

async fn gains(target: &Target, portfolio: &str, query: &str) -> Value {
    target.get(&format!("{portfolio}/gains{query}")).await.expect_status(200).json()
}

/// The columns of a CSV file, by their names.
fn column(csv: &str, name: &str) -> Vec<String> {
    let mut lines = csv.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
}

fn sum(amounts: impl IntoIterator<Item = impl AsRef<str>>) -> Decimal {
    amounts.into_iter().map(|amount| amount.as_ref().parse::<Decimal>().unwrap()).sum()
}

#[test]
fn golden_value_3_is_realised_by_each_lot_method() {
    each(async |target: &Target| {
        for (method, gain, cost) in [
            ("fifo", "98.12", "433.38"),
            ("average", "81.12", "450.38"),
            ("lifo", "45.47", "486.03"),
            ("hifo", "45.47", "486.03"),
            ("specific", "98.12", "433.38"),
        ] {
            let portfolio = portfolio(target, method).await;
            let first = recorded(target, &portfolio, "buy", "2010-01-04", "109", "3149.20").await;
            let second = recorded(target, &portfolio, "buy", "2010-02-01", "52", "1684.92").await;
            let sale = recorded(target, &portfolio, "sell", "2011-01-05", "15", "531.50").await;
            let answer = gains(target, &portfolio, "").await;
            assert_eq!(answer["items"].as_array().unwrap().len(), 1, "{method}: {answer}");
            let row = &answer["items"][0];
            assert_eq!((&row["gain"], &row["cost"], &row["proceeds"]), (&json!(gain), &json!(cost), &json!("531.50")));
            assert_eq!((&row["sale_id"], &row["origin"]), (&json!(sale), &json!("activity")));
            // At average cost the units are the oldest ones, too.
            let is_youngest = ["lifo", "hifo"].contains(&method);
            let (lot, bought, days, term) =
                if is_youngest { (second, "2010-02-01", 338, "short") } else { (first, "2010-01-04", 366, "long") };
            assert_eq!((&row["lot_id"], &row["acquired_on"]), (&json!(lot), &json!(bought)), "{method}");
            assert_eq!((&row["days_held"], &row["term"]), (&json!(days), &json!(term)), "{method}");
            let (short, long) = if is_youngest { (gain, "0.00") } else { ("0.00", gain) };
            let year = &answer["by_year"][0];
            assert_eq!((&year["year"], &year["gain"]), (&json!(2011), &json!(gain)));
            assert_eq!((&year["short_term_gain"], &year["long_term_gain"]), (&json!(short), &json!(long)));
            let held = target.get(&format!("{portfolio}/holdings")).await.expect_status(200).json();
            assert_eq!((&held["realized_gain"], &answer["total"]["gain"]), (&json!(gain), &json!(gain)));
        }
    });
}

#[test]
fn golden_value_1_leaves_its_cost_and_realises_its_gain() {
    each(async |target: &Target| {
        for method in ["fifo", "average"] {
            let portfolio = portfolio(target, method).await;
            recorded(target, &portfolio, "buy", "2010-01-04", "109", "3149.20").await;
            recorded(target, &portfolio, "sell", "2010-02-01", "15", "531.50").await;
            recorded(target, &portfolio, "buy", "2010-03-01", "52", "1684.92").await;
            recorded(target, &portfolio, "buy", "2010-04-01", "32", "959.30").await;
            let answer = gains(target, &portfolio, "?year=2010").await;
            assert_eq!(
                (&answer["total"]["gain"], &answer["total"]["cost"]),
                (&json!("98.12"), &json!("433.38")),
                "{method}"
            );
            let held = target.get(&format!("{portfolio}/holdings")).await.expect_status(200).json();
            assert_eq!(held["cost"], "5360.04", "{method}");
        }
    });
}

#[test]
fn sales_of_both_books_and_what_left_without_a_sale_are_listed_apart() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        customer.post_with_key("/wallet/deposits", &json!({"amount": "10000"}), "cash").await.expect_status(201);
        let portfolio = portfolio(&customer, "fifo").await;
        let trades = format!("{portfolio}/trades");
        let bought = json!({"side": "buy", "symbol": "IBM", "quantity": "5", "fee": "1.00"});
        let bought = customer.post_with_key(&trades, &bought, "b").await.expect_status(201).json();
        let sold = json!({"side": "sell", "symbol": "IBM", "quantity": "2", "fee": "0.50"});
        let sold = customer.post_with_key(&trades, &sold, "s").await.expect_status(201).json();
        let lot = recorded(&customer, &portfolio, "buy", "2012-02-29", "10", "1000").await;
        let sale = json!({
            "type": "sell", "symbol": "IBM", "quantity": "4", "amount": "800", "fee": "2", "tax": "30",
            "date": "2013-02-28",
        });
        let list = format!("{portfolio}/activities");
        let sale = customer.post(&list, &sale).await.expect_status(201).json();
        let left = json!({"type": "transfer_out", "symbol": "IBM", "quantity": "3", "date": "2013-02-28"});
        let left = customer.post(&list, &left).await.expect_status(201).json();

        let answer = gains(&customer, &portfolio, "").await;
        let items = answer["items"].as_array().unwrap();
        let places: Vec<_> = items.iter().map(|row| [&row["origin"], &row["sale_id"], &row["lot_id"]]).collect();
        assert_eq!(
            places,
            [[&json!("activity"), &sale["id"], &json!(lot)], [&json!("trade"), &sold["id"], &bought["id"]],]
        );
        let amounts = |row: &Value| ["cost", "proceeds", "fee", "tax", "gain"].map(|name| row[name].clone());
        assert_eq!(amounts(&items[0]), ["400.00", "798.00", "2.00", "30.00", "398.00"]);
        assert_eq!(amounts(&items[0]["base"]), amounts(&items[0]));
        // 29 February: the year ends on 28 February.
        assert_eq!((&items[0]["days_held"], &items[0]["term"]), (&json!(365), &json!("short")));
        assert_eq!((&items[1]["gain"], &items[1]["fee"]), (&sold["realized_gain"], &json!("0.50")));
        let transfer = json!([{
            "symbol": "IBM", "type": "transfer_out", "activity_id": left["id"], "lot_id": lot,
            "acquired_on": "2012-02-29", "date": "2013-02-28", "quantity": "3", "currency": "USD", "cost": "300.00",
        }]);
        assert_eq!((&answer["transfers_out"], &answer["count"]), (&transfer, &json!(3)));
        assert_eq!((&answer["cut"], &answer["all"]), (&json!(false), &json!(null)));
        assert_eq!(answer["wash_sales"], "not applied");
        assert!(answer["notice"].as_str().unwrap().contains("not tax advice"), "{answer}");
        let held = customer.get(&format!("{portfolio}/holdings")).await.expect_status(200).json();
        assert_eq!(answer["total"]["gain"], held["realized_gain"]);

        customer.patch(&portfolio, &json!({"long_term": "P11M"}), "*").await.expect_status(200);
        let answer = gains(&customer, &portfolio, "?year=2013").await;
        assert_eq!((&answer["long_term"], &answer["items"][0]["term"]), (&json!("P11M"), &json!("long")));
        customer.patch(&portfolio, &json!({"long_term": "none"}), "*").await.expect_status(200);
        let answer = gains(&customer, &portfolio, "").await;
        assert_eq!((&answer["long_term"], &answer["items"][0]["term"]), (&json!("none"), &json!(null)));
        let before = gains(&customer, &portfolio, "?year=2012").await;
        assert_eq!((&before["items"], &before["total"]["gain"]), (&json!([]), &json!("0.00")));
    });
}

#[test]
fn a_gain_on_an_unknown_cost_is_null_and_says_why() {
    each(async |target: &Target| {
        let portfolio = portfolio(target, "fifo").await;
        let list = format!("{portfolio}/activities");
        let unknown = json!({"type": "transfer_in", "symbol": "IBM", "quantity": "1", "cost_unknown": true, "date": "2010-01-04"});
        target.post(&list, &unknown).await.expect_status(201);
        recorded(target, &portfolio, "buy", "2010-02-01", "1", "100").await;
        recorded(target, &portfolio, "sell", "2011-03-01", "2", "300").await;
        recorded(target, &portfolio, "buy", "2012-02-01", "1", "100").await;
        recorded(target, &portfolio, "sell", "2012-03-01", "1", "90").await;
        let answer = gains(target, &portfolio, "").await;
        let rows = answer["items"].as_array().unwrap();
        let first = &rows[0];
        assert_eq!(
            (&first["acquired_on"], &first["days_held"], &first["term"]),
            (&json!(null), &json!(null), &json!(null))
        );
        assert_eq!(
            (&first["cost"], &first["proceeds"], &first["gain"]),
            (&json!(null), &json!("150.00"), &json!(null))
        );
        assert_eq!(first["unavailable"], json!({"gain": "cost_unknown", "base/gain": "cost_unknown"}));
        assert_eq!((&rows[1]["gain"], &rows[1]["unavailable"]), (&json!("50.00"), &json!({})));
        assert_eq!((&answer["by_year"][0]["gain"], &answer["by_year"][1]["gain"]), (&json!(null), &json!("-10.00")));
        // The gain of what was held for more than a year is known.
        assert_eq!(answer["by_year"][0]["long_term_gain"], "50.00");
        assert_eq!(answer["by_year"][0]["unavailable"], json!({"gain": "cost_unknown"}));
        assert_eq!((&answer["total"]["gain"], &answer["total"]["proceeds"]), (&json!(null), &json!("390.00")));
        assert_eq!(answer["by_symbol"][0]["unavailable"]["gain"], "cost_unknown");
    });
}

#[test]
fn the_columns_of_the_file_sum_to_the_totals() {
    each(async |target: &Target| {
        let portfolio = portfolio(target, "average").await;
        for (month, units, amount) in [(1, "3", "100"), (2, "3.5", "350.01"), (3, "0.123456", "13.37")] {
            recorded(target, &portfolio, "buy", &format!("2010-{month:02}-04"), units, amount).await;
        }
        for (date, units, amount, fee) in [("2010-05-03", "4", "390.11", "1.01"), ("2011-05-03", "2.6", "100", "0.07")]
        {
            let sale = json!({"type": "sell", "symbol": "IBM", "quantity": units, "amount": amount, "fee": fee, "tax": "1", "date": date});
            target.post(&format!("{portfolio}/activities"), &sale).await.expect_status(201);
        }
        let answer = gains(target, &portfolio, "").await;
        let file = target.get(&format!("{portfolio}/gains?format=csv")).await.expect_status(200);
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(file.header("content-disposition"), "attachment; filename=\"gains.csv\"");
        let text = file.text();
        assert_eq!(text.lines().count(), answer["items"].as_array().unwrap().len() + 1);
        for name in ["cost", "proceeds", "fee", "tax", "gain"] {
            let total = sum([answer["total"][name].as_str().unwrap()]);
            assert_eq!(sum(column(&text, name)), total, "{name}");
            assert_eq!(sum(column(&text, &format!("base_{name}"))), total, "{name}");
            let by_year = answer["by_year"].as_array().unwrap().iter().map(|year| year[name].as_str().unwrap());
            assert_eq!(sum(by_year), total, "{name}");
        }
        assert!(column(&text, "gain").iter().any(|gain| gain.starts_with('-')), "a loss stays a number: {text}");
        let held = target.get(&format!("{portfolio}/holdings")).await.expect_status(200).json();
        assert_eq!(answer["total"]["gain"], held["realized_gain"]);
        let one = target.get(&format!("{portfolio}/gains?format=csv&year=2011")).await.expect_status(200).text();
        assert_eq!(sum(column(&one, "gain")), sum([answer["by_year"][1]["gain"].as_str().unwrap()]));
    });
}

#[test]
fn more_than_a_thousand_rows_are_behind_a_link() {
    each(async |target: &Target| {
        let portfolio = portfolio(target, "fifo").await;
        let header = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency";
        let lots = format!("{header}\n{}", "IBM,1,100,2010-01-04,,\n".repeat(1_001));
        let import = format!("{portfolio}/investments/import?duplicates=import");
        target.post_raw(&import, &lots, "text/csv").await.expect_status(200);
        recorded(target, &portfolio, "sell", "2012-03-01", "1001", "150150").await;
        let answer = gains(target, &portfolio, "").await;
        assert_eq!((&answer["count"], &answer["cut"]), (&json!(1_001), &json!(true)));
        assert_eq!((answer["items"].as_array().unwrap().len(), &answer["total"]["gain"]), (1_000, &json!("50050.00")));
        let link = &answer["all"];
        assert!(link["expires_at"].as_str().unwrap().ends_with('Z'), "{link}");
        let file = target.follow(link["url"].as_str().unwrap()).await.expect_status(200);
        assert_eq!(file.header("content-type"), "application/json");
        let whole: Value = serde_json::from_slice(&file.decoded()).unwrap();
        assert_eq!((&whole["cut"], whole["items"].as_array().unwrap().len()), (&json!(false), 1_001));
        assert_eq!((&whole["total"], &whole["items"][999]), (&answer["total"], &answer["items"][999]));
        let redirect = target.get(&format!("{portfolio}/gains?format=csv")).await.expect_status(303);
        assert_eq!(redirect.json()["url"], redirect.header("location"));
        let file = target.follow(&redirect.header("location")).await.expect_status(200);
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let text = String::from_utf8(file.decoded()).unwrap();
        assert_eq!(sum(column(&text, "gain")), sum(["50050"]));
    });
}

#[test]
fn what_cannot_be_listed_is_refused_and_nothing_is_an_empty_list() {
    each(async |target: &Target| {
        let portfolio = portfolio(target, "fifo").await;
        for (query, pointer) in [
            ("year=0", "/year"),
            ("year=1e9", "/year"),
            ("year=1000000000", "/year"),
            ("year=1899", "/year"),
            ("year=2200", "/year"),
            ("year=%2B2012", "/year"),
            ("year=", "/year"),
            ("format=xlsx", "/format"),
            ("format=CSV", "/format"),
        ] {
            let problem = target.get(&format!("{portfolio}/gains?{query}")).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
        }
        target.get(&format!("{portfolio}/gains?month=1")).await.expect_status(422);
        let nothing = gains(target, &portfolio, "").await;
        assert_eq!((&nothing["items"], &nothing["count"]), (&json!([]), &json!(0)));
        assert_eq!((&nothing["total"]["gain"], &nothing["by_year"]), (&json!("0.00"), &json!([])));
        let file = target.get(&format!("{portfolio}/gains?format=csv")).await.expect_status(200).text();
        assert_eq!(file.lines().count(), 1, "{file}");
        let other = target.newcomer().await;
        other.get(&format!("{portfolio}/gains")).await.expect_problem(404, "not_found");
    });
}
