//! What a command in its namespaces takes, looked at while it runs: memory of all its processes together, and the disk. It must never
//! count what is not its own, nor follow a link. What the kernel limits by itself (processes, the memory, files and time of one process)
//! is in the words of the sandbox.

use super::{Sandbox, Settings};
use crate::reading;
use crate::size::bytes_words;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Walking through its files takes at most a part in so many of the time.
const WALK_SHARE: u32 = 20;

/// What every file takes at least: an empty one still needs its inode and its name.
const LEAST: u64 = 4096;

/// What the kernel says of a process that is no more.
const GONE: [Errno; 2] = [Errno::ENOENT, Errno::ESRCH];

/// What is left of the disk is the server's: journals and the ledger must go on.
const KEPT_FREE: u64 = 16 << 20;

/// Waits until the command of this process takes more than it may; says what, and which key of `[build]` says so.
pub async fn too_much(process: u32, sandbox: &Sandbox) -> String {
    let (settings, dirs) = (sandbox.settings.clone(), written_to(sandbox));
    let mut next_walk = Instant::now();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (settings, dirs) = (settings.clone(), dirs.clone());
        let walk = Instant::now() >= next_walk;
        let looked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            (look(process, &settings, &dirs, walk), began.elapsed())
        });
        // What cannot be looked at now is looked at the next time.
        let Ok((found, took)) = looked.await else { continue };
        if let Some(words) = found {
            return words;
        }
        if walk {
            next_walk = Instant::now() + took * WALK_SHARE;
        }
    }
}

fn written_to(sandbox: &Sandbox) -> Vec<PathBuf> {
    let dir = sandbox.writable.then(|| sandbox.dir.clone());
    let caches = sandbox.caches.iter().map(|cache| cache.kept.clone());
    dir.into_iter().chain([sandbox.tmp.clone()]).chain(caches).collect()
}

fn look(process: u32, settings: &Settings, dirs: &[PathBuf], walk: bool) -> Option<String> {
    let memory = memory_of(process, settings.memory_mib << 20);
    if memory > settings.memory_mib << 20 {
        return Some(format!(
            "it used {} of memory, more than memory_mib = {} of [build] allows",
            bytes_words(memory),
            settings.memory_mib
        ));
    }
    let free = dirs.iter().filter_map(|dir| nix::sys::statvfs::statvfs(dir).ok());
    if free.map(|disk| disk.blocks_available() * disk.fragment_size()).any(|free| free < KEPT_FREE) {
        return Some(format!("it left less than {} free on the server's disk", bytes_words(KEPT_FREE)));
    }
    let most = settings.disk_mib << 20;
    (walk && held_by(dirs, most) > most).then(|| {
        format!("its files take more than disk_mib = {} of [build] allows (/build, /tmp and caches)", settings.disk_mib)
    })
}

/// The memory of a process and all below it. What several of them share counts for each at first, which is quick to know; only where
/// that is more than `most`, it is divided among them.
fn memory_of(process: u32, most: u64) -> u64 {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut below: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut resident = BTreeMap::new();
    for number in numbers {
        let Some((parent, bytes)) = stat(number) else { continue };
        below.entry(parent).or_default().push(number);
        resident.insert(number, bytes);
    }
    let (mut waiting, mut seen) = (vec![process], BTreeSet::new());
    while let Some(number) = waiting.pop() {
        // A number that was given anew in the middle could close a circle.
        if seen.insert(number) {
            waiting.extend(below.get(&number).into_iter().flatten());
        }
    }
    let counted = |share: &dyn Fn(&u32) -> Option<u64>| {
        seen.iter().filter_map(|number| share(number).or_else(|| resident.get(number).copied())).sum()
    };
    match counted(&|_| None) {
        memory if memory > most => counted(&share_of),
        memory => memory,
    }
}

/// A process's share of what it has in memory; none where that is not ours to know. What has ended meanwhile has none: a build that starts
/// many small programs must not be taken for a large one.
fn share_of(number: &u32) -> Option<u64> {
    let rollup = match reading::text(format!("/proc/{number}/smaps_rollup"), reading::NOTE) {
        Ok(rollup) => rollup,
        Err(error) if GONE.contains(&Errno::from_raw(error.raw_os_error().unwrap_or_default())) => return Some(0),
        Err(_) => return None,
    };
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// The parent of a process, and how much memory it has.
fn stat(number: u32) -> Option<(u32, u64)> {
    let status = reading::text(format!("/proc/{number}/status"), reading::NOTE).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next();
    // The kernel's own threads, and what has ended, have no memory.
    let kib: u64 = field("VmRSS:").and_then(|kib| kib.parse().ok()).unwrap_or(0);
    Some((field("PPid:")?.parse().ok()?, kib << 10))
}

/// How much the files below these directories take; counting ends where it is more than `most`.
fn held_by(dirs: &[PathBuf], most: u64) -> u64 {
    let mut held = 0;
    let mut waiting = dirs.to_vec();
    while let Some(dir) = waiting.pop() {
        // What goes away meanwhile, or is closed to us, is what the command does with its own files.
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            held += size_of(&entry.path());
            if held > most {
                return held;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
        }
    }
    held
}

fn size_of(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).map_or(0, |meta| (meta.blocks() * 512).max(LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_with_what_they_take_and_links_with_nothing_that_they_lead_to() {
        let room = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(room.path().join("dir/a")).unwrap();
        std::fs::write(room.path().join("dir/a/big"), vec![1; 100_000]).unwrap();
        std::fs::write(room.path().join("outside"), vec![1; 1_000_000]).unwrap();
        std::os::unix::fs::symlink(room.path().join("outside"), room.path().join("dir/link")).unwrap();
        std::os::unix::fs::symlink(room.path(), room.path().join("dir/circle")).unwrap();
        let dirs = [room.path().join("dir")];
        let held = held_by(&dirs, 1 << 30);
        assert!((100_000..200_000).contains(&held), "{held}");
        assert!(held_by(&dirs, 50_000) > 50_000);
        for n in 0..100 {
            std::fs::write(room.path().join(format!("dir/a/{n}")), "").unwrap();
        }
        assert!(held_by(&dirs, 1 << 30) >= held + 100 * LEAST, "an empty file is not for nothing");
    }

    #[test]
    fn the_memory_of_a_process_is_counted_with_what_it_started() {
        let own = memory_of(std::process::id(), u64::MAX);
        assert!(own > 1 << 20, "{own}");
        let shared = memory_of(std::process::id(), 1);
        // It may grow between the two looks.
        assert!(shared > 1 << 20 && shared <= 2 * own, "{shared} of {own}");
        assert_eq!(memory_of(u32::MAX, 0), 0);
    }
}
