//! The e-mails with a one-time token: what they say, and how many an address gets.
//!
//! An e-mail has the token and the request that uses it, and no link: opening an e-mail changes nothing.

use app::error::ServiceError;
use app::mail::Message;
use app::rate_limiter::{self, Quota};
use app::{App, mail};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use identity::tokens;
use store::keys;

/// How long a token from an e-mail is valid.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// What an e-mail with a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Verifying the address.
    Verification,
    /// Setting a new password.
    PasswordReset,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::PasswordReset => "password-reset",
        }
    }
}

/// The e-mails with a token for one purpose that are sent to one address.
const TO_ADDRESS: Quota = Quota {
    name: "token-emails",
    limit: 5,
    window: TimeDelta::hours(1),
    refusal: |retry_after_seconds| ServiceError::TooManyRequests {
        what: "e-mails to this address",
        retry_after_seconds,
    },
};
/// The e-mails that a customer causes, to whatever addresses they give. An address may not be theirs.
const BY_CUSTOMER: Quota = Quota {
    name: "email-verification",
    limit: 5,
    window: TimeDelta::hours(1),
    refusal: |retry_after_seconds| ServiceError::TooManyRequests { what: "verification e-mails", retry_after_seconds },
};

/// A new token and when it expires.
pub(crate) struct NewToken {
    /// The token, which only the e-mail has.
    pub(crate) token: String,
    /// The hash under which it is stored.
    pub(crate) hash: String,
    /// When it expires.
    pub(crate) expires_at: DateTime<Utc>,
}

impl NewToken {
    /// Generates a token that is valid for `lifetime`.
    pub(crate) fn new(app: &App, lifetime: TimeDelta) -> Result<Self, ServiceError> {
        let token = tokens::new()?;
        let hash = tokens::hash(&token).ok_or_else(|| ServiceError::fault("token", "a new token is malformed"))?;
        Ok(Self { token, hash, expires_at: app.now() + lifetime })
    }
}

/// Refuses if the platform sends no e-mail.
pub(crate) fn require_sender(app: &App) -> Result<(), ServiceError> {
    if app.mail().is_available() { Ok(()) } else { Err(mail::MailError::NoSender.into()) }
}

/// Counts an e-mail to this address. Each purpose counts by itself: anyone may request a new password for an address, and
/// must not keep its owner from verifying it.
///
/// Errors: [`ServiceError::TooManyRequests`] after five within an hour.
pub(crate) async fn count_to(app: &App, email: &Email, purpose: Purpose) -> Result<(), ServiceError> {
    rate_limiter::count(app, &keys::token_emails(email, purpose.as_str()), TO_ADDRESS).await.map(drop)
}

/// Counts an e-mail that this customer causes.
///
/// Errors: [`ServiceError::TooManyRequests`] after five within an hour.
pub(crate) async fn count_by(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    rate_limiter::count(app, &keys::request_count(customer, BY_CUSTOMER.name), BY_CUSTOMER).await.map(drop)
}

/// The e-mail that lets its reader verify the address.
pub(crate) fn verification(to: Email, token: &str) -> Message {
    let text = format!(
        "An account of Sextant has this e-mail address. To verify that the address is yours, send this token within 15 \
         minutes:\n\n{token}\n\n{}\n\nURL is the address of the platform. If you have no account, ignore this e-mail: \
         without the token the address gets no alerts.\n",
        request("POST", "/customers/email-verification/confirm", &format!("{{\"token\": \"{token}\"}}")),
    );
    Message { to, subject: "Verify your e-mail address".to_owned(), text }
}

/// The e-mail that lets its reader set a new password.
pub(crate) fn password_reset(to: Email, token: &str) -> Message {
    let body = format!("{{\"token\": \"{token}\", \"new_password\": \"YOUR NEW PASSWORD\"}}");
    let text = format!(
        "A new password was requested for your account of Sextant. To set it, send this token with the password within \
         15 minutes:\n\n{token}\n\n{}\n\nURL is the address of the platform. It ends all of your sessions. If you did not \
         request this, ignore this e-mail: your password stays.\n",
        request("PUT", "/customers/password", &body),
    );
    Message { to, subject: "Set a new password".to_owned(), text }
}

fn request(method: &str, path: &str, body: &str) -> String {
    format!("curl -X {method} $URL{path} -H 'Content-Type: application/json' -d '{body}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_the_token_the_request_and_no_link() {
        let to = || "ada@example.com".parse().unwrap();
        let token = "7".repeat(64);
        for (message, path) in [
            (verification(to(), &token), "POST $URL/customers/email-verification/confirm"),
            (password_reset(to(), &token), "PUT $URL/customers/password"),
        ] {
            assert!(message.text.contains(&format!("\n{token}\n")), "{}", message.text);
            assert!(message.text.contains(path) && message.text.contains(&format!("\"token\": \"{token}\"")));
            assert!(!message.text.contains("://"), "{}", message.text);
        }
    }
}
