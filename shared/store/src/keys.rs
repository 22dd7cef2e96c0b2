//! The keys of all items: no other file builds one.
//!
//! Here are the keys of shared data: bars, instruments, forecasts and jobs. Those of customers, portfolios and so on are in
//! the files of `keys/`.
//!
//! `#` separates the parts of a key. No symbol contains `#` or a space, ids are UUIDs and hashes are hexadecimal, so that
//! no two keys collide.

mod books;
mod customers;
mod kind;
mod live;
mod prices;
mod tracking;
mod watching;

pub use books::*;
pub use customers::*;
use domain::{CustomerId, Day, Symbol};
pub use kind::Kind;
pub use live::*;
pub use prices::*;
use sha2::{Digest as _, Sha256};
pub use tracking::*;
pub use watching::*;

use crate::item::Key;
use crate::query::Range;

/// The sort key in a partition that has only one item.
const ONLY: &str = "-";
/// The prefix of the sort key of a year of bars.
pub(crate) const YEAR_PREFIX: &str = "YEAR#";

/// A list: the items of a partition whose sort keys are in a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The partition.
    pub partition: String,
    /// The sort keys of the list's items.
    pub range: Range,
}

/// The partition of a symbol's bars.
#[must_use]
pub fn bars(symbol: &Symbol) -> String {
    format!("BARS#{symbol}")
}

/// The partition of the valuations of a custom instrument.
#[must_use]
pub fn own_bars(customer: CustomerId, symbol: &Symbol) -> String {
    // The symbol of a market instrument has no `#`, so that the two kinds of partition cannot collide.
    format!("BARS#{customer}#{symbol}")
}

/// The head of a symbol's bars: their source, and which years are stored.
#[must_use]
pub fn bars_head(symbol: &Symbol) -> Key {
    head_of(&bars(symbol))
}

/// One year of a symbol's bars.
#[must_use]
pub fn bars_year(symbol: &Symbol, year: i32) -> Key {
    year_of(&bars(symbol), year)
}

/// The head of the bars in this partition.
pub(crate) fn head_of(partition: &str) -> Key {
    Key::new(partition, "HEAD")
}

/// One year of the bars in this partition.
pub(crate) fn year_of(partition: &str, year: i32) -> Key {
    Key::new(partition, format!("{YEAR_PREFIX}{year:04}"))
}

/// An instrument's metadata.
#[must_use]
pub fn instrument(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "META")
}

/// An instrument's last quote.
#[must_use]
pub fn quote(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "QUOTE")
}

/// Records that a live provider did not know this symbol; expires.
#[must_use]
pub fn unknown_symbol(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "UNKNOWN")
}

/// A forecast. Its key contains all of its inputs, so that the first one written is the only one.
#[must_use]
pub fn forecast(symbol: &Symbol, as_of: Day, model: &str, horizon: usize, inputs_sha256: &str) -> Key {
    Key::new(forecast_partition(symbol), format!("{as_of}#{model}#{horizon}#{inputs_sha256}"))
}

/// All forecasts of a symbol, in the order of the days from which they look ahead.
#[must_use]
pub fn forecasts(symbol: &Symbol) -> List {
    List { partition: forecast_partition(symbol), range: Range::All }
}

/// The run of a job for one slot: the time at which it was due.
#[must_use]
pub fn job_run(job: &str, slot: &str) -> Key {
    Key::new(job_partition(job), slot)
}

/// The result of the last run of a job.
#[must_use]
pub fn job_last(job: &str) -> Key {
    Key::new(job_partition(job), "LAST")
}

/// The run of a job that is in progress, if the job continues an interrupted run.
#[must_use]
pub fn job_current(job: &str) -> Key {
    Key::new(job_partition(job), "CURRENT")
}

/// How far the run of a job has come in one shard of its work.
#[must_use]
pub fn job_shard(job: &str, shard: &str) -> Key {
    Key::new(job_partition(job), format!("SHARD#{shard}"))
}

/// The times of the calls to a provider, of all functions together.
#[must_use]
pub fn quota(provider: &str) -> Key {
    Key::new(format!("QUOTA#{provider}"), ONLY)
}

/// The SHA-256 of a text, as lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn forecast_partition(symbol: &Symbol) -> String {
    format!("FORECAST#{symbol}")
}

fn job_partition(job: &str) -> String {
    format!("JOB#{job}")
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use domain::PortfolioId;
    use uuid::Uuid;

    use super::*;

    fn symbol() -> Symbol {
        "AAPL".parse().unwrap()
    }

    #[test]
    fn keys_keep_their_stored_form() {
        let customer = CustomerId(Uuid::from_u128(7));
        let owner = "CUSTOMER#00000000-0000-0000-0000-000000000007";
        let held = "PORTFOLIO#00000000-0000-0000-0000-000000000009";
        let (lot, portfolio_id) = (Uuid::nil(), PortfolioId(Uuid::from_u128(9)));
        let day = "2012-06-01".parse().unwrap();
        let table = [
            (bars_head(&symbol()), "BARS#AAPL", "HEAD"),
            (bars_year(&symbol(), 2012), "BARS#AAPL", "YEAR#2012"),
            (instrument(&symbol()), "INSTRUMENT#AAPL", "META"),
            (quote(&symbol()), "INSTRUMENT#AAPL", "QUOTE"),
            (backtest(customer, Uuid::nil()), owner, "BACKTEST#00000000-0000-0000-0000-000000000000"),
            (forecast(&symbol(), day, "walk", 30, "ab12"), "FORECAST#AAPL", "2012-06-01#walk#30#ab12"),
            (report(customer, "ab12"), owner, "REPORT#ab12"),
            (job_run("refresh-prices", "2026-11-20T12:00Z"), "JOB#refresh-prices", "2026-11-20T12:00Z"),
            (job_last("refresh-prices"), "JOB#refresh-prices", "LAST"),
            (job_current("verification"), "JOB#verification", "CURRENT"),
            (job_shard("verification", "f"), "JOB#verification", "SHARD#f"),
            (quota("alpha_vantage"), "QUOTA#alpha_vantage", "-"),
            (portfolio(customer, portfolio_id), owner, "PORTFOLIO#00000000-0000-0000-0000-000000000009"),
            (portfolio_count(customer), owner, "PORTFOLIOS"),
            (portfolio_profile(portfolio_id, 3), held, "PROFILE#000003"),
            (investment(portfolio_id, lot), held, "INVESTMENT#00000000-0000-0000-0000-000000000000"),
            (investment_count(portfolio_id), held, "INVESTMENTS"),
            (import(portfolio_id, "ab12"), held, "IMPORT#ab12"),
            (series_year(portfolio_id, 2012), held, "SERIES#2012"),
            (series_state(portfolio_id), held, "SERIES#STATE"),
            (custom_instrument(customer, &"MY:HOUSE".parse().unwrap()), owner, "ITEM#HOUSE"),
            (custom_instrument_count(customer), owner, "ITEMS"),
            (administrator_index(), "DIRECTORY#administrators", "-"),
            (wallet_head(customer), "WALLET#00000000-0000-0000-0000-000000000007", "HEAD"),
        ];
        for (key, pk, sk) in table {
            assert_eq!(key, Key::new(pk, sk));
        }
    }

    #[test]
    fn an_idempotency_key_belongs_to_its_customer() {
        let of = |customer, key: &str| idempotency(CustomerId(Uuid::from_u128(customer)), key);
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        // sha256 of sixteen zero bytes and "a", by coreutils' sha256sum.
        assert_eq!(of(0, "a").pk, "IDEMPOTENCY#9c6bd5cc05acbe7cb4ab71165168ff3d8c38dfb291f80bb7d0d7f48116bf8891");
        assert_eq!(of(0, "a").sk, "-");
    }
}
