//! What an activity may take back.

use app::error::ServiceError;
use ledger::activity::CashDetails;
use ledger::{Activity, ActivityEvent};

use super::History;

/// Refuses an activity that takes back another one which it cannot take back, and a correction of one that then could not
/// be taken back any more. What an activity named before its correction may be gone.
///
/// Errors: [`ServiceError::Field`] `reverses`.
pub(super) fn refuse_wrong_reversal(
    before: Option<&Activity>,
    after: &[Activity],
    history: &History,
) -> Result<(), ServiceError> {
    let named_before = before.and_then(reversed_by);
    for activity in after {
        if let Some(id) = reversed_by(activity) {
            let is_wrong = match history.find(id) {
                Ok(other) => !is_reversed_by(other, activity),
                Err(_) => Some(id) != named_before,
            };
            if is_wrong {
                let kind = activity.activity_type();
                let detail = format!(
                    "must be the id of another {kind} of the portfolio, with the same instrument and currency, and an amount of the other sign"
                );
                return Err(ServiceError::Field { field: "reverses", detail });
            }
        }
        let names_it = |other: &&Activity| reversed_by(other) == Some(activity.id);
        if let Some(other) = history.activities().filter(names_it).find(|other| !is_reversed_by(activity, other)) {
            let detail = format!("activity {} takes this one back, and could not after this change", other.id);
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
