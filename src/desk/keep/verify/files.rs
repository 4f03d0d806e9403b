//! What lies in the data directory, held against what the ledger says of it.

use crate::journal::write::{hash_range, hex};
use crate::journal::{Event, JournalFile, LONGEST_RECORD, PushDir, Record};
use crate::ledger::integrity::{BuildRoot, SealedPush};
use crate::reading;
use crate::source::build::BuildDir;
use crate::source::manifest::Manifest;
use crate::stack::PushNumber;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Differences of one build that are told; there may be thousands.
const TOLD: usize = 5;

/// What lies in the data directory, by its names.
#[derive(Debug, Default)]
pub(super) struct There {
    /// Pushes of which there are files.
    pub pushes: Vec<i64>,
    /// Builds, as stack and build.
    pub builds: BTreeSet<(String, String)>,
    /// What cannot be read, or is not named as anything of ours is.
    pub problems: Vec<String>,
}

/// Lists it. What is missing altogether is told with the pushes and builds that are missed.
pub(super) fn there(data: &Path) -> There {
    let mut there = There::default();
    for name in names(&data.join("pushes"), &mut there.problems) {
        let path = data.join("pushes").join(&name);
        // A restored copy has an empty one, above which numbers go on.
        let empty = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        match name.parse::<i64>() {
            _ if empty => {}
            Ok(number) => there.pushes.push(number),
            Err(_) => there.problems.push(format!("pushes/{name} was not made by Pushbutton")),
        }
    }
    there.builds = builds_there(data, &mut there.problems);
    there
}

/// The builds of which there are files, as stack and build.
pub(crate) fn builds_there(data: &Path, problems: &mut Vec<String>) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for stack in names(&data.join("builds"), problems) {
        let builds = names(&data.join("builds").join(&stack), problems);
        // No build's id holds a dot: what does is being made, or is left of a try.
        found.extend(builds.into_iter().filter(|id| !id.contains('.')).map(|id| (stack.clone(), id)));
    }
    found
}

fn names(dir: &Path, problems: &mut Vec<String>) -> Vec<String> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(format!("{} cannot be read: {error}", dir.display()));
            return Vec::new();
        }
        Ok(entries) => entries,
    };
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}

/// The last bytes of a journal, and where they begin: it may be far longer than its last record.
fn end_of(journal: &JournalFile) -> io::Result<(Vec<u8>, u64)> {
    let end = journal.end()?;
    let from = end.saturating_sub(LONGEST_RECORD);
    let mut bytes = vec![0; usize::try_from(end - from).map_err(io::Error::other)?];
    journal.read_exact_at(&mut bytes, from)?;
    Ok((bytes, from))
}

/// The journal, byte for byte, against what the ledger says of the push.
pub(crate) fn journal(data: &Path, push: &SealedPush) -> Result<(), String> {
    let number = PushNumber::new(push.id).map_err(|bad| bad.to_string())?;
    let dir = PushDir::of(data, number);
    let said = |error: io::Error| format!("{} cannot be read: {error}", dir.journal().display());
    let journal = JournalFile::open(&dir.journal()).map_err(said)?;
    let (bytes, from) = end_of(&journal).map_err(said)?;
    let before = bytes.strip_suffix(b"\n").and_then(|all| all.iter().rposition(|b| *b == b'\n')).map_or(0, |at| at + 1);
    let mut hash = Sha256::new();
    hash_range(&journal, 0, from + before as u64, &mut hash).map_err(said)?;
    let hash = hex(&hash.finalize());
    if hash != push.journal_hash {
        return Err(format!(
            "its journal has the hash {}, the ledger says {}",
            short(&hash),
            short(&push.journal_hash)
        ));
    }
    let last: Record =
        serde_json::from_slice(&bytes[before..]).map_err(|error| format!("the journal's last record: {error}"))?;
    let as_text = |value: &Record| serde_json::to_vec(value).map_err(|error| error.to_string());
    let Event::PushEnded { state, why, who, hosts_ok, hosts_total, duration_ms, sha256, .. } = &last.event else {
        return Err("its journal does not end with its end".to_owned());
    };
    let same = sha256 == &push.journal_hash
        && state.word() == push.state
        && *why == push.why
        && who.as_ref().map(crate::stack::Who::as_str) == push.ended_by.as_deref()
        && i64::from(*hosts_ok) == push.hosts_ok
        && i64::from(*hosts_total) == push.hosts_total
        && i64::try_from(*duration_ms).ok() == push.duration_ms
        && Some(last.at.to_string()) == push.ended_at
        && as_text(&last)? == bytes[before..bytes.len() - 1];
    if !same {
        return Err("the end in its journal is not the one in the ledger".to_owned());
    }
    // A push whose runner could not be started may have none.
    plan(&dir, &push.plan, push.started_at.is_some())
}

/// The plan that the runner was given, against that of the ledger.
pub(super) fn plan(dir: &PushDir, said: &str, must_be: bool) -> Result<(), String> {
    match (reading::text(dir.plan(), reading::PLAN), must_be) {
        (Ok(plan), _) if plan == said => Ok(()),
        (Ok(_), _) => Err("its plan.json is not the plan in the ledger".to_owned()),
        (Err(error), true) => Err(format!("{} cannot be read: {error}", dir.plan().display())),
        (Err(_), false) => Ok(()),
    }
}

/// Whether the build is here; if so, its manifest is the ledger's, and its files are those of the manifest.
pub(super) fn build(data: &Path, build: &BuildRoot) -> Result<bool, String> {
    let (stack, id) = (build.stack.parse(), build.id.parse());
    let (Ok(stack), Ok(id)) = (stack, id) else {
        return Err("the ledger gives it a name that no build has".to_owned());
    };
    let dir = BuildDir::of(data, &stack, &id);
    let text = match reading::text(dir.manifest(), reading::MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match dir.tree().symlink_metadata() {
                Ok(_) => Err("its manifest is gone".to_owned()),
                Err(_) => Ok(false),
            };
        }
        Err(error) => return Err(error.to_string()),
        Ok(text) => text,
    };
    let manifest = Manifest::parse(&text).map_err(|bad| bad.to_string())?;
    let root = manifest.root();
    if root.as_str() != build.root {
        return Err(format!("its manifest has the root {}, the ledger says {}", root.short(), short(&build.root)));
    }
    let found = Manifest::of_tree(&dir.tree()).map_err(|error| format!("its files cannot be read: {error}"))?;
    let differences = manifest.differences(&found);
    match differences.len() {
        0 => Ok(true),
        count if count > TOLD => Err(format!(
            "its files are not those of its manifest: {} and {} more",
            differences[..TOLD].join("; "),
            count - TOLD
        )),
        _ => Err(format!("its files are not those of its manifest: {}", differences.join("; "))),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
