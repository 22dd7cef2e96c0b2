//! The guides: code that they show is code that there is, and the index lists them.

use std::path::{Path, PathBuf};

use crate::tidy::{files_below, root};

/// README, ARCHITECTURE, the guides in docs and the rest.
fn pages() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let at_the_top = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    at_the_top.chain(files_below(&root().join("docs"), "md")).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn code_in_the_guides_is_the_code_that_runs() {
    let mut shown = 0;
    for path in pages() {
        for block in read(&path).split("\n```rust\n").skip(1) {
            let (first, code) = block.split_once("\n```").unwrap().0.split_once('\n').unwrap();
            let place = first.strip_prefix("// ").unwrap_or_else(|| panic!("{}: {first}: no file", path.display()));
            assert!(read(&root().join(place)).contains(&format!("{code}\n")), "{}: {place}:\n{code}", path.display());
            shown += 1;
        }
    }
    assert!(shown > 0);
}

#[test]
fn the_index_lists_every_guide() {
    let index = read(&root().join("docs/README.md"));
    for guide in files_below(&root().join("docs"), "md") {
        let name = guide.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name}");
    }
}
