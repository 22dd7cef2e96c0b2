//! `sextant`: the whole platform on one machine.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use app::source_limits::SourceLimits;
use clap::{Args, Parser, Subcommand};
use domain::Symbol;
use gateway::listen::{Ended, Listener};
use gateway::{AlphaVantageAccess, Pace, Prices, Server, Settings, YahooAccess, open_files};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

/// Prices, backtests, forecasts and reports, on this machine.
#[derive(Debug, Parser)]
#[command(name = "sextant", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform (what happens without a command).
    Serve(ServeArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the guide to problem codes (docs/errors.md).
    Errors,
    /// Listen to live quotes and alerts, one JSON message per line. The token of a session is read from `SEXTANT_TOKEN`.
    Listen(ListenArgs),
    /// Recompute every wallet, position and lot, and freeze the wallets whose books do not add up.
    Verify(HomeArgs),
    /// Give a customer a role; this makes the first administrator.
    SetRole {
        /// What the customer signs in with.
        email: String,
        /// administrator, advisor or client.
        role: String,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Make a one-time token that sets a new password (PUT /customers/password).
    PasswordToken {
        /// What the customer signs in with.
        email: String,
        #[command(flatten)]
        home: HomeArgs,
    },
}

#[derive(Debug, Args)]
struct ListenArgs {
    /// What to listen to.
    #[arg(required = true, num_args = 1..=100, value_name = "SYMBOL")]
    symbols: Vec<Symbol>,
    /// The platform's address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The address of its live connections, where that is another one: in AWS the stack's output `LiveUrl`.
    #[arg(long)]
    live_url: Option<String>,
}

#[derive(Debug, Args)]
struct HomeArgs {
    /// Folder that data is kept in [default: ~/.local/share/sextant].
    #[arg(long, env = "SEXTANT_HOME")]
    home: Option<PathBuf>,
    /// Folder of CSV files that prices are taken from.
    #[arg(long, env = "SEXTANT_PRICES")]
    prices: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Port of 127.0.0.1 to listen on; 0 picks a free one.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    place: HomeArgs,
    /// Template to read instead of the project's own.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Host, beside localhost, that requests may name; can be given more than once.
    #[arg(long = "allow-host", value_name = "HOST")]
    allowed_hosts: Vec<String>,
    /// Origin, such as `https://app.example`, beside the platform's own, whose pages may open live connections; can be given
    /// more than once.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// Do not run the schedules.
    #[arg(long)]
    no_schedules: bool,
    /// Play the history of the sample, or of the files in `SEXTANT_PRICES`, as if it happened now: so many trading days a
    /// second, or with `step` a trading day with each line on standard input, whose end leaves the server running. Its
    /// data is kept apart, in the folder replay of the home.
    #[arg(long, value_name = "SPEED|step")]
    replay: Option<Pace>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    let done = match cli.command {
        Some(Command::Errors) => print(&gateway::errors::guide()),
        Some(Command::Openapi) => gateway::openapi::document().and_then(|document| print(&document)),
        Some(Command::Serve(args)) => serve(args),
        Some(Command::Listen(args)) => listen(&args),
        Some(Command::Verify(home)) => operate(home, json!({ "command": "verify" })),
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
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "sextant: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
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
        tracing::info!("stopping; once more stops at once");
        tokio::select! {
            () = server.stop() => {}
            () = signals.wait() => {}
        }
        Ok(())
    })
}

/// Prints what is heard until it is over for good, or its output is closed.
#[expect(clippy::disallowed_methods, reason = "a token is no argument: those can be read by everybody on the machine")]
fn listen(args: &ListenArgs) -> anyhow::Result<()> {
    let token = std::env::var("SEXTANT_TOKEN").context("SEXTANT_TOKEN is not set; POST /sessions gives a token")?;
    let mut listener = Listener::new(&args.url, args.live_url.as_deref(), token.into(), args.symbols.clone())?;
    let hear = |message: &Value| match writeln!(io::stdout(), "{message}").and_then(|()| io::stdout().flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(listener.listen(hear)) {
        Err(Ended::Enough) => Ok(()),
        Err(ended) => Err(ended.into()),
    }
}

/// Runs a command of the operator and prints its answer.
fn operate(place: HomeArgs, command: Value) -> anyhow::Result<()> {
    let settings = settings(ServeArgs {
        port: 0,
        place,
        template: None,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        no_schedules: true,
        replay: None,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(gateway::operations::run(&settings, command));
    // Books that do not add up are a failure, and what was found is what one wants to read.
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

#[expect(clippy::disallowed_methods, reason = "this is where configuration and the wall clock enter")]
fn settings(args: ServeArgs) -> anyhow::Result<Settings> {
    // An empty variable is how shells and make say "not set".
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let given = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
    let default_home = || Some(PathBuf::from(set("HOME")?).join(".local/share/sextant"));
    let home = given(args.place.home).or_else(default_home).context("neither SEXTANT_HOME nor HOME is set")?;
    // Not an argument: those can be read by everybody on the machine.
    let key = set("ALPHA_VANTAGE_API_KEY");
    let alpha_vantage = key.map(|key| AlphaVantageAccess { key: key.into(), base_url: set("ALPHA_VANTAGE_URL") });
    let yahoo = set("SEXTANT_YAHOO").filter(|value| value == "on");
    let yahoo = yahoo.map(|_| YahooAccess { base_url: set("YAHOO_URL") });
    let prices = match given(args.place.prices) {
        Some(folder) => Prices::Folder(folder),
        None if alpha_vantage.is_none() && yahoo.is_none() => Prices::Sample,
        None => Prices::Live { alpha_vantage, yahoo },
    };
    let home = if args.replay.is_some() { home.join(gateway::replay::FOLDER) } else { home };
    Ok(Settings {
        home: std::path::absolute(home)?,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        prices,
        template: args.template,
        allowed_hosts: args.allowed_hosts,
        allowed_origins: args.allowed_origins,
        schedules: !args.no_schedules,
        source_limits: SourceLimits::from_settings(set)?.on_one_machine(),
        replay: args.replay,
        clock: Arc::new(chrono::Utc::now),
    })
}

/// The error with its causes, leaving out those that it has told already.
fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        known if known.contains(&cause) => told,
        _ => format!("{told}: {cause}"),
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read this has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// The signals that ask a process to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        // An error means that the signal cannot be waited for; the other one still can.
        let interrupt = async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        tokio::select! {
            () = interrupt => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        interrupt.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_says_nothing_twice() {
        let error = anyhow::anyhow!("no such file").context("cannot read a.csv: no such file").context("prices");
        assert_eq!(one_line(&error), "prices: cannot read a.csv: no such file");
        assert_eq!(one_line(&anyhow::anyhow!("a").context("b")), "b: a");
    }

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
