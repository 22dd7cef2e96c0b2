//! Passwords: which are taken, and how they are kept (Argon2id, RFC 9106).

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use tokio::sync::Semaphore;

use crate::error::ServiceError;

/// The shortest password, in bytes.
pub const MIN_BYTES: usize = 8;
/// The longest password, in bytes: a longer one would let anybody keep a core busy.
pub const MAX_BYTES: usize = 256;
/// No password of the list of common ones is longer; what is, need not be looked up.
const LONGEST_COMMON: usize = 32;

/// A password that is found among this many guesses is a common one.
const FIRST_GUESSES: u64 = 10_000;

/// Memory, passes and lanes of a hash: 19 MiB, 2 and 1, the least that OWASP's "Password Storage Cheat Sheet" (2024)
/// names for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at a time: each takes a core and 19 MiB, and whoever asks for more waits.
static PLACES: Semaphore = Semaphore::const_new(4);

/// A password somebody wants to sign in with; it is never written anywhere, nor shown in a log.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`MIN_BYTES`] or longer than [`MAX_BYTES`].
    #[error("a password has {MIN_BYTES} to {MAX_BYTES} bytes")]
    Length,
    /// One of the passwords that are tried first.
    #[error("this password is among the commonest there are; choose another")]
    Common,
}

impl Password {
    /// A new password, which must be neither too short, too long nor common.
    pub fn choose(text: String) -> Result<Self, PasswordError> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&text.len()) {
            return Err(PasswordError::Length);
        }
        if is_common(&text) { Err(PasswordError::Common) } else { Ok(Self(text)) }
    }

    /// A password as typed at the door, whatever it is. What could never have been chosen is never right.
    #[must_use]
    pub fn typed(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Whether the list of common passwords of the crate zxcvbn, and the simple changes that are tried on it, reach this one
/// among the first guesses.
fn is_common(text: &str) -> bool {
    text.len() <= LONGEST_COMMON && zxcvbn::zxcvbn(text, &[]).guesses() < FIRST_GUESSES
}

/// The hash of a password with a salt of its own, as a PHC string. Takes tens of milliseconds, off the async threads.
pub async fn hash(password: Password) -> Result<String, ServiceError> {
    let _place = PLACES.acquire().await.map_err(|error| ServiceError::fault("password hash", error))?;
    let hashed = tokio::task::spawn_blocking(move || {
        hasher()?.hash_password(password.0.as_bytes()).map(|hash| hash.to_string())
    });
    let hashed = hashed.await.map_err(|error| ServiceError::fault("password hash", error))?;
    hashed.map_err(|error| ServiceError::fault("password hash", error))
}

/// Whether the password is the one that was hashed. Without a hash the answer is no, after the same work, so that the
/// time taken does not tell whether there is an account.
pub async fn verify(password: Password, hash: Option<String>) -> Result<bool, ServiceError> {
    let _place = PLACES.acquire().await.map_err(|error| ServiceError::fault("password check", error))?;
    let verified = tokio::task::spawn_blocking(move || {
        // Made by the first check of all, so that it takes no check of an unknown account any longer.
        let decoy = &*DECOY;
        let phc = PasswordHash::new(hash.as_deref().unwrap_or(decoy)).map_err(|error| error.to_string())?;
        let hasher = hasher().map_err(|error| error.to_string())?;
        let right = password.0.len() <= MAX_BYTES && hasher.verify_password(password.0.as_bytes(), &phc).is_ok();
        Ok(hash.is_some() && right)
    });
    let verified: Result<bool, String> =
        verified.await.map_err(|error| ServiceError::fault("password check", error))?;
    verified.map_err(|error| ServiceError::fault("password check", error))
}

fn hasher() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of nobody's password, at the same cost as everybody's.
static DECOY: LazyLock<String> = LazyLock::new(|| {
    let hash = hasher().and_then(|hasher| hasher.hash_password(b"nobody's password"));
    hash.map(|hash| hash.to_string()).unwrap_or_default()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_commonness_decide_and_nothing_else() {
        for common in ["password", "12345678", "Password1", "qwertyuiop", "iloveyou", "11111111", "sunshine"] {
            assert_eq!(Password::choose(common.to_owned()).unwrap_err(), PasswordError::Common, "{common}");
        }
        assert_eq!(Password::choose("seven77".to_owned()).unwrap_err(), PasswordError::Length);
        assert_eq!(Password::choose("x".repeat(257)).unwrap_err(), PasswordError::Length);
        for taken in ["correct horse battery", "zwölf Äpfel", "xkcdxkcd9", &"long".repeat(64)] {
            assert!(Password::choose(taken.to_owned()).is_ok(), "{taken}");
        }
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hash = hash(Password::typed("correct horse".to_owned())).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(Password::typed("correct horse".to_owned()), Some(hash.clone())).await.unwrap());
        assert!(!verify(Password::typed("correct  horse".to_owned()), Some(hash.clone())).await.unwrap());
        assert!(!verify(Password::typed("correct horse".to_owned()), None).await.unwrap());
        assert!(!verify(Password::typed("nobody's password".to_owned()), None).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_hash_costs_what_everybodys_does() {
        let kept = hash(Password::typed("correct horse".to_owned())).await.unwrap();
        let (kept, decoy) = (PasswordHash::new(&kept).unwrap(), PasswordHash::new(&DECOY).unwrap());
        assert_eq!((kept.algorithm, kept.version), (decoy.algorithm, decoy.version));
        assert_eq!(kept.params.to_string(), decoy.params.to_string());
        let lengths = |hash: &PasswordHash| (hash.salt.map(|salt| salt.len()), hash.hash.map(|hash| hash.len()));
        assert_eq!(lengths(&kept), lengths(&decoy));
    }

    #[test]
    fn a_password_does_not_show_in_a_log() {
        assert_eq!(format!("{:?}", Password::typed("secret".to_owned())), "Password(…)");
    }
}
