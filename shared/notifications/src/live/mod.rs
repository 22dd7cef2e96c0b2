//! Live rates: who is connected, what they hear of, and telling them.
//!
//! A connection is opened with a one-time ticket (`tickets.rs`) and lives as an item with a mirror among what is its
//! customer's (`connections.rs`). What it says is parsed by `messages.rs` and acted on by `conversation.rs`;
//! `subscriptions.rs` lists it under every symbol that it hears of. New quotes go out through `publishing.rs`, and
//! `closing.rs` ends connections whose session has ended.
//!
//! A subscriber gets a snapshot first and updates after it. Between the two nothing is lost, but a quote can come twice
//! or late: the rule for clients is to ignore a `seq` that is not above the last one of the symbol. What was published is
//! not remembered for each symbol: it would cost a write a quote, and the rule is needed all the same, because events are
//! delivered at least once and in no order.

mod closing;
mod connections;
mod conversation;
mod delivery;
mod flood;
mod messages;
mod publishing;
mod snapshot;
mod subscriptions;
mod tickets;

pub use closing::{close_all, close_session};
pub use connections::forget;
pub use conversation::{MAX_FRAME_BYTES, connect, disconnect, receive};
pub use publishing::{Published, Told, publish, publish_to_customer};
pub use tickets::{LiveTicket, issue_ticket};

use chrono::TimeDelta;

/// Most symbols that one connection hears of.
pub const MAX_SYMBOLS: usize = 100;
/// Most connections that a customer has at the same time.
pub const MAX_CONNECTIONS: usize = 20;
/// What is kept of a connection counts as absent after this: API Gateway ends every connection after two hours.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(130);
