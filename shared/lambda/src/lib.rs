//! The AWS composition root: configuration, logs, clients, and the loop that takes events.
//!
//! A function's `main` is one call, which names the engines that the function is linked with:
//!
//! ```no_run
//! fn main() -> Result<(), lambda::Error> {
//!     lambda::on_one_thread(lambda::run_http(lambda::Engines::table(), |_: app::App| axum::Router::new()))
//! }
//! ```
//!
//! Beside `store-dynamodb` and `objects-s3` it is the only crate that names AWS, and beside the gateway the only one
//! that reads the environment and the clock. It decides nothing: what it makes travels as arguments.
//!
//! - In the place of an engine that a function does not name stands one that refuses every call.
//! - Whatever can be done before the first event is done before it, because Lambda gives a function more CPU while it
//!   starts than its memory buys it afterwards.
//! - The same conversion of events runs in the gateway, so that a function cannot tell the two apart.

mod absent;
mod alpha_vantage_key;
mod aws;
mod configuration;
mod engines;
mod event_bridge;
mod live_connections;
mod logs;
#[cfg(test)]
mod loopback;
mod metrics;
mod prices;
mod run;
mod sns_email;
mod warm_up;

pub use aws::Aws;
pub use configuration::allowed_origins;
pub use engines::Engines;
pub use lambda_http::Error;
pub use run::{run_event, run_http};

use std::future::Future;

/// Runs a function that only waits: for the store, for the provider, for the next event.
pub fn on_one_thread(function: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(function)
}
