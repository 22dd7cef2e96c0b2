//! `sextant backup` under load, and `sextant restore`, whole, refused and killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::killed::{CLIENTS, CUSTOMERS, Customer, GIVEN_UP, alter, answer, begin, listed, load, made, verify};
use crate::process::{Server, sextant};

/// Calls that are answered before a backup, and again after it.
const ANSWERED: usize = 40;
/// The size of an object that is larger than what a pipe holds.
const LARGE: usize = 600_000;

fn run(home: &Path, command: &str, file: &Path) -> Output {
    let mut command = sextant(home, &[command, file.to_str().unwrap()]);
    command.stderr(Stdio::piped()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn back_up(home: &Path, file: &Path) {
    let Output { status, stdout, stderr } = run(home, "backup", file);
    assert!(status.success() && text(&stdout).contains(" has the data of "), "{} {}", text(&stdout), text(&stderr));
}

/// The customer with a new session.
async fn signed_in(base: &str, number: usize, customer: &Customer) -> Customer {
    let credentials = json!({ "email": format!("customer-{number}@example.com"), "password": "correct horse battery" });
    let session = made(https::client().unwrap().post(format!("{base}/sessions")).json(&credentials)).await;
    Customer { token: session["token"].as_str().unwrap().to_owned(), ..customer.clone() }
}

/// The ids of all wallet entries and trades.
async fn records(base: &str, customers: &[Customer]) -> BTreeSet<String> {
    let client = https::client().unwrap();
    let mut found = BTreeSet::new();
    for customer in customers {
        for path in ["/wallet/entries", &customer.trades] {
            let items = listed(&client, base, &customer.token, path).await;
            found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_has_every_trade_that_was_answered_before_it_and_its_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let (home, other, file) = (folder.path().join("home"), folder.path().join("other"), folder.path().join("backup"));
    let customers = begin(&home).await;
    let server = Server::start(&home);
    let (answered, mut count) = watch::channel(0);
    let clients = (0..CUSTOMERS * CLIENTS)
        .map(|client| load(server.base.clone(), customers.clone(), client, 0, answered.clone()));
    let clients: JoinSet<_> = clients.collect();
    timeout(GIVEN_UP, count.wait_for(|count| *count >= ANSWERED)).await.expect("so many are answered").unwrap();
    let before = records(&server.base, &customers).await;
    let (from, to) = (home.clone(), file.clone());
    tokio::task::spawn_blocking(move || back_up(&from, &to)).await.unwrap();
    let more = *count.borrow() + ANSWERED;
    timeout(GIVEN_UP, count.wait_for(|count| *count >= more)).await.expect("so many are answered").unwrap();
    server.kill();
    clients.join_all().await;

    let Output { status, stdout, stderr } = run(&other, "restore", &file);
    assert!(status.success(), "{} {}", text(&stdout), text(&stderr));
    let (said, report) = text(&stdout).split_once("found:\n").unwrap();
    assert!(said.contains("now has the data of") && !said.contains("former"), "{said}");
    let report: Value = serde_json::from_str(report).unwrap();
    assert_eq!((&report["unsound"], &report["unverified"]), (&json!([]), &json!([])), "{report}");
    let restored = Server::start(&other);
    let token = &customers[0].token;
    let (status, _, problem) =
        answer(https::client().unwrap().get(format!("{}/wallet", restored.base)).bearer_auth(token)).await.unwrap();
    assert_eq!((status, &problem["code"]), (401, &json!("session_ended")));
    let mut again = Vec::new();
    for (number, customer) in customers.iter().enumerate() {
        again.push(signed_in(&restored.base, number, customer).await);
    }
    let found = records(&restored.base, &again).await;
    restored.kill();
    let server = Server::start(&home);
    let after = records(&server.base, &customers).await;
    server.kill();
    assert!(before.len() > CUSTOMERS && before.is_subset(&found), "{} before, {} restored", before.len(), found.len());
    assert!(found.is_subset(&after) && found.len() < after.len(), "{} restored, {} after", found.len(), after.len());
}

/// Data that were backed up when the first customer had 100, and have 300 now.
struct BackedUp {
    folder: tempfile::TempDir,
    customer: Customer,
}

impl BackedUp {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let customer = begin(&folder.path().join("home")).await[0].clone();
        let data = Self { folder, customer };
        // It does not compress, so that a pipe cannot hold the backup.
        let mut large = vec![0; LARGE];
        fs::File::open("/dev/urandom").unwrap().read_exact(&mut large).unwrap();
        let objects = data.home().join("objects/reports").join(&data.customer.id);
        fs::create_dir_all(&objects).unwrap();
        fs::write(objects.join(format!("{}.pdf", "0".repeat(32))), large).unwrap();
        data.deposit("100").await;
        back_up(&data.home(), &data.file());
        data.deposit("200").await;
        data
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("backup.tar.gz")
    }

    async fn deposit(&self, amount: &str) {
        let server = Server::start(&self.home());
        let deposit =
            https::client().unwrap().post(format!("{}/wallet/deposits", server.base)).bearer_auth(&self.customer.token);
        made(deposit.header("idempotency-key", amount).json(&json!({ "amount": amount }))).await;
    }

    /// The balance in the data folder, whose books must add up.
    async fn balance(&self) -> String {
        let (sound, report) = verify(&self.home());
        assert!(sound, "{report}");
        let server = Server::start(&self.home());
        let customer = signed_in(&server.base, 0, &self.customer).await;
        let wallet = https::client().unwrap().get(format!("{}/wallet", server.base)).bearer_auth(&customer.token);
        let (status, _, wallet) = answer(wallet).await.unwrap();
        assert_eq!(status, 200, "{wallet}");
        wallet["balance"].as_str().unwrap().to_owned()
    }

    /// The folders beside the data folder.
    fn beside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with("home.")).collect()
    }
}

#[tokio::test]
async fn a_restore_is_refused_while_the_platform_runs_and_then_keeps_the_former_data() {
    let data = BackedUp::new().await;
    let server = Server::start(&data.home());
    let Output { status, stderr, .. } = run(&data.home(), "restore", &data.file());
    assert!(!status.success() && text(&stderr).contains("stop it"), "{}", text(&stderr));
    server.kill();
    assert_eq!((data.balance().await.as_str(), data.beside()), ("300.00", Vec::new()));
    let Output { status, stdout, stderr } = run(&data.home(), "restore", &data.file());
    assert!(status.success(), "{}", text(&stderr));
    let kept = &data.beside()[0];
    assert!(text(&stdout).contains(&format!("{kept}\n")), "{}", text(&stdout));
    assert_eq!(data.balance().await, "100.00");
    let (sound, _) = verify(&data.folder.path().join(kept));
    assert!(sound);
}

#[tokio::test]
async fn an_unsound_backup_is_restored_with_its_wallet_frozen_and_the_command_fails() {
    let data = BackedUp::new().await;
    alter(&data.home(), &data.customer).await;
    let file = data.folder.path().join("unsound.tar.gz");
    back_up(&data.home(), &file);
    let other = data.folder.path().join("other");
    let Output { status, stdout, stderr } = run(&other, "restore", &file);
    assert!(!status.success() && text(&stderr).contains("discrepancies"), "{}", text(&stderr));
    let report = text(&stdout).split_once("found:\n").unwrap().1;
    let report: Value = serde_json::from_str(report).unwrap();
    assert_eq!(report["unsound"][0]["customer_id"], json!(data.customer.id));
    let server = Server::start(&other);
    let customer = signed_in(&server.base, 0, &data.customer).await;
    let wallet = https::client().unwrap().get(format!("{}/wallet", server.base)).bearer_auth(&customer.token);
    assert_eq!(answer(wallet).await.unwrap().2["frozen"], true);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_restore_leaves_the_former_data_or_the_restored_data() {
    let data = BackedUp::new().await;
    let backup = fs::read(data.file()).unwrap();
    let restore = |bytes: &[u8]| {
        let mut child = sextant(&data.home(), &["restore", "/dev/stdin"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // More than a pipe holds, so that the program has read a part when all is written.
        input.write_all(bytes).unwrap();
        (child, input)
    };
    for part in [200_000, 400_000, backup.len() - 1] {
        let (mut child, _input) = restore(&backup[..part]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(data.balance().await, "300.00", "{part} bytes");
    }
    // An input that ends too early is refused.
    let (child, input) = restore(&backup[..400_000]);
    drop(input);
    assert!(!child.wait_with_output().unwrap().status.success());
    assert_eq!((data.balance().await.as_str(), data.beside()), ("300.00", Vec::new()));
    // Somewhere between reading the last byte and the end.
    for _ in 0..5 {
        let (mut child, input) = restore(&backup);
        drop(input);
        child.kill().unwrap();
        child.wait().unwrap();
        let balance = data.balance().await;
        assert!(balance == "300.00" || balance == "100.00", "{balance}");
    }
    // Once it has said so.
    let (mut child, input) = restore(&backup);
    drop(input);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("now has the data of"), "{line}");
    match child.kill() {
        Err(error) if error.kind() != ErrorKind::InvalidInput => panic!("{error}"),
        _ => child.wait().unwrap(),
    };
    assert_eq!(data.balance().await, "100.00");
    assert!(data.beside().iter().any(|name| name.starts_with("home.before-restore-")));
}
