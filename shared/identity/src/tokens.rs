//! Opaque secrets: 256 random bits, handed out once and kept only as their hash.

use app::error::ServiceError;
use rand::TryRng as _;
use rand::rngs::SysRng;
use store::keys::{hex, sha256_hex};

const BYTES: usize = 32;
/// Hex digits of a token.
const LENGTH: usize = BYTES * 2;

/// A new token in lower-case hex.
pub fn new() -> Result<String, ServiceError> {
    let mut bytes = [0_u8; BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| ServiceError::fault("random bytes", error))?;
    Ok(hex(&bytes))
}

/// What is kept of a token; `None` for a text that no token looks like.
#[must_use]
pub fn hash(token: &str) -> Option<String> {
    let plausible = token.len() == LENGTH && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then(|| sha256_hex(token))
}
