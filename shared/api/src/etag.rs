//! Versions of objects in headers: `ETag: "7"` on reads, `If-Match: "7"` on changes (RFC 9110, sections 8.8.3 and
//! 13.1.1).

use app::Precondition;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};

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
    fn an_unknown_tag_matches_nothing_and_a_malformed_one_is_refused() {
        for text in ["\"abc\"", "\"\"", "\"07\"", "\"-1\"", "\"99999999999999999999\""] {
            assert_eq!(parse(text), Some(Precondition::OneOf(Vec::new())), "{text}");
        }
        for text in ["7", "", "\"7", "7\"", "\"7\" \"8\"", "\"7\",", "*, \"7\""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
