//! Merges the bars of a source into the older ones that are stored.

use domain::split::splits_of;
use domain::{Bar, Bars};
use market::{Basis, History, Note};

/// With fewer common days than these, prices of different kinds cannot be shown to mean the same.
const MIN_COMMON_DAYS: usize = 5;
/// Two sources may round a close differently, but by no more than this fraction. The smallest split changes far more.
const SAME_CLOSE: f64 = 0.005;

/// The new bars together with the older ones that are stored. `None` if the source provides only its latest bars and
/// they do not reach back to the stored ones: a series with a hole misleads, and a short one must not replace a long
/// one.
///
/// The ratio of a common day brings both to one scale of adjusted closes: a split or dividend since the last call has
/// rescaled all earlier ones. Prices of another `basis` are merged only if they agree.
pub(crate) fn extend(stored: &Bars, basis: Basis, fetched: History) -> Option<History> {
    let compact = fetched.notes.contains(&Note::CompactHistory);
    if basis != fetched.basis {
        return if compact { across(stored, fetched) } else { Some(fetched) };
    }
    let is_on_the_stored_scale = |newest: &Twins| basis == Basis::Quoted || agree(newest);
    let joined = match common_days(stored, &fetched.bars) {
        // Known splits and dividends are not given up for a source that reports none.
        Some((_, newest)) if compact && reports_no_splits(&fetched) && is_on_the_stored_scale(&newest) => {
            append(stored, &fetched.bars, newest)
        }
        Some((oldest, newest)) => around(stored, &fetched.bars, basis, (oldest, newest)),
        None => None,
    };
    match joined {
        Some(bars) => Some(History { bars, ..fetched }),
        None => (!compact).then_some(fetched),
    }
}

/// Merges latest bars as quoted with stored ones on one scale, or the other way round.
///
/// If the closes agree on every common day, there was no split since then, and the older prices fit the newer ones
/// unchanged. What they are divided by is unknown, so the result counts as on one scale.
fn across(stored: &Bars, fetched: History) -> Option<History> {
    let has_all_days =
        fetched.bars.first()?.date <= stored.first()?.date && stored.last()?.date <= fetched.bars.last()?.date;
    // Nothing stored is lost, neither a day nor a split.
    if has_all_days && (!reports_no_splits(&fetched) || splits_of(stored).is_ok_and(|splits| splits.is_empty())) {
        return Some(fetched);
    }
    let common: Vec<Twins> = twins(stored, &fetched.bars).collect();
    if common.len() < MIN_COMMON_DAYS || !common.iter().all(agree) {
        return None;
    }
    let (oldest, newest) = (*common.first()?, *common.last()?);
    let mut notes = fetched.notes.clone();
    let bars = if reports_no_splits(&fetched) {
        append(stored, &fetched.bars, newest)?
    } else {
        notes.push(Note::SplitsUnknown);
        around(stored, &fetched.bars, Basis::Quoted, (oldest, newest))?
    };
    Some(History { bars, basis: Basis::SplitAdjusted, notes, ..fetched })
}

fn reports_no_splits(history: &History) -> bool {
    history.notes.contains(&Note::SplitsUnknown)
}

/// A common day of both series: the stored bar and the fetched one.
type Twins = (Bar, Bar);

fn agree((old, new): &Twins) -> bool {
    (new.close / old.close - 1.0).abs() <= SAME_CLOSE
}

/// The common days of both series, oldest first.
fn twins(stored: &Bars, fetched: &Bars) -> impl Iterator<Item = Twins> {
    let before = fetched.first().map_or(stored.len(), |first| stored.count_before(first.date));
    stored.iter().skip(before).filter_map(|old| {
        let new = fetched.get(fetched.count_before(old.date)).filter(|new| new.date == old.date)?;
        Some((old, new))
    })
}

/// The oldest and the newest common day of both series.
fn common_days(stored: &Bars, fetched: &Bars) -> Option<(Twins, Twins)> {
    let mut twins = twins(stored, fetched);
    let oldest = twins.next()?;
    Some((oldest, twins.last().unwrap_or(oldest)))
}

/// The stored bars followed by the new days, on the stored scale.
fn append(stored: &Bars, fetched: &Bars, (old, new): Twins) -> Option<Bars> {
    let scale = old.adjusted_close / new.adjusted_close;
    let newer = fetched.iter().skip(fetched.count_through(stored.last()?.date));
    let newer = newer.map(|bar| Bar { adjusted_close: bar.adjusted_close * scale, ..bar });
    Bars::from_rows(stored.iter().chain(newer)).ok()
}

/// The older stored bars, the fetched ones, and then the newer stored ones, which another source has brought; all on
/// the scale of the last bar.
fn around(stored: &Bars, fetched: &Bars, basis: Basis, (oldest, newest): (Twins, Twins)) -> Option<Bars> {
    let newer = stored.count_through(fetched.last()?.date);
    let to_last = if newer < stored.len() { Scale::from_new_to_old(basis, &newest) } else { Scale::SAME };
    let to_fetched = Scale::from_old_to_new(basis, &oldest);
    let older = stored.iter().take(stored.count_before(fetched.first()?.date));
    let older = older.map(|bar| to_last.of(to_fetched.of(bar)));
    let middle = fetched.iter().map(|bar| to_last.of(bar));
    Bars::from_rows(older.chain(middle).chain(stored.iter().skip(newer))).ok()
}

/// Converts prices from one scale to another.
#[derive(Clone, Copy)]
struct Scale {
    prices: f64,
    adjusted: f64,
}

impl Scale {
    const SAME: Self = Self { prices: 1.0, adjusted: 1.0 };

    fn from_old_to_new(basis: Basis, (old, new): &Twins) -> Self {
        // Prices on one scale are all divided by each later split; prices as quoted never change.
        // A close that another source rounds differently is not a split.
        let prices = match basis {
            Basis::SplitAdjusted if !agree(&(*old, *new)) => new.close / old.close,
            Basis::Quoted | Basis::SplitAdjusted => 1.0,
        };
        Self { prices, adjusted: new.adjusted_close / old.adjusted_close }
    }

    fn from_new_to_old(basis: Basis, (old, new): &Twins) -> Self {
        Self::from_old_to_new(basis, &(*new, *old))
    }

    fn of(self, bar: Bar) -> Bar {
        Bar {
            open: bar.open * self.prices,
            high: bar.high * self.prices,
            low: bar.low * self.prices,
            close: bar.close * self.prices,
            volume: bar.volume / self.prices,
            adjusted_close: bar.adjusted_close * self.adjusted,
            dividend: bar.dividend * self.prices,
            ..bar
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Currency, Day};
    use proptest::prelude::*;

    use super::*;

    fn bar(date: &str, close: f64, adjusted_close: f64) -> Bar {
        Bar {
            date: date.parse().unwrap(),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close,
            split_ratio: 1.0,
            dividend: 0.0,
        }
    }

    fn whole(rows: impl IntoIterator<Item = Bar>) -> History {
        History {
            source: "scripted",
            bars: Bars::from_rows(rows).unwrap(),
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: Vec::new(),
            held_back: None,
        }
    }

    fn compact(rows: impl IntoIterator<Item = Bar>) -> History {
        History { notes: vec![Note::CompactHistory], ..whole(rows) }
    }

    fn joined(stored: &Bars, came: History) -> Option<Bars> {
        extend(stored, Basis::Quoted, came).map(|history| history.bars)
    }

    #[test]
    fn whole_and_compact_responses_extend_the_stored_bars_on_the_new_scale() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0), bar("2013-01-03", 11.0, 11.0)]).unwrap();
        let rows = [bar("2013-01-03", 11.0, 5.5), bar("2013-01-04", 12.0, 6.0)];
        for came in [compact(rows), whole(rows)] {
            let bars = joined(&stored, came).unwrap();
            assert_eq!(bars.adjusted_close(), [5.0, 5.5, 6.0]);
            assert_eq!(bars.close(), [10.0, 11.0, 12.0]);
        }
    }

    #[test]
    fn latest_bars_that_do_not_reach_back_replace_nothing() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0)]).unwrap();
        let rows = [bar("2013-01-04", 12.0, 6.0)];
        assert_eq!(joined(&stored, compact(rows)), None);
        assert_eq!(joined(&stored, whole(rows)).unwrap().len(), 1);
    }

    #[test]
    fn a_day_that_one_side_lacks_does_not_prevent_a_merge() {
        let stored = [bar("2013-01-02", 10.0, 10.0), bar("2013-01-04", 12.0, 12.0)];
        let stored = Bars::from_rows(stored).unwrap();
        let came = compact([bar("2013-01-03", 11.0, 5.5), bar("2013-01-04", 12.0, 6.0)]);
        assert_eq!(joined(&stored, came).unwrap().adjusted_close(), [5.0, 5.5, 6.0]);
    }

    #[test]
    fn a_known_split_is_kept_when_a_source_reports_none() {
        let split = Bar { split_ratio: 4.0, ..bar("2013-01-03", 3.0, 3.0) };
        let stored = Bars::from_rows([bar("2013-01-02", 12.0, 3.0), split]).unwrap();
        let rows = [bar("2013-01-02", 12.0, 12.0), bar("2013-01-03", 3.0, 3.0), bar("2013-01-04", 3.3, 3.3)];
        let mut came = compact(rows);
        came.notes.push(Note::SplitsUnknown);
        let bars = joined(&stored, came).unwrap();
        assert_eq!(bars.split_ratio(), [1.0, 4.0, 1.0]);
        assert_eq!(bars.adjusted_close(), [3.0, 3.0, 3.3]);
    }

    #[test]
    fn prices_on_one_scale_are_converted_to_the_scale_after_a_split() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0), bar("2013-01-03", 12.0, 12.0)]).unwrap();
        let came = History { basis: Basis::SplitAdjusted, ..compact([bar("2013-01-03", 6.0, 6.0)]) };
        let bars = extend(&stored, Basis::SplitAdjusted, came.clone()).unwrap().bars;
        assert_eq!((bars.close(), bars.volume()), ([5.0, 6.0].as_slice(), [2.0, 1.0].as_slice()));
        assert_eq!(
            extend(&stored, Basis::Quoted, came.clone()),
            None,
            "prices as quoted are not merged with prices on one scale"
        );
        // A source without events says so, but its newest bars are on the scale after the split all the same.
        let rows = [bar("2013-01-03", 6.0, 6.0), bar("2013-01-04", 6.5, 6.5)];
        let notes = vec![Note::CompactHistory, Note::SplitsUnknown];
        let came = History { basis: Basis::SplitAdjusted, notes, ..compact(rows) };
        assert_eq!(extend(&stored, Basis::SplitAdjusted, came).unwrap().bars.close(), [5.0, 6.0, 6.5]);
    }

    #[test]
    fn merged_bars_keep_their_ratios_and_dividends() {
        let third = 1.0 / 3.0;
        let events = Bar { split_ratio: third, dividend: 0.1, ..bar("2013-01-03", 12.0, 12.0) };
        let stored = Bars::from_rows([bar("2013-01-02", 4.0, 11.9), events, bar("2013-01-04", 12.0, 12.0)]).unwrap();
        let came = |close| {
            let rows = [bar("2013-01-04", close, close), bar("2013-01-07", close, close)];
            History { basis: Basis::SplitAdjusted, ..compact(rows) }
        };
        let rounded_differently = extend(&stored, Basis::SplitAdjusted, came(12.01)).unwrap().bars;
        assert_eq!(rounded_differently.split_ratio(), [1.0, third, 1.0, 1.0]);
        assert_eq!((rounded_differently.dividend()[1], rounded_differently.close()[1]), (0.1, 12.0));
        let halved = extend(&stored, Basis::SplitAdjusted, came(6.0)).unwrap().bars;
        assert_eq!((halved.dividend()[1], halved.close()[1]), (0.05, 6.0), "a dividend is on the scale of its price");
    }

    /// `count` bars from a day of January 2013 on, each with a close of ten times the number of its day.
    fn days(from: u32, count: u32) -> Vec<Bar> {
        let close = |number: u32| f64::from(number) * 10.0;
        (from..from + count).map(|number| bar(&format!("2013-01-{number:02}"), close(number), close(number))).collect()
    }

    fn history_of(basis: Basis, notes: &[Note], rows: impl IntoIterator<Item = Bar>) -> History {
        History { basis, notes: notes.to_vec(), ..compact(rows) }
    }

    const BOTH_UNKNOWN: [Note; 2] = [Note::CompactHistory, Note::SplitsUnknown];

    #[test]
    fn prices_of_different_kinds_are_merged_if_five_days_agree() {
        use Basis::{Quoted, SplitAdjusted};
        let stored = Bars::from_rows(days(1, 8)).unwrap();
        let closes: Vec<f64> = days(1, 12).iter().map(|bar| bar.close).collect();
        for (basis, other) in [(SplitAdjusted, Quoted), (Quoted, SplitAdjusted)] {
            for notes in [&BOTH_UNKNOWN[..], &BOTH_UNKNOWN[..1]] {
                let history = extend(&stored, basis, history_of(other, notes, days(4, 9))).unwrap();
                assert_eq!(history.bars.close(), closes, "{basis:?} {notes:?}");
                assert_eq!((history.basis, history.notes.as_slice()), (SplitAdjusted, &BOTH_UNKNOWN[..]));
                // What was merged once can be merged again with either kind.
                let again = |next| extend(&history.bars, history.basis, history_of(next, notes, days(8, 8))).unwrap();
                assert_eq!((again(Quoted).bars.len(), again(SplitAdjusted).bars.len()), (15, 15));
            }
            let four_days = history_of(other, &BOTH_UNKNOWN, days(5, 8));
            assert_eq!(extend(&stored, basis, four_days), None);
            let mut rows = days(4, 9);
            rows[2].close *= 1.006;
            assert_eq!(extend(&stored, basis, history_of(other, &BOTH_UNKNOWN, rows)), None, "one day disagrees");
        }
    }

    #[test]
    fn a_split_reported_with_the_newer_bars_stays_in_the_merged_series() {
        let stored = Bars::from_rows(days(1, 8)).unwrap();
        let mut rows = days(4, 6);
        rows[5] = Bar { split_ratio: 2.0, ..bar("2013-01-09", 45.0, 45.0) };
        for old in &mut rows[..5] {
            old.adjusted_close /= 2.0;
        }
        let came = history_of(Basis::Quoted, &[Note::CompactHistory], rows);
        let bars = extend(&stored, Basis::SplitAdjusted, came).unwrap().bars;
        assert_eq!((bars.close()[0], bars.adjusted_close()[0], bars.split_ratio()[8]), (10.0, 5.0, 2.0));
    }

    #[test]
    fn a_complete_series_of_another_kind_replaces_the_stored_one_unless_it_loses_a_split() {
        let halved = |rows: Vec<Bar>| rows.into_iter().map(|bar| Bar { close: bar.close / 2.0, ..bar });
        let stored = Bars::from_rows(days(4, 5)).unwrap();
        let came = history_of(Basis::SplitAdjusted, &BOTH_UNKNOWN, halved(days(1, 9)));
        assert_eq!(extend(&stored, Basis::Quoted, came.clone()), Some(came.clone()));
        let split = days(4, 5).into_iter().map(|bar| Bar { split_ratio: 2.0, ..bar });
        assert_eq!(extend(&Bars::from_rows(split).unwrap(), Basis::Quoted, came), None);
        let whole =
            History { notes: vec![Note::SplitsUnknown], ..history_of(Basis::SplitAdjusted, &[], halved(days(8, 2))) };
        assert_eq!(extend(&stored, Basis::Quoted, whole.clone()), Some(whole));
    }

    /// A series with splits and dividends whose adjusted closes are those of its last day.
    fn any_series() -> impl Strategy<Value = Bars> {
        let row = (1_u32..100_000, prop_oneof![8 => Just(1.0), 1 => Just(2.0), 1 => Just(0.5)], 0_u32..4);
        proptest::collection::vec(row, 2..60).prop_map(|rows| {
            let first: Day = "2013-01-02".parse().unwrap();
            let closes: Vec<f64> = rows.iter().map(|(cents, ..)| f64::from(*cents) / 100.0).collect();
            let mut factor = 1.0;
            let mut bars: Vec<Bar> = Vec::new();
            for (at, &(_, split_ratio, dividend)) in rows.iter().enumerate().rev() {
                let date = first.plus_days(i32::try_from(at).unwrap());
                let dividend = f64::from(dividend) * 0.001;
                let close = closes[at];
                let adjusted_close = close * factor;
                bars.push(Bar { split_ratio, dividend, date, ..bar("2013-01-02", close, adjusted_close) });
                factor /= split_ratio * (1.0 + dividend / close);
            }
            bars.reverse();
            Bars::from_rows(bars).unwrap()
        })
    }

    #[test]
    fn newer_bars_of_another_source_stay_after_a_response_that_ends_earlier() {
        let stored = Bars::from_rows(days(1, 12)).unwrap();
        let halved = |bar: Bar| Bar { adjusted_close: bar.adjusted_close / 2.0, ..bar };
        for came in [compact(days(4, 5).into_iter().map(halved)), whole(days(4, 5).into_iter().map(halved))] {
            assert_eq!(joined(&stored, came).unwrap(), stored);
        }
        // On one scale, which a split after the response has divided.
        let doubled = |bar: Bar| Bar {
            open: bar.open * 2.0,
            high: bar.high * 2.0,
            low: bar.low * 2.0,
            close: bar.close * 2.0,
            volume: bar.volume / 2.0,
            ..bar
        };
        let came = history_of(Basis::SplitAdjusted, &[Note::CompactHistory], days(4, 5).into_iter().map(doubled));
        assert_eq!(extend(&stored, Basis::SplitAdjusted, came).unwrap().bars, stored);
    }

    proptest! {
        #[test]
        fn an_earlier_part_and_a_later_response_make_the_whole_series(
            series in any_series(),
            from in any::<proptest::sample::Index>(),
            through in any::<proptest::sample::Index>(),
            until in any::<proptest::sample::Index>(),
            stored_scale in 0.01_f64..100.0,
            is_compact in any::<bool>(),
        ) {
            // The stored part ended on a day at or after the first one of the response, on the scale of its time. The
            // response, of a source that lags behind, ends on any of its days.
            let from = from.index(series.len());
            let through = from + through.index(series.len() - from);
            let until = from + until.index(series.len() - from);
            let earlier = series.slice(0, through + 1);
            let scaled = earlier.iter().map(|bar| Bar { adjusted_close: bar.adjusted_close * stored_scale, ..bar });
            let stored = Bars::from_rows(scaled).unwrap();
            let later = series.slice(from, until + 1);
            let came = if is_compact { compact(later.iter()) } else { whole(later.iter()) };
            let bars = joined(&stored, came).unwrap();
            prop_assert_eq!(bars.len(), through.max(until) + 1);
            let scale = if through > until { stored_scale } else { 1.0 };
            for (bar, expected) in bars.iter().zip(series.iter()) {
                prop_assert!((bar.adjusted_close / expected.adjusted_close / scale - 1.0).abs() < 1e-12);
                prop_assert_eq!(Bar { adjusted_close: expected.adjusted_close, ..bar }, expected);
            }
        }
    }
}
