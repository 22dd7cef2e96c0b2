//! Reports, exports and large results: bytes under a key, handed to people as signed links.
//!
//! [`Objects`] is the narrow interface. Its engines are [`FolderObjects`] here, for one machine, and the S3 engine in a
//! crate of its own; [`conformance`] is the one suite that both pass. The crate uses `domain` and nothing else of ours.
//! A folder is touched only below its root, and is readable by its owner alone ([`private_folder`]).
//!
//! - A link carries its own permission: the holder reads that one object, under that one file name, until it expires.
//! - Expired or altered links are refused (403), those to erased objects find nothing (404), and nothing in a link can
//!   be edited to reach another object.
//! - A put that has returned is durable; every call may be repeated safely.
//! - What one engine refuses the other refuses too ([`check_put`]).

pub mod conformance;
mod content_disposition;
mod error;
mod folder;
mod key;
mod link;
pub mod private_folder;
mod signature;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use content_disposition::attachment;
pub use error::{LinkError, ObjectError};
pub use folder::{FolderObjects, Served, run_with_links_to};
pub use key::{ObjectKey, ObjectKeyError};
pub use link::{Link, LinkOptions, MAX_LINK_LIFETIME, MIN_LINK_LIFETIME};

/// Reads the wall clock. The composition roots make it, so that tests can set the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The largest object, in bytes. A report has some tens of kilobytes, the export of a busy
/// customer a few megabytes; what is larger is a mistake, and a function would have to hold it all.
pub const MAX_OBJECT_BYTES: usize = 64 * 1024 * 1024;

/// The longest content type, in bytes.
const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// A store of whole objects. All calls may be repeated safely.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores `bytes` under `key`, replacing what was there; once it returns, they are durable.
    /// `content_type` is the media type that links answer with, such as `application/pdf`.
    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) -> Result<(), ObjectError>;

    /// The bytes under `key`, or `None` when there never were any or they were erased.
    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError>;

    /// Erases the object: links given out before answer 404 from now on. Erasing nothing is fine.
    async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError>;

    /// A link that downloads the object without any other credential. It is made without looking
    /// whether the object exists: a link to a missing one answers 404.
    async fn link(&self, key: &ObjectKey, options: LinkOptions) -> Result<Link, ObjectError>;
}

/// Refuses what no engine may store, so that both refuse the same.
///
/// Engines call it first in `put`. Errors: [`ObjectError::TooLarge`], [`ObjectError::ContentType`].
pub fn check_put(bytes: &[u8], content_type: &str) -> Result<(), ObjectError> {
    if bytes.len() > MAX_OBJECT_BYTES {
        return Err(ObjectError::TooLarge { bytes: bytes.len(), limit: MAX_OBJECT_BYTES });
    }
    // The type becomes a response header, where a line break would start another one.
    let printable = content_type.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let well_formed = content_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    if printable && well_formed && content_type.len() <= MAX_CONTENT_TYPE_BYTES {
        Ok(())
    } else {
        Err(ObjectError::ContentType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_media_types_that_fit_into_a_header_are_stored() {
        for good in ["application/pdf", "text/csv; charset=utf-8", "application/problem+json"] {
            assert!(check_put(b"x", good).is_ok(), "{good}");
        }
        let long = format!("text/{}", "x".repeat(MAX_CONTENT_TYPE_BYTES));
        for bad in ["", "pdf", "/pdf", "text/", "text/csv\r\nSet-Cookie: a=b", "text/größe", &long] {
            assert!(matches!(check_put(b"x", bad), Err(ObjectError::ContentType)), "{bad:?}");
        }
    }

    #[test]
    fn an_object_of_the_largest_size_fits_and_one_more_byte_does_not() {
        let mut bytes = vec![0; MAX_OBJECT_BYTES];
        assert!(check_put(&bytes, "text/plain").is_ok());
        bytes.push(0);
        let refused = check_put(&bytes, "text/plain");
        assert!(matches!(refused, Err(ObjectError::TooLarge { bytes, limit }) if bytes == limit + 1));
    }
}
