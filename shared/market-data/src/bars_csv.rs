//! Bars as CSV, with the columns of the sample files, which a folder of your own files may have too.

use app::ServiceError;
use domain::Bar;

/// The columns, in order.
pub const HEADER: [&str; 9] =
    ["date", "open", "high", "low", "close", "volume", "adjusted_close", "split_ratio", "dividend"];

/// The bars as CSV with a header; as in the sample, a day without a split or dividend has an empty cell.
///
/// Every number reads back as exactly the same number. Errors: [`ServiceError::Fault`], which is a bug.
#[expect(clippy::float_cmp, reason = "a ratio of exactly 1 stands for no split in a series")]
pub fn to_csv(bars: impl IntoIterator<Item = Bar>) -> Result<String, ServiceError> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).map_err(fault)?;
    for bar in bars {
        let event = |value: f64, none: f64| if value == none { String::new() } else { value.to_string() };
        let numbers = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.adjusted_close];
        let cells = std::iter::once(bar.date.to_string())
            .chain(numbers.map(|number| number.to_string()))
            .chain([event(bar.split_ratio, 1.0), event(bar.dividend, 0.0)]);
        csv.write_record(cells.collect::<Vec<_>>()).map_err(fault)?;
    }
    let bytes = csv.into_inner().map_err(fault)?;
    String::from_utf8(bytes).map_err(fault)
}

fn fault(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::fault("bars to CSV", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_events_has_empty_cells() {
        let quiet = Bar {
            date: "2005-02-25".parse().unwrap(),
            open: 89.62,
            high: 89.91,
            low: 88.19,
            close: 88.99,
            volume: 16_348_400.0,
            adjusted_close: 5.718_228,
            split_ratio: 1.0,
            dividend: 0.0,
        };
        let events = Bar { split_ratio: 2.0, dividend: 0.1, ..quiet };
        let csv = to_csv([quiet, events]).unwrap();
        assert_eq!(
            csv,
            "date,open,high,low,close,volume,adjusted_close,split_ratio,dividend\n\
             2005-02-25,89.62,89.91,88.19,88.99,16348400,5.718228,,\n\
             2005-02-25,89.62,89.91,88.19,88.99,16348400,5.718228,2,0.1\n"
        );
        assert_eq!(to_csv([]).unwrap().lines().count(), 1);
    }
}
