//! Where the provider is, who we are to it, and how much we wait and hold.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::provider::Patience;

const HOST: &str = "https://www.alphavantage.co/";

/// How the provider is reached.
#[derive(Clone)]
pub struct Settings {
    /// The API key; never printed.
    pub key: SecretString,
    /// How much we wait and hold.
    pub limits: Limits,
    base: Url,
}

/// How much we wait for and hold of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// For everything, when a person waits.
    pub caller: Duration,
    /// For everything, in a scheduled refresh.
    pub schedule: Duration,
    /// Of an answer, after decompression.
    pub max_bytes: usize,
    /// Between two calls of this process.
    pub spacing: Duration,
    /// The first pause before a retry, doubled for each further one; the pause taken is a random part of it.
    pub backoff: Duration,
    /// Attempts at one answer, the first included; each counts against the quota.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            caller: Duration::from_secs(2),
            schedule: Duration::from_secs(10),
            max_bytes: 5 * 1024 * 1024,
            spacing: Duration::from_secs(1),
            backoff: Duration::from_millis(500),
            attempts: 3,
        }
    }
}

impl Limits {
    pub(super) fn total(&self, patience: Patience) -> Duration {
        match patience {
            Patience::Caller => self.caller,
            Patience::Schedule => self.schedule,
        }
    }
}

/// Why the provider cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The base address is no address of the web.
    #[error("the base URL must be an http or https address")]
    BaseUrl,
    /// The key would travel in clear over a network.
    #[error("the base URL must be https, unless it is this machine's own")]
    KeyInClear,
    /// The HTTP client cannot be made, for example for want of root certificates.
    #[error("the HTTP client cannot be made")]
    Client,
}

impl Settings {
    /// The real provider with its usual limits.
    pub fn new(key: SecretString) -> Result<Self, SettingsError> {
        Self::with_base(key, HOST)
    }

    /// A stand-in for the provider; unencrypted only on this machine.
    pub fn with_base(key: SecretString, base: &str) -> Result<Self, SettingsError> {
        let base = Url::parse(base).map_err(|_| SettingsError::BaseUrl)?;
        let here = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(SettingsError::BaseUrl),
        };
        match base.scheme() {
            "https" => {}
            "http" if here => {}
            "http" => return Err(SettingsError::KeyInClear),
            _ => return Err(SettingsError::BaseUrl),
        }
        Ok(Self { key, base, limits: Limits::default() })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.base.host_str())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_never_travels_in_clear() {
        let base = |text: &str| Settings::with_base("key".into(), text).map(|_| ());
        assert_eq!(base("http://example.com/"), Err(SettingsError::KeyInClear));
        assert_eq!(base("ftp://127.0.0.1/"), Err(SettingsError::BaseUrl));
        assert_eq!(base("not a link"), Err(SettingsError::BaseUrl));
        for text in ["https://example.com/", "http://127.0.0.1:4000/", "http://localhost/", "http://[::1]/"] {
            assert_eq!(base(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_settings_print_without_the_key() {
        let printed = format!("{:?}", Settings::with_base("canary".into(), "http://127.0.0.1/?apikey=canary").unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
