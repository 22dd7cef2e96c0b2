//! Tomorrow is today: a random walk of prices without drift.

use super::method::{Method, Step};
use super::sums::sum_of_changes;

/// Point `y_n`, band ± z·σ·√h with σ² = Σ(Δy)²/(n − 1) over n prices.
#[derive(Default)]
pub(super) struct Naive {
    count: usize,
    last: f64,
    squares: f64,
}

impl Method for Naive {
    fn fit(&mut self, prices: &[f64]) {
        self.squares += sum_of_changes(prices, self.count.max(1), |change| change * change);
        self.last = prices.last().copied().unwrap_or_default();
        self.count = prices.len();
    }

    fn step(&self, h: u8) -> Step {
        let variance = self.squares / (self.count as f64 - 1.0);
        Step::Normal { center: self.last, deviation: (variance * f64::from(h)).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Z_95;
    use super::*;

    #[test]
    fn the_band_grows_with_the_root_of_the_step() {
        let mut naive = Naive::default();
        naive.fit(&[1.0, 2.0, 4.0, 7.0]);
        // Changes 1, 2, 3: σ² = 14/3.
        let (lower, upper) = naive.step(4).band(Z_95);
        let reach = Z_95 * (14.0_f64 / 3.0 * 4.0).sqrt();
        assert!((naive.step(4).center() - 7.0).abs() < 1e-12);
        assert!((upper - 7.0 - reach).abs() < 1e-12 && (7.0 - lower - reach).abs() < 1e-12);
    }
}
