//! Measures a piece of work inside its process, one sample per request of the driver.
//!
//! The driver alternates between us and the peer, so that both see the same machine conditions. The first line of
//! output is the result, which the driver compares before it takes any sample; then each line of input is answered with
//! one sample.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{cpu_time, peak_memory_kib};

/// A sample repeats the work until it has taken about this long, so that the resolution of the clock does not matter.
const SAMPLE: Duration = Duration::from_millis(20);

/// Prints `answer`, then times `work` for every line of input.
pub fn serve<T>(answer: &Value, mut work: impl FnMut() -> T) -> anyhow::Result<()> {
    print_line(&json!({ "answer": answer }))?;
    let repeats = repeats(&mut work);
    for line in io::stdin().lock().lines() {
        line?;
        let cpu_us = mean_us(repeats, &mut work);
        print_line(&json!({ "cpu_us": cpu_us, "peak_memory_kib": peak_memory_kib()? }))?;
    }
    Ok(())
}

/// How many repetitions of `work` make a sample. Finding out also warms up.
pub fn repeats<T>(work: &mut impl FnMut() -> T) -> u32 {
    let mut repeats = 1;
    loop {
        let took = Duration::from_secs_f64(mean_us(repeats, work) * f64::from(repeats) / 1e6);
        if took >= SAMPLE {
            return repeats;
        }
        repeats *= 2;
    }
}

/// CPU time of one `work` in microseconds, the mean over `repeats`.
pub fn mean_us<T>(repeats: u32, work: &mut impl FnMut() -> T) -> f64 {
    let start = cpu_time();
    for _ in 0..repeats {
        black_box(work());
    }
    cpu_time().saturating_sub(start).as_secs_f64() * 1e6 / f64::from(repeats)
}

/// Writes one line of JSON and flushes it.
pub fn print_line(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
