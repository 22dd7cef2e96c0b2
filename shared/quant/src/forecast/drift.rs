//! A random walk of prices with the mean change as its drift.

use super::method::{Method, Step};
use super::sums::sum_of_changes;

/// Point `y_n + h·d` with d = (`y_n` − `y_1`)/(n − 1), band ± `z·σ_d·√(h(1 + h/(n − 1)))` with
/// `σ_d²` = Σ(Δy − d)²/(n − 1).
#[derive(Default)]
pub(super) struct Drift {
    count: usize,
    first: f64,
    last: f64,
    /// Σ(Δy − d)² for the d of the prices so far.
    squares: f64,
}

impl Drift {
    fn changes(&self) -> f64 {
        self.count.saturating_sub(1) as f64
    }

    fn drift(&self) -> f64 {
        (self.last - self.first) / self.changes()
    }
}

impl Method for Drift {
    fn fit(&mut self, prices: &[f64]) {
        let from = self.count.max(1);
        let added = prices.len().saturating_sub(from) as f64;
        if added == 0.0 {
            return;
        }
        let (before, drift_before) = (self.changes(), self.drift());
        let start = prices[from - 1];
        self.first = prices[0];
        self.last = prices.last().copied().unwrap_or_default();
        self.count = prices.len();
        // Two groups' squares about their own means, merged about the common one (Chan, Golub and LeVeque 1983):
        // nothing cancels.
        let drift_added = (self.last - start) / added;
        self.squares += sum_of_changes(prices, from, |change| (change - drift_added).powi(2));
        if before > 0.0 {
            self.squares += (drift_added - drift_before).powi(2) * before * added / (before + added);
        }
    }

    fn step(&self, h: u8) -> Step {
        let (h, changes) = (f64::from(h), self.changes());
        let variance = self.squares / changes;
        let deviation = (variance * h * (1.0 + h / changes)).sqrt();
        Step::Normal { center: self.last + h * self.drift(), deviation }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Z_95;
    use super::*;

    /// Monthly totals of international airline passengers in thousands, 1949 to 1960: Box and
    /// Jenkins, *Time Series Analysis* (1976), series G.
    const AIR_PASSENGERS: [f64; 144] = [
        112., 118., 132., 129., 121., 135., 148., 148., 136., 119., 104., 118., // 1949
        115., 126., 141., 135., 125., 149., 170., 170., 158., 133., 114., 140., // 1950
        145., 150., 178., 163., 172., 178., 199., 199., 184., 162., 146., 166., // 1951
        171., 180., 193., 181., 183., 218., 230., 242., 209., 191., 172., 194., // 1952
        196., 196., 236., 235., 229., 243., 264., 272., 237., 211., 180., 201., // 1953
        204., 188., 235., 227., 234., 264., 302., 293., 259., 229., 203., 229., // 1954
        242., 233., 267., 269., 270., 315., 364., 347., 312., 274., 237., 278., // 1955
        284., 277., 317., 313., 318., 374., 413., 405., 355., 306., 271., 306., // 1956
        315., 301., 356., 348., 355., 422., 465., 467., 404., 347., 305., 336., // 1957
        340., 318., 362., 348., 363., 435., 491., 505., 404., 359., 310., 337., // 1958
        360., 342., 406., 396., 420., 472., 548., 559., 463., 407., 362., 405., // 1959
        417., 391., 419., 461., 472., 535., 622., 606., 508., 461., 390., 432., // 1960
    ];

    #[test]
    fn air_passengers_drift_as_in_the_golden_table() {
        let mut drift = Drift::default();
        drift.fit(&AIR_PASSENGERS);
        assert!((drift.step(1).center() - 434.2378).abs() < 5e-5);
        assert!((drift.step(2).center() - 436.4755).abs() < 5e-5);
        let (lower, upper) = drift.step(12).band(Z_95);
        assert!((lower - 221.0916).abs() < 5e-5, "{lower}");
        assert!((upper - 696.6147).abs() < 5e-5, "{upper}");
    }

    #[test]
    fn a_steady_climb_continues_with_a_band_of_zero_width() {
        let mut drift = Drift::default();
        drift.fit(&[10.0, 12.0, 14.0, 16.0]);
        assert!((drift.step(3).center() - 22.0).abs() < 1e-12);
        assert_eq!(drift.step(3).band(Z_95), (22.0, 22.0));
    }
}
