//! The address on which the program listens, the hosts that it accepts, and its own health check.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::{Response, header};

use crate::process::{Server, sextant};

/// Starts the program on a free port, with these settings.
fn start(home: &Path, settings: &[(&str, &str)]) -> Server {
    let mut command = sextant(home, &["serve", "--port", "0", "--no-schedules"]);
    Server::run_anywhere(command.envs(settings.iter().copied()))
}

/// `GET /health` of a request that names this host.
async fn health(base: &str, host: &str) -> Response {
    https::client().unwrap().get(format!("{base}/health")).header(header::HOST, host).send().await.unwrap()
}

/// Runs `sextant health` against the port of this URL.
fn check(base: &str, settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant"));
    let port = base.rsplit_once(':').unwrap().1;
    command.arg("health").env_remove("SEXTANT_BIND").env("PORT", port).envs(settings.iter().copied());
    command.output().unwrap()
}

#[tokio::test]
async fn by_default_it_listens_on_loopback_alone_and_says_nothing_of_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    // Compose files set a variable without a value for "not set".
    let mut server = start(folder.path(), &[("SEXTANT_BIND", ""), ("SEXTANT_HOSTS", "")]);
    assert!(server.base.starts_with("http://127.0.0.1:"), "{}", server.base);
    assert!(server.printed().starts_with("Data is stored in "));
}

#[tokio::test]
async fn on_all_addresses_it_still_refuses_hosts_that_are_not_named_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &[("SEXTANT_BIND", "0.0.0.0")]);
    let printed = [server.printed(), server.printed()];
    assert!(printed[0].starts_with("Other machines can reach it on 0.0.0.0, over plain HTTP"), "{printed:?}");
    assert_eq!(printed[1], "It accepts requests for localhost, 127.0.0.1, [::1]; SEXTANT_HOSTS adds host names");
    // The printed URL leads to this machine, so that the printed commands work.
    assert!(server.base.starts_with("http://127.0.0.1:"), "{}", server.base);
    assert_eq!(health(&server.base, "localhost").await.status(), 200);
    for host in ["evil.example", "0.0.0.0", "192.0.2.7:8080"] {
        let refused = health(&server.base, host).await;
        assert_eq!(refused.status(), 421, "{host}");
        assert!(refused.text().await.unwrap().contains("SEXTANT_HOSTS"));
    }
}

#[tokio::test]
async fn hosts_are_a_list_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("SEXTANT_BIND", "0.0.0.0"), ("SEXTANT_HOSTS", "sextant.example, 192.0.2.7")];
    let server = start(folder.path(), &settings);
    for host in ["sextant.example", "SEXTANT.example:8443", "192.0.2.7:80", "localhost"] {
        assert_eq!(health(&server.base, host).await.status(), 200, "{host}");
    }
    assert_eq!(health(&server.base, "evil.sextant.example").await.status(), 421);
}

#[test]
fn an_address_or_host_that_cannot_be_meant_stops_it_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, value, reason) in [
        ("SEXTANT_HOSTS", "https://sextant.example", "is not a host name or an IP address"),
        ("SEXTANT_HOSTS", "*", "is not a host name or an IP address"),
        ("SEXTANT_BIND", "everywhere", "invalid value 'everywhere' for '--bind <BIND>'"),
        ("SEXTANT_BIND", "192.0.2.7", "this machine does not have the address 192.0.2.7"),
    ] {
        let mut command = sextant(folder.path(), &["serve", "--port", "0"]);
        let ended = command.env(setting, value).stderr(std::process::Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(reason), "{setting}={value}: {said}");
    }
}

#[test]
fn the_health_check_succeeds_while_the_platform_answers_and_fails_after() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("SEXTANT_BIND", "0.0.0.0")]);
    let base = server.base.clone();
    for settings in [&[("SEXTANT_BIND", "0.0.0.0")][..], &[], &[("HTTP_PROXY", "http://127.0.0.1:1")]] {
        let healthy = check(&base, settings);
        assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
        assert!(String::from_utf8(healthy.stdout).unwrap().contains(r#""status":"ok""#));
    }
    server.kill();
    let gone = check(&base, &[]);
    assert!(!gone.status.success());
    assert!(String::from_utf8(gone.stderr).unwrap().contains("/health does not answer"));
}
