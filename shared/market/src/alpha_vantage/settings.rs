//! Address, API key and limits of the provider.

use std::fmt;

use secrecy::SecretString;

use crate::http::{Address, Limits, SettingsError, Site};

/// The source's name in responses, and the name of its quota.
pub const SOURCE: &str = "alpha_vantage";
const HOST: &str = "https://www.alphavantage.co/";
/// Identifies the program to the provider.
const USER_AGENT: &str = concat!("sextant/", env!("CARGO_PKG_VERSION"));

/// How to reach the provider.
#[derive(Clone)]
pub struct Settings {
    /// The API key. It is never printed.
    pub key: SecretString,
    /// Limits of time and size.
    pub limits: Limits,
    address: Address,
}

impl Settings {
    /// The real provider with its usual limits.
    pub fn new(key: SecretString) -> Result<Self, SettingsError> {
        Self::with_base(key, HOST)
    }

    /// The provider at another address, for tests. Plain HTTP is allowed only on this machine.
    pub fn with_base(key: SecretString, base: &str) -> Result<Self, SettingsError> {
        Ok(Self { key, address: Address::parse(base)?, limits: Limits::default() })
    }

    pub(super) fn into_site(self) -> Site {
        Site {
            name: SOURCE,
            address: self.address,
            limits: self.limits,
            user_agent: USER_AGENT,
            key: Some(("apikey", self.key)),
            explains_not_found: false,
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
