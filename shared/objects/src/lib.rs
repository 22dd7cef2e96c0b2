//! Object storage for reports, exports and large results: bytes under a key, which clients download through signed links.
//!
//! [`Objects`] is the interface. Its engines are [`FolderObjects`] in this crate, for one machine, and `objects-s3`; both
//! pass the same suite, [`conformance`]. The crate depends only on `domain`. [`FolderObjects`] writes only below its root,
//! which only its owner can read ([`private_folder`]).
//!
//! - A link needs no other credentials: anyone who has it can read that object, under that file name, until it expires.
//! - An expired or altered link gets 403, a link to an erased object 404. No change to a link makes it reach another object.
//! - Once a put has returned, the object is durable. Every call may safely be repeated.
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
pub use folder::{FolderObjects, Served, files as folder_files, run_with_links_to};
pub use key::{ObjectKey, ObjectKeyError};
pub use link::{Link, LinkOptions, MAX_LINK_LIFETIME, MIN_LINK_LIFETIME};

/// Reads the wall clock. The composition roots pass it in, so that tests can set the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The largest object, in bytes. A report has tens of kilobytes, the export of an active customer a few megabytes. Anything
/// larger than this is a mistake, and a function would have to hold all of it in memory.
pub const MAX_OBJECT_BYTES: usize = 64 * 1024 * 1024;

/// The longest content type, in bytes.
const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// A store of whole objects. All calls may be repeated safely.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores `bytes` under `key`, replacing what was there; once it returns, they are durable.
    /// `content_type` is the media type of the download, such as `application/pdf`.
    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) -> Result<(), ObjectError>;

    /// The bytes under `key`, or `None` if there is no such object.
    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError>;

    /// Erases the object. Links to it get 404 from now on. If there is no such object, this does nothing.
    async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError>;

    /// A link that downloads the object without other credentials. It is not checked whether the object exists: a link to
    /// a missing one gets 404.
    async fn link(&self, key: &ObjectKey, options: LinkOptions) -> Result<Link, ObjectError>;
}

/// Refuses what no engine may store, so that all engines refuse the same.
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
