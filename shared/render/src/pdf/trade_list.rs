//! The trades, as many as fit on the pages.

use quant::backtest::{OpenTrade, Trade};

use crate::figures::{money, number, percent, price, quantity};
use crate::palette::{INK, MUTED, Rgb, VERMILLION};
use crate::pdf::paper::{FULL_PAGE, MARGIN, MAX_PAGES, Paper};
use crate::pdf::style::{BODY, SMALL};
use crate::pdf::table::{Cell, Column, Table};
use crate::report::Report;
use crate::sketch::Anchor;

const COLUMNS: [Column; 9] = [
    Column { heading: "Bought", width: 52.0, align: Anchor::Start },
    Column { heading: "at", width: 58.0, align: Anchor::End },
    Column { heading: "Sold", width: 70.0, align: Anchor::Middle },
    Column { heading: "at", width: 58.0, align: Anchor::End },
    Column { heading: "Units", width: 58.0, align: Anchor::End },
    Column { heading: "Days", width: 36.0, align: Anchor::End },
    Column { heading: "Fees", width: 51.0, align: Anchor::End },
    Column { heading: "Return", width: 52.0, align: Anchor::End },
    Column { heading: "Gain or loss", width: 68.0, align: Anchor::End },
];

const TABLE: Table<'static> = Table { left: MARGIN, columns: &COLUMNS, row_height: 11.2, size: 6.8, striped: true };

/// Fewest rows for which a table is started at the foot of a page.
const FEWEST_ROWS: usize = 3;

/// Draws the list; `closing` is the height that must stay free after it.
pub(crate) fn draw(paper: &mut Paper, report: &Report, closing: f32) {
    let rows = rows(report);
    paper.heading("Trades", TABLE.height(rows.len().clamp(1, FEWEST_ROWS)));
    if rows.is_empty() {
        paper.paragraph("The strategy made no trades in this span.", BODY);
        paper.skip(6.0);
        return;
    }
    let capacity = capacity(paper, closing);
    let shown = &rows[..rows.len().min(capacity)];
    let mut rest = shown;
    while !rest.is_empty() {
        let fits = rows_in(paper.room());
        let (page, later) = rest.split_at(rest.len().min(fits.max(1)));
        let top = paper.y();
        TABLE.headings(paper, top);
        for (index, cells) in page.iter().enumerate() {
            TABLE.row(paper, top, index, cells);
        }
        paper.skip(TABLE.height(page.len()));
        rest = later;
        if !rest.is_empty() {
            paper.need(f32::INFINITY);
        }
    }
    paper.skip(3.0);
    let (shown, all) = (shown.len(), rows.len());
    if shown < all {
        let (shown, all) = (number(shown as f64, 0), number(all as f64, 0));
        paper.paragraph(&format!("The first {shown} of {all} trades; the JSON has all of them."), SMALL);
    }
    paper.paragraph("Prices and units are as of their own day. The gain or loss includes dividends and splits.", SMALL);
    paper.skip(5.0);
}

/// Rows that fit on this page and the following ones when `closing` points stay free at the end.
fn capacity(paper: &Paper, closing: f32) -> usize {
    let remarks = 2.0 * SMALL.leading() + 10.0;
    let later_pages = MAX_PAGES - paper.page_number();
    if later_pages == 0 {
        return rows_in(paper.room() - closing - remarks).max(1);
    }
    let last = rows_in(FULL_PAGE - closing - remarks);
    rows_in(paper.room()) + (later_pages - 1) * rows_in(FULL_PAGE) + last
}

fn rows_in(height: f32) -> usize {
    ((height - TABLE.height(0)) / TABLE.row_height).floor().max(0.0) as usize
}

fn rows(report: &Report) -> Vec<Vec<Cell>> {
    let closed = report.trades.iter().map(|trade| closed_row(report, trade));
    closed.chain(report.open_trade.iter().map(|trade| open_row(report, trade))).collect()
}

fn tone(value: f64) -> Rgb {
    if value < 0.0 { VERMILLION } else { INK }
}

fn closed_row(report: &Report, trade: &Trade) -> Vec<Cell> {
    vec![
        Cell::new(trade.entry_date.to_string()),
        Cell::new(price(trade.entry_price)),
        Cell::new(trade.exit_date.to_string()),
        Cell::new(price(trade.exit_price)),
        Cell::new(quantity(trade.quantity)),
        Cell::new(number(f64::from(trade.days), 0)),
        Cell::new(money(trade.fees, report.currency)),
        Cell::new(percent(trade.return_)).coloured(tone(trade.return_)),
        Cell::new(money(trade.pnl, report.currency)).coloured(tone(trade.pnl)),
    ]
}

fn open_row(report: &Report, trade: &OpenTrade) -> Vec<Cell> {
    vec![
        Cell::new(trade.entry_date.to_string()),
        Cell::new(price(trade.entry_price)),
        Cell::new("still held").coloured(MUTED),
        Cell::new(price(trade.last_price)),
        Cell::new(quantity(trade.quantity)),
        Cell::new(number(f64::from(trade.days), 0)),
        Cell::new(money(trade.fees, report.currency)),
        Cell::new(percent(trade.return_)).coloured(tone(trade.return_)),
        Cell::new(money(trade.pnl, report.currency)).coloured(tone(trade.pnl)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_between_the_margins() {
        let width: f32 = COLUMNS.iter().map(|column| column.width).sum();
        assert!(width <= crate::pdf::paper::WIDTH && width > crate::pdf::paper::WIDTH - 4.0, "{width}");
    }

    #[test]
    fn a_page_holds_as_many_rows_as_its_height_allows() {
        assert_eq!(rows_in(TABLE.height(7)), 7);
        assert_eq!(rows_in(TABLE.height(7) - 0.1), 6);
        assert_eq!(rows_in(-5.0), 0);
    }
}
