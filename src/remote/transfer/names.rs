//! The names that rsync says, in a log that people read: the first of them, then how many more. It must never hold back what
//! is no name, and never wait. Called by whatever runs rsync.

use crate::journal::Stream;
use crate::remote::{Line, Lines};
use tokio::sync::mpsc;

/// So many names of one transfer to one host are told: a few screens; who wants all looks at the host.
const MOST: usize = 50;
/// Lines that may wait, as few as everywhere: rsync is read no faster than its words are written down.
const WAITING: usize = 64;

/// What stands before each name that rsync tells because we ask, so that no other line is taken for one.
const MARK: &str = "name: ";
/// How rsync is to tell what it brings: `%n` the name, `%L` where a link leads.
pub(in crate::remote) const OUT_FORMAT: &str = "--out-format=name: %n%L";

/// What else rsync says for each file: these come without our format. Removed, in the way, and with `--verbose` twice.
const ALSO: &[&str] = &["deleting ", "cannot delete non-empty directory: ", "skipping "];
/// What it complains of for each file.
const COMPLAINTS: &[&str] = &["rsync: [", "could not make way for ", "file has vanished: "];

/// Runs what runs rsync; its lines go on, names only as far as people read them.
pub(in crate::remote) async fn bounded<T>(lines: &Lines, work: impl AsyncFnOnce(&Lines) -> T) -> T {
    let (own, mut from) = mpsc::channel(WAITING);
    let pass = async {
        let mut names = Names::default();
        while let Some(line) = from.recv().await {
            for line in names.take(line) {
                // Nobody receives lines any more: then nobody misses this one.
                let _ = lines.send(line).await;
            }
        }
        if let Some(more) = names.more() {
            let _ = lines.send(more).await;
        }
    };
    let work = async {
        let done = work(&own).await;
        drop(own);
        done
    };
    tokio::join!(work, pass).0
}

/// How many were told, and how many were not, since the last word about it.
#[derive(Debug, Default)]
struct Names {
    told: usize,
    complained: usize,
    untold: usize,
}

impl Names {
    /// The lines that go on in place of this one.
    fn take(&mut self, line: Line) -> Vec<Line> {
        let Line { stream, text } = line;
        let (text, counted) = match stream {
            Stream::Out => match text.strip_prefix(MARK) {
                Some(name) => (name.to_owned(), Some(&mut self.told)),
                None if begins(&text, ALSO) || text.ends_with(" is uptodate") => (text, Some(&mut self.told)),
                None => (text, None),
            },
            Stream::Err if begins(&text, COMPLAINTS) => (text, Some(&mut self.complained)),
            Stream::Err | Stream::Note => (text, None),
        };
        if let Some(count) = counted {
            *count += 1;
            if *count > MOST {
                self.untold += 1;
                return Vec::new();
            }
            return vec![Line { stream, text }];
        }
        self.more().into_iter().chain([Line { stream, text }]).collect()
    }

    /// `and 1,234 more`, once.
    fn more(&mut self) -> Option<Line> {
        let untold = std::mem::take(&mut self.untold);
        (untold > 0).then(|| Line { stream: Stream::Note, text: format!("and {} more", grouped(untold)) })
    }
}

fn begins(text: &str, with: &[&str]) -> bool {
    with.iter().any(|words| text.starts_with(words))
}

/// `1,234`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: impl IntoIterator<Item = (Stream, String)>) -> Vec<String> {
        let mut names = Names::default();
        let mut passed: Vec<Line> =
            lines.into_iter().flat_map(|(stream, text)| names.take(Line { stream, text })).collect();
        passed.extend(names.more());
        passed.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn fifty_names_are_told_and_then_how_many_more() {
        let out = |text: String| (Stream::Out, text);
        let brought = (0..40).map(|n| out(format!("name: a{n}.js")));
        let removed = (0..1244).map(|n| out(format!("deleting b{n}.js")));
        let rest = ["sent 5 bytes  received 6 bytes", "total size is 7"].map(|text| out(text.to_owned()));
        let told = said(brought.clone().chain(removed).chain(rest));
        assert_eq!(told.len(), 53);
        assert_eq!(
            (told[0].as_str(), told[40].as_str(), told[49].as_str()),
            ("a0.js", "deleting b0.js", "deleting b9.js")
        );
        assert_eq!(told[50..], ["and 1,234 more", "sent 5 bytes  received 6 bytes", "total size is 7"]);
        assert_eq!(said(brought).len(), 40, "nothing is said of what is not left out");
    }

    #[test]
    fn only_names_are_counted_whatever_they_are() {
        let lines = (0..60).map(|n| (Stream::Out, format!("name: sent {n} bytes")));
        let told = said(lines.chain([(Stream::Err, "rsync error: code 23".to_owned())]));
        assert_eq!(told.len(), 52);
        assert_eq!(told[50..], ["and 10 more", "rsync error: code 23"]);
        let same = (0..60).map(|_| (Stream::Out, "Number of files: 5".to_owned()));
        assert_eq!(said(same).len(), 60, "what is no name is told");
    }

    #[test]
    fn a_complaint_about_each_file_is_bounded_too() {
        let each = (0..2000)
            .map(|n| (Stream::Err, format!("rsync: [receiver] mkstemp \"/srv/{n}\" failed: Permission denied")));
        let told = said(each);
        assert_eq!((told.len(), told[50].as_str()), (51, "and 1,950 more"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
