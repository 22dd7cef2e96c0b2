//! Object keys: `reports/<customer>/<128 random bits>.pdf`.

use std::fmt;
use std::str::FromStr;

use domain::CustomerId;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// The longest prefix, in characters.
const MAX_PREFIX_LENGTH: usize = 32;
/// The longest extension, in characters.
const MAX_EXTENSION_LENGTH: usize = 8;
/// The hexadecimal digits of 128 bits.
const RANDOM_DIGITS: usize = 32;

/// The name of an object: `prefix/customer/random.extension`.
///
/// The random part cannot be guessed, the customer's part lets a policy or an erasure name all that
/// belongs to one person, and the prefix gives each kind of object its lifecycle. A key consists of
/// lower-case ASCII letters, digits, `-`, two slashes and one dot, so that it is a safe path on every file
/// system and needs no escaping in a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

/// Why a text is not an object key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ObjectKeyError {
    /// It does not have exactly three parts between slashes and one extension.
    #[error("an object key reads PREFIX/CUSTOMER/RANDOM.EXTENSION")]
    Shape,
    /// The prefix is not 1 to 32 lower-case letters, digits and inner hyphens, starting with a letter.
    #[error("the prefix of an object key is 1 to 32 of a-z, 0-9 and inner hyphens, a letter first")]
    Prefix,
    /// The second part is not a customer's id in its canonical form.
    #[error("the second part of an object key is a customer's id")]
    Customer,
    /// The third part is not 32 lower-case hexadecimal digits.
    #[error("the third part of an object key is 32 lower-case hexadecimal digits")]
    Random,
    /// The extension is not 1 to 8 lower-case letters and digits.
    #[error("the extension of an object key is 1 to 8 of a-z and 0-9")]
    Extension,
}

impl ObjectKey {
    /// The key of a new object of `customer`. `random` must come from a cryptographic generator: who
    /// can guess it can guess the key.
    pub fn new(prefix: &str, customer: CustomerId, random: [u8; 16], extension: &str) -> Result<Self, ObjectKeyError> {
        let random = u128::from_be_bytes(random);
        format!("{prefix}/{customer}/{random:0RANDOM_DIGITS$x}.{extension}").parse()
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the object belongs to `customer`.
    #[must_use]
    pub fn belongs_to(&self, customer: CustomerId) -> bool {
        self.0.split('/').nth(1) == Some(customer.to_string().as_str())
    }
}

impl FromStr for ObjectKey {
    type Err = ObjectKeyError;

    fn from_str(text: &str) -> Result<Self, ObjectKeyError> {
        let mut parts = text.split('/');
        let (Some(prefix), Some(customer), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ObjectKeyError::Shape);
        };
        let (random, extension) = name.split_once('.').ok_or(ObjectKeyError::Shape)?;
        if !is_prefix(prefix) {
            return Err(ObjectKeyError::Prefix);
        }
        // A UUID has several spellings; only the canonical one names a folder.
        if Uuid::try_parse(customer).ok().is_none_or(|id| CustomerId(id).to_string() != customer) {
            return Err(ObjectKeyError::Customer);
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if random.len() != RANDOM_DIGITS || !random.bytes().all(is_hex) {
            return Err(ObjectKeyError::Random);
        }
        if extension.is_empty() || extension.len() > MAX_EXTENSION_LENGTH || !extension.bytes().all(is_plain) {
            return Err(ObjectKeyError::Extension);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = ObjectKeyError;

    fn try_from(text: String) -> Result<Self, ObjectKeyError> {
        text.parse()
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= MAX_PREFIX_LENGTH
        && prefix.starts_with(|first: char| first.is_ascii_lowercase())
        && !prefix.ends_with('-')
        && prefix.bytes().all(|byte| is_plain(byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CUSTOMER: &str = "01912d68-783e-7a03-8467-5661c1243ad4";
    const RANDOM: &str = "000102030405060708090a0b0c0d0e0f";

    fn customer() -> CustomerId {
        CustomerId(CUSTOMER.parse().unwrap())
    }

    #[test]
    fn a_key_is_made_of_prefix_customer_random_digits_and_extension() {
        let random = std::array::from_fn(|i| i as u8);
        let key = ObjectKey::new("reports", customer(), random, "pdf").unwrap();
        assert_eq!(key.as_str(), format!("reports/{CUSTOMER}/{RANDOM}.pdf"));
        assert!(key.belongs_to(customer()));
        assert!(!key.belongs_to(CustomerId(Uuid::nil())));
    }

    #[test]
    fn leading_zeros_of_the_random_part_are_kept() {
        let key = ObjectKey::new("exports", customer(), [0; 16], "zip").unwrap();
        assert!(key.as_str().ends_with("/00000000000000000000000000000000.zip"));
    }

    #[test]
    fn what_could_leave_the_folder_or_hide_in_it_is_no_key() {
        let table = [
            ("", ObjectKeyError::Shape),
            ("reports", ObjectKeyError::Shape),
            ("/etc/passwd", ObjectKeyError::Shape),
            ("../../../etc/passwd", ObjectKeyError::Shape),
            (&format!("reports/{CUSTOMER}/{RANDOM}"), ObjectKeyError::Shape),
            (&format!("reports/{CUSTOMER}/{RANDOM}.pdf/"), ObjectKeyError::Shape),
            (&format!("../{CUSTOMER}/{RANDOM}.pdf"), ObjectKeyError::Prefix),
            (&format!("/{CUSTOMER}/{RANDOM}.pdf"), ObjectKeyError::Prefix),
            (&format!("Reports/{CUSTOMER}/{RANDOM}.pdf"), ObjectKeyError::Prefix),
            (&format!("-r/{CUSTOMER}/{RANDOM}.pdf"), ObjectKeyError::Prefix),
            (&format!("{}/{CUSTOMER}/{RANDOM}.pdf", "r".repeat(33)), ObjectKeyError::Prefix),
            (&format!("reports/../{RANDOM}.pdf"), ObjectKeyError::Customer),
            (&format!("reports/{}/{RANDOM}.pdf", CUSTOMER.to_uppercase()), ObjectKeyError::Customer),
            (&format!("reports/{}/{RANDOM}.pdf", CUSTOMER.replace('-', "")), ObjectKeyError::Customer),
            (&format!("reports/{CUSTOMER}/..pdf"), ObjectKeyError::Random),
            (&format!("reports/{CUSTOMER}/{}.pdf", RANDOM.to_uppercase()), ObjectKeyError::Random),
            (&format!("reports/{CUSTOMER}/{RANDOM}0.pdf"), ObjectKeyError::Random),
            (&format!("reports/{CUSTOMER}/{RANDOM}."), ObjectKeyError::Extension),
            (&format!("reports/{CUSTOMER}/{RANDOM}.pdf.exe"), ObjectKeyError::Extension),
            (&format!("reports/{CUSTOMER}/{RANDOM}.pdf\0"), ObjectKeyError::Extension),
            (&format!("reports/{CUSTOMER}/{RANDOM}.pdf "), ObjectKeyError::Extension),
            (&format!("reports/{CUSTOMER}/{RANDOM}.p\\f"), ObjectKeyError::Extension),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<ObjectKey>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn json_carries_a_key_as_text_and_checks_it_on_the_way_in() {
        let key = ObjectKey::new("reports", customer(), [7; 16], "pdf").unwrap();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{key}\""));
        assert_eq!(serde_json::from_str::<ObjectKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<ObjectKey>("\"../secret\"").is_err());
    }

    proptest! {
        #[test]
        fn a_text_that_parses_is_a_safe_relative_path(text in "\\PC{0,100}") {
            if let Ok(key) = text.parse::<ObjectKey>() {
                prop_assert!(!key.as_str().contains("..") && !key.as_str().starts_with('/'));
            }
        }

        #[test]
        fn every_key_reads_back_as_itself(random: [u8; 16], prefix in "[a-z][a-z0-9]{0,31}", extension in "[a-z0-9]{1,8}") {
            let key = ObjectKey::new(&prefix, customer(), random, &extension).unwrap();
            prop_assert_eq!(key.as_str().parse::<ObjectKey>().unwrap(), key);
        }
    }
}
