//! An activity as it is stored and as a list of its versions shows it: one flat object, every decimal as text.

use chrono::{DateTime, NaiveTime, Utc};
use domain::{Currency, Day, PortfolioId, SplitRatio, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Activity, ActivityFields, ActivitySource, ActivityType};
use crate::lots::LotPick;

/// A stored activity that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored activity is not valid: {0}")]
pub struct NotAnActivity(String);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Written {
    id: Uuid,
    portfolio_id: PortfolioId,
    #[serde(rename = "type")]
    kind: ActivityType,
    date: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<NaiveTime>,
    symbol: Symbol,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<Decimal>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cost_unknown: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    fee: Decimal,
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    tax: Decimal,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acquired_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ratio: Option<SplitRatio>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lots: Vec<LotPick>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    source: ActivitySource,
    #[serde(with = "domain::instant")]
    created_at: DateTime<Utc>,
    #[serde(with = "domain::instant")]
    updated_at: DateTime<Utc>,
    version: u64,
}

impl TryFrom<Written> for Activity {
    type Error = NotAnActivity;

    fn try_from(written: Written) -> Result<Self, NotAnActivity> {
        let fields = ActivityFields {
            kind: written.kind,
            symbol: Some(written.symbol),
            quantity: written.quantity,
            unit_price: written.unit_price,
            cost_unknown: written.cost_unknown,
            amount: written.amount,
            fee: written.fee,
            tax: written.tax,
            currency: Some(written.currency),
            acquired_on: written.acquired_on,
            ratio: written.ratio,
            lots: written.lots,
        };
        let event = fields.event(written.date, written.currency, written.note.as_deref());
        let described = |mistake: &super::ActivityMistake| format!("{}: {mistake}", mistake.field());
        let event = event.map_err(|mistakes| NotAnActivity(mistakes.first().map(described).unwrap_or_default()))?;
        Ok(Self {
            id: written.id,
            portfolio_id: written.portfolio_id,
            date: written.date,
            time: written.time,
            event,
            note: written.note,
            external_id: written.external_id,
            source: written.source,
            created_at: written.created_at,
            updated_at: written.updated_at,
            version: written.version,
        })
    }
}

impl From<Activity> for Written {
    fn from(activity: Activity) -> Self {
        let fields = activity.event.fields();
        Self {
            id: activity.id,
            portfolio_id: activity.portfolio_id,
            kind: fields.kind,
            date: activity.date,
            time: activity.time,
            symbol: activity.event.symbol().clone(),
            quantity: fields.quantity,
            unit_price: fields.unit_price,
            cost_unknown: fields.cost_unknown,
            amount: fields.amount,
            fee: fields.fee,
            tax: fields.tax,
            currency: activity.event.currency(),
            acquired_on: fields.acquired_on,
            ratio: fields.ratio,
            lots: fields.lots,
            note: activity.note,
            external_id: activity.external_id,
            source: activity.source,
            created_at: activity.created_at,
            updated_at: activity.updated_at,
            version: activity.version,
        }
    }
}
