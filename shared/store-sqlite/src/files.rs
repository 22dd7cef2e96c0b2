//! The database's files are their owner's alone, whatever mask the process has.

use std::io;
use std::path::Path;

/// Makes an empty file that its owner alone may read and write, where there is none. What SQLite keeps beside it later gets
/// its rights.
#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    use std::fs::{OpenOptions, Permissions};
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    const OWNERS: u32 = 0o600;
    match OpenOptions::new().write(true).create_new(true).mode(OWNERS).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(OWNERS)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes the database, and what SQLite keeps beside it, from all users but the owner: an earlier version made them for all
/// to read. What is another user's stays as it is.
#[cfg(unix)]
pub(crate) fn take_from_others(path: &Path) -> io::Result<()> {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(found) = metadata(&name) else { continue };
        let mode = found.permissions().mode();
        if mode & OTHERS == 0 {
            continue;
        }
        match set_permissions(&name, Permissions::from_mode(mode & !OTHERS)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn create_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn take_from_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
