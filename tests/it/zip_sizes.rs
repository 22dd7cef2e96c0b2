//! The check at the end of `make build`: a function whose zip is too large fails it.

use std::path::Path;
use std::process::{Command, Output};

use crate::tidy::root;

const LARGEST: usize = 5_000_000;

/// Bytes that no compression makes smaller: xorshift64, G. Marsaglia, "Xorshift RNGs", 2003.
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word).take(length.div_ceil(8)).flatten().take(length).collect()
}

/// Checks functions with these names, whose programs have these many incompressible bytes.
fn check(functions: &[(&str, usize)]) -> Output {
    let built = tempfile::tempdir().unwrap();
    for (name, length) in functions {
        let folder = built.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("bootstrap"), incompressible(*length)).unwrap();
    }
    run(built.path())
}

#[expect(clippy::disallowed_methods, reason = "make passes the interpreter on")]
fn run(built: &Path) -> Output {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    Command::new(python).arg(root().join("tools/zip_sizes.py")).arg(built).output().unwrap()
}

#[test]
fn a_zip_that_is_too_large_fails_the_build_with_its_name_and_size() {
    let checked = check(&[("customers", LARGEST), ("health", 1000)]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stderr).unwrap();
    let size = said.split_once("too large: customers (").unwrap_or_else(|| panic!("{said}")).1;
    let size: String = size.split(' ').next().unwrap().replace(',', "");
    assert!(size.parse::<usize>().unwrap() > LARGEST && !said.contains("health"), "{said}");
}

#[test]
fn zips_that_are_small_enough_are_listed() {
    let checked = check(&[("customers", LARGEST - 10_000), ("fetch-data", LARGEST)]);
    let listed = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let names: Vec<_> = listed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["customers", "fetch-data"], "{listed}");
}

#[test]
fn a_build_without_a_function_fails() {
    assert_eq!(check(&[]).status.code(), Some(1));
}
