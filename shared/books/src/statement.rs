//! The statement: the entries of a wallet's ledger, and its balances as of an earlier day.

pub use ledger::EntryType;

use app::App;
use app::error::ServiceError;
use app::listing::{self, DayRange, Filter, ListPage, PageRequest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Day, Symbol};
use ledger::wallet::Balances;
use ledger::{Entry, StatementLine};
use market_data::MarketData;
use market_data::market_clock::market_day;
use serde::Serialize;
use store::{Query, documents, keys};
use uuid::Uuid;

use crate::wallets::{self, ShownWallet};

/// The most that the clocks of two processes are expected to differ.
const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(5);

/// Which entries a statement contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EntryFilter {
    /// Entries of these market days.
    pub days: DayRange,
    /// Entries of this type.
    pub entry_type: Option<EntryType>,
    /// Entries that moved units of this instrument.
    pub symbol: Option<Symbol>,
}

impl Filter<Entry> for EntryFilter {
    fn keeps(&self, entry: &Entry) -> bool {
        self.days.contains(entry.market_day)
            && self.entry_type.is_none_or(|entry_type| entry_type == entry.entry_type)
            && self.symbol.as_ref().is_none_or(|symbol| entry.moves_units_of(symbol))
    }
}

/// A page of the statement, by `seq`.
///
/// Market days do not increase with `seq`: a trade is dated on the day of its price. So no day is found by the keys, and
/// the filter by days reads as many entries as every other.
pub async fn list(
    app: &App,
    customer: CustomerId,
    filter: &EntryFilter,
    page: &PageRequest,
) -> Result<ListPage<StatementLine>, ServiceError> {
    let read = listing::read_page(app, keys::wallet_entries(customer), filter, page).await?;
    Ok(read.map(|entry: Entry| StatementLine::from(&entry)))
}

/// One entry of the customer.
///
/// The id of an entry states when it was recorded, and entries are numbered in that order. So an entry is found by a
/// binary search for the ones that were recorded at about that time.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find(app: &App, customer: CustomerId, id: Uuid) -> Result<StatementLine, ServiceError> {
    let missing = || ServiceError::NotFound { what: "entry" };
    if let Some((owner, seq)) = wallets::find_locator(app, id).await? {
        let is_own = owner == customer;
        return if is_own { Ok((&wallets::read_entry(app, customer, seq).await?).into()) } else { Err(missing()) };
    }
    let last = wallets::read_head(app, customer).await?.0.seq;
    let recorded = App::made_at(id);
    let first = find_first_since(app, customer, recorded - CLOCK_DIFFERENCE, last).await?;
    let after = find_first_since(app, customer, recorded + CLOCK_DIFFERENCE, last).await?;
    if first == after {
        return Err(missing());
    }
    let mut query = first_query(customer, first, after - 1);
    loop {
        let read = app.table().query(&query).await?;
        for item in &read.items {
            let entry: Entry = documents::parse(item)?;
            if entry.id == id {
                return Ok((&entry).into());
            }
        }
        query.cursor = read.next;
        if query.cursor.is_none() {
            return Err(missing());
        }
    }
}

/// The `seq` of the first entry that was recorded at this time or later; the one after `last` if there is none.
async fn find_first_since(
    app: &App,
    customer: CustomerId,
    time: DateTime<Utc>,
    last: u64,
) -> Result<u64, ServiceError> {
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low.midpoint(high);
        let is_earlier = wallets::read_entry(app, customer, middle).await?.created_at < time;
        (low, high) = if is_earlier { (middle + 1, high) } else { (low, middle) };
    }
    Ok(low)
}

/// The customer's wallet as it was at the end of a market day, from the entries of that day and of earlier ones. It is
/// frozen or not as it is now.
///
/// The amounts of all entries are read, 1,000 at a time, because entries of an earlier market day can come later.
///
/// Errors: [`ServiceError::Field`] for a day after the market's today on which there is no entry either.
pub async fn show_as_of(market: &MarketData, customer: CustomerId, day: Day) -> Result<ShownWallet, ServiceError> {
    let app = &market.app;
    let (wallet, _) = wallets::read_head(app, customer).await?;
    let mut balances = Balances::default();
    // During a session there can be trades at a quote of its day, before that day is the market's today.
    let mut today = market_day(market);
    let mut query = first_query(customer, 1, wallet.seq.max(1));
    loop {
        let read = app.table().query(&query).await?;
        for item in &read.items {
            let entry: Entry = documents::parse(item)?;
            today = today.max(entry.market_day);
            if entry.market_day <= day {
                balances.add(entry.amount)?;
            }
        }
        query.cursor = read.next;
        if query.cursor.is_none() {
            break;
        }
    }
    if day > today {
        let detail = format!("must not be after {today}, the market's today");
        return Err(ServiceError::Field { field: "as_of", detail });
    }
    ShownWallet::of(&balances, wallet.frozen, Some(day))
}

fn first_query(customer: CustomerId, first: u64, last: u64) -> Query {
    let list = keys::wallet_entries_between(customer, first, last);
    Query::forward(list.partition, list.range, store::limits::MAX_PAGE_ITEMS)
}
