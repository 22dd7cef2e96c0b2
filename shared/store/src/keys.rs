//! Where each kind of item lives: the one place that spells keys.
//!
//! Symbols hold neither `#` nor a blank, ids are UUIDs and hashes are hex, so that no two kinds can collide.

use domain::{CustomerId, Day, Email, Symbol};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::item::Key;
use crate::query::Range;

/// What stands for the sort key where a partition holds one item.
const ONLY: &str = "-";
/// First part of the sort key of a year of bars.
pub(crate) const YEAR_PREFIX: &str = "YEAR#";

/// First part of the sort key of a portfolio in its customer's partition.
pub const PORTFOLIO_PREFIX: &str = "PORTFOLIO#";
/// First part of the sort key of a position in its portfolio's partition.
pub const POSITION_PREFIX: &str = "POSITION#";
/// First part of the sort key of a wallet's entry.
const ENTRY_PREFIX: &str = "ENTRY#";

/// A list: a partition and which of its sort keys belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The partition.
    pub partition: String,
    /// The sort keys of the list's items.
    pub range: Range,
}

/// A customer: profile, password, role, and the epoch of their sessions.
#[must_use]
pub fn customer(customer: CustomerId) -> Key {
    Key::new(customer_partition(customer), "PROFILE")
}

/// Everything in the partition of a customer.
#[must_use]
pub fn customer_items(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::All }
}

/// That an e-mail address is taken, and by whom.
#[must_use]
pub fn email(email: &Email) -> Key {
    Key::new(format!("EMAIL#{}", sha256_hex(email.as_str())), ONLY)
}

/// The times of the last failed password checks of an account; expires.
#[must_use]
pub fn login_attempts(email: &Email) -> Key {
    Key::new(format!("LIMIT#login#{}", sha256_hex(email.as_str())), ONLY)
}

/// A session, by the hash of its token; expires.
#[must_use]
pub fn session(token_sha256: &str) -> Key {
    Key::new(format!("SESSION#{token_sha256}"), ONLY)
}

/// The mirror of a session in its customer's partition; expires.
#[must_use]
pub fn session_of(customer: CustomerId, token_sha256: &str) -> Key {
    Key::new(customer_partition(customer), format!("SESSION#{token_sha256}"))
}

/// All sessions of a customer.
#[must_use]
pub fn sessions(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix("SESSION#".to_owned()) }
}

/// A one-time token that sets a new password, by its hash; expires.
#[must_use]
pub fn password_token(token_sha256: &str) -> Key {
    Key::new(format!("PASSWORD#{token_sha256}"), ONLY)
}

/// That a client is advised, in the client's own partition.
#[must_use]
pub fn advisor_of(client: CustomerId) -> Key {
    Key::new(customer_partition(client), "ADVISOR")
}

/// A client in the partition of their advisor.
#[must_use]
pub fn client_of(advisor: CustomerId, client: CustomerId) -> Key {
    Key::new(customer_partition(advisor), format!("CLIENT#{client}"))
}

/// An export that a customer asked for; expires.
#[must_use]
pub fn export(customer: CustomerId, id: Uuid) -> Key {
    Key::new(customer_partition(customer), format!("EXPORT#{id}"))
}

/// The head of a wallet: balances by currency, the number of entries, whether it is frozen.
#[must_use]
pub fn wallet_head(customer: CustomerId) -> Key {
    Key::new(wallet_partition(customer), "HEAD")
}

/// An entry of a wallet, by its place in the one sequence over all currencies, from 1.
#[must_use]
pub fn wallet_entry(customer: CustomerId, seq: u64) -> Key {
    Key::new(wallet_partition(customer), format!("{ENTRY_PREFIX}{seq:012}"))
}

/// All entries of a wallet, by their place.
#[must_use]
pub fn wallet_entries(customer: CustomerId) -> List {
    List { partition: wallet_partition(customer), range: Range::Prefix(ENTRY_PREFIX.to_owned()) }
}

/// Where the entry of a deposit or withdrawal is, by its id.
#[must_use]
pub fn wallet_locator(entry: Uuid) -> Key {
    Key::new(format!("ENTRY#{entry}"), ONLY)
}

/// Head and entries of a wallet.
#[must_use]
pub fn wallet_items(customer: CustomerId) -> List {
    List { partition: wallet_partition(customer), range: Range::All }
}

/// All portfolios of a customer, by id, which grows with time.
#[must_use]
pub fn portfolios(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix(PORTFOLIO_PREFIX.to_owned()) }
}

/// Everything that is kept of a portfolio beside itself.
#[must_use]
pub fn portfolio_contents(id: Uuid) -> List {
    List { partition: portfolio_partition(id), range: Range::All }
}

/// A portfolio's position in one instrument.
#[must_use]
pub fn position(portfolio: Uuid, symbol: &Symbol) -> Key {
    Key::new(portfolio_partition(portfolio), format!("{POSITION_PREFIX}{symbol}"))
}

/// The positions of a portfolio that trades made, by symbol.
#[must_use]
pub fn positions(portfolio: Uuid) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix(POSITION_PREFIX.to_owned()) }
}

/// Older lots of a position, by the number of their item.
#[must_use]
pub fn older_lots(portfolio: Uuid, symbol: &Symbol, item: u64) -> Key {
    Key::new(portfolio_partition(portfolio), format!("LOT#{symbol}#{item:06}"))
}

/// A trade.
#[must_use]
pub fn trade(portfolio: Uuid, id: Uuid) -> Key {
    Key::new(portfolio_partition(portfolio), format!("TRADE#{id}"))
}

/// The trades of a portfolio, by id, which grows with time.
#[must_use]
pub fn trades(portfolio: Uuid) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix("TRADE#".to_owned()) }
}

/// A customer's entry in the list of all customers, which is spread over [`directory_customers`].
#[must_use]
pub fn directory_customer(customer: CustomerId) -> Key {
    let shard = Sha256::digest(customer.0.as_bytes())[0] >> 4;
    Key::new(format!("DIRECTORY#customers#{shard:x}"), customer.to_string())
}

/// The sixteen parts of the list of all customers.
#[must_use]
pub fn directory_customers() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#customers#{shard:x}"), range: Range::All })
}

/// What was done to a customer's account, in the partition of a month (`202611`).
#[must_use]
pub fn audit(customer: CustomerId, month: &str, id: Uuid) -> Key {
    Key::new(format!("AUDIT#{customer}#{month}"), id.to_string())
}

/// The partition of a symbol's bars.
#[must_use]
pub fn bars(symbol: &Symbol) -> String {
    format!("BARS#{symbol}")
}

/// The head of a symbol's bars: where they come from, and which years there are.
#[must_use]
pub fn bars_head(symbol: &Symbol) -> Key {
    Key::new(bars(symbol), "HEAD")
}

/// One year of a symbol's bars.
#[must_use]
pub fn bars_year(symbol: &Symbol, year: i32) -> Key {
    Key::new(bars(symbol), format!("{YEAR_PREFIX}{year:04}"))
}

/// An instrument's metadata.
#[must_use]
pub fn instrument(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "META")
}

/// That a live provider did not know this symbol; expires.
#[must_use]
pub fn unknown_symbol(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "UNKNOWN")
}

/// The whole of a backtest, beside the item that lists it.
#[must_use]
pub fn backtest_result(customer: CustomerId, id: Uuid) -> Key {
    Key::new(customer_partition(customer), format!("RESULT#{id}"))
}

/// A backtest that a customer ran.
#[must_use]
pub fn backtest(customer: CustomerId, id: Uuid) -> Key {
    Key::new(customer_partition(customer), format!("BACKTEST#{id}"))
}

/// All backtests of a customer, by id, which grows with time.
#[must_use]
pub fn backtests(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix("BACKTEST#".to_owned()) }
}

/// A forecast, named by all that it follows from, so that the first one written is the only one.
#[must_use]
pub fn forecast(symbol: &Symbol, as_of: Day, model: &str, horizon: usize, inputs_sha256: &str) -> Key {
    Key::new(forecast_partition(symbol), format!("{as_of}#{model}#{horizon}#{inputs_sha256}"))
}

/// All forecasts of a symbol, by the day they look ahead from.
#[must_use]
pub fn forecasts(symbol: &Symbol) -> List {
    List { partition: forecast_partition(symbol), range: Range::All }
}

/// A report made for a customer, named by the hash of its JSON.
#[must_use]
pub fn report(customer: CustomerId, sha256: &str) -> Key {
    Key::new(customer_partition(customer), format!("REPORT#{sha256}"))
}

/// All reports of a customer, by hash.
#[must_use]
pub fn reports(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix("REPORT#".to_owned()) }
}

/// What became of the request that a customer sent with this `Idempotency-Key`.
#[must_use]
pub fn idempotency(customer: CustomerId, key: &str) -> Key {
    // The id has a fixed length, so that no other customer and key give the same bytes.
    let mut hash = Sha256::new();
    hash.update(customer.0.as_bytes());
    hash.update(key.as_bytes());
    Key::new(format!("IDEMPOTENCY#{}", hex(&hash.finalize())), ONLY)
}

/// A symbol's entry in the list of all symbols, which is spread over [`directory_symbols`].
#[must_use]
pub fn directory_symbol(symbol: &Symbol) -> Key {
    let shard = Sha256::digest(symbol.as_str())[0] >> 4;
    Key::new(format!("DIRECTORY#symbols#{shard:x}"), symbol.as_str())
}

/// The sixteen parts of the list of all symbols.
#[must_use]
pub fn directory_symbols() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#symbols#{shard:x}"), range: Range::All })
}

/// One run of a job, named by its slot: the time it was due.
#[must_use]
pub fn job_run(job: &str, slot: &str) -> Key {
    Key::new(job_partition(job), slot)
}

/// How the last run of a job went.
#[must_use]
pub fn job_last(job: &str) -> Key {
    Key::new(job_partition(job), "LAST")
}

/// When a provider was called, counted for all functions together.
#[must_use]
pub fn quota(provider: &str) -> Key {
    Key::new(format!("QUOTA#{provider}"), ONLY)
}

/// SHA-256 of a text in lower-case hex.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn customer_partition(customer: CustomerId) -> String {
    format!("CUSTOMER#{customer}")
}

fn portfolio_partition(id: Uuid) -> String {
    format!("PORTFOLIO#{id}")
}

fn wallet_partition(customer: CustomerId) -> String {
    format!("WALLET#{customer}")
}

fn forecast_partition(symbol: &Symbol) -> String {
    format!("FORECAST#{symbol}")
}

fn job_partition(job: &str) -> String {
    format!("JOB#{job}")
}

/// Bytes as lower-case hex.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol() -> Symbol {
        "AAPL".parse().unwrap()
    }

    #[test]
    fn keys_are_spelled_as_the_data_model_says() {
        let customer = CustomerId(Uuid::from_u128(7));
        let owner = "CUSTOMER#00000000-0000-0000-0000-000000000007";
        let day = "2012-06-01".parse().unwrap();
        let table = [
            (bars_head(&symbol()), "BARS#AAPL", "HEAD"),
            (bars_year(&symbol(), 2012), "BARS#AAPL", "YEAR#2012"),
            (instrument(&symbol()), "INSTRUMENT#AAPL", "META"),
            (backtest(customer, Uuid::nil()), owner, "BACKTEST#00000000-0000-0000-0000-000000000000"),
            (forecast(&symbol(), day, "walk", 30, "ab12"), "FORECAST#AAPL", "2012-06-01#walk#30#ab12"),
            (report(customer, "ab12"), owner, "REPORT#ab12"),
            (job_run("refresh-prices", "2026-11-20T12:00Z"), "JOB#refresh-prices", "2026-11-20T12:00Z"),
            (job_last("refresh-prices"), "JOB#refresh-prices", "LAST"),
            (quota("alpha_vantage"), "QUOTA#alpha_vantage", "-"),
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

    #[test]
    fn a_symbol_stands_in_the_part_of_the_directory_that_its_hash_names() {
        let key = directory_symbol(&symbol());
        // sha256("AAPL") by coreutils' sha256sum.
        assert_eq!(key, Key::new("DIRECTORY#symbols#1", "AAPL"));
        assert!(directory_symbols().iter().any(|list| list.partition == key.pk));
    }
}
