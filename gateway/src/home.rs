//! The data folder of a platform, and the locks that keep other processes out.
//!
//! A platform holds `lock`, so that there is one platform in a folder. Every process that uses the data also shares the
//! lock `in-use`. A restore, which puts other data in their place, holds both alone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use objects::private_folder::{self, Access};
use rand::TryRng;
use rand::rngs::SysRng;
use thiserror::Error;

/// The lock of the one platform; contains its process id.
const LOCK_FILE: &str = "lock";
/// The lock that every process shares which uses the data.
const IN_USE_FILE: &str = "in-use";
const DATABASE_FILE: &str = "sextant.sqlite";
const LINK_SECRET_FILE: &str = "link-secret";

/// A data folder, with the locks under which it was opened.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _locks: Vec<File>,
}

/// Why a folder cannot be used.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Another process uses the folder.
    #[error("another Sextant{} uses {path}; stop it or set SEXTANT_HOME to another folder", process(*.pid))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process id of the other process, if known.
        pid: Option<u32>,
    },
    /// The folder has no data yet.
    #[error("{path} has no data; start the platform once, or set SEXTANT_HOME to its data folder")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be created or written.
    #[error("cannot write to {path}; set SEXTANT_HOME to a writable folder")]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The secret for signing links is damaged.
    #[error("{path} is damaged; delete it to create a new one, which invalidates all existing links")]
    Secret {
        /// The file.
        path: PathBuf,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl Home {
    /// Opens the folder for a platform, creating it if necessary, and takes the platform's lock.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        Self::create_and_lock(path, File::try_lock_shared)
    }

    /// Opens the folder for a process that replaces its data, creating it if necessary. Refused while another process
    /// uses the data, a platform or a command.
    pub fn open_alone(path: &Path) -> Result<Self, HomeError> {
        Self::create_and_lock(path, File::try_lock)
    }

    fn create_and_lock(path: &Path, take_in_use: TakeLock) -> Result<Self, HomeError> {
        if private_folder::open(path).map_err(not_writable(path))? == Access::Shared {
            tracing::warn!(folder = %path.display(), "other users of this machine can list the data folder");
        }
        let mut lock = take_lock(path, LOCK_FILE, File::try_lock)?;
        let in_use = take_lock(path, IN_USE_FILE, take_in_use)?;
        write_pid(&mut lock).map_err(not_writable(path))?;
        Ok(Self { path: path.to_owned(), _locks: vec![lock, in_use] })
    }

    /// Opens the folder without the platform's lock, for commands that use the database while a platform may be running.
    /// Creates no folder, so that a mistyped path is an error.
    pub fn open_unlocked(path: &Path) -> Result<Self, HomeError> {
        if !path.join(DATABASE_FILE).is_file() {
            return Err(HomeError::Missing { path: path.to_owned() });
        }
        let in_use = take_lock(path, IN_USE_FILE, File::try_lock_shared)?;
        Ok(Self { path: path.to_owned(), _locks: vec![in_use] })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// The folder of objects.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// The folder of e-mails.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.path.join("outbox")
    }

    /// The file with the secret for signing links.
    #[must_use]
    pub fn link_secret(&self) -> PathBuf {
        self.path.join(LINK_SECRET_FILE)
    }

    /// The secret with which links are signed. It is created on first use and stored, so that links stay valid after a
    /// restart.
    pub fn load_link_secret(&self) -> Result<[u8; 32], HomeError> {
        let path = self.link_secret();
        let not_writable = not_writable(&self.path);
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| HomeError::Secret { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut secret = [0; 32];
                SysRng.try_fill_bytes(&mut secret).map_err(|error| not_writable(io::Error::other(error)))?;
                write_private(&path, &secret).map_err(not_writable)?;
                Ok(secret)
            }
            Err(error) => Err(not_writable(error)),
        }
    }
}

fn not_writable(home: &Path) -> impl Fn(io::Error) -> HomeError + '_ {
    |source| HomeError::NotWritable { path: home.to_owned(), source }
}

/// Tries to lock a file, for itself alone or shared.
type TakeLock = fn(&File) -> Result<(), TryLockError>;

/// Takes a lock of the folder, unless another process has it.
fn take_lock(home: &Path, name: &str, take: TakeLock) -> Result<File, HomeError> {
    let path = home.join(name);
    let file = private_file().read(true).create(true).open(&path).map_err(not_writable(home))?;
    match take(&file) {
        Ok(()) if is_at(&file, &path).map_err(not_writable(home))? => Ok(file),
        // A folder that was put in this one's place in between has locks of its own.
        Ok(()) | Err(TryLockError::WouldBlock) => {
            // The process id is only a help; the message is complete without it. A command writes none.
            let pid = if name == LOCK_FILE { fs::read_to_string(&path).ok() } else { None };
            let pid = pid.and_then(|pid| pid.trim().parse().ok());
            Err(HomeError::InUse { path: home.to_owned(), pid })
        }
        Err(TryLockError::Error(source)) => Err(not_writable(home)(source)),
    }
}

/// Whether the open file is still the one at this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    writeln!(lock, "{}", std::process::id())
}

/// Atomically writes a file that only its owner can read. Only the process with the lock writes it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = private_file().create(true).truncate(true).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// Options that open a file for writing, which its owner alone may read and write if it is new.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_platform_in_a_folder_gets_the_process_id_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er");
        let first = Home::open(&path).unwrap();
        let refusal = Home::open(&path).unwrap_err();
        assert!(matches!(refusal, HomeError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{refusal}");
        assert_eq!(refusal.to_string().lines().count(), 1);
        drop(first);
        assert!(Home::open(&path).is_ok());
    }

    #[test]
    fn data_is_replaced_only_while_no_process_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let refused = |opened: Result<Home, HomeError>| matches!(opened, Err(HomeError::InUse { .. }));
        let platform = Home::open(&path).unwrap();
        fs::write(platform.database(), "").unwrap();
        // Commands run beside a platform and beside each other.
        let (command, other) = (Home::open_unlocked(&path).unwrap(), Home::open_unlocked(&path).unwrap());
        assert!(refused(Home::open_alone(&path)));
        drop(platform);
        assert!(refused(Home::open_alone(&path)));
        drop((command, other));
        let alone = Home::open_alone(&path).unwrap();
        assert!(refused(Home::open(&path)) && refused(Home::open_unlocked(&path)));
        drop(alone);
        assert!(Home::open(&path).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        // A file instead of a folder: refused even for root.
        for path in [file.join("home"), file] {
            let refusal = Home::open(&path).unwrap_err();
            assert!(matches!(refusal, HomeError::NotWritable { .. }));
            let text = refusal.to_string();
            assert!(text.contains("cannot write to") && text.lines().count() == 1, "{text}");
        }
    }

    #[test]
    fn the_secret_outlives_a_restart_and_is_each_folders_own() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = Home::open(one.path()).unwrap().load_link_secret().unwrap();
        assert_eq!(Home::open(one.path()).unwrap().load_link_secret().unwrap(), secret);
        assert_ne!(Home::open(other.path()).unwrap().load_link_secret().unwrap(), secret);
        fs::write(one.path().join(LINK_SECRET_FILE), "short").unwrap();
        assert!(matches!(Home::open(one.path()).unwrap().load_link_secret(), Err(HomeError::Secret { .. })));
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        home.load_link_secret().unwrap();
        write_private(&home.path().join("replay-day"), b"2010-03-02").unwrap();
        assert_eq!(mode(home.path()), 0o700);
        for file in fs::read_dir(home.path()).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_of_data_that_others_could_read_is_taken_from_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (before, after) in [(0o755, 0o700), (0o770, 0o700), (0o700, 0o700), (0o1777, 0o777)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(before)).unwrap();
            Home::open(folder.path()).unwrap();
            assert_eq!(mode(folder.path()), after, "{before:o}");
        }
    }
}
