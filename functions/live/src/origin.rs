//! The check of origins: a browser lets any page open a WebSocket to any host, and sends the origin of the page.

/// Whether a page of this origin may connect to this host. A program sends no origin and may connect: a foreign page
/// cannot make it do so.
pub(crate) fn may_connect(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin.map(str::trim) else { return true };
    let is_origin = |other: &str| other.trim_end_matches('/').eq_ignore_ascii_case(origin);
    allowed.iter().any(|allowed| is_origin(allowed)) || host.is_some_and(|host| is_own_page(origin, host))
}

/// Whether the origin is that of the host's own pages.
fn is_own_page(origin: &str, host: &str) -> bool {
    let Some((scheme, named)) = origin.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && !host.is_empty() && named.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>, host: Option<&str>) -> bool {
        may_connect(origin, host, &["https://app.example".to_owned(), "https://b.example:8443/".to_owned()])
    }

    #[test]
    fn pages_of_allowed_origins_and_of_the_host_and_programs_may_connect() {
        let host = Some("127.0.0.1:8080");
        for origin in ["https://app.example", "https://APP.example", "https://b.example:8443", "http://127.0.0.1:8080"]
        {
            assert!(allowed(Some(origin), host), "{origin}");
        }
        assert!(allowed(None, host) && allowed(None, None));
    }

    #[test]
    fn pages_of_other_origins_may_not_connect() {
        let host = Some("127.0.0.1:8080");
        for origin in [
            "https://evil.example",
            "http://app.example",
            "https://app.example.evil.example",
            "https://app.example:444",
            "https://b.example",
            "http://127.0.0.1",
            "http://127.0.0.1:80801",
            "file://127.0.0.1:8080",
            "null",
            "",
            "://127.0.0.1:8080",
        ] {
            assert!(!allowed(Some(origin), host), "{origin}");
        }
        assert!(!allowed(Some("http://"), Some("")) && !allowed(Some("https://a.example"), None));
    }
}
