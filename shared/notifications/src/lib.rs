//! What customers are notified of: live rates, alerts that fire, and the list of what they watch.
//!
//! [`live`] has the conversation with WebSocket clients and publishes new quotes to them; [`alerts`] evaluates the rules
//! that customers have set, fires each once, and delivers it live and by e-mail; [`watchlist`] keeps what is watched.
//!
//! Connections and e-mail are reached through the traits `Push` and `Mail` of `app`. A connection lasts no longer
//! than the session that opened it, and is asked about on every publication. An alert that has fired is stored before it is
//! delivered, so that a delivery that is cut short is taken up again.
//!
//! It knows no portfolios and no HTTP.

pub mod alerts;
pub mod live;
pub mod watchlist;
