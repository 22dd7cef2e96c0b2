//! Changes a portfolio, or closes it.

use std::collections::BTreeMap;

use app::App;
use app::error::ServiceError;
use app::precondition::Precondition;
use domain::portfolio::{
    CashTreatment, Fraction, InvestmentAims, InvestmentProfile, LotMethod, Portfolio, PortfolioId, PortfolioName,
    PortfolioState, PortfolioType, RiskLevel, Targets,
};
use domain::{Currency, CustomerId, Day, InstrumentType, LongTerm};
use market_data::MarketData;
use store::retry::{Retry, retry};
use store::{Expect, Write, keys};

use super::kept_profile;
use super::record::{LoadedPortfolio, PortfolioRecord, load};
use crate::activities::{History, replay_all};
use crate::positions;

/// A change of a portfolio; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Name.
    pub name: Option<PortfolioName>,
    /// Kind of account.
    pub kind: Option<PortfolioType>,
    /// Currency of its value and performance.
    pub base_currency: Option<Currency>,
    /// Which lots sales from the wallet consume from now on. Recorded sales are all counted by it.
    pub lot_method: Option<LotMethod>,
    /// Whether the cash of its activities is part of its value and performance.
    pub cash: Option<CashTreatment>,
    /// How long units must have been held for a gain to be long-term.
    pub long_term: Option<LongTerm>,
    /// Open or closed.
    pub state: Option<PortfolioState>,
    /// Its purpose.
    pub profile: ProfileChange,
}

/// A change of an investment profile.
#[derive(Clone, Debug, Default)]
pub enum ProfileChange {
    /// No change.
    #[default]
    Keep,
    /// Removes the profile.
    Remove,
    /// Changes these fields; a first profile needs all of them.
    Merge(AimsChange),
}

/// Fields of an investment profile; an absent one stays.
#[derive(Clone, Debug, Default)]
pub struct AimsChange {
    /// From 1 to 7.
    pub risk: Option<RiskLevel>,
    /// Years, 1 to [`domain::portfolio::MAX_HORIZON_YEARS`].
    pub horizon_years: Option<u8>,
    /// The fraction that may be lost without harm.
    pub loss_capacity: Option<Fraction>,
    /// Targets that change; `None` removes one.
    pub targets: BTreeMap<InstrumentType, Option<Fraction>>,
}

/// Changes a portfolio if it is still at the version that the change is for.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`],
/// [`ServiceError::PortfolioNotEmpty`] when closing one that still holds something.
pub async fn change(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    precondition: &Precondition,
    change: &Change,
) -> Result<Portfolio, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = load(&market.app, customer, id).await?;
        let before = &held.record.portfolio;
        precondition.require(before.version)?;
        let record = changed(&market.app, &held.record, change)?;
        if record.portfolio == *before {
            return Ok(record.portfolio);
        }
        let mut writes = vec![held.replaced_by(&record)?];
        if record.profiles > held.record.profiles {
            writes.extend(
                record
                    .portfolio
                    .investment_profile
                    .iter()
                    .map(|one| kept_profile(id, one))
                    .collect::<Result<Vec<_>, _>>()?,
            );
        }
        if before.is_open() && !record.portfolio.is_open() {
            writes.extend(assert_nothing_held(market, &held).await?);
        }
        market.app.table().transact(writes).await?;
        Ok(record.portfolio)
    })
    .await
}

/// The record after the change; the same record if nothing differs.
fn changed(app: &App, before: &PortfolioRecord, change: &Change) -> Result<PortfolioRecord, ServiceError> {
    let old = &before.portfolio;
    let now = app.now();
    let (investment_profile, profiles) = match &change.profile {
        ProfileChange::Keep => (old.investment_profile.clone(), before.profiles),
        ProfileChange::Remove => (None, before.profiles),
        ProfileChange::Merge(part) => {
            let aims = merged(old.investment_profile.as_ref().map(|profile| &profile.aims), part)?;
            match &old.investment_profile {
                Some(standing) if standing.aims == aims => (Some(standing.clone()), before.profiles),
                _ => {
                    let version = before.profiles + 1;
                    (Some(InvestmentProfile { version, since: now, aims }), version)
                }
            }
        }
    };
    let portfolio = Portfolio {
        name: change.name.clone().unwrap_or_else(|| old.name.clone()),
        kind: change.kind.unwrap_or(old.kind),
        base_currency: change.base_currency.unwrap_or(old.base_currency),
        lot_method: change.lot_method.unwrap_or(old.lot_method),
        cash: change.cash.unwrap_or(old.cash),
        long_term: change.long_term.unwrap_or(old.long_term),
        state: change.state.unwrap_or(old.state),
        investment_profile,
        ..old.clone()
    };
    if portfolio == *old {
        return Ok(before.clone());
    }
    // Every stored value is in the old currency, or with or without the cash.
    let is_revalued = portfolio.base_currency != old.base_currency || portfolio.cash != old.cash;
    let dirty_from = if is_revalued { Some(Day::FIRST) } else { before.dirty_from };
    let portfolio = Portfolio { updated_at: now, version: old.version + 1, ..portfolio };
    Ok(PortfolioRecord { portfolio, profiles, dirty_from, removing: false })
}

fn merged(standing: Option<&InvestmentAims>, part: &AimsChange) -> Result<InvestmentAims, ServiceError> {
    let missing =
        |field| ServiceError::Field { field, detail: "is required for a first investment profile".to_owned() };
    let mut targets = standing.map(|aims| aims.targets.fractions().clone()).unwrap_or_default();
    for (&kind, fraction) in &part.targets {
        match fraction {
            Some(fraction) => targets.insert(kind, *fraction),
            None => targets.remove(&kind),
        };
    }
    let targets = Targets::new(targets)
        .map_err(|error| ServiceError::Field { field: "investment_profile/targets", detail: error.to_string() })?;
    Ok(InvestmentAims {
        risk: part.risk.or(standing.map(|aims| aims.risk)).ok_or_else(|| missing("investment_profile/risk"))?,
        horizon_years: part
            .horizon_years
            .or(standing.map(|aims| aims.horizon_years))
            .ok_or_else(|| missing("investment_profile/horizon_years"))?,
        loss_capacity: part
            .loss_capacity
            .or(standing.map(|aims| aims.loss_capacity))
            .ok_or_else(|| missing("investment_profile/loss_capacity"))?,
        targets,
    })
}

/// The writes that make closing fail if anything is held by then.
///
/// A trade asserts the portfolio's version and does not change it, so a trade that commits between reading the
/// positions and writing would go unnoticed. But every trade writes the head of its customer's wallet: the head is read
/// before the positions, and asserted with the closing. So is the head of the activities.
async fn assert_nothing_held(market: &MarketData, held: &LoadedPortfolio) -> Result<[Write; 2], ServiceError> {
    let portfolio = &held.record.portfolio;
    let wallet = assert_wallet_unchanged(&market.app, portfolio.customer_id).await?;
    let history = History::read(&market.app, portfolio.id).await?;
    let recorded = history.activities().cloned().collect();
    let budget = market.budget_for(portfolio.customer_id);
    let recorded = replay_all(market, recorded, portfolio.lot_method, Day::LAST, budget).await?;
    let lots: usize = recorded.values().map(|recorded| recorded.position.lots.len()).sum();
    if lots > 0 {
        return Err(ServiceError::PortfolioNotEmpty { holding: format!("{lots} investments") });
    }
    let positions = positions::read_all(market, portfolio.id).await?;
    match positions.iter().find(|position| !position.lots.is_empty()) {
        Some(held) => Err(ServiceError::PortfolioNotEmpty { holding: format!("units of {}", held.symbol) }),
        None => Ok([wallet, history.unchanged()]),
    }
}

/// The write that makes a transaction fail if the customer has traded since.
pub(super) async fn assert_wallet_unchanged(app: &App, customer: CustomerId) -> Result<Write, ServiceError> {
    let key = keys::wallet_head(customer);
    let version = app.table().get(&key).await?.map(|item| item.version);
    Ok(Write::Check { key, expect: Expect::from(version) })
}
