//! The folder engine: the suite of all engines, and what only files can get wrong.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::CustomerId;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::conformance::{self, Answer, Server};
use crate::{FolderObjects, LinkError, LinkOptions, ObjectError, ObjectKey, Objects, Served};

const SECRET: [u8; 32] = [42; 32];

/// Answers links as the gateway's route does, with a clock of its own.
struct FolderServer {
    objects: FolderObjects,
    behind_seconds: Arc<AtomicI64>,
    folder: TempDir,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 500_000_000).unwrap()
}

fn key(number: u8) -> ObjectKey {
    ObjectKey::new("reports", CustomerId(Uuid::nil()), [number; 16], "pdf").unwrap()
}

fn for_five_minutes() -> LinkOptions {
    LinkOptions { lifetime: Duration::from_mins(5), filename: "AAPL.pdf".to_owned() }
}

fn server_at(base_url: &str) -> FolderServer {
    let folder = TempDir::new().unwrap();
    let behind_seconds = Arc::new(AtomicI64::new(0));
    let behind = behind_seconds.clone();
    let clock = Arc::new(move || now() - TimeDelta::seconds(behind.load(Ordering::SeqCst)));
    let objects = FolderObjects::open(folder.path().join("objects"), SECRET, clock).unwrap();
    objects.set_base_url(base_url).unwrap();
    FolderServer { objects, behind_seconds, folder }
}

fn server() -> FolderServer {
    server_at("http://127.0.0.1:8080")
}

async fn follow(objects: &FolderObjects, url: &str) -> Result<Served, LinkError> {
    let url = Url::parse(url).unwrap();
    let key = url.path().split_once("/_objects/").unwrap().1;
    objects.verify(key, url.query().unwrap_or(""), now()).await
}

#[async_trait]
impl Server for FolderServer {
    fn objects(&self) -> &dyn Objects {
        &self.objects
    }

    fn set_clock_back(&self, by: Duration) {
        self.behind_seconds.store(by.as_secs() as i64, Ordering::SeqCst);
    }

    async fn fetch(&self, url: &str) -> Answer {
        let refusal = |status| Answer {
            status,
            content_type: String::new(),
            content_disposition: String::new(),
            body: Vec::new(),
        };
        match follow(&self.objects, url).await {
            Ok(Served { bytes, content_type, content_disposition }) => {
                Answer { status: 200, content_type, content_disposition, body: bytes }
            }
            Err(LinkError::Forbidden) => refusal(403),
            Err(LinkError::Gone) => refusal(404),
            Err(LinkError::Store(error)) => panic!("{error}"),
        }
    }

    fn link_parameters(&self) -> [&'static str; 3] {
        ["expires", "filename", "signature"]
    }
}

#[tokio::test]
async fn the_folder_passes_the_suite_of_all_engines() {
    conformance::run(&server(), 1, Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn objects_and_links_outlive_the_process_that_made_them() {
    let server = server();
    server.objects.put(&key(1), b"report".to_vec(), "application/pdf").await.unwrap();
    let link = server.objects.link(&key(1), for_five_minutes()).await.unwrap();
    let reopened = FolderObjects::open(server.folder.path().join("objects"), SECRET, Arc::new(now)).unwrap();
    assert_eq!(follow(&reopened, &link.url).await.unwrap().bytes, b"report");
}

#[tokio::test]
async fn a_link_keeps_the_path_of_the_base_address() {
    for (base, start) in [
        ("http://localhost:4000", "http://localhost:4000/_objects/reports/"),
        ("https://example.com/sextant/", "https://example.com/sextant/_objects/reports/"),
    ] {
        let link = server_at(base).objects.link(&key(1), for_five_minutes()).await.unwrap();
        assert!(link.url.starts_with(start), "{}", link.url);
        assert_eq!(link.expires_at.timestamp(), 1_700_000_300);
    }
}

#[tokio::test]
async fn there_are_no_links_before_the_address_is_known_and_it_is_set_only_once() {
    let folder = TempDir::new().unwrap();
    let objects = FolderObjects::open(folder.path(), SECRET, Arc::new(now)).unwrap();
    let early = objects.link(&key(1), for_five_minutes()).await;
    assert!(matches!(early, Err(ObjectError::Address { .. })), "{early:?}");
    for bad in ["", "127.0.0.1:8080", "ftp://host", "http://host?x=1", "http://host#x"] {
        assert!(objects.set_base_url(bad).is_err(), "{bad:?}");
    }
    let clone = objects.clone();
    objects.set_base_url("http://127.0.0.1:1").unwrap();
    assert!(clone.set_base_url("http://127.0.0.1:2").is_err());
    assert!(clone.link(&key(1), for_five_minutes()).await.unwrap().url.starts_with("http://127.0.0.1:1/"));
}

#[tokio::test]
async fn a_path_that_is_no_key_is_refused_without_touching_the_disk() {
    let server = server();
    fs::write(server.folder.path().join("secret"), "x").unwrap();
    server.objects.put(&key(1), b"x".to_vec(), "text/plain").await.unwrap();
    let link = server.objects.link(&key(1), for_five_minutes()).await.unwrap();
    let query = Url::parse(&link.url).unwrap().query().unwrap().to_owned();
    let beside = format!("{}.content-type", key(1));
    for path in ["../secret", "..%2Fsecret", "", "/", "reports//../secret", &beside] {
        let refused = server.objects.verify(path, &query, now()).await;
        assert!(matches!(refused, Err(LinkError::Forbidden)), "{path:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_write_leaves_no_unfinished_file_behind() {
    let server = server();
    let root = server.folder.path().join("objects");
    for content in ["first", "second"] {
        server.objects.put(&key(1), content.into(), "text/plain").await.unwrap();
    }
    let mut names: Vec<_> = files_under(&root);
    names.sort();
    assert_eq!(names, [key(1).to_string(), format!("{}.content-type", key(1))]);
    server.objects.delete(&key(1)).await.unwrap();
    assert_eq!(files_under(&root), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_dead_process_left_is_removed_but_not_what_another_is_writing() {
    let folder = TempDir::new().unwrap();
    let customer = folder.path().join("reports/customer-1");
    fs::create_dir_all(&customer).unwrap();
    for (name, age_minutes) in [(".unfinished-old", 61), (".unfinished-new", 1), ("finished", 61)] {
        let file = fs::File::create(customer.join(name)).unwrap();
        file.set_modified(SystemTime::from(now()) - Duration::from_secs(age_minutes * 60)).unwrap();
    }
    FolderObjects::open(folder.path(), SECRET, Arc::new(now)).unwrap();
    let mut names = files_under(folder.path());
    names.sort();
    assert_eq!(names, ["reports/customer-1/.unfinished-new", "reports/customer-1/finished"]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_folders_and_files() {
    use std::os::unix::fs::PermissionsExt;

    let server = server();
    server.objects.put(&key(1), b"x".to_vec(), "text/plain").await.unwrap();
    let root = server.folder.path().join("objects");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("reports")), 0o700);
    assert_eq!(mode(&root.join(key(1).as_str())), 0o600);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    FolderObjects::open(&root, SECRET, Arc::new(now)).unwrap();
    assert_eq!(mode(&root), 0o700, "a folder that was there already");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_with_its_cause() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let refused = FolderObjects::open(file, SECRET, Arc::new(now));
    assert!(matches!(&refused, Err(error @ ObjectError::Failed(_)) if !error.is_retryable()), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_sees_half_an_object() {
    let server = server();
    let objects = server.objects.clone();
    objects.put(&key(1), vec![0; 200_000], "text/plain").await.unwrap();
    let writer = tokio::spawn(async move {
        for byte in 1..=20 {
            objects.put(&key(1), vec![byte; 200_000], "text/plain").await.unwrap();
        }
    });
    while !writer.is_finished() {
        let bytes = server.objects.get(&key(1)).await.unwrap().unwrap();
        assert_eq!(bytes.len(), 200_000);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    }
    writer.await.unwrap();
}

/// The files under `root`, relative to it.
fn files_under(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

#[tokio::test]
async fn objects_of_a_prefix_are_removed_once_they_are_older_than_its_limit() {
    let server = server();
    let other = ObjectKey::new("results", CustomerId(Uuid::nil()), [3; 16], "json").unwrap();
    server.set_clock_back(Duration::from_mins(1));
    server.objects.put(&key(1), b"old".to_vec(), "text/plain").await.unwrap();
    server.objects.put(&other, b"old".to_vec(), "text/plain").await.unwrap();
    server.set_clock_back(Duration::ZERO);
    server.objects.put(&key(2), b"new".to_vec(), "text/plain").await.unwrap();
    let remove = async |prefix: &str| server.objects.remove_stored_before(prefix, now()).await.unwrap();
    assert_eq!((remove("reports").await, remove("reports").await, remove("exports").await), (1, 0, 0));
    assert_eq!(server.objects.get(&key(1)).await.unwrap(), None);
    assert_eq!(server.objects.get(&key(2)).await.unwrap(), Some(b"new".to_vec()));
    assert_eq!(server.objects.get(&other).await.unwrap(), Some(b"old".to_vec()), "another prefix has another limit");
    let left = fs::read_dir(server.folder.path().join("objects/reports").join(Uuid::nil().to_string())).unwrap();
    assert_eq!(left.count(), 2, "nothing of the old one is left, its content type neither");
}

#[tokio::test]
async fn what_is_no_object_and_what_cannot_be_removed_keep_no_expired_object_from_being_removed() {
    let server = server();
    server.set_clock_back(Duration::from_mins(1));
    let reports = server.folder.path().join("objects/reports");
    for number in 1..=3 {
        let customer = CustomerId(Uuid::from_u128(number));
        let key = ObjectKey::new("reports", customer, [1; 16], "pdf").unwrap();
        server.objects.put(&key, b"old".to_vec(), "text/plain").await.unwrap();
    }
    let old = |path: &Path| fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    fs::write(reports.join(".DS_Store"), "x").unwrap();
    let stray = reports.join(Uuid::from_u128(2).to_string()).join("a folder");
    fs::create_dir(&stray).unwrap();
    old(&reports.join(".DS_Store"));
    old(&stray);
    assert_eq!(server.objects.remove_stored_before("reports", now()).await.unwrap(), 3);
    assert_eq!(files_under(&reports), [".DS_Store"]);
    assert!(stray.is_dir());
}

#[cfg(unix)]
#[tokio::test]
async fn an_expired_object_is_removed_though_another_cannot_be_and_the_failure_is_reported() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = server();
    server.set_clock_back(Duration::from_mins(1));
    let reports = server.folder.path().join("objects/reports");
    let folder_of = |number: u128| reports.join(Uuid::from_u128(number).to_string());
    for number in 1..=3 {
        let key = ObjectKey::new("reports", CustomerId(Uuid::from_u128(number)), [1; 16], "pdf").unwrap();
        server.objects.put(&key, b"old".to_vec(), "text/plain").await.unwrap();
    }
    fs::set_permissions(folder_of(2), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(folder_of(2).join("x"), "x").is_ok() {
        // The rights of a folder bind no administrator, who can do everything.
        fs::remove_file(folder_of(2).join("x")).unwrap();
        assert_eq!(server.objects.remove_stored_before("reports", now()).await.unwrap(), 3);
        return;
    }
    let failed = server.objects.remove_stored_before("reports", now()).await;
    assert!(matches!(failed, Err(ObjectError::Failed(_))), "{failed:?}");
    let left = |number| fs::read_dir(folder_of(number)).unwrap().count();
    assert_eq!((left(1), left(2), left(3)), (0, 2, 0));
    fs::set_permissions(folder_of(2), fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_link_leads_to_where_its_request_was_sent() {
    let server = server();
    server.objects.put(&key(1), b"x".to_vec(), "text/plain").await.unwrap();
    let link = || async { server.objects.link(&key(1), for_five_minutes()).await.unwrap().url };
    assert!(link().await.starts_with("http://127.0.0.1:8080/_objects/"));
    let asked_at = "https://sextant.home.arpa".parse().unwrap();
    let link = crate::run_with_links_to(asked_at, link()).await;
    assert!(link.starts_with("https://sextant.home.arpa/_objects/"), "{link}");
    assert_eq!(follow(&server.objects, &link).await.unwrap().bytes, b"x", "whatever its host, the signature holds");
}
