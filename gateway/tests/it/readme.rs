//! The commands of README's section "Run it", run one after another in a shell as a reader runs them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gateway::welcome;

use crate::process::{Server, sextant};

/// Printed when a block of commands has succeeded.
const DONE: &str = "readme-block-done";
/// The port of a platform that README starts without naming one.
const DEFAULT_PORT: &str = "8080";

fn readme() -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(place).unwrap();
    text.split_once("\n## Run it\n").unwrap().1.split_once("\n## ").unwrap().0.to_owned()
}

/// The blocks of shell commands, in order.
fn blocks(section: &str) -> Vec<&str> {
    section.split("\n```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// A command that starts a platform, as README writes it: the variables before it, and the program's arguments.
struct Start<'a> {
    variables: Vec<(&'a str, &'a str)>,
    arguments: Vec<&'a str>,
}

impl<'a> Start<'a> {
    /// The command of a block that starts a platform and does nothing else.
    fn of(block: &'a str) -> Option<Self> {
        let words: Vec<_> = block.split_whitespace().collect();
        let variables: Vec<_> = words.iter().map_while(|word| word.split_once('=')).collect();
        let arguments = match &words[variables.len()..] {
            ["make" | "cargo", "run"] => Vec::new(),
            ["cargo", "run", "--", "serve", ..] => words[variables.len() + 3..].to_vec(),
            _ => return None,
        };
        Some(Self { variables, arguments })
    }

    fn port(&self) -> &'a str {
        self.variables.iter().find(|(name, _)| *name == "PORT").map_or(DEFAULT_PORT, |(_, port)| port)
    }

    /// Starts it on a free port.
    fn run(&self, folder: &Path) -> Server {
        let variable = |wanted| self.variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let home = folder.join(variable("SEXTANT_HOME").unwrap_or("home"));
        let mut command = sextant(&home, &self.arguments);
        command.current_dir(folder).envs(self.variables.iter().copied().filter(|(name, _)| *name != "SEXTANT_HOME"));
        Server::run(command.env("PORT", "0"))
    }
}

/// A shell that stops at the first command that fails.
struct Shell {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Shell {
    fn open(folder: &Path) -> Self {
        let mut command = Command::new("bash");
        command.arg("-s").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.env("SEXTANT_HOME", folder.join("home")).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut shell = Self { child, output };
        shell.run("exec 2>&1; set -euo pipefail\n");
        shell
    }

    /// Runs a block of commands, and gives what they print.
    fn run(&mut self, block: &str) -> String {
        let input = self.child.stdin.as_mut().unwrap();
        // A command that fails has ended the shell, which then reads no more; the output says so.
        let _ = write!(input, "{block}\necho; echo {DONE}\n");
        let mut printed = String::new();
        for line in self.output.by_ref().lines().map(Result::unwrap) {
            if line == DONE {
                return printed;
            }
            printed.push_str(&line);
            printed.push('\n');
        }
        panic!("README's commands failed:\n{block}\nThey printed:\n{printed}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // A shell that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_commands_of_the_readme_succeed_one_after_another() {
    let section = readme();
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell::open(folder.path());
    let mut servers: Vec<(String, Server)> = Vec::new();
    let mut printed = String::new();
    for block in blocks(&section) {
        if let Some(start) = Start::of(block) {
            servers.push((format!("http://127.0.0.1:{}", start.port()), start.run(folder.path())));
            continue;
        }
        let mut commands = block.replace("cargo run --", env!("CARGO_BIN_EXE_sextant"));
        for (address, server) in &servers {
            commands = commands.replace(address, &server.base);
        }
        // It listens until it is stopped: one quote is enough.
        let listens = |line: &str| {
            if line.contains(" listen ") { format!("{line} | grep --max-count 1 quote") } else { line.to_owned() }
        };
        printed += &shell.run(&commands.lines().map(listens).collect::<Vec<_>>().join("\n"));
    }
    assert_eq!(servers.len(), 3);
    assert!(std::fs::read(folder.path().join("AAPL.pdf")).unwrap().starts_with(b"%PDF-"));
    // What the text says of the answers: a lot, a performance, a live quote, the day of one's own prices.
    for said in [
        r#""purchase_price":"130.9""#,
        r#""attribution":{"#,
        r#""type":"quote""#,
        r#""market_day":"2024-01-03""#,
        r#""role": "administrator""#,
    ] {
        assert!(printed.contains(said), "{said} is not in:\n{printed}");
    }
}

#[test]
fn every_request_of_the_readme_fails_where_it_is_refused() {
    let section = readme();
    let requests = || blocks(&section).into_iter().flat_map(|block| block.split("curl ").skip(1));
    assert!(requests().count() > 10 && requests().all(|options| options.starts_with("-f")));
}

#[test]
fn the_program_prints_the_commands_that_the_readme_shows() {
    let section = readme();
    assert_eq!(blocks(&section)[1..4].concat(), welcome::sign_in("http://127.0.0.1:8080"));
}

#[test]
#[should_panic(expected = "README's commands failed")]
fn a_command_that_fails_in_the_middle_of_a_pipe_fails_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let missing: PathBuf = folder.path().join("missing");
    Shell::open(folder.path()).run(&format!("TOKEN=$(cat {} | sed s/a/b/)", missing.display()));
}
