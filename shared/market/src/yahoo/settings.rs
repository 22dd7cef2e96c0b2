//! Address and limits of Yahoo.

use reqwest::header::HeaderMap;

use crate::call_limits::PAUSE_UNSAID;
use crate::http::{Address, Limits, NotFound, SettingsError, Site};

/// The source's name in responses, and the name of its quota.
pub const SOURCE: &str = "yahoo";
const HOST: &str = "https://query1.finance.yahoo.com/";
/// Yahoo refuses requests without a user agent, and those with only a program's name.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; sextant/", env!("CARGO_PKG_VERSION"), ")");

/// How to reach the provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Limits of time and size.
    pub limits: Limits,
    address: Address,
}

impl Settings {
    /// The real provider with its usual limits.
    pub fn new() -> Result<Self, SettingsError> {
        Self::with_base(HOST)
    }

    /// The provider at another address, for tests. Plain HTTP is allowed only on this machine.
    pub fn with_base(base: &str) -> Result<Self, SettingsError> {
        Ok(Self { address: Address::parse(base)?, limits: Limits::default() })
    }

    pub(super) fn into_site(self) -> Site {
        Site {
            name: SOURCE,
            address: self.address,
            limits: self.limits,
            user_agent: USER_AGENT,
            key: None,
            headers: HeaderMap::new(),
            not_found: NotFound::Explained,
            // Its refusals do not say when to retry.
            pause_unsaid: PAUSE_UNSAID,
        }
    }
}
