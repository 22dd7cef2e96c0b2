//! Our side of `make bench`: the works that are compared with a peer, as programs.
//!
//! `run.py` starts them, alternates them with the peers' programs in `peers/`, compares the results and prints the
//! tables of BENCHMARKS.md. `a2` and `e1` are measured as whole processes; `works` repeats one work inside its process.

pub mod client_report;
pub mod crossover;
pub mod process;
pub mod sampling;
pub mod waves;
