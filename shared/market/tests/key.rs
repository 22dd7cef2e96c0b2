//! Keys, tokens and addresses leave the process in requests alone. A test program of its own: a log that is to
//! hold every line must be there before anything else writes one.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

#[path = "it/budget.rs"]
#[allow(dead_code, reason = "the other test program uses the rest of the budgets")]
mod budget;
#[path = "it/scripted.rs"]
#[allow(dead_code, reason = "the other test program uses the rest of the script")]
mod scripted;
#[path = "it/server.rs"]
#[allow(dead_code, reason = "the other test program uses the rest of the server")]
mod server;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use budget::lasting;
use scripted::{BOTH, KEY, TOKEN, Which, faults, ibm, limits};
use server::{Reply, Server};

/// What only a request holds.
const SECRETS: [&str; 7] = [KEY, TOKEN, "apikey", "/query", "/v8/", "/v1/", "secret search"];

/// A log kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that the provider says about these answers, errors and data of notes alike.
async fn told_of(which: Which, replies: Vec<Reply>) -> String {
    let server = Server::start(replies).await;
    let provider = which.at(&server, limits());
    let half_a_second = || lasting(Duration::from_millis(500));
    let daily = provider.fetch_daily(&ibm(), half_a_second()).await.map(|history| history.notes);
    let quote = provider.fetch_quote(&ibm(), half_a_second()).await.map(|quote| quote.price);
    let instrument = provider.fetch_instrument(&ibm(), half_a_second()).await.map(|instrument| instrument.symbol);
    let found = provider.search("secret search", half_a_second()).await.map(|found| found.len());
    if which == Which::AlphaVantage {
        assert!(server.requests()[0].contains(KEY), "the key is sent");
    }
    let errors = [daily.as_ref().err(), quote.as_ref().err(), instrument.as_ref().err(), found.as_ref().err()];
    let errors = errors.into_iter().flatten().map(|error| format!("{error} {error:?}")).collect::<Vec<_>>();
    format!(
        "{provider}\n{daily:?} {quote:?} {instrument:?} {found:?}\n{}",
        errors.join("\n"),
        provider = provider.source()
    )
}

#[test]
fn no_key_no_token_and_no_address_is_in_any_error_or_log_line() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut told = String::new();
    for which in BOTH {
        let elsewhere = format!("http://127.0.0.1:1/query?apikey={KEY}");
        for fault in faults(which, &elsewhere) {
            told += &runtime.block_on(told_of(which, fault.replies));
        }
        let stalling = Reply::json(KEY).stalling_after(5);
        told += &runtime.block_on(told_of(which, vec![stalling]));
    }
    let log = log.text();
    assert!(log.contains("no answer") && log.contains("IBM"), "the log is written: {log}");
    for written in ["quota", "API key", "status 500", "in time", "alpha_vantage", "yahoo"] {
        assert!(told.contains(written), "the errors are written: {told}");
    }
    for text in [&told, &log] {
        for secret in SECRETS {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret}");
        }
    }
}
