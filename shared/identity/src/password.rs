//! Passwords: which are accepted. How they are kept is the [`hasher`](app::hasher)'s.

use std::collections::HashSet;

use app::error::ServiceError;
use app::hasher::MAX_PASSWORD_BYTES;
use domain::Address;

use crate::profile::Person;

/// The shortest password, in bytes.
const MIN_BYTES: usize = 8;
/// The longest password, in bytes.
pub const MAX_BYTES: usize = MAX_PASSWORD_BYTES;
/// A password that a guesser finds in fewer guesses than this is refused.
const MIN_GUESSES: u64 = 100_000;
/// Shorter words of what is known about a customer say nothing about a password: they are in most of them.
const MIN_KNOWN_CHARACTERS: usize = 3;
/// Longer words are in no password that is evaluated: of one the first 100 characters count, as `zxcvbn` bounds its work.
const MAX_KNOWN_CHARACTERS: usize = 100;
/// The most words that a password is evaluated by: each is looked up in it several times.
const MAX_KNOWN_WORDS: usize = 100;
/// The most characters of one text that words are taken from. A stored text has fewer, the longest e-mail address 254.
const MAX_TEXT_CHARACTERS: usize = 300;

/// A password that a customer wants to sign in with; it is never written anywhere, nor shown in a log.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than `MIN_BYTES` or longer than [`MAX_BYTES`].
    #[error("a password has {MIN_BYTES} to {MAX_BYTES} bytes")]
    Length,
    /// Found in fewer than `MIN_GUESSES` guesses.
    #[error("this password is too easy to guess; choose one without names, dates, rows of keys or common words alone")]
    Guessable,
}

impl Password {
    /// A password as typed by a caller, whatever it is. What could never have been chosen is never right.
    #[must_use]
    pub fn typed(text: String) -> Self {
        Self(text)
    }

    /// A new password of a length that is taken; how soon it is guessed is evaluated later, by [`Password::check_for`].
    ///
    /// Errors: [`PasswordError::Length`].
    pub fn of_length(text: String) -> Result<Self, PasswordError> {
        let password = Self(text);
        password.check_length()?;
        Ok(password)
    }

    /// Holds a new password, sent as `field`, to the rules: neither too short nor too long, and not guessed too soon by a
    /// guesser who knows the customer's names, e-mail address and whatever else a stranger can find out. Takes
    /// milliseconds, off the async threads.
    ///
    /// Errors: [`ServiceError::Field`].
    pub async fn check_for(&self, field: &'static str, person: Option<&Person>) -> Result<(), ServiceError> {
        let refused = |error: PasswordError| ServiceError::Field { field, detail: error.to_string() };
        self.check_length().map_err(refused)?;
        let words = words(&person.map(Person::known).unwrap_or_default());
        let password = self.clone();
        let evaluated = tokio::task::spawn_blocking(move || password.check_guesses(&words));
        evaluated.await.map_err(|error| ServiceError::fault("password", error))?.map_err(refused)
    }

    /// Errors: [`ServiceError::Field`], for the length alone.
    pub fn check_length_of(&self, field: &'static str) -> Result<(), ServiceError> {
        self.check_length().map_err(|error| ServiceError::Field { field, detail: error.to_string() })
    }

    fn check_length(&self) -> Result<(), PasswordError> {
        if (MIN_BYTES..=MAX_BYTES).contains(&self.0.len()) { Ok(()) } else { Err(PasswordError::Length) }
    }

    fn check_guesses(&self, words: &[String]) -> Result<(), PasswordError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let guesses = zxcvbn::zxcvbn(&self.0, &words).guesses();
        if guesses < MIN_GUESSES { Err(PasswordError::Guessable) } else { Ok(()) }
    }
}

impl AsRef<[u8]> for Password {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Person {
    /// What a guesser may know about them.
    fn known(&self) -> Vec<&str> {
        let mut known = vec![self.email.as_str(), &self.first_name, &self.last_name];
        known.extend(self.phone.as_deref());
        known.extend(self.address.iter().flat_map(Address::parts));
        known
    }
}

/// Each text whole, run together, and word by word; each word once, as the place in the list is the number of guesses that
/// it takes.
fn words(known: &[&str]) -> Vec<String> {
    let forms = known.iter().flat_map(|text| {
        let end = text.char_indices().nth(MAX_TEXT_CHARACTERS).map_or(text.len(), |(end, _)| end);
        let text = &text[..end];
        let parts: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
        [text.to_owned(), parts.concat()].into_iter().chain(parts.into_iter().map(str::to_owned))
    });
    let useful = |word: &String| (MIN_KNOWN_CHARACTERS..=MAX_KNOWN_CHARACTERS).contains(&word.chars().count());
    let mut seen = HashSet::new();
    forms.filter(useful).filter(|word| seen.insert(word.clone())).take(MAX_KNOWN_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: [&str; 5] = ["ada.lovelace@byron-family.co.uk", "Ada", "Lovelace", "12 St James's Square", "Marylebone"];

    fn refusal(text: &str, known: &[&str]) -> Option<PasswordError> {
        Password::of_length(text.to_owned()).and_then(|password| password.check_guesses(&words(known))).err()
    }

    #[test]
    fn what_a_guesser_finds_in_fewer_than_a_hundred_thousand_guesses_is_refused() {
        for common in
            ["password", "12345678", "Password1", "qwertyuiop", "iloveyou", "11111111", "sunshine", "abcdefgh"]
        {
            assert_eq!(refusal(common, &[]), Some(PasswordError::Guessable), "{common}");
        }
        // More than the ten thousand guesses that were enough before.
        for found_later in ["sunshine2019", "Password123!", "qwerty12345", &"long".repeat(64)] {
            assert_eq!(refusal(found_later, &[]), Some(PasswordError::Guessable), "{found_later}");
        }
        for taken in ["correct horse battery", "correct horse", "zwölf Äpfel", "xkcdxkcd9", "another fine one"] {
            assert_eq!(refusal(taken, &[]), None, "{taken}");
        }
    }

    #[test]
    fn a_guesser_knows_names_and_address() {
        for own in ["AdaLovelace", "Marylebone", "lovelace1985", "byronfamily", "12StJamessSquare", "ecalevol"] {
            assert_eq!(refusal(own, &ADA), Some(PasswordError::Guessable), "{own}");
        }
        assert_eq!(refusal("correct horse battery", &ADA), None);
        assert_eq!(refusal("Krzyzewska", &["Krzyzewska"]), Some(PasswordError::Guessable));
        assert_eq!(refusal("Krzyzewska", &ADA), None, "of another customer it is a good one");
    }

    #[test]
    fn a_password_is_evaluated_by_a_hundred_words_at_most_however_long_a_text_is() {
        let numbers: Vec<String> = (100_000..260_000).map(|number| number.to_string()).collect();
        let long = numbers.join(" ");
        assert!(long.len() > 1024 * 1024);
        let of_one = words(&[&long]);
        assert!(of_one.len() <= MAX_TEXT_CHARACTERS / MIN_KNOWN_CHARACTERS, "{}", of_one.len());
        let texts: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(words(&texts).len(), MAX_KNOWN_WORDS);
        assert_eq!(words(&texts).first().map(String::as_str), Some("100000"), "those that are given first");
        assert!(words(&[&"x".repeat(1024 * 1024)]).is_empty(), "no password has so long a word");
        assert_eq!(words(&["Ada", "Ada Ada"]), ["Ada", "Ada Ada", "AdaAda"], "each once");
    }

    #[test]
    fn length_is_counted_in_bytes() {
        assert_eq!(refusal("seven77", &[]), Some(PasswordError::Length));
        assert_eq!(refusal(&"x".repeat(257), &[]), Some(PasswordError::Length));
        assert_eq!(refusal(&"Grüße, ferne Küste! ".repeat(12)[..], &[]), Some(PasswordError::Length));
    }

    #[test]
    fn a_password_does_not_show_in_a_log() {
        assert_eq!(format!("{:?}", Password::typed("secret".to_owned())), "Password(…)");
    }
}
