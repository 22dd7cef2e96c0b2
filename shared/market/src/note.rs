//! Warnings for the reader of a series.

use std::fmt;

use domain::Day;
use serde::{Deserialize, Serialize};

/// Most rows that [`Note::RowsDropped`] lists for a reader; the others are only counted.
const MAX_ROWS_NAMED: usize = 20;
/// Most rows that it keeps internally, so that it can be limited to a span.
const MAX_ROWS_KEPT: usize = 200;
/// The longest expected distance to the next bar, in days; see [`domain::spacing::LONGEST_PAUSE`].
const DAYS_TO_THE_NEXT_BAR: i32 = domain::spacing::LONGEST_PAUSE;

/// A warning for the reader of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(as = PriceNote)]
pub enum Note {
    /// The close moved by more than half from the bar before, and no split explains it. The bar is served.
    UnexplainedMove {
        /// Day of the bar.
        date: Day,
        /// The move as a fraction: −0.5187 is a fall of 51.87 %.
        fraction: f64,
    },
    /// The newest bar has an unexplained move. It is left out until the next bar or a second source confirms it.
    NewestBarHeldBack {
        /// Day of the bar.
        date: Day,
        /// The move as a fraction.
        fraction: f64,
    },
    /// The prices of a bar contradict each other. It is served unchanged; rules take its high and low from open and
    /// close.
    ImpossibleBar {
        /// Day of the bar.
        date: Day,
    },
    /// Two bars are further apart than any calendar explains.
    Gap {
        /// Day of the last bar before.
        from: Day,
        /// Day of the first bar after.
        to: Day,
    },
    /// Rows that cannot be bars were left out.
    RowsDropped {
        /// Number of rows.
        count: usize,
        /// Why, each reason once.
        reasons: Vec<DropReason>,
        /// The first of them, at most twenty, oldest first.
        #[serde(default)]
        rows: Vec<DroppedRow>,
    },
    /// The source does not report splits: none is applied.
    SplitsUnknown,
    /// Total returns exclude dividends: the adjusted close was computed without them.
    DividendsNotIncluded,
    /// The source has adjusted closes and no dividends: the dividends are derived from the adjusted closes.
    DividendsDerived,
    /// The prices themselves are adjusted for dividends: their ratios are total returns, and earlier prices are lower than
    /// those at which the instrument traded.
    DividendsInPrices,
    /// The source gave only the latest bars, not the whole history.
    CompactHistory,
}

impl Note {
    /// The stable name, as in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnexplainedMove { .. } => "unexplained_move",
            Self::NewestBarHeldBack { .. } => "newest_bar_held_back",
            Self::ImpossibleBar { .. } => "impossible_bar",
            Self::Gap { .. } => "gap",
            Self::RowsDropped { .. } => "rows_dropped",
            Self::SplitsUnknown => "splits_unknown",
            Self::DividendsNotIncluded => "dividends_not_included",
            Self::DividendsDerived => "dividends_derived",
            Self::DividendsInPrices => "dividends_in_prices",
            Self::CompactHistory => "compact_history",
        }
    }

    /// Whether the note is about one day or gap, of which there may be thousands, and not about the whole series.
    #[must_use]
    pub fn is_of_a_day(&self) -> bool {
        matches!(
            self,
            Self::UnexplainedMove { .. }
                | Self::NewestBarHeldBack { .. }
                | Self::ImpossibleBar { .. }
                | Self::Gap { .. }
        )
    }

    /// The part of the note that concerns figures based on the bars from `from` to `to`, both included; `None` if none
    /// does.
    ///
    /// Notes about the whole series always apply. So does a row dated in the future, since its true day is unknown. A
    /// held-back newest bar concerns spans that end right before it.
    #[must_use]
    pub fn within(&self, from: Day, to: Day) -> Option<Self> {
        let concerns = match self {
            Self::UnexplainedMove { date, .. } | Self::ImpossibleBar { date } => (from..=to).contains(date),
            Self::NewestBarHeldBack { date, .. } => from <= *date && *date <= to.plus_days(DAYS_TO_THE_NEXT_BAR),
            Self::Gap { from: before, to: after } => from < *after && *before < to,
            Self::RowsDropped { count, reasons, rows } => return dropped_within(*count, reasons, rows, (from, to)),
            Self::SplitsUnknown
            | Self::DividendsNotIncluded
            | Self::DividendsDerived
            | Self::DividendsInPrices
            | Self::CompactHistory => true,
        };
        concerns.then(|| self.clone())
    }

    /// The note on these rows; `None` if there are none.
    pub(crate) fn on_dropped(mut rows: Vec<DroppedRow>) -> Option<Self> {
        let count = rows.len();
        let reasons = reasons_of(&rows);
        rows.sort_unstable();
        rows.truncate(MAX_ROWS_KEPT);
        (count > 0).then_some(Self::RowsDropped { count, reasons, rows })
    }
}

/// Each reason once.
fn reasons_of(rows: &[DroppedRow]) -> Vec<DropReason> {
    let mut reasons: Vec<DropReason> = rows.iter().map(|row| row.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

/// The note on the rows of a span. Rows that are counted but not kept are never older than those that are kept, so they
/// belong to every span that does not end before them.
fn dropped_within(count: usize, reasons: &[DropReason], rows: &[DroppedRow], (from, to): (Day, Day)) -> Option<Note> {
    let is_part = |row: &&DroppedRow| row.reason == DropReason::DateInTheFuture || (from..=to).contains(&row.date);
    let mut part: Vec<DroppedRow> = rows.iter().filter(is_part).copied().collect();
    let others = count.saturating_sub(rows.len());
    let may_be_part =
        reasons.contains(&DropReason::DateInTheFuture) || rows.last().is_none_or(|newest| newest.date <= to);
    let (count, reasons) = if may_be_part && others > 0 {
        (part.len() + others, reasons.to_vec())
    } else {
        (part.len(), reasons_of(&part))
    };
    part.truncate(MAX_ROWS_NAMED);
    (count > 0).then_some(Note::RowsDropped { count, reasons, rows: part })
}

/// The note as a sentence for the reader.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexplainedMove { date, fraction } => {
                write!(f, "The close of {date} moved by {:.2} % and no split explains it.", fraction * 100.0)
            }
            Self::NewestBarHeldBack { date, fraction } => {
                let percent = fraction * 100.0;
                write!(f, "The bar of {date} moved by {percent:.2} % and is held back until the next bar confirms it.")
            }
            Self::ImpossibleBar { date } => write!(
                f,
                "The prices of {date} contradict each other; rules take its high and low from open and close."
            ),
            Self::Gap { from, to } => write!(f, "There is no bar between {from} and {to}."),
            Self::RowsDropped { count: 1, rows, .. } if rows.len() == 1 => {
                write!(f, "One row of the source was left out: {}.", rows[0])
            }
            Self::RowsDropped { count, rows, .. } => {
                write!(f, "{count} rows of the source were left out")?;
                match rows.as_slice() {
                    [] => f.write_str("."),
                    [first, ..] => write!(f, ", the first of them {first}."),
                }
            }
            Self::SplitsUnknown => f.write_str("The source does not report splits: none is applied."),
            Self::DividendsNotIncluded => f.write_str("Dividends are not included."),
            Self::DividendsDerived => f.write_str("Dividends are derived from the adjusted closes."),
            Self::DividendsInPrices => f.write_str(
                "The prices are adjusted for dividends: earlier ones are lower than those at which the instrument traded.",
            ),
            Self::CompactHistory => f.write_str("The source gives only the latest bars."),
        }
    }
}

/// A row that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DroppedPriceRow)]
pub struct DroppedRow {
    /// Day that the row is dated.
    pub date: Day,
    /// Why the row was left out.
    pub reason: DropReason,
}

impl fmt::Display for DroppedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "that of {} ({})", self.date, self.reason)
    }
}

/// Why a row was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DroppedPriceRowReason)]
pub enum DropReason {
    /// A price is missing, zero, negative or not finite.
    NotAPrice,
    /// A volume, dividend or split ratio is negative or not finite.
    NotAnAmount,
    /// Its day is not after that of the row before. Rows are now sorted; only histories stored earlier have this
    /// reason.
    OutOfOrder,
    /// Another row of the same day has different values.
    DuplicateDay,
    /// Its day is later than tomorrow.
    DateInTheFuture,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPrice => "a price is missing or not above zero",
            Self::NotAnAmount => "a volume, dividend or split ratio is impossible",
            Self::OutOfOrder => "its day is not after that of the row before",
            Self::DuplicateDay => "another row of the same day is used",
            Self::DateInTheFuture => "the date is in the future",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn dropped(rows: &[(&str, DropReason)]) -> Note {
        Note::on_dropped(rows.iter().map(|&(date, reason)| DroppedRow { date: day(date), reason }).collect()).unwrap()
    }

    #[test]
    fn notes_are_serialised_as_codes_with_their_figures() {
        let date = day("2000-09-29");
        let fraction = -0.5187;
        let table = [
            (Note::UnexplainedMove { date, fraction }, r#","date":"2000-09-29","fraction":-0.5187"#),
            (Note::NewestBarHeldBack { date, fraction }, r#","date":"2000-09-29","fraction":-0.5187"#),
            (Note::ImpossibleBar { date }, r#","date":"2000-09-29""#),
            (Note::Gap { from: date, to: day("2000-10-09") }, r#","from":"2000-09-29","to":"2000-10-09""#),
            (
                dropped(&[("2000-09-29", DropReason::NotAPrice), ("2109-10-29", DropReason::DateInTheFuture)]),
                r#","count":2,"reasons":["not_a_price","date_in_the_future"],"rows":[{"date":"2000-09-29","reason":"not_a_price"},{"date":"2109-10-29","reason":"date_in_the_future"}]"#,
            ),
            (Note::SplitsUnknown, ""),
            (Note::DividendsNotIncluded, ""),
            (Note::DividendsDerived, ""),
            (Note::DividendsInPrices, ""),
            (Note::CompactHistory, ""),
        ];
        for (note, figures) in table {
            let json = serde_json::to_string(&note).unwrap();
            assert_eq!(json, format!(r#"{{"code":"{}"{figures}}}"#, note.code()));
            assert_eq!(serde_json::from_str::<Note>(&json).unwrap(), note);
        }
    }

    #[test]
    fn a_note_stored_without_its_rows_is_still_read() {
        let stored = r#"{"code":"rows_dropped","count":2,"reasons":["out_of_order"]}"#;
        let note: Note = serde_json::from_str(stored).unwrap();
        assert_eq!(note, Note::RowsDropped { count: 2, reasons: vec![DropReason::OutOfOrder], rows: Vec::new() });
        assert_eq!(note.to_string(), "2 rows of the source were left out.");
        let within = note.within(day("2013-01-02"), day("2013-01-02"));
        assert_eq!(within, Some(note), "its days are unknown");
    }

    #[test]
    fn a_note_concerns_the_spans_that_use_its_day() {
        let date = day("2013-01-10");
        let moved = Note::UnexplainedMove { date, fraction: 0.6 };
        let held_back = Note::NewestBarHeldBack { date, fraction: 0.6 };
        let gap = Note::Gap { from: day("2013-01-10"), to: day("2013-01-22") };
        let twice = dropped(&[("2013-01-10", DropReason::DuplicateDay)]);
        let cases = [
            (&moved, "2013-01-10", "2013-01-10", true),
            (&moved, "2013-01-02", "2013-01-09", false),
            (&moved, "2013-01-11", "2013-01-31", false),
            (&held_back, "2013-01-02", "2013-01-09", true),
            (&held_back, "2012-01-02", "2012-12-31", false),
            (&gap, "2013-01-02", "2013-01-10", false),
            (&gap, "2013-01-02", "2013-01-11", true),
            (&gap, "2013-01-15", "2013-01-15", true),
            (&gap, "2013-01-22", "2013-01-31", false),
            (&twice, "2013-01-02", "2013-01-10", true),
            (&twice, "2013-01-11", "2013-01-31", false),
            (&Note::SplitsUnknown, "2013-01-11", "2013-01-31", true),
        ];
        for (note, from, to, expected) in cases {
            assert_eq!(note.within(day(from), day(to)).as_ref(), expected.then_some(note), "{from} to {to}");
        }
        let typing_error = dropped(&[("2109-10-29", DropReason::DateInTheFuture)]);
        let within = typing_error.within(day("2019-10-01"), day("2019-12-31"));
        assert_eq!(within, Some(typing_error), "its true day is unknown");
    }

    #[test]
    fn dropped_rows_of_a_span_are_counted_and_listed_with_reasons() {
        use DropReason::{DateInTheFuture, DuplicateDay, NotAPrice};
        let typing_error = ("2109-10-29", DateInTheFuture);
        let note = dropped(&[("2019-09-10", DuplicateDay), ("2019-10-01", NotAPrice), typing_error]);
        for (from, to, expected) in [
            ("2019-09-10", "2019-09-10", &[("2019-09-10", DuplicateDay), typing_error][..]),
            ("2019-09-11", "2019-10-01", &[("2019-10-01", NotAPrice), typing_error]),
            ("2019-09-11", "2019-09-30", &[typing_error]),
        ] {
            assert_eq!(note.within(day(from), day(to)), Some(dropped(expected)), "{from} to {to}");
        }
    }

    fn not_prices(days: usize) -> Note {
        let first = day("2013-01-01");
        let row = |date| DroppedRow { date, reason: DropReason::NotAPrice };
        Note::on_dropped((0..days as i32).rev().map(|after| row(first.plus_days(after))).collect()).unwrap()
    }

    #[test]
    fn of_many_dropped_rows_twenty_are_listed_and_all_counted() {
        let first = day("2013-01-01");
        for (from, to, expected) in [(0, 24, 25), (0, 29, 30), (21, 29, 9), (30, 39, 0)] {
            let within = not_prices(30).within(first.plus_days(from), first.plus_days(to));
            let Some(Note::RowsDropped { count, reasons, rows }) = within else {
                assert_eq!(expected, 0);
                continue;
            };
            assert_eq!((count, reasons), (expected, vec![DropReason::NotAPrice]));
            assert_eq!((rows.len(), rows[0].date), (expected.min(MAX_ROWS_NAMED), first.plus_days(from)));
        }
        assert_eq!(Note::on_dropped(Vec::new()), None);
    }

    #[test]
    fn counted_rows_belong_to_spans_that_do_not_end_before_them() {
        let first = day("2013-01-01");
        let note = not_prices(MAX_ROWS_KEPT + 7);
        let count = |from: i32, to: i32| match note.within(first.plus_days(from), first.plus_days(to)) {
            Some(Note::RowsDropped { count, .. }) => count,
            _ => 0,
        };
        let kept = MAX_ROWS_KEPT as i32;
        assert_eq!([count(0, 9), count(kept - 3, kept - 2), count(kept - 3, kept + 6)], [10, 2, 10]);
    }

    #[test]
    fn the_sentence_gives_the_date_of_the_row() {
        let one = dropped(&[("2109-10-29", DropReason::DateInTheFuture)]);
        assert_eq!(
            one.to_string(),
            "One row of the source was left out: that of 2109-10-29 (the date is in the future)."
        );
    }
}
