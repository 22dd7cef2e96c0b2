//! The returns of the strategy by year and month.

use crate::figures::percent_points;
use crate::palette::{BLUE, GREY, MUTED, STRIPE, VERMILLION, tint};
use crate::pdf::paper::{MARGIN, Paper, WIDTH};
use crate::pdf::style::SMALL;
use crate::pdf::table::{Cell, Column, Table};
use crate::report::Report;
use crate::sketch::Anchor;

/// The most years shown; of a longer span the latest.
const MOST_YEARS: usize = 30;

/// The monthly return at which the shade is strongest.
const STRONGEST_AT: f64 = 0.12;

const YEAR: Column = Column { heading: "Year", width: 36.0, align: Anchor::Start };

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) fn draw(paper: &mut Paper, report: &Report) {
    let years = &report.monthly_returns;
    if years.is_empty() {
        return;
    }
    let skipped = years.len().saturating_sub(MOST_YEARS);
    let shown = &years[skipped..];
    let month_width = (WIDTH - YEAR.width - 46.0) / 12.0;
    let mut columns = vec![YEAR];
    columns.extend(MONTHS.map(|heading| Column { heading, width: month_width, align: Anchor::End }));
    columns.push(Column { heading: "Total", width: 46.0, align: Anchor::End });
    let table = Table { left: MARGIN, columns: &columns, row_height: 11.6, size: 6.7, striped: false };
    let height = table.height(shown.len());
    paper.heading("Monthly returns of the strategy, in percent", height);
    let top = paper.y();
    table.headings(paper, top);
    for (index, year) in shown.iter().enumerate() {
        let mut cells = vec![Cell::new(year.year.to_string()).bold().coloured(MUTED)];
        cells.extend(year.months.iter().map(|month| month.map_or_else(|| Cell::new(""), shaded)));
        cells.push(Cell::new(year.total.map_or_else(String::new, percent_points)).bold().shaded(STRIPE));
        table.row(paper, top, index, &cells);
    }
    paper.skip(height + 3.0);
    if skipped > 0 {
        paper.paragraph(&format!("The JSON also has the {skipped} years before {}.", shown[0].year), SMALL);
    }
    paper.skip(5.0);
}

fn shaded(value: f64) -> Cell {
    let written = percent_points(value);
    if written == percent_points(0.0) {
        return Cell::new(written).coloured(GREY);
    }
    let strength = (value.abs() / STRONGEST_AT).clamp(0.0, 1.0) as f32 * 0.34;
    let colour = if value < 0.0 { VERMILLION } else { BLUE };
    Cell::new(written).shaded(tint(colour, strength))
}
