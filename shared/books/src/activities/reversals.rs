//! What an activity may take back.

use app::error::ServiceError;
use ledger::activity::CashDetails;
use ledger::{Activity, ActivityEvent};

use super::History;
use super::step::Step;

/// Refuses an activity that takes back another one which it cannot take back. What it named before may be gone.
///
/// Errors: [`ServiceError::Field`] `reverses`.
pub(super) fn refuse_wrong_reversal(step: &Step<'_>, history: &History) -> Result<(), ServiceError> {
    let named_before = step.before.and_then(reversed_by);
    for activity in step.after {
        let Some(id) = reversed_by(activity).filter(|id| Some(*id) != named_before) else { continue };
        if !history.find(id).is_ok_and(|other| is_reversed_by(other, activity)) {
            let kind = activity.activity_type();
            let detail = format!(
                "must be the id of another {kind} of the portfolio, with the same instrument and currency, and an amount of the other sign"
            );
            return Err(ServiceError::Field { field: "reverses", detail });
        }
    }
    Ok(())
}

fn reversed_by(activity: &Activity) -> Option<uuid::Uuid> {
    match &activity.event {
        ActivityEvent::Cash(CashDetails { reverses, .. }) => *reverses,
        _ => None,
    }
}

fn is_reversed_by(other: &Activity, activity: &Activity) -> bool {
    let (ActivityEvent::Cash(other), ActivityEvent::Cash(this)) = (&other.event, &activity.event) else { return false };
    let currency = |cash: &CashDetails| cash.amount.currency();
    other.kind == this.kind
        && other.symbol == this.symbol
        && currency(other) == currency(this)
        && other.brings_cash() != this.brings_cash()
}
