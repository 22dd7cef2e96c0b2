//! Layout: nothing is cut off and nothing overlaps, in any report.

#[path = "../../tests/it/samples.rs"]
mod samples;

use quant::metrics::YearReturns;

use crate::pdf::closing::LAST_WORD;
use crate::pdf::pages;
use crate::pdf::paper::{MARGIN, MAX_PAGES, PAGE};
use crate::report::{ChartData, Report};
use crate::sketch::{Mark, Sketch, TextBox};

/// How far the boxes of neighbouring texts can overlap, in points.
const TOUCH: f32 = 0.2;

/// The sample reports, and an overfull one.
fn cases() -> Vec<(&'static str, Report, ChartData)> {
    let mut cases = samples::cases();
    let find = |name: &str| cases.iter().find(|case| case.0 == name).unwrap().clone();
    let (_, long_texts, _) = find("markup_and_long_texts");
    let (_, mut report, data) = find("many_trades");
    (report.name, report.strategy, report.warnings) = (long_texts.name, long_texts.strategy, long_texts.warnings);
    let year = |year| YearReturns { year, months: [Some(-0.1234); 12], total: Some(1234.5) };
    report.monthly_returns = (1950..2013).map(year).collect();
    report.metrics.final_equity = -123_456_789_012_345.67;
    report.metrics.max_drawdown_days = -2_000_000_000;
    report.benchmark.metrics.sharpe = Some(-1e30);
    cases.push(("too_much_of_everything", report, data));
    cases
}

fn overlap(a: &TextBox, b: &TextBox) -> bool {
    let apart = a.right <= b.left + TOUCH
        || b.right <= a.left + TOUCH
        || a.bottom <= b.top + TOUCH
        || b.bottom <= a.top + TOUCH;
    !apart
}

#[test]
fn every_text_is_between_the_margins() {
    for (name, report, data) in cases() {
        for (number, page) in pages(&report, &data).unwrap().iter().enumerate() {
            for (place, text) in page.text_boxes() {
                let inside = place.left >= MARGIN - TOUCH
                    && place.right <= PAGE.0 - MARGIN + TOUCH
                    && place.top >= 30.0
                    && place.bottom <= PAGE.1 - 24.0;
                assert!(inside, "{name}, page {}: {text:?} at {place:?}", number + 1);
            }
        }
    }
}

#[test]
fn no_two_texts_overlap() {
    for (name, report, data) in cases() {
        for (number, page) in pages(&report, &data).unwrap().iter().enumerate() {
            let boxes: Vec<_> = page.text_boxes().collect();
            for (index, (a, first)) in boxes.iter().enumerate() {
                for (b, second) in &boxes[index + 1..] {
                    assert!(!overlap(a, b), "{name}, page {}: {first:?} and {second:?}: {a:?} {b:?}", number + 1);
                }
            }
        }
    }
}

#[test]
fn every_line_and_area_is_on_the_page() {
    let on_page =
        |page: &Sketch, (x, y): (f32, f32)| (0.0..=page.width).contains(&x) && (0.0..=page.height).contains(&y);
    for (name, report, data) in cases() {
        for page in pages(&report, &data).unwrap() {
            for mark in &page.marks {
                if let Mark::Line { points, .. } | Mark::Area { points, .. } = mark {
                    assert!(points.iter().all(|&point| on_page(&page, point)), "{name}");
                }
            }
        }
    }
}

#[test]
fn the_whole_disclaimer_is_printed_on_at_most_four_pages() {
    for (name, report, data) in cases() {
        let pages = pages(&report, &data).unwrap();
        assert!((2..=MAX_PAGES).contains(&pages.len()), "{name} has {} pages", pages.len());
        let last: Vec<&str> = pages.last().unwrap().text_boxes().map(|text| text.1).collect();
        assert!(last.iter().any(|line| line.ends_with(LAST_WORD)), "{name}: {last:?}");
    }
}
