//! `make new-function`: what it makes, and that it changes nothing when it makes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cargo_metadata::MetadataCommand;
use gateway::template::Template;
use serde_json::Value;
use tempfile::TempDir;

use crate::target::InProcess;
use crate::tidy::root;

/// The code that is copied, compiled as it stands.
#[path = "../../tools/new-function/src/lib.rs"]
mod new_function;

/// What of the project the tool reads and changes, and what cargo needs to read it.
const PARTS: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "rustfmt.toml",
    "template.yaml",
    "benches",
    "events",
    "functions",
    "gateway",
    "shared",
    "tests",
    "tools",
];

/// The output with the name of a new function.
const OUTPUT: &str = "  PaidDividendsFunctionName:\n    Value: { Ref: PaidDividendsFunction }\n";

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in PARTS {
        copy(&root().join(part), &folder.path().join(part));
    }
    folder
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                collect(root, &entry, found);
            } else {
                found.insert(entry.strip_prefix(root).unwrap().to_owned(), std::fs::read(&entry).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

#[expect(clippy::disallowed_methods, reason = "make says which Python there is")]
fn make_function(project: &Path, name: &str) -> Output {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = root().join("tools/new_function.py");
    Command::new(python).arg(script).arg("--root").arg(project).arg(name).output().unwrap()
}

/// What stands in the new text and not in the old one, which is whole in it.
fn inserted(old: &str, new: &str) -> String {
    let start = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
    let length = new.len() - old.len();
    assert_eq!(old, format!("{}{}", &new[..start], &new[start + length..]));
    // Where the line before begins like the new one, the difference begins inside it.
    let start = new[..start].rfind('\n').map_or(0, |end| end + 1);
    new[start..start + length].to_owned()
}

#[test]
fn a_new_function_is_in_every_list_and_changes_nothing_else() {
    let project = project();
    let before = files(project.path());
    let made = make_function(project.path(), "paid-dividends");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let after = files(project.path());

    let new: Vec<_> =
        after.keys().filter(|path| !before.contains_key(*path)).map(|path| path.to_str().unwrap()).collect();
    let function = "functions/paid-dividends";
    let expected = ["Cargo.toml", "src/lib.rs", "src/main.rs"].map(|file| format!("{function}/{file}"));
    assert_eq!(new[0], "events/paid-dividends/read.json");
    assert_eq!(new[1..4], expected);
    assert_eq!(new[4..], ["tests/it/paid_dividends.rs"]);

    let text = |files: &BTreeMap<_, Vec<u8>>, path: &Path| {
        let text = String::from_utf8(files[path].clone()).unwrap();
        // In the template it stands in a second place, among the outputs.
        text.replace(OUTPUT, "")
    };
    let changed: BTreeMap<&str, String> = before
        .iter()
        .filter(|(path, content)| after[*path] != **content)
        .map(|(path, _)| (path.to_str().unwrap(), inserted(&text(&before, path), &text(&after, path))))
        .collect();
    let lines = |path: &str| changed[path].as_str();
    assert_eq!(changed.len(), 7, "{:?}", changed.keys());
    assert_eq!(
        lines("Cargo.toml"),
        "paid_dividends = { path = \"functions/paid-dividends\", default-features = false }\n"
    );
    assert_eq!(lines("gateway/Cargo.toml"), "paid_dividends.workspace = true\n");
    assert!(lines("gateway/src/registry.rs").contains("(\"paid-dividends\", "));
    assert_eq!(lines("shared/api/src/policy.rs"), "    (\"GET /paid-dividends\", Access::Own),\n");
    assert_eq!(lines("tests/it/policies/expected.rs"), "    (\"GET /paid-dividends\", alone(signed_in(200))),\n");
    assert_eq!(lines("tests/it/main.rs"), "mod paid_dividends;\n");
    assert!(lines("template.yaml").starts_with("  PaidDividendsFunction:\n"));
    assert!(String::from_utf8_lossy(&after[Path::new("template.yaml")]).contains(OUTPUT));

    let leftover = ["new-function", "new_function", "NewFunction"];
    for path in new.iter().map(Path::new).chain(changed.keys().map(Path::new)) {
        let text = text(&after, path);
        assert!(!leftover.iter().any(|name| text.contains(name)), "{}", path.display());
        if path.extension().is_some_and(|extension| extension == "rs") {
            let file = project.path().join(path);
            let formatted = Command::new("rustfmt").args(["--check", "--edition", "2024"]).arg(&file).output().unwrap();
            assert!(formatted.status.success(), "{formatted:?}");
        }
    }
}

#[test]
fn cargo_and_the_template_know_a_new_function() {
    let project = project();
    assert!(make_function(project.path(), "zinc").status.success());
    let manifest = project.path().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let package = |name: &str| metadata.packages.iter().find(|package| package.name == name).unwrap();
    assert!(package("zinc").targets.iter().any(|target| target.is_bin() && target.name == "zinc"));
    assert!(package("gateway").dependencies.iter().any(|dependency| dependency.name == "zinc"));

    let text = std::fs::read_to_string(project.path().join("template.yaml")).unwrap();
    let template = Template::parse(&text).unwrap();
    let function = template.functions.iter().find(|function| function.name == "zinc").unwrap();
    assert_eq!(function.routes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["GET /zinc"]);
    assert!(function.public_routes.is_empty());
    assert!(text.contains("LogGroup: { Ref: ZincLogGroup }\n") && text.contains("\n  ZincLogGroup:\n"));

    let event = std::fs::read(project.path().join("events/zinc/read.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&event).unwrap()["routeKey"], "GET /zinc");
}

#[test]
fn a_name_that_cannot_be_used_changes_nothing() {
    let project = project();
    let before = files(project.path());
    // Malformed, too long, a word of Rust, a crate, a function, a route, a resource, a file of tests.
    for name in [
        "",
        "Quotes",
        "1st",
        "a--b",
        "../up",
        "a-name-that-is-too-long",
        "match",
        "serde-json",
        "health",
        "quotes",
        "live-api",
        "target",
    ] {
        let refused = make_function(project.path(), name);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{name}: {said}");
        assert!(said.lines().count() == 1 && said.ends_with("nothing was changed\n"), "{name}: {said}");
    }
    // A list that is not where it is expected.
    let registry = project.path().join("gateway/src/registry.rs");
    std::fs::write(&registry, "").unwrap();
    assert!(!make_function(project.path(), "dividends").status.success());
    std::fs::write(&registry, &before[Path::new("gateway/src/registry.rs")]).unwrap();
    assert!(files(project.path()) == before);
}

#[test]
fn the_skeleton_compiles_and_documents_its_route() {
    InProcess::with(async |platform| {
        assert!(new_function::router(platform.app).has_routes());
        let document = new_function::openapi();
        assert_eq!(document.paths.paths.keys().collect::<Vec<_>>(), ["/new-function"]);
    });
}
