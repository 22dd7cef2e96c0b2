//! Which passwords are accepted. The [`hasher`](app::hasher) hashes them.

use std::collections::HashSet;

use app::error::ServiceError;
use domain::Address;

use crate::profile::Person;

/// The shortest password, in characters: each code point counts as one, as in NIST SP 800-63B.
const MIN_CHARACTERS: usize = 8;
/// The longest password, in characters.
const MAX_CHARACTERS: usize = app::hasher::MAX_PASSWORD_BYTES / 4;
/// A password that can be guessed in fewer guesses is refused.
const MIN_GUESSES: u64 = 100_000;
/// Shorter known words are ignored: most passwords contain some.
const MIN_KNOWN_CHARACTERS: usize = 3;
/// Longer known words are ignored: `zxcvbn` evaluates only the first 100 characters of a password.
const MAX_KNOWN_CHARACTERS: usize = 100;
/// The most known words that a password is checked against: each is searched for several times.
const MAX_KNOWN_WORDS: usize = 100;
/// The most characters of one text that are split into words. A stored text is shorter; the longest e-mail address has
/// 254.
const MAX_TEXT_CHARACTERS: usize = 300;

/// A password in plain text. It is neither stored nor logged.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than `MIN_CHARACTERS` or longer than `MAX_CHARACTERS`.
    #[error("must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")]
    Length,
    /// Can be guessed in fewer than `MIN_GUESSES` guesses.
    #[error("is too easy to guess: do not use only names, dates, keyboard patterns or common words")]
    Guessable,
}

impl Password {
    /// A password as a client sent it, to be checked. It need not be one that is accepted as new.
    #[must_use]
    pub fn typed(text: String) -> Self {
        Self(text)
    }

    /// A new password of an accepted length. [`Password::check_for`] evaluates later how easily it can be guessed.
    ///
    /// Errors: [`PasswordError::Length`].
    pub fn of_length(text: String) -> Result<Self, PasswordError> {
        let password = Self(text);
        password.check_length()?;
        Ok(password)
    }

    /// Checks a new password, sent as `field`: it must have an accepted length and be hard to guess, even with
    /// knowledge of the customer's names, e-mail address, telephone number and address. Takes milliseconds, off the
    /// async threads.
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

    /// Checks only the length of a new password, sent as `field`. Errors: [`ServiceError::Field`].
    pub fn check_length_of(&self, field: &'static str) -> Result<(), ServiceError> {
        self.check_length().map_err(|error| ServiceError::Field { field, detail: error.to_string() })
    }

    fn check_length(&self) -> Result<(), PasswordError> {
        let characters = self.0.chars().count();
        if (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) { Ok(()) } else { Err(PasswordError::Length) }
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
    /// What a guesser may know about the customer.
    fn known(&self) -> Vec<&str> {
        let mut known = vec![self.email.as_str(), &self.first_name, &self.last_name];
        known.extend(self.phone.as_deref());
        known.extend(self.address.iter().flat_map(Address::parts));
        known
    }
}

/// Each text as a whole, without separators, and word by word. Each word occurs once, because its position in the list
/// is the number of guesses that it costs.
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
    fn a_password_that_takes_fewer_than_100_000_guesses_is_refused() {
        for common in
            ["password", "12345678", "Password1", "qwertyuiop", "iloveyou", "11111111", "sunshine", "abcdefgh"]
        {
            assert_eq!(refusal(common, &[]), Some(PasswordError::Guessable), "{common}");
        }
        // More than ten thousand guesses, which was the limit before.
        for weak in ["sunshine2019", "Password123!", "qwerty12345", &"long".repeat(64)] {
            assert_eq!(refusal(weak, &[]), Some(PasswordError::Guessable), "{weak}");
        }
        for taken in ["correct horse battery", "correct horse", "zwölf Äpfel", "xkcdxkcd9", "another fine one"] {
            assert_eq!(refusal(taken, &[]), None, "{taken}");
        }
    }

    #[test]
    fn a_password_made_of_names_or_address_is_refused() {
        for own in ["AdaLovelace", "Marylebone", "lovelace1985", "byronfamily", "12StJamessSquare", "ecalevol"] {
            assert_eq!(refusal(own, &ADA), Some(PasswordError::Guessable), "{own}");
        }
        assert_eq!(refusal("correct horse battery", &ADA), None);
        assert_eq!(refusal("Krzyzewska", &["Krzyzewska"]), Some(PasswordError::Guessable));
        assert_eq!(refusal("Krzyzewska", &ADA), None, "it is a good password for another customer");
    }

    #[test]
    fn a_password_is_checked_against_at_most_a_hundred_words() {
        let numbers: Vec<String> = (100_000..260_000).map(|number| number.to_string()).collect();
        let long = numbers.join(" ");
        assert!(long.len() > 1024 * 1024);
        let of_one = words(&[&long]);
        assert!(of_one.len() <= MAX_TEXT_CHARACTERS / MIN_KNOWN_CHARACTERS, "{}", of_one.len());
        let texts: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(words(&texts).len(), MAX_KNOWN_WORDS);
        assert_eq!(words(&texts).first().map(String::as_str), Some("100000"), "the first words are used");
        assert!(words(&[&"x".repeat(1024 * 1024)]).is_empty(), "words that are too long are ignored");
        assert_eq!(words(&["Ada", "Ada Ada"]), ["Ada", "Ada Ada", "AdaAda"], "each word once");
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(refusal("seven77", &[]), Some(PasswordError::Length));
        assert_eq!(refusal("Äpfel 7", &[]), Some(PasswordError::Length), "eight bytes, seven characters");
        assert_eq!(refusal(&"x".repeat(257), &[]), Some(PasswordError::Length));
        assert_eq!(refusal(&"Grüße, ferne Küste! ".repeat(12)[..], &[]), None, "276 bytes, 240 characters");
        assert_eq!(refusal(&"鉄".repeat(256), &[]), Some(PasswordError::Guessable), "768 bytes, 256 characters");
    }

    #[test]
    fn debug_output_hides_the_password() {
        assert_eq!(format!("{:?}", Password::typed("secret".to_owned())), "Password(…)");
    }
}
