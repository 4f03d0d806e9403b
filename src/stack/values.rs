//! The small values of a stack file: times, chunks, paths, branches; addresses and rsync options in files of their own. Each function is the only
//! door to its kind, and says what is wrong and what to do. It must never look at the world: a path is only read as text.

mod addresses;
pub(super) mod destination;
mod rsync;

pub(super) use addresses::{diff_url, login_name, ticket_url};
pub(super) use rsync::rsync_option;

use super::Host;
use crate::address;
use crate::diagnostic::shown;
use std::ops::Range;
use std::time::Duration;

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub title: String,
    pub cures: Vec<String>,
    /// The bytes of the value that are wrong; all of it where nothing is said.
    pub at: Option<Range<usize>>,
}

pub(super) fn refused(title: impl Into<String>, cure: &str) -> Refused {
    Refused { title: title.into(), cures: vec![cure.to_owned()], at: None }
}

impl From<super::BadName> for Refused {
    fn from(bad: super::BadName) -> Self {
        Self {
            title: format!("{} `{}` is not allowed", bad.what, shown(&bad.value)),
            cures: vec![bad.rule.to_owned()],
            at: None,
        }
    }
}

impl From<address::Flaw> for Refused {
    fn from(flaw: address::Flaw) -> Self {
        Self { title: flaw.title.to_owned(), cures: vec![flaw.cure.to_owned()], at: Some(flaw.at) }
    }
}

/// How many hosts at once, before the number of hosts is known: the first batches, then the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub first: Vec<Share>,
    pub rest: Share,
}

/// Some of the hosts, before their number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Hosts(usize),
    Percent(usize),
}

impl Share {
    /// The number for a list of `hosts`: a percentage is rounded down.
    pub fn of(self, hosts: usize) -> usize {
        match self {
            Self::Hosts(number) => number,
            Self::Percent(percent) => hosts * percent / 100,
        }
    }
}

/// `max_failed = "5%"`.
pub(super) fn max_failed(text: &str) -> Result<Share, Refused> {
    match text.strip_suffix('%').map(str::parse::<usize>) {
        Some(Ok(percent @ 0..=100)) => Ok(Share::Percent(percent)),
        _ => Err(refused(
            format!("max_failed `{}` is not allowed", shown(text)),
            "write a number of hosts (max_failed = 1) or a percentage of them, 0% to 100% (max_failed = \"5%\")",
        )),
    }
}

/// `max_dropped = "10%"`.
pub(super) fn max_dropped(text: &str) -> Result<Share, Refused> {
    match text.strip_suffix('%').map(str::parse::<usize>) {
        Some(Ok(percent @ 1..=100)) => Ok(Share::Percent(percent)),
        _ => Err(refused(
            format!("max_dropped `{}` is not allowed", shown(text)),
            "write a number of hosts (max_dropped = 2) or a percentage of them, 1% to 100% (max_dropped = \"10%\")",
        )),
    }
}

/// `"25%"`.
pub(super) fn percent(text: &str) -> Result<Share, Refused> {
    match text.strip_suffix('%').map(str::parse::<usize>) {
        Some(Ok(percent @ 1..=100)) => Ok(Share::Percent(percent)),
        _ => Err(refused(
            format!("chunk `{}` is not allowed", shown(text)),
            "write a number of hosts (chunk = 10) or a percentage of them, 1% to 100% (chunk = \"25%\")",
        )),
    }
}

/// How long to wait between two tries: as a timeout.
pub(super) fn every(text: &str) -> Result<Duration, Refused> {
    timeout(text).map_err(|refused| Refused { title: format!("every `{}` is not allowed", shown(text)), ..refused })
}

/// `"30s"`, `"15m"`, `"2h"`: one second to one day.
pub(super) fn timeout(text: &str) -> Result<Duration, Refused> {
    let bad = || {
        refused(
            format!("timeout `{}` is not allowed", shown(text)),
            "write a whole number with s, m or h, one second to one day: \"30s\", \"15m\", \"2h\"",
        )
    };
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        _ => return Err(bad()),
    };
    let digits = &text[..text.len() - 1];
    match digits.parse::<u64>() {
        Ok(number) if digits.bytes().all(|b| b.is_ascii_digit()) && (1..=86_400 / unit).contains(&number) => {
            Ok(Duration::from_secs(number * unit))
        }
        _ => Err(bad()),
    }
}

/// One line for people, at most 100 characters: titles, buttons, names of commands.
pub(super) fn line(text: &str) -> Result<String, Refused> {
    match text.trim() == text && (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(refused(
            format!("`{}` is not allowed here", shown(text)),
            "write one line of 1 to 100 characters, without spaces at its ends",
        )),
    }
}

/// The value of one of the stack's own variables: plain text of one line.
pub(super) fn var(text: &str) -> Result<String, Refused> {
    if text.chars().any(char::is_control) || text.chars().count() > 1000 || text.starts_with('-') {
        return Err(refused(
            format!("the value `{}` is not allowed", shown(text)),
            "write one line of at most 1,000 characters that does not begin with -",
        ));
    }
    match variable_in(text) {
        Some(name) => Err(refused(
            format!("`{{{name}}}` would not be filled in: the value of a variable is plain text"),
            "use both variables in the command instead",
        )),
        None => Ok(text.to_owned()),
    }
}

/// The name of an environment variable of the server.
pub(super) fn env_name(text: &str) -> Result<String, Refused> {
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    match is_variable_name(text) && text.bytes().all(plain) && text.len() <= 100 {
        true => Ok(text.to_owned()),
        false => Err(refused(
            format!("`{}` is not the name of an environment variable", shown(text)),
            "write capital letters, digits and _: env = \"DEPLOY_TOKEN\"",
        )),
    }
}

/// The name of a credential of systemd: a plain file name.
pub(super) fn credential(text: &str) -> Result<String, Refused> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    match (1..=100).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(refused(
            format!("`{}` is not the name of a credential", shown(text)),
            "write the name of LoadCredential= in the server's unit: letters, digits, _, - and dots",
        )),
    }
}

/// `shrink = "50%"`.
pub(super) fn shrink(text: &str) -> Result<usize, Refused> {
    match text.strip_suffix('%').map(str::parse::<usize>) {
        Some(Ok(percent @ 0..=100)) => Ok(percent),
        _ => Err(refused(
            format!("shrink `{}` is not allowed", shown(text)),
            "write how many fewer hosts than last time are accepted, 0% to 100%: shrink = \"50%\"",
        )),
    }
}

/// `shrink = "50%"` of a source.
pub(super) fn file_shrink(text: &str) -> Result<usize, Refused> {
    let cure = "write how many fewer files than the previous build are accepted, 0% to 100%: shrink = \"50%\"";
    shrink(text).map_err(|refused| Refused { cures: vec![cure.to_owned()], ..refused })
}

/// `jump = "bastion.example.com"`; `"none"` is no jump host.
pub(super) fn jump(text: &str) -> Result<Option<Host>, Refused> {
    if text == "none" {
        return Ok(None);
    }
    match text.parse::<Host>() {
        Ok(host) if host.jump().is_none() => Ok(Some(host)),
        _ => Err(refused(
            format!("`{}` is not a jump host", shown(text)),
            "write one host as ssh reads it, jump = \"ops@bastion.example.com:22\", or \"none\" for the direct way",
        )),
    }
}

/// An absolute path on a host.
pub(super) fn absolute_path(text: &str) -> Result<String, Refused> {
    no_variable(text)?;
    let inner = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    match inner {
        Some(inner) if parts_ok(inner) => Ok(text.to_owned()),
        _ => {
            let title = format!("path `{}` is not allowed", shown(text));
            let cure = "write an absolute path below / without .. and without characters that shells read: /srv/web";
            Err(match plainer(text).filter(|plain| text.starts_with('/') && parts_ok(plain)) {
                Some(plain) => refused(title, &format!("a directory has one spelling here: /{plain}")),
                None => refused(title, cure),
            })
        }
    }
}

/// The same path without what says nothing in it: `.`, and slashes that stand twice. Where `..` leads, only the host knows.
fn plainer(path: &str) -> Option<String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    (!path.split('/').any(|part| part == "..")).then(|| parts.collect::<Vec<_>>().join("/"))
}

/// The directory of a release: an absolute path, told without a slash at its end.
pub(super) fn release_dir(text: &str) -> Result<String, Refused> {
    absolute_path(text).map(|path| path.trim_end_matches('/').to_owned())
}

/// A path inside the build or the checkout; `.` is all of it. A trailing slash is kept.
pub(super) fn inner_path(text: &str) -> Result<String, Refused> {
    no_variable(text)?;
    let inner = text.strip_suffix('/').unwrap_or(text);
    match inner == "." || parts_ok(inner.strip_prefix("./").unwrap_or(inner)) {
        true => Ok(text.to_owned()),
        false => {
            let title = format!("path `{}` is not allowed", shown(text));
            let cure = "write a relative path without .. and without characters that shells read: dist/assets";
            let slash = if text.ends_with('/') { "/" } else { "" };
            Err(match plainer(text).filter(|plain| !text.starts_with('/') && parts_ok(plain)) {
                Some(plain) => refused(title, &format!("a path has one spelling here: {plain}{slash}")),
                None => refused(title, cure),
            })
        }
    }
}

/// Whether every part of a path is a plain name.
pub(super) fn parts_ok(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part.trim() == part
            && part.chars().all(|c| c.is_alphanumeric() || "._-+@,=%: ".contains(c))
    })
}

fn no_variable(text: &str) -> Result<(), Refused> {
    match variable_in(text) {
        Some(name) => Err(refused(
            format!("this path cannot hold a variable: `{{{name}}}`"),
            "write it out; the paths of `rsync`, and commands, may hold variables",
        )),
        None => Ok(()),
    }
}

/// The first `{name}` in a text.
pub(super) fn variable_in(text: &str) -> Option<&str> {
    text.split('{').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        is_variable_name(name).then_some(name)
    })
}

/// `[A-Za-z_][A-Za-z0-9_]*`: what stands between braces of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A branch, by the rules of `git check-ref-format --branch`.
pub(super) fn branch(text: &str) -> Result<String, Refused> {
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = text.is_empty()
        || text.len() > 200
        || text == "@"
        || text == "HEAD"
        || text.starts_with('-')
        || text.ends_with('.')
        || text.contains("..")
        || text.contains("@{")
        || text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
        || text.split('/').any(bad_part);
    match bad {
        true => Err(refused(
            format!("branch `{}` is not allowed", shown(text)),
            "write the name of a branch as `git branch` lists it: main",
        )),
        false => Ok(text.to_owned()),
    }
}

/// A pattern for rsync's `--exclude`.
pub(super) fn pattern(text: &str) -> Result<String, Refused> {
    no_variable(text)?;
    match !text.is_empty() && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(refused(format!("pattern `{}` is not allowed", shown(text)), "write one line: *.map")),
    }
}

#[cfg(test)]
mod tests;
