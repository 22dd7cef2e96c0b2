use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::sync::Arc;

use domain::CustomerId;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use objects::{FolderObjects, ObjectKey, Objects as _};
use store::{Body, Clock, Key, Table as _, Write};
use store_sqlite::SqliteTable;
use tempfile::TempDir;

use super::*;
use crate::home::HomeError;

fn now() -> DateTime<Utc> {
    "2026-03-02T14:31:07Z".parse().unwrap()
}

fn clock() -> Clock {
    Arc::new(|| "2026-03-01T12:00:00Z".parse().unwrap())
}

fn object(number: u8) -> ObjectKey {
    let customer = CustomerId("0190aaaa-0000-7000-8000-000000000009".parse().unwrap());
    ObjectKey::new("reports", customer, [number; 16], "pdf").unwrap()
}

fn item() -> Key {
    Key::new("P", "1")
}

/// A data folder whose database has this value, with two objects.
async fn data(path: &Path, value: &str) {
    let home = Home::open(path).unwrap();
    let secret = home.load_link_secret().unwrap();
    let table = SqliteTable::open(&home.database(), clock()).unwrap();
    table.transact(vec![Write::create(item(), Body::Json(format!("{value:?}")))]).await.unwrap();
    let objects = FolderObjects::open(home.objects(), secret, clock()).unwrap();
    for number in [1, 2] {
        objects.put(&object(number), vec![number; 1000], "application/pdf").await.unwrap();
    }
    fs::write(home.objects().join("reports/not-an-object"), "x").unwrap();
}

async fn value(path: &Path) -> String {
    let home = Home::open_unlocked(path).unwrap();
    let table = SqliteTable::open(&home.database(), clock()).unwrap();
    let Body::Json(text) = table.get(&item()).await.unwrap().unwrap().body else { panic!("bytes") };
    text.trim_matches('"').to_owned()
}

/// A folder with the data folder `home` and its backup `backup.tar.gz`.
async fn backed_up() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    data(&folder.path().join("home"), "first").await;
    write(&Home::open_unlocked(&folder.path().join("home")).unwrap(), &backup(&folder), now()).unwrap();
    folder
}

fn backup(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("backup.tar.gz")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn what_was_backed_up_is_restored_into_a_new_folder() {
    let folder = backed_up().await;
    let (home, other) = (folder.path().join("home"), folder.path().join("deep/er/other"));
    let staged = Staged::unpack(&other, &backup(&folder)).unwrap();
    assert_eq!(staged.manifest().objects, 2);
    assert_eq!(staged.manifest().files.len(), 6);
    assert_eq!(staged.manifest().created_at, now());
    assert!(!other.exists());
    assert_eq!(staged.take_place(now()).unwrap(), None);
    assert_eq!(value(&other).await, "first");
    assert_eq!(names(other.parent().unwrap()), ["other"]);
    let [from, to] = [&home, &other].map(|path| Home::open(path).unwrap());
    assert_eq!(from.load_link_secret().unwrap(), to.load_link_secret().unwrap());
    let restored = FolderObjects::open(to.objects(), [0; 32], clock()).unwrap();
    assert_eq!(restored.get(&object(2)).await.unwrap(), Some(vec![2; 1000]));
    // They expire when they would have.
    let age = |home: &Home| fs::metadata(home.objects().join(object(1).as_str())).unwrap().modified().unwrap();
    assert_eq!(age(&from), age(&to));
    assert!(!to.objects().join("reports/not-an-object").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_and_what_is_restored_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = backed_up().await;
    let other = folder.path().join("other");
    Staged::unpack(&other, &backup(&folder)).unwrap().take_place(now()).unwrap();
    let mut paths = vec![backup(&folder), other];
    while let Some(path) = paths.pop() {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
        if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[tokio::test]
async fn a_backup_is_made_while_a_platform_runs_and_a_restore_is_refused() {
    let folder = backed_up().await;
    let home = folder.path().join("home");
    let platform = Home::open(&home).unwrap();
    let second = folder.path().join("second.tar.gz");
    write(&Home::open_unlocked(&home).unwrap(), &second, now()).unwrap();
    let refusal = Staged::unpack(&home, &second).unwrap_err();
    let pid = std::process::id();
    assert!(
        matches!(refusal, BackupError::Home(HomeError::InUse { pid: Some(found), .. }) if found == pid),
        "{refusal}"
    );
    drop(platform);
    assert!(Staged::unpack(&home, &second).is_ok());
    // A replay in the same folder would be moved with it.
    let _replay = Home::open(&home.join("replay")).unwrap();
    assert!(matches!(Staged::unpack(&home, &second), Err(BackupError::Home(HomeError::InUse { .. }))));
}

#[tokio::test]
async fn a_file_that_exists_is_not_replaced_by_a_backup_and_a_failed_backup_leaves_nothing() {
    let folder = backed_up().await;
    let home = Home::open_unlocked(&folder.path().join("home")).unwrap();
    let before = fs::read(backup(&folder)).unwrap();
    assert!(matches!(write(&home, &backup(&folder), now()), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(backup(&folder)).unwrap(), before);
    fs::write(home.database(), "not a database, and long enough that SQLite reads its header").unwrap();
    assert!(matches!(write(&home, &folder.path().join("other"), now()), Err(BackupError::Database(_))));
    assert_eq!(names(folder.path()), ["backup.tar.gz", "home"]);
}

#[tokio::test]
async fn the_former_data_are_kept_under_another_name() {
    let folder = backed_up().await;
    let home = folder.path().join("home");
    fs::rename(&home, folder.path().join("elsewhere")).unwrap();
    data(&home, "second").await;
    let kept = Staged::unpack(&home, &backup(&folder)).unwrap().take_place(now()).unwrap().unwrap();
    assert_eq!((value(&home).await.as_str(), value(&kept).await.as_str()), ("first", "second"));
    assert_eq!(kept, folder.path().canonicalize().unwrap().join("home.before-restore-2026-03-02T143107Z"));
    // The same second once more: what is kept is not replaced, and the data stay.
    let staged = Staged::unpack(&home, &backup(&folder)).unwrap();
    assert!(matches!(staged.take_place(now()), Err(BackupError::NotReplaced { .. })));
    assert_eq!((value(&home).await.as_str(), value(&kept).await.as_str()), ("first", "second"));
    assert!(!folder.path().join("home.restoring").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_folder_behind_a_link_is_replaced_where_it_is() {
    let folder = backed_up().await;
    let (home, link) = (folder.path().join("home"), folder.path().join("link"));
    std::os::unix::fs::symlink(&home, &link).unwrap();
    Staged::unpack(&link, &backup(&folder)).unwrap().take_place(now()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(value(&link).await, "first");
    assert!(names(folder.path()).contains(&"home.before-restore-2026-03-02T143107Z".to_owned()));
}

#[tokio::test]
async fn a_restore_that_was_given_up_or_killed_leaves_the_data_and_does_not_hinder_the_next() {
    let folder = backed_up().await;
    let home = folder.path().join("home");
    drop(Staged::unpack(&home, &backup(&folder)).unwrap());
    assert_eq!(names(folder.path()), ["backup.tar.gz", "home"]);
    // What a kill while unpacking leaves.
    let staging = folder.path().join("home.restoring");
    fs::create_dir_all(staging.join("objects")).unwrap();
    fs::write(staging.join("sextant.sqlite"), "half").unwrap();
    Staged::unpack(&home, &backup(&folder)).unwrap().take_place(now()).unwrap();
    assert_eq!(value(&home).await, "first");
    assert!(!staging.exists());
}

/// The files of an archive by name.
fn parts(bytes: &[u8]) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let entries = archive.entries()?.map(|entry| {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        Ok((entry.path()?.to_string_lossy().into_owned(), content))
    });
    entries.collect()
}

/// An archive of files in this order, also of such whose names the library refuses to write.
fn archive<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        if name.contains("..") || name.starts_with('/') {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, content).unwrap();
        } else {
            tar.append_data(&mut header, name, content).unwrap();
        }
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// What is wrong with these bytes as a backup of `home`, which must not change.
async fn damage(folder: &TempDir, bytes: &[u8]) -> Damage {
    let (home, altered) = (folder.path().join("home"), folder.path().join("altered.tar.gz"));
    fs::write(&altered, bytes).unwrap();
    let refusal = Staged::unpack(&home, &altered).unwrap_err();
    assert_eq!(value(&home).await, "first");
    assert_eq!(names(folder.path()), ["altered.tar.gz", "backup.tar.gz", "home"]);
    assert_eq!(refusal.to_string().lines().count(), 1);
    let BackupError::Damaged { damage, .. } = refusal else { panic!("{refusal}") };
    damage
}

#[tokio::test]
async fn a_backup_of_which_any_part_was_altered_changes_nothing() {
    const DATABASE: &str = "sextant-backup-1/sextant.sqlite";
    const MANIFEST: &str = "sextant-backup-1/manifest.json";
    let folder = backed_up().await;
    let whole = parts(&fs::read(backup(&folder)).unwrap()).unwrap();
    let (database, manifest) = (whole[DATABASE].as_slice(), whole[MANIFEST].as_slice());
    let with_database = |database: &[u8]| {
        let rest = whole.iter().filter(|(name, _)| *name != MANIFEST && *name != DATABASE);
        let rest = rest.map(|(name, content)| (name.as_str(), content.as_slice()));
        archive([(DATABASE, database)].into_iter().chain(rest).chain([(MANIFEST, manifest)]))
    };
    fs::write(folder.path().join("again.tar.gz"), with_database(database)).unwrap();
    assert!(Staged::unpack(&folder.path().join("home"), &folder.path().join("again.tar.gz")).is_ok());
    fs::remove_file(folder.path().join("again.tar.gz")).unwrap();

    let mut flipped = database.to_vec();
    flipped[5000] ^= 1;
    let altered = damage(&folder, &with_database(&flipped)).await;
    assert!(matches!(&altered, Damage::Altered(name) if name == "sextant.sqlite"), "{altered}");
    let missing = archive([(MANIFEST, manifest)]);
    assert!(matches!(damage(&folder, &missing).await, Damage::Altered(_)));
    let unlisted = archive([(DATABASE, database)]);
    assert!(matches!(damage(&folder, &unlisted).await, Damage::NoManifest));
    for name in ["sextant-backup-1/../evil", "sextant-backup-1/objects/../../evil", "sextant-backup-1/replay-day"] {
        let more = archive([(DATABASE, database), (name, b"evil"), (MANIFEST, manifest)]);
        assert!(matches!(damage(&folder, &more).await, Damage::Unexpected(_)), "{name}");
    }
    let twice = archive([(DATABASE, database), (DATABASE, database), (MANIFEST, manifest)]);
    assert!(matches!(damage(&folder, &twice).await, Damage::Unexpected(_)));
    let after_the_list = archive([(DATABASE, database), (MANIFEST, manifest), ("sextant-backup-1/link-secret", b"x")]);
    assert!(matches!(damage(&folder, &after_the_list).await, Damage::Unexpected(_)));
    let later = archive([("sextant-backup-2/sextant.sqlite", database)]);
    let later = damage(&folder, &later).await;
    assert!(matches!(&later, Damage::OtherFormat(format) if format == "sextant-backup-2"), "{later}");
    for foreign in ["/etc/passwd", "../../evil", "photos/1.jpg"] {
        assert!(matches!(damage(&folder, &archive([(foreign, b"x".as_slice())])).await, Damage::Foreign), "{foreign}");
    }
    let mut link = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, DATABASE, "/etc/passwd").unwrap();
    let link = link.into_inner().unwrap().finish().unwrap();
    assert!(matches!(damage(&folder, &link).await, Damage::Unexpected(_)));
    for text in [b"".as_slice(), b"not an archive"] {
        assert!(matches!(damage(&folder, text).await, Damage::Unreadable(_)));
    }
}

#[tokio::test]
async fn a_backup_with_a_wrong_byte_or_a_missing_end_changes_nothing() {
    let folder = backed_up().await;
    let whole = fs::read(backup(&folder)).unwrap();
    let step = (whole.len() / 40).max(1);
    for place in (0..whole.len()).step_by(step).chain([whole.len() - 1, whole.len() - 8]) {
        damage(&folder, &whole[..place]).await;
        let mut altered = whole.clone();
        altered[place] ^= 0x10;
        // Some bits hold no data: the time in gzip's header, and those that fill the last byte.
        let holds_data = parts(&altered).ok() != parts(&whole).ok();
        if holds_data || place >= whole.len() - 8 {
            damage(&folder, &altered).await;
        }
    }
}
