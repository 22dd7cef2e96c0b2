//! Passwords: which are accepted. How they are kept is the [`hasher`](super::hasher)'s.

use domain::Address;

use super::profile::Person;
use crate::error::ServiceError;

/// The shortest password, in bytes.
pub const MIN_BYTES: usize = 8;
/// The longest password, in bytes: a longer one would let anybody keep a core busy.
pub const MAX_BYTES: usize = 256;
/// A password that a guesser finds in fewer guesses than this is refused.
pub const MIN_GUESSES: u64 = 100_000;
/// Shorter words of what is known about a customer say nothing about a password: they are in most of them.
const MIN_KNOWN_CHARACTERS: usize = 3;

/// A password that a customer wants to sign in with; it is never written anywhere, nor shown in a log.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`MIN_BYTES`] or longer than [`MAX_BYTES`].
    #[error("a password has {MIN_BYTES} to {MAX_BYTES} bytes")]
    Length,
    /// Found in fewer than [`MIN_GUESSES`].
    #[error("this password is too easy to guess; choose one without names, dates, rows of keys or common words alone")]
    Guessable,
}

impl Password {
    /// A new password, neither too short nor too long, and not guessed too soon by a guesser who has `known`: the
    /// customer's names, e-mail address and whatever else a stranger can find out.
    pub fn choose(text: String, known: &[&str]) -> Result<Self, PasswordError> {
        let password = Self(text);
        password.check(known)?;
        Ok(password)
    }

    /// A password as typed by a caller, whatever it is. What could never have been chosen is never right.
    #[must_use]
    pub fn typed(text: String) -> Self {
        Self(text)
    }

    /// Holds a new password to the rules, by what is stored of its customer, if that is known yet.
    ///
    /// Errors: [`ServiceError::Field`], the field `new_password`.
    pub(crate) fn check_for(&self, person: Option<&Person>) -> Result<(), ServiceError> {
        let known = person.map(Person::known).unwrap_or_default();
        let refused = |error: PasswordError| ServiceError::Field { field: "new_password", detail: error.to_string() };
        self.check(&known).map_err(refused)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn check(&self, known: &[&str]) -> Result<(), PasswordError> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&self.0.len()) {
            return Err(PasswordError::Length);
        }
        let words = words(known);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let guesses = zxcvbn::zxcvbn(&self.0, &words).guesses();
        if guesses < MIN_GUESSES { Err(PasswordError::Guessable) } else { Ok(()) }
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

/// Each text whole, run together, and word by word.
fn words(known: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    for text in known {
        let parts: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
        let forms = [(*text).to_owned(), parts.concat()].into_iter().chain(parts.into_iter().map(str::to_owned));
        for word in forms.filter(|word| word.chars().count() >= MIN_KNOWN_CHARACTERS) {
            // The place in the list is the number of guesses that a word takes.
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: [&str; 5] = ["ada.lovelace@byron-family.co.uk", "Ada", "Lovelace", "12 St James's Square", "Marylebone"];

    fn refusal(text: &str, known: &[&str]) -> Option<PasswordError> {
        Password::choose(text.to_owned(), known).err()
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
