//! Notifications of customers: live quotes and alerts, and the watchlist.
//!
//! [`live`] handles the messages of WebSocket clients and publishes new quotes to them. [`alerts`] evaluates the alerts of
//! customers on new quotes, fires them at most once per market day, and delivers the firings over the WebSocket and by
//! e-mail. [`watchlist`] stores watched symbols.
//!
//! It reaches connections and e-mail through the traits `Push` and `Mail` of `app`, and prices through `market_data`. It
//! depends on no portfolios and no HTTP.
//!
//! - A connection lasts no longer than the session that opened it; the session is checked on every publication.
//! - A subscriber first gets a snapshot and then updates. An update may arrive twice, and none is lost in between.
//! - A firing is stored before it is delivered, so that an interrupted delivery is continued.
//! - A client that does not read its messages does not hold up others: its connection is closed.

pub mod alerts;
pub mod live;
pub mod watchlist;
