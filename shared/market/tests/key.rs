//! Keys, tokens and URLs leave the process only in requests. This is a separate test program because the log must be
//! installed before anything writes to it.

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

/// Texts that only requests contain.
const SECRETS: [&str; 7] = [KEY, TOKEN, "apikey", "/query", "/v8/", "/v1/", "secret search"];

/// A log in memory.
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

/// Everything that the provider outputs for these replies, both errors and data.
async fn output_of(which: Which, replies: Vec<Reply>) -> String {
    let server = Server::start(replies).await;
    let provider = which.at(&server, limits());
    let half_a_second = || lasting(Duration::from_millis(500));
    let daily = provider.fetch_daily(&ibm(), half_a_second()).await.map(|history| history.notes);
    let quote = provider.fetch_quote(&ibm(), half_a_second()).await.map(|quote| quote.price);
    let instrument = provider.fetch_instrument(&ibm(), half_a_second()).await.map(|instrument| instrument.symbol);
    let found = provider.search("secret search", half_a_second()).await.map(|found| found.len());
    if which == Which::AlphaVantage {
        assert!(server.requests()[0].contains(KEY), "the key was sent");
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
fn no_error_or_log_line_contains_a_key_token_or_url() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut output = String::new();
    for which in BOTH {
        let elsewhere = format!("http://127.0.0.1:1/query?apikey={KEY}");
        for fault in faults(which, &elsewhere) {
            output += &runtime.block_on(output_of(which, fault.replies));
        }
        let stalling = Reply::json(KEY).stalling_after(5);
        output += &runtime.block_on(output_of(which, vec![stalling]));
    }
    let log = log.text();
    assert!(log.contains("no answer") && log.contains("IBM"), "the log was written: {log}");
    for written in ["quota", "API key", "status 500", "in time", "alpha_vantage", "yahoo"] {
        assert!(output.contains(written), "the errors were written: {output}");
    }
    for text in [&output, &log] {
        for secret in SECRETS {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret}");
        }
    }
}
