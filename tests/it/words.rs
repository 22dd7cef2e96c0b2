//! One word for one thing: words that standard terms have replaced stay out of code and documents. The terms are in
//! docs/glossary.md.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tidy::{files_below, root};

/// Replaced words, as they appear in text or within a name.
const REPLACED: &str = "
    letterbox letterboxes mailbox mailboxes
    vigil vigils sight sights
    judge judges judged judging judgement judgements
    patience
    told tells telling untold
    follower followers
    mirror mirrors mirrored
    deed deeds tally tallies belongings flood floods
    whoever somebody someone anybody nobody everybody
";

/// Replaced phrases, in lower case and without punctuation.
const REPLACED_PHRASES: [&str; 8] =
    ["first look", "first looks", "kept answer", "kept answers", "own item", "own items", "sign of life", "paid facts"];

/// Files that may use replaced words: this one may use all, the others use names that are stored or public.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("tests/it/words.rs", &[]),
    ("template.yaml", &["first looks", "followers"]),
    ("tests/it/live_rates.rs", &["told"]),
    ("shared/accounts/src/export.rs", &["deeds"]),
    ("shared/market-data/src/last_run.rs", &["told"]),
    ("shared/store/src/access.rs", &["first looks", "followers"]),
    ("shared/store/src/keys/prices.rs", &["first looks"]),
    ("shared/store/src/keys/tracking.rs", &["followers"]),
    ("shared/notifications/src/alerts/email_subscription.rs", &["letterbox"]),
    ("shared/notifications/tests/it/alerts/world.rs", &["letterbox"]),
    ("shared/notifications/src/alerts/records.rs", &["vigil", "told"]),
];

/// The words of a text in lower case. Names count as the words that they are made of.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in text.chars() {
        let begins = character.is_uppercase() && before.is_lowercase();
        if (begins || !character.is_alphabetic()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphabetic()) {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words
}

/// The replaced words and phrases that a text uses.
fn replaced(text: &str) -> BTreeSet<String> {
    let single: BTreeSet<&str> = REPLACED.split_whitespace().collect();
    let words = words(text);
    let mut found: BTreeSet<String> = words.iter().filter(|word| single.contains(word.as_str())).cloned().collect();
    let joined = format!(" {} ", words.join(" "));
    found.extend(
        REPLACED_PHRASES.iter().filter(|phrase| joined.contains(&format!(" {phrase} "))).map(ToString::to_string),
    );
    found
}

#[test]
fn replaced_words_stay_out_of_code_and_documents() {
    let folders = ["benches", "docs", "events", "functions", "gateway", "shared", "tests"];
    let mut files: Vec<_> = ["rs", "md", "py", "toml", "json"]
        .iter()
        .flat_map(|extension| folders.iter().flat_map(|folder| files_below(&root().join(folder), extension)))
        .collect();
    files.extend(
        [
            "README.md",
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "BENCHMARKS.md",
            "SECURITY.md",
            "Makefile",
            "template.yaml",
        ]
        .map(|name| root().join(name)),
    );
    assert!(files.len() > 700, "only {} files were found", files.len());
    let mut complaints = Vec::new();
    for path in files {
        let name = path.strip_prefix(root()).unwrap();
        let allowed = ALLOWED.iter().find(|(file, _)| Path::new(file) == name).map(|(_, words)| *words);
        if allowed == Some(&[]) {
            continue;
        }
        let found = replaced(&std::fs::read_to_string(&path).unwrap());
        let kept = |word: &&String| allowed.is_some_and(|allowed| allowed.contains(&word.as_str()));
        complaints.extend(found.iter().filter(|word| !kept(word)).map(|word| format!("{}: {word}", name.display())));
    }
    assert!(complaints.is_empty(), "{} uses of replaced words:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn a_replaced_word_is_found_within_a_name_and_across_a_line() {
    assert_eq!(
        replaced("fn first_look_of(letterboxes: NoLetterbox)"),
        BTreeSet::from(["first look", "letterbox", "letterboxes"].map(String::from))
    );
    assert_eq!(replaced("an own\n/// item"), BTreeSet::from(["own item".to_owned()]));
    assert_eq!(replaced("in hindsight, a teller looks first"), BTreeSet::new());
}
