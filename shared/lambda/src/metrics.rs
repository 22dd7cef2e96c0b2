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
    if let Err(error) = collector.flush(std::io::stdout().lock()) {
        tracing::warn!(%error, "the event's figures are lost");
    }
}
