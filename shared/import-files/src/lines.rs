//! Line numbers of a text as an editor counts them.

/// Counts line breaks from the beginning of a text; positions must be queried in rising order.
pub struct LineCounter<'a> {
    text: &'a [u8],
    /// The part already counted.
    place: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    /// Begins before the first line of a text.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), place: 0, line: 1 }
    }

    /// The line, from 1, of the first character from `place` on that is neither a blank nor a line break.
    pub fn of_the_text_from(&mut self, place: usize) -> usize {
        while let Some(&byte) = self.text.get(self.place) {
            if self.place >= place && !byte.is_ascii_whitespace() {
                break;
            }
            let ends_line = byte == b'\n' || (byte == b'\r' && self.text.get(self.place + 1) != Some(&b'\n'));
            self.line += usize::from(ends_line);
            self.place += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_ending_counts_once() {
        let mut lines = LineCounter::of("a\nb\r\nc\rd\n\n  e");
        let found = [0, 1, 3, 6, 8].map(|place| lines.of_the_text_from(place));
        assert_eq!(found, [1, 2, 3, 4, 6]);
        assert_eq!(lines.of_the_text_from(1_000), 6);
    }
}
