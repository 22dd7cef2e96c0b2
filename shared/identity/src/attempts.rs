//! Limits password guessing: ten failed checks per account in any fifteen minutes, from all clients together.
//!
//! No account is locked for good: a failed check counts for fifteen minutes. A successful check does not count, however
//! many run concurrently, nor does one that could not be made. If a success cannot be recorded, it counts as failed.

use app::App;
use app::error::ServiceError;
use app::hasher::HasherError;
use app::rate_limiter::{self, Quota};
use chrono::TimeDelta;
use domain::{CustomerId, Email};
use store::{Key, keys};

use crate::password::Password;

/// The most failed checks of one account in any [`WINDOW_MINUTES`].
const MAX_FAILED: usize = 10;
/// How long a failed check counts.
const WINDOW_MINUTES: i64 = 15;

const QUOTA: Quota = Quota {
    name: "password",
    limit: MAX_FAILED,
    window: TimeDelta::minutes(WINDOW_MINUTES),
    refusal: |retry_after_seconds| ServiceError::TooManyAttempts { retry_after_seconds },
};

/// The account whose password is checked.
#[derive(Clone, Copy, Debug)]
pub enum CheckedAccount<'a> {
    /// A customer's account, by the id, which stays when the e-mail address changes.
    Known(CustomerId),
    /// An e-mail address that no customer has.
    Unknown(&'a Email),
}

/// Whether the password matches the hash. A failed check counts against the account.
///
/// Errors: [`ServiceError::TooManyAttempts`]; [`ServiceError::Hasher`] if it could not be checked, which does not
/// count.
pub(crate) async fn check(
    app: &App,
    account: CheckedAccount<'_>,
    password: Password,
    hash: Option<&str>,
) -> Result<bool, ServiceError> {
    let key = match account {
        CheckedAccount::Known(customer) => keys::login_attempts_of(customer),
        CheckedAccount::Unknown(email) => keys::login_attempts(email),
    };
    rate_limiter::run_by_one_deadline(check_under(app, &key, password, hash)).await
}

async fn check_under(app: &App, key: &Key, password: Password, hash: Option<&str>) -> Result<bool, ServiceError> {
    let permit = rate_limiter::acquire(app, key, QUOTA).await?;
    let checked: Result<bool, HasherError> = app.hasher().verify(password, hash).await;
    let failed = matches!(checked, Ok(false));
    match permit.settle(app, failed).await {
        Ok(_) => {}
        // A failure that cannot be counted is not revealed.
        Err(error) if failed => return Err(error),
        // The success stands and counts as failed: an error for a wrong password only would reveal which one is right.
        Err(error) => tracing::warn!(%error, "the permit of an attempt was not released"),
    }
    Ok(checked?)
}
