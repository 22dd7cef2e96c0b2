//! How often each event happened: a law that is never tested holds too.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static COUNTS: Mutex<BTreeMap<(&str, String), usize>> = Mutex::new(BTreeMap::new());

pub fn count(engine: &'static str, what: &str) {
    add(engine, what, 1);
}

pub fn add(engine: &'static str, what: &str, times: usize) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry((engine, what.to_owned())).or_default() += times;
}

/// The counts of a store.
pub fn of(engine: &str) -> BTreeMap<String, usize> {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    counts.iter().filter(|((name, _), _)| *name == engine).map(|((_, what), &count)| (what.clone(), count)).collect()
}
