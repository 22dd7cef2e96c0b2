//! Price forecasts of daily closes with 80 % and 95 % bands.
//!
//! Every model works on closes adjusted for splits and dividends, scaled so that the last bar given, the origin, is at
//! its quoted price. A model's band is its own variance.
//!
//! The models on prices (naive, drift, linear) have no floor: on a volatile or falling series the lower end of a band,
//! and even the point, may be below 0. It is left that way, so that points, score and grade use the same numbers, and
//! because it shows the quality of such a model. `walk` works on logarithms and stays above 0.

pub mod accuracy;
mod drift;
mod linear;
mod method;
mod model;
mod naive;
#[cfg(test)]
#[path = "../../../testing/src/sample_bars.rs"]
pub(crate) mod sample_bars;
mod score;
mod sums;
mod walk;

use domain::calendar::next_trading_days;
use domain::{Bars, Day};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use model::{Model, UnknownModel};
pub use score::{MIN_ORIGINS, Score, score};

/// The furthest step that is forecast, in trading days.
pub const MAX_HORIZON: usize = 60;

/// Standard normal quantile of a central 80 % band.
pub(crate) const Z_80: f64 = 1.281_551_565_545;

/// Standard normal quantile of a central 95 % band.
pub(crate) const Z_95: f64 = 1.959_963_984_540;

/// One step of a forecast, in quoted prices of the origin's scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ForecastPoint)]
pub struct Point {
    /// Trading day by the exchange calendar.
    pub date: Day,
    /// Expected price (the median, for `walk`).
    pub value: f64,
    /// Lower end of the 80 % band.
    pub lower_80: f64,
    /// Upper end of the 80 % band.
    pub upper_80: f64,
    /// Lower end of the 95 % band.
    pub lower_95: f64,
    /// Upper end of the 95 % band.
    pub upper_95: f64,
}

/// What a model expects of the trading days after its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// The model that forecast.
    pub model: Model,
    /// Day of the origin, the last bar that the model has seen.
    pub as_of: Day,
    /// Close of the origin as quoted; all points are on its scale.
    pub last_price: f64,
    /// One point for each trading day after the origin, nearest first.
    pub points: Vec<Point>,
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForecastError {
    /// No steps, or too many.
    #[error("the horizon must be 1 to {MAX_HORIZON} trading days, not {horizon}")]
    Horizon {
        /// The requested horizon.
        horizon: usize,
    },
    /// The model needs a longer history; try another model or a later origin.
    #[error("this model needs {needed} bars, but there are only {have}")]
    NotEnoughBars {
        /// Fewest bars that the model can work with.
        needed: usize,
        /// Bars up to the origin.
        have: usize,
    },
    /// The prices are so far apart that a figure of the forecast is not a finite number.
    #[error("the prices are too far apart to be forecast")]
    NotFinite,
    /// The horizon extends beyond the last year of [`Day`].
    #[error("the horizon extends beyond the end of the calendar")]
    CalendarEnds,
}

/// Forecasts the `horizon` trading days (1 to [`MAX_HORIZON`]) after the last of `bars`.
pub fn forecast(bars: &Bars, model: Model, horizon: usize) -> Result<Forecast, ForecastError> {
    if !(1..=MAX_HORIZON).contains(&horizon) {
        return Err(ForecastError::Horizon { horizon });
    }
    let (needed, have) = (model.fewest_bars(), bars.len());
    let origin = bars.last().filter(|_| have >= needed).ok_or(ForecastError::NotEnoughBars { needed, have })?;
    let dates = next_trading_days(origin.date, horizon);
    if dates.len() < horizon {
        return Err(ForecastError::CalendarEnds);
    }
    let mut method = model.method();
    method.fit(&level(bars.adjusted_close(), origin.close));
    let points = dates.into_iter().zip(1..).map(|(date, h)| {
        let step = method.step(h);
        let (lower_80, upper_80) = step.band(Z_80);
        let (lower_95, upper_95) = step.band(Z_95);
        let point = Point { date, value: step.center(), lower_80, upper_80, lower_95, upper_95 };
        point.is_finite().then_some(point).ok_or(ForecastError::NotFinite)
    });
    Ok(Forecast { model, as_of: origin.date, last_price: origin.close, points: points.collect::<Result<_, _>>()? })
}

/// Adjusted closes scaled to the quoted level of the last one.
fn level(adjusted: &[f64], quoted: f64) -> Vec<f64> {
    let ratio = adjusted.last().map_or(1.0, |last| quoted / last);
    let mut level: Vec<f64> = adjusted.iter().map(|price| price * ratio).collect();
    if let Some(origin) = level.last_mut() {
        // The quote itself, without the rounding of the division.
        *origin = quoted;
    }
    level
}

impl Point {
    fn is_finite(&self) -> bool {
        [self.value, self.lower_80, self.upper_80, self.lower_95, self.upper_95].iter().all(|figure| figure.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use domain::Bar;
    use proptest::prelude::*;

    use super::*;
    use crate::grading::grade;

    /// Bars on the trading days after 2001-01-01 that close at these prices.
    pub(crate) fn closing_at(prices: &[f64]) -> Bars {
        let days = next_trading_days("2001-01-01".parse().unwrap(), prices.len());
        let rows = days.into_iter().zip(prices).map(|(date, &close)| {
            let (open, high, low, adjusted_close) = (close, close, close, close);
            Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio: 1.0, dividend: 0.0 }
        });
        Bars::from_rows(rows).unwrap()
    }

    #[test]
    fn points_are_dated_by_the_exchange_calendar_and_start_from_the_quote() {
        let bars = sample_bars::bars("AAPL");
        let bars = bars.slice(0, bars.count_through("2012-06-29".parse().unwrap()));
        let made = forecast(&bars, Model::Naive, 4).unwrap();
        let dates: Vec<String> = made.points.iter().map(|point| point.date.to_string()).collect();
        assert_eq!(dates, ["2012-07-02", "2012-07-03", "2012-07-05", "2012-07-06"]);
        assert_eq!(made.as_of.to_string(), "2012-06-29");
        assert!(made.points.iter().all(|point| point.value.to_bits() == made.last_price.to_bits()));
        assert_eq!(Some(made.last_price), bars.close().last().copied());
    }

    #[test]
    fn the_narrow_band_lies_inside_the_wide_one_and_both_grow() {
        let bars = sample_bars::bars("MSFT");
        for model in Model::ALL {
            let points = forecast(&bars, model, MAX_HORIZON).unwrap().points;
            assert_eq!(points.len(), MAX_HORIZON);
            for point in &points {
                assert!(point.lower_95 < point.lower_80 && point.lower_80 < point.value, "{model}");
                assert!(point.value < point.upper_80 && point.upper_80 < point.upper_95, "{model}");
            }
            let widths = points.iter().map(|point| point.upper_95 - point.lower_95);
            assert!(widths.is_sorted(), "{model}");
        }
    }

    #[test]
    fn restated_adjusted_closes_do_not_change_a_forecast() {
        let bars = sample_bars::bars("IBM");
        let restated = Bars::from_rows(bars.iter().map(|bar| Bar { adjusted_close: bar.adjusted_close * 0.37, ..bar }));
        for model in Model::ALL {
            let (before, after) = (forecast(&bars, model, 60), forecast(restated.as_ref().unwrap(), model, 60));
            for (before, after) in before.unwrap().points.iter().zip(after.unwrap().points) {
                assert!((before.value / after.value - 1.0).abs() < 1e-9, "{model}");
                assert!((before.lower_95 / after.lower_95 - 1.0).abs() < 1e-9, "{model}");
            }
        }
    }

    #[test]
    fn walk_needs_sixty_returns() {
        let prices: Vec<f64> = (0..61).map(|i| 100.0 + f64::from(i % 7)).collect();
        let too_few = ForecastError::NotEnoughBars { needed: 61, have: 60 };
        assert_eq!(forecast(&closing_at(&prices[..60]), Model::Walk, 30), Err(too_few));
        assert!(forecast(&closing_at(&prices), Model::Walk, 30).is_ok());
    }

    #[test]
    fn every_model_reports_how_many_bars_it_needs() {
        for model in Model::ALL {
            let needed = model.fewest_bars();
            let prices: Vec<f64> = (1..=needed).map(|price| price as f64).collect();
            assert!(forecast(&closing_at(&prices), model, 1).is_ok(), "{model}");
            for have in [0, 1, needed - 1] {
                let refused = forecast(&closing_at(&prices[..have]), model, 1);
                assert_eq!(refused, Err(ForecastError::NotEnoughBars { needed, have }), "{model}");
            }
        }
    }

    #[test]
    fn a_horizon_is_one_to_sixty_days() {
        let bars = sample_bars::bars("FB");
        for horizon in [0, 61, usize::MAX] {
            assert_eq!(forecast(&bars, Model::Walk, horizon), Err(ForecastError::Horizon { horizon }));
        }
    }

    #[test]
    fn a_horizon_beyond_the_calendar_is_refused() {
        let bars = Bars::from_rows([("2199-11-29", 1.0), ("2199-12-02", 2.0)].map(|(day, close)| {
            let bar = closing_at(&[close]).last().unwrap();
            Bar { date: day.parse().unwrap(), ..bar }
        }));
        let bars = bars.unwrap();
        assert!(forecast(&bars, Model::Naive, 10).is_ok());
        assert_eq!(forecast(&bars, Model::Naive, 60), Err(ForecastError::CalendarEnds));
    }

    #[test]
    fn a_price_model_may_go_below_zero_but_walk_never_does() {
        let prices: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 1.0 } else { 9.0 }).collect();
        let bars = closing_at(&prices);
        let lowest = |model| forecast(&bars, model, 60).unwrap().points[59].lower_95;
        assert!(lowest(Model::Naive) < 0.0);
        assert!(lowest(Model::Walk) > 0.0);
    }

    /// Prices over the whole range of positive numbers, or over that of a market.
    fn prices() -> impl Strategy<Value = Vec<f64>> {
        let any_positive = {
            use proptest::num::f64::{NORMAL, POSITIVE, SUBNORMAL};
            POSITIVE | NORMAL | SUBNORMAL
        };
        let wild = proptest::collection::vec(any_positive, 0..80);
        let calm = proptest::collection::vec(0.01..1e5_f64, 0..80);
        let flat = (0.01..1e5_f64, 0..80_usize).prop_map(|(price, count)| vec![price; count]);
        prop_oneof![wild, calm, flat].prop_flat_map(|cycle| {
            let longest: usize = if cycle.is_empty() { 1 } else { 1_800 };
            (0..longest).prop_map(move |length| cycle.iter().copied().cycle().take(length).collect())
        })
    }

    /// Bars with these adjusted closes, and everything else from the same numbers backwards.
    fn index_key(prices: &[f64]) -> Bars {
        let plain = closing_at(prices);
        let rows = plain.iter().zip(prices.iter().rev()).map(|(bar, &other)| Bar {
            close: other,
            split_ratio: other,
            dividend: other,
            ..bar
        });
        Bars::from_rows(rows.collect::<Vec<_>>()).unwrap()
    }

    fn all_finite<'a>(figures: impl IntoIterator<Item = &'a Option<f64>>) -> bool {
        figures.into_iter().flatten().all(|figure| figure.is_finite())
    }

    proptest! {
        #[test]
        fn any_prices_give_finite_numbers_and_no_panic(prices in prices(), horizon in 0..65_usize) {
            let series = [closing_at(&prices), index_key(&prices)];
            for (bars, model) in series.iter().flat_map(|bars| Model::ALL.map(|model| (bars, model))) {
                if let Ok(made) = forecast(bars, model, horizon) {
                    prop_assert!(made.points.iter().all(Point::is_finite));
                    for origin in [0, bars.len() / 2, bars.len()] {
                        let Ok(graded) = grade(bars, origin, &made.points) else { continue };
                        let grade = graded.grade;
                        let figures = [grade.rmase, grade.mase, grade.msis, grade.coverage_80, grade.coverage_95];
                        prop_assert!(all_finite(&figures));
                        let numbers = graded.points.iter().flat_map(|step| {
                            [step.actual, step.close, step.split_ratio, step.dividends]
                        });
                        prop_assert!(all_finite(&numbers.collect::<Vec<_>>()));
                    }
                }
                let (score, unavailable) = score(bars, model, horizon);
                let figures =
                    [score.rmase, score.mase, score.msis, score.rmsis, score.coverage_80, score.coverage_95];
                prop_assert!(all_finite(&figures));
                prop_assert_eq!(figures.iter().filter(|figure| figure.is_none()).count(), unavailable.len());
            }
        }
    }
}
