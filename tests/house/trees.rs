//! What lies below a directory, so that two of them can be compared.

use pushbutton::demo::fleet::Fleet;
use pushbutton::journal::write::hex;
use sha2::Digest;
use std::collections::BTreeMap;
use std::path::Path;

/// SHA-256 of every file below a directory, by path: what a tree is.
pub fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(&here).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                let hash = sha2::Sha256::digest(std::fs::read(&path).unwrap_or_default());
                found.insert(name, hex(&hash));
            }
        }
    }
    found
}

/// Everything below a directory as an outsider lists it: kind, mode, content or target of each path, the directory's own too.
pub fn listing(dir: &Path) -> BTreeMap<String, String> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        let what = if meta.is_symlink() {
            format!("link to {}", std::fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            format!("directory {mode:o}")
        } else {
            let hash = sha2::Sha256::digest(std::fs::read(&path).unwrap());
            format!("file {mode:o} {}", hex(&hash))
        };
        found.insert(name, what);
    }
    found
}

/// What a host serves: the tree behind `current`, without the REVISION that names it.
pub fn served(fleet: &Fleet, host: &str) -> BTreeMap<String, String> {
    let web = fleet.host(host).unwrap().srv_dir().join("web");
    let current = std::fs::read_link(web.join("current")).unwrap();
    let mut tree = tree(&web.join(current));
    tree.remove("REVISION");
    tree
}
