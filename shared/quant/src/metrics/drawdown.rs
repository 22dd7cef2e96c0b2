//! Drawdown: how far a curve is below its highest point.

use domain::Day;

/// The deepest fall of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawdown {
    /// Value / peak − 1 at the lowest point, ≤ 0.
    pub depth: f64,
    /// Calendar days from the last day at the peak to the first day at or above it, or to the end.
    pub days: i32,
}

/// Value / highest value so far − 1 of every point.
#[must_use]
pub fn drawdowns(equity: &[f64]) -> Vec<f64> {
    let mut peak = 0.0_f64;
    let fall = |&value: &f64| {
        peak = peak.max(value);
        if peak > 0.0 { value / peak - 1.0 } else { 0.0 }
    };
    equity.iter().map(fall).collect()
}

/// The deepest drawdown (the first of equals) and its duration; `dates` has a day for every point.
#[must_use]
pub fn max_drawdown(equity: &[f64], dates: &[Day]) -> Drawdown {
    let drawdowns = drawdowns(equity);
    let mut trough = 0;
    for (at, &fall) in drawdowns.iter().enumerate() {
        if fall < drawdowns[trough] {
            trough = at;
        }
    }
    let depth = drawdowns.get(trough).copied().unwrap_or(0.0);
    if depth >= 0.0 {
        return Drawdown { depth: 0.0, days: 0 };
    }
    let before = &equity[..=trough];
    let peak = before.iter().copied().fold(0.0, f64::max);
    let start = before.iter().rposition(|&value| value >= peak).unwrap_or(0);
    let recovery = equity[trough..].iter().position(|&value| value >= peak);
    let end = recovery.map_or(equity.len() - 1, |bars| trough + bars);
    let days = dates.get(start).zip(dates.get(end)).map_or(0, |(start, end)| end.days_since(*start));
    Drawdown { depth, days }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(days: &[u32]) -> Vec<Day> {
        days.iter().map(|&day| Day::new(2013, 1, day).unwrap()).collect()
    }

    #[test]
    fn it_lasts_from_the_last_day_at_the_peak_to_the_recovery() {
        let equity = [100.0, 120.0, 120.0, 90.0, 110.0, 120.0, 130.0];
        let drawdown = max_drawdown(&equity, &dates(&[1, 2, 4, 7, 8, 11, 14]));
        assert_eq!(drawdown, Drawdown { depth: -0.25, days: 7 });
    }

    #[test]
    fn without_a_recovery_it_lasts_to_the_end() {
        let drawdown = max_drawdown(&[100.0, 90.0, 95.0], &dates(&[1, 2, 20]));
        assert_eq!(drawdown.days, 19);
        assert!((drawdown.depth + 0.1).abs() < 1e-15);
    }

    #[test]
    fn a_curve_that_never_falls_has_none() {
        for equity in [&[100.0, 100.0, 101.0][..], &[5.0], &[]] {
            assert_eq!(max_drawdown(equity, &dates(&[1, 2, 3])), Drawdown { depth: 0.0, days: 0 });
        }
    }

    #[test]
    fn the_start_is_a_peak() {
        assert_eq!(drawdowns(&[100.0, 50.0, 200.0, 150.0]), [0.0, -0.5, 0.0, -0.25]);
    }
}
