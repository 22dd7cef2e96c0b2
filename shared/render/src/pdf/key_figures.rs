//! The key figures: four in large type, then all of them next to buy and hold.

use std::collections::BTreeMap;

use quant::metrics::Metrics;

use crate::figures::{Figure, METRICS, NOT_AVAILABLE, metric};
use crate::palette::{INK, MUTED, STRIPE};
use crate::pdf::paper::{MARGIN, Paper, WIDTH};
use crate::pdf::style::{SMALL, Style};
use crate::pdf::table::{Cell, Column, Table};
use crate::report::Report;
use crate::sketch::Anchor;
use crate::typeface::Weight;

/// The figures that a reader looks for first.
const HEADLINE: [&str; 4] = ["total_return", "cagr", "max_drawdown", "sharpe"];

const TILE_HEIGHT: f32 = 46.0;
const TILE_GAP: f32 = 8.0;

/// Space between the two halves of the table.
const GUTTER: f32 = 16.0;

const COLUMNS: [Column; 3] = [
    Column { heading: "", width: 103.0, align: Anchor::Start },
    Column { heading: "Strategy", width: 70.3, align: Anchor::End },
    Column { heading: "Buy and hold", width: 70.3, align: Anchor::End },
];

/// Marks of footnotes, in their order.
const MARKS: [char; 9] = ['¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

pub(crate) fn draw(paper: &mut Paper, report: &Report) {
    tiles(paper, report);
    let half = METRICS.len().div_ceil(2);
    let table = |left| Table { left, columns: &COLUMNS, row_height: 12.4, size: 7.3, striped: true };
    let height = table(MARGIN).height(half);
    paper.heading("Key figures", height + 20.0);
    let top = paper.y();
    let mut notes = Footnotes::default();
    for (side, figures) in METRICS.chunks(half).enumerate() {
        let table = table(MARGIN + side as f32 * (WIDTH + GUTTER) / 2.0);
        table.headings(paper, top);
        for (index, figure) in figures.iter().enumerate() {
            let of = |notes: &mut Footnotes, metrics: &Metrics, reasons: &BTreeMap<String, String>| {
                let text = figure.text(metrics, report.currency);
                notes.marked(text, reasons.get(figure.name))
            };
            let strategy = of(&mut notes, &report.metrics, &report.unavailable);
            let held = of(&mut notes, &report.benchmark.metrics, &report.benchmark.unavailable);
            let cells = [Cell::new(figure.label).coloured(MUTED), Cell::new(strategy).bold(), Cell::new(held)];
            table.row(paper, top, index, &cells);
        }
    }
    paper.skip(height + 4.0);
    if let Some(line) = notes.line() {
        paper.paragraph(&line, SMALL);
    }
    paper.skip(4.0);
}

fn tiles(paper: &mut Paper, report: &Report) {
    paper.need(TILE_HEIGHT);
    let top = paper.y();
    let width = (WIDTH - TILE_GAP * (HEADLINE.len() - 1) as f32) / HEADLINE.len() as f32;
    for (index, figure) in HEADLINE.iter().filter_map(|name| metric(name)).enumerate() {
        let left = MARGIN + index as f32 * (width + TILE_GAP);
        tile(paper, report, figure, (left, top), width);
    }
    paper.skip(TILE_HEIGHT + 6.0);
}

fn tile(paper: &mut Paper, report: &Report, figure: &Figure, (left, top): (f32, f32), width: f32) {
    paper.shade((left, top), (left + width, top + TILE_HEIGHT), STRIPE);
    let x = left + 8.0;
    let room = width - 16.0;
    let small = Style::new(6.8, Weight::Regular, MUTED);
    paper.put_fitting((x, top + 11.5), Anchor::Start, small, room, figure.label);
    let value = figure.text(&report.metrics, report.currency);
    paper.put_fitting((x, top + 28.5), Anchor::Start, Style::new(15.0, Weight::Bold, INK), room, &value);
    let held = format!("buy and hold {}", figure.text(&report.benchmark.metrics, report.currency));
    paper.put_fitting((x, top + 39.5), Anchor::Start, small, room, &held);
}

/// Reasons why figures are missing, each listed once.
#[derive(Default)]
struct Footnotes {
    reasons: Vec<String>,
}

impl Footnotes {
    /// The text, with a mark if it is a figure that could not be computed.
    fn marked(&mut self, text: String, reason: Option<&String>) -> String {
        let Some(reason) = reason.filter(|_| text == NOT_AVAILABLE) else { return text };
        let index = self.reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
            self.reasons.push(reason.clone());
            self.reasons.len() - 1
        });
        match MARKS.get(index) {
            Some(mark) => format!("{text} {mark}"),
            None => text,
        }
    }

    fn line(&self) -> Option<String> {
        let notes: Vec<String> =
            MARKS.iter().zip(&self.reasons).map(|(mark, reason)| format!("{mark} {}", explained(reason))).collect();
        (!notes.is_empty()).then(|| format!("{NOT_AVAILABLE}: {}.", notes.join("; ")))
    }
}

/// A reason in words; an unknown one is shown by its name.
pub(crate) fn explained(reason: &str) -> String {
    match reason {
        "span_under_one_year" => "the span is under one year",
        "few_returns" => "too few returns",
        "no_closed_trades" => "no closed trades",
        "few_trades" => "fewer than two closed trades",
        "no_gains" => "no closed trade made a gain",
        "no_losses" => "no closed trade made a loss",
        "no_deviation" => "all values are equal",
        "no_downside" => "no return is negative",
        "no_drawdown" => "there was no drawdown",
        "not_finite" => "the result is not a finite number",
        "few_origins" => "too few earlier forecasts to score",
        "pending" => "some days are still to come",
        "flat_prices" => "the price did not change",
        "naive_is_exact" => "the naive forecast made no error",
        other => return other.replace('_', " "),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_listed_once_and_marked_at_every_missing_figure() {
        let mut notes = Footnotes::default();
        let (few, none) = ("few_returns".to_owned(), "no_losses".to_owned());
        assert_eq!(notes.marked("n/a".to_owned(), Some(&few)), "n/a ¹");
        assert_eq!(notes.marked("n/a".to_owned(), Some(&none)), "n/a ²");
        assert_eq!(notes.marked("n/a".to_owned(), Some(&few)), "n/a ¹");
        assert_eq!(notes.marked("1.00".to_owned(), None), "1.00");
        assert_eq!(notes.line().unwrap(), "n/a: ¹ too few returns; ² no closed trade made a loss.");
    }
}
