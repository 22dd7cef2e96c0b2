//! Erasing a customer: personal data is removed; the ledger stays under an anonymous id and still balances.
//!
//! The first transaction removes name, address, password and sessions and freezes the wallet. A sweep then removes the
//! customer's other items one by one. The nightly verification sweeps again, and also finishes an interrupted sweep.
//!
//! The kind of an item decides whether it is removed. An item of an unknown kind, which a later version of the code may
//! have written, may be personal or an entry of the ledger. It stays, is logged as an error, and keeps the erasure
//! unfinished, so that every nightly verification tries again until the code knows the kind.

use std::collections::BTreeSet;

use app::error::ServiceError;
use app::{App, listing};
use books::portfolios::PortfolioRecord;
use books::wallets;
use chrono::TimeDelta;
use domain::portfolio::PortfolioName;
use domain::{CustomerId, Role};
use identity::audit::{self, Actor};
use identity::password::Password;
use identity::profile::{self, Profile};
use identity::registration;
use market_data::{custom_instruments, held_symbols, tracked_symbols};
use notifications::{alerts, live, watchlist};
use serde_json::json;
use store::keys::{self, Kind, List};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Range, Write, documents};

use crate::{administrators, advice, own_account, personal_data};

/// No request runs this long, so a sweep that is later than this after an erasure is the last one.
const STRAGGLER_MINUTES: i64 = 60;
/// The name of a portfolio whose owner was erased.
const ERASED_NAME: &str = "erased";

/// Erases the customer, if the password is right. Errors: [`ServiceError::WrongPassword`],
/// [`ServiceError::LastAdministrator`].
pub async fn erase(app: &App, customer: CustomerId, password: Password) -> Result<(), ServiceError> {
    let epoch = own_account::check_password(app, customer, password).await?;
    erase_as(app, Actor::Customer(customer), customer, Some(epoch)).await
}

/// Erases the customer for the operator, for example again, after data from before their erasure were restored. Does nothing
/// if they are erased. Errors: [`ServiceError::NotFound`], [`ServiceError::LastAdministrator`].
pub async fn erase_for_operator(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    erase_as(app, Actor::Operator, customer, None).await
}

/// Erases the customer, if `epoch` is still that of their sessions.
async fn erase_as(app: &App, actor: Actor, customer: CustomerId, epoch: Option<u64>) -> Result<(), ServiceError> {
    let unlisted = &administrators::UnlistedAdministrators::default();
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        let Some(person) = stored.profile.person.clone() else { return Ok(()) };
        if let Some(epoch) = epoch {
            own_account::require_epoch(&stored, epoch)?;
        }
        let now = app.now();
        let mut erased = Profile {
            person: None,
            password_hash: None,
            role: Role::Client,
            advisor_id: None,
            advice_to_end: stored.profile.advice_to_end || stored.profile.advises(),
            email_verified_at: None,
            erased_at: Some(now),
            updated_at: now,
            ..stored.profile.clone()
        };
        erased.end_sessions();
        let mut writes = stored.replaced_by(&erased)?;
        writes.extend([
            Write::Delete { key: keys::email(&person.email), expect: DeleteExpect::Any },
            Write::Delete { key: keys::login_attempts(&person.email), expect: DeleteExpect::Any },
            wallets::prepare_freeze(app, customer, true).await?,
            audit::record(app, customer, actor, "erased", json!({}))?,
        ]);
        writes.extend(administrators::prepare_listing(app, &stored.profile, &erased, unlisted).await?);
        if let Some(advisor) = stored.profile.advisor_id {
            writes.push(Write::Delete { key: keys::client_of(advisor, customer), expect: DeleteExpect::Any });
        }
        app.table().transact(writes).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    live::close_all(app, customer).await;
    sweep(app, customer).await.map(drop)
}

/// Removes the remaining items of an erased customer. Returns whether the erasure is finished now: requests in progress
/// may still write for a while. May be called at any time.
pub async fn sweep(app: &App, customer: CustomerId) -> Result<bool, ServiceError> {
    let advice_ended = advice::end(app, Actor::Customer(customer), customer).await?;
    // What is at the legacy key from here on is a remnant.
    let stored = profile::move_from_legacy_key(app, customer).await?;
    let Some(erased_at) = stored.profile.erased_at.filter(|_| !stored.profile.swept) else { return Ok(false) };
    let own = personal_data::read_items_of(app, customer).await?;
    let mut done = advice_ended;
    let mut holdings = BTreeSet::new();
    for portfolio in personal_data::portfolios(&own)? {
        for item in listing::read_all(app, keys::portfolio_contents(portfolio)).await? {
            holdings.extend(held_symbols::named_by(&item)?.into_iter().map(|symbol| (portfolio, symbol)));
            done &= erase_item(app, customer, item).await?;
        }
    }
    for (portfolio, symbol) in holdings {
        app.table().transact(vec![tracked_symbols::holds_no_longer(portfolio, &symbol)]).await?;
    }
    for item in custom_instruments::list(app, customer).await? {
        let valuations = List { partition: keys::own_bars(customer, &item.symbol), range: Range::All };
        for valuation in listing::read_all(app, valuations).await? {
            remove(app, customer, valuation).await?;
        }
    }
    for item in own {
        done &= erase_item(app, customer, item).await?;
    }
    let is_recent = app.now() - erased_at < TimeDelta::minutes(STRAGGLER_MINUTES);
    if !done || is_recent {
        return Ok(false);
    }
    let swept = Profile { swept: true, ..stored.profile.clone() };
    app.table().transact(stored.replaced_by(&swept)?).await?;
    Ok(true)
}

/// Removes or keeps an item, depending on its kind; false if the next sweep must try again.
async fn erase_item(app: &App, customer: CustomerId, item: Item) -> Result<bool, ServiceError> {
    let Some(kind) = Kind::of(&item.key) else {
        tracing::error!(key = %item.key, "an item of an unknown kind is not erased");
        return Ok(false);
    };
    match kind {
        // The anonymous profile, the ledger, and what its entries point to. `advice` removes the clients.
        Kind::Profile
        | Kind::Client
        | Kind::WalletHead
        | Kind::WalletEntry
        | Kind::Position
        | Kind::OlderLots
        | Kind::Trade => {}
        Kind::Portfolio => rename(app, &item).await?,
        Kind::Session => {
            let session = Kind::Session.id_in(&item.key).map(keys::session);
            let ended = session.into_iter().chain([item.key]);
            app.table().transact(ended.map(|key| Write::Delete { key, expect: DeleteExpect::Any }).collect()).await?;
        }
        Kind::Connection => {
            if let Some(id) = Kind::Connection.id_in(&item.key) {
                live::delete(app, id).await?;
            }
            remove(app, customer, item).await?;
        }
        Kind::Alert => alerts::erase(app, item).await?,
        Kind::Watch => watchlist::erase(app, customer, item).await?,
        Kind::Firing => alerts::erase_firing(app, item).await?,
        Kind::EmailSubscription => return alerts::close_email_subscription(app, item).await,
        Kind::Registration => {
            app.table().transact(registration::prepare_deletion(&item)?).await?;
        }
        Kind::LegacyProfile
        | Kind::Advisor
        | Kind::Export
        | Kind::RequestCount
        | Kind::Response
        | Kind::Backtest
        | Kind::Report
        | Kind::WatchCount
        | Kind::AlertCount
        | Kind::CustomInstrument
        | Kind::CustomInstrumentCount
        | Kind::PortfolioCount
        | Kind::InvestmentProfile
        | Kind::Series
        | Kind::Activities
        | Kind::ActivityVersion
        | Kind::Investment
        | Kind::InvestmentCount
        | Kind::Import => remove(app, customer, item).await?,
    }
    Ok(true)
}

/// Removes an item, after the objects that it names.
async fn remove(app: &App, customer: CustomerId, item: Item) -> Result<(), ServiceError> {
    if let Some(json) = personal_data::parse_json(&item)? {
        for object in personal_data::objects_named(&json, customer) {
            app.objects().delete(&object).await?;
        }
    }
    app.table().transact(vec![Write::Delete { key: item.key, expect: DeleteExpect::Any }]).await?;
    Ok(())
}

/// Removes the name and the investment profile of a portfolio.
async fn rename(app: &App, item: &Item) -> Result<(), ServiceError> {
    let mut record: PortfolioRecord = documents::parse(item)?;
    record.portfolio.name = PortfolioName::try_from(ERASED_NAME.to_owned())
        .map_err(|error| ServiceError::fault("the erased name", error))?;
    record.portfolio.investment_profile = None;
    let body = documents::body(&item.key, &record)?;
    app.table().transact(vec![Write::update(item.key.clone(), body, item.version)]).await?;
    Ok(())
}
