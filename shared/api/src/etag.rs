//! Versions of objects in headers: `ETag: "7"` on reads, `If-Match: "7"` on changes (RFC 9110, sections 8.8.3 and
//! 13.1.1). Public files have an `ETag` too, which caches send as `If-None-Match` (section 13.1.2).

use app::Precondition;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::problem::Problem;
use crate::problem_code::ProblemCode;

/// The most versions in one `If-Match`.
const MAX_TAGS: usize = 20;

/// The `ETag` header of an object at this version.
#[must_use]
pub fn etag(version: u64) -> [(HeaderName, HeaderValue); 1] {
    // Digits in quotes are always a valid header value.
    let value = HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
    [(header::ETAG, value)]
}

/// Whether the client already has the content with this `ETag`, by its `If-None-Match`. The comparison is weak, so that
/// it holds for the content in any coding.
#[must_use]
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag))
}

/// The `If-Match` header of a change. It is checked after the object is read, so that a missing object is a 404
/// whatever the header contains.
#[derive(Debug)]
pub struct IfMatch(pub Precondition);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(Precondition::None));
        };
        let parsed = value.to_str().ok().and_then(parse);
        parsed.map(Self).ok_or_else(|| {
            let detail = "If-Match must be the ETag of the object, with its quotes, or *.";
            Problem::new(ProblemCode::InvalidIfMatch, detail)
        })
    }
}

fn parse(text: &str) -> Option<Precondition> {
    if text.trim() == "*" {
        return Some(Precondition::Any);
    }
    let mut versions = Vec::new();
    for (count, tag) in text.split(',').enumerate() {
        let tag = tag.trim();
        let opaque = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
        if count >= MAX_TAGS || opaque.contains('"') {
            return None;
        }
        // Another tag than a version is well-formed and matches nothing.
        versions.extend(opaque.parse::<u64>().ok().filter(|version| version.to_string() == opaque));
    }
    Some(Precondition::OneOf(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_and_weak_tags_lists_and_the_star_are_read() {
        assert_eq!(parse("\"7\""), Some(Precondition::OneOf(vec![7])));
        assert_eq!(parse("W/\"7\""), Some(Precondition::OneOf(vec![7])));
        assert_eq!(parse("\"7\", W/\"8\""), Some(Precondition::OneOf(vec![7, 8])));
        assert_eq!(parse(" * "), Some(Precondition::Any));
    }

    #[test]
    fn content_is_known_by_a_tag_in_any_form_or_the_star() {
        for (lines, known) in [
            (&["\"a\""][..], true),
            (&["W/\"a\""], true),
            (&["\"b\", W/\"a\""], true),
            (&["\"b\"", "\"a\""], true),
            (&[" * "], true),
            (&["a"], false),
            (&["\"A\""], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(is_known(&headers, "\"a\""), known, "{lines:?}");
        }
    }

    #[test]
    fn an_unknown_tag_matches_nothing_and_a_malformed_one_is_refused() {
        for text in ["\"abc\"", "\"\"", "\"07\"", "\"-1\"", "\"99999999999999999999\""] {
            assert_eq!(parse(text), Some(Precondition::OneOf(Vec::new())), "{text}");
        }
        for text in ["7", "", "\"7", "7\"", "\"7\" \"8\"", "\"7\",", "*, \"7\""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
