//! A function that waits for I/O is named by what it does: `find_quote`, not `quote` or `found`.

use std::collections::BTreeSet;

use crate::circles::tokens;
use crate::tidy::{files_below, root};

/// The verbs that names of such functions begin with. A new one belongs here.
const VERBS: &str = "
    append accept acquire add administer admit advance answer apply ask assemble assert attempt authorize await batch
    bind bring call catch change check close commit compress compute confirm connect converse correct count
    create cut delete deliver deposit describe discard disconnect draw end enforce erase evaluate execute
    explain export extend fetch find finish fire flush follow forward gather get grade grant handle hash
    hide hold import invoke issue learn leave link list listen load lock look make mark move notify open order
    parse pass place post predict prepare publish put query read rebuild recall receive record redeem
    refresh refuse register release remember remove rename renew replay request resample reserve reset retry
    restore reverse run save search select send serve set settle show sign simulate start stop store subscribe
    summarise sweep take touch trace track trade transact transfer try unlist update value verify wait withdraw
    write
";

/// Names that Axum and the streams of Rust give.
const GIVEN: [&str; 3] = ["from_request", "from_request_parts", "next"];

/// Whether a name begins with a verb, or asks a question that is answered with yes or no.
fn is_verb_phrase(name: &str, verbs: &BTreeSet<&str>) -> bool {
    let first = name.split('_').next().unwrap();
    verbs.contains(first) || ["is", "has"].contains(&first) || GIVEN.contains(&name)
}

/// The names of the async functions in a file.
fn async_functions(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let named = tokens.windows(3).filter(|window| window[..2] == ["async", "fn"]);
    named.map(|window| window[2].to_owned()).collect()
}

#[test]
fn async_functions_are_verbs() {
    let verbs: BTreeSet<&str> = VERBS.split_whitespace().collect();
    let mut used = BTreeSet::new();
    let folders = ["functions", "shared", "gateway"].into_iter();
    for path in folders.flat_map(|folder| files_below(&root().join(folder), "rs")) {
        let parts: Vec<&str> = path.strip_prefix(root()).unwrap().iter().filter_map(|part| part.to_str()).collect();
        // Tests are sentences; so are the suites of checks that engines share.
        let is_source = parts.contains(&"src") && parts[1] != "testing";
        let is_test = parts
            .iter()
            .any(|part| part.starts_with("tests") || part.ends_with("_tests.rs") || part.starts_with("conformance"));
        if !is_source || is_test {
            continue;
        }
        for name in async_functions(&std::fs::read_to_string(&path).unwrap()) {
            assert!(is_verb_phrase(&name, &verbs), "{}: `{name}` is no verb", path.display());
            used.extend(verbs.get(name.split('_').next().unwrap()));
        }
    }
    assert_eq!(used, verbs, "a verb that no function begins with goes from the list");
}

#[test]
fn a_name_that_is_no_verb_is_found() {
    let verbs = BTreeSet::from(["find"]);
    let text = "pub async fn find_quote() {}\nasync fn stored() {}\nfn quiet() {}\n#[cfg(test)]\nmod tests {\nasync fn it() {}\n}";
    let faults: Vec<String> = async_functions(text).into_iter().filter(|name| !is_verb_phrase(name, &verbs)).collect();
    assert_eq!(faults, ["stored"]);
}
