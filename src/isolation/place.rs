//! The directories that committers' code is given: made, and given to the stack's own user where the server is root. It must never follow
//! a link: what lies in a checkout or a cache was put there by a committer. Nothing of theirs runs while this does. Blocking.

use crate::reading;
use std::fs::{DirBuilder, FileType, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// Who there is in the eyes of a command: tools look for the name of their user.
const PASSWD: &str = "root:x:0:0:root:/:/usr/sbin/nologin\nbuild:x:1000:1000:build:/tmp:/bin/sh\n";
const GROUP: &str = "root:x:0:\nbuild:x:1000:\n";

/// The list of refused calls in that directory: [`super::calls::program`].
pub(super) const CALLS: &str = "calls";

/// The directory with `passwd`, `group` and the list of refused calls, below the server's data.
///
/// # Errors
/// What the disk said.
pub fn etc(data: &Path) -> Result<PathBuf> {
    let dir = data.join("isolation");
    let calls = super::calls::program().map_err(Error::other)?;
    for (name, bytes) in [("passwd", PASSWD.as_bytes()), ("group", GROUP.as_bytes()), (CALLS, &calls)] {
        let path = dir.join(name);
        if reading::bytes(&path, reading::NOTE).is_ok_and(|found| found == bytes) {
            continue;
        }
        private(&dir)?;
        // Two runners may begin at once: each gives a whole file its name.
        let mut file = tempfile::Builder::new().tempfile_in(&dir)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.persist(&path).map_err(|error| error.error)?;
    }
    Ok(dir)
}

/// Makes what a push's commands have as `/tmp`.
///
/// # Errors
/// What the disk said.
pub fn scratch(dir: &Path, user: Option<u32>) -> Result<()> {
    private(dir)?;
    give(dir, user)
}

/// Makes a cache of a stack, and says where it lies.
///
/// # Errors
/// What the disk said.
pub fn cache(data: &Path, stack: &str, path: &str, user: Option<u32>) -> Result<PathBuf> {
    let name = path.replace('%', "%25").replace('/', "%2F");
    let dir = data.join("caches").join(stack).join(name);
    private(&dir)?;
    give(&dir, user)?;
    Ok(dir)
}

/// Makes the directory of a checkout that a cache covers.
///
/// # Errors
/// When something else lies there: a link would lead the mount out of the checkout.
pub fn mount_point(checkout: &Path, path: &str, user: Option<u32>) -> Result<()> {
    let mut dir = checkout.to_owned();
    for part in path.split('/') {
        dir.push(part);
        match std::fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_dir() => continue,
            Ok(meta) => {
                let what = if meta.is_symlink() { "a link" } else { "a file" };
                let words = format!(
                    "the cache {path} cannot be there: the commit has {what} in its place; take it out of the commit, or out of `cache`"
                );
                return Err(Error::new(ErrorKind::AlreadyExists, words));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => std::fs::create_dir(&dir)?,
            Err(error) => return Err(error),
        }
        give(&dir, user)?;
    }
    Ok(())
}

/// Gives a directory and all in it to a user, unless it is that user's.
///
/// # Errors
/// What the disk said.
pub fn give(dir: &Path, user: Option<u32>) -> Result<()> {
    let Some(user) = user else { return Ok(()) };
    if std::fs::symlink_metadata(dir)?.uid() == user {
        return Ok(());
    }
    let mut waiting = vec![dir.to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type().as_ref().is_ok_and(FileType::is_dir) {
                waiting.push(entry.path());
            } else {
                lchown(entry.path(), Some(user), Some(user))?;
            }
        }
        found.push(dir);
    }
    // The directory itself comes last: what was cut short begins anew.
    found.into_iter().rev().try_for_each(|dir| lchown(dir, Some(user), Some(user)))
}

/// Takes the empty directory away that a cache was mounted on.
pub fn remove_mount_point(checkout: &Path, path: &str) {
    let mut dir = checkout.to_owned();
    for part in path.split('/') {
        dir.push(part);
        if !std::fs::symlink_metadata(&dir).is_ok_and(|meta| meta.is_dir()) {
            return;
        }
    }
    // What the commit has there stays.
    let _ = std::fs::remove_dir(&dir);
}

/// Removes a directory of a command, also where the command closed parts of it.
///
/// # Errors
/// What the disk said.
pub fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(_) => {}
        Ok(()) => return Ok(()),
    }
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        std::fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        let inside = std::fs::read_dir(&dir)?.flatten();
        waiting
            .extend(inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    std::fs::remove_dir_all(dir)
}

fn private(dir: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_cache_is_never_mounted_over_what_a_commit_put_there() {
        let room = tempfile::tempdir().unwrap();
        let (checkout, outside) = (room.path().join("checkout"), room.path().join("outside"));
        std::fs::create_dir_all(checkout.join("web")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        symlink(&outside, checkout.join("link")).unwrap();
        symlink(&outside, checkout.join("web/deep")).unwrap();
        std::fs::write(checkout.join("file"), "").unwrap();
        for (path, what) in [("link", "a link"), ("link/new", "a link"), ("web/deep/new", "a link"), ("file", "a file")]
        {
            let said = mount_point(&checkout, path, None).unwrap_err().to_string();
            assert!(said.contains(what), "{path}: {said}");
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        mount_point(&checkout, "web/node_modules", None).unwrap();
        assert!(checkout.join("web/node_modules").is_dir());
    }

    #[test]
    fn what_is_given_away_is_all_of_a_directory_and_nothing_that_its_links_lead_to() {
        let room = tempfile::tempdir().unwrap();
        let (dir, outside) = (room.path().join("dir"), room.path().join("outside"));
        std::fs::create_dir_all(dir.join("a/b")).unwrap();
        std::fs::write(&outside, "").unwrap();
        std::fs::write(dir.join("a/b/file"), "").unwrap();
        symlink(&outside, dir.join("a/link")).unwrap();
        let user = crate::isolation::build_user("web");
        give(&dir, user).unwrap();
        let owner = |path: &Path| std::fs::symlink_metadata(path).unwrap().uid();
        let us = nix::unistd::geteuid().as_raw();
        for inside in [&dir, &dir.join("a/b"), &dir.join("a/b/file"), &dir.join("a/link")] {
            assert_eq!(owner(inside), user.unwrap_or(us), "{}", inside.display());
        }
        assert_eq!(owner(&outside), us);
    }
}
