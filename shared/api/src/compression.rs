//! Compressed responses: gzip, if the request's `Accept-Encoding` prefers it (RFC 9110, sections 8.4 and 12.5.3).
//!
//! There is no brotli: its dictionaries would make each function half a megabyte larger, and so start later.
//!
//! Responses are compressed here and not by the gateway, because API Gateway compresses none of an HTTP API's. Lambda
//! accepts 6 MiB of what is sent, so a compressed response may hold several times as much.

use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::problem::Problem;

/// The largest body that is sent as it is, in bytes: it fits into one packet in any case.
const MAX_PLAIN_BYTES: u64 = 1024;
/// The largest body that is compressed where it stands, in bytes. Compressing it takes less than a millisecond.
const MAX_INLINE_BYTES: usize = 64 << 10;
/// The fast level. At a function's share of a processor, stronger ones take longer than they save on the way.
const FAST: Compression = Compression::fast();
/// The level for what is compressed once and sent many times.
const THOROUGH: Compression = Compression::new(6);
/// The name of the coding in headers.
const GZIP: &str = "gzip";
/// Weights are compared in thousandths, their smallest step.
const FULL_WEIGHT: u16 = 1000;

/// The compressed form of a body that never changes. It is made when it is first requested and then kept.
///
/// A response that carries it as an extension (`Arc<CompressedForm>`) always has the same body.
#[derive(Debug, Default)]
pub struct CompressedForm(OnceLock<Bytes>);

/// Whether a client prefers gzip to the plain body, which is also the answer to a client that accepts neither.
pub(crate) fn prefers_gzip(headers: &HeaderMap) -> bool {
    let accepted = Accepted::of(headers);
    let weight = accepted.weight(GZIP);
    weight > 0 && weight >= accepted.named("identity").unwrap_or(1)
}

fn gzip(body: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body)?;
    encoder.finish()
}

/// The codings that a client accepts, in lower case, with their weights in thousandths.
struct Accepted(Vec<(String, u16)>);

impl Accepted {
    fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let members = values.flat_map(|value| value.split(','));
        Self(members.filter_map(|member| Some((coding_of(member), weight_of(member)?))).collect())
    }

    /// The weight that a coding has by its name.
    fn named(&self, name: &str) -> Option<u16> {
        self.0.iter().find(|(coding, _)| coding == name).map(|(_, weight)| *weight)
    }

    /// The weight of a coding; `*` stands for all that are not named.
    fn weight(&self, name: &str) -> u16 {
        self.named(name).or_else(|| self.named("*")).unwrap_or(0)
    }
}

fn coding_of(member: &str) -> String {
    let coding = member.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // RFC 9110, section 8.4.1.3: an old name of the same coding.
    if coding == "x-gzip" { GZIP.to_owned() } else { coding }
}

/// The weight of a member, 1 unless it has one: at most three decimals from 0 to 1. `None` for another.
fn weight_of(member: &str) -> Option<u16> {
    let Some((_, parameter)) = member.split_once(';') else { return Some(FULL_WEIGHT) };
    let (name, weight) = parameter.split_once('=')?;
    let (whole, decimals) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let is_decimal = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !name.trim().eq_ignore_ascii_case("q") || !is_decimal {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

/// The response with its body compressed, if it is worth it. `Vary` is set on everything that may be compressed.
pub(crate) async fn compress(mut response: Response, prefers_gzip: bool) -> Response {
    if !is_compressible(&response) {
        return response;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    if !response.headers().get_all(header::VARY).iter().any(|value| value == vary) {
        response.headers_mut().append(header::VARY, vary);
    }
    if !prefers_gzip {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        tracing::error!("the body of a response could not be read");
        return Problem::internal().into_response();
    };
    let form = parts.extensions.get::<Arc<CompressedForm>>();
    match compress_body(body.clone(), form).await {
        Ok(compressed) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(GZIP));
            parts.headers.remove(header::CONTENT_LENGTH);
            weaken_etag(&mut parts.headers);
            Response::from_parts(parts, Body::from(compressed))
        }
        Err(error) => {
            tracing::error!(%error, "a response could not be compressed");
            Response::from_parts(parts, Body::from(body))
        }
    }
}

/// The compressed body, from its kept form if it has one.
async fn compress_body(body: Bytes, form: Option<&Arc<CompressedForm>>) -> io::Result<Bytes> {
    let Some(CompressedForm(kept)) = form.map(Arc::as_ref) else { return compress_anew(body, FAST).await };
    if let Some(compressed) = kept.get() {
        return Ok(compressed.clone());
    }
    let compressed = compress_anew(body, THOROUGH).await?;
    Ok(kept.get_or_init(|| compressed).clone())
}

async fn compress_anew(body: Bytes, level: Compression) -> io::Result<Bytes> {
    let is_small = body.len() <= MAX_INLINE_BYTES;
    let compress = move || gzip(&body, level).map(Bytes::from);
    if is_small { compress() } else { tokio::task::spawn_blocking(compress).await? }
}

/// Whether a body is text, of a size that makes compressing it worthwhile. A PDF or an image has been compressed
/// already, except for SVG.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = essence.starts_with("text/")
        || ["json", "xml", "javascript"].iter().any(|format| essence.ends_with(&format!("/{format}")))
        || ["+json", "+xml"].iter().any(|suffix| essence.ends_with(suffix));
    let bytes = response.body().size_hint();
    is_text && !headers.contains_key(header::CONTENT_ENCODING) && bytes.exact().unwrap_or(u64::MAX) > MAX_PLAIN_BYTES
}

/// A strong tag names the bytes that are sent (RFC 9110, section 8.8.3.3), and those differ by coding. The weak one says
/// that the content is the same.
fn weaken_etag(headers: &mut HeaderMap) {
    let strong = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
    if let Some(weak) = strong.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_client_gets_gzip_unless_it_prefers_the_plain_body() {
        for (lines, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["identity"], false),
            (&["br, deflate"], false),
            (&["gzip, deflate, br, zstd"], true),
            (&["X-GZIP"], true),
            (&["BR;Q=0.5, gzip ; q=0.501"], true),
            (&["br;q=0, gzip;q=0.001"], true),
            (&["br;q=0", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["gzip;q=0.5, identity"], false),
            (&["gzip, identity;q=0.5"], true),
            (&["identity;q=0"], false),
            (&["gzip;q=1.001"], false),
            (&["gzip;q=0.0001"], false),
            (&["gzip;level=9"], false),
            (&["gzip;q=1.000"], true),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(prefers_gzip(&headers), expected, "{lines:?}");
        }
    }

    fn response(media_type: &'static str, body: &[u8]) -> Response {
        let headers = [(header::CONTENT_TYPE, media_type), (header::ETAG, "\"7\"")];
        (headers, body.to_vec()).into_response()
    }

    async fn sent(response: Response) -> (HeaderMap, Vec<u8>) {
        let (parts, body) = response.into_parts();
        (parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn what_is_decompressed_is_what_was_to_be_sent() {
        // Above and below the size at which another thread compresses.
        for length in [1025, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 3 << 20] {
            let body: Vec<u8> = (0..length).map(|place| b"0123456789,\""[place * place % 12]).collect();
            let (headers, compressed) = sent(compress(response("application/json", &body), true).await).await;
            assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
            assert_eq!(
                (&headers[header::VARY], &headers[header::ETAG]),
                (&"accept-encoding".parse().unwrap(), &"W/\"7\"".parse().unwrap())
            );
            let mut plain = Vec::new();
            GzDecoder::new(compressed.as_slice()).read_to_end(&mut plain).unwrap();
            assert!(plain == body && compressed.len() < body.len(), "{length}: {}", compressed.len());
        }
    }

    #[tokio::test]
    async fn a_body_that_never_changes_is_compressed_once() {
        let form = Arc::new(CompressedForm::default());
        let body: Vec<u8> = (0..100_000).map(|place| b"0123456789,\""[place * place % 12]).collect();
        let answer = async |prefers_gzip| {
            let mut response = response("application/json", &body);
            response.extensions_mut().insert(form.clone());
            sent(compress(response, prefers_gzip).await).await.1
        };
        assert!(form.0.get().is_none(), "before it is requested");
        let first = answer(true).await;
        let kept = form.0.get().unwrap().clone();
        assert_eq!(answer(true).await, first);
        // The same allocation: the encoder did not run again.
        assert!(kept == first && form.0.get().unwrap().as_ptr() == kept.as_ptr());
        assert_eq!(answer(false).await, body);
    }

    #[tokio::test]
    async fn only_text_of_more_than_a_kibibyte_is_compressed() {
        let (short, long) = ([b'x'; 1024], [b'x'; 1025]);
        for (media_type, body, varies) in [
            ("application/json", &long[..], true),
            ("application/json", &short[..], false),
            ("application/problem+json", &long[..], true),
            ("text/csv; charset=utf-8", &long[..], true),
            ("IMAGE/SVG+XML", &long[..], true),
            ("image/png", &long[..], false),
            ("application/pdf", &long[..], false),
            ("application/octet-stream", &long[..], false),
            ("", &long[..], false),
        ] {
            let (headers, _) = sent(compress(response(media_type, body), true).await).await;
            assert_eq!(headers.contains_key(header::CONTENT_ENCODING), varies, "{media_type} of {}", body.len());
            let (headers, plain) = sent(compress(response(media_type, body), false).await).await;
            assert_eq!(headers.contains_key(header::VARY), varies, "{media_type} of {}", body.len());
            assert!(plain == body && headers[header::ETAG] == "\"7\"", "the plain body has its strong tag");
        }
    }

    #[tokio::test]
    async fn what_is_encoded_already_is_not_encoded_again() {
        let mut encoded = response("application/json", &[b'x'; 2000]);
        encoded.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let (_, body) = sent(compress(encoded, true).await).await;
        assert_eq!(body, [b'x'; 2000]);
    }
}
