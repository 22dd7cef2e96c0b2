//! A drawing as a list of marks, from which SVG and PDF are written.
//!
//! Plotters draws into a [`Canvas`], which records marks in points; both outputs come from the same list and so show
//! the same.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use crate::palette::{Rgb, tint};
use crate::typeface::{ASCENT, CAP_HEIGHT, DESCENT, Weight, printable, text_width};

/// Plotters counts in whole units; this many make a point (1/72 inch).
pub(crate) const UNITS_PER_POINT: i32 = 20;

/// A position in points from the upper left corner.
pub(crate) type Place = (f32, f32);

/// How a text is aligned to its `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) x: f32,
    pub(crate) baseline: f32,
    pub(crate) anchor: Anchor,
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb,
    pub(crate) content: String,
}

/// One drawn element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    Line { points: Vec<Place>, colour: Rgb, width: f32 },
    Area { points: Vec<Place>, colour: Rgb },
    Text(Text),
}

/// The box of a text, in points from the upper left corner.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TextBox {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
}

/// Marks on a sheet, in drawing order.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) marks: Vec<Mark>,
}

impl Text {
    /// Left end of the text.
    pub(crate) fn left(&self) -> f32 {
        let width = text_width(&self.content, self.size, self.weight);
        match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        }
    }

    /// The box from the tallest to the lowest character.
    #[cfg(test)]
    pub(crate) fn bounds(&self) -> TextBox {
        let left = self.left();
        TextBox {
            left,
            top: self.baseline - ASCENT * self.size,
            right: left + text_width(&self.content, self.size, self.weight),
            bottom: self.baseline + DESCENT * self.size,
        }
    }
}

impl Sketch {
    pub(crate) fn new(width: f32, height: f32) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    /// Every text's box, with its content.
    #[cfg(test)]
    pub(crate) fn text_boxes(&self) -> impl Iterator<Item = (TextBox, &str)> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Text(text) => Some((text.bounds(), text.content.as_str())),
            Mark::Line { .. } | Mark::Area { .. } => None,
        })
    }

    pub(crate) fn line(&mut self, points: Vec<Place>, colour: Rgb, width: f32) {
        self.marks.push(Mark::Line { points, colour, width });
    }

    pub(crate) fn rectangle(&mut self, (left, top): Place, (right, bottom): Place, colour: Rgb) {
        let points = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
        self.marks.push(Mark::Area { points, colour });
    }

    /// Adds a text; characters that the font lacks are left out.
    pub(crate) fn text(&mut self, mut text: Text) {
        text.content = printable(&text.content, text.weight);
        self.marks.push(Mark::Text(text));
    }

    /// Adds another sketch's marks with its upper left corner at `(left, top)`.
    pub(crate) fn place(&mut self, other: Self, (left, top): Place) {
        let moved = |points: Vec<Place>| points.into_iter().map(|(x, y)| (x + left, y + top)).collect();
        self.marks.extend(other.marks.into_iter().map(|mark| match mark {
            Mark::Line { points, colour, width } => Mark::Line { points: moved(points), colour, width },
            Mark::Area { points, colour } => Mark::Area { points: moved(points), colour },
            Mark::Text(text) => Mark::Text(Text { x: text.x + left, baseline: text.baseline + top, ..text }),
        }));
    }
}

/// A length in points in plotters' whole units.
pub(crate) fn units(points: f32) -> i32 {
    (points * UNITS_PER_POINT as f32).round() as i32
}

fn points(units: i32) -> f32 {
    units as f32 / UNITS_PER_POINT as f32
}

/// The backend that plotters draws on.
pub(crate) struct Canvas<'a> {
    sketch: &'a mut Sketch,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Canvas<'a> {
    pub(crate) fn new(sketch: &'a mut Sketch) -> Self {
        Self { sketch }
    }

    fn line(&mut self, path: impl IntoIterator<Item = BackendCoord>, style: &impl BackendStyle) {
        let points: Vec<Place> = path.into_iter().map(place).collect();
        if points.len() > 1 && style.color().alpha > 0.0 {
            self.sketch.line(points, on_white(style.color()), style.stroke_width() as f32 / UNITS_PER_POINT as f32);
        }
    }

    fn area(&mut self, vertices: impl IntoIterator<Item = BackendCoord>, style: &impl BackendStyle) {
        let points: Vec<Place> = vertices.into_iter().map(place).collect();
        if points.len() > 2 && style.color().alpha > 0.0 {
            self.sketch.marks.push(Mark::Area { points, colour: on_white(style.color()) });
        }
    }
}

fn place((x, y): BackendCoord) -> Place {
    (points(x), points(y))
}

fn on_white(colour: BackendColor) -> Rgb {
    tint(colour.rgb, colour.alpha as f32)
}

fn weight(style: &impl BackendTextStyle) -> Weight {
    match style.style() {
        plotters_backend::FontStyle::Bold => Weight::Bold,
        _ => Weight::Regular,
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (units(self.sketch.width).unsigned_abs(), units(self.sketch.height).unsigned_abs())
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.area([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], &colour);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.line([from, to], style);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        if fill {
            self.area(corners, style);
        } else {
            self.line(corners.into_iter().chain([(left, top)]), style);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.line(path, style);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vert: I, style: &S) -> Drawn {
        self.area(vert, style);
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, pos: BackendCoord) -> Drawn {
        let (x, y) = place(pos);
        let size = style.size() as f32 / UNITS_PER_POINT as f32;
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => y + ASCENT * size,
            VPos::Center => y + CAP_HEIGHT / 2.0 * size,
            VPos::Bottom => y - DESCENT * size,
        };
        let colour = on_white(style.color());
        self.sketch.text(Text { x, baseline, anchor, size, weight: weight(style), colour, content: text.to_owned() });
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size() as f32;
        Ok((text_width(text, size, weight(style)).ceil() as u32, ((ASCENT + DESCENT) * size).ceil() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_placed_by_its_anchor_with_the_fonts_own_widths() {
        let text = |anchor| Text {
            x: 100.0,
            baseline: 50.0,
            anchor,
            size: 10.0,
            weight: Weight::Regular,
            colour: (0, 0, 0),
            content: "1.00".to_owned(),
        };
        let width = text_width("1.00", 10.0, Weight::Regular);
        assert!((text(Anchor::Start).left() - 100.0).abs() < 1e-4);
        assert!((text(Anchor::End).bounds().right - 100.0).abs() < 1e-4);
        assert!((text(Anchor::Middle).left() - (100.0 - width / 2.0)).abs() < 1e-4);
    }

    #[test]
    fn placing_a_sketch_moves_every_mark() {
        let mut inner = Sketch::new(10.0, 10.0);
        inner.line(vec![(0.0, 0.0), (1.0, 1.0)], (0, 0, 0), 1.0);
        inner.rectangle((0.0, 0.0), (1.0, 1.0), (0, 0, 0));
        let mut page = Sketch::new(100.0, 100.0);
        page.place(inner, (5.0, 7.0));
        let Mark::Line { points, .. } = &page.marks[0] else { panic!("a line") };
        assert_eq!(points, &vec![(5.0, 7.0), (6.0, 8.0)]);
        let Mark::Area { points, .. } = &page.marks[1] else { panic!("an area") };
        assert_eq!(points[2], (6.0, 8.0));
    }
}
