//! Why a figure of a portfolio has no value.

use std::fmt;

use crate::metrics::Unavailable;

/// The reason for a figure that cannot be computed; its code is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A reason that every equity curve has.
    Metric(Unavailable),
    /// Nothing was invested, so a return has no base.
    NothingInvested,
    /// No money was put in, so a gain has no base.
    NothingPutIn,
    /// Money moved only in or only out, or no rate explains the flows.
    NoRoot,
    /// A rate explains the flows, but the logarithm of 1 + r is not between −40 and 40.
    RateOutOfRange,
    /// More than one rate explains the flows.
    SeveralRoots,
    /// No benchmark was requested.
    NoBenchmark,
    /// An exchange rate that the figure needs is unknown.
    FxUnavailable,
}

impl Reason {
    /// The code in responses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Metric(reason) => reason.code(),
            Self::NothingInvested => "nothing_invested",
            Self::NothingPutIn => "nothing_put_in",
            Self::NoRoot => "no_root",
            Self::RateOutOfRange => "rate_out_of_range",
            Self::SeveralRoots => "several_roots",
            Self::NoBenchmark => "no_benchmark",
            Self::FxUnavailable => "fx_unavailable",
        }
    }

    /// The value if it is finite.
    pub(super) fn unless_finite(value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::Metric(Unavailable::NotFinite)) }
    }
}

impl From<Unavailable> for Reason {
    fn from(reason: Unavailable) -> Self {
        Self::Metric(reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
