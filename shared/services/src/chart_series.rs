//! The daily series behind a report's charts, prices on one scale.

use domain::Bars;
use quant::backtest::Outcome;
use quant::{indicators, metrics};

/// Windows of the moving averages over the price, in bars.
const AVERAGES: [usize; 2] = [50, 200];

/// The series of a span; all columns have one value a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSeries {
    /// Closes in units of the span's last day, so that splits leave no cliffs.
    pub close: Vec<f64>,
    /// Moving averages of those closes.
    pub averages: Vec<Average>,
    /// Falls of buy and hold from its highest equity, fractions ≤ 0.
    pub benchmark_drawdown: Vec<f64>,
}

/// A moving average.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// Its window, in bars.
    pub window: usize,
    /// One value a bar; none while the window is not full.
    pub values: Vec<Option<f64>>,
}

/// The series of the span that a backtest covered; averages are warm from the bars before it.
pub(crate) fn chart_series(bars: &Bars, outcome: &Outcome) -> ChartSeries {
    let (start, end) = (bars.count_before(outcome.first_day), bars.count_through(outcome.last_day));
    let mut close = on_one_scale(bars, end);
    let average = |window| Average { window, values: moving_average(&close, window).split_off(start) };
    ChartSeries {
        averages: AVERAGES.map(average).to_vec(),
        close: close.split_off(start),
        benchmark_drawdown: metrics::drawdowns(&outcome.benchmark.equity),
    }
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

fn moving_average(close: &[f64], window: usize) -> Vec<Option<f64>> {
    let averages = indicators::sma(close, window).into_iter();
    averages.map(|average| average.is_finite().then_some(average)).collect()
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
