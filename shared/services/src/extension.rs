//! How a source's latest bars join the older ones that are stored.

use domain::{Bar, Bars};
use market::{History, Note};

/// What came, with the older bars that are stored already. `None` where the source gives only its
/// latest bars and they do not reach back to the stored ones: a series with a hole misleads, and a
/// short one would take the place of a long one.
pub(crate) fn extend(stored: &Bars, fetched: History) -> Option<History> {
    if !fetched.notes.contains(&Note::CompactHistory) {
        return Some(fetched);
    }
    let bars = if fetched.notes.contains(&Note::SplitsUnknown) {
        append(stored, &fetched.bars)?
    } else {
        prepend(stored, &fetched.bars)?
    };
    Some(History { bars, ..fetched })
}

/// The stored bars with the new days behind them: what is known of earlier splits and dividends stays.
fn append(stored: &Bars, fetched: &Bars) -> Option<Bars> {
    let last = stored.last()?;
    let twin = fetched.get(fetched.count_before(last.date)).filter(|bar| bar.date == last.date)?;
    let scale = last.adjusted_close / twin.adjusted_close;
    let newer = fetched.iter().skip(fetched.count_through(last.date));
    let newer = newer.map(|bar| Bar { adjusted_close: bar.adjusted_close * scale, ..bar });
    Bars::from_rows(stored.iter().chain(newer)).ok()
}

/// The fetched bars with the older stored ones before them. A split or dividend since the last fetch
/// rescales every earlier adjusted close; the ratio of an overlapping day brings them to the new scale.
fn prepend(stored: &Bars, fetched: &Bars) -> Option<Bars> {
    let first = fetched.first()?;
    let overlap = stored.count_before(first.date);
    let twin = stored.get(overlap).filter(|bar| bar.date == first.date)?;
    let scale = first.adjusted_close / twin.adjusted_close;
    let older = stored.iter().take(overlap).map(|bar| Bar { adjusted_close: bar.adjusted_close * scale, ..bar });
    Bars::from_rows(older.chain(fetched.iter())).ok()
}

#[cfg(test)]
mod tests {
    use domain::Currency;
    use market::Basis;

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

    fn compact(rows: impl IntoIterator<Item = Bar>) -> History {
        History {
            source: "scripted",
            bars: Bars::from_rows(rows).unwrap(),
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: vec![Note::CompactHistory],
        }
    }

    #[test]
    fn the_latest_bars_extend_the_stored_ones_on_the_new_adjusted_scale() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0), bar("2013-01-03", 11.0, 11.0)]).unwrap();
        let came = compact([bar("2013-01-03", 11.0, 5.5), bar("2013-01-04", 12.0, 6.0)]);
        let merged = extend(&stored, came).unwrap();
        assert_eq!(merged.bars.adjusted_close(), [5.0, 5.5, 6.0]);
        assert_eq!(merged.bars.close(), [10.0, 11.0, 12.0]);
    }

    #[test]
    fn latest_bars_that_do_not_reach_back_replace_nothing() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0)]).unwrap();
        assert_eq!(extend(&stored, compact([bar("2013-01-04", 12.0, 6.0)])), None);
    }

    #[test]
    fn a_split_that_is_known_is_not_forgotten_by_a_source_that_tells_of_none() {
        let split = Bar { split_ratio: 4.0, ..bar("2013-01-03", 3.0, 3.0) };
        let stored = Bars::from_rows([bar("2013-01-02", 12.0, 3.0), split]).unwrap();
        let rows = [bar("2013-01-02", 12.0, 12.0), bar("2013-01-03", 3.0, 3.0), bar("2013-01-04", 3.3, 3.3)];
        let mut came = compact(rows);
        came.notes.push(Note::SplitsUnknown);
        let merged = extend(&stored, came).unwrap();
        assert_eq!(merged.bars.split_ratio(), [1.0, 4.0, 1.0]);
        assert_eq!(merged.bars.adjusted_close(), [3.0, 3.0, 3.3]);
    }
}
