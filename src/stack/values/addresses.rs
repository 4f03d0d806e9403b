//! The addresses of a stack file: of repositories, differences and tickets, and who signs in there. None holds a secret, none can be read
//! as an option or a program.

use super::{Refused, refused, variable_in};
use crate::address::{self, Form, Login};
use crate::diagnostic::shown;

/// The address of a git repository: anything that git takes and that cannot be read as an option or a program.
pub(in crate::stack) fn git_url(text: &str) -> Result<String, Refused> {
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
    match Form::of(address) {
        Form::Url(_) if !Form::of(address).is_ssh() => Login::Token,
        Form::Url(_) | Form::Scp(_) | Form::Path => Login::Name,
    }
}

/// Who signs in with a password: one line without the `:` that would end it.
pub(in crate::stack) fn login_name(text: &str) -> Result<String, Refused> {
    let good = !text.is_empty() && text.len() <= 100 && !text.starts_with('-');
    match good && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':') {
        true => Ok(text.to_owned()),
        false => {
            Err(refused(format!("user `{}` is not allowed", shown(text)), "write the name alone: user = \"push\""))
        }
    }
}

/// The address of a directory in a Subversion repository, without a peg revision.
pub(in crate::stack) fn svn_url(text: &str) -> Result<String, Refused> {
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
            "write it as %40; a revision is never part of the address, the push says which one",
        ));
    }
    Ok(text.to_owned())
}

/// The address of a difference, with `{old_sha}` and `{sha}`.
pub(in crate::stack) fn diff_url(text: &str) -> Result<String, Refused> {
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
pub(in crate::stack) fn ticket_url(text: &str) -> Result<String, Refused> {
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
