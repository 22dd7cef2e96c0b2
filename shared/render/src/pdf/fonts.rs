//! The fonts of the document, subset to the characters that it uses.

use std::collections::{BTreeMap, BTreeSet};

use printpdf::{FontId, FontMetrics, ParsedFont, PdfFont, PdfFontMetricsStub};
use subsetter::GlyphRemapper;

use crate::error::RenderError;
use crate::sketch::{Mark, Sketch};
use crate::typeface::{Weight, typeface};

/// The line's ends in 2048ths of the font size, as the font states them.
const ASCENDER: i16 = 1901;
const DESCENDER: i16 = -483;

/// The name of a weight's font in the document.
pub(crate) fn font_id(weight: Weight) -> FontId {
    FontId(match weight {
        Weight::Regular => "Regular".to_owned(),
        Weight::Bold => "Bold".to_owned(),
    })
}

/// The fonts that the pages use.
pub(crate) fn embedded(pages: &[Sketch]) -> Result<BTreeMap<FontId, PdfFont>, RenderError> {
    let mut letters: BTreeMap<Weight, BTreeSet<char>> = BTreeMap::new();
    for mark in pages.iter().flat_map(|page| &page.marks) {
        if let Mark::Text(text) = mark {
            letters.entry(text.weight).or_default().extend(text.content.chars());
        }
    }
    letters.into_iter().map(|(weight, letters)| Ok((font_id(weight), subset(weight, &letters)?))).collect()
}

fn subset(weight: Weight, letters: &BTreeSet<char>) -> Result<PdfFont, RenderError> {
    let face = typeface(weight);
    let mut glyphs = GlyphRemapper::new();
    let (mut mapping, mut widths) = (BTreeMap::new(), BTreeMap::new());
    for &letter in letters {
        let Some(glyph) = face.glyph(letter) else { continue };
        let place = glyphs.remap(glyph);
        mapping.insert(u32::from(letter), place);
        widths.insert(place, face.advance(glyph));
    }
    let bytes = subsetter::subset(face.bytes, 0, &glyphs).map_err(|error| RenderError::Font(error.to_string()))?;
    // The six letters before the plus sign mark a subset (ISO 32000-1, 9.6.4).
    let name = match weight {
        Weight::Regular => "SXTREG+DejaVuSans",
        Weight::Bold => "SXTBLD+DejaVuSans-Bold",
    };
    let metrics = FontMetrics { ascent: ASCENDER, descent: DESCENDER };
    let mut font =
        ParsedFont::with_glyph_data(bytes, 0, Some(name.to_owned()), mapping, widths, face.units_per_em, metrics);
    font.pdf_font_metrics = PdfFontMetricsStub {
        units_per_em: face.units_per_em,
        x_min: -2090,
        y_min: -948,
        x_max: 3673,
        y_max: 2524,
        us_weight_class: if weight == Weight::Bold { 700 } else { 400 },
        ..PdfFontMetricsStub::default()
    };
    Ok(PdfFont::new(font))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_a_small_part_of_the_font() {
        let letters = "0123456789.,−%$ABCDEF abcdef".chars().collect();
        let font = subset(Weight::Regular, &letters).unwrap();
        assert!(font.parsed_font.original_bytes.len() < 25_000, "{}", font.parsed_font.original_bytes.len());
        assert!(letters.iter().all(|&letter| font.parsed_font.lookup_glyph_index(u32::from(letter)).is_some()));
    }
}
