//! Keys of the books: wallets, portfolios, positions, trades, lots held elsewhere, items of one's own.

use domain::{CustomerId, PortfolioId, Symbol};
use uuid::Uuid;

use super::{List, ONLY, customer_partition};
use crate::item::Key;
use crate::query::Range;

/// First part of the sort key of a portfolio in its customer's partition.
pub const PORTFOLIO_PREFIX: &str = "PORTFOLIO#";
/// First part of the sort key of a position in its portfolio's partition.
pub const POSITION_PREFIX: &str = "POSITION#";
/// First part of the sort key of a portfolio's daily values.
const SERIES_PREFIX: &str = "SERIES#";
/// First part of the sort key of a wallet's entry.
const ENTRY_PREFIX: &str = "ENTRY#";

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

/// A portfolio of a customer.
#[must_use]
pub fn portfolio(customer: CustomerId, id: PortfolioId) -> Key {
    Key::new(customer_partition(customer), format!("{PORTFOLIO_PREFIX}{id}"))
}

/// All portfolios of a customer, by id, which grows with time.
#[must_use]
pub fn portfolios(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix(PORTFOLIO_PREFIX.to_owned()) }
}

/// How many portfolios a customer has.
#[must_use]
pub fn portfolio_count(customer: CustomerId) -> Key {
    Key::new(customer_partition(customer), "PORTFOLIOS")
}

/// Everything that is kept of a portfolio beside itself.
#[must_use]
pub fn portfolio_contents(id: PortfolioId) -> List {
    List { partition: portfolio_partition(id), range: Range::All }
}

/// One version of a portfolio's investment profile.
#[must_use]
pub fn portfolio_profile(id: PortfolioId, version: u32) -> Key {
    Key::new(portfolio_partition(id), format!("PROFILE#{version:06}"))
}

/// A portfolio's position in one instrument.
#[must_use]
pub fn position(portfolio: PortfolioId, symbol: &Symbol) -> Key {
    Key::new(portfolio_partition(portfolio), format!("{POSITION_PREFIX}{symbol}"))
}

/// The positions of a portfolio that trades made, by symbol.
#[must_use]
pub fn positions(portfolio: PortfolioId) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix(POSITION_PREFIX.to_owned()) }
}

/// Older lots of a position, by the number of their item.
#[must_use]
pub fn older_lots(portfolio: PortfolioId, symbol: &Symbol, item: u64) -> Key {
    Key::new(portfolio_partition(portfolio), format!("LOT#{symbol}#{item:06}"))
}

/// A trade.
#[must_use]
pub fn trade(portfolio: PortfolioId, id: Uuid) -> Key {
    Key::new(portfolio_partition(portfolio), format!("TRADE#{id}"))
}

/// The trades of a portfolio, by id, which grows with time.
#[must_use]
pub fn trades(portfolio: PortfolioId) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix("TRADE#".to_owned()) }
}

/// The trades of a portfolio from this id on: those that were made since its time.
#[must_use]
pub fn trades_since(portfolio: PortfolioId, first: Uuid) -> List {
    let range = Range::Between(format!("TRADE#{first}"), format!("TRADE#{}", Uuid::max()));
    List { partition: portfolio_partition(portfolio), range }
}

/// A year of a portfolio's daily values.
#[must_use]
pub fn series_year(portfolio: PortfolioId, year: i32) -> Key {
    Key::new(portfolio_partition(portfolio), format!("{SERIES_PREFIX}{year:04}"))
}

/// How far a portfolio's daily values have come, and what the next one needs.
#[must_use]
pub fn series_state(portfolio: PortfolioId) -> Key {
    Key::new(portfolio_partition(portfolio), format!("{SERIES_PREFIX}STATE"))
}

/// The years of a portfolio's daily values, oldest first, and their state, last.
#[must_use]
pub fn series(portfolio: PortfolioId) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix(SERIES_PREFIX.to_owned()) }
}

/// A lot held elsewhere.
#[must_use]
pub fn investment(portfolio: PortfolioId, id: Uuid) -> Key {
    Key::new(portfolio_partition(portfolio), format!("INVESTMENT#{id}"))
}

/// All investments of a portfolio, by id, which grows with time.
#[must_use]
pub fn investments(portfolio: PortfolioId) -> List {
    List { partition: portfolio_partition(portfolio), range: Range::Prefix("INVESTMENT#".to_owned()) }
}

/// How many investments a portfolio has.
#[must_use]
pub fn investment_count(portfolio: PortfolioId) -> Key {
    Key::new(portfolio_partition(portfolio), "INVESTMENTS")
}

/// How far the import of a file has come.
#[must_use]
pub fn import(portfolio: PortfolioId, sha256: &str) -> Key {
    Key::new(portfolio_partition(portfolio), format!("IMPORT#{sha256}"))
}

/// An item of a customer's own.
#[must_use]
pub fn own_item(customer: CustomerId, symbol: &Symbol) -> Key {
    let name = symbol.as_str().trim_start_matches("MY:");
    Key::new(customer_partition(customer), format!("ITEM#{name}"))
}

/// All items of a customer's own, by name.
#[must_use]
pub fn own_items(customer: CustomerId) -> List {
    List { partition: customer_partition(customer), range: Range::Prefix("ITEM#".to_owned()) }
}

/// How many items of one's own a customer has.
#[must_use]
pub fn own_item_count(customer: CustomerId) -> Key {
    Key::new(customer_partition(customer), "ITEMS")
}

fn wallet_partition(customer: CustomerId) -> String {
    format!("WALLET#{customer}")
}

fn portfolio_partition(id: PortfolioId) -> String {
    format!("PORTFOLIO#{id}")
}
