//! The daily series of a report's charts, with prices on one scale.

pub use quant::rules::PriceLine;

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::{Bars, Day};
use quant::rules::{Rule, price_lines};

use crate::backtest_records::BacktestRun;

/// The prices of a span; all columns have one value per day of the backtest.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSeries {
    /// Closes in units of the span's last day, so that splits leave no jumps; NaN on a day whose bar no longer exists.
    pub close: Vec<f64>,
    /// The indicators of the backtest's rules that are on the scale of the price.
    pub lines: Vec<PriceLine>,
}

/// The prices of the span that a backtest covered; its indicators are warmed up by earlier bars.
///
/// Errors: a fault if the stored rules do not parse.
pub(crate) fn chart_series(bars: &Bars, run: &BacktestRun) -> Result<ChartSeries, ServiceError> {
    let (from, to) = (run.data.from, run.data.to);
    let rule = |text: &str| Rule::parse(text).map_err(|error| ServiceError::fault("stored rule", error));
    let (buy, sell) = (rule(&run.request.buy)?, rule(&run.request.sell)?);
    let (start, end) = (bars.count_before(from), bars.count_through(to));
    // The source may have corrected its days since the backtest was run.
    let places: BTreeMap<Day, usize> = bars.dates()[start..end].iter().copied().zip(0..).collect();
    let places: Vec<Option<usize>> = run.equity.iter().map(|point| places.get(&point.date).copied()).collect();
    let close = on_one_scale(bars, end).split_off(start);
    let close = places.iter().map(|place| place.map_or(f64::NAN, |place| close[place])).collect();
    let on_days = |line: PriceLine| {
        let values = places.iter().map(|place| place.and_then(|place| line.values.get(place).copied().flatten()));
        PriceLine { values: values.collect(), name: line.name }
    };
    let lines = price_lines(bars, from, to, [&buy, &sell]).into_iter().map(on_days).collect();
    Ok(ChartSeries { close, lines })
}

/// The first `end` closes in units of the last of them: earlier ones divided by the splits since.
fn on_one_scale(bars: &Bars, end: usize) -> Vec<f64> {
    let mut factor = 1.0;
    let days = bars.close()[..end].iter().zip(&bars.split_ratio()[..end]).rev();
    let mut scaled: Vec<f64> = days
        .map(|(close, ratio)| {
            let close = close / factor;
            factor *= ratio;
            close
        })
        .collect();
    scaled.reverse();
    scaled
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;

    #[test]
    fn closes_before_a_split_are_divided_by_its_ratio() {
        let rows = [(10.0, 1.0), (12.0, 1.0), (6.5, 2.0), (7.0, 1.0)];
        let rows = rows.iter().zip(1..).map(|(&(close, split_ratio), day)| Bar {
            date: domain::Day::new(2013, 1, day).unwrap(),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close: close,
            split_ratio,
            dividend: 0.0,
        });
        let bars = Bars::from_rows(rows).unwrap();
        assert_eq!(on_one_scale(&bars, 4), [5.0, 6.0, 6.5, 7.0]);
        assert_eq!(on_one_scale(&bars, 2), [10.0, 12.0], "a split after the span changes nothing");
    }
}
