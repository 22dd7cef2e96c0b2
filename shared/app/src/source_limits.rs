//! Limits by source address, on what is open to callers without a token: failed sign-ins and registrations.
//!
//! The address is the one that the gateway saw, and what a client says of itself counts for nothing. Only where that
//! address is a proxy's that the operator has named does the last address that the proxy added count instead.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Failed sign-ins of one address an hour, where nothing is set.
pub(crate) const FAILED_SIGN_INS: usize = 30;
/// Registrations from one address an hour, where nothing is set.
pub(crate) const REGISTRATIONS: usize = 60;
/// The most that can be set: each is a time in one item.
const HIGHEST: usize = 1_000;

/// The setting with the number of failed sign-ins of one address an hour; 0 is no limit.
const SIGN_IN_SETTING: &str = "SEXTANT_SIGN_IN_LIMIT";
/// The setting with the number of registrations from one address an hour; 0 is no limit.
const REGISTRATION_SETTING: &str = "SEXTANT_REGISTRATION_LIMIT";
/// The setting with the addresses of proxies, separated by commas.
const PROXY_SETTING: &str = "SEXTANT_TRUSTED_PROXY";

/// How much one source address may ask for, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    pub(crate) failed_sign_ins: usize,
    pub(crate) registrations: usize,
    trusted_proxies: Vec<IpAddr>,
    exempts_loopback: bool,
}

/// A source address, as it is counted: of IPv6 the first 64 bits, which one customer of a provider has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAddress(pub(crate) IpAddr);

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No count.
    #[error("{name}={value:?} is no whole number from 0, for no limit, to {HIGHEST}")]
    Count {
        /// The setting.
        name: &'static str,
        /// What it is set to.
        value: String,
    },
    /// No address.
    #[error("{PROXY_SETTING} holds {value:?}, which is no IP address")]
    Address {
        /// What it holds.
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
    /// The limits as the program's settings have them; `set` gives the value of a setting that is not empty.
    pub fn from_settings(set: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingError> {
        let count = |name, default| match set(name) {
            None => Ok(default),
            Some(value) => match value.parse() {
                Ok(count) if count <= HIGHEST => Ok(count),
                _ => Err(SettingError::Count { name, value }),
            },
        };
        let proxies = set(PROXY_SETTING).unwrap_or_default();
        let proxies = proxies.split(',').map(str::trim).filter(|one| !one.is_empty());
        let proxies = proxies.map(|one| {
            let address: Result<IpAddr, _> = one.parse();
            address.map(|address| address.to_canonical()).map_err(|_| SettingError::Address { value: one.to_owned() })
        });
        Ok(Self {
            failed_sign_ins: count(SIGN_IN_SETTING, FAILED_SIGN_INS)?,
            registrations: count(REGISTRATION_SETTING, REGISTRATIONS)?,
            trusted_proxies: proxies.collect::<Result<_, _>>()?,
            exempts_loopback: false,
        })
    }

    /// These limits for a program that serves its own machine: requests from it are not counted, unless a proxy is named,
    /// which may be on the same machine and hand over requests of the world.
    #[must_use]
    pub fn on_one_machine(self) -> Self {
        Self { exempts_loopback: self.trusted_proxies.is_empty(), ..self }
    }

    /// The address that a request counts for, by the address that the gateway saw and the `X-Forwarded-For` of the
    /// request; none where it is exempt.
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
        // Each hop adds the address that it saw; the gateway added the proxy's own.
        let mut hops = forwarded_for.unwrap_or_default().rsplit(',').map(forwarded);
        let first_foreign = hops.find(|hop| !hop.as_ref().is_some_and(is_proxy)).flatten();
        Some(SourceAddress::of(first_foreign.unwrap_or(seen)))
    }

    /// Whether this is the address of a proxy that the operator has named.
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

/// An address as proxies write it, some with a port.
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
    fn what_a_client_says_of_itself_counts_for_nothing() {
        let limits = SourceLimits::default();
        assert_eq!(source(&limits, "192.0.2.7", "198.51.100.1"), Some("192.0.2.7".to_owned()));
        assert_eq!(source(&limits, "127.0.0.1", "198.51.100.1"), Some("127.0.0.1".to_owned()));
    }

    #[test]
    fn of_a_proxy_that_is_named_the_last_address_counts() {
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
            // Nothing that could be an address: the proxy's own.
            ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.1", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.9", "198.51.100.1, 10.0.0.9", "10.0.0.9"),
        ] {
            assert_eq!(source(&limits, seen, forwarded_for), Some(counted.to_owned()), "{seen} with {forwarded_for}");
        }
    }

    #[test]
    fn of_ipv6_a_network_counts_and_an_ipv4_address_in_it_is_one_of_ipv4() {
        let limits = SourceLimits::default();
        assert_eq!(source(&limits, "2001:db8:1:2:aaaa::1", ""), source(&limits, "2001:db8:1:2:bbbb::2", ""));
        assert_ne!(source(&limits, "2001:db8:1:2::1", ""), source(&limits, "2001:db8:1:3::1", ""));
        assert_eq!(source(&limits, "::ffff:192.0.2.7", ""), Some("192.0.2.7".to_owned()));
    }

    #[test]
    fn loopback_is_exempt_on_one_machine_while_no_proxy_is_named() {
        let own = SourceLimits::default().on_one_machine();
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(source(&own, loopback, "198.51.100.1"), None, "{loopback}");
        }
        assert_eq!(source(&own, "192.0.2.7", ""), Some("192.0.2.7".to_owned()));
        let behind = settings(&[(PROXY_SETTING, "127.0.0.1")]).unwrap().on_one_machine();
        assert_eq!(source(&behind, "127.0.0.1", "198.51.100.1, 127.0.0.1"), Some("198.51.100.1".to_owned()));
        assert_eq!(source(&behind, "127.0.0.1", "127.0.0.1"), Some("127.0.0.1".to_owned()));
        assert_eq!(source(&behind, "::1", ""), Some("::".to_owned()), "another address of this machine is no proxy");
    }

    #[test]
    fn settings_are_read_and_what_cannot_be_used_is_named() {
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
