//! The text of a file, whatever its encoding.

use crate::lines::LineCounter;
use crate::mistakes::FileMistake;

/// The bytes that tell whether a text without a byte order mark is UTF-16.
const SAMPLE_BYTES: usize = 4_096;
/// The marks with which a text can begin, and the encoding that each stands for.
const MARKS: [(&[u8], Encoding); 3] =
    [(b"\xef\xbb\xbf", Encoding::Utf8), (b"\xff\xfe", Encoding::Utf16Le), (b"\xfe\xff", Encoding::Utf16Be)];
/// The characters of the bytes 0x80 to 0x9F in Windows-1252. The five bytes that it does not define are the control
/// characters of the same number, as in the WHATWG's Encoding Standard.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// Its characters.
    pub text: String,
    /// The name of its encoding, such as `UTF-8`.
    pub encoding: &'static str,
}

/// An encoding that files have.
///
/// A package with every encoding would make each function that reads files half a megabyte larger, for the tables of
/// encodings that no program exports.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The text of these bytes; `None` if they are not of this encoding.
    fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Utf16Le => decode_utf_16(bytes, u16::from_le_bytes),
            Self::Utf16Be => decode_utf_16(bytes, u16::from_be_bytes),
            Self::Windows1252 => Some(bytes.iter().map(|byte| decode_windows_1252(*byte)).collect()),
        }
    }
}

fn decode_utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    characters.collect::<Result<_, _>>().ok().filter(|_| rest.is_empty())
}

fn decode_windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|place| WINDOWS_1252.get(usize::from(place)));
    special.copied().unwrap_or_else(|| char::from(byte))
}

/// Decodes a file: by its byte order mark, as UTF-8, as UTF-16 without a mark, or as Windows-1252.
///
/// Errors: bytes that the encoding does not have, and NUL characters, which no table has.
pub fn decode(bytes: &[u8]) -> Result<FileText, FileMistake> {
    let marked = MARKS.into_iter().find_map(|(mark, encoding)| Some((encoding, bytes.strip_prefix(mark)?)));
    let (encoding, content) = marked.unwrap_or_else(|| (guess(bytes), bytes));
    let Some(text) = encoding.decode(content) else {
        return Err(FileMistake::Malformed { cause: format!("it is not text in {}", encoding.name()) });
    };
    if let Some(place) = text.find('\0') {
        let line = LineCounter::of(&text).of_the_text_from(place);
        return Err(FileMistake::Malformed { cause: format!("line {line} has a NUL character, which no text has") });
    }
    Ok(FileText { text, encoding: encoding.name() })
}

fn guess(bytes: &[u8]) -> Encoding {
    if let Some(encoding) = utf_16_without_mark(bytes) {
        encoding
    } else if std::str::from_utf8(bytes).is_ok() {
        Encoding::Utf8
    } else {
        Encoding::Windows1252
    }
}

/// UTF-16 if nearly every second byte is zero, as it is for Latin letters and digits.
fn utf_16_without_mark(bytes: &[u8]) -> Option<Encoding> {
    let pairs = bytes.get(..bytes.len().min(SAMPLE_BYTES)).unwrap_or_default().chunks_exact(2);
    let (mut high_first, mut low_first, mut all) = (0_usize, 0_usize, 0_usize);
    for pair in pairs {
        all += 1;
        match pair {
            [0, 1..=255] => high_first += 1,
            [1..=255, 0] => low_first += 1,
            _ => {}
        }
    }
    let is_most = |count: usize| all > 1 && count * 10 >= all * 9;
    if is_most(low_first) {
        Some(Encoding::Utf16Le)
    } else if is_most(high_first) {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn a_file_is_read_in_the_encoding_that_it_has() {
        let text = "Datum;Gebühr\r\n2024-01-15;1,50 €\r\n";
        let marked = |mark: &[u8], rest: Vec<u8>| [mark.to_vec(), rest].concat();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (marked(b"\xef\xbb\xbf", text.as_bytes().to_vec()), "UTF-8"),
            (marked(b"\xff\xfe", utf_16(text, u16::to_le_bytes)), "UTF-16LE"),
            (marked(b"\xfe\xff", utf_16(text, u16::to_be_bytes)), "UTF-16BE"),
            (utf_16(&text.replace('€', "EUR"), u16::to_le_bytes), "UTF-16LE"),
            (utf_16(&text.replace('€', "EUR"), u16::to_be_bytes), "UTF-16BE"),
            (b"Datum;Geb\xfchr\r\n2024-01-15;1,50 \x80\r\n".to_vec(), "windows-1252"),
        ] {
            let read = decode(&bytes).unwrap();
            assert_eq!(read.encoding, encoding);
            assert_eq!(read.text.replace("EUR", "€"), text, "{encoding}");
        }
    }

    #[test]
    fn every_byte_is_a_character_of_windows_1252() {
        let all: Vec<u8> = (1..=255).collect();
        let read = decode(&all).unwrap();
        assert_eq!((read.encoding, read.text.chars().count()), ("windows-1252", 255));
        // By their numbers in the standard's table.
        for (byte, character) in
            [(0x7f, '\u{7f}'), (0x80, '\u{20ac}'), (0x99, '\u{2122}'), (0x9f, '\u{178}'), (0xa0, '\u{a0}')]
        {
            assert_eq!(read.text.chars().nth(byte - 1), Some(character), "{byte:x}");
        }
    }

    #[test]
    fn a_nul_and_broken_text_are_refused() {
        let refusal = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert!(refusal(b"date,type\n2024-01-15,b\0uy\n").contains("line 2 has a NUL"));
        assert!(refusal(b"\xef\xbb\xbfdate\n\xff").contains("not text in UTF-8"));
        assert!(refusal(b"\xff\xfed").contains("not text in UTF-16LE"));
        assert!(refusal(b"\xff\xfed\0\0\xd8").contains("not text in UTF-16LE"), "half of a pair");
    }
}
