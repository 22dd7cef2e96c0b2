//! The text of a file, whatever its encoding.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::lines::LineCounter;
use crate::mistakes::FileMistake;

/// The bytes that tell whether a text without a byte order mark is UTF-16.
const SAMPLE_BYTES: usize = 4_096;

/// The text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// Its characters.
    pub text: String,
    /// The name of its encoding, such as `UTF-8`.
    pub encoding: &'static str,
}

/// Decodes a file: by its byte order mark, as UTF-8, as UTF-16 without a mark, or in the older encoding that its bytes
/// look most like, such as Windows-1252.
///
/// Errors: bytes that the encoding does not have, and NUL characters, which no table has.
pub fn decode(bytes: &[u8]) -> Result<FileText, FileMistake> {
    let (encoding, content) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, bytes.get(mark..).unwrap_or_default()),
        None => (guess(bytes), bytes),
    };
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(content) else {
        return Err(FileMistake::Malformed { cause: format!("it is not text in {}", encoding.name()) });
    };
    if let Some(place) = text.find('\0') {
        let line = LineCounter::of(&text).of_the_text_from(place);
        return Err(FileMistake::Malformed { cause: format!("line {line} has a NUL character, which no text has") });
    }
    Ok(FileText { text: text.into_owned(), encoding: encoding.name() })
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(bytes, true);
    detector.guess(None, false)
}

/// UTF-16 if nearly every second byte is zero, as it is for Latin letters and digits.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
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
        Some(UTF_16LE)
    } else if is_most(high_first) {
        Some(UTF_16BE)
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
    fn a_nul_and_broken_text_are_refused() {
        let refusal = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert!(refusal(b"date,type\n2024-01-15,b\0uy\n").contains("line 2 has a NUL"));
        assert!(refusal(b"\xef\xbb\xbfdate\n\xff").contains("not text in UTF-8"));
        assert!(refusal(b"\xff\xfed").contains("not text in UTF-16LE"));
    }
}
