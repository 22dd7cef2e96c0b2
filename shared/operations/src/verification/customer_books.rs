//! The books of one customer: recomputed from the entries and trades, compared with what is stored, and frozen if they
//! do not add up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use accounts::{advice, erasure};
use app::error::ServiceError;
use app::{App, listing};
use books::{activities, positions, wallets};
use domain::{CustomerId, PortfolioId};
use identity::audit::Actor;
use identity::profile::{self, Profile};
use ledger::{Account, Audit, Discrepancy, Entry, Position, Trade};
use market_data::MarketData;
use store::keys::List;
use store::retry::{Retry, retry};
use store::{Key, Query, Range, StoreError, documents, keys};

/// The most tries to verify a wallet that is in use.
const MAX_TRIES: usize = 5;
/// Entries read at a time, whose trades are then read together.
const PAGE: usize = 200;
/// The longest verification of one customer. One whose books take longer does not hold up all others.
pub const CUSTOMER_TIME_LIMIT: Duration = Duration::from_mins(4);

/// The result for one customer.
#[derive(Debug)]
pub(super) struct CustomerResult {
    /// The customer.
    pub(super) customer: CustomerId,
    /// Entries that were replayed.
    pub(super) entries: u64,
    /// Whether an interrupted erasure was finished.
    pub(super) erasure_finished: bool,
    /// What was found.
    pub(super) verdict: Verdict,
}

/// What the verification of one customer's books found.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The books add up.
    Sound,
    /// They do not.
    Unsound {
        /// Descriptions of the discrepancies.
        discrepancies: Vec<String>,
        /// Whether one of them breaks the books, so that the wallet is frozen.
        frozen: bool,
    },
    /// They were in use in every try.
    InUse,
    /// They could not be read, or took longer than [`CUSTOMER_TIME_LIMIT`].
    Failed,
}

/// The result of the recomputation.
struct RecomputedBooks {
    entries: u64,
    discrepancies: Vec<Discrepancy>,
}

/// Verifies one customer's books. An error is logged and does not stop the verification of others.
pub(super) async fn verify_customer(market: &MarketData, customer: CustomerId) -> CustomerResult {
    let failed = CustomerResult { customer, entries: 0, erasure_finished: false, verdict: Verdict::Failed };
    match tokio::time::timeout(CUSTOMER_TIME_LIMIT, verify(market, customer)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            tracing::error!(%customer, %error, "the books could not be verified");
            failed
        }
        Err(_) => {
            tracing::error!(%customer, "the verification of the books took too long");
            failed
        }
    }
}

async fn verify(market: &MarketData, customer: CustomerId) -> Result<CustomerResult, ServiceError> {
    let stored = profile::move_from_legacy_key(&market.app, customer).await?;
    if stored.profile.advice_to_end {
        advice::end(&market.app, Actor::Operator, customer).await?;
    }
    let erasure_finished = stored.profile.is_erasure_unfinished() && erasure::sweep(&market.app, customer).await?;
    let result = |entries, verdict| CustomerResult { customer, entries, erasure_finished, verdict };
    let Some(recomputed) = compute_books(market, customer).await? else { return Ok(result(0, Verdict::InUse)) };
    let frozen = recomputed.discrepancies.iter().any(Discrepancy::breaks_the_books);
    settle(&market.app, customer, frozen).await?;
    if recomputed.discrepancies.is_empty() {
        return Ok(result(recomputed.entries, Verdict::Sound));
    }
    let discrepancies: Vec<String> = recomputed.discrepancies.iter().map(ToString::to_string).collect();
    tracing::error!(%customer, frozen, ?discrepancies, "the books do not add up");
    Ok(result(recomputed.entries, Verdict::Unsound { discrepancies, frozen }))
}

/// Recomputes one customer's books; `None` if they were in use in every try.
async fn compute_books(market: &MarketData, customer: CustomerId) -> Result<Option<RecomputedBooks>, ServiceError> {
    for _ in 0..MAX_TRIES {
        let (head, version) = wallets::read_head(&market.app, customer).await?;
        let mut audit = Audit::new(customer);
        replay(&market.app, customer, &mut audit).await?;
        let stored = match read_stored_books(market, customer).await {
            // A trade was booked during the reads.
            Err(ServiceError::Store(StoreError::Conflict { .. })) => continue,
            stored => stored?,
        };
        // The reads are consistent if the head, which every command writes, has not changed.
        if wallets::read_head(&market.app, customer).await?.1 == version {
            let mut discrepancies = audit.finish(&head, &stored.positions, stored.trades);
            discrepancies.extend(stored.found);
            return Ok(Some(RecomputedBooks { entries: head.seq, discrepancies }));
        }
    }
    Ok(None)
}

/// Passes every entry with its trade to the audit, including entries beyond the head, which sound books do not have.
async fn replay(app: &App, customer: CustomerId, audit: &mut Audit) -> Result<(), ServiceError> {
    let list = keys::wallet_entries(customer);
    let mut query = Query::forward(list.partition, list.range, PAGE);
    loop {
        let page = app.table().query(&query).await?;
        let entries: Vec<Entry> = page.items.iter().map(documents::parse).collect::<Result<_, _>>()?;
        let trades = read_trades(app, &entries).await?;
        for entry in &entries {
            audit.entry(entry, trade_key(entry).and_then(|key| trades.get(&key)));
        }
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(());
        }
    }
}

/// The trades of a page of entries. The ids of trades increase with time, so that those of a portfolio are next to each
/// other, and one query reads them for the price of their bytes.
async fn read_trades(app: &App, entries: &[Entry]) -> Result<BTreeMap<Key, Trade>, StoreError> {
    let named: BTreeSet<Key> = entries.iter().filter_map(trade_key).collect();
    let mut ranges: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for Key { pk, sk } in &named {
        // In the order of the set, the last one has the highest sort key.
        ranges.entry(pk).or_insert((sk, sk)).1 = sk;
    }
    let mut trades = BTreeMap::new();
    for (partition, (first, last)) in ranges {
        let range = Range::Between(first.to_owned(), last.to_owned());
        for item in listing::read_all(app, List { partition: partition.to_owned(), range }).await? {
            if named.contains(&item.key) {
                trades.insert(item.key.clone(), documents::parse(&item)?);
            }
        }
    }
    Ok(trades)
}

fn trade_key(entry: &Entry) -> Option<Key> {
    let portfolio = entry.legs.iter().find_map(|leg| match leg.account {
        Account::Holdings { portfolio_id } => Some(PortfolioId(portfolio_id)),
        Account::Wallet | Account::World | Account::Market | Account::Fees => None,
    });
    Some(keys::trade(portfolio?, entry.trade_id?))
}

/// The stored state of all portfolios, apart from the entries.
#[derive(Default)]
struct StoredBooks {
    /// The positions as they are stored.
    positions: Vec<Position>,
    /// The number of stored trades.
    trades: u64,
    /// Positions with too few units for a sale, by the splits known now, and what is wrong with recorded activities.
    found: Vec<Discrepancy>,
}

async fn read_stored_books(market: &MarketData, customer: CustomerId) -> Result<StoredBooks, ServiceError> {
    let mut books = StoredBooks::default();
    for portfolio in read_portfolios(&market.app, customer).await? {
        let stored = positions::read_stored(&market.app, portfolio).await?;
        books.positions.extend(stored.iter().map(|one| one.position.clone()));
        books.trades += listing::read_all(&market.app, keys::trades(portfolio)).await?.len() as u64;
        let current = match positions::bring_up_to_date(market, portfolio, stored).await {
            // A trade was booked in between, which also changed the head of the wallet.
            Err(ServiceError::Store(StoreError::Conflict { .. })) => Vec::new(),
            current => current?,
        };
        let conflicts = current.into_iter().filter(|position| position.split_conflict);
        books.found.extend(conflicts.map(|position| Discrepancy::SplitConflict {
            portfolio_id: position.portfolio_id,
            symbol: position.symbol,
        }));
        books.found.extend(activities::verify(market, customer, portfolio).await?);
    }
    Ok(books)
}

async fn read_portfolios(app: &App, customer: CustomerId) -> Result<Vec<PortfolioId>, StoreError> {
    let items = listing::read_all(app, keys::portfolios(customer)).await?;
    Ok(items.iter().filter_map(|item| item.key.sk.rsplit('#').next()?.parse().ok().map(PortfolioId)).collect())
}

/// Freezes a wallet whose books do not add up, and unfreezes one that verification froze and whose books add up again.
async fn settle(app: &App, customer: CustomerId, unsound: bool) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        if stored.profile.books_in_doubt == unsound {
            return Ok(());
        }
        let marked = Profile { books_in_doubt: unsound, ..stored.profile.clone() };
        let freeze = wallets::prepare_freeze(app, customer, unsound || !marked.is_open()).await?;
        app.table().transact(stored.replaced_by(&marked)?.into_iter().chain([freeze]).collect()).await?;
        Ok(())
    })
    .await
}
