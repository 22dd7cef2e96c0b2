//! The WebSocket API of the template on one machine: what API Gateway does between a client and the function `live`.
//!
//! A handshake becomes a CONNECT event ([`handshake`]); the function says whether the connection is made. What the
//! client then sends become MESSAGE events, and its end a DISCONNECT event ([`session`], [`event`]). Functions reach the
//! client by the connection's id ([`connections`]), and what they send is marked while a replay runs
//! ([`marked_as_replay`]). Limits are API Gateway's; how fast a client may send, control frames
//! included, is a limit of our own ([`flood`]).

pub mod connections;
mod event;
pub mod handshake;
mod marked_as_replay;
mod rate_limiter;
mod session;

pub use connections::Connections;
pub use marked_as_replay::MarkedAsReplay;

use std::sync::Arc;

use crate::event_function::EventFunction;

/// The live connections' API.
#[derive(Clone)]
pub struct Live {
    /// The stage, which is the path that clients connect to.
    pub stage: String,
    /// What takes its events.
    pub function: EventFunction,
    /// The connections there are.
    pub connections: Arc<Connections>,
}

#[cfg(test)]
mod tests;
