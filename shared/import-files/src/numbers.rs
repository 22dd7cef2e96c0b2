//! Numbers as people and programs write them: `1,234.50`, `1.234,50`, `1'234.50`, `1 234,50`, `(12)`, `12-`, `€ 5`.
//!
//! Whether a comma or a point is the decimal mark is decided by all numbers of a file. A number that can be read in two
//! ways in a file that does not decide is a mistake of its row, and never a guess.

use domain::Currency;
use domain::decimal::{DECIMALS, read, read_json_number};
use rust_decimal::Decimal;

use crate::formulas::is_formula;
use crate::rounding::rounded;

/// The digits of a group between thousands marks.
const GROUP: usize = 3;
/// The longest number that is read: a longer text is none.
const MAX_CHARS: usize = 60;

/// The decimal mark of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1,234.50`
    Point,
    /// `1.234,50`
    Comma,
    /// Numbers of both kinds, or none that decides.
    #[default]
    Undecided,
}

/// A number, and whether it had more decimals than are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadNumber {
    /// Its value, with at most twelve decimals.
    pub value: Decimal,
    /// The text of the value, if it was rounded.
    pub rounded: Option<String>,
}

/// Why a cell is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberMistake {
    /// Not a number.
    #[error("is not a number")]
    NotANumber,
    /// A formula, whose value is not in the file.
    #[error("is a formula, and the file does not have its value")]
    Formula,
    /// A number that can be read in two ways.
    #[error("can be read in two ways: the mark may be that of thousands or of decimals")]
    Ambiguous,
    /// Too large to be stored.
    #[error("is too large")]
    TooLarge,
}

impl NumberMistake {
    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NotANumber => "Write a number such as 1234.5, without words or units.",
            Self::Formula => "Save the file with values in place of formulas.",
            Self::Ambiguous => "Write the number without thousands marks and with a decimal point.",
            Self::TooLarge => "Correct the number: the largest is 1000000000000.",
        }
    }
}

/// The decimal mark that the numbers of a file have.
#[must_use]
pub fn decide<'a>(cells: impl IntoIterator<Item = &'a str>) -> DecimalMark {
    let (mut point, mut comma) = (false, false);
    for cell in cells {
        match bare(cell).ok().map(|bare| evidence(&bare.digits)) {
            Some(DecimalMark::Point) => point = true,
            Some(DecimalMark::Comma) => comma = true,
            _ => {}
        }
    }
    match (point, comma) {
        (true, false) => DecimalMark::Point,
        (false, true) => DecimalMark::Comma,
        _ => DecimalMark::Undecided,
    }
}

/// Reads a number of a file with this decimal mark. A number that itself shows another one is read by its own.
///
/// Errors: [`NumberMistake`].
pub fn read_number(cell: &str, mark: DecimalMark) -> Result<ReadNumber, NumberMistake> {
    if is_formula(cell.trim_start()) {
        return Err(NumberMistake::Formula);
    }
    let Bare { negative, digits, exponent } = bare(cell)?;
    let mark = match evidence(&digits) {
        DecimalMark::Undecided => mark,
        own => own,
    };
    let plain = match (mark, digits.contains(','), digits.contains('.')) {
        (DecimalMark::Undecided, true, _) => return Err(NumberMistake::Ambiguous),
        (DecimalMark::Comma, _, _) => without_groups(&digits, '.').map(|plain| plain.replace(',', ".")),
        _ => without_groups(&digits, ','),
    };
    let plain = plain.ok_or(NumberMistake::NotANumber)?;
    let signed = format!("{}{plain}{exponent}", if negative { "-" } else { "" });
    let short = if exponent.is_empty() { rounded(&signed, DECIMALS) } else { None };
    let text = short.as_deref().unwrap_or(&signed);
    let value = if exponent.is_empty() { read(text) } else { read_json_number(text) };
    let value = value.map_err(|error| match error {
        domain::DecimalError::TooLarge => NumberMistake::TooLarge,
        _ => NumberMistake::NotANumber,
    })?;
    Ok(ReadNumber { value: value.normalize(), rounded: short })
}

/// A number without its sign, currency and blanks.
struct Bare {
    negative: bool,
    /// Digits, points and commas.
    digits: String,
    /// `e-5`, or nothing.
    exponent: String,
}

fn bare(cell: &str) -> Result<Bare, NumberMistake> {
    let mut text = cell.trim();
    if text.len() > MAX_CHARS {
        return Err(NumberMistake::NotANumber);
    }
    let mut negative = false;
    if let Some(inside) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (text, negative) = (inside.trim(), true);
    }
    // A sign may stand on either side of the currency: -€5 and €-5.
    let (text, is_minus) = signed(without_currency(text))?;
    let (text, second_minus) = signed(without_currency(text))?;
    if usize::from(negative) + usize::from(is_minus) + usize::from(second_minus) > 1 {
        return Err(NumberMistake::NotANumber);
    }
    let negative = negative || is_minus || second_minus;
    let (text, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let digits = without_blanks(text).ok_or(NumberMistake::NotANumber)?;
    let is_number = digits.bytes().any(|byte| byte.is_ascii_digit());
    if !is_number || !digits.chars().all(|sign| sign.is_ascii_digit() || matches!(sign, '.' | ',')) {
        return Err(NumberMistake::NotANumber);
    }
    Ok(Bare { negative, digits, exponent: exponent.replace('+', "") })
}

/// The text without one sign before or after it, and whether that is a minus.
fn signed(text: &str) -> Result<(&str, bool), NumberMistake> {
    const MINUS: [char; 3] = ['-', '\u{2212}', '\u{2013}'];
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('+') {
        return Ok((rest.trim(), false));
    }
    let (first, last) = (text.strip_prefix(MINUS), text.strip_suffix(MINUS));
    match (first, last) {
        (Some(_), Some(_)) => Err(NumberMistake::NotANumber),
        (Some(rest), None) | (None, Some(rest)) => Ok((rest.trim(), true)),
        (None, None) => Ok((text, false)),
    }
}

/// The text without a currency sign or code before or after it.
fn without_currency(text: &str) -> &str {
    const SIGNS: [char; 12] = ['$', '€', '£', '¥', '₹', '₽', '₩', '₪', '₺', '₫', '฿', '₿'];
    let text = text.trim();
    if let Some(rest) = text.strip_prefix(SIGNS).or_else(|| text.strip_suffix(SIGNS)) {
        return rest.trim();
    }
    let is_code = |code: &str| code.bytes().all(|byte| byte.is_ascii_uppercase()) && code.parse::<Currency>().is_ok();
    if let Some((_, rest)) = text.split_at_checked(GROUP).filter(|(code, _)| is_code(code)) {
        return rest.trim();
    }
    let end = text.len().checked_sub(GROUP).and_then(|at| text.split_at_checked(at));
    end.filter(|(_, code)| is_code(code)).map_or(text, |(rest, _)| rest.trim())
}

/// The text without blanks and apostrophes between groups of three digits; `None` if they stand elsewhere.
fn without_blanks(text: &str) -> Option<String> {
    let is_blank = |sign: char| sign.is_whitespace() || matches!(sign, '\'' | '\u{2019}');
    let mut parts = text.split(is_blank);
    let first = parts.next()?.to_owned();
    parts.try_fold(first, |joined, part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let ends = part.len() == digits || matches!(part.as_bytes().get(digits), Some(b'.' | b','));
        (digits == GROUP && ends && joined.bytes().all(|byte| byte.is_ascii_digit())).then(|| joined + part)
    })
}

/// The decimal mark that one number shows: the later of two kinds, the one that stands alone and not before three
/// digits, or the other one if one occurs twice.
fn evidence(digits: &str) -> DecimalMark {
    let (points, commas) = (digits.matches('.').count(), digits.matches(',').count());
    match (points, commas) {
        (0, 0) => DecimalMark::Undecided,
        (1, 0) => alone(digits, '.', DecimalMark::Point),
        (0, 1) => alone(digits, ',', DecimalMark::Comma),
        (_, 0) => DecimalMark::Comma,
        (0, _) => DecimalMark::Point,
        _ if digits.rfind('.') > digits.rfind(',') => DecimalMark::Point,
        _ => DecimalMark::Comma,
    }
}

fn alone(digits: &str, mark: char, shown: DecimalMark) -> DecimalMark {
    let Some((whole, fraction)) = digits.split_once(mark) else { return DecimalMark::Undecided };
    let may_be_thousands = fraction.len() == GROUP && (1..=GROUP).contains(&whole.len()) && !whole.starts_with('0');
    if may_be_thousands { DecimalMark::Undecided } else { shown }
}

/// The number without thousands marks; `None` if they do not stand between groups of three digits, or if the other mark
/// occurs twice.
fn without_groups(digits: &str, thousands: char) -> Option<String> {
    let decimal = if thousands == ',' { '.' } else { ',' };
    let (whole, fraction) = digits.split_once(decimal).map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    if fraction.is_some_and(|fraction| fraction.is_empty() || fraction.contains(['.', ','])) {
        return None;
    }
    let mut groups = whole.split(thousands);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let is_grouped =
        rest.iter().all(|group| group.len() == GROUP) && (rest.is_empty() || (1..=GROUP).contains(&first.len()));
    let whole = if whole.is_empty() { "0".to_owned() } else { whole.replace(thousands, "") };
    is_grouped.then(|| fraction.map_or(whole.clone(), |fraction| format!("{whole}{decimal}{fraction}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(cell: &str, mark: DecimalMark) -> Result<String, NumberMistake> {
        read_number(cell, mark).map(|number| number.value.to_string())
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        use DecimalMark::{Comma, Point, Undecided};
        for (cell, mark, expected) in [
            ("1,234.50", Undecided, "1234.5"),
            ("1.234,50", Undecided, "1234.5"),
            ("1'234.50", Undecided, "1234.5"),
            ("1’234.50", Undecided, "1234.5"),
            ("1 234,50", Undecided, "1234.5"),
            ("1\u{a0}234\u{202f}567,5", Undecided, "1234567.5"),
            ("1,234,567", Undecided, "1234567"),
            ("1.234.567", Undecided, "1234567"),
            ("1,234", Point, "1234"),
            ("1,234", Comma, "1.234"),
            ("1.234", Point, "1.234"),
            ("1.234", Comma, "1234"),
            ("1.234", Undecided, "1.234"),
            ("0,125", Undecided, "0.125"),
            (".5", Undecided, "0.5"),
            ("-12", Undecided, "-12"),
            ("12-", Undecided, "-12"),
            ("(1,234.00)", Undecided, "-1234"),
            ("\u{2212}3", Undecided, "-3"),
            ("+3", Undecided, "3"),
            ("$1,234.50", Undecided, "1234.5"),
            ("-$5", Undecided, "-5"),
            ("$-5", Undecided, "-5"),
            ("12,50 €", Undecided, "12.5"),
            ("USD 12.50", Undecided, "12.5"),
            ("12.50 CHF", Undecided, "12.5"),
            ("1.5E-05", Undecided, "0.000015"),
            ("2e3", Undecided, "2000"),
        ] {
            assert_eq!(number(cell, mark).as_deref(), Ok(expected), "{cell} {mark:?}");
        }
    }

    #[test]
    fn what_is_no_number_or_two_is_refused() {
        use NumberMistake::{Ambiguous, Formula, NotANumber, TooLarge};
        for (cell, mistake) in [
            ("1,234", Ambiguous),
            ("", NotANumber),
            ("-", NotANumber),
            ("1_000", NotANumber),
            ("1 2", NotANumber),
            ("1,23,456.00", NotANumber),
            ("1.2.3", NotANumber),
            ("12%", NotANumber),
            ("ten", NotANumber),
            ("-(5)", NotANumber),
            ("--5", NotANumber),
            ("1e400", TooLarge),
            ("99999999999999999999999999999999", TooLarge),
            ("=A1*2", Formula),
            ("1/2", NotANumber),
        ] {
            assert_eq!(number(cell, DecimalMark::Undecided), Err(mistake), "{cell}");
        }
    }

    #[test]
    fn a_file_has_the_mark_that_its_numbers_show() {
        assert_eq!(decide(["1,234", "10", "5.25"]), DecimalMark::Point);
        assert_eq!(decide(["1.234", "10", "5,25"]), DecimalMark::Comma);
        assert_eq!(decide(["1,5", "1.5"]), DecimalMark::Undecided);
        assert_eq!(decide(["1,234", "7", "words"]), DecimalMark::Undecided);
    }

    #[test]
    fn decimals_beyond_the_twelfth_are_rounded_and_said() {
        let read = read_number("0,1234567890125", DecimalMark::Undecided).unwrap();
        assert_eq!(
            (read.value.to_string(), read.rounded.as_deref()),
            ("0.123456789012".to_owned(), Some("0.123456789012"))
        );
        assert_eq!(read_number("0.5", DecimalMark::Point).unwrap().rounded, None);
    }
}
