//! Addresses as text: where in one a name or a password stands, and how it is shown without it. The one place that knows;
//! every key that takes an address asks here, and so does everything that shows text from outside. Pure. It must never let
//! through what stands before an `@` and may be a secret. By hand, not by a parser of URLs: what is looked for stands within
//! other text, and a password that is written wrongly, so that no parser takes the address, is a secret all the same.

mod form;

pub use form::{Form, encoded, encoded_path, is_of_the_web};

use std::borrow::Cow;
use std::ops::Range;

/// What is shown in the place of a name and a password.
pub const HIDDEN: &str = "***";

/// Whose name may stand before the `@` of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody's: addresses of pages and checks.
    None,
    /// A name, as ssh takes it; never with a password.
    Name,
    /// Nobody's: over https and http a lone name may be a token, and a file of its own is for what signs in.
    Token,
}

/// What is wrong with an address, at which bytes of it, and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where.
    pub at: Range<usize>,
    /// What, as a phrase.
    pub title: &'static str,
    /// What to do.
    pub cure: &'static str,
}

const NO_PASSWORD: &str =
    "a password does not belong into an address: the file is read by many, and pages, logs and mails show it";
const NO_NAME: &str =
    "what stands before the @ of an address signs someone in, and pages, logs and mails would show it";
const USE_A_KEY: &str =
    "use an ssh address with a key: ssh://git@git.example.com/web.git, key_file = \"/etc/pushbutton/deploy-key\"";
const USE_A_TOKEN: &str = "use an ssh address with a key: ssh://git@git.example.com/web.git, or name a file that holds the token: source = { git = \"https://git.example.com/web.git\", user = \"push\", token_file = \"/etc/pushbutton/web.token\" }";
const USE_A_SECRET: &str = "take it out; a command that signs in gets its password from [secrets]: run = \"curl -u \\\"$PUSH_SECRET_LOGIN\\\" …\"";
const USE_EITHER: &str = "take it out; a source that signs in names a file: over https token_file = \"/etc/pushbutton/web.token\", over ssh key_file = \"/etc/pushbutton/deploy-key\"; a command gets its password from [secrets]: run = \"curl -u \\\"$PUSH_SECRET_LOGIN\\\" …\"";
const NO_PORT: &str = "this address has no port behind its host, and what stands there may be a password";

/// Whether an address keeps passwords, and names where nobody's may stand, to itself.
///
/// # Errors
/// Where it does not.
pub fn without_secrets(address: &str, login: Login) -> Result<(), Flaw> {
    let cure = match login {
        Login::None => USE_A_SECRET,
        Login::Name => USE_A_KEY,
        Login::Token => USE_A_TOKEN,
    };
    let flaw = |at, title| Err(Flaw { at, title, cure });
    for found in LoginPart::all(address) {
        match found.kind {
            Kind::Password => return flaw(found.login, NO_PASSWORD),
            Kind::Name if login != Login::Name => return flaw(found.login, NO_NAME),
            Kind::Name => {}
            Kind::Odd => return flaw(found.login, NO_PORT),
        }
    }
    // `name:password@host:path`, which ssh would read as a path on the host `name`.
    if let (Login::Name, false, Some((before, _))) = (login, address.contains("://"), address.split_once('@'))
        && before.contains(':')
        && !before.contains('/')
    {
        return flaw(0..before.len(), NO_PASSWORD);
    }
    Ok(())
}

/// The places in a text that is no address, as a whole command or a value, where an address has a password written out:
/// none where a shell or a variable puts it in.
pub fn password_in(text: &str) -> Option<Flaw> {
    let written = |found: &LoginPart| {
        let password = text[found.login.clone()].split_once(':').map_or("", |(_, password)| password);
        found.kind == Kind::Password && !password.is_empty() && !password.contains(['$', '{', '`', '*'])
    };
    let found = LoginPart::all(text).find(written)?;
    Some(Flaw { at: found.login, title: NO_PASSWORD, cure: USE_EITHER })
}

/// A text, with `***` where an address in it has a name and a password, or a name that may be a token.
pub fn shown(text: &str) -> Cow<'_, str> {
    replaced(text, |_| HIDDEN.to_owned())
}

/// The same with a star for each character, so that what is drawn below it stays in its place.
pub fn starred(text: &str) -> Cow<'_, str> {
    replaced(text, |login| "*".repeat(login.chars().count()))
}

fn replaced(text: &str, by: impl Fn(&str) -> String) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let (mut out, mut done) = (String::new(), 0);
    for found in LoginPart::all(text).filter(LoginPart::is_secret) {
        out.push_str(&text[done..found.login.start]);
        out.push_str(&by(&text[found.login.clone()]));
        done = found.login.end;
    }
    match done {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[done..]),
    }
}

/// What stands before the `@` of an address.
struct LoginPart {
    /// Its bytes.
    login: Range<usize>,
    kind: Kind,
    /// Whether a lone name is one of ssh, and no token.
    of_ssh: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `name:password`, also percent-encoded.
    Password,
    /// A name alone.
    Name,
    /// A password with a slash in it, most likely: what should be a port is none.
    Odd,
}

impl LoginPart {
    fn is_secret(&self) -> bool {
        self.kind != Kind::Name || !self.of_ssh
    }

    /// All logins of a text, in its order.
    fn all(text: &str) -> impl Iterator<Item = Self> {
        let mut from = 0;
        std::iter::from_fn(move || {
            while let Some(at) = text.get(from..)?.find("://").map(|at| from + at) {
                from = at + 3;
                if let Some(found) = Self::behind(text, at) {
                    from = found.login.end;
                    return Some(found);
                }
            }
            None
        })
    }

    /// The login of the address whose `://` stands at `at`.
    fn behind(text: &str, at: usize) -> Option<Self> {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = &text[text[..at].trim_end_matches(is_scheme).len()..at];
        let start = at + 3;
        let rest = &text[start..];
        let word = &rest
            [..rest.find(|c: char| c.is_whitespace() || c.is_control() || "\"<>".contains(c)).unwrap_or(rest.len())];
        let authority = &word[..word.find(['/', '?', '#', '\\']).unwrap_or(word.len())];
        let of_ssh = !scheme.is_empty() && !["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
        if let Some(end) = authority.rfind('@') {
            let login = &authority[..end];
            let kind = match login.contains(':') || login.to_ascii_lowercase().contains("%3a") {
                true => Kind::Password,
                false => Kind::Name,
            };
            return (!login.is_empty()).then_some(Self { login: start..start + end, kind, of_ssh });
        }
        // The first `:` of a host and its port; an IPv6 address is in brackets, and a variable of ours in braces.
        let port = match authority.starts_with('[') {
            true => authority.split_once("]:").map(|(_, port)| port),
            false => authority.split_once(':').map(|(_, port)| port),
        }?;
        let is_port = port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) || port.starts_with(['{', '$']);
        let end = word.rfind('@').filter(|_| !is_port)?;
        Some(Self { login: start..start + end, kind: Kind::Odd, of_ssh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stands_before_the_at_of_an_address_is_never_shown() {
        for (text, safe) in [
            ("https://git.example.com/web.git", "https://git.example.com/web.git"),
            ("https://mary:s3cret@example.com/x", "https://***@example.com/x"),
            ("HTTPS://mary:s3cret@example.com", "HTTPS://***@example.com"),
            ("https://token@example.com/x", "https://***@example.com/x"),
            ("https://mary%3As3cret@example.com/x", "https://***@example.com/x"),
            ("https://:s3cret@example.com", "https://***@example.com"),
            ("https://a@b:p@example.com/x@y", "https://***@example.com/x@y"),
            ("https://mary:s3/cret@example.com/x", "https://***@example.com/x"),
            ("http://mary:s3cret@[::1]:80/?a=b@c", "http://***@[::1]:80/?a=b@c"),
            ("ssh://git@example.com/x", "ssh://git@example.com/x"),
            ("ssh://git:s3cret@example.com/x", "ssh://***@example.com/x"),
            ("svn+ssh://mary@h/x", "svn+ssh://mary@h/x"),
            ("postgres://app:s3cret@db:5432/web", "postgres://***@db:5432/web"),
            ("git@example.com:web.git", "git@example.com:web.git"),
            ("mail mary@example.com about https://example.com", "mail mary@example.com about https://example.com"),
            ("https://example.com and mary@example.com", "https://example.com and mary@example.com"),
            ("https://example.com:8080/a@b", "https://example.com:8080/a@b"),
            ("at 'https://a:s3cret@h/x/' and 'https://b:s3cret@h/y/'", "at 'https://***@h/x/' and 'https://***@h/y/'"),
            ("/srv/git/web.git", "/srv/git/web.git"),
        ] {
            assert_eq!(shown(text), safe);
            assert_eq!(starred(text).chars().count(), text.chars().count(), "{text}");
            assert!(!starred(text).contains("s3cret") && !starred(text).contains("token"), "{text}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_the_place_is_told() {
        for (address, none, name) in [
            ("https://h/x", "", ""),
            ("http://{host}:{port}/x", "", ""),
            ("http://[::1]:80/", "", ""),
            ("https://me@h/x", "me", ""),
            ("https://me:pw@h/x", "me:pw", "me:pw"),
            ("https://me%3apw@h/x", "me%3apw", "me%3apw"),
            ("https://{user}:{pw}@h/x", "{user}:{pw}", "{user}:{pw}"),
            ("https://me:p/w@h/x", "me:p/w", "me:p/w"),
            ("ssh://git@h/x", "git", ""),
            ("ssh://git:pw@h/x", "git:pw", "git:pw"),
            ("git@h:web.git", "", ""),
            ("me:pw@h:web.git", "", "me:pw"),
            ("/srv/a:b@c", "", ""),
        ] {
            for (login, wanted) in [(Login::None, none), (Login::Name, name)] {
                let found = without_secrets(address, login).err().map_or("", |flaw| &address[flaw.at]);
                assert_eq!(found, wanted, "{address} {login:?}");
            }
        }
    }

    #[test]
    fn a_password_in_a_command_is_found_and_a_variable_is_none() {
        for (text, found) in [
            ("curl -f https://ops:s3cret@h/purge", Some("ops:s3cret")),
            ("psql postgres://app:s3cret@db/web", Some("app:s3cret")),
            ("curl https://ops:$PUSH_SECRET_X@h/", None),
            ("curl https://{user}:{pw}@h/", None),
            ("curl https://ops:***@h/", None),
            ("git clone ssh://git@h/x", None),
            ("curl https://h:80/a@b", None),
        ] {
            assert_eq!(password_in(text).map(|flaw| &text[flaw.at]), found, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_password_is_it_is_not_shown(password in "[!-~&&[^\"<>/?#\\\\@ ]]{1,30}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            let text = format!("{before} https://mary:zz{password}@h/ {after}");
            let hidden = format!("zz{password}");
            prop_assume!(!before.contains(&hidden) && !after.contains(&hidden));
            prop_assert!(!shown(&text).contains(&hidden), "{}", shown(&text));
            prop_assert!(!starred(&text).contains(&hidden), "{}", starred(&text));
        }
    }
}
