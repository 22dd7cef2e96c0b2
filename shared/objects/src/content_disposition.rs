//! The `Content-Disposition` header, which gives a download its file name (RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 8187 wants encoded, and a little more than that.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest file name, in characters: every file system takes that many, in any script.
const MAX_FILENAME_CHARS: usize = 60;
/// The name of a download that was given none.
const UNNAMED: &str = "download";

/// The header value that makes a browser save the object as `filename` instead of opening it.
///
/// What could break the header, leave the folder or mislead the reader is replaced by `_`. A name
/// outside ASCII is sent twice, as RFC 6266 section 5 shows: once simplified for old clients and
/// once as `filename*` in UTF-8 (RFC 8187).
#[must_use]
pub fn attachment(filename: &str) -> String {
    let name = safe_filename(filename);
    if name.is_ascii() {
        return format!("attachment; filename=\"{name}\"");
    }
    let simple: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let extended = utf8_percent_encode(&name, RESERVED);
    format!("attachment; filename=\"{simple}\"; filename*=UTF-8''{extended}")
}

/// `filename` without what no file name should hold; never empty.
pub(crate) fn safe_filename(filename: &str) -> String {
    let clean: String = filename.chars().take(MAX_FILENAME_CHARS).map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    // A leading dot hides the file, trailing dots and spaces are dropped by Windows.
    let name = clean.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    if name.is_empty() { UNNAMED.to_owned() } else { name.to_owned() }
}

fn is_unsafe(c: char) -> bool {
    // The bidirectional controls can show `gpj.exe` as `exe.jpg`; the rest is forbidden by some file system, by
    // the quoted string, or (the percent sign) read as an escape by some browsers.
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_quoted_cleaned_and_given_twice_outside_ascii() {
        let table = [
            ("AAPL 2012.pdf", "attachment; filename=\"AAPL 2012.pdf\""),
            ("MY:HOUSE.pdf", "attachment; filename=\"MY_HOUSE.pdf\""),
            ("../../etc/passwd", "attachment; filename=\"_.._etc_passwd\""),
            ("a\"; filename=\"b.exe", "attachment; filename=\"a_; filename=_b.exe\""),
            ("a\r\nSet-Cookie: b", "attachment; filename=\"a__Set-Cookie_ b\""),
            ("", "attachment; filename=\"download\""),
            ("...", "attachment; filename=\"download\""),
            ("100%41.csv", "attachment; filename=\"100_41.csv\""),
            ("Börse €.pdf", "attachment; filename=\"B_rse _.pdf\"; filename*=UTF-8''B%C3%B6rse%20%E2%82%AC.pdf"),
            ("report\u{202E}fdp.exe", "attachment; filename=\"report_fdp.exe\""),
        ];
        for (filename, header) in table {
            assert_eq!(attachment(filename), header, "{filename:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_header(filename: String) {
            let header = attachment(&filename);
            prop_assert!(header.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{}", header);
            prop_assert_eq!(header.matches('"').count(), 2);
        }

        #[test]
        fn a_safe_name_stays_as_it_is(filename: String) {
            let once = safe_filename(&filename);
            prop_assert_eq!(safe_filename(&once), once);
        }
    }
}
