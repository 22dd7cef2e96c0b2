//! The events that the function handles: requests for a password reset, and e-mails that could not be delivered.

use accounts::email_verification::{self, Undeliverable};
use accounts::password_reset::{self, PASSWORD_RESET_REQUESTED, PasswordResetRequested};
use app::App;
use chrono::{DateTime, Utc};
use domain::Email;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// An event of `EventBridge`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Event {
    detail_type: String,
    detail: Value,
}

/// What SES publishes of an e-mail that bounced, or about which its recipient complained.
#[derive(Deserialize)]
struct EmailEvent {
    mail: SentMail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
struct SentMail {
    /// When it was sent.
    timestamp: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    /// When the recipient's provider reported it.
    timestamp: DateTime<Utc>,
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

/// Whether this is an event and not a command.
pub(crate) fn is_event(event: &Value) -> bool {
    event.get("detail-type").is_some()
}

/// Handles an event.
pub(crate) async fn handle(app: &App, event: Value) -> Result<Value, Failure> {
    let Event { detail_type, detail } = serde_json::from_value(event).map_err(Failure::Event)?;
    match detail_type.as_str() {
        PASSWORD_RESET_REQUESTED => {
            let PasswordResetRequested { email } = serde_json::from_value(detail).map_err(Failure::Event)?;
            password_reset::send_token(app, &email).await?;
        }
        "Email Bounced" | "Email Complaint Received" => {
            end_verifications(app, serde_json::from_value(detail).map_err(Failure::Event)?).await?;
        }
        _ => return Err(Failure::EventType(detail_type)),
    }
    Ok(serde_json::json!({}))
}

/// A bounce that may pass, such as a full inbox, ends nothing.
async fn end_verifications(app: &App, event: EmailEvent) -> Result<(), Failure> {
    let EmailEvent { mail, bounce, complaint } = event;
    let bounced = bounce.filter(|bounce| bounce.bounce_type == "Permanent");
    let bounced = bounced.into_iter().flat_map(|bounce| bounce.bounced_recipients);
    let bounced = bounced.map(|recipient| (recipient, mail.timestamp, Undeliverable::Bounce));
    // A complaint about the e-mail that verified the address counts too: it comes after the verification.
    let complained = complaint.into_iter().flat_map(|Complaint { timestamp, complained_recipients }| {
        complained_recipients.into_iter().map(move |recipient| (recipient, timestamp, Undeliverable::Complaint))
    });
    for (recipient, at, cause) in bounced.chain(complained) {
        match recipient.email_address.parse::<Email>() {
            Ok(email) => email_verification::end(app, &email, at, cause).await?,
            Err(error) => tracing::warn!(%error, "the recipient of an undeliverable e-mail is no address"),
        }
    }
    Ok(())
}
