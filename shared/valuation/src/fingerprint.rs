//! A hash of the prices behind the days of a year, to be stored with them.

use std::fmt::Write;

use domain::{Bars, Day};
use sha2::{Digest, Sha256};

use crate::book::PortfolioBook;
use crate::series::SeriesYear;

/// SHA-256, in lower-case hexadecimal, of the prices, splits, dividends and rates that the days of `year` up to
/// `through` depend on: those of every symbol that was held or moved in it, from its last bar before the year on.
/// Records of other symbols do not affect it. A symbol that is not in the book counts as one without bars.
#[must_use]
pub fn fingerprint_of_prices(book: &PortfolioBook<'_>, year: &SeriesYear, through: Day) -> String {
    let first = Day::new(year.year, 1, 1).unwrap_or(Day::LAST);
    let last = Day::new(year.year, 12, 31).unwrap_or(Day::LAST).min(through);
    let mut lines = book.lines.clone();
    lines.sort_by(|a, b| a.symbol.cmp(b.symbol));
    let mut hasher = Sha256::new();
    hasher.update(book.base.code());
    for totals in &year.totals {
        let Ok(at) = lines.binary_search_by(|line| line.symbol.cmp(&totals.symbol)) else { continue };
        let line = lines[at];
        hasher.update(line.symbol.as_str());
        hasher.update([0]);
        hasher.update(line.currency.code());
        hash_bars(&mut hasher, line.bars, first, last);
    }
    for rates in &book.rates {
        hasher.update(rates.currency.code());
        // From the last one before the year on; if there is none up to its end, the first one after it.
        let start = rates.days.partition_point(|&day| day < first).saturating_sub(1);
        let end = rates.days.partition_point(|&day| day <= last).max(1);
        for (day, rate) in rates.days.iter().zip(rates.rates).take(end).skip(start) {
            hasher.update(day.days_since_epoch().to_le_bytes());
            hasher.update(rate.times.to_le_bytes());
            hasher.update(rate.over.to_le_bytes());
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hash_bars(hasher: &mut Sha256, bars: &Bars, first: Day, last: Day) {
    let span = bars.count_before(first).saturating_sub(1)..bars.count_through(last);
    let mut bytes = Vec::with_capacity(28 * span.len() + 8);
    bytes.extend_from_slice(&(span.len() as u64).to_le_bytes());
    for at in span {
        bytes.extend_from_slice(&bars.dates()[at].days_since_epoch().to_le_bytes());
        for column in [bars.close(), bars.split_ratio(), bars.dividend()] {
            bytes.extend_from_slice(&column[at].to_le_bytes());
        }
    }
    hasher.update(&bytes);
}
