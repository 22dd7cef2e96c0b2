//! Who somebody is: customers, their passwords, and the sessions that speak for them.

pub mod accounts;
mod administrators;
pub(crate) mod advice;
pub mod attempts;
pub mod audit;
pub mod authorization;
mod belongings;
pub mod erasure;
pub mod export;
pub mod hasher;
pub mod password;
pub mod password_reset;
pub mod profile;
pub mod registration;
pub mod search;
pub mod sessions;
pub mod source_limits;
pub(crate) mod tokens;

pub use profile::{Customer, Profile};
