//! The equity chart: the strategy against buy and hold.

use crate::chart::axis::{DateAxis, ValueAxis};
use crate::chart::decimate::decimate;
use crate::chart::frame::{self, Area, line, plot, plot_height, plot_width};
use crate::chart::legend::{self, Key, LEGEND};
use crate::chart::scale::Label;
use crate::error::RenderError;
use crate::figures;
use crate::palette::{BLUE, GREY};
use crate::report::{ChartData, Report};
use crate::sketch::units;

pub(crate) fn draw(area: &Area<'_>, report: &Report, data: &ChartData) -> Result<(), RenderError> {
    let (head, body) = area.split_vertically(units(LEGEND));
    let both = data.equity.iter().chain(&data.benchmark_equity).copied();
    let label = Label::Money(figures::symbol(report.currency));
    let values = ValueAxis::of_prices(both, plot_height(&body), label);
    let (first, last) = data.span()?;
    let columns = frame::columns(&body);
    let dates = DateAxis::new(first, last, plot_width(&body, &values));
    let entries = [(Key::Line(BLUE), "Strategy"), (Key::Line(GREY), "Buy and hold")];
    legend::draw(&head, &entries, values.is_logarithmic().then_some("logarithmic scale"))?;
    let mut plot = plot(&body, dates, values)?;
    line(&mut plot, decimate(data.series(&data.benchmark_equity), columns), GREY, 0.8)?;
    line(&mut plot, decimate(data.series(&data.equity), columns), BLUE, 1.1)
}
