//! The addresses of sources: none holds a secret, none can be read as an option or a program. Whether something answers there they
//! never know. Called by `kind`.

use crate::address::{self, Form, Login};
use crate::diagnostic::shown;
use crate::stack::values::{Refused, refused};

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
    match Form::of(address) {
        Form::Url(_) if !Form::of(address).is_ssh() => Login::Token,
        Form::Url(_) | Form::Scp(_) | Form::Path => Login::Name,
    }
}

/// The address of a directory in a Subversion repository, without a peg revision. No other tunnel than ssh: `svn+sh://` would be a
/// program of the configuration's.
pub(super) fn svn_url(text: &str) -> Result<String, Refused> {
    let url =
        of_schemes(text, "svn", &["https", "http", "svn", "svn+ssh", "file"], "https://svn.example.com/web/trunk")?;
    let (_, path) = authority_and_path(&url);
    match path.contains('@') {
        true => Err(refused(
            format!("`{}` holds an @ in its path", shown(text)),
            "write it as %40; a revision is never part of the address, the push says which one",
        )),
        false => Ok(url),
    }
}

/// A whole address of one of these schemes, which a program can take neither for an option nor for a program; `tool` and `example` say
/// in a refusal what is wanted.
fn of_schemes(text: &str, tool: &str, schemes: &[&str], example: &str) -> Result<String, Refused> {
    let plain = text.len() <= 2000 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let (authority, path) = authority_and_path(text);
    let host_ok = match scheme {
        // A machine's name there would be this one's, or refused.
        "file" => authority.is_empty() && !path.is_empty(),
        _ => authority.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['),
    };
    if !plain || !schemes.contains(&scheme) || !host_ok || path.split('/').any(|part| part == "..") {
        let (last, others) = schemes.split_last().unwrap_or((&"", &[]));
        return Err(refused(
            format!("{tool} address `{}` is not allowed", shown(text)),
            &format!("write an address of {} or {last}: {example}", others.join(", ")),
        ));
    }
    address::without_secrets(text, login_of(text))?;
    Ok(text.to_owned())
}

/// What stands between the scheme of an address and its first slash, and what comes behind that.
fn authority_and_path(address: &str) -> (&str, &str) {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    rest.split_once('/').unwrap_or((rest, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(parse: fn(&str) -> Result<String, Refused>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(parse(text).is_ok(), "{text:?} must be taken");
        }
        for text in bad {
            assert!(parse(text).is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn a_git_address_is_neither_option_nor_program() {
        table(
            git_url,
            &["https://h/p.git", "git@h:p.git", "ssh://git@h:22/p", "/srv/git/web", "../web", "ssh://me@h/p"],
            &[
                "",
                "-x",
                "--upload-pack=x",
                "ext::sh -c x",
                "fd::7",
                "a\nb",
                " x",
                "https://me:secret@h/p",
                "me:secret@h:p",
                "https://me%3Asecret@h/p",
                "ssh://me:a/b@h/p",
            ],
        );
    }

    #[test]
    fn an_svn_address_is_neither_option_nor_program_and_has_no_peg() {
        table(
            svn_url,
            &[
                "https://h/web/trunk",
                "svn://h:3690/web/trunk/",
                "svn+ssh://me@h/web",
                "file:///srv/svn/web",
                "http://[::1]/x",
                "https://h/a%40b",
            ],
            &[
                "",
                "-x",
                "h/web",
                "svn+sh://h/x",
                "ext://h/x",
                "https://",
                "file://h/x",
                "file://",
                "https://h/a b",
                "https://h/a\nb",
                "https://h/trunk@12",
                "https://me:secret@h/x",
                "https://h/a/../b",
                "https://-oProxyCommand=x/y",
            ],
        );
    }
}
