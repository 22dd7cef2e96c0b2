//! Metrics of functions and services, written to the log in CloudWatch's embedded metric format.
//!
//! Services use the macros of the crate `metrics` and do not know the destination. Nothing is sent: CloudWatch extracts
//! the metrics from log lines. The function's name is the only dimension; one per customer or symbol would create, and
//! cost, a metric for each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use metrics::Unit;
use metrics_cloudwatch_embedded::{Builder, Collector, Error};

const NAMESPACE: &str = "Sextant";
const FUNCTION: &str = "function";

const INVOCATIONS: &str = "sextant_invocations";
const CLIENT_ERRORS: &str = "sextant_client_errors";
const SERVER_ERRORS: &str = "sextant_server_errors";
const COLD_STARTS: &str = "sextant_cold_starts";
const DURATION: &str = "sextant_duration";

/// Whether the next event is the first of this process.
static COLD: AtomicBool = AtomicBool::new(true);

/// Collects what is measured from here on.
pub fn start(function: &str) -> Result<&'static Collector, Error> {
    let collector = collector(function).init()?;
    metrics::describe_histogram!(DURATION, Unit::Milliseconds, "from the event to the response");
    Ok(collector)
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the caller wanted it.
    Success,
    /// With a refusal of what the caller sent: a 4xx.
    ClientError,
    /// With a failure of ours: a 5xx, or an event that is handled again.
    ServerError,
}

impl Outcome {
    /// The outcome of an HTTP request with a response of this status.
    pub fn of_status(status: u16) -> Self {
        match status {
            ..400 => Self::Success,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

/// One invocation of the function.
#[derive(Debug)]
pub struct Invocation {
    started: Instant,
    /// Whether it is the first of this process.
    pub cold_start: bool,
}

impl Invocation {
    /// An invocation that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now(), cold_start: COLD.swap(false, Ordering::Relaxed) }
    }

    /// Counts the invocation.
    pub fn count(&self, outcome: Outcome) {
        let of = |counted: bool| u64::from(counted);
        metrics::counter!(INVOCATIONS).increment(1);
        metrics::counter!(CLIENT_ERRORS).increment(of(outcome == Outcome::ClientError));
        metrics::counter!(SERVER_ERRORS).increment(of(outcome == Outcome::ServerError));
        metrics::counter!(COLD_STARTS).increment(of(self.cold_start));
        metrics::histogram!(DURATION).record(self.started.elapsed().as_secs_f64() * 1e3);
    }
}

fn collector(function: &str) -> Builder {
    // A count of zero is reported, so that an alarm on failures sees that there were none.
    Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(FUNCTION, function.to_owned()).emit_zeros(true)
}

/// Writes the metrics of one event. This happens before the response, after which Lambda may freeze the process.
pub fn write(collector: &Collector) {
    write_to(collector, std::io::stdout().lock());
}

fn write_to(collector: &Collector, out: impl std::io::Write) {
    if let Err(error) = collector.flush(out) {
        tracing::warn!(%error, "the event's metrics are lost");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_event_is_one_line_with_its_figures_and_the_function_as_their_only_dimension() {
        let collector = start("refresh-prices").unwrap();
        metrics::counter!("refreshed").increment(3);
        metrics::counter!("failed").increment(0);
        let mut lines = Vec::new();
        write_to(collector, &mut lines);
        let line: Value = serde_json::from_slice(&lines).unwrap();
        let [metric] = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
        assert_eq!((&metric["Namespace"], &metric["Dimensions"]), (&json!("Sextant"), &json!([["function"]])));
        assert_eq!(line["function"], "refresh-prices");
        // Nothing having failed is a figure too, and so is nothing at all the next time.
        assert_eq!((&line["refreshed"], &line["failed"]), (&json!(3), &json!(0)));
        lines.clear();
        write_to(collector, &mut lines);
        let line: Value = serde_json::from_slice(&lines).unwrap();
        assert_eq!(line["refreshed"], 0);
        lines.clear();
        let first = Invocation { started: Instant::now(), cold_start: true };
        first.count(Outcome::of_status(404));
        write_to(collector, &mut lines);
        let line: Value = serde_json::from_slice(&lines).unwrap();
        let counted = [INVOCATIONS, CLIENT_ERRORS, SERVER_ERRORS, COLD_STARTS].map(|name| line[name].as_u64().unwrap());
        assert_eq!(counted, [1, 1, 0, 1]);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        let duration = metrics.iter().find(|metric| metric["Name"] == DURATION).unwrap();
        assert_eq!(duration["Unit"], "Milliseconds");
        lines.clear();
        Invocation { started: Instant::now(), cold_start: false }.count(Outcome::of_status(503));
        write_to(collector, &mut lines);
        let line: Value = serde_json::from_slice(&lines).unwrap();
        let counted = [INVOCATIONS, CLIENT_ERRORS, SERVER_ERRORS, COLD_STARTS].map(|name| line[name].as_u64().unwrap());
        assert_eq!(counted, [1, 0, 1, 0]);
    }

    #[test]
    fn only_the_first_invocation_of_a_process_is_a_cold_start() {
        assert_eq!([Invocation::start().cold_start, Invocation::start().cold_start], [true, false]);
    }

    #[test]
    fn a_status_says_whose_error_it_is() {
        for (status, outcome) in [
            (200, Outcome::Success),
            (304, Outcome::Success),
            (400, Outcome::ClientError),
            (499, Outcome::ClientError),
            (500, Outcome::ServerError),
            (503, Outcome::ServerError),
        ] {
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
    }
}
