//! The common interface of the models: they are fitted to prices and then give steps.

/// A model and its fit so far.
pub(super) trait Method {
    /// Fits the model to all `prices` up to its origin.
    ///
    /// A later call takes a longer series that begins with the same prices, and reads only the new ones: this makes a
    /// rolling origin cost one pass. Callers ensure that there are as many prices as the model needs.
    fn fit(&mut self, prices: &[f64]);

    /// The distribution `h` steps (1, 2, …) after the origin.
    fn step(&self, h: u8) -> Step;
}

/// The distribution of one step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Normal on prices.
    Normal {
        /// Mean and median.
        center: f64,
        /// Standard deviation, in money.
        deviation: f64,
    },
    /// Normal on the logarithms of prices.
    LogNormal {
        /// Median.
        center: f64,
        /// Standard deviation of the logarithm.
        deviation: f64,
    },
}

impl Step {
    /// The point forecast.
    pub(super) fn center(self) -> f64 {
        match self {
            Self::Normal { center, .. } | Self::LogNormal { center, .. } => center,
        }
    }

    /// Ends of the central band that reaches `z` standard deviations to either side.
    pub(super) fn band(self, z: f64) -> (f64, f64) {
        match self {
            Self::Normal { center, deviation } => (center - z * deviation, center + z * deviation),
            Self::LogNormal { center, deviation } => {
                let factor = (z * deviation).exp();
                (center / factor, center * factor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Model, Z_95, sample_bars};

    #[test]
    fn a_model_fitted_in_parts_equals_one_fitted_in_one_go() {
        let bars = sample_bars::bars("IBM");
        let prices = &bars.adjusted_close()[..1_777];
        for model in Model::ALL {
            let (mut whole, mut grown) = (model.method(), model.method());
            whole.fit(prices);
            for end in (61..prices.len()).step_by(97).chain([prices.len(), prices.len()]) {
                grown.fit(&prices[..end]);
            }
            for h in [1, 30, 60] {
                let (once, bits) = (whole.step(h), grown.step(h));
                assert!((once.center() / bits.center() - 1.0).abs() < 1e-10, "{model} {h}");
                assert!((once.band(Z_95).1 / bits.band(Z_95).1 - 1.0).abs() < 1e-10, "{model} {h}");
            }
        }
    }
}
