//! The widths and glyph numbers of the font, `DejaVu Sans`, read from the font file itself.
//!
//! Charts and pages are laid out with these widths, so that what is measured is what is printed.

use std::sync::OnceLock;

use ttf_parser::{Face, GlyphId};

/// Height of a capital letter, as a fraction of the font size.
pub(crate) const CAP_HEIGHT: f32 = 0.729;

/// From the baseline to the top of the tallest character, as a fraction of the font size.
pub(crate) const ASCENT: f32 = 0.76;

/// From the baseline to the bottom of the lowest character, as a fraction of the font size.
pub(crate) const DESCENT: f32 = 0.24;

/// Font units per font size.
const UNITS_PER_EM: u16 = 2048;

/// Characters whose widths are looked up once per process.
const LATIN: usize = 0x180;

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// One face of the font.
pub(crate) struct Typeface {
    pub(crate) bytes: &'static [u8],
    pub(crate) units_per_em: u16,
    /// The tables of the file; if it is not a font there are none, and it prints nothing.
    tables: Option<Face<'static>>,
    latin: Vec<u16>,
}

/// The typeface of a weight.
pub(crate) fn typeface(weight: Weight) -> &'static Typeface {
    static REGULAR: OnceLock<Typeface> = OnceLock::new();
    static BOLD: OnceLock<Typeface> = OnceLock::new();
    match weight {
        Weight::Regular => REGULAR.get_or_init(|| Typeface::read(dejavu::sans::regular())),
        Weight::Bold => BOLD.get_or_init(|| Typeface::read(dejavu::sans::bold())),
    }
}

/// Width of a text in points.
pub(crate) fn text_width(text: &str, size: f32, weight: Weight) -> f32 {
    typeface(weight).width(text, size)
}

/// Whether the font has every character of a text.
pub(crate) fn is_printable(text: &str) -> bool {
    text.chars().all(|letter| is_blank(letter) || typeface(Weight::Regular).glyph(letter).is_some())
}

/// The printable form of a text: blanks for control characters; characters that the font lacks are left out.
pub(crate) fn printable(text: &str, weight: Weight) -> String {
    let face = typeface(weight);
    let letter = |letter: char| if is_blank(letter) { Some(' ') } else { face.glyph(letter).map(|_| letter) };
    let printed: String = text.chars().filter_map(letter).collect();
    if is_printable(text) { printed } else { printed.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

impl Typeface {
    fn read(bytes: &'static [u8]) -> Self {
        let tables = Face::parse(bytes, 0).ok();
        let units_per_em = tables.as_ref().map_or(UNITS_PER_EM, Face::units_per_em);
        let mut face = Self { bytes, units_per_em, tables, latin: Vec::new() };
        face.latin = (0..LATIN as u32)
            .map(|code| face.advance(char::from_u32(code).and_then(|c| face.glyph(c)).unwrap_or(0)))
            .collect();
        face
    }

    /// The glyph of a character of the basic plane, if the font has one.
    pub(crate) fn glyph(&self, character: char) -> Option<u16> {
        u16::try_from(u32::from(character)).ok()?;
        let GlyphId(glyph) = self.tables.as_ref()?.glyph_index(character)?;
        (glyph != 0).then_some(glyph)
    }

    /// Advance width of a glyph in units of the font.
    pub(crate) fn advance(&self, glyph: u16) -> u16 {
        let advance = self.tables.as_ref().and_then(|tables| tables.glyph_hor_advance(GlyphId(glyph)));
        advance.unwrap_or(self.units_per_em)
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let units: u32 = text.chars().map(|character| u32::from(self.character_advance(character))).sum();
        units as f32 * size / f32::from(self.units_per_em)
    }

    fn character_advance(&self, character: char) -> u16 {
        match self.latin.get(u32::from(character) as usize) {
            Some(&advance) => advance,
            // Characters that the font lacks are left out.
            None => self.glyph(character).map_or(0, |glyph| self.advance(glyph)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_the_same_width_so_that_columns_align() {
        for weight in [Weight::Regular, Weight::Bold] {
            let one = text_width("1", 10.0, weight);
            for digit in '0'..='9' {
                assert!((text_width(&digit.to_string(), 10.0, weight) - one).abs() < 1e-4, "{digit}");
            }
        }
    }

    #[test]
    fn widths_are_those_that_the_font_file_states() {
        // Advances of DejaVu Sans 2.37 in 2048ths: space 651, A 1401, W 2025, minus 1716.
        let face = typeface(Weight::Regular);
        for (character, advance) in [(' ', 651), ('A', 1401), ('W', 2025), ('−', 1716)] {
            assert_eq!(face.advance(face.glyph(character).unwrap()), advance, "{character}");
        }
        assert!((text_width("AA", 2048.0, Weight::Regular) - 2802.0).abs() < 0.01);
    }

    #[test]
    fn a_character_that_the_font_lacks_has_no_glyph() {
        let face = typeface(Weight::Regular);
        assert_eq!(face.glyph('漢'), None);
        assert_eq!(face.glyph('😀'), None);
        assert!(face.glyph('é').is_some());
    }

    #[test]
    fn characters_that_the_font_lacks_take_no_room() {
        for weight in [Weight::Regular, Weight::Bold] {
            assert_eq!(printable("A\n漢\u{7}é", weight), "A é");
            assert_eq!(printable("A\nb", weight), "A b");
            assert!((text_width("漢A字", 10.0, weight) - text_width("A", 10.0, weight)).abs() < 1e-4);
        }
        assert!(is_printable("Müller & Söhne – Ἀθῆναι") && !is_printable("贵州茅台"));
    }
}
