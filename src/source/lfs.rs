//! Git LFS: what a pointer is, and the content that pointers of a checkout stand for, fetched with git-lfs itself. It must
//! never run a filter or a hook, fetch from an address that the stack file's own would not allow, nor put a byte into a
//! checkout that is not what the pointer says. Called by `git` (fetching) and `gate` (finding what is left).

use super::git::{Mirror, words};
use super::tool::SourceError;
use super::tree::{self, FreezeError, ItemKind, hash_while, open_file};
use crate::process::Program;
use crate::size::counted;
use crate::stack::Revision;
use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest pointer: git-lfs's own limit.
const LONGEST: u64 = 1024;
/// `version …` and an oid: no pointer is shorter.
const SHORTEST: u64 = 100;
/// How a pointer begins, today and in its first year.
const BEGINS: [&str; 2] =
    ["version https://git-lfs.github.com/spec/v1\n", "version https://hawser.github.com/spec/v1\n"];
/// Downloading everything that a commit points to.
const FETCH_LIMIT: Duration = Duration::from_secs(1800);

/// What a pointer stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// SHA-256 of the content, as 64 hexadecimal digits.
    pub oid: String,
    /// Its length.
    pub size: u64,
}

/// Whether a file of this length can be a pointer.
pub(super) fn may_be_pointer(len: u64) -> bool {
    (SHORTEST..=LONGEST).contains(&len)
}

/// The pointer that a file holds, if it holds one.
///
/// # Errors
/// What the disk said.
pub(super) fn pointer_at(path: &Path) -> Result<Option<Pointer>, FreezeError> {
    let mut text = Vec::new();
    open_file(path)?.take(LONGEST + 1).read_to_end(&mut text).map_err(FreezeError::at(path))?;
    Ok(pointer(&text))
}

/// Reads a pointer: its version, then keys in order, among them `oid` and `size`.
fn pointer(text: &[u8]) -> Option<Pointer> {
    let text = std::str::from_utf8(text).ok().filter(|text| may_be_pointer(text.len() as u64))?.replace("\r\n", "\n");
    let rest = BEGINS.iter().find_map(|begin| text.strip_prefix(begin))?;
    let value = |key: &str| rest.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let oid = value("oid")?.strip_prefix("sha256:")?;
    let is_oid = oid.len() == 64 && oid.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    Some(Pointer { oid: oid.to_owned(), size: value("size")?.parse().ok()? }).filter(|_| is_oid)
}

/// What stops `lfs = true` on this machine, and what to do; none when git-lfs is there.
pub async fn complaint() -> Option<String> {
    match Program::new("git-lfs").env("HOME", "/nonexistent").arg("version").output(Duration::from_secs(10)).await {
        Ok(output) if output.status.success() => None,
        _ => Some(
            "git-lfs is not installed on the push host, or not in the server's PATH: install the package `git-lfs`, or remove \
             lfs = true from the stack file"
                .to_owned(),
        ),
    }
}

/// Replaces the pointers in `dir`, the checkout of a revision, by what they stand for.
///
/// # Errors
/// What is missing, with the cure; then the checkout is of no use.
pub(super) async fn fill(mirror: &Mirror, revision: &Revision, dir: &Path) -> Result<(), SourceError> {
    let what = || format!("fetching the Git LFS files of {}", revision.short());
    let failed = |why: String| SourceError { what: what(), why };
    let (found, place) = (pointers_in(dir.to_owned()).await.map_err(failed)?, mirror.lfs_dir());
    if found.is_empty() {
        return Ok(());
    }
    if !all_there(found.clone(), place.clone()).await.map_err(failed)? {
        if let Some(why) = complaint().await {
            return Err(failed(why));
        }
        let server = server_of(mirror, dir).await.map_err(failed)?;
        mirror.fetch_lfs(revision, server, FETCH_LIMIT).await.map_err(failed)?;
    }
    put_in(found, place, dir.to_owned()).await.map_err(failed)
}

/// The LFS server that a repository itself names in `.lfsconfig`, when it may be asked.
async fn server_of(mirror: &Mirror, dir: &Path) -> Result<Option<String>, String> {
    let file = dir.join(".lfsconfig");
    match std::fs::symlink_metadata(&file) {
        Ok(meta) if meta.is_file() => {}
        _ => return Ok(None),
    }
    let Some(url) = mirror.config_value(&file, "lfs.url").await else { return Ok(None) };
    let shown = words::shown_url(&url);
    super::git::allowed_from(mirror.url(), &url).map_err(|why| format!("lfs.url {shown} of .lfsconfig: {why}"))?;
    Ok(Some(url))
}

type Pointers = BTreeMap<String, Pointer>;

async fn pointers_in(dir: PathBuf) -> Result<Pointers, String> {
    blocking(move || {
        let mut found = Pointers::new();
        for item in tree::walk_unjudged(&dir)? {
            if item.kind == ItemKind::File
                && may_be_pointer(item.meta.len())
                && let Some(pointer) = pointer_at(&dir.join(&item.path))?
            {
                found.insert(item.path, pointer);
            }
        }
        Ok(found)
    })
    .await
}

/// Where git-lfs keeps an object below its storage.
fn object(storage: &Path, oid: &str) -> PathBuf {
    storage.join("objects").join(&oid[..2]).join(&oid[2..4]).join(oid)
}

/// Whether all objects are kept here as they should be. A damaged one goes, so that it is fetched again: git-lfs looks at
/// their length alone.
async fn all_there(found: Pointers, storage: PathBuf) -> Result<bool, String> {
    blocking(move || {
        let mut all = true;
        for pointer in found.values() {
            let path = object(&storage, &pointer.oid);
            if !path.is_file() {
                all = false;
            } else if hash_while(&path, |_| Ok(()))? != pointer.oid {
                std::fs::remove_file(&path).map_err(FreezeError::at(&path))?;
                all = false;
            }
        }
        Ok(all)
    })
    .await
}

/// Puts the objects in the place of their pointers, and believes none that is not what its pointer says.
async fn put_in(found: Pointers, storage: PathBuf, dir: PathBuf) -> Result<(), String> {
    let missing = blocking(move || {
        let mut missing = Vec::new();
        for (path, pointer) in &found {
            let (from, to) = (object(&storage, &pointer.oid), dir.join(path));
            if !from.is_file() {
                missing.push(path.clone());
                continue;
            }
            let mode = std::fs::symlink_metadata(&to).map_err(FreezeError::at(&to))?.permissions().mode() & 0o777;
            let beside = to.with_added_extension("lfs-new");
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside);
            let file = file
                .as_mut()
                .map_err(|error| FreezeError::at(&beside)(std::io::Error::new(error.kind(), error.to_string())))?;
            let written = hash_while(&from, |piece| file.write_all(piece))?;
            if written != pointer.oid {
                let _ = std::fs::remove_file(&beside);
                missing.push(path.clone());
                continue;
            }
            file.set_permissions(Permissions::from_mode(mode)).map_err(FreezeError::at(&to))?;
            std::fs::rename(&beside, &to).map_err(FreezeError::at(&to))?;
        }
        Ok(missing)
    })
    .await?;
    match missing.as_slice() {
        [] => Ok(()),
        [one] => {
            Err(format!("the server does not have the content of {one}: push it with `git lfs push --all origin`"))
        }
        [first, rest @ ..] => Err(format!(
            "the server does not have the content of {first} and {}: push them with `git lfs push --all origin`",
            counted(rest.len() as u64, "more file")
        )),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FreezeError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_known_by_its_whole_form() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let good = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(pointer(good.as_bytes()), Some(Pointer { oid: oid.to_owned(), size: 12345 }));
        let extended = good.replace("oid sha256", &format!("ext-0-x sha256:{oid}\noid sha256"));
        for other in [good.replace("git-lfs", "hawser"), good.replace('\n', "\r\n"), extended] {
            assert!(pointer(other.as_bytes()).is_some(), "{other}");
        }
        for other in [
            good.replace("version ", "Version "),
            good.replace("size 12345", "size x"),
            good.replace("oid sha256:4", "oid sha256:G"),
            good.replace("size", "length"),
            format!(" {good}"),
            format!("{good}{}", "x".repeat(1000)),
        ] {
            assert_eq!(pointer(other.as_bytes()), None, "{other}");
        }
    }
}
