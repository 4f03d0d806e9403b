//! What earlier versions kept by stack, put where it is kept by repository now: the first mirror of an address is taken over,
//! further ones of it are removed. It must never touch what a push may be reading, so it is called while none runs, and it
//! never waits for the disk to be freed: what is to go is moved aside. Called by the desk when it opens.

use super::{DIGITS, key};
use crate::source::tool;
use std::fs::{DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where what is to be removed waits for it. No stack's name begins like that.
const ASIDE: &str = "_aside";
/// A note holds a hash; of Subversion, 200 commits beside it.
const LONGEST_NOTE: u64 = 4 << 20;

/// Takes over what lies under `mirrors`; answers a directory that is to be removed, which may take long.
///
/// # Errors
/// When the directory cannot be read or written to. What is left there does no harm.
pub fn take_over(mirrors: &Path) -> io::Result<Option<PathBuf>> {
    let entries: Vec<DirEntry> = match std::fs::read_dir(mirrors) {
        Ok(entries) => entries.collect::<Result<_, _>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let aside = mirrors.join(ASIDE);
    // `web.git`, `web.lock`; of a submodule, `web.0123456789abcdef.git`.
    for name in names.iter().filter(|name| is_of_a_stack(name)) {
        let from = mirrors.join(name);
        let Some((stem, ending)) = name.rsplit_once('.') else { continue };
        match noted(mirrors, stem, ending).map(|hash| mirrors.join(format!("{}.{ending}", key(&hash)))) {
            Some(to) if to.symlink_metadata().is_err() => std::fs::rename(&from, &to)?,
            Some(_) | None if ending == "fetched" => {}
            Some(_) | None => put_aside(&from, &aside)?,
        }
    }
    // The notes last: they say where the rest belongs.
    for name in names.iter().filter(|name| is_of_a_stack(name) && name.ends_with(".fetched")) {
        let from = mirrors.join(name);
        let to = name.strip_suffix(".fetched").and_then(|stem| noted(mirrors, stem, "git"));
        match to.map(|hash| mirrors.join(format!("{}.fetched", key(&hash)))) {
            Some(to) if to.symlink_metadata().is_err() => std::fs::rename(&from, &to)?,
            Some(_) | None => put_aside(&from, &aside)?,
        }
    }
    Ok(aside.symlink_metadata().is_ok().then_some(aside))
}

/// Whether an entry is one that an earlier version kept for a stack.
fn is_of_a_stack(name: &str) -> bool {
    const ENDINGS: [&str; 8] = ["git", "lock", "fetched", "fetched.new", "suspect", "partial", "lfs", "svn"];
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    begins && ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.')))
}

/// The hash of the address that something is of; none when that is not known, and of what is not worth to be kept.
fn noted(mirrors: &Path, stem: &str, ending: &str) -> Option<String> {
    let read = |name: String| {
        let mut text = String::new();
        File::open(mirrors.join(name)).ok()?.take(LONGEST_NOTE).read_to_string(&mut text).ok()?;
        Some(text)
    };
    let hash = match ending {
        "git" | "lfs" | "suspect" => read(format!("{stem}.fetched"))?,
        "svn" => {
            serde_json::from_str::<serde_json::Value>(&read(format!("{stem}.svn"))?).ok()?["from"].as_str()?.into()
        }
        _ => return None,
    };
    let is_hash = hash.len() > DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(hash)
}

fn put_aside(from: &Path, aside: &Path) -> io::Result<()> {
    std::fs::create_dir_all(aside)?;
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // What was put aside before may not be gone yet.
    let free = (0_u32..).map(|count| aside.join(format!("{name}.{count}"))).find(|to| to.symlink_metadata().is_err());
    match free {
        Some(to) => std::fs::rename(from, to),
        None => tool::remove(from),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mirror, address_hash};
    use super::*;

    fn kept(mirrors: &Path, name: &str, url: Option<&str>) {
        let git = mirrors.join(format!("{name}.git"));
        std::fs::create_dir_all(&git).unwrap();
        std::fs::write(git.join("HEAD"), name).unwrap();
        std::fs::write(mirrors.join(format!("{name}.lock")), "").unwrap();
        if let Some(url) = url {
            std::fs::write(mirrors.join(format!("{name}.fetched")), address_hash(url)).unwrap();
        }
    }

    #[test]
    fn mirrors_that_were_kept_by_stack_are_taken_over_once_a_repository_and_the_rest_is_cleaned_away() {
        let dir = tempfile::tempdir().unwrap();
        let mirrors = dir.path().join("mirrors");
        assert_eq!(take_over(&mirrors).unwrap(), None, "a new data directory has none");
        let (web, sub) = ("https://h/web.git", "https://h/sub.git");
        kept(&mirrors, "api", Some(web));
        kept(&mirrors, "web", Some(web));
        kept(&mirrors, "web.0123456789abcdef", Some(sub));
        kept(&mirrors, "never", None);
        std::fs::create_dir(mirrors.join("api.lfs")).unwrap();
        std::fs::write(mirrors.join("old.svn"), format!("{{\"from\":\"{}\"}}", address_hash("svn://h/x"))).unwrap();
        std::fs::create_dir(mirrors.join(".svn")).unwrap();

        let aside = take_over(&mirrors).unwrap().unwrap();
        for (url, of) in [(web, "api"), (sub, "web.0123456789abcdef")] {
            let mirror = Mirror::new(&mirrors, url, None);
            assert_eq!(std::fs::read_to_string(mirror.dir().join("HEAD")).unwrap(), of);
            assert!(mirror.noted().is_some(), "what was fetched from {url} can be pushed at once");
        }
        assert!(Mirror::new(&mirrors, web, None).path("lfs").is_dir());
        std::fs::remove_dir_all(aside).unwrap();
        let mut left: Vec<String> = std::fs::read_dir(&mirrors)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let (web, sub) = (key(&address_hash(web)), key(&address_hash(sub)));
        let mut expected = vec![
            ".svn".to_owned(),
            format!("{web}.fetched"),
            format!("{web}.git"),
            format!("{web}.lfs"),
            format!("{sub}.fetched"),
            format!("{sub}.git"),
            format!("{}.svn", key(&address_hash("svn://h/x"))),
        ];
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(take_over(&mirrors).unwrap(), None, "a second time there is nothing to do");
    }
}
