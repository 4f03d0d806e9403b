//! The stream over real files, without a server: what a viewer gets is what lies in the file.

use super::*;
use futures::StreamExt;
use proptest::prelude::*;
use std::io::Write;
use std::pin::Pin;

/// A journal that a test writes, and what the desk would say of it.
struct Journal {
    dir: tempfile::TempDir,
    end: watch::Sender<JournalEnd>,
    text: Vec<u8>,
}

impl Journal {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("journal.jsonl"), "").unwrap();
        Self { dir, end: watch::channel(JournalEnd::default()).0, text: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal.jsonl")
    }

    /// Writes records to the file and lets viewers see them.
    fn write(&mut self, records: &[String]) {
        for record in records {
            self.text.extend_from_slice(record.as_bytes());
            self.text.push(b'\n');
        }
        let mut file = std::fs::OpenOptions::new().append(true).open(self.path()).unwrap();
        file.write_all(&self.text[self.end.borrow().len as usize..]).unwrap();
        let len = self.text.len() as u64;
        self.end.send_modify(|end| end.len = len);
    }

    fn finish(&self) {
        self.end.send_modify(|end| end.ended = true);
    }

    fn stream(&self, cursor: u64) -> JournalStream {
        JournalStream::new(self.path(), cursor, self.end.subscribe(), Batches::default())
    }

    fn viewer(&self, cursor: u64) -> Viewer {
        Viewer::of(self.stream(cursor), cursor)
    }
}

/// What a browser makes of the stream.
struct Viewer {
    stream: Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>,
    got: Vec<u8>,
    cursor: u64,
    resets: usize,
    ended: bool,
}

impl Viewer {
    fn of(stream: JournalStream, cursor: u64) -> Self {
        Self { stream: Box::pin(stream.into_stream()), got: Vec::new(), cursor, resets: 0, ended: false }
    }

    /// Takes one event in; its name, or none after the end of the stream.
    async fn take(&mut self) -> Option<String> {
        let event =
            tokio::time::timeout(Duration::from_secs(20), self.stream.next()).await.expect("an event in time")?;
        let event = String::from_utf8(event.unwrap().to_vec()).unwrap();
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let name = field("event").unwrap_or("hello").to_owned();
        match name.as_str() {
            "records" => {
                let mut records = 0;
                for line in event.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    self.got.extend_from_slice(line.as_bytes());
                    self.got.push(b'\n');
                    self.cursor += line.len() as u64 + 1;
                    records += 1;
                }
                assert_eq!(
                    field("id").unwrap(),
                    self.cursor.to_string(),
                    "the id is the offset behind the last record"
                );
                assert!(records == 1 || (records <= MOST_RECORDS && event.len() < MOST_BYTES + 8 * MOST_RECORDS + 64));
            }
            "reset" => {
                self.resets += 1;
                self.cursor = 0;
                self.got.clear();
            }
            "end" => self.ended = true,
            "ping" => assert!(!field("data").unwrap().is_empty()),
            _ => assert!(event.starts_with("retry: 1000\n")),
        }
        Some(name)
    }

    async fn watch_it_all(&mut self) -> &[u8] {
        while self.take().await.is_some() {}
        assert!(self.ended, "the stream says that it ended");
        &self.got
    }

    async fn until(&mut self, bytes: usize) {
        while self.got.len() < bytes {
            assert!(self.take().await.is_some());
        }
    }
}

fn records(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|n| format!("{{\"n\":{n},\"text\":\"line {n} of é\"}}")).collect()
}

#[tokio::test]
async fn a_viewer_gets_exactly_the_bytes_of_the_file_while_it_grows() {
    let mut journal = Journal::new();
    let mut viewer = journal.viewer(0);
    assert_eq!(viewer.take().await.as_deref(), Some("hello"), "a byte at once, before there is any record");
    for round in 0..5 {
        journal.write(&records(round * 7, 7));
        viewer.until(journal.text.len()).await;
        assert_eq!(viewer.got, journal.text);
    }
    journal.write(&records(99, 1000));
    journal.finish();
    assert_eq!(viewer.watch_it_all().await, journal.text);
}

#[tokio::test]
async fn resumed_behind_any_record_a_viewer_gets_exactly_the_tail() {
    let mut journal = Journal::new();
    journal.write(&records(1, 60));
    journal.finish();
    let ends: Vec<usize> =
        journal.text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    for from in std::iter::once(0).chain(ends) {
        let mut viewer = journal.viewer(from as u64);
        assert_eq!(viewer.watch_it_all().await, &journal.text[from..], "from {from}");
        assert_eq!(viewer.resets, 0);
    }
}

#[tokio::test]
async fn a_cursor_that_is_none_is_reset_and_gets_everything() {
    let mut journal = Journal::new();
    journal.write(&records(1, 3));
    journal.finish();
    let len = journal.text.len() as u64;
    for cursor in [1, 5, len - 1, len + 1, 1 << 53] {
        let mut viewer = journal.viewer(cursor);
        assert_eq!(viewer.watch_it_all().await, journal.text, "from {cursor}");
        assert_eq!(viewer.resets, 1, "from {cursor}");
    }
}

#[tokio::test]
async fn a_cursor_that_the_desk_has_yet_to_reach_again_waits_instead_of_repeating() {
    let mut journal = Journal::new();
    journal.write(&records(1, 10));
    let len = journal.text.len() as u64;
    journal.end.send_modify(|end| end.len = 0);
    let mut viewer = journal.viewer(len);
    viewer.take().await;
    journal.end.send_modify(|end| end.len = len);
    journal.write(&records(11, 1));
    journal.finish();
    assert_eq!(viewer.watch_it_all().await, &journal.text[len as usize..]);
    assert_eq!(viewer.resets, 0);
}

#[tokio::test]
async fn what_may_not_be_shown_yet_is_not_sent() {
    let mut journal = Journal::new();
    journal.write(&records(1, 2));
    let shown = journal.text.len() as u64;
    journal.write(&records(3, 1));
    journal.end.send_modify(|end| end.len = shown);
    let mut viewer = journal.viewer(0);
    viewer.until(shown as usize).await;
    assert_eq!(viewer.got, &journal.text[..shown as usize]);
    journal.end.send_modify(|end| *end = JournalEnd { len: journal.text.len() as u64, ended: true });
    assert_eq!(viewer.watch_it_all().await, journal.text);
}

#[tokio::test]
async fn a_record_longer_than_a_batch_goes_alone_and_whole() {
    let mut journal = Journal::new();
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(5 * MOST_BYTES + 3));
    journal.write(&[records(1, 1), vec![long.clone(), long], records(2, 1)].concat());
    journal.finish();
    let mut viewer = journal.viewer(0);
    assert_eq!(viewer.watch_it_all().await, journal.text);
}

#[tokio::test]
async fn a_push_without_a_journal_ends_at_once() {
    let journal = Journal::new();
    std::fs::remove_file(journal.path()).unwrap();
    journal.finish();
    assert_eq!(journal.viewer(0).watch_it_all().await, b"");
    assert_eq!(journal.viewer(7).watch_it_all().await, b"");
}

#[tokio::test]
async fn in_silence_a_ping_comes_before_the_page_gives_up() {
    assert!(PING >= Duration::from_secs(10) && PING <= Duration::from_secs(15), "pages wait for 40 s");
    let mut journal = Journal::new();
    let mut stream = journal.stream(0);
    stream.patience = Duration::from_millis(20);
    let mut viewer = Viewer::of(stream, 0);
    viewer.take().await;
    for _ in 0..3 {
        assert_eq!(viewer.take().await.as_deref(), Some("ping"));
    }
    journal.write(&records(1, 1));
    journal.finish();
    assert_eq!(viewer.watch_it_all().await, journal.text);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nobody_and_misses_nothing() {
    let mut journal = Journal::new();
    let mut stopped = journal.viewer(0);
    stopped.take().await;
    let mut quick = journal.viewer(0);
    for round in 0..40 {
        journal.write(&records(round * 100, 100));
        quick.until(journal.text.len()).await;
    }
    journal.finish();
    assert_eq!(quick.watch_it_all().await, journal.text);
    assert_eq!(stopped.watch_it_all().await, journal.text);
}

#[tokio::test]
async fn viewers_at_the_tail_share_what_is_read() {
    let mut journal = Journal::new();
    journal.write(&records(1, 500));
    journal.finish();
    let batches = Batches::default();
    let all = |batches: Batches| {
        JournalStream::new(journal.path(), 0, journal.end.subscribe(), batches).into_stream().collect::<Vec<_>>()
    };
    let first: Vec<Bytes> = all(batches.clone()).await.into_iter().map(Result::unwrap).collect();
    std::fs::write(journal.path(), "").unwrap();
    let second: Vec<Bytes> = all(batches).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(first, second, "nothing was read a second time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However the journal grows and wherever viewers are cut off, together they saw each byte once, in order.
    #[test]
    fn cut_off_anywhere_a_viewer_misses_and_repeats_nothing(
        growth in prop::collection::vec(prop::collection::vec(1usize..3000, 0..40), 1..6),
        cuts in prop::collection::vec(1usize..4, 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut journal = Journal::new();
            let (mut seen, mut cursor, mut cuts) = (Vec::new(), 0, cuts.into_iter());
            for lengths in growth {
                let some: Vec<String> = lengths.iter().map(|l| format!("\"{}\"", "x".repeat(*l))).collect();
                journal.write(&some);
                let mut stream = journal.stream(cursor);
                stream.patience = Duration::from_millis(2);
                let mut viewer = Viewer::of(stream, cursor);
                match cuts.next() {
                    Some(events) => for _ in 0..events { viewer.take().await; },
                    None => viewer.until(journal.text.len() - cursor as usize).await,
                }
                prop_assert_eq!(viewer.resets, 0);
                cursor = viewer.cursor;
                seen.extend_from_slice(&viewer.got);
            }
            journal.finish();
            let mut last = journal.viewer(cursor);
            seen.extend_from_slice(last.watch_it_all().await);
            prop_assert!(seen == journal.text);
            Ok(())
        })?;
    }
}
