//! `serve --replay step` as a user runs it: each line on standard input is a trading day.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{ChildStderr, Stdio};

use serde_json::Value;

use crate::process::{Server, sextant};

fn start(home: &Path) -> Server {
    let mut command = sextant(home, &["serve", "--port", "0", "--no-schedules", "--replay", "step"]);
    Server::run(command.env("RUST_LOG", "info").stdin(Stdio::piped()).stderr(Stdio::piped()))
}

/// Reads the log as far as the next line that says this, and gives that line.
fn next_line(log: &mut BufReader<ChildStderr>, text: &str) -> String {
    log.by_ref().lines().map(Result::unwrap).find(|line| line.contains(text)).unwrap()
}

async fn market_day(server: &Server) -> Value {
    let health = https::client().unwrap().get(format!("{}/health", server.base)).send().await.unwrap();
    health.json::<Value>().await.unwrap()["market_day"].take()
}

#[tokio::test]
async fn each_line_on_standard_input_is_a_trading_day_and_the_server_keeps_running() {
    let home = tempfile::tempdir().unwrap();
    let mut server = start(home.path());
    let (mut input, mut log) = (server.input(), server.log());
    assert_eq!(market_day(&server).await, "2010-03-02");
    for (line, day) in [("\n", "2010-03-03"), ("next\n", "2010-03-04"), ("\r\n", "2010-03-05"), ("\n", "2010-03-08")] {
        input.write_all(line.as_bytes()).unwrap();
        let said = next_line(&mut log, ": replayed ");
        assert!(said.contains(day), "{said}");
        assert_eq!(market_day(&server).await, day);
    }
    // What has no end of its own is a line too once the input ends.
    input.write_all(b"\nlast").unwrap();
    drop(input);
    next_line(&mut log, "standard input has ended");
    assert_eq!(market_day(&server).await, "2010-03-10");
    server.kill();
    let server = start(home.path());
    assert_eq!(market_day(&server).await, "2010-03-10", "it goes on from where it stopped");
}
