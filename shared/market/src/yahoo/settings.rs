//! Where Yahoo is, and how much we wait and hold.

use crate::call_limits::PAUSE_UNSAID;
use crate::http::{Address, Limits, SettingsError, Site};

/// The source's name in answers, and that of its quota.
pub const SOURCE: &str = "yahoo";
const HOST: &str = "https://query1.finance.yahoo.com/";
/// Without one it refuses to answer, and a program's own name too.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; sextant/", env!("CARGO_PKG_VERSION"), ")");

/// How the provider is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much we wait and hold.
    pub limits: Limits,
    address: Address,
}

impl Settings {
    /// The real provider with its usual limits.
    pub fn new() -> Result<Self, SettingsError> {
        Self::with_base(HOST)
    }

    /// A stand-in for the provider; unencrypted only on this machine.
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
            explains_not_found: true,
            // Its refusals say nothing of when to come back.
            pause_unsaid: PAUSE_UNSAID,
        }
    }
}
