//! The files of a crate have no import cycles, so that each can be read after those that it uses.
//!
//! A file uses another through a path, in a `use` or in its code: `crate::day::Day`, `super::Lot`, `lots::read`.
//! Declaring a module, or re-exporting from it items that the file itself does not use (`mod`, `pub use`), does not
//! count. An item imported through a re-export counts as imported from the re-exporting file: inside a crate, import
//! items where they are defined.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tidy::{files_below, root};

/// The path of a module, empty for the root of its crate.
type Module = Vec<String>;

/// The files that each file of a crate uses.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The module in this file. The module of a `main.rs` cannot be imported.
fn module(source: &Path, file: &Path) -> Option<Module> {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut names: Module = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    names.pop_if(|name| name == "lib" || name == "mod");
    (names != ["main"]).then_some(names)
}

/// The tokens of a file without its comments and the tests at its end.
pub fn tokens(text: &str) -> Vec<&str> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let lines: Vec<&str> = text.lines().filter(is_code).map(|line| line.split(" // ").next().unwrap()).collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].ends_with('{') && pair[1].split(' ').any(|word| word == "mod")
    });
    let mut tokens = Vec::new();
    for line in &lines[..tests.unwrap_or(lines.len())] {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
            let sign = if rest.starts_with("::") { 2 } else { rest.chars().next().map_or(0, char::len_utf8) };
            let (token, after) = rest.split_at(word.max(sign));
            tokens.push(token);
            rest = after.trim_start();
        }
    }
    tokens
}

/// The tokens of the code, and those of its re-exports.
fn parted(tokens: Vec<&str>) -> (Vec<&str>, Vec<&str>) {
    let (mut code, mut re_exports): (Vec<&str>, Vec<&str>) = Default::default();
    let mut is_re_export = false;
    for token in tokens {
        is_re_export |= token == "use" && code.last().is_some_and(|last| ["pub", ")"].contains(last));
        let part = if is_re_export { &mut re_exports } else { &mut code };
        part.push(token);
        if is_re_export && token == ";" {
            is_re_export = false;
            code.push(token);
        }
    }
    (code, re_exports)
}

/// The paths that a file uses: those in its code, and those of its re-exports that it uses itself.
fn needed(text: &str) -> Vec<Vec<&str>> {
    let (code, re_exports) = parted(tokens(text));
    let is_type = |name: &str| name.starts_with(char::is_uppercase);
    let named = code.windows(2).filter(|pair| is_type(pair[0]) || pair[1] == "(").map(|pair| pair[0]);
    let used: BTreeSet<&str> = named.collect();
    let mut found = paths(&re_exports);
    found.retain(|path| path.last().is_some_and(|name| used.contains(name)));
    found.extend(paths(&code));
    found
}

/// Every path in the tokens, with groups in braces (`a::{b, c::d}`) expanded.
fn paths<'a>(tokens: &[&'a str]) -> Vec<Vec<&'a str>> {
    let is_word = |token: &str| token.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_');
    let at = |index: usize| tokens.get(index).copied().unwrap_or("");
    let mut found = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut before_braces: Vec<Vec<&str>> = Vec::new();
    for (index, &token) in tokens.iter().enumerate() {
        let continues = index > 0 && at(index - 1) == "::";
        match token {
            "{" => before_braces.push(if continues { path.clone() } else { Vec::new() }),
            "}" => drop(before_braces.pop()),
            _ if is_word(token) => {
                if !continues {
                    path = before_braces.last().cloned().unwrap_or_default();
                }
                path.push(token);
                let goes_on = at(index + 1) == "::" && (is_word(at(index + 2)) || at(index + 2) == "{");
                if !goes_on {
                    found.push(path.clone());
                }
            }
            "*" if continues => found.push([&path[..], &[token]].concat()),
            // A path after `>::` or with a leading `::` is not relative to this module.
            "::" if index == 0 || !is_word(at(index - 1)) => path = vec![""],
            _ => {}
        }
    }
    found.retain(|path| path.len() > 1);
    found
}

/// The file of a path relative to this module; `None` if it is outside the crate.
fn file_of(path: &[&str], from: &Module, files: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|name| **name == "super").count();
    let (base, names) = match path {
        ["crate", names @ ..] => (&[][..], names),
        ["self", names @ ..] => (&from[..], names),
        ["super", ..] => (&from[..from.len().checked_sub(ups)?], &path[ups..]),
        [child, ..] => {
            let is_child = files.contains(&[&from[..], &[(*child).to_owned()]].concat());
            is_child.then_some((&from[..], path))?
        }
        [] => return None,
    };
    let full: Module = base.iter().cloned().chain(names.iter().map(|name| (*name).to_owned())).collect();
    (0..=full.len()).rev().map(|length| full[..length].to_vec()).find(|module| files.contains(module))
}

fn imports<'a>(texts: impl IntoIterator<Item = (Module, &'a str)>) -> Imports {
    let texts: BTreeMap<Module, &str> = texts.into_iter().collect();
    let files: BTreeSet<Module> = texts.keys().cloned().collect();
    let of = |module: &Module, text: &str| {
        let named = needed(text).into_iter().filter_map(|path| file_of(&path, module, &files));
        named.filter(|named| named != module).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), of(module, text))).collect()
}

/// The files that remain after repeatedly removing each one that uses no other and each one that no other uses: the
/// cycles, and the files between two of them.
fn circles(mut imports: Imports) -> Imports {
    loop {
        let named: BTreeSet<Module> = imports.values().flatten().cloned().collect();
        let left: BTreeSet<Module> = imports
            .iter()
            .filter(|(file, names)| !names.is_empty() && named.contains(*file))
            .map(|(file, _)| file.clone())
            .collect();
        if left.len() == imports.len() {
            return imports;
        }
        imports.retain(|file, _| left.contains(file));
        for names in imports.values_mut() {
            names.retain(|name| left.contains(name));
        }
    }
}

fn imports_of_crate(folder: &Path) -> Imports {
    let source = folder.join("src");
    let files = files_below(&source, "rs").into_iter();
    let files = files.filter_map(|file| Some((module(&source, &file)?, std::fs::read_to_string(&file).unwrap())));
    let texts: Vec<(Module, String)> = files.collect();
    imports(texts.iter().map(|(module, text)| (module.clone(), text.as_str())))
}

#[test]
fn no_crate_has_an_import_cycle_between_files() {
    let below = |name: &str| std::fs::read_dir(root().join(name)).unwrap().map(|entry| entry.unwrap().path());
    let folders = below("shared").chain(below("functions")).chain([root().join("gateway")]);
    let mut read = 0;
    let mut found = Vec::new();
    for folder in folders.filter(|folder| folder.join("Cargo.toml").exists()) {
        let imports = imports_of_crate(&folder);
        read += imports.values().filter(|names| !names.is_empty()).count();
        let path = |module: &Module| [&["crate".to_owned()], &module[..]].concat().join("::");
        for (file, names) in circles(imports) {
            let names: Vec<String> = names.iter().map(path).collect();
            found.push(format!("{}: {} names {}", folder.display(), path(&file), names.join(", ")));
        }
    }
    assert!(read > 200, "only {read} files name another: the paths are not read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_cycle_is_found_in_every_notation_of_paths() {
    let name = |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Module>();
    let circle = |texts: &[(&str, &str)]| {
        let texts = texts.iter().map(|(path, text)| (name(path), *text));
        circles(imports(texts)).into_keys().map(|file| file.join("::")).collect::<Vec<_>>()
    };
    let root = ("", "mod a;\npub(crate) use a::A;\npub use b::B;");
    // A parent and its child, siblings by braces and from code, and three in a row.
    assert_eq!(circle(&[root, ("a", "mod b;\nuse b::B;"), ("a::b", "use super::*;")]), ["a", "a::b"]);
    assert_eq!(
        circle(&[root, ("a", "use crate::{c::C, b::{self, B}};"), ("b", "fn b() { super::a::a() }")]),
        ["a", "b"]
    );
    let row = [("a", "use crate::b;"), ("b", "impl crate::c::C {}"), ("c", "use crate::a::*;")];
    assert_eq!(circle(&[&[root], &row[..]].concat()), ["a", "b", "c"]);
    // Through an item that the root re-exports and uses itself.
    let taken = ("a", "use crate::B;");
    assert_eq!(circle(&[("", "pub use a::A;\nuse a::f;\npub use b::B;"), taken, ("b", "")]), ["", "a"]);
    assert_eq!(circle(&[("", "pub use a::A;\npub use b::B;\nfn f() -> A {}"), taken, ("b", "")]), ["", "a"]);
    // A declaration, a re-export, a comment, the tests at the end of a file and another crate's names do not count.
    let tests = "// crate::c\n#[cfg(test)]\nmod tests {\n    use crate::c::C;\n}";
    assert!(circle(&[root, ("a", "use std::b::B;"), ("b", tests), ("c", "use crate::{a::A, b::B};")]).is_empty());
    assert!(circle(&[root, taken, ("b", "")]).is_empty());
}
