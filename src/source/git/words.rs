//! What git says, in words for the person who presses: cleaned, short, with what to do about it; and the cleaning of
//! text from commits. Pure. It must never let a control or bidi character, or an address's password, through.
//! Called by `git` and `svn`.

use super::advice;
use crate::address;
use crate::source::tool::Trouble;
use crate::visible::visible;

/// Characters of a line: of a subject, a name, a complaint.
const LONGEST_LINE: usize = 200;

/// What git begins a complaint with.
const BEGINNINGS: [&str; 2] = ["fatal: ", "error: "];

/// Why git did not do as asked, and what to do.
pub(super) fn why(trouble: &Trouble, url: &str) -> String {
    match trouble {
        Trouble::NotRun(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "git is not installed on the push host, or not in the server's PATH".to_owned()
        }
        Trouble::NotRun(error) => format!("git could not be run: {error}"),
        Trouble::TimedOut(limit) => {
            format!("git did not finish within {} s and was ended; is the server, or the disk, slow?", limit.as_secs())
        }
        Trouble::Failed(said) if said.contains("pathspec '.' did not match") => "the revision has no files".to_owned(),
        Trouble::Failed(said) => advice::of(&complaint(said, url, &BEGINNINGS)).words(),
    }
}

/// Why it is our own copy of the repository that is to blame, and what becomes of it.
pub(super) fn of_the_copy(said: &str, url: &str) -> String {
    let line = advice::of(&complaint(said, url, &BEGINNINGS)).said;
    format!("Pushbutton's own copy of the repository is damaged ({line}); it is cloned again at the next fetch")
}

/// Whether trying again may help: after the network's failures, never after a refusal.
pub(super) fn may_pass(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Failed(said) => advice::of(said).case.is_some_and(|case| case.again),
        Trouble::NotRun(_) | Trouble::TimedOut(_) => false,
    }
}

/// The lines of a complaint that say something, cleaned, without what stands before the `@` of an address, nor what a tool begins its
/// complaints with.
pub(in crate::source) fn complaint(said: &str, url: &str, beginnings: &[&str]) -> String {
    let said = match login(url) {
        Some(login) => said.replace(login, address::HIDDEN),
        None => said.to_owned(),
    };
    let lines = said.split(['\n', '\r']).map(|text| {
        let text = text.trim();
        line(beginnings.iter().find_map(|beginning| text.strip_prefix(beginning)).unwrap_or(text))
    });
    lines.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// An address as it may be shown: what may be a password or a token is hidden.
pub(in crate::source) fn shown_url(url: &str) -> String {
    line(url)
}

/// What of an address may be a secret, to be hidden wherever git says it.
fn login(url: &str) -> Option<&str> {
    let (begin, end) = (url.find("://")? + 3, address::shown(url).find(&format!("{}@", address::HIDDEN))?);
    let rest = url.get(begin..).filter(|_| end == begin)?;
    let (login, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    // A letter or two would be hidden everywhere.
    (login.len() > 3).then_some(login)
}

/// Text from outside as one line: passwords of addresses are hidden, control characters become spaces, characters that reorder or hide text become chips, spaces are
/// drawn together, and what is too long is cut.
pub(in crate::source) fn line(text: &str) -> String {
    let plain: String = address::shown(text)
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    let mut line = visible(&plain).split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
        let last = line[..end].char_indices().next_back().map_or(0, |(place, _)| place);
        line.truncate(last);
        line.push('…');
    }
    line
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
            ("evil\u{202e}gpj.exe\u{2066}", "evil⟨U+202E⟩gpj.exe⟨U+2066⟩"),
            ("\u{9b}2J\u{feff}x\u{e0041}", "2J⟨U+FEFF⟩x⟨U+E0041⟩"),
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
            ("https://mary:s3cret@example.com/x", "https://***@example.com/x"),
            ("https://token@example.com/x", "https://***@example.com/x"),
            ("ssh://git@example.com/x", "ssh://git@example.com/x"),
            ("git@example.com:web.git", "git@example.com:web.git"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
        for said in [
            "fatal: Authentication failed for 'https://mary:s3cret@example.com/x/'",
            "remote: mary:s3cret is nobody\nfatal: Authentication failed for 'https://example.com/x/'",
            "fatal: Authentication failed for 'https://joe:s3cret@other.example.com/x/'",
        ] {
            let words = why(&Trouble::Failed(said.to_owned()), "https://mary:s3cret@example.com/x");
            assert!(!words.contains("s3cret") && words.contains("wrong or has expired"), "{words}");
        }
        assert_eq!(line("See https://ci:s3cret@h/x"), "See https://***@h/x", "a commit's subject");
    }

    #[test]
    fn what_git_says_comes_cleaned_and_with_advice() {
        for (said, words) in [
            ("", "it gave no reason"),
            ("fatal: bad\u{1b}[2J thing\n", "bad [2J thing"),
            (
                "fatal: '/nope' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\n\
                 Please make sure you have the correct access rights\nand the repository exists.\n",
                "'/nope' does not appear to be a git repository (there is no such repository, or the push host may not read it): \
                 is the stack's address right, and may the push host read it?",
            ),
            (
                "fatal: transport 'ext' not allowed\n",
                "transport 'ext' not allowed (protocols that could run a program are not allowed): \
                 addresses may be https, http, ssh, git, file, or an absolute path",
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
            assert_eq!(may_pass(&Trouble::Failed(said.to_owned())), again, "{said}");
        }
    }
}
