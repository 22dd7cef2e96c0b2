//! The operator's commands, invoked every night and by hand, never over HTTP; IAM controls access. They verify all
//! books, set roles, and create one-time tokens for customers who have lost their password.

use accounts::password_reset;
use app::ServiceError;
use domain::{Email, EmailError, Role};
use market_data::MarketData;
use operations::verification;
use serde::Deserialize;
use serde_json::Value;

/// A command; the nightly schedule sends `{"command": "verify"}`.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Verify every customer's books, freeze wallets with discrepancies, and finish interrupted erasures.
    Verify {},
    /// Set the role of a customer.
    SetRole {
        /// The customer's e-mail address.
        email: String,
        /// The new role.
        role: Role,
    },
    /// Create a one-time token that sets a new password.
    PasswordToken {
        /// The customer's e-mail address.
        email: String,
    },
}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not a command.
    #[error("not a command: {0}")]
    Command(#[from] serde_json::Error),
    /// The e-mail address is invalid.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// Books have discrepancies, or could not be verified. The nightly run fails, to raise an alarm.
    #[error("books have discrepancies or could not be verified: {0}")]
    Unsound(Value),
    /// The command could not be done.
    #[error("{0}")]
    Service(#[from] ServiceError),
}

/// Runs the command and returns its result.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    Ok(match serde_json::from_value(event)? {
        Command::Verify {} => {
            let report = verification::verify_all(market).await?;
            let json = serde_json::to_value(&report)?;
            if !report.is_clean() {
                return Err(Failure::Unsound(json));
            }
            json
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
