//! The hosts that the local server accepts.
//!
//! A web page can point its own host name to 127.0.0.1 and so make a browser send the page's requests to this server
//! (DNS rebinding). The browser then names the page's host. Therefore only requests that name this machine, or an
//! explicitly allowed host, are answered. This holds whatever address the server listens on.

use std::net::{IpAddr, Ipv6Addr};

use http::uri::{Authority, Uri};
use http::{HeaderMap, header};

/// The names that every machine has for itself.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The hosts that requests may name.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    allowed: Vec<String>,
}

/// An entry of `SEXTANT_HOSTS` that is not a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} in SEXTANT_HOSTS is not a host name or an IP address; write it without a scheme, a port and wildcards")]
pub struct InvalidHost(String);

impl Hosts {
    /// This machine's own names, the address `bound` if the server listens on that one only, and the `allowed` hosts:
    /// names or addresses without a port. Empty entries are ignored.
    ///
    /// No page can have the address of this server as its host name, so naming it is safe. Of a server that listens on
    /// every address, the addresses are not known here.
    pub fn new(bound: IpAddr, allowed: &[String]) -> Result<Self, InvalidHost> {
        let entries = allowed.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty());
        let mut hosts = entries.map(host).collect::<Result<Vec<_>, _>>()?;
        if !bound.is_unspecified() {
            hosts.push(text_of(bound));
        }
        Ok(Self { allowed: hosts })
    }

    /// The accepted hosts in words, this machine's own names first.
    #[must_use]
    pub fn listed(&self) -> String {
        let others = self.allowed.iter().map(String::as_str).filter(|host| !LOCAL.contains(host));
        let all: Vec<&str> = LOCAL.into_iter().chain(others).collect();
        all.join(", ")
    }

    /// The host that a request names, including its port.
    ///
    /// Errors: the header is not a valid host, or the host is not allowed.
    pub fn named(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, HostError> {
        let mut lines = headers.get_all(header::HOST).iter();
        let authority = match (uri.authority(), lines.next(), lines.next()) {
            // HTTP/2 and the absolute form of HTTP/1.1 name the host in the target, which takes precedence over the
            // header.
            (Some(authority), _, None) => Some(authority.clone()),
            (None, Some(line), None) => line.to_str().ok().and_then(|line| line.parse::<Authority>().ok()),
            _ => None,
        };
        let authority = authority.filter(is_host_and_port).ok_or(HostError::Malformed)?;
        let host = authority.host().to_ascii_lowercase();
        if LOCAL.contains(&host.as_str()) || self.allowed.contains(&host) {
            Ok(authority.as_str().to_owned())
        } else {
            Err(HostError::NotOurs)
        }
    }
}

/// Why the host of a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The request names no host, several, or an invalid one (RFC 9112, section 3.2): 400.
    Malformed,
    /// The host is not allowed: 421.
    NotOurs,
}

/// An allowed host, as the `Host` header has it.
fn host(entry: &str) -> Result<String, InvalidHost> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bare.map_or_else(|| entry.parse().ok(), |bare| bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
    {
        return Ok(text_of(address));
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_name = entry.split('.').all(is_label);
    if is_name { Ok(entry.to_ascii_lowercase()) } else { Err(InvalidHost(entry.to_owned())) }
}

/// An address as the `Host` header has it: IPv6 in brackets.
fn text_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether the text is a host, optionally with a port from 0 to 65535, and nothing else such as a user.
fn is_host_and_port(authority: &Authority) -> bool {
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !authority.host().is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn named(hosts: &Hosts, lines: &[&str]) -> Result<String, HostError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::HOST, HeaderValue::from_str(line).unwrap());
        }
        hosts.named(&Uri::from_static("/a"), &headers)
    }

    #[test]
    fn this_machine_is_answered_by_all_its_names() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
            assert_eq!(named(&Hosts::default(), &[host]).as_deref(), Ok(host));
        }
    }

    #[test]
    fn another_name_for_this_machine_is_not() {
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io"] {
            assert_eq!(named(&Hosts::default(), &[host]), Err(HostError::NotOurs), "{host:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_malformed_whatever_it_names() {
        for host in [
            "",
            ":80",
            "a@localhost",
            "localhost:99999",
            "x:99999",
            "localhost:",
            "localhost:+80",
            "localhost:8o",
            "localhost/a",
            "local host",
        ] {
            assert_eq!(named(&Hosts::default(), &[host]), Err(HostError::Malformed), "{host:?}");
        }
        assert_eq!(named(&Hosts::default(), &[]), Err(HostError::Malformed));
        assert_eq!(named(&Hosts::default(), &["localhost", "evil.example"]), Err(HostError::Malformed));
    }

    fn hosts(bound: &str, allowed: &[&str]) -> Result<Hosts, InvalidHost> {
        let allowed: Vec<_> = allowed.iter().map(|host| (*host).to_owned()).collect();
        Hosts::new(bound.parse().unwrap(), &allowed)
    }

    #[test]
    fn a_host_can_be_allowed_by_hand() {
        let hosts =
            hosts("0.0.0.0", &["Sextant.Home.Arpa", " 192.0.2.7", "2001:db8::7", "[2001:DB8:0::8]", ""]).unwrap();
        for host in ["sextant.home.arpa:8080", "192.0.2.7:8080", "[2001:db8::7]", "[2001:db8::8]:80"] {
            assert!(named(&hosts, &[host]).is_ok(), "{host}");
        }
        assert!(named(&hosts, &["other.home.arpa"]).is_err());
        assert_eq!(
            hosts.listed(),
            "localhost, 127.0.0.1, [::1], sextant.home.arpa, 192.0.2.7, [2001:db8::7], [2001:db8::8]"
        );
    }

    #[test]
    fn what_is_not_a_host_cannot_be_allowed() {
        for entry in
            ["*", "*.example.com", "a.example:8080", "https://a.example", "a.example/", "a b", "a..b", "[a]", "é.fr"]
        {
            assert_eq!(hosts("127.0.0.1", &[entry]).unwrap_err(), InvalidHost(entry.to_owned()));
        }
    }

    #[test]
    fn a_server_on_one_address_answers_to_it_and_one_on_all_addresses_to_none() {
        let one = hosts("192.0.2.7", &[]).unwrap();
        assert!(named(&one, &["192.0.2.7:8080"]).is_ok() && named(&one, &["localhost"]).is_ok());
        assert_eq!(named(&one, &["192.0.2.8:8080"]), Err(HostError::NotOurs));
        for every in ["0.0.0.0", "::"] {
            let hosts = hosts(every, &[]).unwrap();
            for host in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:8080", "evil.example"] {
                assert_eq!(named(&hosts, &[host]), Err(HostError::NotOurs), "{host}");
            }
        }
        assert_eq!(hosts("127.0.0.1", &[]).unwrap().listed(), "localhost, 127.0.0.1, [::1]");
    }

    #[test]
    fn the_target_outranks_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/a");
        assert_eq!(Hosts::default().named(&uri, &headers), Err(HostError::NotOurs));
    }
}
