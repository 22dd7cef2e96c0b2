//! Tokens as they are made and kept.

use identity::tokens::{hash, new};

#[test]
fn tokens_differ_and_are_kept_as_hashes() {
    let (one, other) = (new().unwrap(), new().unwrap());
    assert_ne!(one, other);
    let kept = hash(&one).unwrap();
    assert!(kept.len() == 64 && kept != one);
    for text in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
        assert_eq!(hash(text), None);
    }
}
