//! `deploy/smoke.sh`, which tests a deployment from outside.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::process::Server;

fn run(url: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/smoke.sh");
    Command::new(script).arg(url).output().unwrap()
}

#[test]
fn a_running_platform_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    // Also with a slash at the end, as people copy it.
    for url in [server.base.clone(), format!("{}/", server.base)] {
        let passed = run(&url);
        let said = String::from_utf8(passed.stdout).unwrap();
        assert!(passed.status.success(), "{said}{}", String::from_utf8_lossy(&passed.stderr));
        assert_eq!(said.lines().count(), 5, "{said}");
    }
}

#[test]
fn what_answers_every_request_alike_does_not_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(&stream).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let body = r#"{"status":"ok","openapi": "3.1.0"}<title>"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    let failed = run(&url);
    assert!(!failed.status.success());
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(said.starts_with("FAILED: GET /portfolios was to answer 401"), "{said}");
}
