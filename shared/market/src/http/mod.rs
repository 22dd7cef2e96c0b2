//! Calling providers over HTTP, with one client for all of them.
//!
//! Pacing, quota, deadlines, sizes, retries and the circuit breaker are the same for all providers and are here. Each
//! provider interprets its own responses.

mod address;
mod breaker;
mod client;
mod limits;
mod pace;
mod quota;
mod refusal;
mod retry_after;

pub use address::SettingsError;
pub use limits::Limits;
pub use quota::{NoPermit, Quota, QuotaExhausted, QuotaState};

pub(crate) use address::Address;
pub(crate) use client::{ApiKey, Client, KEY_PLACEHOLDER, KeyPlace, NotFound, Request, Site};
pub(crate) use refusal::Refusal;
