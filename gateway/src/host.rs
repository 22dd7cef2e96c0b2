//! Which hosts the local server answers for.
//!
//! A web page can point a name of its own at 127.0.0.1 and so make a browser send it here what the
//! page asks (DNS rebinding). The browser then names the page's host, so only requests that name this
//! machine, or a host allowed by hand, are answered.

use http::HeaderMap;
use http::header;
use http::uri::{Authority, Uri};

/// The hosts that requests may name.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    allowed: Vec<String>,
}

impl Hosts {
    /// This machine and, beside it, `allowed`: names or addresses without a port.
    #[must_use]
    pub fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// The host that a request names, port included, when it is one of ours.
    #[must_use]
    pub fn named(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let mut lines = headers.get_all(header::HOST).iter();
        let authority: Authority = match (uri.authority(), lines.next(), lines.next()) {
            // HTTP/2, and the absolute form of HTTP/1.1, name it in the target; it outranks the header.
            (Some(authority), _, None) => authority.clone(),
            (None, Some(line), None) => line.to_str().ok()?.parse().ok()?,
            _ => return None,
        };
        // What stands before an @ is for whoever sent it, never for us.
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        (local || self.allowed.contains(&host)).then(|| authority.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn named(hosts: &Hosts, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::HOST, HeaderValue::from_str(line).unwrap());
        }
        hosts.named(&Uri::from_static("/a"), &headers)
    }

    #[test]
    fn this_machine_is_answered_by_all_its_names() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
            assert_eq!(named(&Hosts::default(), &[host]).as_deref(), Some(host));
        }
    }

    #[test]
    fn another_name_for_this_machine_is_not() {
        for host in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "a@localhost", ""]
        {
            assert_eq!(named(&Hosts::default(), &[host]), None, "{host:?}");
        }
        assert_eq!(named(&Hosts::default(), &[]), None);
        assert_eq!(named(&Hosts::default(), &["localhost", "evil.example"]), None);
    }

    #[test]
    fn a_host_can_be_allowed_by_hand() {
        let hosts = Hosts::new(&["Sextant.Home.Arpa".to_owned()]);
        assert!(named(&hosts, &["sextant.home.arpa:8080"]).is_some());
        assert!(named(&hosts, &["other.home.arpa"]).is_none());
    }

    #[test]
    fn the_target_outranks_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/a");
        assert_eq!(Hosts::default().named(&uri, &headers), None);
    }
}
