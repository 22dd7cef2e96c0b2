//! Correcting and removing activities.

use chrono::NaiveTime;
use domain::{CustomerId, Day, PortfolioId, SplitRatio, Symbol};
use ledger::{Activity, ActivityFields, LotPick};
use market_data::custom_instruments;
use rust_decimal::Decimal;
use store::retry::{Retry, retry};
use store::{Write, documents, keys};

use super::conflicts::refuse_missing_units;
use super::positions::load_splits;
use super::record::{ActivityRecord, Identity, NewActivity, check};
use super::{History, MarketData, Precondition, ServiceError, Uuid};
use crate::investments::track;
use crate::portfolios;

/// A change of an activity; `None` leaves a field unchanged, `Some(None)` removes it. Its type stays.
#[derive(Clone, Debug, Default)]
pub struct ActivityChange {
    /// The day on which it happened.
    pub date: Option<Day>,
    /// The time of that day.
    pub time: Option<Option<NaiveTime>>,
    /// The instrument.
    pub symbol: Option<Symbol>,
    /// Units.
    pub quantity: Option<Decimal>,
    /// Price of a unit.
    pub unit_price: Option<Option<Decimal>>,
    /// Whether the cost is not known.
    pub cost_unknown: Option<bool>,
    /// The money that the units cost or brought.
    pub amount: Option<Option<Decimal>>,
    /// The fee.
    pub fee: Option<Decimal>,
    /// The tax.
    pub tax: Option<Decimal>,
    /// When the units were bought.
    pub acquired_on: Option<Option<Day>>,
    /// New units for old ones.
    pub ratio: Option<SplitRatio>,
    /// The lots to take from.
    pub lots: Option<Vec<LotPick>>,
    /// The customer's note.
    pub note: Option<Option<String>>,
}

/// A change of one activity in a history.
pub(super) struct Step<'a> {
    /// The activity before it, unless it is recorded now.
    pub before: Option<&'a Activity>,
    /// The activity after it, unless it is removed.
    pub after: Option<&'a Activity>,
}

/// Corrects an activity if it is still at the version that the correction is for. The version before is kept.
///
/// If quantity or price change and the amount is not given, it is quantity × price again; if the amount changes and the
/// price is not given, that is amount ÷ quantity.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`] and those of
/// [`super::record`].
pub async fn correct(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
    change: &ActivityChange,
) -> Result<ActivityRecord, ServiceError> {
    let standing = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = portfolios::load(&market.app, customer, portfolio).await?;
        let mut history = History::read(&market.app, portfolio).await?;
        let before = history.find(id)?.clone();
        precondition.require(before.version)?;
        let identity = Identity {
            id,
            portfolio_id: portfolio,
            source: before.source,
            created_at: before.created_at,
            updated_at: before.updated_at,
            version: before.version,
        };
        let after = check(market, customer, &change.of(&before), identity, held.record.portfolio.lot_method).await?;
        if after == before {
            return Ok::<_, ServiceError>(before);
        }
        track(&market.app, portfolio, after.symbol()).await?;
        let after = Activity { updated_at: market.app.now(), version: before.version.saturating_add(1), ..after };
        let step = Step { before: Some(&before), after: Some(&after) };
        let writes = prepare_writes(market, customer, portfolio, &mut history, &step).await?;
        market.app.table().transact(writes).await?;
        history.remove_packed_investments(&market.app).await?;
        Ok(after)
    })
    .await?;
    Ok(standing.into())
}

/// Removes an activity. Its last version is kept.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::PreconditionFailed`], [`ServiceError::HistoryConflict`] if a later
/// activity needs its units.
pub async fn remove(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        portfolios::load(&market.app, customer, portfolio).await?;
        let mut history = History::read(&market.app, portfolio).await?;
        let before = history.find(id)?.clone();
        precondition.allow(before.version)?;
        let step = Step { before: Some(&before), after: None };
        let writes = prepare_writes(market, customer, portfolio, &mut history, &step).await?;
        market.app.table().transact(writes).await?;
        history.remove_packed_investments(&market.app).await
    })
    .await
}

/// The writes of a step, which is applied to `history`.
pub(super) async fn prepare_writes(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    history: &mut History,
    step: &Step<'_>,
) -> Result<Vec<Write>, ServiceError> {
    let app = &market.app;
    let held = portfolios::load(app, customer, portfolio).await?;
    if step.after.is_some() {
        held.require_open()?;
    }
    let before = history.clone();
    match (step.before, step.after) {
        (_, None) => step.before.into_iter().for_each(|activity| history.remove(activity.id)),
        (None, Some(activity)) => history.append(vec![activity.clone()])?,
        (Some(_), Some(activity)) => history.replace(activity.clone()),
    }
    let touched: Vec<Symbol> = step.activities().map(|activity| activity.symbol().clone()).collect();
    let of_touched = |history: &'_ History| -> Vec<Activity> {
        history.activities().filter(|activity| touched.contains(activity.symbol())).cloned().collect()
    };
    let (old, new) = (of_touched(&before), of_touched(history));
    let splits = load_splits(market, old.iter().chain(&new), market.budget_for(customer)).await?;
    let (old, new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
    let changed = step.after.map(|activity| activity.id);
    refuse_missing_units(&old, &new, &splits, held.record.portfolio.lot_method, changed)?;
    let mut writes = history.writes()?;
    if let Some(day) = step.activities().map(|activity| activity.date).min() {
        writes.push(held.unchanged_but_dirty_from(day)?);
    }
    if let Some(before) = step.before {
        let key = keys::activity_version(portfolio, before.id, before.version);
        writes.push(Write::create(key.clone(), documents::body(&key, before)?));
    }
    let held = step.after.map(|activity| (activity.symbol(), activity.currency()));
    writes.extend(custom_instruments::assert_unchanged(app, customer, held).await?);
    Ok(writes)
}

impl Step<'_> {
    fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.before.into_iter().chain(self.after)
    }
}

impl ActivityChange {
    /// The activity as it would be given anew, after this change.
    fn of(&self, before: &Activity) -> NewActivity {
        let ActivityFields { kind, symbol, quantity, unit_price, amount, .. } = before.event.fields();
        let ActivityFields { cost_unknown, fee, tax, acquired_on, ratio, lots, .. } = before.event.fields();
        // What the change does not give of quantity, price and amount follows from the other two.
        let derives_amount = self.amount.is_none() && (self.quantity.is_some() || self.unit_price.is_some());
        let derives_price = self.unit_price.is_none() && self.amount.is_some();
        let has_price = self.unit_price.flatten().is_some();
        let fields = ActivityFields {
            symbol: self.symbol.clone().or(symbol),
            quantity: self.quantity.or(quantity),
            unit_price: self.unit_price.unwrap_or(if derives_price { None } else { unit_price }),
            cost_unknown: self.cost_unknown.unwrap_or(cost_unknown && !has_price),
            amount: self.amount.unwrap_or(if derives_amount { None } else { amount }),
            fee: self.fee.unwrap_or(fee),
            tax: self.tax.unwrap_or(tax),
            currency: None,
            acquired_on: self.acquired_on.unwrap_or(acquired_on),
            ratio: self.ratio.or(ratio),
            lots: self.lots.clone().unwrap_or(lots),
            ..ActivityFields::new(kind)
        };
        NewActivity {
            date: self.date.unwrap_or(before.date),
            time: self.time.unwrap_or(before.time),
            fields,
            note: self.note.clone().unwrap_or_else(|| before.note.clone()),
            external_id: before.external_id.clone(),
        }
    }
}
