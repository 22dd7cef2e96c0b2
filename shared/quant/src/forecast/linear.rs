//! A straight line through the prices: least squares on the bar number.

use super::method::{Method, Step};
use super::sums::sum;

/// Least squares of the price on x = 1…n; at a new x the band is
/// ± z·s·√(1 + 1/n + (x − x̄)²/Sxx) with s² = SSE/(n − 2).
#[derive(Default)]
pub(super) struct Linear {
    count: f64,
    mean_y: f64,
    /// Σ(x − x̄)(y − ȳ).
    sxy: f64,
    /// Σ(y − ȳ)².
    syy: f64,
    slope: f64,
    /// s².
    variance: f64,
}

impl Linear {
    fn mean_x(&self) -> f64 {
        f64::midpoint(self.count, 1.0)
    }

    /// Σ(x − x̄)² of 1…n in closed form.
    fn sxx(&self) -> f64 {
        self.count * (self.count * self.count - 1.0) / 12.0
    }
}

impl Method for Linear {
    fn fit(&mut self, prices: &[f64]) {
        let added = prices.get(self.count as usize..).unwrap_or_default();
        if added.is_empty() {
            return;
        }
        let n = added.len() as f64;
        let mean_y = sum(added, |_, y| y) / n;
        let middle = (n - 1.0) / 2.0;
        let sxy = sum(added, |place, y| (place - middle) * (y - mean_y));
        let syy = sum(added, |_, y| (y - mean_y) * (y - mean_y));
        // Two groups' moments about their own means, merged about the common one (Chan, Golub and LeVeque 1983):
        // nothing cancels, and a series fitted in one go costs two plain passes.
        let weight = self.count * n / (self.count + n);
        let apart_y = mean_y - self.mean_y;
        let apart_x = self.count + middle + 1.0 - self.mean_x();
        self.sxy += sxy + weight * apart_x * apart_y;
        self.syy += syy + weight * apart_y * apart_y;
        self.mean_y += apart_y * n / (self.count + n);
        self.count += n;
        self.slope = self.sxy / self.sxx();
        // On a perfect line, rounding may leave an error sum just below 0.
        self.variance = (self.syy - self.sxy * self.slope).max(0.0) / (self.count - 2.0);
    }

    fn step(&self, h: u8) -> Step {
        let from_middle = self.count + f64::from(h) - self.mean_x();
        let variance = self.variance * (1.0 + 1.0 / self.count + from_middle * from_middle / self.sxx());
        Step::Normal { center: self.mean_y + self.slope * from_middle, deviation: variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Z_95;
    use super::*;

    #[test]
    fn a_line_by_hand() {
        // On x = 1…4: ȳ = 3, Sxx = 5, Sxy = 6, Σ(y − ȳ)² = 8.
        let mut linear = Linear::default();
        linear.fit(&[1.0, 3.0, 3.0, 5.0]);
        let (slope, sse) = (6.0 / 5.0, 8.0 - 36.0 / 5.0);
        let center = 3.0 + slope * 3.5;
        let reach = Z_95 * (sse / 2.0 * (1.0 + 0.25 + 3.5 * 3.5 / 5.0_f64)).sqrt();
        let (lower, upper) = linear.step(2).band(Z_95);
        assert!((linear.step(2).center() - center).abs() < 1e-12);
        assert!((center - lower - reach).abs() < 1e-12 && (upper - center - reach).abs() < 1e-12);
    }

    #[test]
    fn a_line_far_from_zero_keeps_its_digits() {
        // Residuals alternate ±1 around 1e9 + x/100; the naive Σy² − n·ȳ² would lose them all.
        let prices: Vec<f64> =
            (0..1_000).map(|x| 1e9 + f64::from(x) / 100.0 + if x % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let mut linear = Linear::default();
        linear.fit(&prices[..333]);
        linear.fit(&prices);
        assert!((linear.variance - 1_000.0 / 998.0).abs() < 1e-4, "{}", linear.variance);
    }
}
