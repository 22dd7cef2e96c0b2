//! Archives with one file.

use std::borrow::Cow;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::mistakes::FileMistake;

/// The bytes with which a zip archive begins.
const MAGIC: &[u8] = b"PK\x03\x04";

/// The file itself, or the only file of a zip archive. At most `max_bytes` are unpacked, whatever the archive says.
///
/// Errors: an archive with none or several files, one that is damaged or encrypted, or more than `max_bytes`.
pub fn unzip(bytes: &[u8], max_bytes: usize) -> Result<Cow<'_, [u8]>, FileMistake> {
    if !bytes.starts_with(MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let broken = |error: &dyn std::fmt::Display| FileMistake::Malformed { cause: format!("the zip archive: {error}") };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error: ZipError| broken(&error))?;
    let names = archive.file_names().map(|name| name.map(Cow::into_owned)).collect::<Result<Vec<String>, _>>();
    let mut names = names.map_err(|error| broken(&error))?;
    // What macOS adds to an archive is no file of its own.
    names.retain(|name| !name.ends_with('/') && !name.starts_with("__MACOSX/"));
    let [name] = names.as_slice() else {
        let cause = format!("the zip archive has {} files, but must have one", names.len());
        return Err(FileMistake::Malformed { cause });
    };
    let file = archive.by_name(name).map_err(|error| broken(&error))?;
    let mut unpacked = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut unpacked).map_err(|error| broken(&error))?;
    if unpacked.len() > max_bytes {
        return Err(FileMistake::TooLarge { limit: max_bytes });
    }
    Ok(Cow::Owned(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn the_only_file_of_an_archive_is_read() {
        assert_eq!(unzip(b"date,type", 100).unwrap(), Cow::Borrowed(b"date,type"));
        let packed = archive(&[("history.csv", b"date,type"), ("__MACOSX/._history.csv", b"x")]);
        assert_eq!(&*unzip(&packed, 9).unwrap(), b"date,type");
    }

    #[test]
    fn a_bomb_is_refused_while_it_is_unpacked() {
        let packed = archive(&[("zeros", &vec![0; 3 << 20])]);
        assert!(packed.len() < 10_000);
        assert_eq!(unzip(&packed, 1 << 20), Err(FileMistake::TooLarge { limit: 1 << 20 }));
    }

    #[test]
    fn an_archive_of_several_files_or_a_damaged_one_is_refused() {
        for files in [&[("a", &b"1"[..]), ("b", b"2")][..], &[]] {
            let packed = archive(files);
            if packed.starts_with(MAGIC) {
                assert!(matches!(unzip(&packed, 100), Err(FileMistake::Malformed { .. })));
            }
        }
        let mut cut = archive(&[("a", &vec![b'7'; 1_000])]);
        cut.truncate(cut.len() - 30);
        assert!(matches!(unzip(&cut, 10_000), Err(FileMistake::Malformed { .. })));
    }
}
