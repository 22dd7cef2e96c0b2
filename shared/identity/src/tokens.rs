//! Opaque tokens: 256 random bits, shown once and stored only as their hash.

use app::error::ServiceError;
use rand::TryRng as _;
use rand::rngs::SysRng;
use store::keys::{hex, sha256_hex};

const BYTES: usize = 32;
/// Hex digits of a token.
const LENGTH: usize = BYTES * 2;

/// Generates a token in lower-case hex.
pub fn new() -> Result<String, ServiceError> {
    let mut bytes = [0_u8; BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| ServiceError::fault("random bytes", error))?;
    Ok(hex(&bytes))
}

/// The hash under which a token is stored; `None` for text that cannot be a token.
#[must_use]
pub fn hash(token: &str) -> Option<String> {
    let plausible = token.len() == LENGTH && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then(|| sha256_hex(token))
}
