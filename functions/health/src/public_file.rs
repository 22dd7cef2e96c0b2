//! Files that everyone may read and every cache may keep.

use std::sync::Arc;
use std::time::Duration;

use api::compression::CompressedForm;
use api::etag::is_known;
use app::digest::sha256_hex;
use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// How long a cache may use a file without asking for it again, unless the file says otherwise. The files of a page are
/// renewed together.
const MAX_AGE: Duration = Duration::from_mins(5);
/// Nothing but style sheets and images of this platform: no script, no frame, no form, nothing from another host.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The length of a tag in hexadecimal digits of the hash.
const TAG_DIGITS: usize = 32;
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

/// A public file.
pub(crate) struct PublicFile {
    media_type: &'static str,
    content: Bytes,
    /// A strong tag: the hash of the content.
    etag: HeaderValue,
    cache_control: HeaderValue,
    compressed: Arc<CompressedForm>,
}

impl PublicFile {
    pub(crate) fn new(media_type: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let tag: String = sha256_hex(&[&content]).chars().take(TAG_DIGITS).collect();
        // Digits in quotes are always a valid header value.
        let etag = HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
        Self { media_type, content, etag, cache_control: cache_control(MAX_AGE), compressed: Arc::default() }
    }

    /// The file with this time for which a cache may use it without asking again.
    pub(crate) fn kept_for(self, max_age: Duration) -> Self {
        Self { cache_control: cache_control(max_age), ..self }
    }

    /// A page in HTML.
    pub(crate) fn page(html: impl Into<Bytes>) -> Self {
        Self::new("text/html; charset=utf-8", html)
    }

    /// The file, or 304 if the client has it already.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let headers = [
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, self.cache_control.clone()),
            // Of a 304 too, for which the middleware sees no text that it could compress.
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if self.etag.to_str().is_ok_and(|etag| is_known(request, etag)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let of_content = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type)),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ];
        (headers, of_content, Extension(self.compressed.clone()), self.content.clone()).into_response()
    }
}

fn cache_control(max_age: Duration) -> HeaderValue {
    let value = format!("public, max-age={}", max_age.as_secs());
    // Letters and digits are always a valid header value.
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("public"))
}
