//! Cash: balances, deposits, withdrawals and reversals.

pub use ledger::StatementLine;

use std::collections::BTreeMap;

use app::App;
use app::error::ServiceError;
use app::idempotency::{Created, KeyedRoute, ReservedKey, StoredOutcome};
use domain::{Currency, CustomerId, Day, Money};
use ledger::wallet::{Balances, deposit, reverse, withdraw};
use ledger::{Booked, Entry, Refusal, Stamp, Wallet};
use market_data::MarketData;
use market_data::market_clock::market_day;
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Expect, StoreError, Version, Write, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;

/// The currency of a wallet's main balance, whatever else it holds.
const MAIN_CURRENCY: Currency = Currency::USD;
/// The route of a reversal.
pub(crate) const REVERSAL: &str = "POST /wallet/entries/{id}/reversal";

/// A wallet as returned to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Wallet)]
pub struct ShownWallet {
    /// The currency of `balance`.
    pub currency: Currency,
    /// Cash in `currency`, a decimal.
    #[schema(value_type = domain::schema::DecimalString)]
    pub balance: String,
    /// Cash by currency, decimals.
    #[schema(value_type = BTreeMap<String, domain::schema::DecimalString>)]
    pub balances: BTreeMap<String, String>,
    /// Whether the wallet accepts no commands.
    pub frozen: bool,
    /// The market day at whose end the balances are; absent for the current ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub as_of: Option<Day>,
}

impl ShownWallet {
    /// A wallet with these balances.
    pub(crate) fn of(balances: &Balances, frozen: bool, as_of: Option<Day>) -> Result<Self, ServiceError> {
        let balance = balances.of(MAIN_CURRENCY)?.to_string();
        let balances = balances.iter().map(|cash| (cash.currency().code().to_owned(), cash.to_string())).collect();
        Ok(Self { currency: MAIN_CURRENCY, balance, balances, frozen, as_of })
    }
}

/// The direction of a transfer between the wallet and outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Into the wallet.
    Deposit,
    /// Out of it.
    Withdrawal,
}

/// Where the entry of a deposit or withdrawal is, and whether it was reversed. Stored next to the ledger, because
/// entries are never edited. Only these entries can be found by their id.
#[derive(Clone, Serialize, Deserialize)]
struct EntryLocator {
    customer_id: CustomerId,
    seq: u64,
    reversed_by: Option<Uuid>,
}

/// The fields of a movement that its fingerprint covers.
#[derive(Serialize)]
struct TransferParts<'a> {
    amount: &'a str,
    currency: Currency,
}

/// A customer's wallet; an empty one if nothing was ever booked.
pub async fn show(app: &App, customer: CustomerId) -> Result<ShownWallet, ServiceError> {
    let (wallet, _) = read_head(app, customer).await?;
    ShownWallet::of(&wallet.balances, wallet.frozen, None)
}

/// Moves cash between the wallet and outside, once for each idempotency key; only a dry run has none.
pub async fn transfer(
    market: &MarketData,
    customer: CustomerId,
    transfer: Transfer,
    amount: Money,
    idempotency_key: Option<&str>,
) -> Result<Created<StatementLine>, ServiceError> {
    let route = match transfer {
        Transfer::Deposit => "POST /wallet/deposits",
        Transfer::Withdrawal => "POST /wallet/withdrawals",
    };
    let request = TransferParts { amount: &amount.to_string(), currency: amount.currency() };
    let pending = &ReservedKey::new(customer, idempotency_key, route, &request)?;
    let _lock = market.app.lock_customer(customer).await;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        if let Some(made) = read_replayed(&market.app, customer, pending).await? {
            return Ok(made);
        }
        let (wallet, version) = read_head(&market.app, customer).await?;
        let decided = match transfer {
            Transfer::Deposit => deposit(&wallet, amount, &stamp(market)),
            Transfer::Withdrawal => withdraw(&wallet, amount, &stamp(market)),
        };
        let booked = store_refusal(&market.app, pending, decided).await?;
        let key = keys::wallet_locator(booked.entry.id);
        let locator = EntryLocator { customer_id: customer, seq: booked.entry.seq, reversed_by: None };
        let locate = Write::create(key.clone(), documents::body(&key, &locator)?);
        write(&market.app, pending, &booked, version, vec![locate]).await
    })
    .await
}

/// Reverses any customer's deposit or withdrawal, once. `by` is the administrator whose idempotency key it is; only a
/// dry run has none.
///
/// Errors: [`ServiceError::NotFound`], and the ledger's refusals.
pub async fn reverse_entry(
    market: &MarketData,
    by: CustomerId,
    entry: Uuid,
    idempotency_key: Option<&str>,
) -> Result<Created<StatementLine>, ServiceError> {
    let pending = &ReservedKey::new(by, idempotency_key, KeyedRoute::with_id(REVERSAL, entry), &entry)?;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        // Before the entry is read: a key of another request is refused as such, whatever it is sent with.
        pending.look_up(&market.app).await?;
        let key = keys::wallet_locator(entry);
        let found = documents::read::<EntryLocator>(market.app.table(), &key).await?;
        let (locator, locator_version) = found.ok_or(ServiceError::NotFound { what: "deposit or withdrawal" })?;
        let customer = locator.customer_id;
        if let Some(made) = read_replayed(&market.app, customer, pending).await? {
            return Ok(made);
        }
        let entry = read_entry(&market.app, customer, locator.seq).await?;
        let (wallet, version) = read_head(&market.app, customer).await?;
        let decided = reverse(&wallet, &entry, locator.reversed_by, &stamp(market));
        let booked = store_refusal(&market.app, pending, decided).await?;
        let reversed = EntryLocator { reversed_by: Some(booked.entry.id), ..locator };
        let mark = Write::update(key.clone(), documents::body(&key, &reversed)?, locator_version);
        write(&market.app, pending, &booked, version, vec![mark]).await
    })
    .await
}

/// The write that freezes or unfreezes a wallet.
pub async fn prepare_freeze(app: &App, customer: CustomerId, frozen: bool) -> Result<Write, ServiceError> {
    let (wallet, version) = read_head(app, customer).await?;
    head_write(&Wallet { frozen, ..wallet }, version)
}

/// The head of a wallet and its version; the empty wallet, without a version, if nothing was ever booked.
pub async fn read_head(app: &App, customer: CustomerId) -> Result<(Wallet, Option<Version>), ServiceError> {
    let found = documents::read::<Wallet>(app.table(), &keys::wallet_head(customer)).await?;
    Ok(found.map_or_else(|| (Wallet::new(customer), None), |(wallet, version)| (wallet, Some(version))))
}

/// The customer and the `seq` of a deposit or withdrawal; `None` for any other id.
pub(crate) async fn find_locator(app: &App, entry: Uuid) -> Result<Option<(CustomerId, u64)>, ServiceError> {
    let found = documents::read::<EntryLocator>(app.table(), &keys::wallet_locator(entry)).await?;
    Ok(found.map(|(locator, _)| (locator.customer_id, locator.seq)))
}

/// The write of a wallet's head at the version read.
pub(crate) fn head_write(wallet: &Wallet, version: Option<Version>) -> Result<Write, ServiceError> {
    let key = keys::wallet_head(wallet.customer);
    let body = documents::body(&key, wallet)?;
    Ok(Write::Put { key, body, expires_at: None, expect: version.into() })
}

/// The write of a new entry.
pub(crate) fn entry_write(entry: &Entry) -> Result<Write, ServiceError> {
    let key = keys::wallet_entry(entry.customer, entry.seq);
    let body = documents::body(&key, entry)?;
    Ok(Write::Put { key, body, expires_at: None, expect: Expect::Absent })
}

/// The ids and times of a command that runs now.
pub(crate) fn stamp(market: &MarketData) -> Stamp {
    Stamp { entry_id: market.app.new_id(), market_day: market_day(market), created_at: market.app.now() }
}

/// The result of a command. A refusal that uses up the key is stored before it is returned.
pub(crate) async fn store_refusal<T>(
    app: &App,
    pending: &ReservedKey,
    decided: Result<T, Refusal>,
) -> Result<T, ServiceError> {
    let refusal = match decided {
        Ok(booked) => return Ok(booked),
        Err(refusal) => refusal,
    };
    if let Some(outcome) = StoredOutcome::of_refusal(&refusal)
        && let Some(mark) = pending.mark(app, outcome)?
    {
        app.table().transact(vec![mark]).await?;
    }
    Err(refusal.into())
}

/// The refusal that a key was used up for.
pub(crate) fn remembered(outcome: &StoredOutcome) -> Result<(), ServiceError> {
    match outcome.refusal()? {
        Some(refusal) => Err(ServiceError::RefusedBefore(refusal)),
        None => Ok(()),
    }
}

async fn read_replayed(
    app: &App,
    customer: CustomerId,
    pending: &ReservedKey,
) -> Result<Option<Created<StatementLine>>, ServiceError> {
    let Some(outcome) = pending.look_up(app).await? else { return Ok(None) };
    remembered(&outcome)?;
    let StoredOutcome::Entry(seq) = outcome else { return Err(ServiceError::IdempotencyKeyReused) };
    let entry = read_entry(app, customer, seq).await?;
    Ok(Some(Created { value: StatementLine::from(&entry), replayed: true }))
}

/// An entry that the head or a pointer names.
pub(crate) async fn read_entry(app: &App, customer: CustomerId, seq: u64) -> Result<Entry, ServiceError> {
    let key = keys::wallet_entry(customer, seq);
    let found = documents::read::<Entry>(app.table(), &key).await?;
    let missing = || StoreError::corrupt(&key, "the referenced entry is missing");
    Ok(found.map(|(entry, _)| entry).ok_or_else(missing)?)
}

/// Writes key, head, entry and all that belongs to them, in one transaction.
async fn write(
    app: &App,
    pending: &ReservedKey,
    booked: &Booked,
    version: Option<Version>,
    also: Vec<Write>,
) -> Result<Created<StatementLine>, ServiceError> {
    let mark = pending.mark(app, StoredOutcome::Entry(booked.entry.seq))?;
    let books = [head_write(&booked.wallet, version)?, entry_write(&booked.entry)?];
    app.table().transact(mark.into_iter().chain(books).chain(also).collect()).await?;
    Ok(Created { value: StatementLine::from(&booked.entry), replayed: false })
}
