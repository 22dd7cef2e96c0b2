//! The names of the files in a backup.

use objects::folder_files;

/// The folder that holds all others, with the version of the format.
pub(super) const TOP: &str = "sextant-backup-1";
/// How that folder begins in every version.
pub(super) const ANY_TOP: &str = "sextant-backup-";
/// The database.
pub(super) const DATABASE: &str = "sextant.sqlite";
/// The secret for signing links.
pub(super) const LINK_SECRET: &str = "link-secret";
/// How the names of the objects begin.
pub(super) const OBJECTS: &str = "objects/";
/// The list of all other files, which comes last.
pub(super) const MANIFEST: &str = "manifest.json";

/// Whether a backup has a file of this name, besides the list.
pub(super) fn is_known(name: &str) -> bool {
    name == DATABASE || name == LINK_SECRET || name.strip_prefix(OBJECTS).is_some_and(folder_files::is_stored_path)
}

/// Whether this is the name of an object.
pub(super) fn is_object(name: &str) -> bool {
    name.strip_prefix(OBJECTS).is_some_and(folder_files::is_object)
}
