//! Who signs in to a source, and whether the way there is safe: `insecure`, `user`, `token_file` and `key_file` of `source`. It must
//! never look at the world, nor let a secret itself stand in a stack file. Called by `source`; `source::login` reads what is named here.

use crate::address::Form;
use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Reader, Value};
use crate::stack::values::{self, Refused};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

/// What signs in to a source, and where it is found: never the thing itself. Plans hold it, and those of earlier runners the
/// first kind alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SourceLogin {
    /// A name with a password or token: over https, http or svn.
    Token {
        /// The name.
        user: String,
        /// The file whose first line is the password or token: absolute, and nobody else's to read.
        token_file: String,
    },
    /// A private key of this source alone: over ssh.
    Key {
        /// The file that holds it: absolute, and nobody else's to read.
        key_file: String,
    },
}

/// Who signs in with a token, where nobody is named: most servers look at the token alone.
const USER: &str = "git";

/// Whether anybody on the way to an address can read along and change what comes: nothing there proves who answers.
pub fn is_insecure(url: &str) -> bool {
    matches!(Form::of(url), Form::Url(scheme) if matches!(scheme.as_str(), "git" | "http" | "svn"))
}

/// What an address of the network, the value of `key`, needs besides: a word where it is not safe, and who signs in, with a token only
/// over `token_schemes`. `None` only after a mistake was noted.
pub(super) fn on_the_way(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    key: &str,
    token_schemes: &[&str],
    url: &str,
) -> Option<Option<SourceLogin>> {
    let span = table.get(key).map_or(0..0, toml::Spanned::span);
    let said = table.get("insecure").is_some_and(|value| reader.boolean(value) == Some(true));
    if is_insecure(url) && !said {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let title =
            format!("{scheme}:// is neither encrypted nor signed: anyone on the network can change what is deployed");
        let cure = "write an address of https or ssh; or, if the network is safe, allow it: insecure = true";
        reader.refuse(Mistake::new(span, title).cure(cure));
        return None;
    }
    let login = match (table.get_key_value("key_file"), table.get("token_file")) {
        (Some((key, _)), Some(_)) => {
            let mistake = Mistake::new(key.span(), "`key_file` and `token_file` are both set");
            reader.refuse(mistake.cure("keep one: a key signs in over ssh, a token over https"));
            return None;
        }
        (Some((_, value)), None) => Some(key_login(reader, table, url, value)?),
        (None, Some(value)) => Some(token_login(reader, table, token_schemes, url, value)?),
        (None, None) => None,
    };
    match (&login, table.get_key_value("user")) {
        (None, Some((key, _))) => {
            let mistake = Mistake::new(key.span(), "`user` has no effect without a token");
            reader.refuse(mistake.cure("name the file that holds it: token_file = \"/etc/pushbutton/web.token\""));
            None
        }
        _ => Some(login),
    }
}

/// Reads `token_file` and `user`.
fn token_login(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    schemes: &[&str],
    url: &str,
    value: &Value<'_>,
) -> Option<SourceLogin> {
    let user = table.get("user").map(|value| reader.parsed(value, values::login_name));
    let takes_one = match Form::of(url) {
        Form::Url(scheme) => schemes.contains(&scheme.as_str()),
        Form::Scp(_) | Form::Path => false,
    };
    if !takes_one {
        let title = "`token_file` belongs to an address of https; this one takes no password";
        let cure = "take it out; over ssh a key signs in: key_file = \"/etc/pushbutton/deploy-key\"";
        reader.refuse(Mistake::new(value.span(), title).cure(cure));
        return None;
    }
    let token_file = reader.parsed(value, values::absolute_path)?;
    let user = user.unwrap_or_else(|| Some(USER.to_owned()))?;
    Some(SourceLogin::Token { user, token_file })
}

/// Reads `key_file`.
fn key_login(reader: &mut Reader<'_>, table: &DeTable<'_>, url: &str, value: &Value<'_>) -> Option<SourceLogin> {
    if let Some((key, _)) = table.get_key_value("user") {
        let mistake = Mistake::new(key.span(), "`user` belongs to `token_file`, not to a key");
        reader.refuse(mistake.cure("take it out; over ssh the name is in the address: git@git.example.com:web.git"));
        return None;
    }
    if !Form::of(url).is_ssh() {
        let title = "`key_file` belongs to an address of ssh; this one takes no key";
        let cure = "write an address of ssh: git@git.example.com:web.git; over https a token signs in: token_file = \"/etc/pushbutton/web.token\"";
        reader.refuse(Mistake::new(value.span(), title).cure(cure));
        return None;
    }
    Some(SourceLogin::Key { key_file: reader.parsed(value, key_path)? })
}

/// Whether a path may go to ssh by git and svn: git hands it to a shell within a command, svn cuts that at its blanks, and ssh
/// reads `%` and `~` in it.
pub fn is_path_for_ssh(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./@+,:=-".contains(&byte))
}

/// The path of a key.
fn key_path(text: &str) -> Result<String, Refused> {
    let path = values::absolute_path(text)?;
    match is_path_for_ssh(&path) {
        true => Ok(path),
        false => Err(Refused {
            title: format!("key_file `{}` is not allowed", shown(text)),
            at: None,
            cures: vec![
                "its path goes to ssh: write it with letters, digits and _./@+,:=- alone: /etc/pushbutton/deploy-key"
                    .to_owned(),
            ],
        }),
    }
}
