//! The options of rsync that a stack file may give: an allow-list, since some of rsync's options run programs or turn the
//! direction. It must never let through an option that it does not know.

use super::{Refused, refused};
use crate::diagnostic::shown;

/// Options of rsync that stand alone. None of them runs a program, reads or writes another file, or turns the direction.
const RSYNC_FLAGS: &[&str] = &[
    "--checksum",
    "-c",
    "--compress",
    "-z",
    "--whole-file",
    "-W",
    "--omit-dir-times",
    "-O",
    "--omit-link-times",
    "-J",
    "--no-times",
    "--no-perms",
    "--executability",
    "-E",
    "--ignore-existing",
    "--existing",
    "--size-only",
    "--update",
    "-u",
    "--prune-empty-dirs",
    "-m",
    "--delete-before",
    "--delete-during",
    "--delete-delay",
    "--delete-after",
    "--delete-excluded",
    "--copy-links",
    "-L",
    "--safe-links",
    "--hard-links",
    "-H",
    "--stats",
    "--verbose",
    "-v",
    "--itemize-changes",
    "-i",
    "--fuzzy",
    "-y",
    "--numeric-ids",
];

/// Options of rsync that take a plain value after `=`.
const RSYNC_VALUED: &[&str] = &[
    "--chmod",
    "--max-delete",
    "--bwlimit",
    "--block-size",
    "--compress-level",
    "--compress-choice",
    "--max-size",
    "--min-size",
    "--modify-window",
    "--include",
];

/// An option of rsync from the allow-list.
pub(in crate::stack) fn rsync_option(text: &str) -> Result<String, Refused> {
    let value_ok =
        |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || ",._%+=-*?/".contains(c));
    let known = match text.split_once('=') {
        Some((name, value)) => RSYNC_VALUED.contains(&name) && value_ok(value),
        None => RSYNC_FLAGS.contains(&text),
    };
    if known {
        return Ok(text.to_owned());
    }
    let name = text.split('=').next().unwrap_or_default();
    let cure = match RSYNC_VALUED.contains(&name) {
        true => format!("write it with a plain value: {name}=VALUE"),
        false => match crate::diagnostic::nearest(name, RSYNC_FLAGS.iter().chain(RSYNC_VALUED).copied()) {
            Some(near) if near != name => format!("did you mean `{near}`?"),
            _ => format!("allowed are {}", long_options().join(", ")),
        },
    };
    Err(refused(format!("rsync option `{}` is not allowed", shown(text)), &cure))
}

fn long_options() -> Vec<String> {
    let flags = RSYNC_FLAGS.iter().filter(|flag| flag.starts_with("--")).map(|flag| (*flag).to_owned());
    flags.chain(RSYNC_VALUED.iter().map(|name| format!("{name}="))).collect()
}
