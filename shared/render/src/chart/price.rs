//! The price chart: closes with the lines over them, and the strategy's purchases and sales.

use domain::Day;

use crate::chart::axis::{DateAxis, ValueAxis};
use crate::chart::decimate::decimate;
use crate::chart::frame::{self, Area, line, plot, plot_height, plot_width, width};
use crate::chart::legend::{self, Key, triangle};
use crate::chart::scale::Label;
use crate::error::RenderError;
use crate::figures;
use crate::palette::{GREEN, INK, OVERLAYS, VERMILLION};
use crate::report::{ChartData, Overlay, Report};
use crate::sketch::units;

/// Heights of the markers in points: smaller for more trades, so that the price stays visible.
fn marker_height(trades: usize) -> f32 {
    match trades {
        0..=40 => 6.0,
        41..=150 => 4.0,
        _ => 2.4,
    }
}

pub(crate) fn draw(area: &Area<'_>, report: &Report, data: &ChartData) -> Result<(), RenderError> {
    let drawn = || data.overlays.iter().zip(OVERLAYS);
    let mut entries = vec![(Key::Line(INK), "Close")];
    entries.extend(drawn().map(|(overlay, colour)| (Key::Line(colour), overlay.label.as_str())));
    if !report.trades.is_empty() || report.open_trade.is_some() {
        entries.push((Key::Up(GREEN), "Entry"));
    }
    if !report.trades.is_empty() {
        entries.push((Key::Down(VERMILLION), "Exit"));
    }
    let (head, body) = area.split_vertically(units(legend::height(&entries, width(area))));
    let overlays = drawn().flat_map(|(overlay, _)| overlay.values.iter().flatten().copied());
    let label = Label::Money(figures::symbol(report.currency));
    let values = ValueAxis::of_prices(data.close.iter().copied().chain(overlays), plot_height(&body), label);
    let (first, last) = data.span()?;
    let columns = frame::columns(&body);
    let dates = DateAxis::new(first, last, plot_width(&body, &values));
    legend::draw(&head, &entries, remark(data.overlays.len(), values.is_logarithmic()).as_deref())?;

    let mut plot = plot(&body, dates, values)?;
    line(&mut plot, decimate(data.series(&data.close), columns), INK, 0.8)?;
    for (overlay, colour) in drawn() {
        for run in unbroken_runs(data, overlay) {
            line(&mut plot, decimate(run, columns / 2), colour, 1.0)?;
        }
    }

    let height = marker_height(report.trades.len());
    let at = |day: Day| {
        let index = data.dates.binary_search(&day).ok()?;
        Some(plot.backend_coord(&(day.days_since_epoch(), data.close[index])))
    };
    let open = report.open_trade.iter().map(|trade| trade.entry_date);
    for (x, y) in report.trades.iter().map(|trade| trade.entry_date).chain(open).filter_map(at) {
        triangle(area, (x, y + units(2.0)), height, GREEN)?;
    }
    for (x, y) in report.trades.iter().filter_map(|trade| at(trade.exit_date)) {
        triangle(area, (x, y - units(2.0)), -height, VERMILLION)?;
    }
    Ok(())
}

/// What the chart does not show by itself.
fn remark(overlays: usize, is_logarithmic: bool) -> Option<String> {
    let more = overlays.saturating_sub(OVERLAYS.len());
    let more = (more > 0).then(|| format!("{more} more indicators not drawn"));
    let parts: Vec<String> = more.into_iter().chain(is_logarithmic.then(|| "logarithmic scale".to_owned())).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The stretches of an overlay with a value on every day.
fn unbroken_runs(data: &ChartData, overlay: &Overlay) -> Vec<Vec<(i32, f64)>> {
    let mut runs = vec![Vec::new()];
    for (day, value) in data.dates.iter().zip(&overlay.values) {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((day.days_since_epoch(), *value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_lines_are_counted() {
        assert_eq!(remark(4, false), None);
        assert_eq!(remark(4, true).unwrap(), "logarithmic scale");
        assert_eq!(remark(6, false).unwrap(), "2 more indicators not drawn");
    }

    #[test]
    fn a_moving_average_is_not_drawn_across_days_without_one() {
        let dates = ["2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01"].map(|day| day.parse().unwrap()).to_vec();
        let data = ChartData { dates, ..ChartData::default() };
        let overlay = Overlay { label: "SMA 2".to_owned(), values: vec![None, Some(1.0), None, Some(2.0)] };
        let runs = unbroken_runs(&data, &overlay);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    }
}
