//! The models by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::drift::Drift;
use super::linear::Linear;
use super::method::Method;
use super::naive::Naive;
use super::walk::{self, Walk};

/// A forecasting model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ForecastModel)]
pub enum Model {
    /// Random walk of log prices with half of the mean drift and a volatility that reverts from today's to the long
    /// run's. The default.
    #[default]
    Walk,
    /// Tomorrow is today: a random walk of prices without drift.
    Naive,
    /// A random walk of prices with the mean change as its drift.
    Drift,
    /// A straight line through the prices. Offered because users expect it; on prices its errors are several times
    /// those of `naive`.
    Linear,
}

/// The text does not name a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of walk, naive, drift, linear")]
pub struct UnknownModel;

impl Model {
    /// Every model, the default first.
    pub const ALL: [Self; 4] = [Self::Walk, Self::Naive, Self::Drift, Self::Linear];

    /// The name in requests and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Naive => "naive",
            Self::Drift => "drift",
            Self::Linear => "linear",
        }
    }

    /// Fewest bars, the origin included, that the model can work with.
    #[must_use]
    pub fn fewest_bars(self) -> usize {
        match self {
            Self::Walk => walk::FEWEST_RETURNS + 1,
            Self::Naive => 2,
            // With less the variance has no degree of freedom left and the band no width.
            Self::Drift | Self::Linear => 3,
        }
    }

    /// The model before it is fitted.
    pub(super) fn method(self) -> Box<dyn Method> {
        match self {
            Self::Walk => Box::new(Walk::default()),
            Self::Naive => Box::new(Naive::default()),
            Self::Drift => Box::new(Drift::default()),
            Self::Linear => Box::new(Linear::default()),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(text: &str) -> Result<Self, UnknownModel> {
        Self::ALL.into_iter().find(|model| model.name() == text).ok_or(UnknownModel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_survives_a_round_trip() {
        for model in Model::ALL {
            assert_eq!(model.to_string().parse(), Ok(model));
        }
        assert_eq!(Model::default(), Model::Walk);
    }

    #[test]
    fn json_uses_the_same_names() {
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, StrDeserializer};
        for model in Model::ALL {
            let json: StrDeserializer<'_, Error> = model.name().into_deserializer();
            assert_eq!(Model::deserialize(json), Ok(model));
        }
    }

    #[test]
    fn the_error_names_every_model() {
        for text in ["", "Walk", "lstm", "walk "] {
            let message = text.parse::<Model>().unwrap_err().to_string();
            assert!(Model::ALL.iter().all(|model| message.contains(model.name())), "{message}");
        }
    }
}
