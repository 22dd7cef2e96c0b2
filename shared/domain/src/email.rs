//! E-mail addresses that customers sign in with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest address, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX_BYTES: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// An e-mail address, trimmed and in lower case, so that one address is one customer however it is typed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "email", max_length = 254, example = "ada@example.com")]
pub struct Email(String);

/// Why a text is not an [`Email`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Not of the form `name@host.domain`.
    #[error("must be an e-mail address, written name@host.domain")]
    Form,
    /// Longer than mail servers accept.
    #[error("must have at most {MAX_BYTES} bytes, {MAX_LOCAL_BYTES} of them before the @")]
    TooLong,
}

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let (local, host) = text.rsplit_once('@').ok_or(EmailError::Form)?;
        if local.len() > MAX_LOCAL_BYTES {
            return Err(EmailError::TooLong);
        }
        let strange = |character: char| character.is_whitespace() || character.is_control() || character == '@';
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|character| character.is_alphanumeric() || character == '-')
        };
        let well_formed =
            !local.is_empty() && !local.contains(strange) && host.contains('.') && host.split('.').all(label);
        if well_formed { Ok(Self(text.to_lowercase())) } else { Err(EmailError::Form) }
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_is_typed() {
        let address: Email = " Ada.Lovelace+books@Example.COM\n".parse().unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+books@example.com");
    }

    #[test]
    fn undeliverable_addresses_are_refused() {
        for text in ["", "ada", "@example.com", "ada@", "ada@host", "a b@example.com", "a@b@example.com", "ada@-x.com"]
        {
            assert_eq!(text.parse::<Email>(), Err(EmailError::Form), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(long.parse::<Email>(), Err(EmailError::TooLong));
        assert_eq!(format!("a@{}.com", "b".repeat(250)).parse::<Email>(), Err(EmailError::TooLong));
    }
}
