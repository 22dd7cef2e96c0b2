//! Text to tokens, each with its column.

use super::error::RuleError;

/// Longest rule, in characters.
pub const MAX_CHARACTERS: usize = 1_000;

/// A token and its position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Counted in characters from 1.
    pub(super) column: usize,
    /// In characters; 0 for [`Kind::End`].
    pub(super) length: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    /// A column or a function, in lower case.
    Name(String),
    /// `$name`, without the sign.
    Parameter(String),
    And,
    Or,
    Not,
    Plus,
    Minus,
    Star,
    Slash,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Open,
    Close,
    Comma,
    End,
}

impl Kind {
    /// The token as a person would write it.
    pub(super) fn written(&self) -> String {
        let text = match self {
            Self::Number(value) => return value.to_string(),
            Self::Name(name) => return format!("`{name}`"),
            Self::Parameter(name) => return format!("`${name}`"),
            Self::And => "`and`",
            Self::Or => "`or`",
            Self::Not => "`not`",
            Self::Plus => "`+`",
            Self::Minus => "`-`",
            Self::Star => "`*`",
            Self::Slash => "`/`",
            Self::Less => "`<`",
            Self::LessOrEqual => "`<=`",
            Self::Greater => "`>`",
            Self::GreaterOrEqual => "`>=`",
            Self::Open => "`(`",
            Self::Close => "`)`",
            Self::Comma => "`,`",
            Self::End => "the end of the rule",
        };
        text.to_owned()
    }
}

/// The tokens of a rule, terminated by [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, RuleError> {
    let characters: Vec<char> = text.chars().take(MAX_CHARACTERS + 1).collect();
    if characters.len() > MAX_CHARACTERS {
        let written = text.chars().count();
        let message = format!("a rule must have at most {MAX_CHARACTERS} characters; this one has {written}");
        return Err(RuleError::new(MAX_CHARACTERS + 1, message).of_length(written - MAX_CHARACTERS));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        if character.is_whitespace() {
            at += 1;
            continue;
        }
        let (kind, length) = token(&characters[at..], at + 1)?;
        tokens.push(Token { kind, column: at + 1, length });
        at += length;
    }
    tokens.push(Token { kind: Kind::End, column: characters.len() + 1, length: 0 });
    Ok(tokens)
}

fn token(rest: &[char], column: usize) -> Result<(Kind, usize), RuleError> {
    let next = rest.get(1).copied();
    let single = |kind| Ok((kind, 1));
    match rest[0] {
        '0'..='9' | '.' => number(rest, column),
        'a'..='z' | 'A'..='Z' | '_' => Ok(word(rest)),
        '$' => parameter(rest, column),
        '+' => single(Kind::Plus),
        '-' | '−' => single(Kind::Minus),
        '*' => single(Kind::Star),
        '/' => single(Kind::Slash),
        '(' => single(Kind::Open),
        ')' => single(Kind::Close),
        ',' => single(Kind::Comma),
        '<' if next == Some('=') => Ok((Kind::LessOrEqual, 2)),
        '>' if next == Some('=') => Ok((Kind::GreaterOrEqual, 2)),
        '<' if next == Some('>') => Err(no_equality(column, 2)),
        '<' => single(Kind::Less),
        '>' => single(Kind::Greater),
        '=' => Err(no_equality(column, run_of('=', rest))),
        '!' if next == Some('=') => Err(no_equality(column, 2)),
        '&' => Err(RuleError::new(column, "write `and` instead of `&`").of_length(run_of('&', rest))),
        '|' => Err(RuleError::new(column, "write `or` instead of `|`").of_length(run_of('|', rest))),
        '!' => Err(RuleError::new(column, "write `not` instead of `!`")),
        other => Err(RuleError::new(column, format!("{other:?} is not part of the rule language"))),
    }
}

fn no_equality(column: usize, length: usize) -> RuleError {
    let message = "prices cannot be compared for equality; use `<`, `<=`, `>` or `>=`";
    RuleError::new(column, message).of_length(length)
}

/// How often a character is repeated at the start, once or twice: `&` and `&&`.
fn run_of(character: char, rest: &[char]) -> usize {
    rest.iter().take(2).take_while(|next| **next == character).count()
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn word(rest: &[char]) -> (Kind, usize) {
    let name: String = rest.iter().take_while(|c| is_word(**c)).map(char::to_ascii_lowercase).collect();
    let length = name.len();
    let kind = match name.as_str() {
        "and" => Kind::And,
        "or" => Kind::Or,
        "not" => Kind::Not,
        _ => Kind::Name(name),
    };
    (kind, length)
}

fn parameter(rest: &[char], column: usize) -> Result<(Kind, usize), RuleError> {
    let name: String = rest[1..].iter().take_while(|c| is_word(**c)).collect();
    if name.is_empty() {
        return Err(RuleError::new(column, "`$` must be followed by the name of a parameter, as in `$fast`"));
    }
    let length = name.len() + 1;
    Ok((Kind::Parameter(name), length))
}

fn number(rest: &[char], column: usize) -> Result<(Kind, usize), RuleError> {
    let digits = |from: usize| rest[from.min(rest.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut length = digits(0);
    if rest.get(length) == Some(&'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(rest.get(length), Some('e' | 'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some('+' | '-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    if rest.get(length).is_some_and(|c| is_word(*c) || *c == '.') {
        length += rest[length..].iter().take_while(|c| is_word(**c) || **c == '.').count();
        let text: String = rest[..length].iter().collect();
        return Err(no_number(column, &text));
    }
    let text: String = rest[..length].iter().collect();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Kind::Number(value), length)),
        _ => Err(no_number(column, &text)),
    }
}

fn no_number(column: usize, text: &str) -> RuleError {
    RuleError::new(column, format!("`{text}` is not a number")).of_length(text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_are_case_insensitive_and_parameters_case_sensitive() {
        let name = |text: &str| Kind::Name(text.to_owned());
        assert_eq!(kinds("Close AND $Fast"), [name("close"), Kind::And, Kind::Parameter("Fast".to_owned()), Kind::End]);
    }

    #[test]
    fn numbers_have_fractions_and_exponents() {
        for (text, value) in [("50", 50.0), (".5", 0.5), ("2.", 2.0), ("1e6", 1e6), ("1.5E-3", 0.0015)] {
            assert_eq!(kinds(text), [Kind::Number(value), Kind::End], "{text}");
        }
        for text in [".", "1.2.3", "5x", "1e", "1e999"] {
            assert_eq!(tokens(text).unwrap_err().column, 1, "{text}");
        }
    }

    #[test]
    fn columns_count_characters_and_not_bytes() {
        assert_eq!(tokens("\u{a0}\u{2003}close").unwrap()[0].column, 3);
        assert_eq!(tokens("1 < é").unwrap_err().column, 5);
    }

    #[test]
    fn operators_of_other_languages_get_a_suggestion() {
        for (text, column, word) in
            [("a && b", 3, "and"), ("a || b", 3, "or"), ("!a", 1, "not"), ("a == b", 3, "<="), ("a != b", 3, "<=")]
        {
            let error = tokens(text).unwrap_err();
            assert_eq!(error.column, column, "{text}");
            assert!(error.message.contains(word), "{}", error.message);
        }
    }
}
