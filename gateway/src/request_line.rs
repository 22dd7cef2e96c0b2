//! Decodes and checks a request's path and query as API Gateway does, before any function sees them.

use percent_encoding::percent_decode_str;

/// A request that API Gateway answers with 400 before any function sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The path as HTTP APIs pass it on: percent-decoded, except `%25`.
///
/// Refuses a path that a function would read differently from the route that was matched. A function parses the decoded
/// path as a URL, which ends at a `?` or `#`, treats a backslash as a slash, drops control characters and resolves dot
/// segments. Also refuses a target that is not a path, such as the `*` of OPTIONS.
pub fn decode_path(path: &str) -> Result<String, Malformed> {
    check_escapes(path)?;
    // An escaped percent sign stays escaped: functions decode once more.
    let path = path.replace("%25", "%2525");
    let decoded = percent_decode_str(&path).decode_utf8().map_err(|_| Malformed)?;
    let is_read_alike = decoded.starts_with('/')
        && !decoded.contains(|c: char| c.is_control() || matches!(c, '?' | '#' | '\\'))
        && !decoded.split('/').any(is_dot_segment);
    if is_read_alike { Ok(decoded.into_owned()) } else { Err(Malformed) }
}

/// Whether URL parsers, or servers that strip parameters from a segment, read this segment as `.` or `..`.
fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    matches!(name.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Refuses a query with characters that RFC 3986 section 3.4 does not allow, which the conversion
/// into a function's request would not survive.
pub fn check_query(query: &str) -> Result<(), Malformed> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    if query.bytes().all(allowed) { check_escapes(query) } else { Err(Malformed) }
}

fn check_escapes(text: &str) -> Result<(), Malformed> {
    let escaped = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if text.split('%').skip(1).all(escaped) { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_but_for_percent_signs_and_must_be_text() {
        assert_eq!(decode_path("/a%20b/%5EGSPC/%2541").unwrap(), "/a b/^GSPC/%2541");
        assert_eq!(decode_path("/%C3%A9").unwrap(), "/é");
        for bad in ["/%", "/%4", "/%zz", "/%+1", "/%ff", "/a%00", "/a%0Ab"] {
            assert_eq!(decode_path(bad), Err(Malformed), "{bad}");
        }
    }

    #[test]
    fn a_path_that_a_function_would_read_as_another_one_is_refused() {
        for bad in [
            "*",
            "",
            "a",
            "/a%3Fb",
            "/a%23b",
            "/a%5Cb",
            "/a\\b",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/.",
            "/a/..;/b",
            "/a/.;x=1/b",
            "/a/%2e%2e%3bx",
            "/a%2f..%2fb",
        ] {
            assert_eq!(decode_path(bad), Err(Malformed), "{bad}");
        }
        for (path, decoded) in
            [("/a%2Fb", "/a/b"), ("/...", "/..."), ("/a;b", "/a;b"), ("/..a", "/..a"), ("/%252e%252e", "/%252e%252e")]
        {
            assert_eq!(decode_path(path).as_deref(), Ok(decoded), "{path}");
        }
    }

    #[test]
    fn a_query_holds_only_what_rfc_3986_allows() {
        assert_eq!(check_query("a=1&b=%20x+y;c:@/?!$'()*,-._~"), Ok(()));
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_alphanumeric() && !b"-._~!$&'()*+,;=:@/?".contains(byte))
        {
            let query = format!("a={}b", char::from(byte));
            assert_eq!(check_query(&query), Err(Malformed), "{query:?}");
        }
        for bad in ["%", "a%2", "%g0", "a=%zz"] {
            assert_eq!(check_query(bad), Err(Malformed), "{bad}");
        }
    }
}
