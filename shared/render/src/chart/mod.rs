//! The four charts of a report, each drawn once: SVG and PDF come from the same sketch.

mod axis;
mod decimate;
mod drawdown;
mod equity;
pub(crate) mod forecast;
mod frame;
mod legend;
mod price;
mod scale;
pub(crate) mod svg;

use domain::Day;
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::RenderError;
use crate::report::{ChartData, Report};
use crate::sketch::{Canvas, Sketch};

/// A chart of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReportChart)]
pub enum Chart {
    /// Closes with moving averages, entries and exits.
    Price,
    /// Equity against buy and hold.
    Equity,
    /// Falls from the last peak, against buy and hold.
    Drawdown,
    /// An earlier forecast compared with the actual prices, and today's forecast.
    Forecast,
}

impl Chart {
    /// Every chart, in the order of the PDF.
    pub const ALL: [Self; 4] = [Self::Price, Self::Equity, Self::Drawdown, Self::Forecast];

    /// The name in requests: `price`, `equity`, `drawdown`, `forecast`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Equity => "equity",
            Self::Drawdown => "drawdown",
            Self::Forecast => "forecast",
        }
    }

    /// The heading of the chart.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Price => "Price, entries and exits",
            Self::Equity => "Equity against buy and hold",
            Self::Drawdown => "Drawdown",
            Self::Forecast => "Forecast: checked against actual prices, and today's",
        }
    }
}

impl From<DrawingAreaErrorKind<std::convert::Infallible>> for RenderError {
    fn from(error: DrawingAreaErrorKind<std::convert::Infallible>) -> Self {
        Self::Drawing(error.to_string())
    }
}

/// Draws a chart on `width` by `height` points.
pub(crate) fn draw(
    report: &Report,
    data: &ChartData,
    chart: Chart,
    (width, height): (f32, f32),
) -> Result<Sketch, RenderError> {
    data.check()?;
    let mut sketch = Sketch::new(width, height);
    let area = Canvas::new(&mut sketch).into_drawing_area();
    match chart {
        Chart::Price => price::draw(&area, report, data)?,
        Chart::Equity => equity::draw(&area, report, data)?,
        Chart::Drawdown => drawdown::draw(&area, data)?,
        Chart::Forecast => forecast::draw(&area, report, data)?,
    }
    drop(area);
    Ok(sketch)
}

impl ChartData {
    /// Checks that there is a day to draw, and one value per date in every column.
    pub(crate) fn check(&self) -> Result<(), RenderError> {
        let expected = self.dates.len();
        if expected == 0 {
            return Err(RenderError::NoData);
        }
        let columns = [
            ("close", self.close.len()),
            ("equity", self.equity.len()),
            ("benchmark_equity", self.benchmark_equity.len()),
            ("drawdown", self.drawdown.len()),
            ("benchmark_drawdown", self.benchmark_drawdown.len()),
        ];
        let overlays = self.overlays.iter().map(|overlay| (overlay.label.as_str(), overlay.values.len()));
        match columns.into_iter().chain(overlays).find(|column| column.1 != expected) {
            Some((column, found)) => Err(RenderError::ColumnLength { column: column.to_owned(), expected, found }),
            None => Ok(()),
        }
    }

    /// The first and the last day.
    fn span(&self) -> Result<(Day, Day), RenderError> {
        self.dates.first().copied().zip(self.dates.last().copied()).ok_or(RenderError::NoData)
    }

    /// A column as points of a chart.
    fn series<'a>(&'a self, column: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
        self.dates.iter().map(|day| day.days_since_epoch()).zip(column.iter().copied())
    }
}
