//! Which version of an object a change was meant for.

use crate::error::ServiceError;

/// What the one who changes an object says of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// Whatever the version.
    Any,
    /// One of these versions.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Holds a change to the version it was made for.
    ///
    /// Errors: [`ServiceError::PreconditionRequired`] where nothing is said, [`ServiceError::PreconditionFailed`] where
    /// the object has moved on.
    pub fn require(&self, version: u64) -> Result<(), ServiceError> {
        match self {
            Self::None => Err(ServiceError::PreconditionRequired),
            other => other.allow(version),
        }
    }

    /// Like [`Precondition::require`], for what may also be done without a word.
    pub fn allow(&self, version: u64) -> Result<(), ServiceError> {
        match self {
            Self::OneOf(versions) if !versions.contains(&version) => {
                Err(ServiceError::PreconditionFailed { current: version })
            }
            _ => Ok(()),
        }
    }
}
