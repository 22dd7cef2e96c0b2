//! The file of a backup: a gzip-compressed tar archive, whose last file lists all others with their SHA-256.
//!
//! All names begin with a folder that names the version of the format, so that `tar xf` makes one folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use objects::private_folder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::keys::hex;
use tar::{Archive, Builder, Entry, EntryType, Header};

use super::error::{BackupError, Damage};
use super::names::{ANY_TOP, MANIFEST, TOP, is_known, is_object};
use crate::home::private_file;

/// The largest list that is read, in bytes: that of about a million files.
const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes copied at a time.
const CHUNK: usize = 64 * 1024;

/// What a backup contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// When the backup was begun: it has what was committed until then.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The version of the program that wrote it.
    pub program: String,
    /// The number of objects.
    pub objects: usize,
    /// The files by their names in the backup, without this list.
    pub files: BTreeMap<String, Listed>,
}

/// A file as a [`Manifest`] lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Manifest {
    /// The size of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, bytes) = (self.created_at.format("%Y-%m-%d %H:%M:%S UTC"), self.bytes());
        write!(f, "the data of {at}: the database and {} objects, {bytes} bytes", self.objects)
    }
}

/// Writes an archive, file by file.
pub(super) struct Writer<W: Write> {
    tar: Builder<GzEncoder<W>>,
    manifest: Manifest,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(output: W, created_at: DateTime<Utc>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let manifest = Manifest { created_at, program, objects: 0, files: BTreeMap::new() };
        Self { tar: Builder::new(GzEncoder::new(output, Compression::fast())), manifest }
    }

    /// Adds a file under this name, if it exists.
    pub(super) fn add(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let metadata = file.metadata()?;
        // The age of an object, by which it expires.
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut hashed = Hashed::new(file.take(metadata.len()));
        let mut header = header(metadata.len(), modified);
        self.tar.append_data(&mut header, format!("{TOP}/{name}"), &mut hashed)?;
        let listed = hashed.listed();
        if listed.bytes != metadata.len() {
            return Err(io::Error::other(format!("{} changed while it was read", path.display())));
        }
        self.manifest.objects += usize::from(is_object(name));
        self.manifest.files.insert(name.to_owned(), listed);
        Ok(())
    }

    /// Adds the list of files and ends the archive.
    pub(super) fn finish(mut self) -> io::Result<Manifest> {
        let json = serde_json::to_vec_pretty(&self.manifest)?;
        let modified = u64::try_from(self.manifest.created_at.timestamp()).unwrap_or_default();
        let mut header = header(json.len() as u64, Duration::from_secs(modified));
        self.tar.append_data(&mut header, format!("{TOP}/{MANIFEST}"), json.as_slice())?;
        self.tar.into_inner()?.finish()?.flush()?;
        Ok(self.manifest)
    }
}

fn header(bytes: u64, modified: Duration) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(modified.as_secs());
    header
}

/// Checks every byte of an archive. `path` is its name in errors.
pub(super) fn check(input: impl Read, path: &Path) -> Result<Manifest, BackupError> {
    read(input, path, None)
}

/// Checks every byte of an archive while it is unpacked into the empty folder `target`, and leaves all of it on disk. If it
/// fails, the folder has some of the files.
pub(super) fn unpack(input: impl Read, path: &Path, target: &Path) -> Result<Manifest, BackupError> {
    let manifest = read(input, path, Some(target))?;
    let not_written = |error| BackupError::not_written(target, error);
    sync_folders(target, &manifest).map_err(not_written)?;
    Ok(manifest)
}

fn read(input: impl Read, path: &Path, target: Option<&Path>) -> Result<Manifest, BackupError> {
    let damaged = |damage| BackupError::Damaged { path: path.to_owned(), damage };
    let unreadable = |error| damaged(Damage::Unreadable(error));
    let mut archive = Archive::new(GzDecoder::new(input));
    let mut found = BTreeMap::new();
    let mut manifest = None;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = name_of(&entry).map_err(damaged)?;
        // The list is last, so that nothing can be added to a backup that is complete.
        if manifest.is_some() || found.contains_key(&name) {
            return Err(damaged(Damage::Unexpected(name)));
        }
        if name == MANIFEST {
            manifest = Some(parse_manifest(&mut entry).map_err(unreadable)?);
            continue;
        }
        if !is_known(&name) {
            return Err(damaged(Damage::Unexpected(name)));
        }
        let listed = match target {
            None => copy(&mut entry, &mut io::sink(), path, path)?,
            Some(target) => unpack_file(&mut entry, path, &target.join(&name))?,
        };
        found.insert(name, listed);
    }
    // The checksum of the compressed data comes after the end of the archive.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    let manifest: Manifest = manifest.ok_or_else(|| damaged(Damage::NoManifest))?;
    let names: BTreeSet<&String> = manifest.files.keys().chain(found.keys()).collect();
    let altered = names.into_iter().find(|name| manifest.files.get(*name) != found.get(*name)).cloned();
    altered.map_or(Ok(manifest), |name| Err(damaged(Damage::Altered(name))))
}

/// The name of an entry below [`TOP`].
fn name_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, Damage> {
    let path = entry.path().map_err(Damage::Unreadable)?;
    let path = path.to_string_lossy();
    let Some((top, name)) = path.split_once('/').filter(|(top, _)| top.starts_with(ANY_TOP)) else {
        return Err(Damage::Foreign);
    };
    if top != TOP {
        return Err(Damage::OtherFormat(top.to_owned()));
    }
    if entry.header().entry_type() != EntryType::Regular {
        return Err(Damage::Unexpected(name.to_owned()));
    }
    Ok(name.to_owned())
}

fn parse_manifest(entry: &mut impl Read) -> io::Result<Manifest> {
    let mut json = Vec::new();
    entry.take(MAX_MANIFEST_BYTES).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Writes an entry to a new file, with the time at which it was stored.
fn unpack_file<R: Read>(entry: &mut Entry<'_, R>, archive: &Path, target: &Path) -> Result<Listed, BackupError> {
    let not_written = |error| BackupError::not_written(target, error);
    let modified = entry.header().mtime().unwrap_or_default();
    if let Some(folder) = target.parent() {
        private_folder::create(folder).map_err(not_written)?;
    }
    let mut file = private_file().create_new(true).open(target).map_err(not_written)?;
    let listed = copy(entry, &mut file, archive, target)?;
    // A time that the system cannot represent is no reason to lose a file.
    let modified = UNIX_EPOCH.checked_add(Duration::from_secs(modified)).unwrap_or(UNIX_EPOCH);
    file.set_modified(modified).and_then(|()| file.sync_all()).map_err(not_written)?;
    Ok(listed)
}

/// Copies an entry of `archive` to its end, and says what it was.
fn copy(entry: &mut impl Read, output: &mut impl Write, archive: &Path, target: &Path) -> Result<Listed, BackupError> {
    let mut hashed = Hashed::new(entry);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match hashed.read(&mut chunk) {
            Ok(0) => return Ok(hashed.listed()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(BackupError::Damaged { path: archive.to_owned(), damage: Damage::Unreadable(error) });
            }
        };
        output.write_all(&chunk[..read]).map_err(|error| BackupError::not_written(target, error))?;
    }
}

/// A file is on disk for good once its folders are.
fn sync_folders(target: &Path, manifest: &Manifest) -> io::Result<()> {
    let mut folders: BTreeSet<PathBuf> = BTreeSet::from([target.to_owned()]);
    for name in manifest.files.keys() {
        let path = target.join(name);
        folders.extend(path.ancestors().skip(1).take_while(|folder| *folder != target).map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Counts and hashes what is read through it.
struct Hashed<R> {
    inner: R,
    bytes: u64,
    sha256: Sha256,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, bytes: 0, sha256: Sha256::new() }
    }

    fn listed(self) -> Listed {
        Listed { bytes: self.bytes, sha256: hex(&self.sha256.finalize()) }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        self.sha256.update(&buffer[..read]);
        Ok(read)
    }
}
