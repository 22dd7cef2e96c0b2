//! Sextant's side of `make bench`: the programs that are compared with the Python peers.
//!
//! `run.py` runs them alternately with the programs in `peers/`, compares the results and prints the tables of
//! BENCHMARKS.md. `a2` and `e1` are measured as whole processes; `works` repeats one task inside its process.

pub mod client_report;
pub mod crossover;
pub mod process;
pub mod sampling;
pub mod waves;
