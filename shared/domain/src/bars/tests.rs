use super::*;

fn bar(date: &str, close: f64) -> Bar {
    Bar {
        date: date.parse().unwrap(),
        open: close,
        high: close,
        low: close,
        close,
        volume: 10.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }
}

#[test]
fn a_refused_bar_leaves_the_series_as_it_was() {
    let mut bars = Bars::from_rows([bar("2013-01-02", 1.0)]).unwrap();
    let before = bars.clone();
    for bad in [bar("2013-01-02", 1.0), bar("2013-01-01", 1.0), bar("2013-01-03", 0.0), bar("2013-01-03", f64::NAN)] {
        assert!(bars.push(bad).is_err());
        assert_eq!(bars, before);
    }
}

fn prices(open: f64, high: f64, low: f64, close: f64) -> Bar {
    Bar { open, high, low, close, ..bar("2013-01-02", close) }
}

#[test]
fn a_bar_with_contradictory_prices_is_impossible() {
    for possible in [
        prices(10.0, 11.0, 9.0, 10.5),
        prices(11.055, 11.0, 9.0, 10.0),
        prices(10.0, 11.0, 9.0, 8.955),
        prices(10.0, 50.0, 10.0, 10.0),
        prices(10.0, 10.0, 2.0, 10.0),
    ] {
        assert!(!possible.is_impossible(), "{possible:?}");
    }
    for impossible in [
        prices(10.0, 9.0, 9.01, 9.0),
        prices(11.06, 11.0, 9.0, 10.0),
        prices(10.0, 11.0, 9.0, 8.95),
        prices(8.95, 11.0, 9.0, 10.0),
        prices(10.0, 11.0, 9.0, 11.06),
        prices(10.0, 50.1, 10.0, 10.0),
        prices(10.0, 10.0, 1.99, 10.0),
    ] {
        assert!(impossible.is_impossible(), "{impossible:?}");
    }
}

#[test]
fn the_credible_range_of_an_impossible_bar_is_its_open_and_close() {
    let typing_error = Bar { date: "2013-01-03".parse().unwrap(), ..prices(10.0, 1050.0, 9.0, 10.5) };
    let bars = Bars::from_rows([prices(10.0, 11.0, 9.0, 10.5), typing_error]).unwrap();
    assert_eq!(bars.high(), [11.0, 1050.0]);
    assert_eq!(*bars.credible_high(), [11.0, 10.5]);
    assert_eq!(*bars.credible_low(), [9.0, 10.0]);
}

#[test]
fn a_span_includes_both_ends_and_may_fall_between_bars() {
    let bars = Bars::from_rows([bar("2013-01-02", 1.0), bar("2013-01-04", 2.0), bar("2013-01-07", 3.0)]).unwrap();
    let span = |from: &str, to: &str| bars.between(from.parse().unwrap(), to.parse().unwrap()).len();
    assert_eq!(span("2013-01-02", "2013-01-07"), 3);
    assert_eq!(span("2013-01-03", "2013-01-05"), 1);
    assert_eq!(span("2013-01-05", "2013-01-06"), 0);
    assert_eq!(span("2013-01-07", "2013-01-02"), 0);
}

#[test]
fn rows_and_columns_hold_the_same_bars() {
    let rows = vec![bar("2013-01-02", 1.0), bar("2013-01-04", 2.0)];
    let bars = Bars::from_rows(rows.clone()).unwrap();
    assert_eq!(bars.iter().collect::<Vec<_>>(), rows);
    assert_eq!(bars.last(), rows.last().copied());
    assert_eq!(bars.get(2), None);
}
