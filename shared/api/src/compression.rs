//! Compressed responses: brotli or gzip, as the request's `Accept-Encoding` says (RFC 9110, sections 8.4 and 12.5.3).
//!
//! Responses are compressed here and not by the gateway, because API Gateway compresses none of an HTTP API's. Lambda
//! accepts 6 MiB of what is sent, so a compressed response may hold several times as much.

use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::problem::Problem;

/// The largest body that is sent as it is, in bytes: it fits into one packet in any case.
const MAX_PLAIN_BYTES: u64 = 1024;
/// The largest body that is compressed where it stands, in bytes. Compressing it takes less than a millisecond.
const MAX_INLINE_BYTES: usize = 64 << 10;
/// The fast levels. At a function's share of a processor, stronger ones take longer than they save on the way.
const FAST: Effort = Effort { brotli: 1, gzip: Compression::fast() };
/// Levels for what is compressed once and sent many times.
const THOROUGH: Effort = Effort { brotli: 5, gzip: Compression::new(6) };
/// Weights are compared in thousandths, their smallest step.
const FULL_WEIGHT: u16 = 1000;

/// How hard an encoder tries: levels of brotli and of gzip.
#[derive(Clone, Copy)]
struct Effort {
    brotli: i32,
    gzip: Compression,
}

/// The compressed forms of a body that never changes. Each is made when it is first requested and then kept.
///
/// A response that carries it as an extension (`Arc<CompressedForms>`) always has the same body.
#[derive(Debug, Default)]
pub struct CompressedForms {
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl CompressedForms {
    fn of(&self, coding: Coding) -> &OnceLock<Bytes> {
        match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        }
    }
}

/// A content coding of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// Every coding; of two that are equally welcome, the first is used.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The coding that a client prefers; `None` for the plain body, which is also the answer to a client that accepts
    /// nothing that there is.
    pub(crate) fn accepted_by(headers: &HeaderMap) -> Option<Self> {
        let accepted = Accepted::of(headers);
        let plain = accepted.named("identity").unwrap_or(1);
        let weighed = Self::ALL.map(|coding| (coding, accepted.weight(coding.name())));
        let welcome = weighed.into_iter().filter(|(_, weight)| *weight > 0 && *weight >= plain);
        // The first of several with the highest weight, and `max_by_key` finds the last.
        welcome.rev().max_by_key(|(_, weight)| *weight).map(|(coding, _)| coding)
    }

    fn compress(self, body: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        let mut compressed = Vec::with_capacity(body.len() / 4);
        match self {
            Self::Brotli => {
                let quality = effort.brotli;
                let parameters =
                    BrotliEncoderParams { quality, size_hint: body.len(), ..BrotliEncoderParams::default() };
                brotli::BrotliCompress(&mut io::Cursor::new(body), &mut compressed, &parameters)?;
                Ok(compressed)
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(compressed, effort.gzip);
                encoder.write_all(body)?;
                encoder.finish()
            }
        }
    }
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
    if coding == "x-gzip" { "gzip".to_owned() } else { coding }
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
pub(crate) async fn compress(mut response: Response, coding: Option<Coding>) -> Response {
    if !is_compressible(&response) {
        return response;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    if !response.headers().get_all(header::VARY).iter().any(|value| value == vary) {
        response.headers_mut().append(header::VARY, vary);
    }
    let Some(coding) = coding else { return response };
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        tracing::error!("the body of a response could not be read");
        return Problem::internal().into_response();
    };
    let forms = parts.extensions.get::<Arc<CompressedForms>>();
    match compress_body(body.clone(), coding, forms).await {
        Ok(compressed) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            parts.headers.remove(header::CONTENT_LENGTH);
            weaken_etag(&mut parts.headers);
            Response::from_parts(parts, Body::from(compressed))
        }
        Err(error) => {
            tracing::error!(%error, coding = coding.name(), "a response could not be compressed");
            Response::from_parts(parts, Body::from(body))
        }
    }
}

/// The body in this coding, from its kept forms if it has some.
async fn compress_body(body: Bytes, coding: Coding, forms: Option<&Arc<CompressedForms>>) -> io::Result<Bytes> {
    let Some(kept) = forms.map(|forms| forms.of(coding)) else { return compress_anew(body, coding, FAST).await };
    if let Some(compressed) = kept.get() {
        return Ok(compressed.clone());
    }
    let compressed = compress_anew(body, coding, THOROUGH).await?;
    Ok(kept.get_or_init(|| compressed).clone())
}

async fn compress_anew(body: Bytes, coding: Coding, effort: Effort) -> io::Result<Bytes> {
    let is_small = body.len() <= MAX_INLINE_BYTES;
    let compress = move || coding.compress(&body, effort).map(Bytes::from);
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

    fn accepted(lines: &[&'static str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        Coding::accepted_by(&headers)
    }

    #[test]
    fn a_client_gets_the_coding_that_it_weighs_highest() {
        let (br, gzip) = (Some(Coding::Brotli), Some(Coding::Gzip));
        for (lines, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["zstd, deflate"], None),
            (&["gzip, deflate, br, zstd"], br),
            (&["gzip"], gzip),
            (&["X-GZIP"], gzip),
            (&["BR;Q=0.5, gzip ; q=0.501"], gzip),
            (&["br;q=0, gzip;q=0.001"], gzip),
            (&["br;q=0", "gzip"], gzip),
            (&["gzip;q=0"], None),
            (&["*"], br),
            (&["*;q=0"], None),
            (&["br;q=0, *"], gzip),
            (&["gzip;q=0.5, identity"], None),
            (&["gzip, identity;q=0.5"], gzip),
            (&["identity;q=0"], None),
            (&["identity;q=0, br"], br),
            (&["br;q=1.001, gzip;q=0.3"], gzip),
            (&["br;q=0.0001, gzip;level=9"], None),
            (&["br;q=1.000"], br),
        ] {
            assert_eq!(accepted(lines), coding, "{lines:?}");
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
            for coding in Coding::ALL {
                let (headers, compressed) =
                    sent(compress(response("application/json", &body), Some(coding)).await).await;
                assert_eq!(headers[header::CONTENT_ENCODING], coding.name());
                assert_eq!(
                    (&headers[header::VARY], &headers[header::ETAG]),
                    (&"accept-encoding".parse().unwrap(), &"W/\"7\"".parse().unwrap())
                );
                let mut plain = Vec::new();
                match coding {
                    Coding::Brotli => brotli::BrotliDecompress(&mut compressed.as_slice(), &mut plain),
                    Coding::Gzip => GzDecoder::new(compressed.as_slice()).read_to_end(&mut plain).map(drop),
                }
                .unwrap();
                assert!(plain == body && compressed.len() < body.len(), "{coding:?} of {length}: {}", compressed.len());
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_never_changes_is_compressed_once_in_each_coding() {
        let forms = Arc::new(CompressedForms::default());
        let body: Vec<u8> = (0..100_000).map(|place| b"0123456789,\""[place * place % 12]).collect();
        let answer = async |coding| {
            let mut response = response("application/json", &body);
            response.extensions_mut().insert(forms.clone());
            sent(compress(response, coding).await).await.1
        };
        for coding in Coding::ALL {
            assert!(forms.of(coding).get().is_none(), "{coding:?} before it is requested");
            let first = answer(Some(coding)).await;
            let kept = forms.of(coding).get().unwrap().clone();
            assert_eq!(answer(Some(coding)).await, first);
            // The same allocation: the encoder did not run again.
            assert!(kept == first && forms.of(coding).get().unwrap().as_ptr() == kept.as_ptr());
        }
        assert_eq!(answer(None).await, body);
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
            let (headers, _) = sent(compress(response(media_type, body), Some(Coding::Gzip)).await).await;
            assert_eq!(headers.contains_key(header::CONTENT_ENCODING), varies, "{media_type} of {}", body.len());
            let (headers, plain) = sent(compress(response(media_type, body), None).await).await;
            assert_eq!(headers.contains_key(header::VARY), varies, "{media_type} of {}", body.len());
            assert!(plain == body && headers[header::ETAG] == "\"7\"", "the plain body has its strong tag");
        }
    }

    #[tokio::test]
    async fn what_is_encoded_already_is_not_encoded_again() {
        let mut encoded = response("application/json", &[b'x'; 2000]);
        encoded.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let (_, body) = sent(compress(encoded, Some(Coding::Brotli)).await).await;
        assert_eq!(body, [b'x'; 2000]);
    }
}
