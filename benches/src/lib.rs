//! Our side of `make bench`: the works that are measured beside a peer, as programs.
//!
//! `run.py` starts them, makes them take turns with the peers' programs in `peers/`, compares the
//! answers and prints the tables of BENCHMARKS.md. `a2` and `e1` are measured as whole processes;
//! `works` does one work again and again inside its process.

pub mod client_report;
pub mod crossover;
pub mod process;
pub mod sampling;
pub mod waves;
