//! The template's WebSocket API on one machine, as API Gateway provides it between a client and the function `live`.
//!
//! A handshake becomes a CONNECT event ([`handshake`]), and the function accepts or refuses the connection. The
//! client's messages become MESSAGE events, and its end a DISCONNECT event ([`session`], [`event`]). Functions reach
//! the client by the connection's id ([`connections`]); during a replay their messages are marked
//! ([`marked_as_replay`]). The limits are API Gateway's, except the rate of a client's frames, which is our own
//! ([`rate_limiter`]).

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
    /// The function for its events.
    pub function: EventFunction,
    /// The open connections.
    pub connections: Arc<Connections>,
}

#[cfg(test)]
mod tests;
