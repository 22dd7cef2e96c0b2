//! Objects in a folder, for one machine.
//!
//! An object is the file `ROOT/<key>`; its content type stands beside it in
//! `ROOT/<key>.content-type`, a name that no key can have. Files appear whole or not at all: each is
//! written to a temporary file, flushed to the disk and renamed. Links lead to the server at the
//! base address, or at the one that a request was sent to, whose route `/_objects/{key}` answers them with
//! [`FolderObjects::verify`].

pub mod files;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::task::spawn_blocking;
use url::Url;

use crate::content_disposition::{attachment, safe_filename};
use crate::private_folder;
use crate::signature::Signer;
use crate::{Clock, Link, LinkError, LinkOptions, ObjectError, ObjectKey, Objects, check_put};

/// The path under the base address at which links are answered.
const LINK_PATH: &str = "_objects";
/// What the name of the file with the content type adds to that of its object.
const CONTENT_TYPE_SUFFIX: &str = ".content-type";
/// How the name of a file begins that is not finished yet.
const UNFINISHED_PREFIX: &str = ".unfinished-";
/// An unfinished file this old was left by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);

tokio::task_local! {
    /// The address that the request under way was sent to.
    static ASKED_AT: Url;
}

/// Runs the work of a request that was sent to the server under `base_url`: that is where the links lead that it makes.
/// A server has several names, and a client may reach it by one alone.
pub async fn run_with_links_to<F: Future>(base_url: Url, work: F) -> F::Output {
    ASKED_AT.scope(base_url, work).await
}

/// Objects as files under one folder, with links signed by a secret of its own.
#[derive(Clone)]
pub struct FolderObjects {
    root: Arc<Path>,
    signer: Arc<Signer>,
    base_url: Arc<OnceLock<Url>>,
    clock: Clock,
}

/// The response to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The object.
    pub bytes: Vec<u8>,
    /// The `Content-Type` it was stored with.
    pub content_type: String,
    /// The `Content-Disposition`: an attachment with the file name in the link.
    pub content_disposition: String,
}

impl FolderObjects {
    /// Opens the folder, creating it if necessary, and makes it readable only by its owner. Links are signed with
    /// `secret`, which must be kept for links to stay valid after a restart.
    ///
    /// Links need [`set_base_url`](Self::set_base_url) as well; everything else works without.
    pub fn open(root: impl Into<PathBuf>, secret: [u8; 32], clock: Clock) -> Result<Self, ObjectError> {
        let root: PathBuf = root.into();
        private_folder::open(&root)?;
        remove_abandoned(&root, clock())?;
        Ok(Self {
            root: root.into(),
            signer: Arc::new(Signer::new(secret)),
            base_url: Arc::new(OnceLock::new()),
            clock,
        })
    }

    /// Sets where links lead that are made outside of [`run_with_links_to`], such as `http://127.0.0.1:8080`: it is
    /// known only once the server listens, when the system chooses the port. It is set once, also for the clones of
    /// this value.
    ///
    /// Errors: [`ObjectError::Address`] when it is no http or https address without query, or was set already.
    pub fn set_base_url(&self, base_url: &str) -> Result<(), ObjectError> {
        let refusal = |reason: String| ObjectError::Address { reason };
        let url = Url::parse(base_url).map_err(|error| refusal(format!("{base_url:?}: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(refusal(format!("{base_url:?} must be an http or https URL without query and fragment")));
        }
        self.base_url.set(url).map_err(|url| refusal(format!("it is set already, {url} comes second")))
    }

    /// Answers a link: `key` is what follows `/_objects/` in the request's path, `query` its raw
    /// query, `now` the wall clock.
    pub async fn verify(&self, key: &str, query: &str, now: DateTime<Utc>) -> Result<Served, LinkError> {
        let key: ObjectKey = key.parse().map_err(|_| LinkError::Forbidden)?;
        let filename = self.signer.check(&key, query, now).ok_or(LinkError::Forbidden)?;
        let path = self.path(&key);
        let read = move || -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
            let Some(bytes) = read_if_present(&path)? else { return Ok(None) };
            // Written before the object and erased after it; absent only when erased in between.
            Ok(read_if_present(&content_type_path(&path))?.map(|content_type| (bytes, content_type)))
        };
        let (bytes, content_type) = run_blocking(read).await?.ok_or(LinkError::Gone)?;
        let content_type = String::from_utf8(content_type).map_err(|error| ObjectError::Failed(Box::new(error)))?;
        Ok(Served { bytes, content_type, content_disposition: attachment(&filename) })
    }

    /// Removes the objects with this prefix that were stored before `limit`, as a bucket's lifecycle rule does, and
    /// returns their number. Other files are ignored.
    ///
    /// Errors: the first failure, once everything else that has expired is removed.
    pub async fn remove_stored_before(&self, prefix: &str, limit: DateTime<Utc>) -> Result<usize, ObjectError> {
        let folder = self.root.join(prefix);
        run_blocking(move || remove_stored_before(&folder, limit)).await
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }
}

impl fmt::Debug for FolderObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderObjects")
            .field("root", &self.root)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Objects for FolderObjects {
    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) -> Result<(), ObjectError> {
        check_put(&bytes, content_type)?;
        let (root, path, content_type) = (self.root.clone(), self.path(key), content_type.to_owned());
        let now = (self.clock)();
        run_blocking(move || {
            let folder = path.parent().unwrap_or(&root);
            private_folder::create(folder)?;
            write_whole(folder, &content_type_path(&path), content_type.as_bytes(), now)?;
            write_whole(folder, &path, &bytes, now)?;
            // A rename is durable once the folder is, and a new folder once its parents are.
            folder.ancestors().take_while(|folder| folder.starts_with(&root)).try_for_each(sync_dir)
        })
        .await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError> {
        let path = self.path(key);
        run_blocking(move || read_if_present(&path)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        let path = self.path(key);
        run_blocking(move || {
            remove_if_present(&path)?;
            remove_if_present(&content_type_path(&path))?;
            match path.parent() {
                Some(folder) if folder.exists() => sync_dir(folder),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn link(&self, key: &ObjectKey, options: LinkOptions) -> Result<Link, ObjectError> {
        let expires_at = options.expires_at((self.clock)())?;
        let unset = || ObjectError::Address { reason: "it is not known before the server listens".to_owned() };
        let asked_at = ASKED_AT.try_with(Url::clone).ok();
        let mut url = asked_at.or_else(|| self.base_url.get().cloned()).ok_or_else(unset)?;
        let path = format!("{}/{LINK_PATH}/{key}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(Some(&self.signer.query(key, expires_at, &safe_filename(&options.filename))));
        Ok(Link { url: url.into(), expires_at })
    }
}

/// Runs file operations where they cannot hold up the server.
async fn run_blocking<T, F>(work: F) -> Result<T, ObjectError>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let done = spawn_blocking(work).await.map_err(|error| ObjectError::Failed(Box::new(error)))?;
    Ok(done?)
}

fn content_type_path(object: &Path) -> PathBuf {
    let mut path = object.as_os_str().to_owned();
    path.push(CONTENT_TYPE_SUFFIX);
    path.into()
}

fn write_whole(folder: &Path, path: &Path, bytes: &[u8], now: DateTime<Utc>) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(UNFINISHED_PREFIX).tempfile_in(folder)?;
    file.write_all(bytes)?;
    // Its age is measured by the clock of the store, like that of its links.
    file.as_file().set_modified(now.into())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn read_if_present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and the file system keeps the order itself.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes what processes that died in the middle of a write have left: prefixes and customers are
/// the two levels of folders under the root.
fn remove_abandoned(root: &Path, now: DateTime<Utc>) -> io::Result<()> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX) {
                let written = DateTime::<Utc>::from(entry.metadata()?.modified()?);
                // A file of the future counts as fresh: another process may be writing it.
                if (now - written).to_std().is_ok_and(|age| age >= ABANDONED_AFTER) {
                    remove_if_present(&entry.path())?;
                }
            }
        }
    }
    Ok(())
}

/// Removes the objects in the folders of this one that were stored before `limit`: all that can be removed.
///
/// Errors: the first failure.
fn remove_stored_before(prefix: &Path, limit: DateTime<Utc>) -> io::Result<usize> {
    let (mut removed, mut failure) = (0, None);
    for customer in read_entries_if_present(prefix)? {
        match customer.and_then(|customer| read_objects(&customer)) {
            Ok(files) => {
                for file in files {
                    match file.and_then(|file| remove_if_older(&file, limit)) {
                        Ok(done) => removed += usize::from(done),
                        Err(error) => failure = failure.or(Some(error)),
                    }
                }
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(removed), Err)
}

/// The entries of a customer's folder; none of what is no folder.
fn read_objects(customer: &fs::DirEntry) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>> + use<>> {
    let entries = if customer.file_type()?.is_dir() { Some(read_entries_if_present(&customer.path())?) } else { None };
    Ok(entries.into_iter().flatten())
}

/// Removes a file that was stored before `limit`; says whether it was an object.
fn remove_if_older(file: &fs::DirEntry, limit: DateTime<Utc>) -> io::Result<bool> {
    let metadata = match file.metadata() {
        // Erased in between.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        metadata => metadata?,
    };
    if !metadata.is_file() || DateTime::<Utc>::from(metadata.modified()?) >= limit {
        return Ok(false);
    }
    remove_if_present(&file.path())?;
    Ok(!file.file_name().to_string_lossy().ends_with(CONTENT_TYPE_SUFFIX))
}

fn read_entries_if_present(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>> + use<>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
