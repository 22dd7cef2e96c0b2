//! Small files, each with one kind of fault that once caused an error, as the provider reads them. They are in
//! `tests/cases` of the workspace.

use std::path::Path;
use std::sync::Arc;

use domain::split::splits_of;
use domain::{Day, SplitRatio, Symbol};
use market::{CallBudget, DropReason, DroppedRow, Folder, History, MarketClock, Note, OnBehalfOf, Provider};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn caller() -> CallBudget {
    CallBudget::of(OnBehalfOf::Platform)
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn folder(name: &str) -> Folder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases").join(name);
    Folder::open(&path, Arc::new(|| day("2026-11-30"))).unwrap()
}

async fn history(name: &str, of: &str) -> History {
    folder(name).fetch_daily(&symbol(of), caller()).await.unwrap()
}

#[tokio::test]
async fn a_misplaced_row_loses_no_bar() {
    let (swapped, sorted) = (history("misplaced-row", "SWAP").await, history("misplaced-row", "SORTED").await);
    assert_eq!(sorted.bars.len(), 66);
    assert_eq!((swapped.bars, swapped.notes), (sorted.bars, sorted.notes));
}

#[tokio::test]
async fn a_typo_in_a_year_does_not_move_the_clock_and_is_reported() {
    let folder = folder("year-2109");
    assert_eq!(folder.clock(), MarketClock::StandsAt(day("2019-12-31")));
    let typo = folder.fetch_daily(&symbol("TYPO"), caller()).await.unwrap();
    assert_eq!(typo.bars.len(), 65);
    let reason = DropReason::DateInTheFuture;
    let rows = vec![DroppedRow { date: day("2109-10-29"), reason }];
    assert_eq!(typo.notes[0], Note::RowsDropped { count: 1, reasons: vec![reason], rows });
    assert!(folder.fetch_quote(&symbol("AAA"), caller()).await.is_ok());
}

#[tokio::test]
async fn a_dividend_derived_from_adjusted_closes_equals_the_column() {
    let (derived, listed) = (history("yahoo-adjclose", "YADJ").await, history("yahoo-adjclose", "OWN").await);
    assert!(derived.notes.contains(&Note::DividendsDerived) && !listed.notes.contains(&Note::DividendsDerived));
    assert_eq!(derived.bars.close(), listed.bars.close());
    for ((date, derived), listed) in
        derived.bars.dates().iter().zip(derived.bars.dividend()).zip(listed.bars.dividend())
    {
        assert!((derived - listed).abs() < 1e-3, "{date}: {derived} and {listed}");
    }
    assert!((listed.bars.dividend().iter().sum::<f64>() - 10.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_tiny_price_keeps_its_digits() {
    let quote = folder("small-price").fetch_quote(&symbol("C1-USD"), caller()).await.unwrap();
    assert_eq!(quote.price.to_string(), "0.0000000151");
    assert_eq!(quote.previous_close.unwrap().to_string(), "0.0000000149");
}

#[tokio::test]
async fn a_rounded_ratio_is_read_as_its_fraction() {
    let splits = splits_of(&history("reverse-split", "REV45").await.bars).unwrap();
    assert_eq!(splits.iter().map(|split| split.ratio).collect::<Vec<_>>(), [SplitRatio::new(1, 45).unwrap()]);
}

#[tokio::test]
async fn a_stock_splits_column_is_read() {
    let history = history("yfinance-splits", "YFSPLIT").await;
    let splits = splits_of(&history.bars).unwrap();
    assert_eq!((splits.len(), splits[0].day, splits[0].ratio), (1, day("2019-11-12"), SplitRatio::new(4, 1).unwrap()));
    assert!((history.bars.close()[0] - 4.0 * 100.43).abs() < 1e-9, "quoted in units of its own day");
    assert_eq!(history.notes, []);
}
