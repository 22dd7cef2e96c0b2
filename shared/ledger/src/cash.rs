//! The cash of recorded activities: what each of them moved, and what that leaves.
//!
//! A purchase takes its amount, its fee and its tax; a sale brings its amount and takes the other two: all in the currency
//! in which they were paid. Units that are
//! transferred or adjusted, and splits, move no cash. The cash of the wallet is never part of it.

use std::collections::BTreeMap;

use domain::{Currency, Day, Money};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::activity::{Activity, ActivityEvent, BuyDetails, CashDetails, CashType, ExchangeDetails, Paid, SellDetails};
use crate::exact;
use crate::refusal::Refusal;

/// As what cash came in or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CashMovementKind {
    /// It was put in or taken out: a deposit, a withdrawal, a transfer or an adjustment.
    ExternalFlow,
    /// Units were bought or sold.
    Trade,
    /// A dividend or interest.
    Income,
    /// A fee.
    Cost,
    /// A tax.
    Tax,
    /// It was exchanged for another currency.
    Exchange,
}

/// Cash that an activity moved in one currency and for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashMovement<'a> {
    /// The activity.
    pub activity: &'a Activity,
    /// Above zero if it came in, below zero if it left; never zero.
    pub amount: Money,
    /// The same in the base currency of the portfolio, if the activity has the broker's rate into it.
    pub in_base: Option<Money>,
    /// As what.
    pub kind: CashMovementKind,
}

/// The cash of one currency at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashDay {
    /// The day.
    pub date: Day,
    /// What came in less what left on that day, by kind; none that is zero.
    pub changes: BTreeMap<CashMovementKind, Decimal>,
    /// What is there at its end; below zero if more left than came in.
    pub balance: Decimal,
}

/// The days on which cash of a currency moved, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashBalance {
    /// The currency.
    pub currency: Currency,
    /// The days; at least one.
    pub days: Vec<CashDay>,
}

/// The movements of cash of these activities, in their order. The movements of one activity are one after the other.
///
/// Sorted activities ([`sort`](crate::recorded::sort)) have the movements of a day in the order in which they count.
///
/// Errors: a number that the ledger cannot hold.
pub fn movements<'a>(activities: impl IntoIterator<Item = &'a Activity>) -> Result<Vec<CashMovement<'a>>, Refusal> {
    let mut all = Vec::new();
    for activity in activities {
        let moved = moved_by(&activity.event)?.into_iter().filter(|(_, amount)| !amount.amount().is_zero());
        for (kind, amount) in moved {
            let in_base = activity.event.paid().map(|paid| paid.by_base_rate(amount)).transpose()?.flatten();
            all.push(CashMovement { activity, amount, in_base, kind });
        }
    }
    Ok(all)
}

/// The currencies of activities, and those that exchanges bring.
pub fn currencies(activities: &[Activity]) -> impl Iterator<Item = Currency> {
    activities.iter().flat_map(|activity| {
        let got = match &activity.event {
            ActivityEvent::Exchange(exchange) => Some(exchange.to_amount.currency()),
            _ => None,
        };
        [Some(activity.currency()), got].into_iter().flatten()
    })
}

/// What changed cash of one currency, by day.
type ChangesByDay = BTreeMap<Day, BTreeMap<CashMovementKind, Decimal>>;

/// The days of each currency, in the order of its code. Movements of one day are one change, whatever their order.
#[must_use]
pub fn balances(movements: &[CashMovement<'_>]) -> Vec<CashBalance> {
    let mut changes: BTreeMap<&str, (Currency, ChangesByDay)> = BTreeMap::new();
    for CashMovement { activity, amount, kind, .. } in movements {
        let currency = amount.currency();
        let (_, days) = changes.entry(currency.code()).or_insert_with(|| (currency, BTreeMap::new()));
        let change = days.entry(activity.date).or_default().entry(*kind).or_default();
        *change = change.saturating_add(amount.amount());
    }
    let balance = |(currency, changes): (Currency, ChangesByDay)| {
        let mut balance = Decimal::ZERO;
        let mut days = Vec::with_capacity(changes.len());
        for (date, mut changes) in changes {
            balance = changes.values().fold(balance, |sum, change| sum.saturating_add(*change));
            changes.retain(|_, change| !change.is_zero());
            days.push(CashDay { date, changes, balance });
        }
        CashBalance { currency, days }
    };
    changes.into_values().map(balance).collect()
}

impl CashBalance {
    /// The first day at whose end more had left than came in.
    #[must_use]
    pub fn first_negative(&self) -> Option<&CashDay> {
        self.days.iter().find(|day| day.balance.is_sign_negative() && !day.balance.is_zero())
    }
}

/// What an activity moved, by kind.
fn moved_by(event: &ActivityEvent) -> Result<Vec<(CashMovementKind, Money)>, Refusal> {
    let charges = |fee: Money, tax: Money| {
        let charges = [(CashMovementKind::Cost, fee), (CashMovementKind::Tax, tax)].into_iter();
        charges.map(|(kind, amount)| Ok((kind, exact::negative(amount)?))).collect::<Result<Vec<_>, Refusal>>()
    };
    let with = |moved: Vec<(CashMovementKind, Money)>, fee, tax| Ok([moved, charges(fee, tax)?].concat());
    match event {
        ActivityEvent::Buy(BuyDetails { amount, fee, tax, paid, .. }) => {
            let (amount, fee, tax) = paid_or(paid.as_deref(), (*amount, *fee, *tax));
            with(vec![(CashMovementKind::Trade, exact::negative(amount)?)], fee, tax)
        }
        ActivityEvent::Sell(SellDetails { amount, fee, tax, paid, .. }) => {
            let (amount, fee, tax) = paid_or(paid.as_deref(), (*amount, *fee, *tax));
            with(vec![(CashMovementKind::Trade, amount)], fee, tax)
        }
        ActivityEvent::Cash(CashDetails { kind, amount, fee, tax, .. }) => {
            let moved = if kind.brings_cash() { *amount } else { exact::negative(*amount)? };
            with(vec![(kind_of(*kind), moved)], *fee, *tax)
        }
        ActivityEvent::Exchange(ExchangeDetails { amount, to_amount, fee, tax, .. }) => {
            let given = (CashMovementKind::Exchange, exact::negative(*amount)?);
            with(vec![given, (CashMovementKind::Exchange, *to_amount)], *fee, *tax)
        }
        ActivityEvent::TransferIn(_)
        | ActivityEvent::TransferOut(_)
        | ActivityEvent::Adjustment(_)
        | ActivityEvent::Split { .. } => Ok(Vec::new()),
    }
}

/// The amount, the fee and the tax in the currency in which they were paid.
fn paid_or(paid: Option<&Paid>, counted: (Money, Money, Money)) -> (Money, Money, Money) {
    paid.and_then(|paid| Some((paid.amount?, paid.fee, paid.tax))).unwrap_or(counted)
}

fn kind_of(kind: CashType) -> CashMovementKind {
    match kind {
        CashType::Deposit
        | CashType::Withdrawal
        | CashType::TransferIn
        | CashType::TransferOut
        | CashType::Adjustment => CashMovementKind::ExternalFlow,
        CashType::Dividend | CashType::Interest => CashMovementKind::Income,
        CashType::Fee => CashMovementKind::Cost,
        CashType::Tax => CashMovementKind::Tax,
    }
}

#[cfg(test)]
mod tests;
