//! The signed query of a local link: `expires=…&filename=…&signature=…`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::form_urlencoded;

use crate::ObjectKey;

/// Distinguishes these signatures from anything else that may ever be signed with the same secret.
const PURPOSE: &str = "sextant object link 1";
/// The block of SHA-256, in bytes: the size of an HMAC key before it is applied.
const BLOCK_BYTES: usize = 64;

/// Signs and checks links with HMAC-SHA256 (RFC 2104).
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    /// A signer with this secret.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        // RFC 2104 fills a key that is shorter than a block with zeros; done here, it cannot fail.
        let mut key = [0; BLOCK_BYTES];
        key[..secret.len()].copy_from_slice(&secret);
        Self(Hmac::new(&key.into()))
    }

    /// The query of a link to `key`. `filename` must be clean already: it goes into a header.
    pub(crate) fn query(&self, key: &ObjectKey, expires_at: DateTime<Utc>, filename: &str) -> String {
        let expires = expires_at.timestamp().to_string();
        let signature = self.mac(key, &expires, filename).finalize().into_bytes();
        form_urlencoded::Serializer::new(String::new())
            .append_pair("expires", &expires)
            .append_pair("filename", filename)
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(signature))
            .finish()
    }

    /// The file name of a link to `key` that is ours and still good at `now`; otherwise `None`.
    pub(crate) fn check(&self, key: &ObjectKey, query: &str, now: DateTime<Utc>) -> Option<String> {
        let signed = SignedQuery::parse(query)?;
        let signature = URL_SAFE_NO_PAD.decode(signed.signature.as_bytes()).ok()?;
        // Compared in constant time, and before anything in the query is believed.
        self.mac(key, &signed.expires, &signed.filename).verify_slice(&signature).ok()?;
        let expires: i64 = signed.expires.parse().ok()?;
        (now.timestamp() < expires).then_some(signed.filename)
    }

    fn mac(&self, key: &ObjectKey, expires: &str, filename: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // No part but the last can hold a line break, so that no two links sign the same text.
        for part in [PURPOSE, "\n", key.as_str(), "\n", expires, "\n", filename] {
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(secret)")
    }
}

/// The three parameters as they came, each exactly once.
struct SignedQuery {
    expires: String,
    filename: String,
    signature: String,
}

impl SignedQuery {
    fn parse(query: &str) -> Option<Self> {
        let (mut expires, mut filename, mut signature) = (None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "expires" => &mut expires,
                "filename" => &mut filename,
                "signature" => &mut signature,
                _ => return None,
            };
            if slot.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        let expires: String = expires?;
        let is_number = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(Self { expires, filename: filename?, signature: signature? })
    }
}

#[cfg(test)]
mod tests {
    use domain::CustomerId;
    use uuid::Uuid;

    use super::*;

    fn key(random: u8) -> ObjectKey {
        ObjectKey::new("reports", CustomerId(Uuid::nil()), [random; 16], "pdf").unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_signature_is_hmac_sha256_of_purpose_key_expiry_and_filename() {
        // Computed with Python's hmac and hashlib.
        let query = Signer::new([7; 32]).query(&key(1), at(1_700_000_000), "AAPL 2012.pdf");
        assert_eq!(
            query,
            "expires=1700000000&filename=AAPL+2012.pdf&signature=sY3EFEEuKFHPo8dQW3t5TMYxWWhuLWPtinSI2xYCa0w"
        );
    }

    #[test]
    fn a_link_is_good_until_the_second_it_names() {
        let signer = Signer::new([7; 32]);
        let query = signer.query(&key(1), at(1000), "a.pdf");
        assert_eq!(signer.check(&key(1), &query, at(999)).as_deref(), Some("a.pdf"));
        assert_eq!(signer.check(&key(1), &query, at(1000)), None);
    }

    #[test]
    fn another_key_secret_or_any_other_query_is_refused() {
        let signer = Signer::new([7; 32]);
        let query = signer.query(&key(1), at(1000), "a.pdf");
        let now = at(0);
        assert!(signer.check(&key(1), &query, now).is_some());
        assert!(signer.check(&key(2), &query, now).is_none());
        assert!(Signer::new([8; 32]).check(&key(1), &query, now).is_none());
        let altered = [
            String::new(),
            query.replace("1000", "1001"),
            query.replace("1000", "%2B1000"),
            query.replace("1000", "01000"),
            query.replace("a.pdf", "b.pdf"),
            query.replace("a.pdf", ""),
            query.replace("signature=", "signature=A"),
            query.replace("signature=", "signed="),
            query[..query.len() - 1].to_owned(),
            format!("{query}&expires=2000"),
            format!("{query}&more=1"),
            "expires=1000&filename=a.pdf&signature=".to_owned(),
        ];
        for query in altered {
            assert!(signer.check(&key(1), &query, now).is_none(), "{query}");
        }
    }

    #[test]
    fn every_single_changed_character_of_a_query_is_refused() {
        let signer = Signer::new([7; 32]);
        let query = signer.query(&key(1), at(1000), "a.pdf");
        for position in 0..query.len() {
            for replacement in ["0", "z", "&", "%", "="] {
                let mut altered = query.clone();
                altered.replace_range(position..=position, replacement);
                assert!(altered == query || signer.check(&key(1), &altered, at(0)).is_none(), "{altered}");
            }
        }
    }

    #[test]
    fn the_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Signer::new([7; 32])), "Signer(secret)");
    }
}
