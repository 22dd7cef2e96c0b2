//! Aggregates files with several bars a day to days.

use std::str;

use crate::series::{Row, fault};

/// A row with its time of day in seconds, the only key by which rows of one day are ordered.
pub(crate) type Timed = (Row, i32);

/// The seconds of a time as written in files: `09:30`, `9:30:00.250`, `153000`, `04:00 PM`, with or without a zone
/// offset (`09:30:00-05:00`, `14:30:00Z`). The offset is subtracted, so that the hour that repeats when clocks go back
/// stays in order.
pub(crate) fn seconds(text: &[u8]) -> Option<i32> {
    let text = str::from_utf8(text).ok()?.trim().trim_end_matches(['Z', 'z']);
    let (text, offset) = match text.rfind(['+', '-']) {
        Some(at) => (&text[..at], signed_offset(&text[at..])?),
        None => (text, 0),
    };
    let upper = text.trim().to_ascii_uppercase();
    let (clock, afternoon) = match (upper.strip_suffix("PM"), upper.strip_suffix("AM")) {
        (Some(clock), _) => (clock, Some(true)),
        (_, Some(clock)) => (clock, Some(false)),
        (None, None) => (upper.as_str(), None),
    };
    let time = hours_minutes_seconds(clock.trim())?;
    let time = match afternoon {
        Some(afternoon) => time % (12 * 3600) + i32::from(afternoon) * 12 * 3600,
        None => time,
    };
    Some(time - offset)
}

fn signed_offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?;
    let hours_only = digits.len() <= 2;
    Some(sign * if hours_only { digits.parse::<i32>().ok()? * 3600 } else { hours_minutes_seconds(digits)? })
}

fn hours_minutes_seconds(text: &str) -> Option<i32> {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let parts = match (text.contains(':'), digits) {
        (true, _) => text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<i32>>>()?,
        (false, 3..=6) if digits == text.len() => {
            let number: i32 = text.parse().ok()?;
            let number = if digits <= 4 { number * 100 } else { number };
            vec![number / 10_000, number / 100 % 100, number % 100]
        }
        _ => return None,
    };
    let ([hours, minutes] | [hours, minutes, _]) = parts[..] else { return None };
    let seconds = parts.get(2).copied().unwrap_or(0);
    let is_a_time = (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    is_a_time.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// One row a day: the first open, the highest and lowest price, the last close, the total volume, and each event of the
/// day once. Rows that cannot be bars, and all but the last row of one instant, stay separate before the row of their
/// day, so that [`crate::series::check`] leaves them out and reports them.
pub(crate) fn days(mut rows: Vec<Timed>) -> Vec<Row> {
    rows.sort_by_key(|(row, seconds)| (row.date, *seconds));
    let (sound, broken): (Vec<Timed>, Vec<Timed>) = rows.into_iter().partition(|(row, _)| fault(row).is_none());
    let mut days: Vec<Row> = broken.into_iter().map(|(row, _)| row).collect();
    let mut merged: Option<Row> = None;
    let mut sound = sound.into_iter().peekable();
    while let Some((row, seconds)) = sound.next() {
        if let Some((next, _)) = sound.peek().filter(|(next, at)| (next.date, *at) == (row.date, seconds)) {
            // An exact repetition adds nothing.
            days.extend((*next != row).then_some(row));
            continue;
        }
        match &mut merged {
            Some(day) if day.date == row.date => *day = joined(day, &row),
            _ => days.extend(merged.replace(row)),
        }
    }
    days.extend(merged);
    days
}

fn joined(day: &Row, next: &Row) -> Row {
    Row {
        date: day.date,
        open: day.open,
        high: day.high.max(next.high),
        low: day.low.min(next.low),
        close: next.close,
        volume: day.volume + next.volume,
        adjusted_close: next.adjusted_close.or(day.adjusted_close),
        split_ratio: if next.has_split() { next.split_ratio } else { day.split_ratio },
        dividend: day.dividend.max(next.dividend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_files_use() {
        let half_past_nine = 9 * 3600 + 1800;
        for (text, expected) in [
            ("09:30", half_past_nine),
            ("9:30:00", half_past_nine),
            ("09:30:00.250", half_past_nine),
            ("0930", half_past_nine),
            ("093000", half_past_nine),
            ("09:30 AM", half_past_nine),
            ("9:30 pm", half_past_nine + 12 * 3600),
            ("12:00 AM", 0),
            ("12:00 PM", 12 * 3600),
            ("00:00:00", 0),
            ("09:30:00-05:00", half_past_nine + 5 * 3600),
            ("09:30:00+0530", half_past_nine - 5 * 3600 - 1800),
            ("09:30+01", half_past_nine - 3600),
            ("14:30:00Z", 14 * 3600 + 1800),
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(expected), "{text}");
        }
        for text in ["", "noon", "25:00", "09:60", "9", "09:30:00:00", "09:30-", "1e3", "0930000"] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(text in "[0-9:.+\\-APMZapm ]{0,14}", bytes: Vec<u8>) {
            let _ = (seconds(text.as_bytes()), seconds(&bytes));
        }
    }
}
