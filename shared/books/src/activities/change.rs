//! Correcting and removing activities.

use chrono::NaiveTime;
use domain::{Currency, CustomerId, Day, PortfolioId, SplitRatio, Symbol};
use ledger::{Activity, ActivityFields, LotMethod, LotPick};
use rust_decimal::Decimal;
use store::retry::{Retry, retry};

use super::record::{ActivityRecord, Identity, NewActivity, check, track};
use super::step::{Step, prepare_writes};
use super::{History, MarketData, Precondition, ServiceError, Uuid};
use crate::portfolios;

/// A change of an activity; `None` leaves a field unchanged, `Some(None)` removes it. Its type stays.
#[derive(Clone, Debug, Default)]
pub struct ActivityChange {
    /// The day on which it happened.
    pub date: Option<Day>,
    /// The time of that day.
    pub time: Option<Option<NaiveTime>>,
    /// The instrument.
    pub symbol: Option<Option<Symbol>>,
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
    /// The currency of the amounts.
    pub currency: Option<Currency>,
    /// The cash that an exchange brought.
    pub to_amount: Option<Decimal>,
    /// The currency of that cash.
    pub to_currency: Option<Currency>,
    /// When the units were bought.
    pub acquired_on: Option<Option<Day>>,
    /// New units for old ones.
    pub ratio: Option<SplitRatio>,
    /// The lots to take from.
    pub lots: Option<Vec<LotPick>>,
    /// The currency of the fee.
    pub fee_currency: Option<Option<Currency>>,
    /// The broker's rate into the currency of the instrument.
    pub fx_rate: Option<Option<Decimal>>,
    /// The broker's rate into the base currency of the portfolio.
    pub base_rate: Option<Option<Decimal>>,
    /// The activity that it takes back.
    pub reverses: Option<Option<Uuid>>,
    /// The customer's note.
    pub note: Option<Option<String>>,
}

/// Which activities a request may change.
pub(crate) type Accepts = fn(&Activity) -> Result<(), ServiceError>;

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
    let target = Target { portfolio, id, accepts: |_| Ok(()) };
    let (activity, _) = correct_target(market, customer, &target, precondition, change).await?;
    Ok(activity.into())
}

/// The activity that a request changes.
pub(crate) struct Target {
    /// The portfolio.
    pub portfolio: PortfolioId,
    /// The id of the activity.
    pub id: Uuid,
    /// Refuses one that the request may not change.
    pub accepts: Accepts,
}

/// The same for an activity that the request may change. Returns it with the history after the correction.
pub(crate) async fn correct_target(
    market: &MarketData,
    customer: CustomerId,
    target: &Target,
    precondition: &Precondition,
    change: &ActivityChange,
) -> Result<(Activity, History), ServiceError> {
    let (app, portfolio) = (&market.app, target.portfolio);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = portfolios::load(app, customer, portfolio).await?;
        let mut history = History::read(app, portfolio).await?;
        let before = target.find(&history)?;
        precondition.require(before.version)?;
        let identity = Identity {
            id: before.id,
            portfolio_id: portfolio,
            source: before.source,
            created_at: before.created_at,
            updated_at: before.updated_at,
            version: before.version,
        };
        // A rate into base stays one into the currency that was the base then.
        let rated = before.event.paid().and_then(|paid| paid.base).filter(|_| change.base_rate.is_none());
        let base = rated.map_or(held.record.portfolio.base_currency, |(_, base)| base);
        // Lots that it named before stay, whatever the lot method is now.
        let method = if change.lots.is_some() { held.record.portfolio.lot_method } else { LotMethod::Specific };
        let after = check(market, customer, &change.of(&before), identity, (method, base)).await?;
        if after == before {
            return Ok::<_, ServiceError>((before, history));
        }
        track(app, &after).await?;
        let after = Activity { updated_at: app.now(), version: before.version.saturating_add(1), ..after };
        let step = Step { before: Some(&before), after: std::slice::from_ref(&after) };
        let writes = prepare_writes(market, customer, &mut history, &step).await?;
        app.table().transact(writes).await?;
        history.remove_packed_investments(app).await;
        Ok((after, history))
    })
    .await
}

/// Removes an activity. Its last version is kept.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::PreconditionFailed`], [`ServiceError::PortfolioClosed`],
/// [`ServiceError::HistoryConflict`] if a later activity needs its units.
pub async fn remove(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    remove_target(market, customer, &Target { portfolio, id, accepts: |_| Ok(()) }, precondition).await
}

/// The same for an activity that the request may change.
pub(crate) async fn remove_target(
    market: &MarketData,
    customer: CustomerId,
    target: &Target,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    let app = &market.app;
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        portfolios::load(app, customer, target.portfolio).await?;
        let mut history = History::read(app, target.portfolio).await?;
        let before = target.find(&history)?;
        precondition.allow(before.version)?;
        let step = Step { before: Some(&before), after: &[] };
        let writes = prepare_writes(market, customer, &mut history, &step).await?;
        app.table().transact(writes).await?;
        history.remove_packed_investments(app).await;
        Ok(())
    })
    .await
}

impl Target {
    fn find(&self, history: &History) -> Result<Activity, ServiceError> {
        let found = history.find(self.id)?;
        (self.accepts)(found)?;
        Ok(found.clone())
    }
}

impl ActivityChange {
    /// The activity as it would be given anew, after this change.
    fn of(&self, before: &Activity) -> NewActivity {
        let ActivityFields { kind, symbol, quantity, unit_price, amount, .. } = before.event.fields();
        let ActivityFields { cost_unknown, fee, tax, currency, acquired_on, ratio, lots, .. } = before.event.fields();
        let ActivityFields { to_amount, to_currency, fee_currency, fx_rate, base_rate, reverses, .. } =
            before.event.fields();
        // What the change does not give of quantity, price and amount follows from the other two.
        let derives_amount = self.amount.is_none() && (self.quantity.is_some() || self.unit_price.flatten().is_some());
        let derives_price = self.unit_price.is_none() && self.amount.is_some();
        let has_price = self.unit_price.flatten().is_some();
        let fields = ActivityFields {
            symbol: self.symbol.clone().unwrap_or(symbol),
            quantity: self.quantity.or(quantity),
            unit_price: self.unit_price.unwrap_or(if derives_price { None } else { unit_price }),
            cost_unknown: self.cost_unknown.unwrap_or(cost_unknown && !has_price),
            amount: self.amount.unwrap_or(if derives_amount { None } else { amount }),
            fee: self.fee.unwrap_or(fee),
            tax: self.tax.unwrap_or(tax),
            // That of an instrument may be another one now.
            currency: self
                .currency
                .or(currency.filter(|_| !before.event.is_of_units() || before.event.paid().is_some())),
            to_amount: self.to_amount.or(to_amount),
            to_currency: self.to_currency.or(to_currency),
            acquired_on: self.acquired_on.unwrap_or(acquired_on),
            ratio: self.ratio.or(ratio),
            lots: self.lots.clone().unwrap_or(lots),
            fee_currency: self.fee_currency.unwrap_or(fee_currency),
            fx_rate: self.fx_rate.unwrap_or(fx_rate),
            base_rate: self.base_rate.unwrap_or(base_rate),
            reverses: self.reverses.unwrap_or(reverses),
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
