//! The known name nearest to a misspelt one.

/// Edits beyond which a suggestion would be a guess.
const FARTHEST: usize = 2;

/// The known name that takes the fewest edits, if they are few.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::levenshtein(name, candidate), candidate))
        .filter(|&(edits, candidate)| edits <= FARTHEST && edits < candidate.len())
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_from_a_single_edit() {
        for (name, found) in [("sma", "sma"), ("smaa", "sma"), ("sm", "sma"), ("sna", "sma"), ("smaaa", "sma")] {
            assert_eq!(nearest(name, ["sma"]), Some(found), "{name}");
        }
        for name in ["", "smaaaa", "rsi"] {
            assert_eq!(nearest(name, ["sma"]), None, "{name}");
        }
    }

    #[test]
    fn far_names_are_not_suggested() {
        assert_eq!(nearest("clsoe", ["open", "close"]), Some("close"));
        assert_eq!(nearest("fibonacci", ["open", "close"]), None);
    }
}
