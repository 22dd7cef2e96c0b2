//! The AWS composition root: configuration, logs, clients, and the event loop.
//!
//! A function's `main` is one call, which names the engines that the function is linked with:
//!
//! ```no_run
//! fn main() -> Result<(), lambda::Error> {
//!     lambda::on_one_thread(lambda::run_http(lambda::Engines::table_of("authorizer"), |_: app::App| axum::Router::new()))
//! }
//! ```
//!
//! Apart from `store-dynamodb` and `objects-s3` it is the only crate that depends on AWS, and apart from the gateway the
//! only one that reads the environment and the clock. It contains no rules: everything it creates is passed on as
//! arguments.
//!
//! - An engine that a function does not name is replaced by one that refuses every call.
//! - Everything that can be done before the first event is done then, because Lambda gives a function more CPU while it
//!   starts than its memory size provides afterwards.
//! - Each invocation is a span of a trace, which is sent before the response if a collector is configured (`traces`, with the
//!   feature `otel`).
//! - The gateway converts events in the same way, so that a function cannot tell the two apart.

mod absent;
mod aws;
mod configuration;
mod email;
mod email_topics;
mod engines;
mod event_bridge;
mod late_provider;
mod live_connections;
mod logs;
#[cfg(test)]
mod loopback;
mod metrics;
mod prices;
mod run;
#[cfg(test)]
#[path = "../../https/src/tests/server.rs"]
mod tls_server;
mod warm_up;

pub use aws::Aws;
pub use configuration::allowed_origins;
pub use engines::Engines;
pub use lambda_http::Error;
pub use run::{run_event, run_http};

use std::future::Future;

/// Runs a function on one thread. For functions that only wait for I/O: the store, the provider, the next event.
pub fn on_one_thread(function: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(function)
}
