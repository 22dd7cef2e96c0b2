//! Compound annual growth rate.

use super::{DAYS_OF_A_YEAR, Unavailable};

/// Days of a year in the exponent, leap days spread.
const CALENDAR_DAYS: f64 = 365.25;

/// (V1/V0)^(365.25/calendar days) − 1, for spans of at least a year.
pub fn cagr(start: f64, end: f64, calendar_days: i32) -> Result<f64, Unavailable> {
    if calendar_days < DAYS_OF_A_YEAR {
        return Err(Unavailable::SpanUnderOneYear);
    }
    Unavailable::unless_finite((end / start).powf(CALENDAR_DAYS / f64::from(calendar_days)) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_years_take_the_fourth_root() {
        assert!((cagr(100.0, 1600.0, 1461).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(cagr(100.0, 0.0, 1461), Ok(-1.0));
    }

    #[test]
    fn spans_under_a_year_are_not_extrapolated() {
        assert_eq!(cagr(100.0, 110.0, 364), Err(Unavailable::SpanUnderOneYear));
        assert!(cagr(100.0, 110.0, 365).is_ok());
    }
}
