//! Limits by source address for routes that need no token: failed sign-ins, registrations, password resets and failed
//! confirmations of e-mail addresses.
//!
//! The source address is the one that the gateway saw; headers that a client sends are ignored. Only if that address is
//! a proxy that the operator trusts, the last address that the proxy added counts instead.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Failed sign-ins per address and hour, by default. The same number limits password resets, and failed confirmations of
/// e-mail addresses.
pub(crate) const FAILED_SIGN_INS: usize = 30;
/// Registrations per address and hour, by default.
pub(crate) const REGISTRATIONS: usize = 60;
/// The highest limit that can be set: each attempt is a time in one item.
const HIGHEST: usize = 1_000;

/// The setting for failed sign-ins per address and hour; 0 is no limit.
const SIGN_IN_SETTING: &str = "SEXTANT_SIGN_IN_LIMIT";
/// The setting for registrations per address and hour; 0 is no limit.
const REGISTRATION_SETTING: &str = "SEXTANT_REGISTRATION_LIMIT";
/// The setting for the addresses of trusted proxies, separated by commas.
const PROXY_SETTING: &str = "SEXTANT_TRUSTED_PROXY";

/// The limits for one source address, and how the address is determined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    pub(crate) failed_sign_ins: usize,
    pub(crate) registrations: usize,
    trusted_proxies: Vec<IpAddr>,
    exempts_loopback: bool,
}

/// A source address as it is counted: for IPv6 the first 64 bits, which an internet provider assigns to one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAddress(pub(crate) IpAddr);

/// An invalid setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not a count.
    #[error("{name}={value:?} must be a whole number from 0 (no limit) to {HIGHEST}")]
    Count {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Not an address.
    #[error("{PROXY_SETTING} must be a list of IP addresses; {value:?} is not one")]
    Address {
        /// The entry.
        value: String,
    },
}

impl Default for SourceLimits {
    fn default() -> Self {
        Self {
            failed_sign_ins: FAILED_SIGN_INS,
            registrations: REGISTRATIONS,
            trusted_proxies: Vec::new(),
            exempts_loopback: false,
        }
    }
}

impl SourceLimits {
    /// Reads the limits from the program's settings; `set` returns the value of a setting that is not empty.
    pub fn from_settings(set: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingError> {
        let proxies = set(PROXY_SETTING).unwrap_or_default();
        let proxies = proxies.split(',').map(str::trim).filter(|one| !one.is_empty());
        let proxies = proxies.map(|one| {
            let address: Result<IpAddr, _> = one.parse();
            address.map(|address| address.to_canonical()).map_err(|_| SettingError::Address { value: one.to_owned() })
        });
        Ok(Self {
            failed_sign_ins: count(&set, SIGN_IN_SETTING, FAILED_SIGN_INS)?,
            registrations: count(&set, REGISTRATION_SETTING, REGISTRATIONS)?,
            trusted_proxies: proxies.collect::<Result<_, _>>()?,
            exempts_loopback: false,
        })
    }

    /// These limits for a gateway on one machine: requests from that machine are not counted, unless a proxy is
    /// trusted. The proxy may run on the same machine and forward requests from the internet.
    #[must_use]
    pub fn on_one_machine(self) -> Self {
        Self { exempts_loopback: self.trusted_proxies.is_empty(), ..self }
    }

    /// The source address of a request, from the address that the gateway saw and the request's `X-Forwarded-For`;
    /// `None` if it is exempt.
    #[must_use]
    pub fn source(&self, seen: IpAddr, forwarded_for: Option<&str>) -> Option<SourceAddress> {
        let seen = seen.to_canonical();
        if self.exempts_loopback && seen.is_loopback() {
            return None;
        }
        let is_proxy = |address: &IpAddr| self.trusts(*address);
        if !is_proxy(&seen) {
            return Some(SourceAddress::of(seen));
        }
        // Each hop adds the address that it saw. The gateway added the proxy's address.
        let mut hops = forwarded_for.unwrap_or_default().rsplit(',').map(forwarded);
        let first_foreign = hops.find(|hop| !hop.as_ref().is_some_and(is_proxy)).flatten();
        Some(SourceAddress::of(first_foreign.unwrap_or(seen)))
    }

    /// Whether this is the address of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, seen: IpAddr) -> bool {
        self.trusted_proxies.contains(&seen.to_canonical())
    }
}

impl SourceAddress {
    fn of(address: IpAddr) -> Self {
        const NETWORK: u128 = !0 << 64;
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & NETWORK)),
        })
    }
}

/// The limit in a setting, or the default if it is not set.
pub(crate) fn count(
    set: impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: usize,
) -> Result<usize, SettingError> {
    match set(name) {
        None => Ok(default),
        Some(value) => match value.parse() {
            Ok(count) if count <= HIGHEST => Ok(count),
            _ => Err(SettingError::Count { name, value }),
        },
    }
}

/// An address as proxies write it, sometimes with a port.
fn forwarded(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    let address = address.or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(set: &[(&str, &str)]) -> Result<SourceLimits, SettingError> {
        SourceLimits::from_settings(|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn source(limits: &SourceLimits, seen: &str, forwarded_for: &str) -> Option<String> {
        let forwarded_for = Some(forwarded_for).filter(|text| !text.is_empty());
        limits.source(seen.parse().unwrap(), forwarded_for).map(|SourceAddress(address)| address.to_string())
    }

    #[test]
    fn addresses_that_a_client_sends_are_ignored() {
        let limits = SourceLimits::default();
        assert_eq!(source(&limits, "192.0.2.7", "198.51.100.1"), Some("192.0.2.7".to_owned()));
        assert_eq!(source(&limits, "127.0.0.1", "198.51.100.1"), Some("127.0.0.1".to_owned()));
    }

    #[test]
    fn behind_a_trusted_proxy_the_last_address_counts() {
        let limits = settings(&[(PROXY_SETTING, "10.0.0.1, ::ffff:10.0.0.2,2001:db8::1")]).unwrap();
        for (seen, forwarded_for, counted) in [
            // The gateway adds the address that it saw.
            ("10.0.0.1", "198.51.100.1, 10.0.0.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.2", "203.0.113.9,198.51.100.1,10.0.0.1,10.0.0.2", "198.51.100.1"),
            ("2001:db8::1", "198.51.100.1:4711, 2001:db8::1", "198.51.100.1"),
            ("10.0.0.1", "[2001:db8:1:2:3:4:5:6]:443, 10.0.0.1", "2001:db8:1:2::"),
            ("10.0.0.1", "[2001:db8:1:2:3:4:5:6], 10.0.0.1", "2001:db8:1:2::"),
            // No valid address: the proxy's own counts.
            ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.1", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.9", "198.51.100.1, 10.0.0.9", "10.0.0.9"),
        ] {
            assert_eq!(source(&limits, seen, forwarded_for), Some(counted.to_owned()), "{seen} with {forwarded_for}");
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_mapped_ipv4_as_ipv4() {
        let limits = SourceLimits::default();
        assert_eq!(source(&limits, "2001:db8:1:2:aaaa::1", ""), source(&limits, "2001:db8:1:2:bbbb::2", ""));
        assert_ne!(source(&limits, "2001:db8:1:2::1", ""), source(&limits, "2001:db8:1:3::1", ""));
        assert_eq!(source(&limits, "::ffff:192.0.2.7", ""), Some("192.0.2.7".to_owned()));
    }

    #[test]
    fn loopback_is_exempt_on_one_machine_unless_a_proxy_is_trusted() {
        let own = SourceLimits::default().on_one_machine();
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(source(&own, loopback, "198.51.100.1"), None, "{loopback}");
        }
        assert_eq!(source(&own, "192.0.2.7", ""), Some("192.0.2.7".to_owned()));
        let behind = settings(&[(PROXY_SETTING, "127.0.0.1")]).unwrap().on_one_machine();
        assert_eq!(source(&behind, "127.0.0.1", "198.51.100.1, 127.0.0.1"), Some("198.51.100.1".to_owned()));
        assert_eq!(source(&behind, "127.0.0.1", "127.0.0.1"), Some("127.0.0.1".to_owned()));
        assert_eq!(source(&behind, "::1", ""), Some("::".to_owned()), "another loopback address is not the proxy");
    }

    #[test]
    fn an_invalid_setting_is_named_in_the_error() {
        assert_eq!(settings(&[]).unwrap(), SourceLimits::default());
        let set = settings(&[(SIGN_IN_SETTING, "0"), (REGISTRATION_SETTING, "7")]).unwrap();
        assert_eq!((set.failed_sign_ins, set.registrations), (0, 7));
        for value in ["-1", "1001", "many", "1.5", " 3"] {
            let refused = settings(&[(SIGN_IN_SETTING, value)]).unwrap_err();
            assert!(refused.to_string().contains(SIGN_IN_SETTING), "{refused}");
        }
        let refused = settings(&[(PROXY_SETTING, "10.0.0.1,proxy.example")]).unwrap_err();
        assert_eq!(refused, SettingError::Address { value: "proxy.example".to_owned() });
    }
}
