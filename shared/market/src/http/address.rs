//! The address of a provider: a fixed host over HTTPS, or a test server on this machine.

use std::fmt;

use url::{Host, Url};

/// Why a provider cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The base URL is not an http or https URL.
    #[error("the base URL must be an http or https address")]
    BaseUrl,
    /// Requests, including keys, would travel unencrypted over a network.
    #[error("the base URL must be https unless it points to this machine")]
    KeyInClear,
    /// The HTTP client cannot be created, for example because root certificates are missing.
    #[error("the HTTP client cannot be created")]
    Client,
}

/// The only host that a client calls; plain HTTP is allowed only on this machine.
#[derive(Clone)]
pub(crate) struct Address(Url);

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let base = Url::parse(text).map_err(|_| SettingsError::BaseUrl)?;
        let here = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(SettingsError::BaseUrl),
        };
        match base.scheme() {
            "https" => Ok(Self(base)),
            "http" if here => Ok(Self(base)),
            "http" => Err(SettingsError::KeyInClear),
            _ => Err(SettingsError::BaseUrl),
        }
    }

    /// The host, without the rest of the URL.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL of a path on this host. Each part is one segment, whatever characters it contains.
    pub(super) fn at<S: AsRef<str>>(&self, path: &[S]) -> Url {
        let mut url = self.0.clone();
        url.set_fragment(None);
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url
    }
}

/// Prints the host only: a whole URL can contain a key.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_only_on_this_machine() {
        let parsed = |text: &str| Address::parse(text).map(|_| ());
        assert_eq!(parsed("http://example.com/"), Err(SettingsError::KeyInClear));
        assert_eq!(parsed("http://10.0.0.1/"), Err(SettingsError::KeyInClear));
        assert_eq!(parsed("http://169.254.169.254/"), Err(SettingsError::KeyInClear));
        assert_eq!(parsed("http://localhost.example.com/"), Err(SettingsError::KeyInClear));
        assert_eq!(parsed("ftp://127.0.0.1/"), Err(SettingsError::BaseUrl));
        assert_eq!(parsed("not a link"), Err(SettingsError::BaseUrl));
        for text in ["https://example.com/", "http://127.0.0.1:4000/", "http://localhost/", "http://[::1]/"] {
            assert_eq!(parsed(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_path_segment_stays_one_segment() {
        let address = Address::parse("https://example.com/old?key=1#part").unwrap();
        assert_eq!(address.at(&["v8", "a/../b?c"]).as_str(), "https://example.com/v8/a%2F..%2Fb%3Fc");
    }
}
