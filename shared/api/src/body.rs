//! Request bodies with a limited size, and strict JSON: the right content type, at most 1 MiB, no unknown or repeated
//! fields, and a pointer to each error.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::problem::{FieldError, Problem};
use crate::problem_code::ProblemCode;

/// The largest request body, in bytes, unless it is a file.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// A JSON body of type `T`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        require_one_of(request.headers(), &["application/json"])?;
        let bytes = read(request, MAX_BODY_BYTES).await?;
        parse(&bytes).map(Self)
    }
}

/// Returns the media type of the body, or an error if it is none of these.
pub fn require_one_of(headers: &HeaderMap, media_types: &[&'static str]) -> Result<&'static str, Problem> {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    let found = media_types.iter().find(|media_type| essence.as_deref() == Some(media_type));
    found.copied().ok_or_else(|| {
        let (sent, accepted) = (essence.as_deref().unwrap_or("none"), media_types.join(" or "));
        let detail = format!("The body must be sent as {accepted}. Its content type is {sent}.");
        Problem::new(ProblemCode::UnsupportedMediaType, detail)
    })
}

/// Reads the whole body. Errors: a body with more than `max_bytes`, also by its `Content-Length`.
pub async fn read(request: Request, max_bytes: usize) -> Result<Bytes, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > max_bytes as u64) {
        return Err(too_large(max_bytes));
    }
    to_bytes(request.into_body(), max_bytes).await.map_err(|_| too_large(max_bytes))
}

/// The problem of a body with more than `max_bytes`.
pub(crate) fn too_large(max_bytes: usize) -> Problem {
    let detail = format!("The body must have at most {max_bytes} bytes.");
    Problem::new(ProblemCode::BodyTooLarge, detail)
}

/// Parses JSON strictly: a syntax error is a 400, an unknown, repeated or invalid field a 422.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Syntax first: a body that is not JSON is a 400 even if a field before the error is invalid too.
    check_syntax(bytes)?;
    parse_fields(bytes)
}

/// Checks that a body is JSON.
pub(crate) fn check_syntax(bytes: &[u8]) -> Result<(), Problem> {
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map(drop)
        .map_err(|error| Problem::new(ProblemCode::MalformedJson, format!("The body is not valid JSON: {error}.")))
}

/// Parses the fields of a body that is JSON.
pub(crate) fn parse_fields<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Problem::fields(vec![FieldError::new(pointer(error.path()), message(error.inner()))]))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// The parser's message without line and column: the pointer locates the field.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct TestBody {
        #[expect(dead_code, reason = "only parsing is tested")]
        symbol: String,
        #[expect(dead_code, reason = "only parsing is tested")]
        amount: Option<crate::Exact>,
    }

    fn refusal(body: &str) -> Problem {
        parse::<TestBody>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn invalid_json_is_a_syntax_error_even_after_an_invalid_field() {
        for body in ["", "{", "{\"symbol\": 7, ", "nonsense", "{\"symbol\": \"A\"} trailing", "\u{feff}{}"] {
            let problem = refusal(body);
            assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_json"), "{body}");
        }
    }

    #[test]
    fn the_pointer_names_the_invalid_field() {
        let problem = refusal(r#"{"symbol": 7}"#);
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/symbol"));
        let problem = refusal(r#"{"symbol": "A", "amount": []}"#);
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/amount"));
    }

    #[test]
    fn unknown_and_repeated_fields_are_refused() {
        assert!(refusal(r#"{"symbol": "A", "simbol": "B"}"#).detail.contains("unknown field"));
        assert!(refusal(r#"{"symbol": "A", "symbol": "B"}"#).detail.contains("duplicate field"));
        assert!(refusal(r#"{"amount": 1}"#).detail.contains("missing field"));
    }

    #[test]
    fn deep_nesting_is_a_syntax_error_not_a_stack_overflow() {
        let problem = refusal(&"[".repeat(100_000));
        assert_eq!(problem.status, 400);
    }

    #[tokio::test]
    async fn a_body_or_content_length_above_the_limit_is_refused() {
        for (sent, announced, whole) in [
            (MAX_BODY_BYTES, None, true),
            (MAX_BODY_BYTES, Some(MAX_BODY_BYTES), true),
            (MAX_BODY_BYTES + 1, None, false),
            (0, Some(MAX_BODY_BYTES + 1), false),
        ] {
            let request = Request::builder();
            let request = announced.into_iter().fold(request, |request, bytes| request.header("content-length", bytes));
            let read = read(request.body(Body::from(vec![b' '; sent])).unwrap(), MAX_BODY_BYTES).await;
            let expected = if whole { Ok(sent) } else { Err((413, "body_too_large")) };
            assert_eq!(
                read.map(|bytes| bytes.len()).map_err(|problem| (problem.status, problem.code.as_str())),
                expected
            );
        }
    }
}
