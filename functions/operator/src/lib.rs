//! The operator's commands, invoked by hand and by the state machine of the nightly verification, never over HTTP; IAM
//! controls access. They verify all books, set roles, end sessions, erase customers, and create one-time tokens for
//! customers who have lost their password. Events send such a token by e-mail, and stop e-mails to addresses that cannot
//! receive them.

mod events;
mod failure;

pub use failure::Failure;

use std::time::Duration;

use accounts::customers::Shard;
use accounts::{email_topics, password_reset};
use domain::{CustomerId, Email, Role};
use market_data::MarketData;
use operations::verification::{self, CUSTOMER_TIME_LIMIT, Interrupted, VerificationReport};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long an invocation takes up more customers. The last ones may then take [`CUSTOMER_TIME_LIMIT`] each, at the same
/// time.
const TIME_LIMIT: Duration = Duration::from_mins(10);
/// The longest verification in one invocation, below the function's timeout.
pub const LONGEST_INVOCATION: Duration = Duration::from_secs(TIME_LIMIT.as_secs() + CUSTOMER_TIME_LIMIT.as_secs());

/// A command.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Verify every customer's books, freeze wallets with discrepancies, and finish interrupted erasures. If the time is
    /// not enough, the next invocation continues.
    Verify {
        /// Whether to verify all books from now on, instead of continuing a run that was interrupted.
        #[serde(default)]
        restart: bool,
    },
    /// First state of the state machine: start a run, or continue the one that was interrupted.
    StartVerification {},
    /// Verify the customers of a shard. The state machine repeats this until the shard is finished.
    VerifyShard {
        /// The shard.
        shard: Shard,
    },
    /// Last state of the state machine: finish the run, and report what it has found.
    FinishVerification {},
    /// End the sessions of all customers.
    EndSessions {},
    /// Erase a customer, for example again, after data from before their erasure were restored.
    Erase {
        /// The customer's id.
        customer_id: CustomerId,
    },
    /// Set the role of a customer.
    SetRole {
        /// The customer's e-mail address.
        email: String,
        /// The new role.
        role: Role,
    },
    /// Remove the SNS topics through which earlier versions sent e-mails.
    RemoveEmailTopics {},
    /// Create a one-time token that sets a new password.
    PasswordToken {
        /// The customer's e-mail address.
        email: String,
    },
}

/// Runs the command, or handles the event, and returns its result. A verification ends before the function's timeout.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    handle_until(market, event, Some(Instant::now() + TIME_LIMIT)).await
}

/// The same on one machine, where a verification may take as long as it needs.
pub async fn handle_without_limit(market: &MarketData, event: Value) -> Result<Value, Failure> {
    handle_until(market, event, None).await
}

async fn handle_until(market: &MarketData, event: Value, until: Option<Instant>) -> Result<Value, Failure> {
    if events::is_event(&event) {
        return events::handle(&market.app, event).await;
    }
    let app = &market.app;
    Ok(match serde_json::from_value(event)? {
        Command::Verify { restart } => {
            let interrupted = if restart { Interrupted::Abandon } else { Interrupted::Continue };
            verify(market, interrupted, until).await?
        }
        Command::StartVerification {} => {
            let run = verification::start(app, Interrupted::Continue).await?;
            let shards: Vec<Shard> = Shard::all().collect();
            json!({ "started_at": domain::instant::text(run.started_at), "shards": shards })
        }
        Command::VerifyShard { shard } => {
            let finished = verification::verify_shard(market, shard, until).await?;
            json!({ "finished": finished })
        }
        Command::FinishVerification {} => {
            let report = verification::finish(app).await?;
            measure(&report);
            json!({ "clean": report.is_clean(), "report": report })
        }
        Command::EndSessions {} => {
            let customers = accounts::sign_out::end_every_session(app).await?;
            json!({ "customers": customers })
        }
        Command::Erase { customer_id } => {
            accounts::erasure::erase_for_operator(app, customer_id).await?;
            json!({ "customer_id": customer_id })
        }
        Command::SetRole { email, role } => {
            serde_json::to_value(accounts::administration::set_role(app, &email.parse()?, role).await?)?
        }
        Command::RemoveEmailTopics {} => serde_json::to_value(email_topics::remove_all(app).await?)?,
        Command::PasswordToken { email } => {
            let email: Email = email.parse()?;
            serde_json::to_value(password_reset::grant(app, &email).await?)?
        }
    })
}

/// Verifies all books, shard by shard, until `until` if that is given. A run that is unfinished only because of the time is
/// not an error.
async fn verify(market: &MarketData, interrupted: Interrupted, until: Option<Instant>) -> Result<Value, Failure> {
    let report = verification::verify_all(market, interrupted, until).await?;
    measure(&report);
    let json = serde_json::to_value(&report)?;
    if report.has_findings() { Err(Failure::Unsound(json)) } else { Ok(json) }
}

/// Reports the metrics for alarms and graphs. A count of zero is reported too. They contain no customers.
fn measure(report: &VerificationReport) {
    let VerificationReport { started_at, finished_at, unfinished_shards, results } = report;
    let errors = results.in_use + results.failed + unfinished_shards;
    metrics::counter!("sextant_verified_customers").increment(results.customers as u64);
    metrics::counter!("sextant_unsound_books").increment(results.unsound_count as u64);
    metrics::counter!("sextant_verification_errors").increment(errors as u64);
    if let Some(finished_at) = finished_at {
        let took = (*finished_at - *started_at).as_seconds_f64();
        metrics::histogram!("sextant_verification_seconds").record(took);
    }
}
