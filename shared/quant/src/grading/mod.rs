//! Grades of forecasts: their points next to the actual prices, a grade each, and a record of many.

mod summary;

use std::collections::BTreeMap;

use domain::{Bars, Day};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::forecast::Point;
use crate::forecast::accuracy::{mean_absolute_error, naive_scale, winkler};

pub use summary::{RecordEntry, SkillSummary, summarise};

/// Whether a forecast can be graded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ForecastGradeState)]
pub enum GradeState {
    /// The bars of all steps are there.
    Graded,
    /// The bar of some step is missing.
    Pending,
}

/// The quality of one forecast. Errors are in units of the mean absolute daily change up to its origin; every figure is
/// null until the bars of all steps are known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ForecastGrade)]
pub struct Grade {
    /// Whether the bars of all steps are there.
    pub state: GradeState,
    /// MASE / that of "the price stays where it was" over the same steps.
    #[schema(required)]
    pub rmase: Option<f64>,
    /// Mean absolute scaled error.
    #[schema(required)]
    pub mase: Option<f64>,
    /// Mean scaled interval score of the 95 % band.
    #[schema(required)]
    pub msis: Option<f64>,
    /// Share of the actuals inside the 80 % band, ends included.
    #[schema(required)]
    pub coverage_80: Option<f64>,
    /// Share of the actuals inside the 95 % band, ends included.
    #[schema(required)]
    pub coverage_95: Option<f64>,
}

/// One step of a forecast next to the actual price. All but the forecast itself is null until its bar exists.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GradedForecastPoint)]
pub struct GradedPoint {
    /// The step as it was forecast.
    #[serde(flatten)]
    pub point: Point,
    /// What one unit bought at the origin's close became, on the origin's scale: splits undone, dividends reinvested.
    /// The forecast is graded against this.
    #[schema(required)]
    pub actual: Option<f64>,
    /// Day of the bar of this step, later than the point's date after an unscheduled closing.
    #[schema(required)]
    pub actual_date: Option<Day>,
    /// Close of that day as quoted.
    #[schema(required)]
    pub close: Option<f64>,
    /// Units that one unit of the origin has become through splits.
    #[schema(required)]
    pub split_ratio: Option<f64>,
    /// Cash dividends since the origin for one unit held at the origin.
    #[schema(required)]
    pub dividends: Option<f64>,
}

/// A forecast next to the actual prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graded {
    /// Day of the forecast's origin.
    pub as_of: Day,
    /// The points, nearest first, with their actuals.
    pub points: Vec<GradedPoint>,
    /// The grade.
    pub grade: Grade,
    /// Why a figure of the grade is `None`, by its name: `pending`, `flat_prices` (no change up to the origin, so
    /// errors have no unit), `naive_is_exact` or `not_finite`.
    pub unavailable: BTreeMap<String, String>,
    /// Scaled error of "the price stays where it was" over the same steps.
    naive_mase: Option<f64>,
}

/// Why a forecast cannot be compared with these bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GradingError {
    /// The bars do not reach to the forecast's origin.
    #[error("the origin is bar {origin}, but there are only {bars} bars")]
    NoOrigin {
        /// Index of the origin.
        origin: usize,
        /// Number of bars.
        bars: usize,
    },
    /// The forecast has no points.
    #[error("a forecast without points cannot be graded")]
    NoPoints,
    /// Prices, splits or dividends are so far apart that an actual is not a finite number.
    #[error("the prices since the origin are too far apart to be graded")]
    NotFinite,
}

/// Grades the `points` of a forecast whose origin is the bar at index `origin` of `bars`.
///
/// Step h is compared with the h-th bar after the origin, whatever its date. Bars after the last step change nothing.
pub fn grade(bars: &Bars, origin: usize, points: &[Point]) -> Result<Graded, GradingError> {
    let no_origin = GradingError::NoOrigin { origin, bars: bars.len() };
    let at = bars.get(origin).ok_or(no_origin)?;
    if points.is_empty() {
        return Err(GradingError::NoPoints);
    }
    let ratio = at.close / at.adjusted_close;
    let points = beside_what_came(bars, origin, points, ratio);
    let numbers = points.iter().flat_map(|step| [step.actual, step.split_ratio, step.dividends]);
    if !numbers.flatten().all(f64::is_finite) {
        return Err(GradingError::NotFinite);
    }
    let actuals: Vec<f64> = points.iter().map_while(|step| step.actual).collect();
    let mut figures = Figures::default();
    let mut naive_mase = None;
    let mut state = GradeState::Pending;
    if actuals.len() == points.len() {
        state = GradeState::Graded;
        let scale = naive_scale(&bars.adjusted_close()[..=origin]).map(|scale| scale * ratio);
        naive_mase = figures.measure(&points, &actuals, scale, at.close);
    }
    let (grade, unavailable) = figures.into_grade(state);
    Ok(Graded { as_of: at.date, points, grade, unavailable, naive_mase })
}

fn beside_what_came(bars: &Bars, origin: usize, points: &[Point], ratio: f64) -> Vec<GradedPoint> {
    let (mut split_ratio, mut dividends) = (1.0, 0.0);
    let steps = points.iter().zip(origin + 1..).map(|(&point, index)| {
        let Some(bar) = bars.get(index) else {
            return GradedPoint {
                point,
                actual: None,
                actual_date: None,
                close: None,
                split_ratio: None,
                dividends: None,
            };
        };
        // The split comes before the open, so the day's dividend is paid on the new units.
        split_ratio *= bar.split_ratio;
        dividends += bar.dividend * split_ratio;
        GradedPoint {
            point,
            actual: Some(bar.adjusted_close * ratio),
            actual_date: Some(bar.date),
            close: Some(bar.close),
            split_ratio: Some(split_ratio),
            dividends: Some(dividends),
        }
    });
    steps.collect()
}

/// A figure or the reason why it has no value.
type Figure = Result<f64, &'static str>;

struct Figures {
    rmase: Figure,
    mase: Figure,
    msis: Figure,
    coverage_80: Figure,
    coverage_95: Figure,
}

impl Default for Figures {
    fn default() -> Self {
        let pending = Err("pending");
        Self { rmase: pending, mase: pending, msis: pending, coverage_80: pending, coverage_95: pending }
    }
}

impl Figures {
    /// Fills in every figure and returns naive's own scaled error.
    fn measure(&mut self, points: &[GradedPoint], actuals: &[f64], scale: Option<f64>, origin: f64) -> Option<f64> {
        let steps = actuals.len() as f64;
        let pairs = || points.iter().map(|step| &step.point).zip(actuals);
        let share = |lower: fn(&Point) -> f64, upper: fn(&Point) -> f64| {
            let inside = pairs().filter(|(point, actual)| (lower(point)..=upper(point)).contains(actual));
            Ok(inside.count() as f64 / steps)
        };
        self.coverage_80 = share(|point| point.lower_80, |point| point.upper_80);
        self.coverage_95 = share(|point| point.lower_95, |point| point.upper_95);

        let forecast: Vec<f64> = points.iter().map(|step| step.point.value).collect();
        let error = mean_absolute_error(actuals, &forecast).ok_or("not_finite");
        let naive = mean_absolute_error(actuals, &vec![origin; actuals.len()]).ok_or("not_finite");
        let interval: f64 = pairs().map(|(point, &actual)| winkler(point.lower_95, point.upper_95, actual, 0.05)).sum();
        let scale = scale.ok_or("flat_prices");
        self.mase = scaled(error, scale);
        self.msis = scaled(Ok(interval / steps), scale);
        self.rmase = match naive {
            Ok(0.0) => Err("naive_is_exact"),
            _ => scaled(error, naive),
        };
        scaled(naive, scale).ok()
    }

    fn into_grade(self, state: GradeState) -> (Grade, BTreeMap<String, String>) {
        let mut unavailable = BTreeMap::new();
        let mut known = |name: &str, figure: Figure| {
            figure.map_err(|reason| unavailable.insert(name.to_owned(), reason.to_owned())).ok()
        };
        let grade = Grade {
            state,
            rmase: known("rmase", self.rmase),
            mase: known("mase", self.mase),
            msis: known("msis", self.msis),
            coverage_80: known("coverage_80", self.coverage_80),
            coverage_95: known("coverage_95", self.coverage_95),
        };
        (grade, unavailable)
    }
}

fn scaled(error: Figure, scale: Figure) -> Figure {
    let ratio = error? / scale?;
    if ratio.is_finite() { Ok(ratio) } else { Err("not_finite") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Model, forecast, sample_bars};

    fn index_of(bars: &Bars, day: &str) -> usize {
        bars.count_before(day.parse().unwrap())
    }

    fn graded(symbol: &str, as_of: &str, model: Model, horizon: usize) -> Graded {
        let bars = sample_bars::bars(symbol);
        let origin = index_of(&bars, as_of);
        let made = forecast(&bars.slice(0, origin + 1), model, horizon).unwrap();
        grade(&bars, origin, &made.points).unwrap()
    }

    #[test]
    fn a_forecast_of_june_2012_shows_its_thirty_actuals() {
        let graded = graded("AAPL", "2012-06-01", Model::Walk, 30);
        assert_eq!(graded.grade.state, GradeState::Graded);
        assert!(graded.unavailable.is_empty());
        let last = graded.points.last().unwrap();
        // No dividend and no split until 2012-07-16: the actual is the close as quoted.
        assert_eq!(last.actual_date, Some(last.point.date));
        assert_eq!((last.split_ratio, last.dividends), (Some(1.0), Some(0.0)));
        assert!((last.actual.unwrap() - last.close.unwrap()).abs() < 1e-3, "{last:?}");
    }

    #[test]
    fn actuals_stay_on_the_scale_of_the_origin_through_a_split() {
        // AAPL split 2:1 on 2005-02-28: quoted 88.99 on the 25th, 44.86 on the 28th.
        let graded = graded("AAPL", "2005-02-24", Model::Naive, 2);
        let [before, after] = graded.points[..] else { panic!("two points") };
        assert_eq!((before.split_ratio, after.split_ratio), (Some(1.0), Some(2.0)));
        assert!((before.actual.unwrap() / before.close.unwrap() - 1.0).abs() < 1e-4);
        assert!((after.actual.unwrap() / after.close.unwrap() - 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_dividend_is_reported_with_the_actual_that_reinvests_it() {
        let bars = sample_bars::bars("IBM");
        let paid = bars.dividend().iter().rposition(|&dividend| dividend > 0.0).unwrap();
        let made = forecast(&bars.slice(0, paid), Model::Naive, 2).unwrap();
        let graded = grade(&bars, paid - 1, &made.points).unwrap();
        let step = graded.points[0];
        assert_eq!(step.dividends, Some(bars.dividend()[paid]));
        let with_dividend = step.close.unwrap() + bars.dividend()[paid];
        assert!((step.actual.unwrap() / with_dividend - 1.0).abs() < 1e-3, "{step:?}");
    }

    #[test]
    fn a_step_is_graded_against_its_bar_whatever_the_date() {
        // The exchange did not open on 2012-10-29 and 30.
        let graded = graded("AAPL", "2012-10-26", Model::Naive, 1);
        assert_eq!(graded.points[0].point.date.to_string(), "2012-10-29");
        assert_eq!(graded.points[0].actual_date.unwrap().to_string(), "2012-10-31");
    }

    #[test]
    fn a_forecast_is_pending_until_the_bar_of_its_last_step() {
        let bars = sample_bars::bars("MSFT");
        let origin = bars.len() - 31;
        let made = forecast(&bars.slice(0, origin + 1), Model::Walk, 30).unwrap();
        assert_eq!(grade(&bars, origin, &made.points).unwrap().grade.state, GradeState::Graded);
        let pending = grade(&bars.slice(0, bars.len() - 1), origin, &made.points).unwrap();
        assert_eq!(pending.grade.state, GradeState::Pending);
        assert_eq!((pending.grade.mase, pending.grade.coverage_95), (None, None));
        assert_eq!(pending.unavailable.len(), 5);
        assert!(pending.unavailable.values().all(|reason| reason == "pending"));
        assert!(pending.points[28].actual.is_some() && pending.points[29].actual.is_none());
    }

    #[test]
    fn bars_after_the_last_step_change_nothing() {
        let bars = sample_bars::bars("GOOG");
        let made = forecast(&bars.slice(0, 1_001), Model::Walk, 30).unwrap();
        let all = grade(&bars, 1_000, &made.points).unwrap();
        assert_eq!(grade(&bars.slice(0, 1_031), 1_000, &made.points).unwrap(), all);
    }

    #[test]
    fn naive_has_a_relative_error_of_one() {
        let graded = graded("IBM", "2010-03-01", Model::Naive, 30);
        assert!((graded.grade.rmase.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(graded.naive_mase, graded.grade.mase);
    }

    #[test]
    fn an_origin_outside_the_bars_or_an_empty_forecast_is_refused() {
        let bars = sample_bars::bars("FB");
        let made = forecast(&bars, Model::Naive, 5).unwrap();
        let no_origin = GradingError::NoOrigin { origin: 196, bars: 196 };
        assert_eq!(grade(&bars, 196, &made.points), Err(no_origin));
        assert_eq!(grade(&bars, 0, &[]), Err(GradingError::NoPoints));
        assert!(grade(&bars, 195, &made.points).is_ok());
        assert!(grade(&Bars::default(), usize::MAX, &made.points).is_err());
    }

    #[test]
    fn an_origin_without_history_lacks_only_the_scaled_errors() {
        let bars = sample_bars::bars("FB");
        let made = forecast(&bars, Model::Naive, 5).unwrap();
        let graded = grade(&bars, 0, &made.points).unwrap();
        assert!(graded.grade.coverage_95.is_some() && graded.grade.rmase.is_some());
        assert_eq!(graded.grade.mase, None);
        assert_eq!(graded.unavailable["mase"], "flat_prices");
    }
}
