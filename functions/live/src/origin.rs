//! Which pages may connect: a browser lets every page open a WebSocket anywhere, and says whose page it was.

/// Whether a page of this origin may connect to this host. A program names no origin, and needs none: it cannot be made to
/// connect by somebody else's page.
pub(crate) fn may_connect(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin.map(str::trim) else { return true };
    let same = |one: &str| one.trim_end_matches('/').eq_ignore_ascii_case(origin);
    allowed.iter().any(|allowed| same(allowed)) || host.is_some_and(|host| is_of(origin, host))
}

/// Whether the origin is that of the host's own pages.
fn is_of(origin: &str, host: &str) -> bool {
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
    fn pages_of_the_list_and_of_the_host_may_connect_and_programs() {
        let host = Some("127.0.0.1:8080");
        for origin in ["https://app.example", "https://APP.example", "https://b.example:8443", "http://127.0.0.1:8080"]
        {
            assert!(allowed(Some(origin), host), "{origin}");
        }
        assert!(allowed(None, host) && allowed(None, None));
    }

    #[test]
    fn pages_of_others_may_not() {
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
