//! Keys of the books: wallets, portfolios, positions, trades, daily values, lots held elsewhere, custom instruments.

use domain::{CustomerId, PortfolioId, Symbol};
use uuid::Uuid;

use super::{Kind, List, ONLY};
use crate::item::Key;
use crate::query::Range;

/// The head of a wallet: balances by currency, number of entries, and whether the wallet is frozen.
#[must_use]
pub fn wallet_head(customer: CustomerId) -> Key {
    Kind::WalletHead.only(customer.0)
}

/// A ledger entry of a wallet. `seq` counts the entries of all currencies together, from 1.
#[must_use]
pub fn wallet_entry(customer: CustomerId, seq: u64) -> Key {
    Kind::WalletEntry.key(customer.0, format_args!("{seq:012}"))
}

/// All ledger entries of a wallet, by `seq`.
#[must_use]
pub fn wallet_entries(customer: CustomerId) -> List {
    Kind::WalletEntry.list(customer.0)
}

/// The ledger entries of a wallet from one `seq` to another, both included.
#[must_use]
pub fn wallet_entries_between(customer: CustomerId, first: u64, last: u64) -> List {
    let [from, to] = [first, last].map(|seq| wallet_entry(customer, seq));
    List { partition: from.pk, range: Range::Between(from.sk, to.sk) }
}

/// The wallet and `seq` of a deposit or withdrawal, by the id of the entry.
#[must_use]
pub fn wallet_locator(entry: Uuid) -> Key {
    Key::new(format!("ENTRY#{entry}"), ONLY)
}

/// Head and entries of a wallet.
#[must_use]
pub fn wallet_items(customer: CustomerId) -> List {
    Kind::WalletHead.partition_list(customer.0)
}

/// A portfolio of a customer.
#[must_use]
pub fn portfolio(customer: CustomerId, id: PortfolioId) -> Key {
    Kind::Portfolio.key(customer.0, id)
}

/// All portfolios of a customer, by id; ids increase with time.
#[must_use]
pub fn portfolios(customer: CustomerId) -> List {
    Kind::Portfolio.list(customer.0)
}

/// The number of a customer's portfolios.
#[must_use]
pub fn portfolio_count(customer: CustomerId) -> Key {
    Kind::PortfolioCount.only(customer.0)
}

/// All items of a portfolio, except the portfolio itself.
#[must_use]
pub fn portfolio_contents(id: PortfolioId) -> List {
    Kind::Position.partition_list(id.0)
}

/// One version of a portfolio's investment profile.
#[must_use]
pub fn portfolio_profile(id: PortfolioId, version: u32) -> Key {
    Kind::InvestmentProfile.key(id.0, format_args!("{version:06}"))
}

/// A portfolio's position in one instrument.
#[must_use]
pub fn position(portfolio: PortfolioId, symbol: &Symbol) -> Key {
    Kind::Position.key(portfolio.0, symbol)
}

/// All positions of a portfolio, by symbol.
#[must_use]
pub fn positions(portfolio: PortfolioId) -> List {
    Kind::Position.list(portfolio.0)
}

/// An item with older lots of a position, by number.
#[must_use]
pub fn older_lots(portfolio: PortfolioId, symbol: &Symbol, item: u64) -> Key {
    Kind::OlderLots.key(portfolio.0, format_args!("{symbol}#{item:06}"))
}

/// A trade.
#[must_use]
pub fn trade(portfolio: PortfolioId, id: Uuid) -> Key {
    Kind::Trade.key(portfolio.0, id)
}

/// All trades of a portfolio, by id; ids increase with time.
#[must_use]
pub fn trades(portfolio: PortfolioId) -> List {
    Kind::Trade.list(portfolio.0)
}

/// The trades of a portfolio from this id on.
#[must_use]
pub fn trades_since(portfolio: PortfolioId, first: Uuid) -> List {
    let [from, to] = [first, Uuid::max()].map(|id| trade(portfolio, id));
    List { partition: from.pk, range: Range::Between(from.sk, to.sk) }
}

/// One year of a portfolio's daily values.
#[must_use]
pub fn series_year(portfolio: PortfolioId, year: i32) -> Key {
    Kind::Series.key(portfolio.0, format_args!("{year:04}"))
}

/// The state of a portfolio's daily values: up to which day they are computed, and what the next day needs.
#[must_use]
pub fn series_state(portfolio: PortfolioId) -> Key {
    Kind::Series.key(portfolio.0, "STATE")
}

/// A portfolio's daily values: its years, oldest first, then the state.
#[must_use]
pub fn series(portfolio: PortfolioId) -> List {
    Kind::Series.list(portfolio.0)
}

/// The head of a portfolio's activities: it names their segments.
#[must_use]
pub fn activities_head(portfolio: PortfolioId) -> Key {
    Kind::Activities.only(portfolio.0)
}

/// A segment of a portfolio's activities.
#[must_use]
pub fn activities_segment(portfolio: PortfolioId, number: u32) -> Key {
    Kind::Activities.key(portfolio.0, format_args!("{number:06}"))
}

/// Head and segments of a portfolio's activities.
#[must_use]
pub fn activities(portfolio: PortfolioId) -> List {
    let Key { pk: partition, sk: prefix } = activities_head(portfolio);
    List { partition, range: Range::Prefix(prefix) }
}

/// An activity as it was at a version before its last change.
#[must_use]
pub fn activity_version(portfolio: PortfolioId, id: Uuid, version: u64) -> Key {
    Kind::ActivityVersion.key(portfolio.0, format_args!("{id}#{version:04}"))
}

/// The earlier versions of an activity, oldest first.
#[must_use]
pub fn activity_versions(portfolio: PortfolioId, id: Uuid) -> List {
    let Key { pk: partition, sk: prefix } = Kind::ActivityVersion.key(portfolio.0, format_args!("{id}#"));
    List { partition, range: Range::Prefix(prefix) }
}

/// The earlier versions of all activities of a portfolio.
#[must_use]
pub fn versions_of_activities(portfolio: PortfolioId) -> List {
    let Key { pk: partition, sk: prefix } = Kind::ActivityVersion.only(portfolio.0);
    List { partition, range: Range::Prefix(prefix) }
}

/// A lot held elsewhere, where earlier versions stored it.
#[must_use]
pub fn investment(portfolio: PortfolioId, id: Uuid) -> Key {
    Kind::Investment.key(portfolio.0, id)
}

/// All lots held elsewhere of a portfolio, by id; ids increase with time.
#[must_use]
pub fn investments(portfolio: PortfolioId) -> List {
    Kind::Investment.list(portfolio.0)
}

/// The number of a portfolio's lots held elsewhere.
#[must_use]
pub fn investment_count(portfolio: PortfolioId) -> Key {
    Kind::InvestmentCount.only(portfolio.0)
}

/// The progress of the import of a file.
#[must_use]
pub fn import(portfolio: PortfolioId, sha256: &str) -> Key {
    Kind::Import.key(portfolio.0, sha256)
}

/// A custom instrument of a customer.
#[must_use]
pub fn custom_instrument(customer: CustomerId, symbol: &Symbol) -> Key {
    let name = symbol.as_str().trim_start_matches("MY:");
    Kind::CustomInstrument.key(customer.0, name)
}

/// All custom instruments of a customer, by name.
#[must_use]
pub fn custom_instruments(customer: CustomerId) -> List {
    Kind::CustomInstrument.list(customer.0)
}

/// The number of a customer's custom instruments.
#[must_use]
pub fn custom_instrument_count(customer: CustomerId) -> Key {
    Kind::CustomInstrumentCount.only(customer.0)
}
