//! Rate limits by customer for requests that are expensive to answer.

use chrono::TimeDelta;
use domain::CustomerId;
use store::keys;

use crate::App;
use crate::customer_limits::CustomerLimits;
use crate::error::ServiceError;
use crate::rate_limiter::{self, Quota, RateLimitStatus};

const WINDOW: TimeDelta = TimeDelta::hours(1);

/// A kind of request that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedRequest {
    /// A report with its PDF.
    Report,
    /// An export of an account or a portfolio.
    Export,
    /// An import, or its dry run.
    Import,
    /// A backtest that is run and stored.
    Backtest,
}

/// Does `work` within the customer's limit for this kind of request, and returns what is left of the limit. If the limit
/// is switched off, the work is not counted.
///
/// It is counted before it begins, and work that never ends stays counted. `counts` determines whether the work that was
/// done counts.
///
/// Errors: [`ServiceError::TooManyRequests`], and those of the store. The work is not begun.
pub async fn run<T>(
    app: &App,
    request: LimitedRequest,
    customer: CustomerId,
    work: impl Future<Output = T>,
    counts: impl FnOnce(&T) -> bool,
) -> (Result<T, ServiceError>, Option<RateLimitStatus>) {
    let Some(quota) = request.quota(app.customer_limits()) else { return (Ok(work.await), None) };
    let key = keys::request_count(customer, quota.name);
    let counted = match rate_limiter::count(app, &key, quota).await {
        Ok(counted) => counted,
        Err(error) => {
            let rate_limit = RateLimitStatus::of_refusal(quota, &error);
            return (Err(error), rate_limit);
        }
    };
    let done = work.await;
    let mut rate_limit = counted.rate_limit();
    if !counts(&done) {
        match counted.take_back(app).await {
            Ok(left) => rate_limit = left,
            Err(error) => tracing::warn!(%error, "a request was not taken back and counts"),
        }
    }
    (Ok(done), Some(rate_limit))
}

impl LimitedRequest {
    /// The quota of a customer; `None` if the limit is switched off.
    fn quota(self, limits: CustomerLimits) -> Option<Quota> {
        let (name, limit, refusal): (_, _, fn(u64) -> ServiceError) = match self {
            Self::Report => ("report", limits.reports, |seconds| refusal("reports", seconds)),
            Self::Export => ("export", limits.exports, |seconds| refusal("exports", seconds)),
            Self::Import => ("import", limits.imports, |seconds| refusal("imports", seconds)),
            Self::Backtest => ("backtest", limits.backtests, |seconds| refusal("backtests", seconds)),
        };
        (limit > 0).then_some(Quota { name, limit, window: WINDOW, refusal })
    }
}

fn refusal(what: &'static str, retry_after_seconds: u64) -> ServiceError {
    ServiceError::TooManyRequests { what, retry_after_seconds }
}
