use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> (u64, u64) {
    let ratio = SplitRatio::parse(text).unwrap();
    (ratio.new_units(), ratio.old_units())
}

#[test]
fn a_written_fraction_is_that_fraction() {
    for (text, terms) in [("4:1", (4, 1)), ("1/45", (1, 45)), ("3 : 2", (3, 2)), ("2/4", (1, 2)), ("1:2.5", (2, 5))] {
        assert_eq!(parsed(text), terms, "{text}");
    }
}

#[test]
fn a_decimal_with_a_small_denominator_is_exactly_itself() {
    for (text, terms) in [
        ("2", (2, 1)),
        ("2.0000", (2, 1)),
        ("1.5", (3, 2)),
        ("0.1", (1, 10)),
        ("0.05", (1, 20)),
        ("1.03", (103, 100)),
        ("1.0725", (429, 400)),
        ("0.0025", (1, 400)),
        ("0.125", (1, 8)),
    ] {
        assert_eq!(parsed(text), terms, "{text}");
    }
}

#[test]
fn a_rounded_decimal_is_the_fraction_that_rounds_to_it() {
    for (text, terms) in [
        ("0.333", (1, 3)),
        ("0.333333", (1, 3)),
        ("0.3333333333333333333333333333", (1, 3)),
        ("0.6667", (2, 3)),
        ("1.333333", (4, 3)),
        ("1.333333333333", (4, 3)),
        ("0.428571", (3, 7)),
        ("0.022222", (1, 45)),
        ("0.005263", (1, 190)),
        ("1.0349", (10_349, 10_000)),
        ("1.998", (999, 500)),
    ] {
        assert_eq!(parsed(text), terms, "{text}");
    }
    assert_eq!(parsed("0.33"), (33, 100), "two digits are too few for a third");
}

#[test]
fn trailing_zeros_show_to_how_many_places_a_decimal_was_rounded() {
    for (text, terms) in [
        ("1.3330", (1_333, 1_000)),
        ("0.3330", (333, 1_000)),
        ("0.33300", (333, 1_000)),
        ("0.6670", (667, 1_000)),
        ("0.07450", (149, 2_000)),
        ("0.0300300", (10, 333)),
        ("0.003", (3, 1_000)),
        ("0.00300", (1, 333)),
        ("1.500000000000", (3, 2)),
        ("12345678.000000000000", (12_345_678, 1)),
    ] {
        let in_lowest_terms = SplitRatio::new(terms.0, terms.1).unwrap();
        assert_eq!(SplitRatio::parse(text), Ok(in_lowest_terms), "{text}");
        assert_eq!(SplitRatio::from_bar(in_lowest_terms.to_f64()), Ok(in_lowest_terms), "the bar of {text}");
    }
}

#[test]
fn a_bar_keeps_fractions_of_large_terms() {
    let terms = [(1, 1_200), (1, 1_500), (1, 3_000), (7, 30_000), (1, 99_999), (1_001, 3), (99_999, 70_000)];
    let short_decimals = [(101, 1_000), (7, 625), (1_333, 1_000)];
    for (new, old) in terms.into_iter().chain(short_decimals) {
        let ratio = SplitRatio::new(new, old).unwrap();
        assert_eq!(SplitRatio::from_bar(ratio.to_f64()), Ok(ratio), "{new}/{old}");
    }
    let no_such_terms = SplitRatio::from_bar(std::f64::consts::PI).unwrap();
    assert_eq!(no_such_terms.to_string(), "3.14159265359", "as many decimals as are read");
}

#[test]
fn a_ratio_must_be_a_number_above_zero() {
    for text in ["", "0", "-2", "x", "1:0", "0:1", "1:", ":", "NaN", "1e40"] {
        assert!(SplitRatio::parse(text).is_err(), "{text}");
    }
    for ratio in [0.0, -2.0, f64::NAN, f64::INFINITY] {
        assert!(SplitRatio::from_bar(ratio).is_err(), "{ratio}");
    }
}

#[test]
fn a_reverse_split_merges_units_and_rounds_nothing_up() {
    let units = |text: &str| crate::Quantity::parse(text).unwrap();
    assert_eq!(units("3").split(SplitRatio::parse("0.333333").unwrap()).unwrap(), units("1"));
    assert_eq!(units("45").split(SplitRatio::parse("0.022222").unwrap()).unwrap(), units("1"));
    let two_thirds = units("2").split(SplitRatio::new(1, 3).unwrap()).unwrap();
    assert_eq!(two_thirds, units("0.666666666666"));
}

#[test]
fn a_stored_decimal_is_taken_exactly() {
    let stored = |text: &str| SplitRatio::as_stored(text).map(|ratio| (ratio.new_units(), ratio.old_units()));
    assert_eq!(stored("0.022222"), Ok((11_111, 500_000)), "a source would mean one for forty-five");
    assert_eq!(stored("0.3333333333333333333333333333"), Ok((1, 3)));
    assert_eq!(stored("1.0666666666666666666666666667"), Ok((16, 15)));
    for text in ["0", "-0.5", "x", "", "1e13"] {
        assert!(stored(text).is_err(), "{text}");
    }
}

#[test]
fn a_ratio_survives_a_round_trip_as_text() {
    for (terms, text) in [
        ((2, 1), "\"2\""),
        ((1, 2), "\"0.5\""),
        ((1, 3), "\"1/3\""),
        ((429, 400), "\"1.0725\""),
        ((333, 1_000), "\"0.333\""),
    ] {
        let ratio = SplitRatio::new(terms.0, terms.1).unwrap();
        assert_eq!(serde_json::to_string(&ratio).unwrap(), text);
        assert_eq!(serde_json::from_str::<SplitRatio>(text).unwrap(), ratio);
    }
}

#[test]
fn splits_that_a_source_does_not_know_are_added_to_its_bars() {
    let bar = |date: &str, close: f64, split_ratio: f64| {
        let (date, open, high, low, adjusted_close) = (date.parse().unwrap(), close, close, close, close);
        Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio, dividend: 0.0 }
    };
    let bars =
        Bars::from_rows([bar("2012-01-03", 90.0, 1.0), bar("2012-01-05", 30.0, 1.0), bar("2012-01-06", 5.0, 3.0)]);
    let bars = bars.unwrap();
    let split = |day: &str, ratio: &str| Split { day: day.parse().unwrap(), ratio: ratio.parse().unwrap() };
    let more =
        [split("2012-01-02", "5"), split("2012-01-04", "3"), split("2012-01-06", "2"), split("2012-01-09", "0.5")];
    let found = with_splits(&bars, &more).unwrap();
    let rows: Vec<(String, f64, f64)> =
        found.iter().map(|bar| (bar.date.to_string(), bar.close, bar.split_ratio)).collect();
    let row = |day: &str, close: f64, ratio: f64| (day.to_owned(), close, ratio);
    let expected = [
        row("2012-01-02", 90.0, 5.0),
        row("2012-01-03", 90.0, 1.0),
        row("2012-01-04", 30.0, 3.0),
        row("2012-01-05", 30.0, 1.0),
        row("2012-01-06", 5.0, 6.0),
        row("2012-01-09", 10.0, 0.5),
    ];
    assert_eq!(rows, expected);
    assert_eq!(with_splits(&bars, &[]), Ok(bars));
    assert_eq!(with_splits(&Bars::default(), &more), Ok(Bars::default()));
}

proptest! {
    #[test]
    fn a_bar_preserves_every_fraction_of_small_terms(new in 1_u64..=1_000, old in 1_u64..=100_000) {
        let ratio = SplitRatio::new(new, old).unwrap();
        prop_assert_eq!(SplitRatio::from_bar(ratio.to_f64()), Ok(ratio));
    }

    #[test]
    fn a_bar_preserves_every_ratio_that_a_source_writes(whole in 0_u32..20, decimals in 0_u32..1_000_000) {
        let text = format!("{whole}.{decimals:06}");
        if let Ok(ratio) = SplitRatio::parse(&text) {
            prop_assert_eq!(SplitRatio::from_bar(ratio.to_f64()), Ok(ratio));
        }
    }

    #[test]
    fn no_text_panics(text in "[0-9.:/eE+-]{0,30}") {
        let _ = SplitRatio::parse(&text);
    }
}
