//! What `svn log --xml` writes, read into commits. It knows this one form and refuses every other; it must never take
//! text for structure. Pure. Called by `svn` alone.

use crate::ledger::pushes::Commit;
use crate::source::git::words;
use crate::stack::Revision;
use crate::time::At;

/// The commits of a log, in its order; none where the text is no log.
pub(crate) fn commits(text: &str) -> Option<Vec<Commit>> {
    let (_, mut rest) = text.split_once("<log>")?;
    let mut commits = Vec::new();
    while let Some((_, entry)) = rest.split_once("<logentry") {
        let (entry, after) = entry.split_once("</logentry>")?;
        commits.push(commit(entry)?);
        rest = after;
    }
    rest.contains("</log>").then_some(commits)
}

fn commit(entry: &str) -> Option<Commit> {
    let (_, number) = entry.split_once("revision=\"")?;
    let revision: Revision = number.split_once('"')?.0.parse().ok()?;
    revision.number()?;
    let author = element(entry, "author").unwrap_or_default();
    let message = element(entry, "msg").unwrap_or_default();
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // A repository may keep its dates to itself.
    let at = element(entry, "date").and_then(|date| date.parse().ok()).unwrap_or_else(|| At::from_seconds(0));
    Some(Commit {
        sha: revision.to_string(),
        author: words::line(&author),
        email: String::new(),
        at: at.to_string(),
        subject: words::line(first),
    })
}

/// The text of an element without attributes. Text holds no `<` in XML, so the first end tag is its own.
fn element(entry: &str, name: &str) -> Option<String> {
    let (_, text) = entry.split_once(&format!("<{name}>"))?;
    Some(plain(text.split_once(&format!("</{name}>"))?.0))
}

/// Text with its entities put in; what is none stays as it is.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = rest.split_once(';').and_then(|(name, after)| Some((entity(&name[1..])?, after)));
        rest = match known {
            Some((meant, after)) => {
                out.push(meant);
                after
            }
            None => {
                out.push('&');
                &rest[1..]
            }
        };
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log>\n<logentry\n   revision=\"12\">\n<author>mary</author>\n\
        <date>2026-11-21T10:00:00.123456Z</date>\n<msg>\n  &lt;script&gt; &amp;amp; caf\u{e9} &#x1b;[31m \u{202e}x\nmore</msg>\n\
        </logentry>\n<logentry\n   revision=\"9\">\n<msg></msg>\n</logentry>\n</log>\n";

    #[test]
    fn a_log_is_read_with_its_entities_and_cleaned() {
        let commits = commits(LOG).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!((commits[0].sha.as_str(), commits[0].author.as_str()), ("12", "mary"));
        assert_eq!(commits[0].subject, "<script> &amp; caf\u{e9} [31m ⟨U+202E⟩x");
        assert_eq!(commits[0].at, "2026-11-21T10:00:00.123Z");
        assert_eq!((commits[1].sha.as_str(), commits[1].author.as_str(), commits[1].subject.as_str()), ("9", "", ""));
    }

    #[test]
    fn what_is_no_whole_log_is_none() {
        for text in ["", "<log>", "<log><logentry revision=\"x\"></logentry></log>", &LOG[..LOG.len() - 8], &LOG[..200]]
        {
            assert!(commits(text).is_none(), "{text}");
        }
        assert_eq!(commits("<log>\n</log>"), Some(vec![]));
    }

    proptest! {
        #[test]
        fn no_message_is_taken_for_structure(message in "[ -~é&<>;#]{0,60}") {
            let written = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let log = format!("<log><logentry revision=\"7\"><msg>{written}</msg></logentry></log>");
            let read = commits(&log).unwrap();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].subject, &words::line(message.trim()));
        }
    }
}
