//! Two panels: an earlier forecast with the actual prices, and today's forecast.

use domain::Day;
use plotters::element::Polygon;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use quant::forecast::Point;

use crate::chart::axis::{DateAxis, ValueAxis};
use crate::chart::frame::{Area, fill, line, plot, plot_height, plot_width, text_style, width};
use crate::chart::legend::{self, Key, LEGEND};
use crate::chart::scale::Label;
use crate::error::RenderError;
use crate::figures;
use crate::palette::{BLUE, INK, MUTED, Rgb, VERMILLION, tint};
use crate::report::{ChartData, Report};
use crate::sketch::units;
use crate::typeface::Weight;

/// Closes shown before the forecast.
const HISTORY: usize = 90;

/// Height of a panel's heading in points.
const HEADING: f32 = 17.0;

/// Opacity of the bands: the wider one is paler.
const BAND_95: f32 = 0.14;
const BAND_80: f32 = 0.32;

/// Shown in place of a forecast that could not be made.
pub(crate) const MISSING: &str = "No forecast: there are too few bars, or the span ends before the last bar.";

/// A panel's content.
struct Panel {
    heading: String,
    as_of: Day,
    last_price: f64,
    points: Vec<Point>,
    actual: Vec<(i32, f64)>,
}

pub(crate) fn draw(area: &Area<'_>, report: &Report, data: &ChartData) -> Result<(), RenderError> {
    let (head, body) = area.split_vertically(units(LEGEND));
    let (check, today) = (checked(report), todays(report));
    if check.is_some() || today.is_some() {
        let entries = [
            (Key::Line(INK), "Close"),
            (Key::Line(BLUE), "Forecast"),
            (Key::Area(tint(BLUE, BAND_80)), "80 % band"),
            (Key::Area(tint(BLUE, BAND_95)), "95 % band"),
            (Key::Line(VERMILLION), "Actual price"),
        ];
        legend::draw(&head, &entries, None)?;
    }
    let (left, right) = body.split_horizontally(units(width(&body) / 2.0));
    let label = Label::Money(figures::symbol(report.currency));
    match check {
        Some(panel) => draw_panel(&left, &panel, data, label.clone())?,
        None => draw_missing(&left, "No forecast to check: there are too few bars before the end of the span.")?,
    }
    match today {
        Some(panel) => draw_panel(&right, &panel, data, label),
        None => draw_missing(&right, MISSING),
    }
}

fn checked(report: &Report) -> Option<Panel> {
    let check = report.forecast_check.as_ref().filter(|check| !check.points.is_empty())?;
    let came = check.points.iter().filter_map(|step| Some((step.point.date.days_since_epoch(), step.actual?)));
    Some(Panel {
        heading: format!("As of {}, made in hindsight", check.as_of),
        as_of: check.as_of,
        last_price: check.last_price,
        points: check.points.iter().map(|step| step.point).collect(),
        actual: std::iter::once((check.as_of.days_since_epoch(), check.last_price)).chain(came).collect(),
    })
}

fn todays(report: &Report) -> Option<Panel> {
    let forecast = report.forecast.as_ref().filter(|forecast| !forecast.points.is_empty())?;
    Some(Panel {
        heading: format!("As of {}, {} trading days ahead", forecast.as_of, forecast.horizon),
        as_of: forecast.as_of,
        last_price: forecast.last_price,
        points: forecast.points.clone(),
        actual: Vec::new(),
    })
}

fn draw_panel(area: &Area<'_>, panel: &Panel, data: &ChartData, label: Label) -> Result<(), RenderError> {
    let (head, body) = area.split_vertically(units(HEADING));
    let style = text_style(INK, Weight::Bold).pos(Pos::new(HPos::Left, VPos::Center));
    head.draw_text(&panel.heading, &style, (units(2.0), units(HEADING - 6.0)))?;

    let end = data.dates.partition_point(|&day| day <= panel.as_of);
    let start = end.saturating_sub(HISTORY);
    let history: Vec<(i32, f64)> = data.series(&data.close).skip(start).take(end - start).collect();
    let bands = panel.points.iter().flat_map(|point| [point.lower_95, point.upper_95]);
    let shown = history.iter().chain(&panel.actual).map(|point| point.1).chain(bands);
    let values = ValueAxis::of_prices(shown, plot_height(&body), label);
    let first = data.dates.get(start).copied().filter(|_| !history.is_empty()).unwrap_or(panel.as_of);
    let last = panel.points.last().map_or(panel.as_of, |point| point.date);
    let dates = DateAxis::new(first, last, plot_width(&body, &values));
    let mut plot = plot(&body, dates, values)?;

    let origin = (panel.as_of.days_since_epoch(), panel.last_price);
    for (colour, band) in [
        (tint(BLUE, BAND_95), (|point| (point.lower_95, point.upper_95)) as fn(&Point) -> (f64, f64)),
        (tint(BLUE, BAND_80), |point| (point.lower_80, point.upper_80)),
    ] {
        plot.draw_series(std::iter::once(band_area(origin, &panel.points, band, colour)))?;
    }
    line(&mut plot, history, INK, 0.9)?;
    let path = panel.points.iter().map(|point| (point.date.days_since_epoch(), point.value));
    line(&mut plot, std::iter::once(origin).chain(path).collect(), BLUE, 1.2)?;
    line(&mut plot, panel.actual.clone(), VERMILLION, 1.2)
}

/// The area between the two ends of a band, starting at the last known close.
fn band_area(origin: (i32, f64), points: &[Point], band: fn(&Point) -> (f64, f64), colour: Rgb) -> Polygon<(i32, f64)> {
    let day = |point: &Point| point.date.days_since_epoch();
    let upper = points.iter().map(|point| (day(point), band(point).1));
    let lower = points.iter().rev().map(|point| (day(point), band(point).0));
    Polygon::new(std::iter::once(origin).chain(upper).chain(lower).collect::<Vec<_>>(), fill(colour))
}

fn draw_missing(area: &Area<'_>, text: &str) -> Result<(), RenderError> {
    let (width, height) = area.dim_in_pixel();
    let style = text_style(MUTED, Weight::Regular).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(text, &style, (width as i32 / 2, height as i32 / 2))?;
    Ok(())
}
