use domain::SplitRatio;

use super::*;
use crate::note::{DropReason, DroppedRow, Note};

fn read(bytes: &[u8]) -> Result<CheckedBars, CsvError> {
    super::read(bytes, "2019-12-31".parse().unwrap(), PriceUnit::of(domain::Currency::USD))
}

fn error(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

fn read_text(text: &str) -> CheckedBars {
    read(text.as_bytes()).unwrap()
}

fn dropped(rows: &[(&str, DropReason)]) -> Note {
    let row = |&(date, reason): &(&str, DropReason)| DroppedRow { date: date.parse().unwrap(), reason };
    Note::on_dropped(rows.iter().map(row).collect()).unwrap()
}

#[test]
fn the_projects_own_columns_are_quotes_with_events() {
    let series = read(
        b"date,open,high,low,close,volume,adjusted_close,split_ratio,dividend\n\
          2013-02-28,10,11,9,10.5,1000,5.2,,\n\
          2013-03-01,5.2,5.4,5.1,5.3,2000,5.3,2,0.05\n",
    )
    .unwrap();
    assert_eq!(series.basis, Basis::Quoted);
    assert_eq!(series.notes, []);
    let last = series.bars.last().unwrap();
    assert_eq!((last.close, last.split_ratio, last.dividend), (5.3, 2.0, 0.05));
    assert_eq!(series.bars.split_ratio(), [1.0, 2.0]);
}

#[test]
fn a_download_from_yahoo_is_split_adjusted() {
    let series = read(
        b"\xef\xbb\xbfDate,Open,High,Low,Close,Adj Close,Volume\r\n\
          2013-02-28,\"63.43\",63.98,63.06,63.06,54.1,80628800\r\n\
          2013-03-01,null,null,null,null,null,null\r\n\
          2013-03-04,61.11,61.17,59.86,60.01,51.5,145688900\r\n\r\n",
    )
    .unwrap();
    assert_eq!(series.basis, Basis::SplitAdjusted);
    assert_eq!(series.bars.adjusted_close(), [54.1, 51.5]);
    let row = dropped(&[("2013-03-01", DropReason::NotAPrice)]);
    assert_eq!(series.notes, [row, Note::SplitsUnknown, Note::DividendsDerived]);
}

#[test]
fn a_download_from_stooq_has_neither_events_nor_adjusted_closes() {
    let series =
        read(b"Date,Open,High,Low,Close,Volume\n2013-02-28,1,2,0.5,1.5,7\n2013-03-01,1,2,0.5,1.25,\n").unwrap();
    assert_eq!(series.bars.adjusted_close(), [1.5, 1.25]);
    assert_eq!(series.bars.volume(), [7.0, 0.0]);
    assert_eq!(series.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
}

#[test]
fn volume_is_optional_and_columns_may_come_in_any_order() {
    let series = read(b"Close,Low,High,Open,Date,Comment\n1.31,1.29,1.32,1.3,2013-03-01,hello\n").unwrap();
    let bar = series.bars.first().unwrap();
    assert_eq!((bar.open, bar.high, bar.low, bar.close, bar.volume), (1.3, 1.32, 1.29, 1.31, 0.0));
}

#[test]
fn a_file_written_newest_first_is_reversed() {
    let header = "date,open,high,low,close,volume\n";
    let newest_first = format!("{header}2013-03-01,2,2,2,2,2\n2013-02-28,1,1,1,1,1\n");
    assert_eq!(read(newest_first.as_bytes()).unwrap().bars.close(), [1.0, 2.0]);
}

#[test]
fn rows_that_cannot_be_bars_are_left_out_and_reported() {
    let text = "date,open,high,low,close,volume\n\
        2013-02-25,1,1,1,1,1\n2013-02-26,0,1,1,1,1\n2013-02-27,1,1,-1,1,1\n2013-02-28,1,NaN,1,1,1\n\
        2013-03-01,1,1,1,1,-5\n2013-03-04,1,1,1,inf,1\n2013-03-05,1,1,1,1,null\n";
    let series = read_text(text);
    assert_eq!(series.bars.volume(), [1.0, 0.0, 0.0], "a row with valid prices is kept");
    let rows = [
        ("2013-02-26", DropReason::NotAPrice),
        ("2013-02-27", DropReason::NotAPrice),
        ("2013-02-28", DropReason::NotAPrice),
        ("2013-03-04", DropReason::NotAPrice),
    ];
    assert_eq!(series.notes[0], dropped(&rows));
}

#[test]
fn an_error_names_its_line() {
    let header = "date,open,high,low,close,volume";
    for empty in ["", "\n\r\n", "\u{feff}", "  \r"] {
        assert_eq!(error(empty), "line 1: the file is empty");
    }
    assert!(error("<html>\n").starts_with("line 1: the header has no column `date`"));
    assert!(error("date,open,high,low,close,close\n").contains("`close` twice"));
    assert_eq!(error(&format!("{header}\n\n2013-03-01,1,2\n")), "line 3: 3 cells where the header has 6");
    assert_eq!(
        error(&format!("{header}\n2013-02-30,1,1,1,1,1\n")),
        "line 2: column `date`: must be a day of the calendar"
    );
    assert_eq!(
        error(&format!("{header}\n01/03/2013,1,1,1,1,1\n")),
        "line 2: column `date`: must be a day written YYYY-MM-DD"
    );
    assert_eq!(error(&format!("{header}\n2013-03-01,1,1,x,1,1\n")), "line 2: column `low` is not a number");
}

const HEADER: &str = "date,open,high,low,close,volume\n";

#[test]
fn every_line_ending_is_accepted_and_keeps_line_numbers() {
    let text = format!("{HEADER}2013-02-28,1,1,1,1,1\n2013-03-01,2,2,2,2,2\n");
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(read_text(&text.replace('\n', end)).bars.close(), [1.0, 2.0], "{end:?}");
        let broken = format!("{text}2013-03-04,1\n").replace('\n', end);
        assert_eq!(error(&broken), "line 4: 2 cells where the header has 6", "{end:?}");
    }
}

#[test]
fn rows_are_sorted_and_the_later_of_two_for_a_day_counts() {
    let text = format!(
        "{HEADER}2013-03-04,3,3,3,3,3\n2013-02-28,2,2,2,2,2\n2013-03-01,9,9,9,9,9\n2013-03-01,2.5,2.5,2.5,2.5,2\n\
         2013-02-28,2,2,2,2,2\n2013-03-04,null,null,null,null,null\n"
    );
    let series = read_text(&text);
    assert_eq!(series.bars.close(), [2.0, 2.5, 3.0]);
    let rows = [("2013-03-01", DropReason::DuplicateDay), ("2013-03-04", DropReason::NotAPrice)];
    assert_eq!(series.notes[0], dropped(&rows), "an exact repetition counts once");
}

#[test]
fn a_row_later_than_tomorrow_is_left_out_and_reported() {
    let text =
        format!("{HEADER}2019-12-31,1,1,1,1,1\n2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n2109-10-29,1,1,1,1,1\n");
    let series = read_text(&text);
    assert_eq!(series.bars.last().unwrap().date.to_string(), "2020-01-01");
    let rows = [("2020-01-02", DropReason::DateInTheFuture), ("2109-10-29", DropReason::DateInTheFuture)];
    assert_eq!(series.notes[0], dropped(&rows));
}

#[test]
fn hourly_bars_are_aggregated_to_days() {
    let expected = |series: &CheckedBars| {
        let bars: Vec<_> = series.bars.iter().collect();
        assert_eq!(bars.len(), 2, "{series:?}");
        let first = bars[0];
        assert_eq!((first.open, first.high, first.low, first.close, first.volume), (10.0, 13.0, 9.0, 12.0, 600.0));
        assert_eq!((bars[1].date.to_string().as_str(), bars[1].close), ("2013-03-04", 11.0));
    };
    let hours = [
        ("2013-03-01", "09:30", "10,11,9,10.5,100"),
        ("2013-03-01", "10:30", "10.5,13,10,11,200"),
        ("2013-03-01", "15:30", "11,12,11,12,300"),
        ("2013-03-04", "09:30", "12,12,11,11,50"),
    ];
    for (form, header) in [
        ("D T", "Date,Open,High,Low,Close,Volume"),
        ("DTT:00-05:00", "Datetime,Open,High,Low,Close,Volume"),
        ("D T:00", "timestamp,open,high,low,close,volume"),
        ("D,T", "Date,Time,Open,High,Low,Close,Volume"),
    ] {
        let line = |(day, time, numbers): &(&str, &str, &str)| {
            let moment = match form {
                "D T" => format!("{day} {time}"),
                "D T:00" => format!("{day} {time}:00"),
                "D,T" => format!("{day},{time}"),
                _ => format!("{day}T{time}:00-05:00"),
            };
            format!("{moment},{numbers}")
        };
        let mut lines: Vec<String> = hours.iter().map(line).collect();
        expected(&read_text(&format!("{header}\n{}\n", lines.join("\n"))));
        lines.reverse();
        expected(&read_text(&format!("{header}\n{}\n", lines.join("\n"))));
    }
}

#[test]
fn an_intraday_file_reports_bad_rows_and_counts_events_once() {
    let series = read_text(
        "Datetime,Open,High,Low,Close,Volume,Dividends,Stock Splits\n\
         2013-02-28 15:30,1,1,1,1,1,0,0\n2013-03-01 09:30,1,1,1,1,1,0.5,2\n2013-03-01 10:30,null,null,null,null,null,0,0\n\
         2013-03-01 11:30,7,7,7,7,1,0.5,2\n2013-03-01 11:30,1,2,1,2,1,0.5,2\n",
    );
    let last = series.bars.last().unwrap();
    assert_eq!((last.high, last.close, last.volume, last.dividend, last.split_ratio), (2.0, 2.0, 2.0, 0.5, 2.0));
    let rows = [("2013-03-01", DropReason::NotAPrice), ("2013-03-01", DropReason::DuplicateDay)];
    assert_eq!(series.notes[1..], [dropped(&rows)]);
}

#[test]
fn an_invalid_time_names_its_line() {
    assert_eq!(error("date,open,high,low,close\n2013-03-01 noon,1,1,1,1\n"), "line 2: column `time` is not a time");
    assert_eq!(
        error("date,time,open,high,low,close\n2013-03-01,25:00,1,1,1,1\n"),
        "line 2: column `time` is not a time"
    );
}

#[test]
fn a_split_column_is_read_as_a_fraction_in_any_position() {
    let ratio = |header: &str, cell: &str| {
        let text = format!("{header},date,open,high,low,close\n,2013-02-28,1,1,1,1\n{cell},2013-03-01,45,45,45,45\n");
        SplitRatio::from_bar(read_text(&text).bars.split_ratio()[1]).unwrap()
    };
    let exactly = |new, old| SplitRatio::new(new, old).unwrap();
    for header in ["Split", "Splits", "split_ratio", "Split Ratio", "split_coefficient", "Stock Splits"] {
        assert_eq!(ratio(header, "4.0"), exactly(4, 1), "{header}");
    }
    for cell in ["1:45", "1/45", "0.022222", "0.0222222222"] {
        assert_eq!(ratio("Split", cell), exactly(1, 45), "{cell}");
    }
    for (cell, terms) in
        [("1.333", (4, 3)), ("1.3330", (1_333, 1_000)), ("101:1000", (101, 1_000)), ("0.07450", (149, 2_000))]
    {
        assert_eq!(ratio("Split", cell), exactly(terms.0, terms.1), "{cell}");
    }
    for none in ["0", "0.0", "", "null", "-"] {
        assert_eq!(ratio("Split", none), SplitRatio::ONE, "{none:?}");
    }
    assert!(error("Split,date,open,high,low,close\nx,2013-03-01,1,1,1,1\n").contains("`split_ratio` is not a number"));
}

#[test]
fn split_adjusted_prices_of_yahoo_become_quotes() {
    let series = read_text(
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits\n\
         2013-02-28,10,10,10,10,10,400,0.0,0.0\n2013-03-01,11,11,11,11,11,100,0.0,4.0\n",
    );
    assert_eq!((series.basis, series.bars.close()), (Basis::Quoted, [40.0, 11.0].as_slice()));
    assert_eq!(
        (series.bars.volume(), series.bars.adjusted_close()),
        ([100.0, 100.0].as_slice(), [10.0, 11.0].as_slice())
    );
    assert_eq!(series.notes, []);
}

#[test]
fn dividends_are_derived_from_adjusted_closes_without_a_dividend_column() {
    // A dividend of 1 on 100: prices before the ex-date are multiplied by 0.99.
    let own = "date,open,high,low,close,adjusted_close,split_ratio\n\
               2013-02-27,200,200,200,200,99,\n2013-02-28,100,100,100,100,99,2\n2013-03-01,99,99,99,99,99,\n";
    let series = read_text(own);
    assert!((series.bars.dividend()[2] - 1.0).abs() < 1e-12 && series.bars.dividend()[..2] == [0.0, 0.0], "{series:?}");
    assert_eq!(series.notes, [Note::DividendsDerived]);
    // A split after it: the dividend is in units of its own day.
    let split_later = "Date,Open,High,Low,Close,Adj Close,Stock Splits\n2013-02-27,50,50,50,50,49.5,0\n\
                       2013-02-28,49.5,49.5,49.5,49.5,49.5,0\n2013-03-01,49,49,49,49,49,2\n";
    let series = read_text(split_later);
    assert!((series.bars.dividend()[1] - 1.0).abs() < 1e-12, "{series:?}");
    let rounding = own.replace("200,99,", "200,98.998,").replace(",99,2", ",98.998,2");
    assert!((read_text(&rounding).bars.dividend()[2] - 1.002).abs() < 0.000_1);
    let noise = "Date,Open,High,Low,Close,Adj Close\n2013-02-28,1,1,1,1,0.99996\n2013-03-01,1,1,1,1,1\n";
    assert_eq!(read_text(noise).bars.dividend(), [0.0, 0.0]);
    let with_dividends = own.replace("split_ratio", "dividend").replace(",99,2\n", ",99,\n");
    assert_eq!(read_text(&with_dividends).bars.dividend(), [0.0, 0.0, 0.0], "a dividend column is complete");
}

#[test]
fn impossible_bars_and_gaps_are_served_and_reported() {
    let text = format!("{HEADER}2013-02-25,1,1050,1,1,1\n2013-02-26,1,1,1,1,1\n2013-03-11,1,1,1,1,1\n");
    let series = read_text(&text);
    assert_eq!(series.bars.high(), [1050.0, 1.0, 1.0]);
    let day = |text: &str| text.parse().unwrap();
    let notes =
        [Note::ImpossibleBar { date: day("2013-02-25") }, Note::Gap { from: day("2013-02-26"), to: day("2013-03-11") }];
    assert_eq!(series.notes[..2], notes);
}

#[test]
fn prices_in_hundredths_are_converted_to_the_currency() {
    let text = b"date,open,high,low,close,volume,dividend\n2013-03-01,4512.5,4530,4500,4520,700,12\n";
    let bar = super::read(text, Day::LAST, "GBX".parse().unwrap()).unwrap().bars.first().unwrap();
    assert_eq!((bar.open, bar.close, bar.adjusted_close, bar.dividend, bar.volume), (45.125, 45.2, 45.2, 0.12, 700.0));
}

proptest::proptest! {
    #[test]
    fn no_input_makes_the_reader_panic(bytes: Vec<u8>, rows in "(2013-0[1-9]-[0-3][0-9],[0-9.,e-]{0,30}\n){0,9}") {
        let _ = read(&bytes);
        let _ = read(format!("date,open,high,low,close,volume,split_ratio\n{rows}").as_bytes());
    }
}
