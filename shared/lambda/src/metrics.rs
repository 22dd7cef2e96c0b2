//! What services measure, written to the log in CloudWatch's embedded metric format.
//!
//! Services record by the macros of the crate `metrics` and know nothing of where it goes. Nothing is sent: CloudWatch
//! finds the figures in the log lines of an event. The function's name is the one dimension; whatever tells customers
//! or symbols apart would make a metric, and a bill, of each.

use metrics_cloudwatch_embedded::{Builder, Collector, Error};

const NAMESPACE: &str = "Sextant";
const FUNCTION: &str = "function";

/// Collects what is measured from here on.
pub fn start(function: &str) -> Result<&'static Collector, Error> {
    collector(function).init()
}

fn collector(function: &str) -> Builder {
    // A count of zero is a figure: an alarm on failures is to see that there were none.
    Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(FUNCTION, function.to_owned()).emit_zeros(true)
}

/// Writes what one event measured. It comes before the answer, after which Lambda may stop the process.
pub fn write(collector: &Collector) {
    write_to(collector, std::io::stdout().lock());
}

fn write_to(collector: &Collector, out: impl std::io::Write) {
    if let Err(error) = collector.flush(out) {
        tracing::warn!(%error, "the event's figures are lost");
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
        let [told] = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
        assert_eq!((&told["Namespace"], &told["Dimensions"]), (&json!("Sextant"), &json!([["function"]])));
        assert_eq!(line["function"], "refresh-prices");
        // Nothing having failed is a figure too, and so is nothing at all the next time.
        assert_eq!((&line["refreshed"], &line["failed"]), (&json!(3), &json!(0)));
        lines.clear();
        write_to(collector, &mut lines);
        let line: Value = serde_json::from_slice(&lines).unwrap();
        assert_eq!(line["refreshed"], 0);
    }
}
