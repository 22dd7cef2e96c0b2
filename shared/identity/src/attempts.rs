//! Guessing is bounded: ten failed checks of one account's password in any fifteen minutes, wherever they come from.
//!
//! Nobody is locked out for good: a failed check counts for fifteen minutes. A check that turns out right counts for
//! nothing, however many there are at once, and neither does one that could not be made. One of which that cannot be
//! written down counts as failed.

use app::App;
use app::error::ServiceError;
use app::hasher::HasherError;
use app::rate_limiter::{self, Quota};
use chrono::TimeDelta;
use domain::{CustomerId, Email};
use store::{Key, keys};

use crate::password::Password;

/// Failed checks of one account in any [`WINDOW_MINUTES`].
const MAX_FAILED: usize = 10;
/// How long a failed check counts.
const WINDOW_MINUTES: i64 = 15;

const QUOTA: Quota = Quota {
    name: "password",
    limit: MAX_FAILED,
    window: TimeDelta::minutes(WINDOW_MINUTES),
    refusal: |retry_after_seconds| ServiceError::TooManyAttempts { retry_after_seconds },
};

/// Whose password is checked.
#[derive(Clone, Copy, Debug)]
pub enum CheckedAccount<'a> {
    /// A customer's, by the id, which stays when the address changes.
    Known(CustomerId),
    /// That of an address which is nobody's.
    Unknown(&'a Email),
}

/// Whether the password is the one that was hashed; a failed check counts against the account.
///
/// Errors: [`ServiceError::TooManyAttempts`]; [`ServiceError::Hasher`] where it could not be checked, which counts for
/// nothing.
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
        // What cannot be counted is not answered either.
        Err(error) if failed => return Err(error),
        // It counts as failed: an error that is answered at a wrong password alone would tell it from the right one.
        Err(error) => tracing::warn!(%error, "the permit of an attempt was not given back"),
    }
    Ok(checked?)
}
