//! Line breaking.

use crate::pdf::style::Style;
use crate::typeface::text_width;

const ELLIPSIS: char = '…';

/// The lines of a text wrapped to `width`; a word longer than a line is broken at the end of the line.
pub(crate) fn wrap(text: &str, width: f32, style: Style) -> Vec<String> {
    let measure = |text: &str| text_width(text, style.size, style.weight);
    let space = measure(" ");
    let mut lines = vec![String::new()];
    let mut used = 0.0;
    for word in text.split_whitespace() {
        let (mut word, mut length) = (word, measure(word));
        let gap = if used > 0.0 { space } else { 0.0 };
        if used > 0.0 && used + gap + length > width {
            lines.push(String::new());
            used = 0.0;
        }
        while length > width {
            let fits = longest_fitting(word, width, &measure);
            let (head, tail) = word.split_at(fits);
            if let Some(line) = lines.last_mut() {
                line.push_str(head);
            }
            lines.push(String::new());
            (word, length, used) = (tail, measure(tail), 0.0);
        }
        if let Some(line) = lines.last_mut() {
            if used > 0.0 {
                line.push(' ');
                used += space;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The text, or as much of it as fits into `width` with an ellipsis at the end.
pub(crate) fn ellipsis(text: &str, width: f32, style: Style) -> String {
    let measure = |text: &str| text_width(text, style.size, style.weight);
    if measure(text) <= width + 0.01 {
        return text.to_owned();
    }
    let room = width - measure(&ELLIPSIS.to_string());
    let fits = longest_fitting(text, room, &measure);
    let mut cut = text[..fits].trim_end().to_owned();
    cut.push(ELLIPSIS);
    cut
}

/// Bytes of the longest prefix that fits, at least one character.
fn longest_fitting(text: &str, width: f32, measure: &impl Fn(&str) -> f32) -> usize {
    let mut used = 0.0;
    let mut fits = 0;
    let mut buffer = [0; 4];
    for (index, character) in text.char_indices() {
        used += measure(character.encode_utf8(&mut buffer));
        if used > width && index > 0 {
            break;
        }
        fits = index + character.len_utf8();
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::style::BODY;

    #[test]
    fn every_line_fits_and_no_character_is_lost() {
        let text = format!("close < sma(50) and {} é漢 end", "x".repeat(400));
        let lines = wrap(&text, 120.0, BODY);
        assert!(lines.iter().all(|line| text_width(line, BODY.size, BODY.weight) <= 120.0), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(&text));
        assert!(wrap("  ", 120.0, BODY).is_empty());
    }

    #[test]
    fn a_long_text_is_truncated_with_an_ellipsis() {
        assert_eq!(ellipsis("short", 100.0, BODY), "short");
        let cut = ellipsis(&"wide ".repeat(20), 60.0, BODY);
        assert!(cut.ends_with('…') && text_width(&cut, BODY.size, BODY.weight) <= 60.0, "{cut}");
    }
}
