//! Hashes in hex.

use sha2::{Digest, Sha256};
use store::keys::hex;

/// SHA-256 of the parts, each followed by a zero byte as a separator, in lower-case hex.
#[must_use]
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update([0]));
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(sha256_hex(&[b"ab", b"c"]), sha256_hex(&[b"a", b"bc"]));
    }

    #[test]
    fn the_hash_of_one_part_is_that_of_its_bytes_and_a_zero() {
        // printf 'a\0' | sha256sum
        let expected = "ffe9aaeaa2a2d5048174df0b80599ef0197ec024c4b051bc9860cff58ef7f9f3";
        assert_eq!(sha256_hex(&[b"a"]), expected);
    }
}
