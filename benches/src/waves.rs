//! A series of any length, the same on every machine, for measuring how time grows with the bars.

use domain::{Bar, Bars, Day};

/// `count` bars with trends in both directions.
pub fn waves(count: u32) -> anyhow::Result<Bars> {
    let first = Day::new(1900, 1, 1)?;
    let bar = |at: u32| {
        let t = f64::from(at);
        let close = 100.0 * (0.3 * (t / 97.0).sin() + 0.1 * (t / 7.0).cos() + 0.02 * (t * 1.7).sin()).exp();
        let open = close * (1.0 + 0.004 * (t * 2.3).sin());
        Bar {
            date: first.plus_days(at as i32),
            open,
            high: open.max(close) * 1.003,
            low: open.min(close) * 0.997,
            close,
            volume: 1e6,
            adjusted_close: close,
            split_ratio: 1.0,
            dividend: 0.0,
        }
    };
    Ok(Bars::from_rows((0..count).map(bar))?)
}
