//! The template of a URL: a fixed host over HTTPS, and placeholders in the path and the query.

use domain::Day;
use url::{Host, Url, form_urlencoded};

use crate::http::KEY_PLACEHOLDER;

/// The scheme of every URL.
const SCHEME: &str = "https://";
const SYMBOL: &str = "{symbol}";
const FROM: &str = "{from}";
const TO: &str = "{to}";
const PLACEHOLDERS: [&str; 4] = [SYMBOL, FROM, TO, KEY_PLACEHOLDER];

/// A template whose placeholders and host are valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UrlTemplate {
    /// Host and port, as in the template.
    host: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
}

/// What is wrong with a template. No variant has its text, which could contain a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Another scheme, or none.
    #[error("the URL must begin with {SCHEME}")]
    NotHttps,
    /// The host depends on the request.
    #[error("the host must be fixed: placeholders are allowed in the path and in the query only")]
    HostPlaceholder,
    /// A user name or password.
    #[error("the URL must not contain a user name or a password; use {KEY_PLACEHOLDER}")]
    Credentials,
    /// No valid host.
    #[error("the URL has no valid host")]
    Host,
    /// Braces that enclose no placeholder.
    #[error("a brace encloses no placeholder; the placeholders are {SYMBOL}, {FROM}, {TO} and {KEY_PLACEHOLDER}")]
    Placeholder,
    /// The name of a parameter has a placeholder, which would never be filled.
    #[error("a placeholder is the value of a parameter, not its name")]
    PlaceholderInName,
    /// A fragment, which is never sent.
    #[error("the URL must not have a fragment (#)")]
    Fragment,
    /// An escape in the path, which would be escaped again.
    #[error("the path must be written without escapes (%)")]
    Escape,
    /// All symbols would have the same URL.
    #[error("the URL has no {SYMBOL}")]
    NoSymbol,
}

impl UrlTemplate {
    pub(super) fn parse(text: &str) -> Result<Self, UrlFault> {
        let rest = text.strip_prefix(SCHEME).ok_or(UrlFault::NotHttps)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        if host.contains(['{', '}']) {
            return Err(UrlFault::HostPlaceholder);
        }
        if host.contains('@') {
            return Err(UrlFault::Credentials);
        }
        let base = Url::parse(&format!("{SCHEME}{host}/")).map_err(|_| UrlFault::Host)?;
        let is_host = matches!(base.host(), Some(Host::Domain(name)) if !name.is_empty())
            || matches!(base.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        if !is_host {
            return Err(UrlFault::Host);
        }
        if rest.contains(['#', '\\']) {
            return Err(UrlFault::Fragment);
        }
        check_placeholders(rest)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains('%') {
            return Err(UrlFault::Escape);
        }
        let template = Self {
            host: host.to_owned(),
            path: path.trim_start_matches('/').split('/').map(str::to_owned).collect(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        };
        if template.query.iter().any(|(name, _)| name.contains(['{', '}'])) {
            return Err(UrlFault::PlaceholderInName);
        }
        if !template.values().any(|value| value.contains(SYMBOL)) {
            return Err(UrlFault::NoSymbol);
        }
        Ok(template)
    }

    /// The URL of the host.
    pub(super) fn base(&self) -> String {
        format!("{SCHEME}{}/", self.host)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn has_key(&self) -> bool {
        self.values().any(|value| value.contains(KEY_PLACEHOLDER))
    }

    /// Whether the URL limits the history to the days from one on.
    pub(super) fn has_from(&self) -> bool {
        self.values().any(|value| value.contains(FROM))
    }

    /// Path segments and query with the placeholders filled, except for that of the key.
    pub(super) fn fill(&self, symbol: &str, from: Day, to: Day) -> (Vec<String>, Vec<(String, String)>) {
        let fill =
            |text: &String| text.replace(SYMBOL, symbol).replace(FROM, &from.to_string()).replace(TO, &to.to_string());
        let query = self.query.iter().map(|(name, value)| (name.clone(), fill(value)));
        (self.path.iter().map(fill).collect(), query.collect())
    }

    fn values(&self) -> impl Iterator<Item = &String> {
        self.path.iter().chain(self.query.iter().map(|(_, value)| value))
    }
}

fn check_placeholders(text: &str) -> Result<(), UrlFault> {
    let without = PLACEHOLDERS.iter().fold(text.to_owned(), |text, placeholder| text.replace(placeholder, ""));
    if without.contains(['{', '}']) { Err(UrlFault::Placeholder) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fixed_host_over_https_is_accepted() {
        for (text, fault) in [
            ("http://api.example/{symbol}", UrlFault::NotHttps),
            ("HTTPS://api.example/{symbol}", UrlFault::NotHttps),
            ("api.example/{symbol}", UrlFault::NotHttps),
            ("https://{symbol}.example/", UrlFault::HostPlaceholder),
            ("https://{symbol}", UrlFault::HostPlaceholder),
            ("https://api.example{symbol}/a", UrlFault::HostPlaceholder),
            ("https://api.example:{key}/{symbol}", UrlFault::HostPlaceholder),
            ("https://user:secret@api.example/{symbol}", UrlFault::Credentials),
            ("https:///{symbol}", UrlFault::Host),
            ("https://a b/{symbol}", UrlFault::Host),
            ("https://api.example:99999/{symbol}", UrlFault::Host),
            ("https://api.example\\@other.example/{symbol}", UrlFault::Fragment),
            ("https://api.example/{symbol}#{key}", UrlFault::Fragment),
            ("https://api.example/{ticker}", UrlFault::Placeholder),
            ("https://api.example/{symbol", UrlFault::Placeholder),
            ("https://api.example/%2e%2e/{symbol}", UrlFault::Escape),
            ("https://api.example/AAPL", UrlFault::NoSymbol),
            ("https://api.example/eod?{symbol}&day={from}", UrlFault::PlaceholderInName),
            ("https://api.example/eod?{symbol}=1", UrlFault::PlaceholderInName),
        ] {
            assert_eq!(UrlTemplate::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn placeholders_are_filled_in_the_path_and_in_the_query() {
        let template =
            UrlTemplate::parse("https://api.example:8443/eod/{symbol}.US?s={from}&e={to}&q=a%20b&t={key}").unwrap();
        assert_eq!(
            (template.base().as_str(), template.has_key(), template.has_from()),
            ("https://api.example:8443/", true, true)
        );
        let (path, query) = template.fill("AAPL", "2006-11-20".parse().unwrap(), "2026-11-20".parse().unwrap());
        assert_eq!(path, ["eod", "AAPL.US"]);
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, [("s", "2006-11-20"), ("e", "2026-11-20"), ("q", "a b"), ("t", "{key}")]);
    }
}
