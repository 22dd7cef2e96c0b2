//! Generation and hashing of tokens.

use identity::tokens::{hash, new};

#[test]
fn tokens_differ_and_are_stored_as_hashes() {
    let (one, other) = (new().unwrap(), new().unwrap());
    assert_ne!(one, other);
    let stored = hash(&one).unwrap();
    assert!(stored.len() == 64 && stored != one);
    for text in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
        assert_eq!(hash(text), None);
    }
}
