//! Errors for people at a terminal: one line.

/// The error with its causes, without causes that are already part of its text.
#[must_use]
pub fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        known if known.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_says_nothing_twice() {
        let error = anyhow::anyhow!("no such file").context("cannot read a.csv: no such file").context("prices");
        assert_eq!(one_line(&error), "prices: cannot read a.csv: no such file");
        assert_eq!(one_line(&anyhow::anyhow!("a").context("b")), "b: a");
    }
}
