use proptest::prelude::*;

use super::*;

/// Whether all values have equal bits; `==` on floats does not distinguish −0 from 0.
fn same_bits(a: &Bars, b: &Bars) -> bool {
    let columns = |bars: &Bars| -> Vec<u64> {
        let all = [
            bars.open(),
            bars.high(),
            bars.low(),
            bars.close(),
            bars.volume(),
            bars.adjusted_close(),
            bars.split_ratio(),
            bars.dividend(),
        ];
        all.iter().flat_map(|column| column.iter().map(|value| value.to_bits())).collect()
    };
    a.dates() == b.dates() && columns(a) == columns(b)
}

fn price() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (1_u32..100_000_000).prop_map(|ticks| f64::from(ticks) / 100.0),
        2 => (1_u32..u32::MAX).prop_map(|ticks| f64::from(ticks) / 1e6),
        1 => any::<u64>().prop_map(f64::from_bits).prop_filter("a price", |value| value.is_finite() && *value > 0.0),
        1 => prop::sample::select(vec![f64::MIN_POSITIVE, f64::MAX, 5e-324, 1e15, 0.1 + 0.2, 9_007_199_254_740_993.0]),
    ]
}

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-0.0), Just(1e6), price()]
}

fn bar() -> impl Strategy<Value = (i32, Bar)> {
    let day: Day = "2012-01-01".parse().unwrap();
    let prices = (price(), price(), price(), price(), price());
    let ratio = prop_oneof![9 => Just(1.0), 1 => price()];
    (1_i32..5, prices, amount(), ratio, amount()).prop_map(move |(gap, prices, volume, split_ratio, dividend)| {
        let (open, high, low, close, adjusted_close) = prices;
        (gap, Bar { date: day, open, high, low, close, volume, adjusted_close, split_ratio, dividend })
    })
}

fn series() -> impl Strategy<Value = Bars> {
    (prop::collection::vec(bar(), 0..60), 0_i32..70_000).prop_map(|(rows, first)| {
        let mut date: Day = "1900-01-01".parse().unwrap();
        date = date.plus_days(first);
        let mut bars = Bars::default();
        for (gap, bar) in rows {
            date = date.plus_days(gap);
            bars.push(Bar { date, ..bar }).unwrap();
        }
        bars
    })
}

proptest! {
    #[test]
    fn any_bars_round_trip_to_the_last_bit(bars in series()) {
        let back = unpack(&pack(&bars).unwrap()).unwrap();
        prop_assert!(same_bits(&bars, &back), "{bars:?}\n{back:?}");
    }

    #[test]
    fn any_bytes_give_bars_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = unpack(&bytes);
        // With a matching checksum, so that the whole reader is exercised.
        let _ = unpack(&sealed(&bytes));
    }

    #[test]
    fn altered_bytes_with_a_matching_checksum_give_bars_or_an_error(
        bars in series(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut packed = pack(&bars).unwrap().split_off(HEADER_BYTES);
        for (place, byte) in changes {
            let place = place.index(packed.len());
            packed[place] = byte;
        }
        let _ = unpack(&sealed(&packed));
        packed.truncate(cut.index(packed.len()));
        let _ = unpack(&sealed(&packed));
    }

    #[test]
    fn one_flipped_bit_is_always_detected(bars in series(), place in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = pack(&bars).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        prop_assert!(unpack(&bytes).is_err());
    }
}

fn sealed(packed: &[u8]) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    bytes.extend(checksum(packed).to_le_bytes());
    bytes.extend(packed);
    bytes
}

fn plain_bar(date: Day) -> Bar {
    Bar {
        date,
        open: 10.0,
        high: 11.0,
        low: 9.0,
        close: 10.5,
        volume: 1e6,
        adjusted_close: 10.5,
        split_ratio: 1.0,
        dividend: 0.0,
    }
}

#[test]
fn a_leap_year_of_daily_bars_fits_and_no_bar_more() {
    let first: Day = "2012-01-01".parse().unwrap();
    let days = |count| Bars::from_rows((0..count).map(|day| plain_bar(first.plus_days(day)))).unwrap();
    let year = days(366);
    assert!(same_bits(&unpack(&pack(&year).unwrap()).unwrap(), &year));
    assert_eq!(pack(&days(367)), Err(PackError::TooManyBars { bars: 367 }));
}

#[test]
fn a_bar_count_above_a_year_is_refused_before_reading() {
    let mut packed = Vec::new();
    put_varint(&mut packed, u64::MAX);
    assert_eq!(unpack(&sealed(&packed)), Err(PackError::Malformed));
}

#[test]
fn an_unknown_format_and_trailing_bytes_are_refused() {
    let bars = Bars::from_rows([plain_bar("2012-01-02".parse().unwrap())]).unwrap();
    let mut bytes = pack(&bars).unwrap();
    bytes[0] = 9;
    assert_eq!(unpack(&bytes), Err(PackError::UnknownFormat(9)));
    let mut packed = pack(&bars).unwrap().split_off(HEADER_BYTES);
    packed.push(0);
    assert_eq!(unpack(&sealed(&packed)), Err(PackError::Malformed));
    assert_eq!(unpack(&[]), Err(PackError::Malformed));
}

#[test]
fn well_formed_bars_that_are_not_a_valid_series_are_refused() {
    let day: Day = "2012-01-02".parse().unwrap();
    let mut bars = Bars::from_rows([plain_bar(day)]).unwrap();
    let again = pack(&bars).unwrap();
    assert!(matches!(unpack_onto(&again, &mut bars), Err(PackError::NoSeries(BarError::OutOfOrder { .. }))));
}

#[test]
fn the_weekday_after_a_friday_is_a_monday() {
    let days = ["2012-06-01", "2012-06-04", "2012-06-05"].map(|day| day.parse::<Day>().unwrap().days_since_epoch());
    assert_eq!(next_weekday(i64::from(days[0])), i64::from(days[1]));
    assert_eq!(next_weekday(i64::from(days[1])), i64::from(days[2]));
    let saturday = "2012-06-02".parse::<Day>().unwrap().days_since_epoch();
    assert_eq!(next_weekday(i64::from(saturday)), i64::from(days[1]));
}

#[test]
fn the_stored_format_is_unchanged() {
    let day: Day = "2012-06-01".parse().unwrap();
    let rows = [
        plain_bar(day),
        Bar { close: 10.55, high: 11.005, dividend: 0.25, ..plain_bar(day.plus_days(3)) },
        Bar { split_ratio: 2.0, volume: 1_234_567.0, ..plain_bar(day.plus_days(4)) },
    ];
    let bytes = pack(&Bars::from_rows(rows).unwrap()).unwrap();
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let expected = "01e05dd3a90f91786a0388f2010002020200b410049a02ffff00000002000301010a0000020000000101030201010000010102fa0001\
                    028ed11c02000200000002020802fa020101320000";
    assert_eq!(hex, expected);
}
