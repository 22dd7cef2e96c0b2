//! A file as a response: itself, or a redirect to its link.

use api::Problem;
use app::ServiceError;
use app::exports::{Download, File};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The file as an attachment; if it is too long for a response, a redirect to its link, which the body has as well.
pub(crate) fn respond(download: Download) -> Result<Response, Problem> {
    match download {
        Download::Whole(file) => {
            let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", file.full_name()));
            let disposition = disposition.map_err(|error| ServiceError::fault("the name of a file", error))?;
            let File { format, bytes, .. } = file;
            let media_type = HeaderValue::from_static(format.media_type());
            Ok(([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, disposition)], bytes)
                .into_response())
        }
        Download::Linked(link) => {
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, link.url.clone())], axum::Json(link)).into_response())
        }
    }
}
