//! Invoked every night and by hand, never over HTTP: IAM says who may. Verifies all books, sets roles, and makes
//! one-time tokens for people who have lost their password.

use accounts::password_reset;
use app::ServiceError;
use domain::{Email, EmailError, Role};
use market_data::MarketData;
use operations::verification;
use serde::Deserialize;
use serde_json::Value;

/// What is to be done; the nightly schedule sends `{"command": "verify"}`.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Recompute every wallet and freeze what does not add up; finish erasures that were cut short.
    Verify {},
    /// Give a customer a role.
    SetRole {
        /// What they sign in with.
        email: String,
        /// Their role from now on.
        role: Role,
    },
    /// Make a one-time token that sets a new password.
    PasswordToken {
        /// What they sign in with.
        email: String,
    },
}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is none of the commands.
    #[error("not a command: {0}")]
    Command(#[from] serde_json::Error),
    /// The address is none.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// Books do not add up, or could not be verified: the nightly run fails, so that somebody looks.
    #[error("not all books were verified and add up: {0}")]
    Unsound(Value),
    /// The command could not be done.
    #[error("{0}")]
    Service(#[from] ServiceError),
}

/// Does what the event says and answers with what came of it.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    Ok(match serde_json::from_value(event)? {
        Command::Verify {} => {
            let report = verification::verify_all(market).await?;
            let said = serde_json::to_value(&report)?;
            if !report.is_clean() {
                return Err(Failure::Unsound(said));
            }
            said
        }
        Command::SetRole { email, role } => {
            serde_json::to_value(accounts::administration::set_role(&market.app, &email.parse()?, role).await?)?
        }
        Command::PasswordToken { email } => {
            let email: Email = email.parse()?;
            serde_json::to_value(password_reset::grant(&market.app, &email).await?)?
        }
    })
}
