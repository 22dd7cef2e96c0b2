//! Verification of the books: every balance, position and lot is recomputed from the entries and trades, customer by
//! customer.

use accounts::{advice, customers, erasure};
use app::error::ServiceError;
use app::{App, listing};
use books::{positions, wallets};
use domain::{CustomerId, PortfolioId};
use identity::audit::Actor;
use identity::profile::{self, Profile};
use ledger::{Account, Audit, Discrepancy, Entry, Position, Trade};
use market_data::MarketData;
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{Query, StoreError, documents, keys};

/// The most tries to verify a wallet that is in use.
const MAX_TRIES: usize = 5;
/// Entries read at a time.
const PAGE: usize = 500;

/// The result of a verification.
#[derive(Debug, Default, Serialize)]
pub struct VerificationReport {
    /// Customers whose books were recomputed.
    pub customers: usize,
    /// Entries that were replayed.
    pub entries: u64,
    /// Books with discrepancies. A wallet is frozen if one of them breaks its books.
    pub unsound: Vec<Unsound>,
    /// Customers whose books could not be read, or were in use in every try.
    pub unverified: Vec<CustomerId>,
    /// Interrupted erasures that were finished.
    pub erasures_finished: usize,
}

impl VerificationReport {
    /// Whether all books were verified without discrepancies.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unsound.is_empty() && self.unverified.is_empty()
    }
}

/// Books with discrepancies.
#[derive(Debug, Serialize)]
pub struct Unsound {
    /// The customer.
    pub customer_id: CustomerId,
    /// Descriptions of the discrepancies.
    pub discrepancies: Vec<String>,
}

/// The result for one customer's books.
struct RecomputedBooks {
    entries: u64,
    discrepancies: Vec<Discrepancy>,
}

/// Verifies the books of every customer, freezes wallets whose books do not add up, unfreezes those that add up again,
/// and finishes interrupted erasures.
pub async fn verify_all(market: &MarketData) -> Result<VerificationReport, ServiceError> {
    let mut report = VerificationReport::default();
    for customer in customers::read_all(&market.app).await? {
        report.customers += 1;
        // An error for one customer does not stop the others.
        match verify_customer(market, customer, &mut report).await {
            Ok(true) => {}
            Ok(false) => report.unverified.push(customer),
            Err(error) => {
                tracing::error!(%customer, %error, "the books could not be verified");
                report.unverified.push(customer);
            }
        }
    }
    Ok(report)
}

/// Verifies one customer's books; false if they were in use in every try.
async fn verify_customer(
    market: &MarketData,
    customer: CustomerId,
    report: &mut VerificationReport,
) -> Result<bool, ServiceError> {
    let stored = profile::move_from_legacy_key(&market.app, customer).await?;
    if stored.profile.advice_to_end {
        advice::end(&market.app, Actor::Operator, customer).await?;
    }
    if stored.profile.is_erasure_unfinished() && erasure::sweep(&market.app, customer).await? {
        report.erasures_finished += 1;
    }
    let Some(recomputed) = verify(market, customer).await? else { return Ok(false) };
    report.entries += recomputed.entries;
    let broken = recomputed.discrepancies.iter().any(Discrepancy::breaks_the_books);
    settle(&market.app, customer, broken).await?;
    if !recomputed.discrepancies.is_empty() {
        let discrepancies: Vec<String> = recomputed.discrepancies.iter().map(ToString::to_string).collect();
        tracing::error!(%customer, frozen = broken, ?discrepancies, "the books do not add up");
        report.unsound.push(Unsound { customer_id: customer, discrepancies });
    }
    Ok(true)
}

/// Recomputes one customer's books; `None` if they were in use in every try.
async fn verify(market: &MarketData, customer: CustomerId) -> Result<Option<RecomputedBooks>, ServiceError> {
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
            discrepancies.extend(stored.conflicts);
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
        for item in &page.items {
            let entry: Entry = documents::parse(item)?;
            audit.entry(&entry, read_trade(app, &entry).await?.as_ref());
        }
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(());
        }
    }
}

/// The stored state of all portfolios, apart from the entries.
#[derive(Default)]
struct StoredBooks {
    /// The positions as they are stored.
    positions: Vec<Position>,
    /// The number of stored trades.
    trades: u64,
    /// Positions with too few units for a sale, by the splits known now.
    conflicts: Vec<Discrepancy>,
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
        books.conflicts.extend(conflicts.map(|position| Discrepancy::SplitConflict {
            portfolio_id: position.portfolio_id,
            symbol: position.symbol,
        }));
    }
    Ok(books)
}

async fn read_trade(app: &App, entry: &Entry) -> Result<Option<Trade>, ServiceError> {
    let portfolio = entry.legs.iter().find_map(|leg| match leg.account {
        Account::Holdings { portfolio_id } => Some(PortfolioId(portfolio_id)),
        Account::Wallet | Account::World | Account::Market | Account::Fees => None,
    });
    let (Some(trade), Some(portfolio)) = (entry.trade_id, portfolio) else { return Ok(None) };
    let found = documents::read::<Trade>(app.table(), &keys::trade(portfolio, trade)).await?;
    Ok(found.map(|(trade, _)| trade))
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
