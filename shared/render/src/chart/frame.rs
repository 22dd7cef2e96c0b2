//! The common frame of all charts: axes, grid and line styles.

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Polygon};
use plotters::style::{Color, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};

use crate::chart::axis::{DateAxis, LABEL_OVERHANG, LETTER, ValueAxis};
use crate::error::RenderError;
use crate::palette::{GREY, GRID, MUTED, Rgb};
use crate::sketch::{Canvas, units};
use crate::typeface::{Weight, text_width};

/// Height of the labels under the plot.
const DATE_LABELS: f32 = 15.0;

/// Space right of the plot for half of the last date's label.
const RIGHT_MARGIN: f32 = LABEL_OVERHANG + 1.0;

/// Space above the plot for half of the highest label.
const TOP_MARGIN: f32 = 5.0;

const TICK: f32 = 2.5;

pub(crate) type Plot<'c, 'a> = ChartContext<'c, Canvas<'a>, Cartesian2d<DateAxis, ValueAxis>>;

/// The area that a chart is drawn on.
pub(crate) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// A line's colour and width in points.
pub(crate) fn stroke(colour: Rgb, width: f32) -> ShapeStyle {
    ShapeStyle { color: paint(colour).to_rgba(), filled: false, stroke_width: units(width).unsigned_abs() }
}

/// The fill of an area.
pub(crate) fn fill(colour: Rgb) -> ShapeStyle {
    paint(colour).filled()
}

fn paint((red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

/// The text style of a chart.
pub(crate) fn text_style(colour: Rgb, weight: Weight) -> TextStyle<'static> {
    let style = match weight {
        Weight::Regular => FontStyle::Normal,
        Weight::Bold => FontStyle::Bold,
    };
    let colour = paint(colour).to_backend_color();
    TextStyle { color: colour, ..TextStyle::from((FontFamily::SansSerif, f64::from(units(LETTER)), style)) }
}

/// Width in points left for the dates, after the value labels.
pub(crate) fn plot_width(area: &Area<'_>, values: &ValueAxis) -> f32 {
    width(area) - label_width(values) - RIGHT_MARGIN
}

/// Height in points left for the values.
pub(crate) fn plot_height(area: &Area<'_>) -> f32 {
    height(area) - DATE_LABELS - TOP_MARGIN
}

/// Width of an area in points.
pub(crate) fn width(area: &Area<'_>) -> f32 {
    area.dim_in_pixel().0 as f32 / units(1.0) as f32
}

/// Columns into which a long series is thinned: with a lowest and a highest point in each, neighbours are closer than a
/// line is wide.
pub(crate) fn columns(area: &Area<'_>) -> usize {
    (width(area) * 0.75) as usize
}

fn height(area: &Area<'_>) -> f32 {
    area.dim_in_pixel().1 as f32 / units(1.0) as f32
}

fn label_width(values: &ValueAxis) -> f32 {
    let widest = values.labels().map(|label| text_width(&label, LETTER, Weight::Regular)).fold(0.0, f32::max);
    widest + 2.0 * TICK + 1.0
}

/// Draws axes and grid on the area.
pub(crate) fn plot<'c, 'a>(
    area: &'c Area<'a>,
    dates: DateAxis,
    values: ValueAxis,
) -> Result<Plot<'c, 'a>, RenderError> {
    let left = units(label_width(&values));
    let mut plot = ChartBuilder::on(area)
        .margin_top(units(TOP_MARGIN))
        .margin_right(units(RIGHT_MARGIN))
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Bottom, units(DATE_LABELS))
        .build_cartesian_2d(dates, values)?;
    plot.configure_mesh()
        .disable_x_mesh()
        .max_light_lines(1)
        .bold_line_style(stroke(GRID, 0.5))
        .axis_style(stroke(GREY, 0.6))
        .label_style(text_style(MUTED, Weight::Regular))
        .set_all_tick_mark_size(units(TICK))
        .draw()?;
    Ok(plot)
}

/// A line through the points, or a dot if there is only one.
pub(crate) fn line(
    plot: &mut Plot<'_, '_>,
    points: Vec<(i32, f64)>,
    colour: Rgb,
    width: f32,
) -> Result<(), RenderError> {
    if let [point] = points.as_slice() {
        let (x, y) = plot.backend_coord(point);
        let half = units(width + 0.6);
        let (left, top) = plot.plotting_area().get_base_pixel();
        let corner = |right: i32, down: i32| (x - left + right * half, y - top + down * half);
        let dot = vec![corner(0, -1), corner(1, 0), corner(0, 1), corner(-1, 0)];
        plot.plotting_area().strip_coord_spec().draw(&Polygon::new(dot, fill(colour)))?;
    } else {
        plot.draw_series(std::iter::once(PathElement::new(points, stroke(colour, width))))?;
    }
    Ok(())
}
