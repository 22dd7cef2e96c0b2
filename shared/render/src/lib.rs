//! One report object, rendered as charts (SVG) and as a PDF from the same figures.
//!
//! Pure: a [`Report`] and its [`ChartData`] in, text or bytes out. The crate depends on `domain` and on `quant`, whose
//! figures it formats and never computes. It is the only crate that uses plotters and printpdf. It reads no files: the
//! font is built in.
//!
//! - The same input gives the same bytes.
//! - A chart is drawn once, as a sketch; the SVG and the PDF both come from it.
//! - Every figure in the PDF is formatted by [`figures`], so that tests can look for the same text.
//! - A figure without a value is shown as not available, never as 0.
//! - Text from outside is escaped in an SVG; in the PDF it is wrapped or truncated to its place.
//! - A PDF has at most four pages, whatever the report contains.

#[cfg(test)]
extern crate self as render;

pub mod chart;
pub mod error;
pub mod figures;
mod palette;
mod pdf;
pub mod report;
mod sketch;
mod typeface;

pub use chart::Chart;
pub use error::RenderError;
pub use pdf::pdf;
pub use report::{ChartData, Report};

use sketch::{Anchor, Sketch, Text};
use typeface::Weight;

/// Width and height of a stand-alone chart, in points.
const CHART_SIZE: (f32, f32) = (520.0, 240.0);

/// The most warnings in the description of a chart; the JSON has all.
const DESCRIBED_WARNINGS: usize = 8;

/// Height above a stand-alone chart for its heading.
const HEADING: f32 = 22.0;

/// A chart of the report as an SVG document.
pub fn svg(report: &Report, data: &ChartData, chart: Chart) -> Result<String, RenderError> {
    let (width, height) = CHART_SIZE;
    let margin = 8.0;
    let mut sheet = Sketch::new(width + 2.0 * margin, height + HEADING + margin);
    let title = format!("{} ({}): {}", report.name, report.symbol, chart.title());
    let heading = format!("{}: {}", report.heading(), chart.title());
    sheet.text(Text {
        x: margin + 2.0,
        baseline: 15.0,
        anchor: Anchor::Start,
        size: 9.5,
        weight: Weight::Bold,
        colour: palette::INK,
        content: heading,
    });
    sheet.place(chart::draw(report, data, chart, CHART_SIZE)?, (margin, HEADING));
    Ok(chart::svg::write(&sheet, chart.name(), &title, &description(report, chart)))
}

/// A description for readers who cannot see the chart.
fn description(report: &Report, chart: Chart) -> String {
    let span = format!("{} to {}, prices from {}.", report.from, report.to, report.source);
    let figure = |name: &str| {
        let Some(figure) = figures::metric(name) else { return String::new() };
        let of = |metrics| figure.text(metrics, report.currency);
        format!("{}: strategy {}, buy and hold {}.", figure.label, of(&report.metrics), of(&report.benchmark.metrics))
    };
    let shown = match chart {
        Chart::Price => format!("Daily closes, {span} {} closed trades.", report.trades.len()),
        Chart::Equity => format!("{} {span}", figure("final_equity")),
        Chart::Drawdown => format!("{} {span}", figure("max_drawdown")),
        Chart::Forecast => match &report.forecast {
            Some(forecast) => {
                format!("Model {}, {} trading days ahead from {}.", forecast.model, forecast.horizon, forecast.as_of)
            }
            None => format!("No forecast. {span}"),
        },
    };
    let warnings = report.warnings.iter().take(DESCRIBED_WARNINGS).map(|warning| warning.detail.as_str());
    std::iter::once(shown.as_str()).chain(warnings).collect::<Vec<_>>().join(" ")
}
