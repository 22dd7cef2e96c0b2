//! The API key leaves the process in requests alone. A test program of its own: a log that is to hold every
//! line must be there before anything else writes one.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

#[allow(dead_code, reason = "each test program uses a part of the server")]
mod server;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use domain::Symbol;
use market::alpha_vantage::{AlphaVantage, Limits, Settings, SlidingDay};
use market::{Patience, Provider};
use server::{Reply, Server};

/// A key that no other text contains by chance.
const KEY: &str = "CANARYKEY42";

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

/// Answers that echo the key, fail, or do both.
fn replies() -> Vec<Reply> {
    let sentence = |member: &str, text: &str| Reply::json(&format!("{{\"{member}\": \"{KEY}: {text}\"}}"));
    vec![
        sentence("Information", "please consider spreading out your requests (1 request per second)"),
        sentence("Note", "our standard API rate limit is 25 requests per day"),
        sentence("Information", "this is a premium endpoint"),
        sentence("Error Message", "the parameter apikey is invalid"),
        sentence("Error Message", "Invalid API call"),
        sentence("Greeting", "hello"),
        Reply::json(KEY),
        Reply::status(500),
        Reply::status(429),
        Reply::status(301).header("Location", &format!("/query?apikey={KEY}")),
        Reply::json(KEY).stalling_after(5),
        Reply::json(KEY).closing_after(5),
        Reply::body(vec![b' '; 6 << 20]),
        Reply::body(b"no gzip".to_vec()).header("Content-Encoding", "gzip"),
    ]
}

/// Everything that the provider's errors say about an answer.
async fn told_of(reply: Reply) -> String {
    let server = Server::start(vec![reply]).await;
    let mut settings = Settings::with_base(KEY.into(), &server.address()).unwrap();
    settings.limits = Limits {
        caller: Duration::from_millis(100),
        spacing: Duration::from_millis(1),
        backoff: Duration::from_millis(1),
        ..Limits::default()
    };
    let budget = SlidingDay::new(25, Arc::new(|| DateTime::UNIX_EPOCH));
    let provider = AlphaVantage::new(settings, Arc::new(budget)).unwrap();
    let symbol: Symbol = "IBM".parse().unwrap();
    let errors = [
        provider.daily(&symbol, Patience::Caller).await.unwrap_err(),
        provider.instrument(&symbol).await.unwrap_err(),
        provider.quote(&symbol, Patience::Caller).await.unwrap_err(),
    ];
    assert!(server.requests()[0].contains(KEY), "the key is sent");
    errors.map(|error| format!("{error} {error:?}")).join("\n")
}

#[test]
fn the_key_is_in_no_error_and_in_no_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut told = String::new();
    for reply in replies() {
        told += &runtime.block_on(told_of(reply));
    }
    let log = log.text();
    assert!(log.contains("no answer") && log.contains("IBM"), "the log is written: {log}");
    assert!(told.contains("quota"), "the errors are written: {told}");
    for text in [&told, &log] {
        assert!(!text.contains(KEY) && !text.contains("apikey"), "{text}");
    }
}
