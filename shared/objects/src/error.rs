//! What can go wrong with objects and their links.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

/// Why an object could not be stored, read, erased or linked.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// A link was asked for with a lifetime that no engine can sign.
    #[error("the lifetime of a link must be 1 second to 7 days, not {} ms", lifetime.as_millis())]
    Lifetime {
        /// The lifetime asked for.
        lifetime: Duration,
    },
    /// The content type is no media type, or holds what a header cannot carry.
    #[error("the content type is not a media type")]
    ContentType,
    /// The object is larger than [`MAX_OBJECT_BYTES`](crate::MAX_OBJECT_BYTES).
    #[error("the object has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Links were asked for before the server knew its own address, or it was given one twice.
    #[error("the address of the links: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The engine did not respond or is throttling. The same call may succeed later.
    #[error("the object store is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The engine refused, or failed permanently.
    #[error("the object store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl ObjectError {
    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Lifetime { .. }
            | Self::ContentType
            | Self::TooLarge { .. }
            | Self::Address { .. }
            | Self::Failed(_) => false,
        }
    }
}

impl From<std::io::Error> for ObjectError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Why a link is not answered with the object.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The link has expired or was altered: 403. The two are not distinguished, since that would help a forger.
    #[error("this link is invalid or has expired")]
    Forbidden,
    /// The link is good but its object was erased: 404.
    #[error("this object no longer exists")]
    Gone,
    /// The link is good but reading failed: 500.
    #[error(transparent)]
    Store(#[from] ObjectError),
}
