//! The legend: a row above the plot, so that it never covers data.

use plotters::element::{PathElement, Polygon};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::RenderError;
use crate::chart::Area;
use crate::chart::frame::{LETTER, fill, letters, stroke, width};
use crate::palette::{INK, MUTED, Rgb};
use crate::sketch::units;
use crate::typeface::{Weight, text_width};

/// Height of the legend's row in points.
pub(crate) const LEGEND: f32 = 12.0;

const SWATCH: f32 = 12.0;
const GAP: f32 = 4.0;
const BETWEEN: f32 = 14.0;

/// How a series looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Line(Rgb),
    Area(Rgb),
    Up(Rgb),
    Down(Rgb),
}

/// Draws the entries from the left and a remark at the right end, where there is room for it.
pub(crate) fn draw(area: &Area<'_>, entries: &[(Key, &str)], remark: Option<&str>) -> Result<(), RenderError> {
    let middle = LEGEND / 2.0;
    let mut x = 2.0;
    for (key, label) in entries {
        swatch(area, *key, (x, middle))?;
        let style = letters(INK, Weight::Regular).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(label, &style, (units(x + SWATCH + GAP), units(middle)))?;
        x += SWATCH + GAP + text_width(label, LETTER, Weight::Regular) + BETWEEN;
    }
    if let Some(remark) = remark {
        let right = width(area) - 14.0;
        if right - text_width(remark, LETTER, Weight::Regular) > x {
            let style = letters(MUTED, Weight::Regular).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw_text(remark, &style, (units(right), units(middle)))?;
        }
    }
    Ok(())
}

fn swatch(area: &Area<'_>, key: Key, (left, middle): (f32, f32)) -> Result<(), RenderError> {
    let centre = (units(left + SWATCH / 2.0), units(middle));
    match key {
        Key::Line(colour) => {
            let points = vec![(units(left), centre.1), (units(left + SWATCH), centre.1)];
            area.draw(&PathElement::new(points, stroke(colour, 1.6)))?;
        }
        Key::Area(colour) => {
            let (top, bottom) = (units(middle - 3.0), units(middle + 3.0));
            let (left, right) = (units(left), units(left + SWATCH));
            area.draw(&Polygon::new(vec![(left, top), (right, top), (right, bottom), (left, bottom)], fill(colour)))?;
        }
        Key::Up(colour) => triangle(area, (centre.0, units(middle - 2.6)), 5.2, colour)?,
        Key::Down(colour) => triangle(area, (centre.0, units(middle + 2.6)), -5.2, colour)?,
    }
    Ok(())
}

/// A triangle with its tip at a place; upright when `height` (in points) is positive.
pub(crate) fn triangle(area: &Area<'_>, (x, y): (i32, i32), height: f32, colour: Rgb) -> Result<(), RenderError> {
    let half = units(height.abs() * 0.58);
    let base = y + units(height);
    area.draw(&Polygon::new(vec![(x, y), (x + half, base), (x - half, base)], fill(colour)))?;
    Ok(())
}
