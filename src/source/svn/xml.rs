//! What `svn log --xml` writes, read into commits. It knows this one form and refuses every other; it must never take
//! text for structure. Pure. Called by `svn` alone.

#![expect(clippy::wildcard_enum_match_arm, reason = "the events of XML are not ours")]

use crate::ledger::pushes::Commit;
use crate::source::git::words;
use crate::stack::Revision;
use crate::time::At;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// The commits of a log, in its order; none where the text is no log.
pub(crate) fn commits(text: &str) -> Option<Vec<Commit>> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if is(&tag, "log") => break,
            Event::Decl(_) | Event::Comment(_) | Event::Text(_) => {}
            _ => return None,
        }
    }
    let mut commits = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if is(&tag, "logentry") => commits.push(commit(&mut reader, &tag)?),
            Event::Comment(_) | Event::Text(_) => {}
            // The reader refuses an end of anything else.
            Event::End(_) => return Some(commits),
            _ => return None,
        }
    }
}

fn commit(reader: &mut Reader<&[u8]>, tag: &BytesStart<'_>) -> Option<Commit> {
    let number = tag.try_get_attribute("revision").ok()??;
    let revision: Revision = number.value.parse().ok()?;
    revision.number()?;
    let (mut author, mut date, mut message) = (String::new(), String::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if is(&tag, "author") => author = element(reader)?,
            Event::Start(tag) if is(&tag, "date") => date = element(reader)?,
            Event::Start(tag) if is(&tag, "msg") => message = element(reader)?,
            Event::Start(tag) => _ = reader.read_text(tag.name()).ok()?,
            Event::End(_) => break,
            Event::Eof => return None,
            _ => {}
        }
    }
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // A repository may keep its dates to itself.
    let at: At = date.parse().unwrap_or_else(|_| At::from_seconds(0));
    Some(Commit {
        sha: revision.to_string(),
        author: words::line(&author),
        email: String::new(),
        at: at.to_string(),
        subject: words::line(first),
    })
}

fn is(tag: &BytesStart<'_>, name: &str) -> bool {
    tag.name().as_ref() == name
}

/// The text of an element that was begun, up to its end; none where more than text is in it.
fn element(reader: &mut Reader<&[u8]>) -> Option<String> {
    let mut out = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Text(text) => out.push_str(&text.xml10_content()),
            Event::CData(text) => out.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => out.push(meant(&entity)?),
            Event::Comment(_) => {}
            Event::End(_) => return Some(out),
            _ => return None,
        }
    }
}

/// The character of a reference: XML's own five, or a number.
fn meant(entity: &BytesRef<'_>) -> Option<char> {
    match entity.resolve_char_ref().ok()? {
        Some(character) => Some(character),
        None => quick_xml::escape::resolve_predefined_entity(entity)?.chars().next(),
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
        for message in ["a & b", "&nothing;", "&#x110000;", "<b>bold</b>", "</author>", "<msg>"] {
            let log = format!("<log><logentry revision=\"7\"><msg>{message}</msg></logentry></log>");
            assert!(commits(&log).is_none(), "{message}");
        }
    }

    #[test]
    fn other_elements_and_their_words_are_passed_over() {
        let log = LOG.replace("<author>", "<paths>\n<path\n   action=\"M\">/msg &lt;msg&gt;</path></paths><author>");
        assert_eq!(commits(&log), commits(LOG));
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
