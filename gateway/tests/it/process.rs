//! The program in its own process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

/// A platform in its own process, which is killed on drop.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub base: String,
    /// What it prints after its first line. Held, so that it can write.
    output: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(home: &Path) -> Self {
        Self::start_with(home, &[])
    }

    /// Starts it with additional settings.
    pub fn start_with(home: &Path, settings: &[(&str, &str)]) -> Self {
        Self::run(sextant(home, &["serve", "--port", "0", "--no-schedules"]).envs(settings.iter().copied()))
    }

    /// Runs a command that serves, and waits until it listens on 127.0.0.1.
    pub fn run(command: &mut Command) -> Self {
        let server = Self::run_anywhere(command);
        assert!(server.base.starts_with("http://127.0.0.1:"), "{}", server.base);
        server
    }

    /// Runs a command that serves, and waits until it listens.
    pub fn run_anywhere(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, base, output }
    }

    /// The next line that it prints.
    pub fn printed(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Its standard input, where the command has it piped.
    pub fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Its log, where the command has standard error piped.
    pub fn log(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.child.stderr.take().unwrap())
    }

    /// Kills the process as a power cut would, without a signal that it can handle.
    pub fn kill(self) {
        drop(self);
    }

    /// A figure of the process's memory, such as `VmRSS`, in kB.
    #[cfg(target_os = "linux")]
    pub fn kilobytes(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A process that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with these arguments, and with no setting of the environment that the tests run in.
pub fn sextant(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant"));
    command.args(arguments).arg("--home").arg(home).env("RUST_LOG", "off");
    let settings =
        ["ALPHA_VANTAGE_API_KEY", "PORT", "SEXTANT_HOME", "SEXTANT_LOG_FORMAT", "SEXTANT_PRICES", "SEXTANT_YAHOO"];
    let by_source = ["SEXTANT_REGISTRATION_LIMIT", "SEXTANT_SIGN_IN_LIMIT", "SEXTANT_TRUSTED_PROXY"];
    let by_customer =
        ["SEXTANT_REPORT_LIMIT", "SEXTANT_EXPORT_LIMIT", "SEXTANT_IMPORT_LIMIT", "SEXTANT_BACKTEST_LIMIT"];
    let address = ["SEXTANT_BIND", "SEXTANT_HOSTS"];
    let traces = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME",
        "OTEL_TRACES_SAMPLER",
    ];
    for variable in settings.into_iter().chain(by_source).chain(by_customer).chain(address).chain(traces) {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}
