//! The e-mails of a target: files in the outbox of one machine, and what SES of the emulated AWS was given.

use std::path::Path;

use serde_json::{Value, json};

use super::{Place, Target, now};

/// How often a target is asked for something that happens in the background.
const MOST_POLLS: usize = 5_000;

/// An e-mail that was sent.
#[derive(Clone, Debug)]
pub struct Email {
    pub subject: String,
    pub text: String,
}

impl Email {
    /// The token in its text.
    pub fn token(&self) -> String {
        let is_token = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.text.lines().find(is_token).unwrap_or_else(|| panic!("no token in {}", self.text)).to_owned()
    }
}

impl Target {
    /// The e-mails that this address was sent, in order.
    pub async fn emails_to(&self, address: &str) -> Vec<Email> {
        match &self.place {
            Place::Local { home, .. } => outbox(&home.join("outbox"), address),
            Place::Emulated { endpoint, .. } => {
                let sent = self.client.get(format!("{endpoint}/_ministack/ses/messages")).send().await.unwrap();
                let sent: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
                let messages = sent["messages"].as_object().unwrap().values().flat_map(|sent| sent.as_array().unwrap());
                let own = messages.filter(|message| message["To"] == json!([address]));
                let text = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
                own.map(|message| Email { subject: text(message, "Subject"), text: text(message, "BodyText") })
                    .collect()
            }
        }
    }

    /// The e-mail number `number`, counted from 1, to this address. Waits until it was sent.
    pub async fn email_to(&self, address: &str, number: usize) -> Email {
        for _ in 0..MOST_POLLS {
            if let Some(email) = self.emails_to(address).await.get(number - 1) {
                return email.clone();
            }
            self.get("/health").await;
        }
        panic!("no e-mail {number} to {address} on {}", self.name)
    }

    /// Verifies the e-mail address of this customer, who has been sent `sent` e-mails before.
    pub async fn verify_email(&self, address: &str, sent: usize) {
        self.post("/customers/email-verification", &json!({})).await.expect_status(202);
        let token = self.email_to(address, sent + 1).await.token();
        let confirmation = json!({ "token": token });
        self.anonymous().post("/customers/email-verification/confirm", &confirmation).await.expect_status(204);
    }

    /// Lets an e-mail that was sent just now bounce, as the event that SES would publish. Only AWS may publish
    /// events of this source, on the emulated AWS too.
    pub async fn bounce(&self, address: &str, bounce_type: &str) {
        let detail = json!({
            "eventType": "Bounce",
            "mail": { "timestamp": now().to_rfc3339() },
            "bounce": { "bounceType": bounce_type, "bouncedRecipients": [{ "emailAddress": address }] },
        });
        let event = json!({ "detail-type": "Email Bounced", "source": "aws.ses", "detail": detail });
        self.invoke("operator", &event).await;
    }

    /// Waits until the customer's address is verified, or is not.
    pub async fn wait_until_verified(&self, expected: bool) {
        for _ in 0..MOST_POLLS {
            if self.get("/customers/me").await.expect_status(200).json()["email_verified"] == expected {
                return;
            }
        }
        panic!("the address does not become verified: {expected}, on {}", self.name)
    }
}

/// The e-mails in a folder to this address.
fn outbox(folder: &Path, address: &str) -> Vec<Email> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect();
    paths.sort();
    let emails = paths.iter().map(|path| std::fs::read_to_string(path).unwrap().replace("\r\n", "\n"));
    let own = emails.filter(|email| email.contains(&format!("\nTo: {address}\n")));
    own.map(|email| {
        let (headers, text) = email.split_once("\n\n").unwrap();
        let subject = headers.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
        Email { subject: subject.to_owned(), text: text.to_owned() }
    })
    .collect()
}
