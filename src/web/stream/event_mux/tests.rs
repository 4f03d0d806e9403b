//! One stream for many pushes, over real files: each push's records come whole, in order, and under its own name.

use super::*;
use crate::desk::JournalEnd;
use crate::web::stream::events::Batches;
use futures::StreamExt;
use std::path::PathBuf;
use std::pin::Pin;

struct Journal {
    path: PathBuf,
    end: watch::Sender<JournalEnd>,
    text: String,
}

impl Journal {
    fn new(dir: &tempfile::TempDir, push: i64) -> Self {
        let path = dir.path().join(format!("{push}.jsonl"));
        std::fs::write(&path, "").unwrap();
        Self { path, end: watch::channel(JournalEnd::default()).0, text: String::new() }
    }

    fn write(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        std::fs::write(&self.path, &self.text).unwrap();
        let len = self.text.len() as u64;
        self.end.send_modify(|end| end.len = len);
    }

    fn finish(&self) {
        self.end.send_modify(|end| end.ended = true);
    }
}

fn number(push: i64) -> PushNumber {
    PushNumber::new(push).unwrap()
}

type Told = Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>;

fn told(changes: watch::Receiver<u64>, journals: &[(i64, &Journal)], wanted: MuxRequest) -> Told {
    let viewer = |(push, journal): &(i64, &Journal)| {
        let cursor = wanted.cursors.get(&number(*push)).copied().unwrap_or(0);
        let (path, end) = (journal.path.clone(), journal.end.subscribe());
        (number(*push), JournalStream::new(path, cursor, end, Batches::default()))
    };
    let viewers = journals.iter().map(viewer).collect();
    Box::pin(together(changes, viewers, wanted, "life"))
}

async fn next(stream: &mut Told) -> String {
    let event = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("an event in time");
    String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap()
}

#[test]
fn a_browser_names_its_pushes_and_its_last_id_wins() {
    let cursors =
        |wanted: MuxRequest| wanted.cursors.into_iter().map(|(push, at)| (push.get(), at)).collect::<Vec<_>>();
    assert_eq!(cursors(wanted("", None).unwrap()), []);
    assert_eq!(cursors(wanted("214:5123,215", None).unwrap()), [(214, 5123), (215, 0)]);
    let resumed = wanted("214:5123,215", Some("life-7;215=99;999=3")).unwrap();
    assert_eq!(resumed.seen.as_deref(), Some("life-7"));
    assert_eq!(cursors(resumed), [(214, 5123), (215, 99)], "a push that is not asked for is not sent");
    for bad in ["x", "0", "-1", "214:x", "214;215", "1:2:3"] {
        assert!(wanted(bad, None).is_err(), "{bad}");
    }
    let many: Vec<String> = (1..=33).map(|n| n.to_string()).collect();
    assert!(matches!(wanted(&many.join(","), None), Err(BadMuxRequest::TooMany(33))));
}

#[tokio::test]
async fn two_pushes_come_on_one_stream_each_under_its_name_and_are_resumed_together() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (Journal::new(&dir, 1), Journal::new(&dir, 2));
    let (_count, changes) = watch::channel(0u64);
    one.write("{\"n\":1}");
    let mut stream = told(changes.clone(), &[(1, &one), (2, &two)], wanted("1,2", Some("life-0")).unwrap());
    assert!(next(&mut stream).await.starts_with("retry: 1000\n"));
    assert_eq!(next(&mut stream).await, "id: life-0;1=8;2=0\nevent: push\ndata: 1 8\ndata: {\"n\":1}\n\n");
    two.write("{\"n\":1,\"b\":2}");
    assert_eq!(next(&mut stream).await, "id: life-0;1=8;2=14\nevent: push\ndata: 2 14\ndata: {\"n\":1,\"b\":2}\n\n");
    drop(stream);
    one.write("{\"n\":2}");
    one.finish();
    let resumed = wanted("1,2", Some("life-0;1=8;2=14")).unwrap();
    let mut stream = told(changes, &[(1, &one), (2, &two)], resumed);
    next(&mut stream).await;
    assert_eq!(next(&mut stream).await, "id: life-0;1=16;2=14\nevent: push\ndata: 1 16\ndata: {\"n\":2}\n\n");
    assert_eq!(next(&mut stream).await, "event: end\ndata: 1\n\n");
    two.finish();
    assert_eq!(next(&mut stream).await, "event: end\ndata: 2\n\n", "the other goes on to its own end");
}

#[tokio::test]
async fn a_cursor_that_the_journal_does_not_have_begins_that_push_anew_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Journal::new(&dir, 1);
    one.write("{\"n\":1}");
    let (_count, changes) = watch::channel(0u64);
    let mut stream = told(changes, &[(1, &one)], wanted("1:5", Some("life-0")).unwrap());
    next(&mut stream).await;
    assert_eq!(next(&mut stream).await, "id: life-0;1=0\nevent: reset\ndata: 1\n\n");
    assert!(next(&mut stream).await.ends_with("data: 1 8\ndata: {\"n\":1}\n\n"));
}

#[tokio::test]
async fn pages_are_told_of_changes_at_most_four_times_a_second() {
    let (count, changed) = watch::channel(0u64);
    let mut stream = told(changed, &[], wanted("", Some("life-0")).unwrap());
    assert!(next(&mut stream).await.starts_with("retry: 1000\n"));
    let began = Instant::now();
    count.send_replace(1);
    assert_eq!(next(&mut stream).await, "id: life-1\nevent: changed\ndata: 1\n\n");
    for n in 2..10 {
        count.send_replace(n);
    }
    assert_eq!(next(&mut stream).await, "id: life-9\nevent: changed\ndata: 9\n\n");
    assert!(began.elapsed() >= CHANGED);
}

#[tokio::test]
async fn a_page_that_may_have_missed_a_change_is_told_at_once() {
    for (seen, at_once) in
        [(None, true), (Some("other-7"), true), (Some("life-6"), true), (Some("x"), true), (Some("life-7"), false)]
    {
        let (count, changed) = watch::channel(7u64);
        let mut stream = told(changed, &[], wanted("", seen).unwrap());
        next(&mut stream).await;
        if !at_once {
            count.send_replace(8);
        }
        assert_eq!(next(&mut stream).await.contains("data: 7"), at_once, "{seen:?}");
    }
}
