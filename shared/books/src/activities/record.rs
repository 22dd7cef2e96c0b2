//! Recording an activity, and how one is shown.

use app::effect::Effect;
use app::error::{FieldMistake, ServiceError};
use app::idempotency::{self, Created, KeyLookup, KeyedRoute, ReservedKey};
use app::{App, stored_responses};
use chrono::{DateTime, NaiveTime, Utc};
use domain::{Currency, CustomerId, Day, Portfolio, PortfolioId, SplitRatio, Symbol};
use ledger::activity::{DayRates, NeededRates};
use ledger::{Activity, ActivityFields, ActivityMistake, ActivitySource, ActivityType, LotMethod, LotPick};
use market::CallBudget;
use market_data::exchange_rates::ExchangeRates;
use market_data::{MarketData, instruments};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use utoipa::ToSchema;
use uuid::Uuid;

use super::step::{Step, prepare_writes};
use super::{History, WHAT};
use crate::{investments, portfolios};

pub(crate) const ROUTE: &str = "POST /portfolios/{id}/activities";

/// An activity to record, as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewActivity {
    /// The day on which it happened.
    pub date: Day,
    /// The time of that day at the exchange.
    pub time: Option<NaiveTime>,
    /// What happened.
    #[serde(flatten)]
    pub fields: ActivityFields,
    /// The customer's note.
    pub note: Option<String>,
    /// Its id in another program.
    pub external_id: Option<String>,
}

/// An activity of a portfolio. Amounts are decimals in `currency`; a field that the type does not take is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Activity)]
pub struct ActivityRecord {
    /// Id of the activity.
    pub id: Uuid,
    /// The portfolio that it belongs to.
    pub portfolio_id: PortfolioId,
    /// What happened, which no correction changes.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// The day on which it happened.
    pub date: Day,
    /// The time of that day at the exchange; null if it is not known.
    #[schema(value_type = Option<domain::schema::TimeOfDay>, required)]
    pub time: Option<NaiveTime>,
    /// Symbol of the instrument; null if it moves cash without one.
    #[schema(value_type = Option<Symbol>, required)]
    pub symbol: Option<Symbol>,
    /// Units of that day; below zero for an adjustment that removes units.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub quantity: Option<Decimal>,
    /// Price of a unit; for units that came in, what one had cost, null if that is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub unit_price: Option<Decimal>,
    /// Whether the cost of units that came in is not known.
    pub cost_unknown: bool,
    /// The money, fee and tax apart: what units cost or brought, or the cash that moved. Below zero for an adjustment that
    /// removes cash, and for a dividend, interest, a fee or a tax that is taken back.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub amount: Option<Decimal>,
    /// The fee: part of the cost of a purchase, taken off what a sale brings, and cash that leaves with other types.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fee: Decimal,
    /// The tax: part of the cost of a purchase, not part of the gain of a sale, and cash that leaves with other types.
    #[schema(value_type = domain::schema::DecimalString)]
    pub tax: Decimal,
    /// Currency of the amounts, in which they were paid.
    pub currency: Currency,
    /// What an exchange brought.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub to_amount: Option<Decimal>,
    /// The currency of what an exchange brought.
    #[schema(value_type = Option<Currency>, required)]
    pub to_currency: Option<Currency>,
    /// The currency of the fee, if it is another one.
    #[schema(value_type = Option<Currency>, required)]
    pub fee_currency: Option<Currency>,
    /// The broker's rate: the currency of the instrument for one of `currency`. Null if they are the same, or if the rate of
    /// the day converts.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub fx_rate: Option<Decimal>,
    /// The broker's rate into the base currency of the portfolio: that currency for one of `currency`.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub base_rate: Option<Decimal>,
    /// When units that came in were bought; null if it is not known.
    #[schema(required)]
    pub acquired_on: Option<Day>,
    /// New units for old ones, of a split.
    #[schema(value_type = Option<domain::schema::SplitRatioString>, required)]
    pub ratio: Option<SplitRatio>,
    /// The lots that the units are taken from, if it names them.
    pub lots: Vec<LotPick>,
    /// Id of the activity that it takes back, if it names one.
    #[schema(required)]
    pub reverses: Option<Uuid>,
    /// The customer's note.
    #[schema(required)]
    pub note: Option<String>,
    /// Its id in the program that it was imported from.
    #[schema(required)]
    pub external_id: Option<String>,
    /// How it came to be.
    pub source: ActivitySource,
    /// When it was first recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1; the value of `ETag` and `If-Match`.
    #[schema(minimum = 1)]
    pub version: u64,
}

impl Effect for ActivityRecord {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at", "updated_at"];
}

impl From<Activity> for ActivityRecord {
    fn from(activity: Activity) -> Self {
        let fields = activity.event.fields();
        let currency = fields.currency.unwrap_or_else(|| activity.event.currency());
        // Money has all decimals of its currency.
        let money_in = |currency: Currency, mut amount: Decimal| {
            amount.rescale(currency.decimals());
            amount
        };
        let money = |amount| money_in(currency, amount);
        Self {
            id: activity.id,
            portfolio_id: activity.portfolio_id,
            kind: fields.kind,
            date: activity.date,
            time: activity.time,
            symbol: fields.symbol,
            quantity: fields.quantity,
            unit_price: fields.unit_price,
            cost_unknown: fields.cost_unknown,
            amount: fields.amount.map(money),
            fee: money_in(fields.fee_currency.unwrap_or(currency), fields.fee),
            tax: money(fields.tax),
            currency,
            to_amount: fields.to_amount.zip(fields.to_currency).map(|(amount, currency)| money_in(currency, amount)),
            to_currency: fields.to_currency,
            fee_currency: fields.fee_currency,
            fx_rate: fields.fx_rate,
            base_rate: fields.base_rate,
            acquired_on: fields.acquired_on,
            ratio: fields.ratio,
            lots: fields.lots,
            reverses: fields.reverses,
            note: activity.note,
            external_id: activity.external_id,
            source: activity.source,
            created_at: activity.created_at,
            updated_at: activity.updated_at,
            version: activity.version,
        }
    }
}

/// The ids, times and origin of an activity, besides what happened.
pub(super) struct Identity {
    pub id: Uuid,
    pub portfolio_id: PortfolioId,
    pub source: ActivitySource,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: u64,
}

/// Records an activity. The same idempotency key with the same request returns the first result.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::UnknownSymbol`], [`ServiceError::Fields`],
/// [`ServiceError::RecordedUnitsMissing`], [`ServiceError::HistoryConflict`], [`ServiceError::PortfolioClosed`],
/// [`ServiceError::LimitReached`].
pub async fn record(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    new: &NewActivity,
    idempotency_key: Option<&str>,
) -> Result<Created<ActivityRecord>, ServiceError> {
    let (route, request) = (KeyedRoute::with_id(ROUTE, portfolio.0), (portfolio, new));
    let pending = match idempotency::look_up(&market.app, customer, idempotency_key, route, &request).await? {
        KeyLookup::Replay(first) => return read_answer(&market.app, customer, first).await,
        KeyLookup::First(pending) => pending,
    };
    let Portfolio { lot_method, base_currency, .. } = portfolios::find(&market.app, customer, portfolio).await?;
    let id = market.app.new_id();
    let now = App::made_at(id);
    let source = ActivitySource::Recorded;
    let identity = Identity { id, portfolio_id: portfolio, source, created_at: now, updated_at: now, version: 1 };
    let activity = check(market, customer, new, identity, (lot_method, base_currency)).await?;
    append(market, customer, &activity, pending, |_| Ok(activity.clone().into())).await
}

/// Appends an activity to the history of its portfolio. The result is what `answer` makes of the history with it, and is
/// stored under the key of the request, if it has one.
///
/// Errors: those of [`record`], and those of `answer`.
pub(crate) async fn append<T: Serialize + DeserializeOwned>(
    market: &MarketData,
    customer: CustomerId,
    activity: &Activity,
    key: ReservedKey,
    answer: impl Fn(&History) -> Result<T, ServiceError>,
) -> Result<Created<T>, ServiceError> {
    let app = &market.app;
    track(app, activity).await?;
    let (first, value, history) = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let mut history = History::read(app, activity.portfolio_id).await?;
        let step = Step { before: None, after: std::slice::from_ref(activity) };
        let mut writes = prepare_writes(market, customer, &mut history, &step).await?;
        let value = answer(&history)?;
        if key.is_given() {
            let json = serde_json::to_vec(&value)
                .map_err(|error| ServiceError::fault("serializing a recorded activity failed", error))?;
            writes.push(stored_responses::inline(customer, activity.id, &json)?);
        }
        let first = idempotency::commit(app, key.clone(), activity.id, writes).await?;
        Ok::<_, ServiceError>((first, value, history))
    })
    .await?;
    if let Some(first) = first {
        return read_answer(app, customer, first).await;
    }
    history.remove_packed_investments(app).await;
    Ok(Created { value, replayed: false })
}

/// Makes the refresh track the instrument of an activity, if it has one.
pub(super) async fn track(app: &App, activity: &Activity) -> Result<(), ServiceError> {
    match activity.symbol() {
        Some(symbol) => investments::track(app, activity.portfolio_id, symbol).await,
        None => Ok(()),
    }
}

/// The stored response to an earlier request with the same key.
pub(crate) async fn read_answer<T: DeserializeOwned>(
    app: &App,
    customer: CustomerId,
    id: Uuid,
) -> Result<Created<T>, ServiceError> {
    Ok(Created { value: stored_responses::find(app, customer, id, WHAT).await?, replayed: true })
}

/// The activity that the given fields make, in a portfolio of this lot method and base currency.
///
/// Errors: [`ServiceError::UnknownSymbol`], and [`ServiceError::Fields`] with every mistake.
pub(super) async fn check(
    market: &MarketData,
    customer: CustomerId,
    new: &NewActivity,
    identity: Identity,
    (method, base): (LotMethod, Currency),
) -> Result<Activity, ServiceError> {
    let budget = market.budget_for(customer);
    let currency = match &new.fields.symbol {
        Some(symbol) => instruments::load(market, customer, symbol, budget).await?.currency,
        None => base,
    };
    let rates = load_rates(market, new, (currency, base), budget).await?;
    let mut mistakes: Vec<FieldMistake> = mistake_in_date(&market.app, new.date).into_iter().collect();
    let event = new.fields.event_at(new.date, &rates, new.note.as_deref());
    let (unknown, found): (Vec<&ActivityMistake>, Vec<&ActivityMistake>) =
        event.as_ref().err().into_iter().flatten().partition(|mistake| is_unknown_rate(mistake));
    mistakes.extend(found.into_iter().map(FieldMistake::from));
    let takes_lots = mistakes.iter().all(|mistake| mistake.field != "lots");
    if !new.fields.lots.is_empty() && takes_lots && method != LotMethod::Specific {
        let detail = format!("the portfolio's lot method is {method}: only with specific does a sale name its lots");
        mistakes.push(FieldMistake { field: "lots", detail });
    }
    match event {
        Ok(event) if mistakes.is_empty() => Ok(Activity {
            id: identity.id,
            portfolio_id: identity.portfolio_id,
            date: new.date,
            time: new.time,
            event,
            note: new.note.clone(),
            external_id: new.external_id.clone(),
            source: identity.source,
            created_at: identity.created_at,
            updated_at: identity.updated_at,
            version: identity.version,
        }),
        _ => Err(match unknown.first() {
            Some(&&ActivityMistake::RateUnknown { from, into, .. }) if mistakes.is_empty() => {
                ServiceError::FxUnavailable { from, into, day: new.date }
            }
            _ => ServiceError::Fields(mistakes),
        }),
    }
}

fn is_unknown_rate(mistake: &ActivityMistake) -> bool {
    matches!(mistake, ActivityMistake::RateUnknown { .. })
}

/// The rates of its day that an activity needs, as far as they are stored, for an instrument of this currency in a portfolio
/// of this base currency.
async fn load_rates(
    market: &MarketData,
    new: &NewActivity,
    (currency, base): (Currency, Currency),
    budget: CallBudget,
) -> Result<DayRates, ServiceError> {
    let NeededRates { instrument, fee } = new.fields.needed_rates(currency);
    let find = |pair: Option<(Currency, Currency)>| async move {
        let Some((from, into)) = pair else { return Ok(None) };
        Ok::<_, ServiceError>(ExchangeRates::load(market, into, [from], budget).await?.on(from, new.date))
    };
    Ok(DayRates { currency, base, instrument: find(instrument).await?, fee: find(fee).await? })
}

/// Refuses more than one day after today: where the day begins first, it is already tomorrow.
fn mistake_in_date(app: &App, date: Day) -> Option<FieldMistake> {
    let last = Day::try_from(app.now().date_naive()).unwrap_or(Day::LAST).plus_days(1);
    (date > last).then(|| FieldMistake { field: "date", detail: format!("must be at most {last}") })
}
