//! The log contains the route of each request and nothing that clients send in paths, queries, headers and bodies. This
//! is a separate test program because the log belongs to the whole process.

#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod settings;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use gateway::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "0190aaaa-0000-7000-8000-00000000cafe";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends a request with this line; gives the status of the answer.
async fn status_of(server: &Server, line: &str, more: &str) -> u16 {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_routes_and_nothing_that_a_client_sent() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let home = tempfile::tempdir().unwrap();
    let settings = settings::settings(home.path(), || "2026-11-20T12:00:00Z".parse().unwrap());
    let server = Server::start(settings).await.unwrap();
    let bearer = format!("Authorization: Bearer {SECRET}\r\n");
    for (line, more, status) in [
        (format!("GET /portfolios/{SECRET}"), "", 401),
        (format!("DELETE /portfolios/{SECRET}%3F/investments/{SECRET}"), "", 400),
        (format!("DELETE /alerts/{SECRET}"), bearer.as_str(), 401),
        (format!("GET /nothing/{SECRET}?token={SECRET}"), "", 404),
        (format!("GET /health?token={SECRET}"), bearer.as_str(), 422),
        (format!("GET /_objects/reports/{SECRET}/{SECRET}.pdf?signature={SECRET}"), "", 403),
        (format!("GET /{SECRET}/%00"), "", 400),
    ] {
        assert_eq!(status_of(&server, &line, more).await, status, "{line}");
    }
    server.stop().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/portfolios/{id}") && log.contains("/health"), "routes are in it: {log}");
    assert!(log.contains("BadRequest"), "refusals are in it: {log}");
    assert_eq!(log.lines().find(|line| line.contains(SECRET)), None);
}
