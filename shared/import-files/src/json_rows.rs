//! Scalars of JSON as the texts of cells: a number as it is written, never through a float.

use domain::decimal::read_json_number;

/// A string's text, a number as written, `true` or `false`; null is empty. `None` for a list or an object.
#[must_use]
pub fn text_of(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'n' => Some(String::new()),
        b't' | b'f' => Some(raw.to_owned()),
        b'-' | b'0'..=b'9' => Some(plain_number(raw)),
        _ => None,
    }
}

/// A JSON number without an exponent if possible; one without an exponent keeps all its digits.
fn plain_number(text: &str) -> String {
    let has_exponent = text.contains(['e', 'E']);
    let plain = has_exponent.then(|| read_json_number(text).ok()).flatten();
    plain.map_or_else(|| text.to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_its_text() {
        for (raw, text) in [
            ("\"a\\u0062\"", Some("ab")),
            ("null", Some("")),
            ("true", Some("true")),
            ("12345678.12345678", Some("12345678.12345678")),
            ("1e2", Some("100")),
            ("1e400", Some("1e400")),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(text_of(raw).as_deref(), text, "{raw}");
        }
    }
}
