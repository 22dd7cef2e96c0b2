//! The OpenAPI document, held to what the platform does by tools that read it: two generators of clients, and
//! schemathesis, which generates requests.
//!
//! The tools and what they run are in `tests/contract`. They are there when `SEXTANT_TEST_CONTRACT` names the folder
//! into which the Makefile installed them; without it each of these tests prints the word SKIPPED, which fails
//! `make test`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Server;

/// The number of random requests for each operation; `make soak` sends more.
const EXAMPLES: &str = "30";
/// The hourly limits of a customer, which generated requests would soon reach.
const LIMITS: [&str; 4] =
    ["SEXTANT_BACKTEST_LIMIT", "SEXTANT_EXPORT_LIMIT", "SEXTANT_IMPORT_LIMIT", "SEXTANT_REPORT_LIMIT"];

/// The tools that the Makefile installed.
struct Tools {
    folder: PathBuf,
}

impl Tools {
    fn installed() -> Option<Self> {
        let folder = setting("SEXTANT_TEST_CONTRACT");
        if folder.is_none() {
            #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
            {
                eprintln!("SKIPPED: SEXTANT_TEST_CONTRACT is not set");
            }
        }
        folder.map(|folder| Self { folder: folder.into() })
    }

    /// A program of the virtual environment.
    fn python(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("venv/bin").join(program));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A program of a package from npm.
    fn npm(&self, program: &str) -> Command {
        Command::new(self.folder.join("node_modules/.bin").join(program))
    }
}

/// A setting of the test run.
fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the test run sets where its tools are")]
    std::env::var(name).ok()
}

/// A file or folder of `tests/contract`.
fn part(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/contract").join(name).canonicalize().unwrap()
}

/// Runs a tool to its end and panics with its output if it fails.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{out}\n{err}");
}

#[test]
fn a_client_that_openapi_python_client_generates_invests() {
    let Some(tools) = Tools::installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = (Server::start(&folder.path().join("home")), folder.path().join("client"));
    let document = format!("{}/openapi.json", server.base);
    let mut generator = tools.python("openapi-python-client");
    generator.args(["generate", "--fail-on-warning", "--url", &document, "--config"]);
    run(generator.arg(part("openapi-python-client.yaml")).arg("--output-path").arg(&client));
    run(tools.python("python").env("PYTHONPATH", &client).arg(part("invest.py")).arg(&server.base));
}

#[test]
fn a_client_with_the_types_of_openapi_typescript_compiles_strictly_and_invests() {
    let Some(tools) = Tools::installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("home"));
    for file in ["invest.ts", "package.json", "tsconfig.json"] {
        std::fs::copy(part(file), folder.path().join(file)).unwrap();
    }
    symlink(tools.folder.join("node_modules"), folder.path().join("node_modules")).unwrap();
    let document = format!("{}/openapi.json", server.base);
    run(tools.npm("openapi-typescript").args([&document, "--output", "api.d.ts"]).current_dir(folder.path()));
    run(tools.npm("tsc").current_dir(folder.path()));
    run(Command::new("node").args(["invest.js", &server.base]).current_dir(folder.path()));
}

#[test]
fn generated_requests_get_the_answers_that_the_document_promises() {
    let Some(tools) = Tools::installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &LIMITS.map(|limit| (limit, "0")));
    let examples = setting("SEXTANT_SOAK_EXAMPLES").unwrap_or_else(|| EXAMPLES.to_owned());
    let mut fuzz = tools.python("python");
    fuzz.arg(part("fuzz.py")).args([&server.base, &examples, "--program", env!("CARGO_BIN_EXE_sextant"), "--home"]);
    // Where schemathesis writes, if it does.
    run(fuzz.arg(folder.path()).current_dir(folder.path()));
}
