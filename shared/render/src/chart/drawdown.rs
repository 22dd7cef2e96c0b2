//! The drawdown chart: how far equity was below its last peak.

use plotters::series::AreaSeries;

use crate::chart::axis::{DateAxis, ValueAxis};
use crate::chart::decimate::decimate;
use crate::chart::frame::{self, Area, fill, line, plot, plot_height, plot_width};
use crate::chart::legend::{self, Key, LEGEND};
use crate::error::RenderError;
use crate::palette::{BLUE, GREY, tint};
use crate::report::ChartData;
use crate::sketch::units;

/// Opacity of the area under the strategy's drawdown.
const AREA_TINT: f32 = 0.3;

pub(crate) fn draw(area: &Area<'_>, data: &ChartData) -> Result<(), RenderError> {
    let (head, body) = area.split_vertically(units(LEGEND));
    let both = data.drawdown.iter().chain(&data.benchmark_drawdown).copied();
    let values = ValueAxis::of_drawdowns(both, plot_height(&body));
    let (first, last) = data.span()?;
    let columns = frame::columns(&body);
    let dates = DateAxis::new(first, last, plot_width(&body, &values));
    legend::draw(&head, &[(Key::Area(tint(BLUE, AREA_TINT)), "Strategy"), (Key::Line(GREY), "Buy and hold")], None)?;
    let mut plot = plot(&body, dates, values)?;
    let strategy = decimate(data.series(&data.drawdown), columns);
    plot.draw_series(AreaSeries::new(strategy.iter().copied(), 0.0, fill(tint(BLUE, AREA_TINT))))?;
    line(&mut plot, decimate(data.series(&data.benchmark_drawdown), columns), GREY, 0.7)?;
    line(&mut plot, strategy, BLUE, 0.7)
}
