//! A sketch as SVG: vectors and real text, with a title and a description for screen readers.

use std::fmt::Write;

use crate::palette::Rgb;
use crate::sketch::{Anchor, Mark, Place, Sketch, Text};
use crate::typeface::Weight;

/// Pixels per point.
const PIXELS_PER_POINT: f32 = 1.8;

const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

/// The sketch as an SVG document; `name` keeps its ids distinct from those of another one on the same page.
pub(crate) fn write(sketch: &Sketch, name: &str, title: &str, description: &str) -> String {
    let (width, height) = (sketch.width, sketch.height);
    let mut svg = String::with_capacity(64 * 1024);
    put(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"{name}-title {name}-description\" \
         viewBox=\"0 0 {width} {height}\" width=\"{:.0}\" height=\"{:.0}\" font-family=\"{FONTS}\">\n\
         <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-description\">{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
            width * PIXELS_PER_POINT,
            height * PIXELS_PER_POINT,
            Escaped(title),
            Escaped(description),
        ),
    );
    for mark in &sketch.marks {
        match mark {
            Mark::Line { points, colour, width } => {
                svg.push_str("<path d=\"");
                path(&mut svg, points);
                put(
                    &mut svg,
                    format_args!(
                        "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>\n",
                        Hex(*colour),
                    ),
                );
            }
            Mark::Area { points, colour } => {
                svg.push_str("<path d=\"");
                path(&mut svg, points);
                put(&mut svg, format_args!("Z\" fill=\"{}\"/>\n", Hex(*colour)));
            }
            Mark::Text(text) => write_text(&mut svg, text),
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writing to a `String` cannot fail.
fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(text);
}

fn path(svg: &mut String, points: &[Place]) {
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        put(svg, format_args!("{command}{} {}", hundredths(*x), hundredths(*y)));
    }
}

fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

fn write_text(svg: &mut String, text: &Text) {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = match text.weight {
        Weight::Regular => "",
        Weight::Bold => " font-weight=\"bold\"",
    };
    put(
        svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}>{}</text>\n",
            hundredths(text.x),
            hundredths(text.baseline),
            text.size,
            Hex(text.colour),
            Escaped(&text.content),
        ),
    );
}

struct Hex(Rgb);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self((red, green, blue)) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Text for an XML document; characters that XML 1.0 does not allow are left out.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_becomes_text() {
        assert_eq!(Escaped("A<b> & \"c\"\u{1}\n").to_string(), "A&lt;b&gt; &amp; &quot;c&quot; ");
    }
}
