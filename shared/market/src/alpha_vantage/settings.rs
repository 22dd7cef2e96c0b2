//! Address, API key and limits of the provider.

use std::fmt;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use crate::api_plan::{ApiPlan, PlanSettings};
use crate::call_limits::{ALPHA_VANTAGE_CALLS_A_DAY, ALPHA_VANTAGE_CALLS_A_MINUTE};
use crate::http::{Address, ApiKey, KeyPlace, Limits, NotFound, SettingsError, Site};

/// The source's name in responses, and the name of its quota.
pub const SOURCE: &str = "alpha_vantage";
const HOST: &str = "https://www.alphavantage.co/";
/// Identifies the program to the provider.
const USER_AGENT: &str = concat!("sextant/", env!("CARGO_PKG_VERSION"));

/// The free plan: 25 calls a day, and one a second.
pub const FREE_PLAN: ApiPlan =
    ApiPlan { calls_a_day: Some(ALPHA_VANTAGE_CALLS_A_DAY), calls_a_minute: Some(ALPHA_VANTAGE_CALLS_A_MINUTE) };
/// The settings that name another plan.
pub const PLAN_SETTINGS: PlanSettings = PlanSettings {
    calls_a_day: "SEXTANT_ALPHA_VANTAGE_CALLS_PER_DAY",
    calls_a_minute: "SEXTANT_ALPHA_VANTAGE_CALLS_PER_MINUTE",
    default: FREE_PLAN,
};

/// How to reach the provider.
#[derive(Clone)]
pub struct Settings {
    /// The API key. It is never printed.
    pub key: SecretString,
    /// Limits of time and size.
    pub limits: Limits,
    /// The plan of the key.
    pub(super) plan: ApiPlan,
    address: Address,
}

impl Settings {
    /// The real provider with its usual limits.
    pub fn new(key: SecretString) -> Result<Self, SettingsError> {
        Self::with_base(key, HOST)
    }

    /// The provider at another address, for tests. Plain HTTP is allowed only on this machine.
    pub fn with_base(key: SecretString, base: &str) -> Result<Self, SettingsError> {
        Ok(Self { key, address: Address::parse(base)?, limits: Limits::default(), plan: FREE_PLAN })
    }

    /// The same with the plan of the key, which is the free one otherwise.
    #[must_use]
    pub fn with_plan(mut self, plan: ApiPlan) -> Self {
        self.limits.spacing = plan.spacing();
        Self { plan, ..self }
    }

    pub(super) fn into_site(self) -> Site {
        Site {
            name: SOURCE,
            address: self.address,
            limits: self.limits,
            user_agent: USER_AGENT,
            key: Some(ApiKey { secret: self.key, place: KeyPlace::Query("apikey") }),
            headers: HeaderMap::new(),
            not_found: NotFound::Unavailable,
            // A refusal without a time refers to the rule of one call a second.
            pause_unsaid: self.limits.spacing,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("host", &self.address).field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_output_does_not_contain_the_key() {
        let printed = format!("{:?}", Settings::with_base("canary".into(), "http://127.0.0.1/?apikey=canary").unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
