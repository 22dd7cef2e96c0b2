//! Weekly and monthly bars from daily bars.
//!
//! A period is quoted on the scale of its last day: prices before a split inside it are divided by the ratio, volumes
//! multiplied, so that its high and low are comparable. Splits multiply over the period, and dividends are summed on
//! that same scale. For an impossible day, high and low are taken from its open and close.

use domain::{Bar, Bars, Day, Interval, SplitFactor, calendar};
use polars::prelude::{Column, DataFrame, DataType, Expr, IntoLazy, PolarsResult, col, lit};
use serde::{Deserialize, Serialize};

use crate::error::FramesError;

/// A day, week or month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PeriodBar)]
pub struct Period {
    /// Open, extremes, close and volume of the period; dated by its last trading day.
    #[serde(flatten)]
    pub bar: Bar,
    /// Whether trading days of the period are missing after its last bar, because they are in the future or outside the
    /// span.
    pub unfinished: bool,
}

/// Groups daily bars by week (Monday to Sunday) or calendar month; days stay unchanged.
///
/// Blocks, and must not run on a thread of a `current_thread` tokio runtime: see the crate documentation.
pub fn resample(bars: &Bars, interval: Interval) -> Result<Vec<Period>, FramesError> {
    let every = match interval {
        Interval::Day => return Ok(bars.iter().map(|bar| Period { bar, unfinished: false }).collect()),
        Interval::Week => "1w",
        Interval::Month => "1mo",
    };
    if bars.is_empty() {
        return Ok(Vec::new());
    }
    let grouped = grouped(bars, interval, every)?;
    let mut periods: Vec<_> = grouped.iter().map(|bar| Period { bar, unfinished: false }).collect();
    if let Some(last) = periods.last_mut() {
        last.unfinished = has_trading_day_after(last.bar.date, interval);
    }
    Ok(periods)
}

/// The bars of the periods, oldest first.
fn grouped(bars: &Bars, interval: Interval, every: &str) -> Result<Bars, FramesError> {
    let mut frame = frame(bars, &Splits::of(bars, interval))?
        .lazy()
        .with_column(col("date").cast(DataType::Date).dt().truncate(lit(every)).alias("period"))
        .group_by_stable([col("period")])
        .agg(columns_of_a_period())
        .collect()?;
    frame.rechunk_mut();
    rows(&frame)
}

fn columns_of_a_period() -> [Expr; 9] {
    // Exact factors: thirds of a price must not pick up the rounding of a float.
    let price = |name: &str| col(name) * col("later_old") / col("later_new");
    [
        col("date").last(),
        price("open").first(),
        price("high").max(),
        price("low").min(),
        price("close").last(),
        (col("volume") * col("later_new") / col("later_old")).sum(),
        col("adjusted_close").last(),
        // The first bar's own split and all after it; polars' product would be one more feature to build.
        col("splits_from_here").first(),
        price("dividend").sum(),
    ]
}

/// The splits inside each bar's period: those after the bar, and those including its own.
#[derive(Default)]
struct Splits {
    /// Numerator of the product of the ratios after the bar.
    later_new: Vec<f64>,
    /// Its denominator.
    later_old: Vec<f64>,
    /// The product of the bar's own ratio and the later ones.
    from_here: Vec<f64>,
}

impl Splits {
    #[expect(clippy::float_cmp, reason = "a ratio of exactly 1 means no split")]
    fn of(bars: &Bars, interval: Interval) -> Self {
        let mut splits = Self::default();
        let mut later = SplitFactor::ONE;
        for index in (0..bars.len()).rev() {
            let next = bars.dates().get(index + 1);
            if next.is_none_or(|next| !same_period(bars.dates()[index], *next, interval)) {
                later = SplitFactor::ONE;
            }
            let (new, old) = later.terms();
            splits.later_new.push(new);
            splits.later_old.push(old);
            let own = bars.split_ratio()[index];
            if own != 1.0 {
                later = later.then(own);
            }
            splits.from_here.push(later.to_f64());
        }
        for column in [&mut splits.later_new, &mut splits.later_old, &mut splits.from_here] {
            column.reverse();
        }
        splits
    }
}

fn frame(bars: &Bars, splits: &Splits) -> PolarsResult<DataFrame> {
    let numbers = |name: &str, values: &[f64]| Column::new(name.into(), values);
    let days: Vec<i32> = bars.dates().iter().map(|day| day.days_since_epoch()).collect();
    DataFrame::new(
        bars.len(),
        vec![
            Column::new("date".into(), days),
            numbers("open", bars.open()),
            numbers("high", &bars.credible_high()),
            numbers("low", &bars.credible_low()),
            numbers("close", bars.close()),
            numbers("volume", bars.volume()),
            numbers("adjusted_close", bars.adjusted_close()),
            numbers("dividend", bars.dividend()),
            numbers("later_new", &splits.later_new),
            numbers("later_old", &splits.later_old),
            numbers("splits_from_here", &splits.from_here),
        ],
    )
}

/// The rows of a grouped table as bars.
fn rows(frame: &DataFrame) -> Result<Bars, FramesError> {
    let days = frame.column("date")?.i32()?.clone();
    let numbers = |name: &str| -> PolarsResult<Vec<f64>> {
        Ok(frame.column(name)?.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let (open, high, low, close) = (numbers("open")?, numbers("high")?, numbers("low")?, numbers("close")?);
    let (volume, adjusted_close) = (numbers("volume")?, numbers("adjusted_close")?);
    let (split_ratio, dividend) = (numbers("splits_from_here")?, numbers("dividend")?);
    let mut bars = Bars::with_capacity(frame.height());
    for (index, day) in days.iter().enumerate() {
        let date = day.and_then(|day| Day::from_days_since_epoch(day).ok()).ok_or(FramesError::Order)?;
        bars.push(Bar {
            date,
            open: open[index],
            high: high[index],
            low: low[index],
            close: close[index],
            volume: volume[index],
            adjusted_close: adjusted_close[index],
            split_ratio: split_ratio[index],
            dividend: dividend[index],
        })?;
    }
    Ok(bars)
}

fn same_period(a: Day, b: Day, interval: Interval) -> bool {
    match interval {
        Interval::Day => a == b,
        Interval::Week => monday(a) == monday(b),
        Interval::Month => (a.year(), a.month()) == (b.year(), b.month()),
    }
}

fn monday(day: Day) -> i32 {
    day.days_since_epoch() - day.weekday().num_days_from_monday() as i32
}

fn has_trading_day_after(last: Day, interval: Interval) -> bool {
    calendar::next_trading_days(last, 1).first().is_some_and(|next| same_period(last, *next, interval))
}

#[cfg(test)]
mod tests;
