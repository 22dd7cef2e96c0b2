//! Why a figure has no value.

use std::fmt;

/// The reason for a figure that cannot be computed; its code is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Fewer than 365 calendar days: growth per year would be an extrapolation.
    SpanUnderOneYear,
    /// Too few returns for a meaningful figure.
    FewReturns,
    /// No trade was closed.
    NoClosedTrades,
    /// Fewer than two closed trades.
    FewTrades,
    /// No closed trade had a gain.
    NoGains,
    /// No closed trade had a loss.
    NoLosses,
    /// Every value is the same, so there is nothing to divide by.
    NoDeviation,
    /// No return is below the minimum.
    NoDownside,
    /// The curve never fell.
    NoDrawdown,
    /// The result is not a finite number.
    NotFinite,
}

impl Unavailable {
    /// The code in responses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SpanUnderOneYear => "span_under_one_year",
            Self::FewReturns => "few_returns",
            Self::NoClosedTrades => "no_closed_trades",
            Self::FewTrades => "few_trades",
            Self::NoGains => "no_gains",
            Self::NoLosses => "no_losses",
            Self::NoDeviation => "no_deviation",
            Self::NoDownside => "no_downside",
            Self::NoDrawdown => "no_drawdown",
            Self::NotFinite => "not_finite",
        }
    }

    /// The value if it is finite.
    pub(super) fn unless_finite(value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NotFinite) }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
