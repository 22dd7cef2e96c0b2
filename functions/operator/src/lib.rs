//! The operator's commands, invoked every night and by hand, never over HTTP; IAM controls access. They verify all
//! books, set roles, end sessions, erase customers, and create one-time tokens for customers who have lost their password.
//! Events send such a token by e-mail, and stop e-mails to addresses that cannot receive them.

mod events;
mod failure;

pub use failure::Failure;

use accounts::{email_topics, password_reset};
use domain::{CustomerId, Email, Role};
use market_data::MarketData;
use operations::verification;
use serde::Deserialize;
use serde_json::{Value, json};

/// A command; the nightly schedule sends `{"command": "verify"}`.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Verify every customer's books, freeze wallets with discrepancies, and finish interrupted erasures.
    Verify {},
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

/// Runs the command, or handles the event, and returns its result.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    if events::is_event(&event) {
        return events::handle(&market.app, event).await;
    }
    Ok(match serde_json::from_value(event)? {
        Command::Verify {} => {
            let report = verification::verify_all(market).await?;
            let json = serde_json::to_value(&report)?;
            if !report.is_clean() {
                return Err(Failure::Unsound(json));
            }
            json
        }
        Command::EndSessions {} => {
            let customers = accounts::sign_out::end_every_session(&market.app).await?;
            json!({ "customers": customers })
        }
        Command::Erase { customer_id } => {
            accounts::erasure::erase_for_operator(&market.app, customer_id).await?;
            json!({ "customer_id": customer_id })
        }
        Command::SetRole { email, role } => {
            serde_json::to_value(accounts::administration::set_role(&market.app, &email.parse()?, role).await?)?
        }
        Command::RemoveEmailTopics {} => serde_json::to_value(email_topics::remove_all(&market.app).await?)?,
        Command::PasswordToken { email } => {
            let email: Email = email.parse()?;
            serde_json::to_value(password_reset::grant(&market.app, &email).await?)?
        }
    })
}
