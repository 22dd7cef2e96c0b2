//! Sign-ins and registrations, held to the limits for their source address.

use chrono::TimeDelta;
use store::{Key, keys};

use crate::App;
use crate::error::ServiceError;
use crate::rate_limiter::{self, Quota, Standing};
use crate::source_limits::{SourceAddress, SourceLimits};

const WINDOW: TimeDelta = TimeDelta::hours(1);

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Sign-ins that fail for a wrong password or an unknown address.
    SignIn,
    /// Registrations, also those that are refused.
    Registration,
}

/// Does `work` within the limit for its source address, and says what is left of the limit; without a source, or where the
/// limit is switched off, it is just done.
///
/// Errors, beside those of `work`: [`ServiceError::RateLimited`].
pub async fn run<T>(
    app: &App,
    limited: Limited,
    source: Option<SourceAddress>,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> (Result<T, ServiceError>, Option<Standing>) {
    let quota = quota(app.source_limits(), limited);
    let Some((SourceAddress(address), quota)) = source.zip(quota) else { return (work.await, None) };
    let key = keys::source_address(&format!("{} {address}", quota.name));
    rate_limiter::run_by_one_deadline(run_counted(app, limited, quota, &key, Box::pin(work))).await
}

async fn run_counted<T>(
    app: &App,
    limited: Limited,
    quota: Quota,
    key: &Key,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> (Result<T, ServiceError>, Option<Standing>) {
    let place = match rate_limiter::take(app, key, quota).await {
        Ok(place) => place,
        Err(error) => {
            let standing = match error {
                ServiceError::RateLimited { retry_after_seconds } => {
                    Some(Standing { quota, remaining: 0, reset_seconds: retry_after_seconds })
                }
                _ => None,
            };
            return (Err(error), standing);
        }
    };
    let done = work.await;
    let counts = counts(limited, &done);
    match place.settle(app, counts).await {
        Ok(standing) => (done, Some(standing)),
        // What cannot be counted is not answered either, unless it stands already.
        Err(error) if counts && done.is_err() => (Err(error), None),
        Err(error) => {
            tracing::warn!(%error, "a place of a source address was not settled, and counts");
            (done, None)
        }
    }
}

fn counts<T>(limited: Limited, done: &Result<T, ServiceError>) -> bool {
    match (limited, done) {
        (Limited::SignIn, done) => matches!(done, Err(ServiceError::InvalidCredentials)),
        (Limited::Registration, Ok(_)) => true,
        (Limited::Registration, Err(error)) => {
            !matches!(error, ServiceError::Store(_) | ServiceError::Hasher(_) | ServiceError::Fault(_))
        }
    }
}

/// The quota of an address; none where the limit is switched off.
fn quota(limits: &SourceLimits, limited: Limited) -> Option<Quota> {
    let (name, limit) = match limited {
        Limited::SignIn => ("sign-in", limits.failed_sign_ins),
        Limited::Registration => ("registration", limits.registrations),
    };
    let refusal = |retry_after_seconds| ServiceError::RateLimited { retry_after_seconds };
    (limit > 0).then_some(Quota { name, limit, window: WINDOW, refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_0_is_switched_off() {
        let set =
            SourceLimits::from_settings(|name| (name == "SEXTANT_SIGN_IN_LIMIT").then(|| "0".to_owned())).unwrap();
        assert!(quota(&set, Limited::SignIn).is_none());
        assert_eq!(
            quota(&set, Limited::Registration).map(|quota| quota.limit),
            Some(crate::source_limits::REGISTRATIONS)
        );
    }
}
