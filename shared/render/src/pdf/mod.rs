//! The PDF: two to four A4 pages to give to a client.
//!
//! Pages are sketches like the charts; [`document`] turns their marks into PDF operations. The layout is decided here
//! and in the sections, the format of figures in [`crate::figures`].

mod closing;
mod document;
mod fonts;
mod key_figures;
#[cfg(test)]
mod layout_tests;
mod months;
mod outlook;
mod paper;
mod style;
mod table;
mod title;
mod trade_list;
mod wrap;

use crate::chart::{self, Chart};
use crate::error::RenderError;
use crate::pdf::paper::Paper;
use crate::report::{ChartData, Report};
use crate::sketch::Sketch;

/// Heights of the charts in points.
const EQUITY_HEIGHT: f32 = 152.0;
const DRAWDOWN_HEIGHT: f32 = 98.0;
const FORECAST_HEIGHT: f32 = 176.0;

/// The price chart takes what is left of its page, between these.
const PRICE_HEIGHTS: (f32, f32) = (170.0, 360.0);

/// Space under the last item on a page.
const AIR: f32 = 4.0;

/// The report as a PDF file.
///
/// The same report and data give the same bytes.
pub fn pdf(report: &Report, data: &ChartData) -> Result<Vec<u8>, RenderError> {
    document::write(report, &pages(report, data)?)
}

/// The pages, laid out.
pub(crate) fn pages(report: &Report, data: &ChartData) -> Result<Vec<Sketch>, RenderError> {
    data.check()?;
    let mut paper = Paper::new();
    title::draw(&mut paper, report);
    key_figures::draw(&mut paper, report);

    let (least, most) = PRICE_HEIGHTS;
    let room = paper.room_under_heading() - AIR;
    let height = if room < least { f32::midpoint(least, most) } else { room.min(most) };
    draw_chart(&mut paper, report, data, Chart::Price, height)?;
    draw_chart(&mut paper, report, data, Chart::Equity, EQUITY_HEIGHT)?;
    draw_chart(&mut paper, report, data, Chart::Drawdown, DRAWDOWN_HEIGHT)?;
    months::draw(&mut paper, report);
    if report.forecast.is_some() || report.forecast_check.is_some() {
        draw_chart(&mut paper, report, data, Chart::Forecast, FORECAST_HEIGHT)?;
    }
    outlook::draw(&mut paper, report);
    let closing = closing::Closing::of(report);
    trade_list::draw(&mut paper, report, closing.height());
    closing.draw(&mut paper);
    Ok(paper.finish(report))
}

fn draw_chart(
    paper: &mut Paper,
    report: &Report,
    data: &ChartData,
    chart: Chart,
    height: f32,
) -> Result<(), RenderError> {
    paper.heading(chart.title(), height);
    let sketch = chart::draw(report, data, chart, (paper::WIDTH, height))?;
    paper.sketch(sketch);
    Ok(())
}
