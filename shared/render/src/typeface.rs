//! The widths and glyph numbers of the font, `DejaVu Sans`, read from the font file itself.
//!
//! Charts and pages are laid out with these widths, so that what was measured is what is printed.
//! Only the three tables that measuring needs are read (OpenType 1.9: `cmap` format 4, `hhea`,
//! `hmtx`); a table that is not as expected yields glyph 0, never a panic.

use std::sync::OnceLock;

/// Height of a capital letter, as a share of the font size.
pub(crate) const CAP_HEIGHT: f32 = 0.729;

/// From the baseline to the top of the tallest letter, as a share of the font size.
pub(crate) const ASCENT: f32 = 0.76;

/// From the baseline to the bottom of the lowest letter, as a share of the font size.
pub(crate) const DESCENT: f32 = 0.24;

/// Characters whose widths are looked up once a process.
const LATIN: usize = 0x180;

/// How heavy a text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// One face of the font.
pub(crate) struct Typeface {
    pub(crate) bytes: &'static [u8],
    pub(crate) units_per_em: u16,
    mapping: &'static [u8],
    metrics: &'static [u8],
    metrics_count: usize,
    latin: Vec<u16>,
}

/// The face of a weight.
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

/// Whether the font has every letter of a text.
pub(crate) fn is_printable(text: &str) -> bool {
    text.chars().all(|letter| is_blank(letter) || typeface(Weight::Regular).glyph(letter).is_some())
}

/// A text in letters that can be printed: blanks for control characters, and those that the font lacks left out.
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
        let head = table(bytes, *b"head");
        let hhea = table(bytes, *b"hhea");
        let mut face = Self {
            bytes,
            units_per_em: u16_at(head, 18).unwrap_or(2048).max(1),
            mapping: unicode_mapping(table(bytes, *b"cmap")).unwrap_or_default(),
            metrics: table(bytes, *b"hmtx"),
            metrics_count: usize::from(u16_at(hhea, 34).unwrap_or(0)),
            latin: Vec::new(),
        };
        face.latin = (0..LATIN as u32)
            .map(|code| face.advance(char::from_u32(code).and_then(|c| face.glyph(c)).unwrap_or(0)))
            .collect();
        face
    }

    /// The glyph of a character, if the font has one.
    pub(crate) fn glyph(&self, character: char) -> Option<u16> {
        let code = u16::try_from(u32::from(character)).ok()?;
        let segments = usize::from(u16_at(self.mapping, 6)?) / 2;
        let (ends, starts) = (14, 16 + 2 * segments);
        let (deltas, offsets) = (starts + 2 * segments, starts + 4 * segments);
        let segment = first_at_least(self.mapping, ends, segments, code)?;
        let start = u16_at(self.mapping, starts + 2 * segment)?;
        if code < start {
            return None;
        }
        let delta = u16_at(self.mapping, deltas + 2 * segment)?;
        let offset = usize::from(u16_at(self.mapping, offsets + 2 * segment)?);
        let glyph = if offset == 0 {
            code.wrapping_add(delta)
        } else {
            // The offset counts from its own place in the table.
            let place = offsets + 2 * segment + offset + 2 * usize::from(code - start);
            match u16_at(self.mapping, place)? {
                0 => 0,
                glyph => glyph.wrapping_add(delta),
            }
        };
        (glyph != 0).then_some(glyph)
    }

    /// Advance width of a glyph in units of the font.
    pub(crate) fn advance(&self, glyph: u16) -> u16 {
        let last = self.metrics_count.saturating_sub(1);
        u16_at(self.metrics, 4 * usize::from(glyph).min(last)).unwrap_or(self.units_per_em)
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let units: u32 = text.chars().map(|character| u32::from(self.character_advance(character))).sum();
        units as f32 * size / f32::from(self.units_per_em)
    }

    fn character_advance(&self, character: char) -> u16 {
        match self.latin.get(u32::from(character) as usize) {
            Some(&advance) => advance,
            // What the font lacks is left out.
            None => self.glyph(character).map_or(0, |glyph| self.advance(glyph)),
        }
    }
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(place..place + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], place: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(place..place + 4)?.try_into().ok()?) as usize)
}

fn table(font: &'static [u8], tag: [u8; 4]) -> &'static [u8] {
    let count = usize::from(u16_at(font, 4).unwrap_or(0));
    (0..count)
        .map(|index| 12 + 16 * index)
        .find(|&record| font.get(record..record + 4) == Some(&tag))
        .and_then(|record| {
            let (offset, length) = (u32_at(font, record + 8)?, u32_at(font, record + 12)?);
            font.get(offset..offset + length)
        })
        .unwrap_or_default()
}

/// The mapping of the Windows platform's basic Unicode plane, in format 4.
fn unicode_mapping(cmap: &'static [u8]) -> Option<&'static [u8]> {
    let count = usize::from(u16_at(cmap, 2)?);
    (0..count).map(|index| 4 + 8 * index).find_map(|record| {
        let windows_basic_plane = u16_at(cmap, record)? == 3 && u16_at(cmap, record + 2)? == 1;
        let mapping = cmap.get(u32_at(cmap, record + 4)?..)?;
        (windows_basic_plane && u16_at(mapping, 0)? == 4).then_some(mapping)
    })
}

/// Index of the first of `count` ascending numbers that is not below `wanted`.
fn first_at_least(bytes: &[u8], base: usize, count: usize, wanted: u16) -> Option<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if u16_at(bytes, base + 2 * middle)? < wanted { low = middle + 1 } else { high = middle }
    }
    (low < count).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_share_one_width_so_that_columns_of_numbers_align() {
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
    fn what_the_font_lacks_is_left_out_and_takes_no_room() {
        for weight in [Weight::Regular, Weight::Bold] {
            assert_eq!(printable("A\n漢\u{7}é", weight), "A é");
            assert_eq!(printable("A\nb", weight), "A b");
            assert!((text_width("漢A字", 10.0, weight) - text_width("A", 10.0, weight)).abs() < 1e-4);
        }
        assert!(is_printable("Müller & Söhne – Ἀθῆναι") && !is_printable("贵州茅台"));
    }
}
