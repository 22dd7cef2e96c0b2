//! Metrics of services, written to the log in CloudWatch's embedded metric format.
//!
//! Services use the macros of the crate `metrics` and do not know the destination. Nothing is sent: CloudWatch extracts
//! the metrics from log lines. The function's name is the only dimension; one per customer or symbol would create, and
//! cost, a metric for each.

use metrics_cloudwatch_embedded::{Builder, Collector, Error};

const NAMESPACE: &str = "Sextant";
const FUNCTION: &str = "function";

/// Collects what is measured from here on.
pub fn start(function: &str) -> Result<&'static Collector, Error> {
    collector(function).init()
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
    }
}
