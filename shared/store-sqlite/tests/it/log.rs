//! What the log next to a database says.

use std::fs;
use std::path::Path;

/// Commits in the log of the database `NAME.db`, from its start. Format: "WAL-mode File Format", sqlite.org.
pub fn commits(path: &Path) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let log = fs::read(path.with_extension("db-wal")).expect("a log");
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    let page = number(8) as usize;
    // The last frame of a commit says how many pages the database has now; the others say 0.
    (HEADER..log.len()).step_by(FRAME_HEADER + page).filter(|&frame| number(frame + 4) != 0).count()
}
