use proptest::prelude::*;

use super::*;

const QUOTES: Declared = Declared {
    feed: Feed::File,
    basis: Basis::Quoted,
    splits_known: true,
    dividends_known: true,
    prices_include_dividends: false,
    last_day: None,
};
const LIVE: Declared = Declared { feed: Feed::Live, ..QUOTES };
const NOTHING_KNOWN: Declared =
    Declared { basis: Basis::SplitAdjusted, splits_known: false, dividends_known: false, ..QUOTES };

/// The `number`-th day of a series, at one price.
fn row(number: i32, close: f64) -> Row {
    let date = Day::new(2013, 1, 1).unwrap().plus_days(number);
    let (open, high, low) = (close, close, close);
    Row { date, open, high, low, close, volume: 100.0, adjusted_close: Some(close), split_ratio: 1.0, dividend: 0.0 }
}

fn unadjusted(number: i32, close: f64) -> Row {
    Row { adjusted_close: None, ..row(number, close) }
}

fn dropped(rows: &[(i32, DropReason)]) -> Note {
    let row = |&(number, reason): &(i32, DropReason)| DroppedRow { date: row(number, 1.0).date, reason };
    Note::on_dropped(rows.iter().map(row).collect()).unwrap()
}

#[test]
fn no_rows_give_an_empty_series() {
    for declared in [QUOTES, LIVE, NOTHING_KNOWN] {
        assert!(check(Vec::new(), declared).bars.is_empty());
    }
}

#[test]
fn a_missing_adjusted_close_is_computed_from_splits_and_dividends() {
    // Two for one on the second day, then 0.5 of cash: 10 × ½ × 5/(5 + 0.5) of the last close's scale.
    let split = Row { split_ratio: 2.0, ..unadjusted(1, 5.0) };
    let dividend = Row { dividend: 0.5, ..unadjusted(2, 5.0) };
    let series = check(vec![unadjusted(0, 10.0), split, dividend], QUOTES);
    let before_dividend = 5.0 / 5.5;
    let expected = [10.0 / 2.0 * before_dividend, 5.0 * before_dividend, 5.0];
    for (adjusted, expected) in series.bars.adjusted_close().iter().zip(expected) {
        assert!((adjusted - expected).abs() < 1e-12, "{adjusted} {expected}");
    }
    assert_eq!(series.notes, []);
}

#[test]
fn without_known_events_the_adjusted_close_is_the_close_with_notes() {
    let series = check(vec![unadjusted(0, 10.1), unadjusted(1, 10.3)], NOTHING_KNOWN);
    assert_eq!(series.bars.adjusted_close(), series.bars.close());
    assert_eq!(series.basis, Basis::SplitAdjusted);
    assert_eq!(series.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
}

#[test]
fn missing_adjusted_closes_are_filled_between_known_ones() {
    let split = Row { split_ratio: 2.0, ..unadjusted(2, 6.0) };
    let rows = vec![unadjusted(0, 10.0), Row { adjusted_close: Some(2.5), ..row(1, 10.0) }, split, unadjusted(3, 7.0)];
    let series = check(rows, QUOTES);
    assert_eq!(series.bars.adjusted_close(), [2.5, 2.5, 3.0, 3.5]);
}

#[test]
fn split_adjusted_prices_with_known_splits_become_quotes() {
    let split = Row { split_ratio: 4.0, ..row(1, 26.0) };
    let dividend = Row { dividend: 0.25, ..row(0, 25.0) };
    let declared = Declared { basis: Basis::SplitAdjusted, ..QUOTES };
    let series = check(vec![dividend, split], declared);
    assert_eq!(series.basis, Basis::Quoted);
    let first = series.bars.first().unwrap();
    assert_eq!((first.open, first.close, first.volume, first.dividend), (100.0, 100.0, 25.0, 1.0));
    assert_eq!(series.bars.adjusted_close(), [25.0, 26.0]);
    assert_eq!((series.bars.close()[1], series.bars.split_ratio()[1]), (26.0, 4.0));
    assert_eq!(series.notes, []);
}

#[test]
fn only_a_move_without_a_split_gets_a_note_and_both_are_served() {
    let split = Row { split_ratio: 2.0, ..row(1, 50.0) };
    let series = check(vec![row(0, 100.0), split, row(2, 24.0), row(3, 24.0)], QUOTES);
    assert_eq!(series.bars.len(), 4);
    let [Note::UnexplainedMove { date, fraction }] = series.notes[..] else { panic!("{:?}", series.notes) };
    assert_eq!((date, fraction), (row(2, 1.0).date, -0.52));
}

#[test]
fn a_move_of_exactly_half_gets_no_note() {
    assert_eq!(check(vec![row(0, 100.0), row(1, 50.0), row(2, 75.0)], QUOTES).notes, []);
}

#[test]
fn only_a_live_sources_newest_bar_is_held_back() {
    let rows = vec![row(0, 100.0), row(1, 30.0), row(2, 100.0)];
    let live = check(rows.clone(), LIVE);
    assert_eq!(live.bars.len(), 2);
    assert!(matches!(live.notes[0], Note::UnexplainedMove { .. }));
    let [_, Note::NewestBarHeldBack { date, fraction }] = live.notes[..] else { panic!("{:?}", live.notes) };
    assert_eq!(date, rows[2].date);
    assert!((fraction - 7.0 / 3.0).abs() < 1e-12);
    assert_eq!(check(rows, QUOTES).bars.len(), 3);
}

#[test]
fn a_held_back_bar_is_available_unless_it_would_change_earlier_bars() {
    let adjusted = |day, close, adjusted_close| Row { adjusted_close, ..row(day, close) };
    // (the row before, the newest, its adjusted close once it is confirmed)
    let cases = [
        (row(0, 100.0), row(1, 30.0), Some(30.0)),
        (adjusted(0, 100.0, Some(50.0)), adjusted(1, 30.0, None), Some(15.0)),
        (adjusted(0, 100.0, Some(50.0)), adjusted(1, 30.0, Some(29.0)), Some(29.0)),
        (row(0, 100.0), Row { dividend: 1.0, ..row(1, 30.0) }, None),
        (row(0, 100.0), Row { split_ratio: 10.0, ..row(1, 30.0) }, None),
    ];
    for (before, newest, expected) in cases {
        let series = check(vec![before, newest], LIVE);
        assert_eq!(series.bars.len(), 1);
        assert_eq!(series.held_back.map(|bar| bar.adjusted_close), expected, "{newest:?}");
    }
    assert_eq!(check(vec![row(0, 100.0), row(1, 30.0)], QUOTES).held_back, None);
}

#[test]
fn the_next_bar_confirms_a_held_back_one() {
    let series = check(vec![row(0, 100.0), row(1, 30.0), row(2, 31.0)], LIVE);
    assert_eq!(series.bars.len(), 3);
    assert!(matches!(series.notes[..], [Note::UnexplainedMove { .. }]));
}

#[test]
fn events_of_a_row_without_a_price_move_to_the_next_bar() {
    let lost = Row { open: 0.0, split_ratio: 2.0, dividend: 0.5, ..row(1, 50.0) };
    let series = check(vec![row(0, 100.0), lost, row(2, 50.0)], QUOTES);
    let last = series.bars.last().unwrap();
    assert_eq!((last.split_ratio, last.dividend), (2.0, 0.5));
    assert_eq!(series.notes, [dropped(&[(1, DropReason::NotAPrice)])]);
}

#[test]
fn of_two_live_rows_for_a_day_the_valid_one_is_kept() {
    let broken = Row { high: -1.0, volume: 1e9, ..row(1, 10.0) };
    let expected = check(vec![row(0, 10.0), row(1, 10.0)], LIVE).bars;
    for rows in [vec![row(0, 10.0), broken, row(1, 10.0)], vec![row(1, 10.0), row(0, 10.0), broken]] {
        let series = check(rows, LIVE);
        assert_eq!(series.bars, expected);
        assert_eq!(series.notes, [dropped(&[(1, DropReason::NotAPrice)])]);
    }
}

/// Any number, with those that sources really send more likely.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.01..1000.0, 1 => Just(f64::NAN), 1 => Just(0.0), 1 => any::<f64>()]
}

fn any_row() -> impl Strategy<Value = Row> {
    let adjusted = prop_oneof![Just(None), number().prop_map(Some)];
    (0..30, number(), number(), number(), number(), number(), adjusted, number(), number()).prop_map(
        |(day, open, high, low, close, volume, adjusted_close, split_ratio, dividend)| Row {
            open,
            high,
            low,
            volume,
            adjusted_close,
            split_ratio,
            dividend,
            ..row(day, close)
        },
    )
}

/// Rows as a live source might send them, some repeated, and the same rows in another order.
fn shuffled() -> impl Strategy<Value = (Vec<Row>, Vec<Row>)> {
    let rows = prop::collection::vec(any_row(), 0..40);
    rows.prop_flat_map(|rows| {
        let again = prop::sample::subsequence(rows.clone(), 0..=rows.len());
        (Just(rows), again)
    })
    .prop_flat_map(|(rows, again)| {
        let twice: Vec<_> = rows.iter().chain(&again).copied().collect();
        (Just(rows), Just(twice).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn neither_order_nor_repetition_changes_a_live_series((rows, shuffled) in shuffled()) {
        prop_assert_eq!(check(rows, LIVE).bars, check(shuffled, LIVE).bars);
    }

    #[test]
    fn every_row_becomes_a_bar_or_is_counted(rows in prop::collection::vec(any_row(), 0..40), one_scale: bool) {
        let basis = if one_scale { Basis::SplitAdjusted } else { Basis::Quoted };
        let series = check(rows.clone(), Declared { basis, ..QUOTES });
        let dropped: usize = series.notes.iter().map(|note| if let Note::RowsDropped { count, .. } = note { *count } else { 0 }).sum();
        prop_assert_eq!(series.bars.len() + dropped, rows.len());
    }

    #[test]
    fn total_returns_computed_from_events_match_the_quotes(closes in prop::collection::vec(1.0..1000.0, 2..50), split in 1_usize..49, ratio in 1.0..10.0, dividend in 0.0..5.0) {
        let mut rows: Vec<_> = closes.iter().zip(0..).map(|(close, day)| unadjusted(day, *close)).collect();
        let place = split.min(rows.len() - 1);
        (rows[place].split_ratio, rows[place].dividend) = (ratio, dividend);
        let bars = check(rows.clone(), QUOTES).bars;
        for day in 1..rows.len() {
            let quoted = rows[day].split_ratio * (rows[day].close + rows[day].dividend) / rows[day - 1].close;
            let adjusted = bars.adjusted_close()[day] / bars.adjusted_close()[day - 1];
            prop_assert!((quoted / adjusted - 1.0).abs() < 1e-9);
        }
    }
}
