//! Work E1, a whole process: reads GOOG's prices and writes the client's report as a PDF.

use anyhow::Context;
use benches::{client_report, process, sampling};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = "usage: e1 GOOG.csv REPORT.pdf";
    let (prices, report) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let document = client_report::goog(&std::fs::read(prices)?)?;
    std::fs::write(report, &document.pdf)?;
    sampling::print_line(&json!({ "answer": document.answer, "peak_memory_kib": process::peak_memory_kib()? }))?;
    Ok(())
}
