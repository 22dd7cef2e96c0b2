//! Folders that only their owner can access.

use std::fs;
use std::io;
use std::path::Path;

/// Whether other users of the machine can access a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone can.
    OwnerOnly,
    /// Others can, because the folder is shared by design, such as `/tmp`, or another user's: it stays as it is.
    Shared,
}

/// Makes the folder with its parents where they are missing, each for its owner alone.
pub fn create(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates the folder if it is missing, and makes an existing one private to its owner, so that nothing below it can be
/// reached by others.
pub fn open(path: &Path) -> io::Result<Access> {
    create(path)?;
    restrict(path)
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<Access> {
    use std::os::unix::fs::PermissionsExt as _;
    const STICKY: u32 = 0o1000;
    const OF_OTHERS: u32 = 0o077;
    const OF_OWNER: u32 = 0o700;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OF_OTHERS == 0 && mode & OF_OWNER == OF_OWNER {
        return Ok(Access::OwnerOnly);
    }
    if mode & STICKY != 0 {
        return Ok(Access::Shared);
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(OF_OWNER)) {
        Ok(()) => Ok(Access::OwnerOnly),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Access::Shared),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<Access> {
    Ok(Access::OwnerOnly)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_taken_from_others_unless_it_is_shared_by_design() {
        let folder = tempfile::tempdir().unwrap();
        for (before, after, access) in [
            (0o755, 0o700, Access::OwnerOnly),
            (0o770, 0o700, Access::OwnerOnly),
            (0o700, 0o700, Access::OwnerOnly),
            (0o1777, 0o777, Access::Shared),
        ] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(before)).unwrap();
            assert_eq!(open(folder.path()).unwrap(), access, "{before:o}");
            assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, after, "{before:o}");
        }
    }
}
