//! What customers are notified of: live quotes, alerts that fire, and the list of what they watch.
//!
//! [`live`] has the conversation with WebSocket clients and publishes new quotes to them; [`alerts`] evaluates the
//! rules that customers have set, fires each once, and delivers it live and by e-mail; [`watchlist`] keeps what is
//! watched.
//!
//! It reaches connections and e-mail through the traits `Push` and `Mail` of `app`, and prices through `market_data`.
//! It knows no portfolios and no HTTP.
//!
//! - A connection lasts no longer than the session that opened it, and is asked about on every publication.
//! - A subscriber gets a snapshot first and updates after it; an update may come twice, and none is lost between the
//!   two.
//! - An alert that has fired is stored before it is delivered, so that a delivery that is cut short is taken up again.
//! - A client that takes no messages holds up no other: its connection is ended.

pub mod alerts;
pub mod live;
pub mod watchlist;
