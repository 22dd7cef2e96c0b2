//! The guides: code that they show is code that there is, and links in them lead somewhere.

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

/// How a heading is linked to: `Time-weighted return` as `time-weighted-return`.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).flat_map(char::to_lowercase).collect()
}

/// Whether a page has a heading that is linked to like this.
fn has_heading(page: &str, wanted: &str) -> bool {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    headings.map(anchor).any(|anchor| anchor == wanted)
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
fn links_in_the_guides_lead_to_pages_and_headings_that_there_are() {
    for path in pages() {
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            let found = heading.is_none_or(|heading| has_heading(&read(&target), heading));
            assert!(found, "{}: {link}: no such heading", path.display());
        }
    }
}

#[test]
fn the_index_lists_every_guide() {
    let index = read(&root().join("docs/README.md"));
    for guide in files_below(&root().join("docs"), "md") {
        let name = guide.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name}");
    }
}
