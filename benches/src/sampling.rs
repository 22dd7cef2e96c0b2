//! Measuring a piece of work inside its process, one sample each time the driver asks.
//!
//! The driver asks us and the peer in turn, so that both meet the same moods of the machine. The
//! first line of output is the answer, which the driver compares before it takes any sample; then
//! each line of input is answered with one sample.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{cpu_time, peak_memory_kib};

/// A sample repeats the work until it has taken about this long, so that a clock's step is nothing.
const SAMPLE: Duration = Duration::from_millis(20);

/// Tells `answer`, then times `work` as often as a line comes in.
pub fn serve<T>(answer: &Value, mut work: impl FnMut() -> T) -> anyhow::Result<()> {
    tell(&json!({ "answer": answer }))?;
    let repeats = repeats(&mut work);
    for line in io::stdin().lock().lines() {
        line?;
        let cpu_us = mean_us(repeats, &mut work);
        tell(&json!({ "cpu_us": cpu_us, "peak_memory_kib": peak_memory_kib()? }))?;
    }
    Ok(())
}

/// How often `work` goes into a sample. Finding it out warms up.
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

/// Writes one line of JSON, at once.
pub fn tell(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
