//! The home page, the API reference and its files, and the API document.

use std::sync::LazyLock;
use std::time::Duration;

use api::{Problem, ProblemCode};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoResponses, ToSchema};

use crate::documented_routes::OPENAPI_JSON;
use crate::public_file::PublicFile;
use crate::reference;

/// The document changes with a deployment only, and it is the largest public file.
const DOCUMENT_MAX_AGE: Duration = Duration::from_hours(24);

static HOME_PAGE: LazyLock<PublicFile> = LazyLock::new(|| PublicFile::page(include_str!("../assets/home.html")));
static REFERENCE: LazyLock<PublicFile> = LazyLock::new(|| PublicFile::page(reference::page(OPENAPI_JSON)));
static OPENAPI_DOCUMENT: LazyLock<PublicFile> =
    LazyLock::new(|| PublicFile::new("application/json", OPENAPI_JSON).kept_for(DOCUMENT_MAX_AGE));
static ICON: LazyLock<PublicFile> =
    LazyLock::new(|| PublicFile::new("image/svg+xml", include_str!("../assets/icon.svg")));
static README: LazyLock<PublicFile> =
    LazyLock::new(|| PublicFile::new("text/plain; charset=utf-8", include_str!("../../../README.md")));
static STYLE: LazyLock<PublicFile> =
    LazyLock::new(|| PublicFile::new("text/css; charset=utf-8", include_str!("../assets/style.css")));

/// The response to a client that has the content already.
#[derive(IntoResponses)]
#[response(
    status = 304,
    description = "The client already has the content that `If-None-Match` names",
    headers(("ETag" = String, description = "Identifies the content, for `If-None-Match`."))
)]
struct NotModified;

/// A file beside the API reference.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub(crate) enum ReferenceFile {
    /// The icon of the pages.
    #[serde(rename = "icon.svg")]
    Icon,
    /// How to run, test and deploy the platform.
    #[serde(rename = "README.md")]
    Readme,
    /// The style sheet of the pages.
    #[serde(rename = "style.css")]
    Style,
}

/// Shows what the platform is, with links to the API reference and the document.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "home_page",
    tag = "health",
    responses(
        (status = 200, description = "The home page", body = String, content_type = "text/html", headers(("ETag" = String, description = "Identifies the content, for `If-None-Match`."))),
        NotModified,
    ),
    security(())
)]
pub(crate) async fn send_home_page(headers: HeaderMap) -> Response {
    HOME_PAGE.answer(&headers)
}

/// Shows the API reference: this document as a page for people.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "reference",
    tag = "health",
    responses(
        (status = 200, description = "The API reference", body = String, content_type = "text/html", headers(("ETag" = String, description = "Identifies the content, for `If-None-Match`."))),
        NotModified,
    ),
    security(())
)]
pub(crate) async fn send_reference(headers: HeaderMap) -> Response {
    REFERENCE.answer(&headers)
}

/// Sends a file of the home page or the API reference.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "reference_file",
    tag = "health",
    params(("file" = inline(ReferenceFile), Path, description = "Name of the file")),
    responses(
        (status = 200, description = "The content of the file", content((String = "text/css"), (String = "text/plain"), (String = "image/svg+xml")), headers(("ETag" = String, description = "Identifies the content, for `If-None-Match`."))),
        NotModified,
        (status = 404, description = "There is no such file"),
    ),
    security(())
)]
pub(crate) async fn send_file(
    headers: HeaderMap,
    file: Result<Path<ReferenceFile>, PathRejection>,
) -> Result<Response, Problem> {
    let Ok(Path(file)) = file else {
        return Err(Problem::new(ProblemCode::RouteNotFound, "The route does not exist. GET /docs has the reference."));
    };
    let file = match file {
        ReferenceFile::Icon => &ICON,
        ReferenceFile::Readme => &README,
        ReferenceFile::Style => &STYLE,
    };
    Ok(file.answer(&headers))
}

/// Sends this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi_document",
    tag = "health",
    responses(
        (status = 200, description = "The OpenAPI document", content_type = "application/json", headers(("ETag" = String, description = "Identifies the content, for `If-None-Match`."))),
        NotModified,
    ),
    security(())
)]
pub(crate) async fn send_openapi_document(headers: HeaderMap) -> Response {
    OPENAPI_DOCUMENT.answer(&headers)
}
