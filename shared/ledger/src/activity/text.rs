//! The texts of an activity, as they come from outside.

use chrono::{NaiveTime, Timelike as _};

use super::kind::{MAX_EXTERNAL_ID_LENGTH, MAX_NOTE_LENGTH};

/// A text that an activity cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextMistake {
    /// A note that is too long or has control characters.
    #[error("must have at most {MAX_NOTE_LENGTH} characters, and no control characters but line breaks")]
    Note,
    /// An id of another program that is too long or has control characters.
    #[error("must have at most {MAX_EXTERNAL_ID_LENGTH} characters, and no control characters")]
    ExternalId,
    /// Not a time of day.
    #[error("must be a time of day such as 15:30 or 15:30:05")]
    Time,
}

/// Reads a note, without surrounding blanks; `None` if nothing is left.
pub fn read_note(text: &str) -> Result<Option<String>, TextMistake> {
    let is_line_break = |character| matches!(character, '\n' | '\r');
    let is_allowed = |character: char| !character.is_control() || is_line_break(character);
    read(text, MAX_NOTE_LENGTH, is_allowed, TextMistake::Note)
}

/// Reads an id of another program, without surrounding blanks; `None` if nothing is left.
pub fn read_external_id(text: &str) -> Result<Option<String>, TextMistake> {
    let is_allowed = |character: char| !character.is_control();
    read(text, MAX_EXTERNAL_ID_LENGTH, is_allowed, TextMistake::ExternalId)
}

fn read(
    text: &str,
    longest: usize,
    is_allowed: impl Fn(char) -> bool,
    mistake: TextMistake,
) -> Result<Option<String>, TextMistake> {
    let text = text.trim();
    if text.chars().count() > longest || !text.chars().all(is_allowed) {
        return Err(mistake);
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// Reads a time of day, `15:30` or `15:30:05`.
pub fn read_time(text: &str) -> Result<NaiveTime, TextMistake> {
    let text = if text.len() == "15:30".len() { format!("{text}:00") } else { text.to_owned() };
    let time = NaiveTime::parse_from_str(&text, "%H:%M:%S").ok();
    // It writes two digits of each, and takes less; a leap second is no time of a trade.
    time.filter(|time| time.to_string() == text && time.nanosecond() == 0).ok_or(TextMistake::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_trimmed_and_may_have_lines() {
        assert_eq!(read_note(" two\r\nlines \n"), Ok(Some("two\r\nlines".to_owned())));
        assert_eq!(read_note(" \n "), Ok(None));
        assert_eq!(
            read_note(&format!(" {} ", "é".repeat(500))).map(|note| note.map(|note| note.len())),
            Ok(Some(1000))
        );
        for text in ["é".repeat(501), "a\0b".to_owned(), "a\tb".to_owned(), "a\u{85}b".to_owned()] {
            assert_eq!(read_note(&text), Err(TextMistake::Note), "{text:?}");
        }
    }

    #[test]
    fn an_external_id_is_one_line() {
        assert_eq!(read_external_id(" T-17 "), Ok(Some("T-17".to_owned())));
        assert_eq!(read_external_id(""), Ok(None));
        for text in ["7".repeat(201), "a\nb".to_owned()] {
            assert_eq!(read_external_id(&text), Err(TextMistake::ExternalId), "{text:?}");
        }
    }

    #[test]
    fn a_time_has_two_digits_of_hours_and_minutes_and_may_have_seconds() {
        assert_eq!(read_time("09:05"), Ok(NaiveTime::from_hms_opt(9, 5, 0).unwrap()));
        assert_eq!(read_time("23:59:59"), Ok(NaiveTime::from_hms_opt(23, 59, 59).unwrap()));
        for text in ["", "9:05", "24:00", "12:60", "23:59:60", "09:05:1", "09:05:01.5", "09:05Z", "+9:05", "0９:05"] {
            assert_eq!(read_time(text), Err(TextMistake::Time), "{text:?}");
        }
    }
}
