//! The legend: rows above the plot, so that it never covers data.

use plotters::element::{PathElement, Polygon};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::chart::axis::LETTER;
use crate::chart::frame::{Area, fill, stroke, text_style, width};
use crate::error::RenderError;
use crate::palette::{INK, MUTED, Rgb};
use crate::sketch::units;
use crate::typeface::{Weight, text_width};

/// Height of a row of the legend in points.
pub(crate) const LEGEND: f32 = 12.0;

const LEFT: f32 = 2.0;
const SWATCH: f32 = 12.0;
const GAP: f32 = 4.0;
const BETWEEN: f32 = 14.0;

/// How a series is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Line(Rgb),
    Area(Rgb),
    Up(Rgb),
    Down(Rgb),
}

/// Height in points of the entries in an area of this width.
pub(crate) fn height(entries: &[(Key, &str)], width: f32) -> f32 {
    LEGEND * f32::from(1 + places(entries, width).last().map_or(0, |place| place.1))
}

/// Left end and row of each entry: as many in a row as fit.
fn places(entries: &[(Key, &str)], width: f32) -> Vec<(f32, u16)> {
    let (mut x, mut row) = (LEFT, 0);
    let place = |(_, label): &(Key, &str)| {
        let needed = SWATCH + GAP + text_width(label, LETTER, Weight::Regular);
        if x > LEFT && x + needed > width {
            (x, row) = (LEFT, row + 1);
        }
        let place = (x, row);
        x += needed + BETWEEN;
        place
    };
    entries.iter().map(place).collect()
}

/// Draws the entries from the left, and a remark at the right end of the last row if there is room for it.
pub(crate) fn draw(area: &Area<'_>, entries: &[(Key, &str)], remark: Option<&str>) -> Result<(), RenderError> {
    let middle_of = |row: u16| LEGEND * (f32::from(row) + 0.5);
    let places = places(entries, width(area));
    for ((key, label), &(x, row)) in entries.iter().zip(&places) {
        let middle = middle_of(row);
        swatch(area, *key, (x, middle))?;
        let style = text_style(INK, Weight::Regular).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(label, &style, (units(x + SWATCH + GAP), units(middle)))?;
    }
    let last = entries.last().zip(places.last());
    let (used, row) = last.map_or((LEFT, 0), |((_, label), &(x, row))| {
        (x + SWATCH + GAP + text_width(label, LETTER, Weight::Regular) + BETWEEN, row)
    });
    if let Some(remark) = remark {
        let right = width(area) - 14.0;
        if right - text_width(remark, LETTER, Weight::Regular) > used {
            let style = text_style(MUTED, Weight::Regular).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw_text(remark, &style, (units(right), units(middle_of(row))))?;
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

/// A triangle with its tip at a position; upright if `height` (in points) is positive.
pub(crate) fn triangle(area: &Area<'_>, (x, y): (i32, i32), height: f32, colour: Rgb) -> Result<(), RenderError> {
    let half = units(height.abs() * 0.58);
    let base = y + units(height);
    area.draw(&Polygon::new(vec![(x, y), (x + half, base), (x - half, base)], fill(colour)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_do_not_fit_go_into_the_next_row() {
        let entries = [(Key::Line(INK), "bollinger_upper(20, 2)"); 6];
        let places = places(&entries, 300.0);
        assert_eq!(places.iter().map(|place| place.1).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        assert!((height(&entries, 300.0) - 3.0 * LEGEND).abs() < 1e-4);
        assert!((height(&entries[..1], 10.0) - LEGEND).abs() < 1e-4, "an entry that is too wide is alone in its row");
    }
}
