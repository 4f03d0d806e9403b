//! The addresses of a stack file that pages link to, of differences and tickets; and who signs in to a source. None holds a secret.

use super::{Refused, refused, variable_in};
use crate::address::{self, Login};
use crate::diagnostic::shown;

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
