//! What the days of a year came from, as a hash to be kept beside them.

use std::fmt::Write;

use domain::Day;
use quant::fingerprint::fingerprint;
use sha2::{Digest, Sha256};

use crate::book::{Book, FlowKind, Line};
use crate::error::ValuationError;
use crate::run::Sorted;

/// SHA-256, in lower-case hexadecimal, of everything in a book that bears on the days of `year` alone: flows,
/// bars and rates dated in it, of instruments that moved by then. The days of a year that was kept are still right when this and the hashes
/// of all years before it are what they were.
pub fn fingerprint_of_year(book: &Book<'_>, year: i32) -> Result<String, ValuationError> {
    let sorted = Sorted::new(book)?;
    let first = Day::new(year, 1, 1).unwrap_or(Day::LAST);
    let last = Day::new(year, 12, 31).unwrap_or(Day::LAST);
    let mut hasher = Sha256::new();
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(book.base.code());
    let known = |line: &&Line<'_>| line.flows.first().is_some_and(|flow| flow.day <= last);
    for line in sorted.lines.iter().filter(known) {
        part(line.symbol.as_str());
        part(line.currency.code());
        part(&fingerprint(&line.bars.between(first, last)));
        for flow in line.flows.iter().filter(|flow| (first..=last).contains(&flow.day)) {
            let kind = match flow.kind {
                FlowKind::Bought => "bought",
                FlowKind::Added => "added",
                FlowKind::Sold => "sold",
                FlowKind::Removed => "removed",
            };
            let (amount, fee) = (flow.amount.normalize(), flow.fee.normalize());
            part(&format!("{} {kind} {} {amount} {fee}", flow.day, flow.units));
        }
    }
    for rates in &book.rates {
        part(rates.currency.code());
        for (day, rate) in rates.days.iter().zip(rates.rates).filter(|(day, _)| (first..=last).contains(*day)) {
            part(&format!("{day} {rate}"));
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
