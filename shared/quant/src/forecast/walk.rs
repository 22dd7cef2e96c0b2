//! The default model: a random walk of log prices with a shrunk drift and a volatility that reverts from today's level
//! to the long run's.
//!
//! Its constants are set, not fitted: a decay of .97 for daily returns and a half-life of 60 days
//! lie in the usual range of volatility models, and half of the mean return is a plain shrinkage
//! towards "tomorrow is today".

use super::method::{Method, Step};
use super::sums::population_variance;

/// Fewest returns for a fit.
pub(super) const FEWEST_RETURNS: usize = 60;

/// Share of the mean log return that is expected to continue.
const DRIFT_SHARE: f64 = 0.5;

/// Weight of yesterday's variance in today's, an exponentially weighted moving average.
const DECAY: f64 = 0.97;

/// Returns whose variance starts the moving average.
const SEED_RETURNS: usize = 30;

/// Latest returns whose variance is the long-run variance.
const LONG_RUN_RETURNS: usize = 1_000;

/// Bars in which half of the gap between today's variance and the long run's closes.
const HALF_LIFE: f64 = 60.0;

/// Median `y_n·e^{μh}`, band times `e^{±z√S_h}`, `S_h` being the variance summed over the steps.
#[derive(Default)]
pub(super) struct Walk {
    returns: Vec<f64>,
    last: f64,
    /// μ: expected log return of a bar.
    drift: f64,
    /// v: today's variance of a bar's log return.
    variance: f64,
    /// L: the variance that v reverts to.
    long_run: f64,
}

impl Method for Walk {
    fn fit(&mut self, prices: &[f64]) {
        let (Some(&first), Some(&last)) = (prices.first(), prices.last()) else { return };
        let known = self.returns.len();
        let pairs = prices.windows(2).skip(known);
        self.returns.extend(pairs.map(|pair| (pair[1] / pair[0]).ln()));
        let n = self.returns.len();
        if known == 0 {
            self.variance = population_variance(&self.returns[..n.min(SEED_RETURNS)]);
        }
        for r in &self.returns[known..] {
            self.variance = DECAY * self.variance + (1.0 - DECAY) * r * r;
        }
        self.long_run = population_variance(&self.returns[n.saturating_sub(LONG_RUN_RETURNS)..]);
        self.drift = DRIFT_SHARE * (last / first).ln() / n as f64;
        self.last = last;
    }

    fn step(&self, h: u8) -> Step {
        let phi = (-1.0 / HALF_LIFE).exp2();
        let h = f64::from(h);
        let faded = (1.0 - (-h / HALF_LIFE).exp2()) / (1.0 - phi);
        let total = h * self.long_run + (self.variance - self.long_run) * faded;
        Step::LogNormal { center: self.last * (self.drift * h).exp(), deviation: total.max(0.0).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Z_95, sample_bars};
    use super::*;

    #[test]
    fn apple_as_of_june_2012_is_as_in_the_golden_table() {
        let bars = sample_bars::bars("AAPL");
        let origin = bars.count_through("2012-06-01".parse().unwrap());
        assert_eq!((origin, bars.close()[origin - 1]), (3_084, 560.99));
        let mut walk = Walk::default();
        walk.fit(&super::super::level(&bars.adjusted_close()[..origin], 560.99));
        let figures = [
            (walk.variance, 0.000_459_744_6, 5e-11),
            (walk.long_run, 0.000_547_564_4, 5e-11),
            (walk.drift, 0.000_461_576_6, 5e-11),
            (walk.step(1).center(), 561.249_000, 5e-7),
            (walk.step(1).band(Z_95).0, 538.151_320, 5e-7),
            (walk.step(1).band(Z_95).1, 585.338_041, 5e-7),
        ];
        for (place, (figure, golden, half_a_digit)) in figures.into_iter().enumerate() {
            assert!((figure - golden).abs() <= half_a_digit, "{place}: {figure} is not {golden}");
        }
    }

    #[test]
    fn the_variance_of_many_steps_is_the_sum_of_one_step_variances() {
        let walk = Walk { variance: 4e-4, long_run: 1e-4, last: 1.0, ..Walk::default() };
        let (mut ahead, mut total) = (walk.variance, 0.0);
        for h in 1..=60 {
            total += ahead;
            ahead = walk.long_run + (ahead - walk.long_run) * (-1.0 / HALF_LIFE).exp2();
            let Step::LogNormal { deviation, .. } = walk.step(h) else { panic!("not on logarithms") };
            assert!((deviation * deviation - total).abs() < 1e-12, "{h}");
        }
    }
}
