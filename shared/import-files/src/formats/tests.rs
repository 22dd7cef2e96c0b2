use ledger::ActivityType;

use super::*;
use crate::dates::DateOrder;
use crate::entry::Entry;
use crate::mistakes::RowMistake;

fn read_as(format: FileFormat, text: &str, choices: &Choices) -> Result<ReadFile, FileMistake> {
    read(text.as_bytes(), text.starts_with('{'), format, choices)
}

fn read_text(text: &str) -> ReadFile {
    read_as(FileFormat::Auto, text, &Choices::default()).unwrap()
}

fn refusal(text: &str) -> String {
    read_as(FileFormat::Auto, text, &Choices::default()).unwrap_err().to_string()
}

fn entry(row: &ReadRow) -> &Entry {
    match &row.content {
        RowContent::Activity(entry) => entry,
        other => panic!("line {}: {other:?}", row.line),
    }
}

fn mistakes(row: &ReadRow) -> &[RowMistake] {
    match &row.content {
        RowContent::Mistaken(mistakes) => mistakes,
        other => panic!("line {}: {other:?}", row.line),
    }
}

/// Type, day, symbol, quantity, price, amount, fee.
fn said(row: &ReadRow) -> String {
    let Entry { date, fields, .. } = entry(row);
    let symbol = fields.symbol.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = |number: Option<rust_decimal::Decimal>| number.map(|number| number.to_string()).unwrap_or_default();
    let (units, price, amount) = (text(fields.quantity), text(fields.unit_price), text(fields.amount));
    format!("{} {date} {symbol} {units} {price} {amount} {}", fields.kind, fields.fee)
}

#[test]
fn a_table_is_read_by_the_names_of_its_columns() {
    let english = "Date,Action,Ticker,Shares,Price,Commission,Colour\n2024-01-15,Buy,AAPL,10,\"1,234.50\",-4.95,red\n";
    let german = "Datum;Typ;Ticker;Anzahl;Kurs;Gebühren;Farbe\r\n15.01.2024;Kauf;aapl;10;1.234,50 €;4,95;rot\r\n";
    for text in [english, german] {
        let file = read_text(text);
        assert_eq!((file.format, file.rows.len(), file.ignored_columns.len()), ("generic", 1, 1));
        assert_eq!(said(&file.rows[0]), "buy 2024-01-15 AAPL 10 1234.5  4.95");
    }
    assert_eq!(read_text(english).rows[0].as_read[3], ("Shares".to_owned(), "10".to_owned()));
}

#[test]
fn titles_above_the_header_blank_rows_totals_and_a_repeated_header_are_no_activities() {
    let header = "date,type,symbol,quantity,price";
    let text = format!(
        "My broker,,,,\nHistory,,,,\n{header}\n2024-01-15,buy,IBM,1,2\n,,,,\n{header}\n2024-01-16,buy,IBM,1,2\nTotal,,,2,4\n"
    );
    let file = read_text(&text);
    let skipped = |row: &ReadRow| matches!(row.content, RowContent::Skipped(_));
    assert_eq!(file.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(file.rows.iter().map(skipped).collect::<Vec<_>>(), [false, true, true, false, true]);
}

#[test]
fn without_a_type_a_negative_quantity_is_a_sale() {
    let file = read_text(
        "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency\nIBM,3,2,2024-01-15,0,USD\nIBM,-1,2.5,2024-01-16,,\n",
    );
    assert_eq!(said(&file.rows[0]), "buy 2024-01-15 IBM 3 2  0");
    assert_eq!(said(&file.rows[1]), "sell 2024-01-16 IBM 1 2.5  0");
    assert_eq!(entry(&file.rows[0]).fields.kind, ActivityType::Buy);
}

#[test]
fn a_net_total_is_the_amount_without_fee_and_tax() {
    let file = read_text(
        "date,type,symbol,quantity,total,fee,tax\n2024-01-15,buy,IBM,2,-105.00,4,1\n2024-01-16,sell,IBM,2,95,4,1\n",
    );
    assert_eq!(said(&file.rows[0]), "buy 2024-01-15 IBM 2  100 4");
    assert_eq!(said(&file.rows[1]), "sell 2024-01-16 IBM 2  100 4");
}

#[test]
fn a_mapping_names_columns_by_header_or_number() {
    let by_header = r#"{"mapping": {"date": "Valuta", "type": "Was", "symbol": ["Neu", "Alt"], "quantity": "Stk", "unit_price": "Preis"},
        "file": "Bank X\nValuta;Was;Alt;Neu;Stk;Preis\n15.01.2024;Kauf;IBM;;2;1,5\n16.01.2024;Kauf;IBM;AAPL;2;1,5\n"}"#;
    let file = read_text(by_header);
    assert_eq!(said(&file.rows[0]), "buy 2024-01-15 IBM 2 1.5  0");
    assert_eq!(said(&file.rows[1]), "buy 2024-01-16 AAPL 2 1.5  0");
    assert_eq!(entry(&file.rows[0]).columns["symbol"], "Alt");
    let by_number = r#"{"mapping": {"date": 1, "symbol": 2, "quantity": 3, "unit_price": 4},
        "file": "When,What,How many,At\n2024-01-15,IBM,2,1.5\n2024-01-16,IBM,-2,1.5\n"}"#;
    let file = read_text(by_number);
    assert_eq!(
        file.rows.iter().map(said).collect::<Vec<_>>(),
        ["buy 2024-01-15 IBM 2 1.5  0", "sell 2024-01-16 IBM 2 1.5  0"]
    );
    for (mapping, part) in [
        (r#"{"colour": 1}"#, "is none of the fields"),
        (r#"{"date": 9}"#, "none has the number 9"),
        (r#"{"date": "Tag"}"#, "no column \"Tag\""),
    ] {
        let text = format!(r#"{{"mapping": {mapping}, "file": "a,b\n1,2\n"}}"#);
        assert!(refusal(&text).contains(part), "{mapping}: {}", refusal(&text));
    }
}

#[test]
fn symbols_isins_and_names_can_stand_for_ours() {
    let text = r#"{"symbols": {"brk b": "BRK-B", "US0378331005": "AAPL", "Gold coins": "MY:GOLD"},
        "file": "date,type,symbol,isin,name,quantity,price\n2024-01-15,buy,BRK B,,,1,2\n2024-01-15,buy,,US0378331005,,1,2\n2024-01-15,buy,,,Gold coins,1,2\n2024-01-15,buy,,US5949181045,,1,2\n"}"#;
    let file = read_text(text);
    let symbols: Vec<_> =
        file.rows[..3].iter().map(|row| entry(row).fields.symbol.clone().unwrap().to_string()).collect();
    assert_eq!(symbols, ["BRK-B", "AAPL", "MY:GOLD"]);
    let unknown = &mistakes(&file.rows[3])[0];
    assert_eq!((unknown.field, unknown.column.as_deref()), ("isin", Some("isin")));
    assert!(unknown.remedy.contains("\"US5949181045\""));
}

#[test]
fn every_mistake_of_a_row_has_its_column_and_a_remedy() {
    let file =
        read_text("Date,Type,Symbol,Shares,Price,CCY\nsoon,lend,A A,1_000,=B2*2,EURO\n2024-01-15,buy,IBM,1,2,USD\n");
    let found: Vec<_> =
        mistakes(&file.rows[0]).iter().map(|mistake| (mistake.field, mistake.column.as_deref().unwrap())).collect();
    assert_eq!(
        found,
        [
            ("type", "Type"),
            ("date", "Date"),
            ("symbol", "Symbol"),
            ("quantity", "Shares"),
            ("unit_price", "Price"),
            ("currency", "CCY"),
        ]
    );
    assert!(mistakes(&file.rows[0]).iter().all(|mistake| mistake.remedy.ends_with('.')));
    assert_eq!(said(&file.rows[1]), "buy 2024-01-15 IBM 1 2  0");
}

#[test]
fn a_row_of_another_width_may_be_where_the_file_was_cut() {
    let file = read_text("date,type,symbol,quantity,price\n2024-01-15,buy,IBM,1,2\n2024-01-16,buy,IB");
    assert!(mistakes(&file.rows[1])[0].remedy.contains("cut off"));
    // Delimiters at the end of a row are none of its cells.
    let file = read_text("date,type,symbol,quantity,price\n2024-01-15,buy,IBM,1,2,,\n");
    assert_eq!(said(&file.rows[0]), "buy 2024-01-15 IBM 1 2  0");
}

#[test]
fn dates_that_can_be_read_in_two_ways_need_a_choice() {
    let text = "date,type,symbol,quantity,price\n1/2/2024,buy,IBM,1,2\n3/4/2024,buy,IBM,1,2\n";
    assert!(refusal(text).contains("1/2/2024 can be read in two ways"));
    for (order, day) in [(DateOrder::DayFirst, "2024-02-01"), (DateOrder::MonthFirst, "2024-01-02")] {
        let choices = Choices { dates: Some(order), ..Choices::default() };
        let file = read_as(FileFormat::Auto, text, &choices).unwrap();
        assert_eq!(entry(&file.rows[0]).date.to_string(), day);
    }
    let decided = format!("{text}13/1/2024,buy,IBM,1,2\n");
    assert_eq!(entry(&read_text(&decided).rows[0]).date.to_string(), "2024-02-01");
    let both = format!("{decided}1/13/2024,buy,IBM,1,2\n");
    assert!(refusal(&both).contains("has the day first"));
}

#[test]
fn a_file_of_several_accounts_needs_a_choice() {
    let text =
        "date,type,symbol,quantity,price,account\n2024-01-15,buy,IBM,1,2,Depot A\n2024-01-15,buy,IBM,1,2,Depot B\n";
    assert!(refusal(text).contains("2 accounts: Depot A, Depot B"));
    let chosen = |name: &str| Choices { account: Some(name.to_owned()), ..Choices::default() };
    let file = read_as(FileFormat::Auto, text, &chosen("Depot B")).unwrap();
    assert!(matches!(file.rows[0].content, RowContent::Skipped(_)));
    assert_eq!(said(&file.rows[1]), "buy 2024-01-15 IBM 1 2  0");
    assert!(read_as(FileFormat::Auto, text, &chosen("C")).is_err());
}

#[test]
fn what_is_not_recorded_is_skipped_or_a_mistake_and_never_a_plain_purchase() {
    let file = read_text(
        "date,type,symbol,quantity,price\n2024-01-15,sell short,IBM,1,2\n2024-01-15,buy,AAPL240119C00150000,1,2\n2024-01-15,merger,IBM,1,2\n",
    );
    assert!(matches!(&file.rows[0].content, RowContent::Skipped(reason) if reason.contains("Short")));
    assert!(matches!(&file.rows[1].content, RowContent::Skipped(reason) if reason.contains("Options")));
    assert!(!matches!(&file.rows[2].content, RowContent::Activity(entry) if entry.fields.kind == ActivityType::Buy));
}

#[test]
fn an_export_is_read_as_csv_and_as_json() {
    let id = "019b2c6e-8f00-7a3d-9c41-000000000011";
    let csv = format!(
        "id,type,date,time,symbol,quantity,unit_price,lots,version\n{id},buy,2024-01-15,15:30:00,IBM,2,1.5,,1\n"
    );
    let json = format!(
        r#"{{"format": "sextant", "version": 1, "portfolio": {{"lot_method": "fifo"}}, "activities": [
        {{"id": "{id}", "type": "buy", "date": "2024-01-15", "time": "15:30:00", "symbol": "IBM", "quantity": 2, "unit_price": "1.5",
          "amount": null, "lots": [], "version": 1, "colour": "red"}}, 7]}}"#
    );
    let (csv, json) = (read_text(&csv), read_text(&json));
    assert_eq!((csv.format, json.format), ("sextant", "sextant"));
    for file in [&csv, &json] {
        assert_eq!(said(&file.rows[0]), "buy 2024-01-15 IBM 2 1.5  0");
        assert_eq!(entry(&file.rows[0]).id.map(|id| id.to_string()).as_deref(), Some(id));
    }
    assert_eq!((json.rows[0].line, json.ignored_columns), (2, vec!["colour".to_owned()]));
    assert_eq!(mistakes(&json.rows[1])[0].field, "row");
}

#[test]
fn a_file_that_is_none_is_refused_with_its_reason() {
    for (text, part) in [
        ("", "No line names the columns"),
        ("1,2,3\n4,5,6\n", "No line names the columns"),
        ("{\"activities\": [{\"type\": \"buy\"", "EOF"),
        ("{\"activities\": [], \"file\": \"\"}", "either a table"),
        ("{\"format\": \"excel\", \"file\": \"\"}", "is no format"),
        ("{\"version\": 2, \"activities\": []}", "is not known"),
        ("{\"colour\": 1}", "unknown field"),
    ] {
        assert!(refusal(text).contains(part), "{text}: {}", refusal(text));
    }
}

#[test]
fn one_row_more_than_a_portfolio_holds_is_too_many() {
    let file = |rows: usize| format!("date,symbol,quantity,price\n{}", "2024-01-15,IBM,1,2\n".repeat(rows));
    assert_eq!(read_text(&file(MAX_ROWS)).rows.len(), MAX_ROWS);
    let over = read_as(FileFormat::Auto, &file(MAX_ROWS + 1), &Choices::default());
    assert_eq!(over, Err(FileMistake::TooManyRows));
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a file has, it is read or refused.
        #[test]
        fn no_file_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), is_json in any::<bool>()) {
            let _ = read(&bytes, is_json, FileFormat::Auto, &Choices::default());
        }

        /// The same of files that are nearly right.
        #[test]
        fn no_row_is_a_panic(rows in "([0-9./-]{1,12}[,;]?(buy|sell|kauf)?,[A-Z]{0,4},[-0-9.,' ()]{0,9},\"?[€$0-9.,]{0,9}\"?\n){0,8}") {
            let text = format!("date,type,symbol,quantity,price\n{rows}");
            let _ = read(text.as_bytes(), false, FileFormat::Auto, &Choices::default());
        }
    }
}
