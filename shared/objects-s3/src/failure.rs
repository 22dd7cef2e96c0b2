//! Failed calls of S3: retryable or not.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use objects::ObjectError;

/// Codes of throttling whose status does not show it.
const RETRYABLE_CODES: [&str; 4] = ["SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"];

/// The failure of a call, after the client's own attempts.
pub(crate) fn of_call<E>(error: SdkError<E, HttpResponse>) -> ObjectError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let retryable = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refusal) => is_worth_repeating(refusal.raw().status().as_u16(), refusal.err().code()),
        _ => false,
    };
    if retryable { ObjectError::Unavailable(Box::new(error)) } else { ObjectError::Failed(Box::new(error)) }
}

fn is_worth_repeating(status: u16, code: Option<&str>) -> bool {
    status == 429 || status >= 500 || code.is_some_and(|code| RETRYABLE_CODES.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttles_and_server_errors_are_worth_repeating_and_refusals_are_not() {
        let table = [
            (503, Some("SlowDown"), true),
            (500, None, true),
            (429, None, true),
            (400, Some("RequestTimeout"), true),
            (400, Some("InvalidArgument"), false),
            (403, Some("AccessDenied"), false),
            (404, Some("NoSuchBucket"), false),
        ];
        for (status, code, expected) in table {
            assert_eq!(is_worth_repeating(status, code), expected, "{status} {code:?}");
        }
    }
}
