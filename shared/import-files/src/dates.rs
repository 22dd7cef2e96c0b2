//! Dates as people and programs write them: ISO, `15.1.2024`, `20240115`, `15-Jan-2024`, and `1/15/2024` or `15/1/2024`.
//!
//! Whether the day or the month comes first is decided by a whole column, never by one cell.

use chrono::{DateTime, NaiveTime, Timelike as _, Utc};
use domain::Day;

/// Two digits of a year from here on are of the last century.
const FIRST_YEAR_OF_LAST_CENTURY: u32 = 70;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Which comes first in a date of three numbers with the year at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// `15/1/2024`
    DayFirst,
    /// `1/15/2024`
    MonthFirst,
}

/// A date with the time that stands in the same cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadDate {
    /// The day.
    pub day: Day,
    /// The time of the day, if the cell has one.
    pub time: Option<NaiveTime>,
}

/// What the dates of a column show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnOrder {
    /// They show it, or no date needs to.
    Known(DateOrder),
    /// This date can be read in two ways, and no other one decides.
    Undecided {
        /// The first such cell.
        example: String,
    },
    /// One date has the day first, and another one the month.
    Contradicting {
        /// A date with the day first.
        day_first: String,
        /// A date with the month first.
        month_first: String,
    },
}

/// The order of the dates of a column.
#[must_use]
pub fn decide<'a>(cells: impl IntoIterator<Item = &'a str>) -> ColumnOrder {
    let (mut day_first, mut month_first, mut either) = (None, None, None);
    for cell in cells {
        let Some((first, second, _)) = numbers(day_part(cell)) else { continue };
        let seen = match (first > 12, second > 12) {
            (true, false) => &mut day_first,
            (false, true) => &mut month_first,
            (false, false) if first != second => &mut either,
            _ => continue,
        };
        seen.get_or_insert_with(|| cell.to_owned());
    }
    match (day_first, month_first, either) {
        (Some(day_first), Some(month_first), _) => ColumnOrder::Contradicting { day_first, month_first },
        (None, Some(_), _) => ColumnOrder::Known(DateOrder::MonthFirst),
        (None, None, Some(example)) => ColumnOrder::Undecided { example },
        _ => ColumnOrder::Known(DateOrder::DayFirst),
    }
}

/// Reads a date. An instant with `Z` or an offset is the date and time of UTC.
#[must_use]
pub fn read_date(cell: &str, order: DateOrder) -> Option<ReadDate> {
    let cell = cell.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(&cell.replacen(' ', "T", 1)) {
        let utc = instant.with_timezone(&Utc);
        let time = utc.time().with_nanosecond(0)?;
        return Some(ReadDate { day: Day::try_from(utc.date_naive()).ok()?, time: Some(time) });
    }
    let part = day_part(cell);
    let day = read_day(part, order)?;
    let rest = cell.get(part.len()..)?.trim_start_matches(['T', ';', ',', ' ']);
    let time = if rest.is_empty() { None } else { Some(read_time_of_day(rest)?) };
    Some(ReadDate { day, time })
}

/// Reads a time of day: `15:30`, `9:30:05`, `153005`, `3:30 PM`; fractions of a second are cut off.
#[must_use]
pub fn read_time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let forms = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%H%M%S"];
    forms.iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok()).filter(|time| time.nanosecond() == 0)
}

fn read_day(text: &str, order: DateOrder) -> Option<Day> {
    if let Ok(day) = text.parse() {
        return Some(day);
    }
    let is_compact = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_compact {
        return made(text.get(..4)?.parse().ok()?, text.get(4..6)?.parse().ok()?, text.get(6..)?.parse().ok()?);
    }
    if let Some((first, second, year)) = numbers(text) {
        let (day, month) = if order == DateOrder::DayFirst { (first, second) } else { (second, first) };
        return made(year, month, day);
    }
    let parts: Vec<&str> = text.split(['.', '/', '-', ' ', ',']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 => made(digits(year)?, digits(month)?, digits(day)?),
        [day, month, year] if text.contains('.') && digits::<u32>(month).is_some() => {
            made(full_year(year)?, digits(month)?, digits(day)?)
        }
        [day, month, year] if month_named(month).is_some() => made(full_year(year)?, month_named(month)?, digits(day)?),
        [month, day, year] if month_named(month).is_some() => made(full_year(year)?, month_named(month)?, digits(day)?),
        _ => None,
    }
}

/// The part of a cell before a time.
fn day_part(cell: &str) -> &str {
    let cell = cell.trim();
    // A blank also stands inside dates such as 15 Jan 2024: a time has a colon, or follows a semicolon.
    let before = match cell.find([':', ';']) {
        Some(at) => cell.get(..at).unwrap_or(cell).trim_end_matches(|sign: char| sign.is_ascii_digit()),
        None => cell,
    };
    let before = match cell.find(';') {
        Some(at) => cell.get(..at).unwrap_or(before),
        None => before,
    };
    before.trim_end_matches(['T', ' ', ','])
}

/// The numbers of `15/1/2024` or `15-1-2024`; nothing for dates whose form says their order.
fn numbers(text: &str) -> Option<(u32, u32, i32)> {
    let mark = ['/', '-'].into_iter().find(|mark| text.contains(*mark))?;
    let mut parts = text.split(mark);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || first.len() > 2 || second.len() > 2 {
        return None;
    }
    Some((digits(first)?, digits(second)?, full_year(year)?))
}

fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The year of two digits or of four.
fn full_year(text: &str) -> Option<i32> {
    match (text.len(), digits::<u32>(text)?) {
        (4, year) => i32::try_from(year).ok(),
        (2, year) if year >= FIRST_YEAR_OF_LAST_CENTURY => i32::try_from(year + 1900).ok(),
        (2, year) => i32::try_from(year + 2000).ok(),
        _ => None,
    }
}

fn month_named(text: &str) -> Option<u32> {
    let start = text.get(..3)?.to_ascii_lowercase();
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let at = MONTHS.iter().position(|month| is_word && *month == start)?;
    u32::try_from(at + 1).ok()
}

fn made(year: i32, month: u32, day: u32) -> Option<Day> {
    Day::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_usual_forms() {
        for cell in [
            "2024-01-15",
            "20240115",
            "2024/1/15",
            "15.1.2024",
            "15.01.24",
            "15-Jan-2024",
            "15 January 2024",
            "Jan 15, 2024",
            "15/01/2024",
            "15-01-2024",
        ] {
            let read = read_date(cell, DateOrder::DayFirst).unwrap_or_else(|| panic!("{cell}"));
            assert_eq!((read.day.to_string().as_str(), read.time), ("2024-01-15", None), "{cell}");
        }
        assert_eq!(read_date("01/15/2024", DateOrder::MonthFirst), read_date("2024-01-15", DateOrder::DayFirst));
    }

    #[test]
    fn a_time_may_follow_the_date() {
        let time = NaiveTime::from_hms_opt(10, 30, 45);
        for cell in [
            "2024-01-15T10:30:45",
            "2024-01-15 10:30:45",
            "2024-01-15T10:30:45.123Z",
            "2024-01-15T12:30:45+02:00",
            "20240115;103045",
            "15.01.2024 10:30:45",
            "15/01/2024, 10:30:45",
            "15 Jan 2024 10:30:45",
        ] {
            let read = read_date(cell, DateOrder::DayFirst).unwrap_or_else(|| panic!("{cell}"));
            assert_eq!((read.day.to_string().as_str(), read.time), ("2024-01-15", time), "{cell}");
        }
        assert_eq!(read_time_of_day("3:30 PM"), NaiveTime::from_hms_opt(15, 30, 0));
    }

    #[test]
    fn a_day_that_does_not_exist_or_a_word_is_no_date() {
        for cell in
            ["", "2024-02-30", "30.02.2024", "1899-12-31", "soon", "2024-01", "15.01.2024 at noon", "1/2/3/4", "45306"]
        {
            assert_eq!(read_date(cell, DateOrder::DayFirst), None, "{cell}");
        }
    }

    #[test]
    fn a_column_decides_whether_the_day_comes_first() {
        let known = |cells: &[&str]| decide(cells.iter().copied());
        assert_eq!(known(&["1/2/2024", "13/2/2024"]), ColumnOrder::Known(DateOrder::DayFirst));
        assert_eq!(known(&["1/2/2024", "2/13/2024"]), ColumnOrder::Known(DateOrder::MonthFirst));
        assert_eq!(known(&["2/2/2024", "2024-01-15", "3.4.2024"]), ColumnOrder::Known(DateOrder::DayFirst));
        assert_eq!(known(&["1/2/2024 10:30"]), ColumnOrder::Undecided { example: "1/2/2024 10:30".to_owned() });
        let both =
            ColumnOrder::Contradicting { day_first: "13/2/2024".to_owned(), month_first: "2/13/2024".to_owned() };
        assert_eq!(known(&["13/2/2024", "2/13/2024"]), both);
    }
}
