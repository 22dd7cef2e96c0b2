//! Rate limits by source address for the routes that need no token.

use chrono::TimeDelta;
use store::{Key, keys};

use crate::App;
use crate::error::ServiceError;
use crate::rate_limiter::{self, Quota, RateLimitStatus};
use crate::source_limits::{SourceAddress, SourceLimits};

const WINDOW: TimeDelta = TimeDelta::hours(1);

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedAction {
    /// Sign-ins that fail because of a wrong password or an unknown e-mail address.
    SignIn,
    /// Registrations, also those that are refused.
    Registration,
    /// Requests for an e-mail with a token for a new password.
    PasswordReset,
    /// Confirmations of an e-mail address with a token that is not valid.
    EmailConfirmation,
}

/// Does `work` within the limit for its source address, and returns what is left of the limit. Without a source, or if
/// the limit is switched off, the work is not counted.
///
/// Errors: those of `work`, and [`ServiceError::RateLimited`].
pub async fn run<T>(
    app: &App,
    action: LimitedAction,
    source: Option<SourceAddress>,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> (Result<T, ServiceError>, Option<RateLimitStatus>) {
    let quota = quota(app.source_limits(), action);
    let Some((SourceAddress(address), quota)) = source.zip(quota) else { return (work.await, None) };
    let key = keys::source_address(&format!("{} {address}", quota.name));
    rate_limiter::run_by_one_deadline(run_counted(app, action, quota, &key, Box::pin(work))).await
}

async fn run_counted<T>(
    app: &App,
    action: LimitedAction,
    quota: Quota,
    key: &Key,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> (Result<T, ServiceError>, Option<RateLimitStatus>) {
    let permit = match rate_limiter::acquire(app, key, quota).await {
        Ok(permit) => permit,
        Err(error) => {
            let rate_limit = RateLimitStatus::of_refusal(quota, &error);
            return (Err(error), rate_limit);
        }
    };
    let done = work.await;
    let counts = counts(action, &done);
    match permit.settle(app, counts).await {
        Ok(rate_limit) => (done, Some(rate_limit)),
        // A failure that cannot be counted is not revealed. Work that succeeded stands.
        Err(error) if counts && done.is_err() => (Err(error), None),
        Err(error) => {
            tracing::warn!(%error, "a permit of a source address was not settled and counts as used");
            (done, None)
        }
    }
}

fn counts<T>(action: LimitedAction, done: &Result<T, ServiceError>) -> bool {
    match (action, done) {
        (LimitedAction::SignIn, done) => matches!(done, Err(ServiceError::InvalidCredentials)),
        (LimitedAction::EmailConfirmation, done) => matches!(done, Err(ServiceError::InvalidToken)),
        (LimitedAction::Registration | LimitedAction::PasswordReset, Ok(_)) => true,
        (LimitedAction::Registration | LimitedAction::PasswordReset, Err(error)) => !matches!(
            error,
            ServiceError::Store(_) | ServiceError::Hasher(_) | ServiceError::Mail(_) | ServiceError::Fault(_)
        ),
    }
}

/// The quota of an address; `None` if the limit is switched off.
fn quota(limits: &SourceLimits, action: LimitedAction) -> Option<Quota> {
    let (name, limit) = match action {
        LimitedAction::SignIn => ("sign-in", limits.failed_sign_ins),
        LimitedAction::Registration => ("registration", limits.registrations),
        // The setting of failed sign-ins; each is counted by itself.
        LimitedAction::PasswordReset => ("password-reset", limits.failed_sign_ins),
        LimitedAction::EmailConfirmation => ("email-verification", limits.failed_sign_ins),
    };
    let refusal = |retry_after_seconds| ServiceError::RateLimited { retry_after_seconds };
    (limit > 0).then_some(Quota { name, limit, window: WINDOW, refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_switched_off() {
        let set =
            SourceLimits::from_settings(|name| (name == "SEXTANT_SIGN_IN_LIMIT").then(|| "0".to_owned())).unwrap();
        assert!(quota(&set, LimitedAction::SignIn).is_none());
        assert_eq!(
            quota(&set, LimitedAction::Registration).map(|quota| quota.limit),
            Some(crate::source_limits::REGISTRATIONS)
        );
    }
}
