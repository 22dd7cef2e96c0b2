//! Log lines on standard error.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The form of log lines on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for programs that collect logs.
    Json,
}

/// Starts to log, and to collect spans if a collector is configured. What is wrong with its settings is logged.
pub fn start(format: LogFormat, traces: &traces::Settings) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = filter.and(filter_fn(|metadata| !traces::is_part_of_trace(metadata)));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    match traces::layer(traces) {
        Ok(spans) => subscriber.with(spans).init(),
        Err(error) => {
            subscriber.init();
            tracing::error!(%error, "no traces are sent");
        }
    }
}
