//! Maps DynamoDB's errors for the caller.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use store::StoreError;

/// The error of a failed call. Failed conditions are handled before.
pub(crate) fn failure<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(service) => match meaning(service.err().code().unwrap_or_default()) {
            Meaning::Busy => StoreError::Throttled,
            Meaning::Broken => StoreError::unavailable(error),
            Meaning::Refused => StoreError::refused(error),
        },
        SdkError::ConstructionFailure(_) => StoreError::refused(error),
        _ => StoreError::unavailable(error),
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing was done; the same call may pass in a moment.
    Busy,
    /// It is unknown whether anything was done.
    Broken,
    /// Nothing was done, and a retry will not help.
    Refused,
}

/// The meaning of an error code, whether of a call or of one write in a cancelled transaction.
pub(crate) fn meaning(code: &str) -> Meaning {
    match code {
        "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "ThrottlingException"
        | "ThrottlingError"
        | "LimitExceededException"
        // Another transaction holds the item. Whether the expectation still stands is known when it lets go.
        | "TransactionConflictException"
        | "TransactionConflict" => Meaning::Busy,
        "InternalServerError" | "InternalFailure" | "ServiceUnavailable" | "TransactionInProgressException" => {
            Meaning::Broken
        }
        _ => Meaning::Refused,
    }
}
