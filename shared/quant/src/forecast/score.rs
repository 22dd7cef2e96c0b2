//! A model's track record on a series: forecasts from past origins, compared with the actual prices.

use std::collections::BTreeMap;

use domain::Bars;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accuracy::winkler;
use super::method::Method;
use super::sums::sum_of_changes;
use super::{MAX_HORIZON, Model, Z_80, Z_95};

/// Fewest origins for a figure.
pub const MIN_ORIGINS: usize = 10;

/// Bars from one origin to the next, unless the horizon is longer: origins then share no target.
const ORIGIN_STEP: usize = 30;

/// Bars before the first origin of a long series.
const FIRST_ORIGIN: usize = 1_000;

/// Below this many bars, the first origin is half-way.
const LONG_SERIES: usize = 1_500;

/// Fewest bars before any origin: the number that the most demanding model needs.
const FEWEST_BEFORE: usize = 61;

/// A model's rolling-origin record. Errors are in units of the mean absolute daily change before each origin. `r…`
/// figures are relative to naive on the same origins; below 1 is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ForecastScore)]
pub struct Score {
    /// Origins behind the figures.
    pub origins: usize,
    /// Mean MASE / naive's mean MASE. Skill is 1 − this.
    #[schema(required)]
    pub rmase: Option<f64>,
    /// Mean absolute scaled error.
    #[schema(required)]
    pub mase: Option<f64>,
    /// Mean scaled interval score of the 95 % band.
    #[schema(required)]
    pub msis: Option<f64>,
    /// Mean MSIS / naive's mean MSIS.
    #[schema(required)]
    pub rmsis: Option<f64>,
    /// Share of the actuals inside the 80 % band, ends included.
    #[schema(required)]
    pub coverage_80: Option<f64>,
    /// Share of the actuals inside the 95 % band, ends included.
    #[schema(required)]
    pub coverage_95: Option<f64>,
}

/// Scores `model` at `horizon` (1 to [`MAX_HORIZON`]) on the given bars only.
///
/// The origins lie max(30, horizon) bars apart, the first after 1,000 bars (under 1,500 bars: half-way, but after 61 at
/// least); each sees all bars up to itself. Also returns the reason for each figure that is `None`, by its name:
///
/// - `few_origins`: fewer than [`MIN_ORIGINS`]
/// - `flat_prices`: no price change before some origin, so errors have no unit
/// - `naive_is_exact`: naive made no error, so there is nothing to compare with
/// - `not_finite`: the prices are too far apart for the figure
/// - `horizon_out_of_range`: no forecast has this horizon
#[must_use]
pub fn score(bars: &Bars, model: Model, horizon: usize) -> (Score, BTreeMap<String, String>) {
    if !(1..=MAX_HORIZON).contains(&horizon) {
        return refuse(0, "horizon_out_of_range");
    }
    // Scaled errors do not depend on the level, so the adjusted closes are used as they are.
    let prices = bars.adjusted_close();
    let origins = origins(prices.len(), horizon);
    if origins.len() < MIN_ORIGINS {
        return refuse(origins.len(), "few_origins");
    }
    let (mut method, mut naive) = (model.method(), Model::Naive.method());
    let (mut own, mut reference) = (ErrorSums::default(), ErrorSums::default());
    let (mut seen, mut changes) = (1, 0.0);
    for &origin in &origins {
        let (training, future) = prices.split_at(origin);
        let actuals = &future[..horizon];
        changes += sum_of_changes(training, seen, f64::abs);
        seen = origin;
        let scale = changes / (origin as f64 - 1.0);
        method.fit(training);
        own.add(method.as_ref(), actuals, scale);
        naive.fit(training);
        reference.add(naive.as_ref(), actuals, scale);
    }
    own.relative_to(&reference)
}

/// Bars before each origin.
fn origins(bars: usize, horizon: usize) -> Vec<usize> {
    let first = if bars < LONG_SERIES { (bars / 2).max(FEWEST_BEFORE) } else { FIRST_ORIGIN };
    let last = bars.saturating_sub(horizon);
    (first..=last).step_by(horizon.max(ORIGIN_STEP)).collect()
}

fn refuse(origins: usize, reason: &str) -> (Score, BTreeMap<String, String>) {
    let figures = ["rmase", "mase", "msis", "rmsis", "coverage_80", "coverage_95"];
    let unavailable = figures.iter().map(|&figure| (figure.to_owned(), reason.to_owned())).collect();
    (Score { origins, ..Score::default() }, unavailable)
}

/// Errors and coverage of a method's forecasts, summed over origins.
#[derive(Default)]
struct ErrorSums {
    origins: usize,
    steps: usize,
    mase: f64,
    msis: f64,
    inside_80: usize,
    inside_95: usize,
    flat: bool,
}

impl ErrorSums {
    fn add(&mut self, method: &dyn Method, actuals: &[f64], scale: f64) {
        let (mut error, mut interval) = (0.0, 0.0);
        for (h, &actual) in (1..).zip(actuals) {
            let step = method.step(h);
            let (lower_80, upper_80) = step.band(Z_80);
            let (lower_95, upper_95) = step.band(Z_95);
            error += (actual - step.center()).abs();
            interval += winkler(lower_95, upper_95, actual, 0.05);
            self.inside_80 += usize::from((lower_80..=upper_80).contains(&actual));
            self.inside_95 += usize::from((lower_95..=upper_95).contains(&actual));
        }
        let units = scale * actuals.len() as f64;
        self.mase += error / units;
        self.msis += interval / units;
        self.flat |= scale == 0.0;
        self.origins += 1;
        self.steps += actuals.len();
    }

    fn relative_to(&self, naive: &Self) -> (Score, BTreeMap<String, String>) {
        let mut unavailable = BTreeMap::new();
        let mut figure = |name: &str, numerator: f64, denominator: f64| {
            let ratio = numerator / denominator;
            let reason = if self.flat && !name.starts_with("coverage") {
                "flat_prices"
            } else if denominator == 0.0 {
                "naive_is_exact"
            } else if !ratio.is_finite() {
                "not_finite"
            } else {
                return Some(ratio);
            };
            unavailable.insert(name.to_owned(), reason.to_owned());
            None
        };
        let (origins, steps) = (self.origins as f64, self.steps as f64);
        let score = Score {
            origins: self.origins,
            rmase: figure("rmase", self.mase, naive.mase),
            mase: figure("mase", self.mase, origins),
            msis: figure("msis", self.msis, origins),
            rmsis: figure("rmsis", self.msis, naive.msis),
            coverage_80: figure("coverage_80", self.inside_80 as f64, steps),
            coverage_95: figure("coverage_95", self.inside_95 as f64, steps),
        };
        (score, unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{forecast, sample_bars};
    use super::*;
    use crate::grading::grade;

    /// Mean over four series of a model's mean errors, relative to naive's, and of its coverages.
    fn over_four_series(model: Model) -> [f64; 4] {
        let (mut own, mut naive, mut origins) = (ErrorSums::default(), ErrorSums::default(), 0);
        let (mut coverage_80, mut coverage_95) = (0.0, 0.0);
        for symbol in ["GOOG", "AAPL", "IBM", "MSFT"] {
            let bars = sample_bars::bars(symbol);
            let (figures, _) = score(&bars, model, 30);
            let (reference, _) = score(&bars, Model::Naive, 30);
            own.mase += figures.mase.unwrap();
            own.msis += figures.msis.unwrap();
            naive.mase += reference.mase.unwrap();
            naive.msis += reference.msis.unwrap();
            coverage_80 += figures.coverage_80.unwrap() / 4.0;
            coverage_95 += figures.coverage_95.unwrap() / 4.0;
            origins += figures.origins;
        }
        assert_eq!(origins, 263);
        [own.mase / naive.mase, own.msis / naive.msis, coverage_80, coverage_95]
    }

    /// Reference values from an independent implementation in Python, over the same origins.
    #[test]
    fn walk_is_as_accurate_as_published() {
        let figures = over_four_series(Model::Walk);
        for (figure, published) in figures.into_iter().zip([0.98935, 0.63104, 0.807, 0.9339]) {
            assert!((figure - published).abs() <= 0.0002, "{figures:?}");
        }
    }

    #[test]
    fn a_straight_line_errs_almost_five_times_as_much_as_naive_and_covers_too_little() {
        let figures = over_four_series(Model::Linear);
        assert!((figures[0] - 4.8).abs() < 0.05 && (figures[3] - 0.702).abs() < 0.0005, "{figures:?}");
    }

    #[test]
    fn drift_covers_less_than_stated_and_naive_scores_one() {
        assert!((over_four_series(Model::Drift)[3] - 0.890).abs() < 0.0005);
        let (naive, _) = score(&sample_bars::bars("IBM"), Model::Naive, 30);
        assert_eq!((naive.rmase, naive.rmsis), (Some(1.0), Some(1.0)));
    }

    /// Every forecast below is made from bars that end at its origin and graded by other code: if anything after an
    /// origin were used, or a fit carried over wrongly, the means would differ.
    #[test]
    fn a_score_is_the_mean_of_the_grades_of_forecasts_made_at_its_origins() {
        let bars = sample_bars::bars("GOOG");
        for (model, horizon) in Model::ALL.into_iter().zip([30, 45, 1, 60]) {
            let (score, unavailable) = score(&bars, model, horizon);
            assert!(unavailable.is_empty());
            let starts = origins(bars.len(), horizon);
            let count = starts.len() as f64;
            let (mut mase, mut msis, mut coverage) = (0.0, 0.0, 0.0);
            for seen in starts {
                let made = forecast(&bars.slice(0, seen), model, horizon).unwrap();
                let grade = grade(&bars, seen - 1, &made.points).unwrap().grade;
                mase += grade.mase.unwrap() / count;
                msis += grade.msis.unwrap() / count;
                coverage += grade.coverage_80.unwrap() / count;
            }
            assert!((score.mase.unwrap() - mase).abs() < 1e-9, "{model}");
            assert!((score.msis.unwrap() - msis).abs() < 1e-9, "{model}");
            assert!((score.coverage_80.unwrap() - coverage).abs() < 1e-9, "{model}");
        }
    }

    #[test]
    fn origins_share_no_target_and_leave_room_for_the_horizon() {
        assert_eq!(origins(1_500, 30), (1_000..=1_470).step_by(30).collect::<Vec<_>>());
        assert_eq!(origins(1_499, 60), (749..=1_439).step_by(60).collect::<Vec<_>>());
        assert_eq!(origins(100, 30), [61]);
        assert_eq!(origins(90, 30), [0; 0]);
        assert_eq!(origins(0, 1), [0; 0]);
    }

    #[test]
    fn with_fewer_than_ten_origins_every_figure_is_null() {
        let (score, unavailable) = score(&sample_bars::bars("FB"), Model::Walk, 30);
        // 196 bars: origins after 98, 128 and 158.
        assert_eq!(score, Score { origins: 3, ..Score::default() });
        let expected =
            ["coverage_80", "coverage_95", "mase", "msis", "rmase", "rmsis"].map(|name| (name, "few_origins"));
        assert!(unavailable.iter().map(|(name, reason)| (name.as_str(), reason.as_str())).eq(expected));
    }

    #[test]
    fn flat_prices_have_coverage_but_no_unit_of_error() {
        let bars = super::super::tests::closing_at(&[5.0; 800]);
        let (score, unavailable) = score(&bars, Model::Naive, 5);
        assert_eq!((score.coverage_95, score.mase, score.rmase), (Some(1.0), None, None));
        let expected = ["mase", "msis", "rmase", "rmsis"].map(|name| (name, "flat_prices"));
        assert!(unavailable.iter().map(|(name, reason)| (name.as_str(), reason.as_str())).eq(expected));
    }

    #[test]
    fn a_horizon_out_of_range_is_not_scored() {
        for horizon in [0, MAX_HORIZON + 1] {
            let (refused, unavailable) = score(&sample_bars::bars("AAPL"), Model::Walk, horizon);
            assert_eq!(refused, Score::default());
            assert!(unavailable.values().all(|reason| reason == "horizon_out_of_range"));
        }
    }
}
