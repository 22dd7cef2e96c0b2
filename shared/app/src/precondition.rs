//! Conditional changes: the version of an object that a change applies to.

use crate::error::ServiceError;

/// The version that the client expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// None given.
    None,
    /// Any version.
    Any,
    /// One of these versions.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Checks a change that needs a precondition.
    ///
    /// Errors: [`ServiceError::PreconditionRequired`] if none is given, [`ServiceError::PreconditionFailed`] if the
    /// object has another version.
    pub fn require(&self, version: u64) -> Result<(), ServiceError> {
        match self {
            Self::None => Err(ServiceError::PreconditionRequired),
            other => other.allow(version),
        }
    }

    /// Like [`Precondition::require`], for a change that needs no precondition.
    pub fn allow(&self, version: u64) -> Result<(), ServiceError> {
        match self {
            Self::OneOf(versions) if !versions.contains(&version) => {
                Err(ServiceError::PreconditionFailed { current: version })
            }
            _ => Ok(()),
        }
    }
}
