//! The small values of a stack file: times, chunks, paths, addresses, branches, rsync options. Each function is the only
//! door to its kind, and says what is wrong and what to do. It must never look at the world: a path is only read as text.

mod rsync;

pub(super) use rsync::rsync_option;

use super::Host;
use crate::address::{self, Login};
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
            "write by how much fewer hosts than last time are believed, 0% to 100%: shrink = \"50%\"",
        )),
    }
}

/// `shrink = "50%"` of a source.
pub(super) fn file_shrink(text: &str) -> Result<usize, Refused> {
    let cure = "write by how much fewer files than the build before are believed, 0% to 100%: shrink = \"50%\"";
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
        _ => Err(refused(
            format!("path `{}` is not allowed", shown(text)),
            "write an absolute path below / without .. and without characters that shells read: /srv/web",
        )),
    }
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
        false => Err(refused(
            format!("path `{}` is not allowed", shown(text)),
            "write a relative path without .. and without characters that shells read: dist/assets",
        )),
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

/// The address of a git repository: anything that git takes and that cannot be read as an option or a program.
pub(super) fn git_url(text: &str) -> Result<String, Refused> {
    let plain = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if !plain || text.starts_with('-') || text.contains("::") {
        return Err(refused(
            format!("git address `{}` is not allowed", shown(text)),
            "write what `git clone` takes: https://host/path.git, user@host:path.git or /absolute/path",
        ));
    }
    address::without_secrets(text, login_of(text))?;
    Ok(text.to_owned())
}

/// Whose name may stand in the address of a source: that of ssh, and nobody's elsewhere.
fn login_of(address: &str) -> Login {
    match address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        None | Some("ssh" | "git+ssh" | "ssh+git" | "svn+ssh") => Login::Name,
        Some(_) => Login::Token,
    }
}

/// Who signs in with a password: one line without the `:` that would end it.
pub(super) fn login_name(text: &str) -> Result<String, Refused> {
    let good = !text.is_empty() && text.len() <= 100 && !text.starts_with('-');
    match good && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':') {
        true => Ok(text.to_owned()),
        false => {
            Err(refused(format!("user `{}` is not allowed", shown(text)), "write the name alone: user = \"push\""))
        }
    }
}

/// The address of a directory in a Subversion repository, without a peg revision.
pub(super) fn svn_url(text: &str) -> Result<String, Refused> {
    let bad = || {
        refused(
            format!("svn address `{}` is not allowed", shown(text)),
            "write an address of https, http, svn, svn+ssh or file: https://svn.example.com/web/trunk",
        )
    };
    let plain = text.len() <= 2000 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let (scheme, rest) = text.split_once("://").filter(|_| plain).ok_or_else(bad)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host_ok = match scheme {
        // A machine's name there would be this one's, or refused.
        "file" => authority.is_empty() && !path.is_empty(),
        // No other tunnel than ssh: `svn+sh://` would be a program of the configuration's.
        "http" | "https" | "svn" | "svn+ssh" => authority.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['),
        _ => false,
    };
    if !host_ok || path.split('/').any(|part| part == "..") {
        return Err(bad());
    }
    address::without_secrets(text, login_of(text))?;
    if path.contains('@') {
        return Err(refused(
            format!("`{}` holds an @ in its path", shown(text)),
            "write it as %40; a revision is never part of the address, the press says which one",
        ));
    }
    Ok(text.to_owned())
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

/// The address of a difference, with `{old_sha}` and `{sha}`.
pub(super) fn diff_url(text: &str) -> Result<String, Refused> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let filled = text.replace("{old_sha}", "").replace("{sha}", "");
    let host_ok = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    if let Some(name) = variable_in(&filled) {
        return Err(refused(format!("`{{{name}}}` cannot be used in `diff`"), "it may hold {old_sha} and {sha}"));
    }
    address::without_secrets(text, Login::None)?;
    match host_ok && !filled.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"{}|\\^`".contains(c)) {
        true => Ok(text.to_owned()),
        false => Err(refused(
            format!("diff address `{}` is not allowed", shown(text)),
            "write an http:// or https:// address: https://git.example.com/web/compare/{old_sha}...{sha}",
        )),
    }
}

/// The address of a ticket, with `{ticket}` or `{number}` behind the host.
pub(super) fn ticket_url(text: &str) -> Result<String, Refused> {
    let filled = text.replace("{ticket}", "").replace("{number}", "");
    if let Some(name) = variable_in(&filled) {
        return Err(refused(format!("`{{{name}}}` cannot be used in `tickets`"), "it may hold {ticket} and {number}"));
    }
    address::without_secrets(text, Login::None)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_ok = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && !host.contains('{');
    if !host_ok || filled.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"{}|\\^`".contains(c)) {
        return Err(refused(
            format!("ticket address `{}` is not allowed", shown(text)),
            "write an http:// or https:// address: https://tickets.example.com/browse/{ticket}",
        ));
    }
    match filled == text {
        true => Err(refused(
            format!("ticket address `{}` does not say which ticket", shown(text)),
            "put {ticket} (as it is written) or {number} (its digits alone) into it",
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
