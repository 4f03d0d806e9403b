//! Which kind of address a text is: one of the web, or what names a source to git and svn. `host:path`, as ssh takes it, is no URL
//! and is told from a path here alone; all else is read as browsers read it. Pure. It must never ask what is there.

use url::Url;

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
