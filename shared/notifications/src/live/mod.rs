//! Live quotes: connections, their subscriptions, and publishing to them.
//!
//! A client opens a connection with a one-time ticket (`tickets.rs`). The connection is stored as an item, with an
//! index item in the partition of its customer (`connections.rs`). `messages.rs` parses its messages and
//! `conversation.rs` handles them. `subscriptions.rs` lists it under every symbol that it subscribes to.
//! `publishing.rs` sends new quotes, in the messages that `outgoing.rs` makes of them, and `closing.rs` closes connections whose session has ended.
//!
//! A subscriber gets a snapshot first and updates after it. Nothing is lost between the two, but a quote may arrive
//! twice or late. Clients must ignore a `seq` that is not above the last one of the symbol. What was published is not
//! stored for each symbol: that would cost one write per quote, and clients need the rule all the same, because
//! events are delivered at least once and in no order.

mod closing;
mod connections;
mod conversation;
mod delivery;
mod messages;
mod outgoing;
mod publishing;
mod rate_limiter;
mod snapshot;
mod subscriptions;
mod tickets;

pub use closing::{close_all, close_session};
pub use connections::delete;
pub use conversation::{MAX_FRAME_BYTES, connect, disconnect, receive};
pub use publishing::{CustomerDelivery, Published, QUOTES_TIME, publish, publish_again, publish_to_customer};
pub use tickets::{LiveTicket, issue_ticket};

use chrono::TimeDelta;

/// Most symbols that one connection may subscribe to.
pub const MAX_SYMBOLS: usize = 100;
/// Most open connections of a customer.
pub const MAX_CONNECTIONS: usize = 20;
/// The items of a connection expire after this time. API Gateway closes every connection after two hours.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(130);
