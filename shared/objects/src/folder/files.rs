//! The files of a folder of objects, for its backup.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::CONTENT_TYPE_SUFFIX;
use crate::ObjectKey;

/// Whether `path`, relative to the folder and with slashes, is where an object is stored, or its content type.
#[must_use]
pub fn is_stored_path(path: &str) -> bool {
    is_object(path) || path.strip_suffix(CONTENT_TYPE_SUFFIX).is_some_and(is_object)
}

/// Whether `path` is where an object is stored, and not its content type.
#[must_use]
pub fn is_object(path: &str) -> bool {
    path.parse::<ObjectKey>().is_ok()
}

/// Lists the files of all objects below `root`, by their relative paths in alphabetical order. Unfinished files and files
/// that are no object's are left out, and so is what is removed meanwhile. Blocks.
pub fn list(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    // A key has three parts: prefix, customer and name.
    for prefix in names_in(root)? {
        for customer in names_in(&root.join(&prefix))? {
            let folder = format!("{prefix}/{customer}");
            let names = names_in(&root.join(&folder))?;
            found.extend(names.into_iter().map(|name| format!("{folder}/{name}")).filter(|path| is_stored_path(path)));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The names in a folder that are UTF-8, as those of all objects are; none if there is no such folder.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use domain::CustomerId;
    use uuid::Uuid;

    use super::*;
    use crate::{FolderObjects, Objects as _};

    #[tokio::test]
    async fn the_files_of_objects_are_listed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(&folder.path().join("none")).unwrap(), Vec::<String>::new());
        let clock = Arc::new(|| DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let objects = FolderObjects::open(folder.path(), [1; 32], clock).unwrap();
        let key = |prefix| ObjectKey::new(prefix, CustomerId(Uuid::nil()), [7; 16], "pdf").unwrap();
        for key in [key("reports"), key("exports")] {
            objects.put(&key, b"x".to_vec(), "application/pdf").await.unwrap();
        }
        let customer = folder.path().join("reports").join(Uuid::nil().to_string());
        for foreign in [folder.path().join("note.txt"), customer.join(".unfinished-1"), customer.join("a.pdf")] {
            fs::write(foreign, "x").unwrap();
        }
        let expected = [key("exports"), key("reports")].map(|key| [key.to_string(), format!("{key}.content-type")]);
        let found = list(folder.path()).unwrap();
        assert_eq!(found, expected.concat());
        assert_eq!(found.iter().filter(|path| is_object(path)).count(), 2);
        assert!(!is_stored_path("../../etc/passwd") && !is_stored_path("reports"));
    }
}
