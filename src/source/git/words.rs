//! What git says, in words for the person who presses: cleaned, short, with what to do about it; and the cleaning of
//! text from commits. Pure. It must never let a control or bidi character, or an address's password, through.
//! Called by `git` and `svn`.

use crate::source::tool::Trouble;

/// Lines of git's complaint that are shown; more is its own explanation of itself.
const SHOWN_LINES: usize = 3;
/// Characters of a line: of a subject, a name, a complaint.
const LONGEST_LINE: usize = 200;

/// What git says when something is wrong, and what to do about it.
const ADVICE: [(&str, &str); 17] = [
    (
        "dubious ownership",
        "the repository belongs to another user of this machine: let the push host's user own it, or reach it over ssh",
    ),
    ("Host key verification failed", "put the git server's host key into known_hosts on the push host"),
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the git server's host key changed: find out why before you trust the new one",
    ),
    ("Permission denied (publickey", "give the push host's ssh key the right to read the repository"),
    ("terminal prompts disabled", "it wants a name and a password: use an ssh address, or one with a token"),
    ("could not read Username", "it wants a name and a password: use an ssh address, or one with a token"),
    ("Authentication failed", "the name, password or token in the stack's address is wrong or too old"),
    ("Could not resolve host", "is the name in the stack's address right, and does DNS work on the push host?"),
    ("' not allowed", "addresses may be https, http, ssh, git, file, or an absolute path"),
    ("Connection refused", "is the git server up, and the port right?"),
    ("timed out", "is the git server up, and may the push host reach it?"),
    ("does not appear to be a git repository", "is the stack's address right, and may the push host read it?"),
    ("ot found", "is the stack's address right, and may the push host read it?"),
    ("fsck error", "the repository holds objects that git's own check refuses: repair it with the help of `git fsck`"),
    ("File exists", "a git that was killed left this lock; when no git runs on the mirror, remove it"),
    ("No space left", "make room on the push host's data disk"),
    ("the mirror is larger than", "raise source_mib in [limits] of the server's file, or make the repository smaller"),
];

/// Why git did not do as asked, and what to do.
pub(super) fn why(trouble: &Trouble, url: &str) -> String {
    match trouble {
        Trouble::NotRun(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "git is not installed on the push host, or not in the server's PATH".to_owned()
        }
        Trouble::NotRun(error) => format!("git could not be run: {error}"),
        Trouble::TimedOut(limit) => {
            format!("git was not done after {} s and was ended; is the other side, or the disk, slow?", limit.as_secs())
        }
        Trouble::Failed(said) if said.contains("pathspec '.' did not match") => "the revision has no files".to_owned(),
        Trouble::Failed(said) => {
            let shown = complaint(said, url);
            match ADVICE.iter().find(|(phrase, _)| said.contains(phrase)) {
                Some((_, advice)) => format!("{shown}; {advice}"),
                None => shown,
            }
        }
    }
}

/// The lines of a complaint that say something, cleaned, without the password of the address.
pub(in crate::source) fn complaint(said: &str, url: &str) -> String {
    let said = match login(url) {
        Some(login) => said.replace(login, "***"),
        None => said.to_owned(),
    };
    // The exception that git recommends would go into a configuration that our git does not read.
    let talk =
        ["hint:", "Please make sure you have", "and the repository exists", "To add an exception", "\tgit config"];
    let lines: Vec<String> = said
        .split(['\n', '\r'])
        .filter(|text| !talk.iter().any(|talk| text.starts_with(talk)))
        .map(|text| line(text.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_start_matches("svn: ")))
        .filter(|text| !text.is_empty())
        .take(SHOWN_LINES)
        .collect();
    match lines.is_empty() {
        true => "git failed without a word".to_owned(),
        false => lines.join("; "),
    }
}

/// An address as it may be shown: what may be a password or a token is hidden.
pub(in crate::source) fn shown_url(url: &str) -> String {
    match login(url) {
        Some(login) => line(&url.replacen(login, "***", 1)),
        None => line(url),
    }
}

/// The part of an address that must not be shown: `name:password` anywhere, a lone name only over HTTP, where it is a
/// token (`git@` of ssh is not).
fn login(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    let secret = login.contains(':') || scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (secret && !login.is_empty()).then_some(login)
}

/// Text from outside as one line: control characters become spaces, characters that reorder or hide text go, spaces are
/// drawn together, and what is too long is cut.
pub(in crate::source) fn line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !hides_or_reorders(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    let mut line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
        let last = line[..end].char_indices().next_back().map_or(0, |(place, _)| place);
        line.truncate(last);
        line.push('…');
    }
    line
}

/// Bidi controls, byte order marks and tags. Joiners stay: scripts and emoji need them.
fn hides_or_reorders(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{200b}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_commits_becomes_one_plain_line() {
        for (text, cleaned) in [
            ("plain", "plain"),
            ("a\u{1b}[31mred\u{7}", "a [31mred"),
            ("one\r\ntwo\tthree", "one two three"),
            ("evil\u{202e}gpj.exe\u{2066}", "evilgpj.exe"),
            ("\u{9b}2J\u{feff}x\u{e0041}", "2Jx"),
            ("para\u{2029}graph", "para graph"),
            ("  many   spaces ", "many spaces"),
            ("👩‍🚀 launch", "👩‍🚀 launch"),
        ] {
            assert_eq!(line(text), cleaned, "{text:?}");
        }
        assert_eq!(line(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(line(&"é".repeat(201)), format!("{}…", "é".repeat(199)));
    }

    #[test]
    fn a_password_in_an_address_is_never_shown() {
        for (url, shown) in [
            ("https://github.com/example/web.git", "https://github.com/example/web.git"),
            ("https://mary:s3cret@example.com/x", "https://***@example.com/x"),
            ("https://token@example.com/x", "https://***@example.com/x"),
            ("https://a@b:p@example.com/x@y", "https://***@example.com/x@y"),
            ("ssh://git@example.com/x", "ssh://git@example.com/x"),
            ("ssh://git:pw@example.com/x", "ssh://***@example.com/x"),
            ("git@example.com:web.git", "git@example.com:web.git"),
            ("/srv/git/web.git", "/srv/git/web.git"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
        let said = "fatal: Authentication failed for 'https://mary:s3cret@example.com/x/'\n".to_owned();
        let words = why(&Trouble::Failed(said), "https://mary:s3cret@example.com/x");
        assert!(!words.contains("s3cret") && words.contains("wrong or too old"), "{words}");
    }

    #[test]
    fn what_git_says_comes_cleaned_and_with_advice() {
        for (said, words) in [
            ("", "git failed without a word"),
            ("fatal: bad\u{1b}[2J thing\n", "bad [2J thing"),
            (
                "fatal: '/nope' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\n\
                 Please make sure you have the correct access rights\nand the repository exists.\n",
                "'/nope' does not appear to be a git repository; Could not read from remote repository.; \
                 is the stack's address right, and may the push host read it?",
            ),
            (
                "fatal: transport 'ext' not allowed\n",
                "transport 'ext' not allowed; addresses may be https, http, ssh, git, file, or an absolute path",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
                "git@h: Permission denied (publickey).; Could not read from remote repository.; \
                 give the push host's ssh key the right to read the repository",
            ),
            (
                "fatal: detected dubious ownership in repository at '/srv/x.git'\nTo add an exception for this directory, call:\n\n\
                 \tgit config --global --add safe.directory /srv/x.git\nfatal: Could not read from remote repository.\n",
                "detected dubious ownership in repository at '/srv/x.git'; Could not read from remote repository.; \
                 the repository belongs to another user of this machine: let the push host's user own it, or reach it over ssh",
            ),
            ("error: pathspec '.' did not match any file(s) known to git\n", "the revision has no files"),
        ] {
            assert_eq!(why(&Trouble::Failed(said.to_owned()), "/nope"), words, "{said:?}");
        }
    }

    #[test]
    fn only_the_networks_failures_are_tried_again() {
        for (said, again) in [
            ("fatal: unable to access 'https://x/': Could not resolve host: x", true),
            ("ssh: connect to host x port 22: Connection refused", true),
            ("error: The requested URL returned error: 503", true),
            ("fatal: repository 'https://x/' not found", false),
            ("Host key verification failed.", false),
            ("git@h: Permission denied (publickey).", false),
        ] {
            assert_eq!(Trouble::Failed(said.to_owned()).may_pass(), again, "{said}");
        }
    }
}
