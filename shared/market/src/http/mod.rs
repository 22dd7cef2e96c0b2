//! Asking a provider over HTTP: one client for all of them.
//!
//! Pacing, the quota, deadlines, sizes, retries and the breaker are the same for everybody and stand here;
//! what an answer means stands with its provider.

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
pub use quota::{NoTurn, Quota, QuotaExhausted, Standing};

pub(crate) use address::Address;
pub(crate) use client::{Client, Request, Site};
pub(crate) use refusal::Refusal;
