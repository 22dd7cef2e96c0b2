//! The hosts that the local server accepts.
//!
//! A web page can point its own host name to 127.0.0.1 and so make a browser send the page's requests to this server
//! (DNS rebinding). The browser then names the page's host. Therefore only requests that name this machine, or an
//! explicitly allowed host, are answered.

use http::uri::{Authority, Uri};
use http::{HeaderMap, header};

/// The hosts that requests may name.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    allowed: Vec<String>,
}

impl Hosts {
    /// This machine and the `allowed` hosts: names or addresses without a port.
    #[must_use]
    pub fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|host| host.to_ascii_lowercase()).collect() }
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
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        if local || self.allowed.contains(&host) { Ok(authority.as_str().to_owned()) } else { Err(HostError::NotOurs) }
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

    #[test]
    fn a_host_can_be_allowed_by_hand() {
        let hosts = Hosts::new(&["Sextant.Home.Arpa".to_owned()]);
        assert!(named(&hosts, &["sextant.home.arpa:8080"]).is_ok());
        assert!(named(&hosts, &["other.home.arpa"]).is_err());
    }

    #[test]
    fn the_target_outranks_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/a");
        assert_eq!(Hosts::default().named(&uri, &headers), Err(HostError::NotOurs));
    }
}
