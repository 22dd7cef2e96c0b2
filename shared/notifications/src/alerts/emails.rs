//! E-mails about alerts: one for each customer, with all firings of the quotes that were evaluated together.
//!
//! They go to a verified address only. One that is not verified when the alert fires gets none, then or later.

use std::collections::{BTreeMap, BTreeSet};

use app::App;
use app::error::ServiceError;
use app::mail::Message;
use domain::{CustomerId, Email};
use futures::{StreamExt as _, stream};
use identity::profile;

use super::delivery::{self, WaitingEmail};
use super::evaluation_counts::EvaluationCounts;
use super::records::Firing;

/// E-mails sent concurrently.
const EMAILS_AT_ONCE: usize = 8;
/// Most symbols that a subject names.
const MAX_SYMBOLS_IN_SUBJECT: usize = 5;

/// Sends each customer one e-mail with their firings, and marks these as delivered. Errors are logged, and the next
/// evaluation may take what is left immediately.
pub(super) async fn send(app: &App, waiting: Vec<WaitingEmail>) -> EvaluationCounts {
    let mut customers: BTreeMap<CustomerId, Vec<WaitingEmail>> = BTreeMap::new();
    for email in waiting {
        customers.entry(email.pending.customer_id).or_default().push(email);
    }
    let sendings = customers.into_iter().map(|(customer, waiting)| async move {
        let firings: Vec<_> = waiting.iter().map(|email| &email.firing).collect();
        let mailed = send_to(app, customer, &firings).await.unwrap_or_else(|error| {
            tracing::error!(%customer, %error, "failed to send an e-mail about alerts");
            false
        });
        finish_all(app, waiting, mailed).await
    });
    stream::iter(sendings).buffer_unordered(EMAILS_AT_ONCE).fold(EvaluationCounts::default(), add).await
}

async fn add(mut total: EvaluationCounts, more: EvaluationCounts) -> EvaluationCounts {
    total += more;
    total
}

/// Returns whether the e-mail is done: it was sent, or the customer gets none.
async fn send_to(app: &App, customer: CustomerId, firings: &[&Firing]) -> Result<bool, ServiceError> {
    let profile = profile::find(app, customer).await?.profile;
    let Some(to) = profile.verified_email() else { return Ok(true) };
    app.mail().send(&message(to.clone(), firings)).await?;
    Ok(true)
}

async fn finish_all(app: &App, waiting: Vec<WaitingEmail>, mailed: bool) -> EvaluationCounts {
    let mut total = EvaluationCounts::default();
    for mut email in waiting {
        email.pending.mailed = mailed;
        let (alert, fired_at) = (email.pending.alert_id, email.pending.fired_at);
        let delivered = delivery::finish(app, email).await.unwrap_or_else(|error| {
            tracing::error!(%alert, %error, "failed to mark an alert as delivered");
            false
        });
        total += EvaluationCounts::of_delivery(delivered, app.now() - fired_at);
    }
    total
}

/// The e-mail about these firings.
fn message(to: Email, firings: &[&Firing]) -> Message {
    let mut lines: Vec<_> = firings.iter().map(|firing| line(firing)).collect();
    lines.sort_unstable();
    let is_replay = firings.iter().any(|firing| firing.replay);
    let mark = if is_replay { "[replay] " } else { "" };
    let explanation = if is_replay { "\nThis is a replay of old prices, not the current market.\n" } else { "" };
    let text =
        format!("{}\n{explanation}\nTo stop these e-mails, remove the alert: DELETE /alerts/ID\n", lines.join("\n"));
    Message { to, subject: format!("{mark}{}", subject(firings)), text }
}

fn line(firing: &Firing) -> String {
    let Firing { alert_id, symbol, condition, price, currency, market_day, as_of, .. } = firing;
    let at = as_of.format("%Y-%m-%d %H:%M UTC");
    format!("{symbol} {condition}: {price} {currency} as of {at}, market day {market_day} (alert {alert_id}).")
}

fn subject(firings: &[&Firing]) -> String {
    if let [Firing { symbol, condition, .. }] = firings {
        return format!("{symbol} {condition}");
    }
    let symbols: BTreeSet<_> = firings.iter().map(|firing| firing.symbol.as_str()).collect();
    let named: Vec<_> = symbols.iter().copied().take(MAX_SYMBOLS_IN_SUBJECT).collect();
    let more = symbols.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} alerts: {}{more}", firings.len(), named.join(", "))
}
