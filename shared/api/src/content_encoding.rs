//! The `Content-Encoding` of requests (RFC 9110, sections 8.4 and 12.5.3): none but `identity`, and gzip for files.

use std::io::{self, Read as _};

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::read::MultiGzDecoder;

use crate::body::{MAX_FILE_BYTES, read, too_large};
use crate::policy;
use crate::problem::Problem;
use crate::problem_code::ProblemCode;

const GZIP: [&str; 2] = ["gzip", "x-gzip"];

/// The codings of a request's body, in the order in which they were applied, without `identity`, which changes nothing.
fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()).collect::<Vec<_>>();
    let codings = values.iter().flat_map(|value| value.split(',')).map(str::trim);
    codings.filter(|coding| !coding.is_empty() && *coding != "identity").map(str::to_owned).collect()
}

fn is_gzip(codings: &[String]) -> bool {
    matches!(codings, [only] if GZIP.contains(&only.as_str()))
}

/// Whether a request has a body. One that is too large has a length and no content.
fn has_content(request: &Request) -> bool {
    let announced = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    announced || !request.body().is_end_stream()
}

/// The layer that refuses a body in a coding that the route does not accept.
pub(crate) async fn refuse_unsupported(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| format!("{} {}", request.method(), path.as_str()));
    let takes_gzip = route.is_some_and(|route| policy::takes_file(&route));
    let codings = if has_content(&request) { codings(request.headers()) } else { Vec::new() };
    if codings.is_empty() || (takes_gzip && is_gzip(&codings)) {
        return next.run(request).await;
    }
    let accepted = if takes_gzip { "gzip, identity" } else { "identity" };
    let detail = format!("The body has the Content-Encoding {}. This route accepts {accepted}.", codings.join(", "));
    let problem = Problem::new(ProblemCode::UnsupportedContentEncoding, detail);
    problem.with_header(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted)).into_response()
}

/// Reads a file, and decompresses it if it was sent as gzip. Errors: more than [`MAX_FILE_BYTES`] as it was sent or
/// decompressed, or broken gzip.
pub async fn read_file(request: Request) -> Result<Bytes, Problem> {
    let is_gzip = is_gzip(&codings(request.headers()));
    let sent = read(request, MAX_FILE_BYTES).await?;
    if !is_gzip {
        return Ok(sent);
    }
    let decompressed = tokio::task::spawn_blocking(move || decompress(&sent, MAX_FILE_BYTES)).await;
    let decompressed = decompressed
        .map_err(|error| {
            tracing::error!(%error, "a file could not be decompressed");
            Problem::internal()
        })?
        .map_err(|error| Problem::new(ProblemCode::MalformedFile, format!("The file is not valid gzip: {error}.")))?;
    decompressed.map(Bytes::from).ok_or_else(|| too_large(MAX_FILE_BYTES))
}

/// What gzip holds; `None` if that is more than `max_bytes`. No more than that is decompressed.
fn decompress(gzip: &[u8], max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut decompressed = Vec::new();
    MultiGzDecoder::new(gzip).take(max_bytes as u64 + 1).read_to_end(&mut decompressed)?;
    Ok(Some(decompressed).filter(|decompressed| decompressed.len() <= max_bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::post;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tower::ServiceExt as _;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn only_a_file_may_be_compressed_and_only_by_gzip() {
        const IMPORT: &str = "/portfolios/{id}/investments/import";
        let router = Router::new()
            .route("/portfolios", post(|| async {}))
            .route(IMPORT, post(|| async {}))
            .layer(axum::middleware::from_fn(refuse_unsupported));
        for (path, encoding, accepted) in [
            ("/portfolios", "", None),
            ("/portfolios", "identity", None),
            ("/portfolios", "Identity, identity", None),
            ("/portfolios", "gzip", Some("identity")),
            ("/portfolios", "identity, br", Some("identity")),
            ("/portfolios", "é", Some("identity")),
            ("/portfolios/1/investments/import", "gzip", None),
            ("/portfolios/1/investments/import", "X-Gzip", None),
            ("/portfolios/1/investments/import", "gzip, gzip", Some("gzip, identity")),
            ("/portfolios/1/investments/import", "br", Some("gzip, identity")),
        ] {
            let request = Request::post(path).header(header::CONTENT_ENCODING, encoding).body(Body::from("x")).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), if accepted.is_some() { 415 } else { 200 }, "{path} {encoding}");
            let header = response.headers().get(header::ACCEPT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!(header, accepted, "{path} {encoding}");
        }
        // There is nothing to refuse without content, and a body that is too large comes without it.
        for (length, status) in [("0", 200), ("9", 415)] {
            let request = Request::post("/portfolios").header(header::CONTENT_ENCODING, "br");
            let request = request.header(header::CONTENT_LENGTH, length).body(Body::empty()).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status, "{length}");
        }
    }

    async fn file(body: Vec<u8>) -> Result<Bytes, (u16, &'static str)> {
        let request = Request::post("/").header(header::CONTENT_ENCODING, "gzip").body(Body::from(body)).unwrap();
        read_file(request).await.map_err(|problem| (problem.status, problem.code.as_str()))
    }

    #[tokio::test]
    async fn a_file_is_decompressed_up_to_its_limit_and_no_further() {
        assert_eq!(file(gzip(b"a,b\n")).await.unwrap(), "a,b\n");
        let members = [gzip(b"a,"), gzip(b"b\n")].concat();
        assert_eq!(file(members).await.unwrap(), "a,b\n", "of two members");
        assert_eq!(file(gzip(&vec![b'x'; MAX_FILE_BYTES])).await.unwrap().len(), MAX_FILE_BYTES);
        assert_eq!(file(gzip(&vec![b'x'; MAX_FILE_BYTES + 1])).await, Err((413, "body_too_large")));
        let bomb = gzip(&vec![0; 16 << 20]);
        assert!(bomb.len() < MAX_FILE_BYTES);
        assert_eq!(file(bomb).await, Err((413, "body_too_large")));
    }

    #[tokio::test]
    async fn broken_gzip_is_a_file_that_cannot_be_read() {
        let whole = gzip(b"a,b\n");
        for broken in
            [Vec::new(), b"a,b\n".to_vec(), whole[..whole.len() - 1].to_vec(), [whole, b"x".to_vec()].concat()]
        {
            assert_eq!(file(broken.clone()).await, Err((400, "malformed_file")), "{broken:?}");
        }
    }
}
