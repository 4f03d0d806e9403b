//! Which kind of address a text is: one of the web, or what names a source to git and svn. `host:path`, as ssh takes it, is no URL
//! and is told from a path here alone; all else is read as browsers read it. And what a text must look like as a part of one. Pure. It must never ask what is there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use url::Url;

/// What does not stand as it is in a part of an address (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What names a repository, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// `scheme://…`: the scheme, in lower case.
    Url(String),
    /// `host:path`, or `name@host:path`, as ssh takes it: what stands before the colon.
    Scp(&'a str),
    /// A path of this machine.
    Path,
}

impl<'a> Form<'a> {
    /// The form of an address that git or svn takes.
    pub fn of(address: &'a str) -> Self {
        match (address.split_once("://"), address.split_once(':')) {
            (Some((scheme, _)), _) => Self::Url(scheme.to_ascii_lowercase()),
            // A path may hold a colon behind a slash.
            (None, Some((server, _))) if !server.contains('/') => Self::Scp(server),
            (None, _) => Self::Path,
        }
    }

    /// Whether it goes over ssh.
    pub fn is_ssh(&self) -> bool {
        match self {
            Self::Url(scheme) => matches!(scheme.as_str(), "ssh" | "git+ssh" | "ssh+git" | "svn+ssh"),
            Self::Scp(_) => true,
            Self::Path => false,
        }
    }
}

/// Whether a text is an address of the web, which may be linked to: nothing in it could end it early or be read in two ways.
pub fn is_of_the_web(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"`{}|\\^".contains(&byte);
    // Browsers forgive a slash too many or too few; other readers do not.
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.starts_with('/')) && text.bytes().all(plain) && Url::parse(text).is_ok()
}

/// Text or bytes as one part of an address or of a form: everything but letters, digits and `-._~` as `%XX`, so that nothing can
/// end the part that it stands in.
pub fn encoded(part: impl AsRef<[u8]>) -> String {
    percent_encode(part.as_ref(), RESERVED).to_string()
}

/// The same of a path, whose slashes stay.
pub fn encoded_path(path: impl AsRef<[u8]>) -> String {
    const IN_PATH: &AsciiSet = &RESERVED.remove(b'/');
    percent_encode(path.as_ref(), IN_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_path_of_ssh_are_neither_a_url_nor_a_path() {
        for (address, form, ssh) in [
            ("https://h/x", Form::Url("https".to_owned()), false),
            ("SSH://git@h/x", Form::Url("ssh".to_owned()), true),
            ("svn+ssh://h/x", Form::Url("svn+ssh".to_owned()), true),
            ("file:///srv/x", Form::Url("file".to_owned()), false),
            ("git@h:web.git", Form::Scp("git@h"), true),
            ("h:/srv/web", Form::Scp("h"), true),
            ("/srv/a:b", Form::Path, false),
            ("./a:b", Form::Path, false),
            ("web", Form::Path, false),
        ] {
            assert_eq!((Form::of(address), Form::of(address).is_ssh()), (form, ssh), "{address}");
        }
    }

    #[test]
    fn a_part_of_an_address_has_nothing_that_ends_it() {
        assert_eq!(encoded("Ann & Bo=1/~ü-._"), "Ann%20%26%20Bo%3D1%2F~%C3%BC-._");
        assert_eq!(encoded_path(b"/srv/a b?\xff"), "/srv/a%20b%3F%FF");
    }

    #[test]
    fn an_address_of_the_web_has_a_host_and_nothing_that_ends_it() {
        for good in ["https://h", "http://[::1]:3000/", "https://g.example.com/c/a...b?x=(1)#'y'", "https://h:443/%20"]
        {
            assert!(is_of_the_web(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https:///h",
            "https:h",
            "https://:80/",
            "https://[::1/",
            "https://h:99999/",
            "https://h/ x",
            "https://h/\\x",
            "https://h/\"x",
            "https://h/é",
            "//h/x",
            "ftp://h/x",
            "javascript:alert(1)//https://h",
        ] {
            assert!(!is_of_the_web(bad), "{bad}");
        }
    }
}
