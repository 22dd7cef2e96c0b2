//! `sextant`: the whole platform on one machine.

use std::io::{self, Write};
use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use app::customer_limits::CustomerLimits;
use app::source_limits::SourceLimits;
use clap::{Args, Parser, Subcommand};
use domain::Symbol;
use gateway::error_line::one_line;
use gateway::listen::{ListenError, Listener};
use gateway::logs::LogFormat;
use gateway::signals::Signals;
use gateway::{AlphaVantageAccess, JsonAccess, LiveSources, Pace, Prices, Server, Settings, YahooAccess, open_files};
use market::{ApiPlan, SourceOrder, alpha_vantage};
use serde_json::{Value, json};

/// Prices, backtests, forecasts, reports and portfolios on this machine.
#[derive(Debug, Parser)]
#[command(name = "sextant", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

impl Cli {
    fn log_format(&self) -> LogFormat {
        match &self.command {
            None => self.serve.log_format,
            Some(Command::Serve(args)) => args.log_format,
            Some(_) => LogFormat::Text,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform (the default command).
    Serve(ServeArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the guide to problem codes (docs/errors.md).
    Errors,
    /// Check that the platform on this machine is healthy, and print its health. Fails if it is not.
    Health(AddressArgs),
    /// Print live quotes and alerts, one JSON message per line. Needs the token of a session in `SEXTANT_TOKEN`.
    Listen(ListenArgs),
    /// Recompute every wallet, position and lot, and freeze wallets that do not balance. Continues an interrupted run.
    Verify {
        /// Verify all books from now on, instead of continuing a run that was interrupted.
        #[arg(long)]
        restart: bool,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Write all data to a new file while the platform runs: the database, the objects and the secret for signing links.
    Backup {
        /// The file, such as `sextant-2026-03-02.tar.gz`. It contains records of money; only its owner can read it.
        file: PathBuf,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Replace all data by those of a backup, while the platform is stopped. Checks the backup, ends all sessions, verifies
    /// the books, and keeps the former data under another name.
    Restore {
        /// A file that `sextant backup` has written.
        file: PathBuf,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// End the sessions of all customers, who must then sign in again.
    EndSessions(HomeArgs),
    /// Erase a customer, for example again, after a backup from before their erasure was restored.
    Erase {
        /// The customer's id.
        customer_id: String,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Set the role of a customer. This creates the first administrator.
    SetRole {
        /// The customer's e-mail address.
        email: String,
        /// administrator, advisor or client
        role: String,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Create a one-time token that sets a new password with PUT /customers/password.
    PasswordToken {
        /// The customer's e-mail address.
        email: String,
        #[command(flatten)]
        home: HomeArgs,
    },
}

#[derive(Debug, Args)]
struct ListenArgs {
    /// Symbols to subscribe to.
    #[arg(required = true, num_args = 1..=100, value_name = "SYMBOL")]
    symbols: Vec<Symbol>,
    /// URL of the platform.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// URL of the live connections, if it differs. On AWS it is the stack's output `LiveUrl`.
    #[arg(long)]
    live_url: Option<String>,
}

#[derive(Debug, Args)]
struct HomeArgs {
    /// Folder for all data [default: ~/.local/share/sextant].
    #[arg(long, env = "SEXTANT_HOME")]
    home: Option<PathBuf>,
    /// Folder of CSV files with your own prices, or of Stooq's unpacked bulk file.
    #[arg(long, env = "SEXTANT_PRICES")]
    prices: Option<PathBuf>,
    /// JSON file that describes the API of your own price provider. Its key is read from `SEXTANT_JSON_PROVIDER_KEY`.
    #[arg(long, env = "SEXTANT_JSON_PROVIDER", value_name = "FILE")]
    json_provider: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct AddressArgs {
    /// Port; 0 picks a free port.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// IP address to listen on; 0.0.0.0 stands for every IPv4 address of this machine [default: 127.0.0.1].
    #[arg(long, env = "SEXTANT_BIND", default_value = "", hide_default_value = true, value_parser = bind_address)]
    bind: IpAddr,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    address: AddressArgs,
    #[command(flatten)]
    place: HomeArgs,
    /// Template to use instead of the built-in one.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Host that requests may name in addition to localhost, without a port; can be given more than once. In the variable
    /// hosts are separated by commas.
    #[arg(long = "allow-host", env = "SEXTANT_HOSTS", value_delimiter = ',', value_name = "HOST")]
    allowed_hosts: Vec<String>,
    /// Origin, such as `https://app.example`, whose pages may call the API and open live connections, in addition to the
    /// platform's own; can be given more than once.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// The form of log lines on standard error; `RUST_LOG` selects which are written.
    #[arg(long, value_name = "FORMAT", env = "SEXTANT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Do not run scheduled functions.
    #[arg(long)]
    no_schedules: bool,
    /// Replay the history of the sample, or of the files in `SEXTANT_PRICES`, as if it happened now: at SPEED trading
    /// days per second, or with `step` one trading day for each line on standard input. The server keeps running at the
    /// end of the input. A replay has its own data, in the folder `replay` inside the home.
    #[arg(long, value_name = "SPEED|step")]
    replay: Option<Pace>,
}

impl From<AddressArgs> for SocketAddr {
    fn from(args: AddressArgs) -> Self {
        Self::new(args.bind, args.port)
    }
}

/// Shells and compose files use an empty variable for "not set".
fn bind_address(text: &str) -> Result<IpAddr, AddrParseError> {
    if text.is_empty() { Ok(Ipv4Addr::LOCALHOST.into()) } else { text.parse() }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    gateway::logs::start(cli.log_format(), &traces::Settings::read("sextant", variable));
    let done = match cli.command {
        Some(Command::Errors) => print(&gateway::errors::guide()),
        Some(Command::Openapi) => gateway::openapi::document().and_then(|document| print(&document)),
        Some(Command::Serve(args)) => serve(args),
        Some(Command::Health(address)) => check_health(address),
        Some(Command::Listen(args)) => listen(&args),
        Some(Command::Backup { file, home }) => back_up(home, &file),
        Some(Command::Restore { file, home }) => restore(home, &file),
        Some(Command::EndSessions(home)) => operate(home, json!({ "command": "end-sessions" })),
        Some(Command::Erase { customer_id, home }) => {
            operate(home, json!({ "command": "erase", "customer_id": customer_id }))
        }
        Some(Command::Verify { restart, home }) => operate(home, json!({ "command": "verify", "restart": restart })),
        Some(Command::SetRole { email, role, home }) => {
            operate(home, json!({ "command": "set-role", "email": email, "role": role }))
        }
        Some(Command::PasswordToken { email, home }) => {
            operate(home, json!({ "command": "password-token", "email": email }))
        }
        None => serve(cli.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed, the error cannot be reported.
            let _ = writeln!(io::stderr(), "sextant: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// A variable of the environment. Shells and make use an empty one for "not set".
#[expect(clippy::disallowed_methods, reason = "this is where configuration enters")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn serve(args: ServeArgs) -> anyhow::Result<()> {
    open_files::allow_all();
    let settings = settings(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let server = Server::start(settings).await?;
        print(&gateway::welcome::text(server.address(), server.platform()))?;
        signals.wait().await;
        tracing::info!("stopping; signal again to stop immediately");
        tokio::select! {
            () = server.stop() => {}
            () = signals.wait() => {}
        }
        Ok(())
    })
}

/// Prints the health of the platform that listens on this address.
fn check_health(address: AddressArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let health = runtime.block_on(gateway::health_check::check(address.into()))?;
    print(&format!("{health}\n"))
}

/// Prints messages until listening ends or the output is closed.
#[expect(
    clippy::disallowed_methods,
    reason = "a token must not be an argument: all users of the machine can read those"
)]
fn listen(args: &ListenArgs) -> anyhow::Result<()> {
    let token = std::env::var("SEXTANT_TOKEN")
        .context("SEXTANT_TOKEN is not set; set it to the token that POST /sessions returns")?;
    let mut listener = Listener::new(&args.url, args.live_url.as_deref(), token.into(), args.symbols.clone())?;
    let on_message = |message: &Value| match writeln!(io::stdout(), "{message}").and_then(|()| io::stdout().flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(listener.listen(on_message)) {
        Err(ListenError::OutputClosed) => Ok(()),
        Err(ended) => Err(ended.into()),
    }
}

/// Runs an operator command and prints its result.
fn operate(place: HomeArgs, command: Value) -> anyhow::Result<()> {
    let settings = command_settings(place)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    print_result(runtime.block_on(gateway::operations::run(&settings, command)))
}

/// Prints the result of an operator command.
fn print_result(done: anyhow::Result<Value>) -> anyhow::Result<()> {
    // Books that do not balance are a failure, but the findings are printed too.
    let found = match &done {
        Ok(answer) => Some(answer),
        Err(error) => match error.downcast_ref() {
            Some(operator::Failure::Unsound(report)) => Some(report),
            _ => None,
        },
    };
    if let Some(found) = found {
        print(&format!("{}\n", serde_json::to_string_pretty(found)?))?;
    }
    done.map(drop)
}

/// Writes a backup and prints what it contains.
fn back_up(place: HomeArgs, file: &Path) -> anyhow::Result<()> {
    let manifest = gateway::operations::back_up(&command_settings(place)?, file)?;
    print(&format!("{} has {}\n", file.display(), manifest))
}

/// Restores a backup, and prints what it contained, where the former data are, and the result of the verification.
fn restore(place: HomeArgs, file: &Path) -> anyhow::Result<()> {
    let settings = command_settings(place)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let restored = runtime.block_on(gateway::operations::restore(&settings, file))?;
    print(&restored.to_string())?;
    print_result(restored.verification)
}

/// The settings of a command that is not `serve`.
fn command_settings(place: HomeArgs) -> anyhow::Result<Settings> {
    settings(ServeArgs {
        address: AddressArgs { port: 0, bind: Ipv4Addr::LOCALHOST.into() },
        place,
        template: None,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        log_format: LogFormat::Text,
        no_schedules: true,
        replay: None,
    })
}

#[expect(clippy::disallowed_methods, reason = "this is where configuration and the wall clock enter")]
fn settings(args: ServeArgs) -> anyhow::Result<Settings> {
    let set = variable;
    let given = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
    let default_home = || Some(PathBuf::from(set("HOME")?).join(".local/share/sextant"));
    let home = given(args.place.home)
        .or_else(default_home)
        .context("neither SEXTANT_HOME nor HOME is set; set SEXTANT_HOME to a folder for the data")?;
    // Not an argument: all users of the machine can read those.
    let key = set("ALPHA_VANTAGE_API_KEY");
    let plan = ApiPlan::from_settings(alpha_vantage::PLAN_SETTINGS, set)?;
    let base_url = set("ALPHA_VANTAGE_URL");
    let alpha_vantage = key.map(|key| AlphaVantageAccess { key: key.into(), plan, base_url });
    let yahoo = set("SEXTANT_YAHOO").filter(|value| value == "on");
    let yahoo = yahoo.map(|_| YahooAccess { base_url: set("YAHOO_URL") });
    // Not an argument either, for the same reason as above.
    let json_key = set("SEXTANT_JSON_PROVIDER_KEY").map(Into::into);
    let json = given(args.place.json_provider);
    let json = json.map(|file| JsonAccess::read(&file, json_key, set("JSON_PROVIDER_URL"))).transpose()?;
    let order = SourceOrder::from_settings(set)?;
    let prices = match given(args.place.prices) {
        Some(folder) => Prices::Folder(folder),
        None if alpha_vantage.is_none() && yahoo.is_none() && json.is_none() => Prices::Sample,
        None => Prices::Live(Box::new(LiveSources { alpha_vantage, yahoo, json, order })),
    };
    let home = if args.replay.is_some() { home.join(gateway::replay::FOLDER) } else { home };
    Ok(Settings {
        home: std::path::absolute(home)?,
        address: args.address.into(),
        prices,
        template: args.template,
        allowed_hosts: args.allowed_hosts,
        allowed_origins: args.allowed_origins,
        schedules: !args.no_schedules,
        source_limits: SourceLimits::from_settings(set)?.on_one_machine(),
        customer_limits: CustomerLimits::from_settings(set)?,
        replay: args.replay,
        clock: Arc::new(chrono::Utc::now),
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader of the output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        assert!(Cli::parse_from(["sextant"]).command.is_none());
        assert!(Cli::try_parse_from(["sextant", "listen"]).is_err());
        let Some(Command::Serve(args)) = Cli::parse_from(["sextant", "serve", "--replay", "2.5"]).command else {
            panic!("serve is a command")
        };
        assert_eq!(args.replay, Some(Pace::DaysASecond(2.5)));
        let Some(Command::Serve(args)) = Cli::parse_from(["sextant", "serve", "--replay", "step"]).command else {
            panic!("serve is a command")
        };
        assert_eq!(args.replay, Some(Pace::Step));
        assert!(Cli::try_parse_from(["sextant", "serve", "--replay", "0"]).is_err());
        assert!(matches!(Cli::parse_from(["sextant", "serve", "--port", "1"]).command, Some(Command::Serve(_))));
    }
}
