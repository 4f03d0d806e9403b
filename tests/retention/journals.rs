//! `compress_after`: the journals of pushes that are over take a fraction of the disk, and nobody who reads one sees a difference: no page, no
//! stream, no search, no verification, no backup, no restore.

use crate::cli::pushbutton;
use crate::house::{DEADLINE, House, Plans, until};
use pushbutton::process::Program;

/// More output than one piece of a compressed journal, and than an index is kept for.
const COMMANDS: &str = r#"
  { run = "seq 1 6000 | sed 's/^/a line of output, number /'" },
  { release = "/srv/web" },
  { activate = "/srv/web" },
  { run = "test ! -e /tmp/broken" },
"#;

impl House {
    /// Whether the journal of a push is compressed, and as it was written no more.
    fn is_compressed(&self, id: i64) -> bool {
        let dir = self.push_dir(id);
        dir.join("journal.jsonl.gz").exists() && !dir.join("journal.jsonl").exists()
    }

    async fn start_again(&mut self) {
        self.kill_server().await;
        self.start().await;
    }
}

/// What readers of a push are given, whatever way they ask.
async fn read(house: &House, id: i64, middle: usize) -> Vec<(String, String)> {
    let push = format!("/api/v1/pushes/{id}");
    let mut all = Vec::new();
    for path in [
        format!("{push}/log"),
        format!("{push}/log?format=journal"),
        format!("{push}/log?format=journal&after={middle}"),
        format!("{push}/log?host=qa1&command=4"),
        format!("{push}/events"),
        format!("{push}/events?after={middle}"),
        format!("{push}/outline"),
        format!("{push}/lines?from=5990"),
        format!("{push}/lines?from=3001&to=3100&format=text"),
        format!("{push}/find?q=number%205555"),
        format!("{push}/same"),
        push.clone(),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        all.push((path, answer.text));
    }
    all
}

#[tokio::test]
async fn the_journal_of_a_push_that_is_over_is_compressed_and_every_reader_gets_the_same() {
    let config = "[retention]\ncompress_after = \"0s\"\n".to_owned();
    let mut house = House::build(Plans { qa: &["qa1"], commands: COMMANDS, config, ..Plans::default() }).await;
    assert_eq!(house.push_well("qa").await["push"]["id"], 1);
    let whole = house.journal(1);
    let middle = whole[..whole.len() / 2].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let before = read(&house, 1, middle).await;
    let stored = house.push_dir(1).join("journal.jsonl.gz");
    let early = house.dir.path().join("early.tar");
    let backup = |file: &std::path::Path| ["backup".to_owned(), file.display().to_string()];
    let said = pushbutton(&house, &backup(&early).each_ref().map(String::as_str)).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    // The newest push of its stage did not end well: it may be resumed, and stays as it is.
    house.commit().await;
    std::fs::write(house.fleet.host("qa1").unwrap().tmp_dir().join("broken"), "").unwrap();
    let failed = house.press("qa").await;
    assert_eq!(house.ended(failed).await["push"]["state"], "failed");
    let said = pushbutton(&house, &["doctor", "--offline"]).await;
    assert!(
        said.out.contains("1 journal with") && said.out.contains("will be compressed, the first from 20"),
        "{said:?}"
    );

    // A server looks when it starts.
    house.start_again().await;
    until("the first journal is compressed", async || house.is_compressed(1).then_some(())).await;
    let takes = stored.metadata().unwrap().len();
    assert!(takes * 5 < whole.len() as u64, "{takes} of {}", whole.len());
    assert_eq!(read(&house, 1, middle).await, before);
    let page = house.get("/pushes/1").await;
    assert!(page.status == 200 && page.text.contains("a line of output, number 6000"), "{}", page.status);
    // Also where nothing is in memory, and no index lies beside it.
    std::fs::remove_file(house.push_dir(1).join("journal.index")).unwrap();
    house.start_again().await;
    assert_eq!(read(&house, 1, middle).await, before);
    assert!(house.push_dir(failed).join("journal.jsonl").exists(), "it may be resumed");

    let said = pushbutton(&house, &["verify"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = pushbutton(&house, &["doctor", "--offline"]).await;
    assert!(said.out.contains("(1 compressed, from ") && said.out.contains("no journal waits"), "{said:?}");
    // A flipped byte is found as in any other.
    let good = std::fs::read(&stored).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 3] ^= 1;
    std::fs::write(&stored, &bad).unwrap();
    let said = pushbutton(&house, &["verify"]).await;
    assert!(said.code == Some(1) && said.out.contains("push 1: "), "{said:?}");
    std::fs::write(&stored, &good).unwrap();

    // It is resumed; then nothing of it is missing.
    std::fs::remove_file(house.fleet.host("qa1").unwrap().tmp_dir().join("broken")).unwrap();
    let said = pushbutton(&house, &["resume", &failed.to_string(), "--follow"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let log = house.log(failed).await;
    house.start_again().await;
    until("the second journal is compressed", async || house.is_compressed(failed).then_some(())).await;
    assert_eq!(house.log(failed).await, log);
    let late = house.dir.path().join("late.tar");
    let said = pushbutton(&house, &backup(&late).each_ref().map(String::as_str)).await;
    assert_eq!(said.code, Some(0), "{said:?}");

    // A ledger that does not know it takes it in from its directory, compressed as it is.
    house.kill_server().await;
    let lost = house.dir.path().join("lost");
    std::fs::rename(house.data(), &lost).unwrap();
    std::fs::create_dir(house.data()).unwrap();
    let tar = Program::new("tar").arg("-xf").arg(&early).arg("-C").arg(house.data());
    assert!(tar.output(DEADLINE).await.unwrap().status.success());
    let copied =
        Program::new("cp").arg("-a").arg(lost.join(format!("pushes/{failed}"))).arg(house.data().join("pushes"));
    assert!(copied.output(DEADLINE).await.unwrap().status.success());
    house.start().await;
    assert_eq!(house.push(failed).await["push"]["state"], "failed");
    assert_eq!(house.log(failed).await, log);
    assert!(house.is_compressed(failed));

    // And what was copied compressed is restored so.
    house.kill_server().await;
    std::fs::remove_dir_all(house.data()).unwrap();
    std::fs::create_dir(house.data()).unwrap();
    let tar = Program::new("tar").arg("-xf").arg(&late).arg("-C").arg(house.data());
    assert!(tar.output(DEADLINE).await.unwrap().status.success());
    house.start().await;
    assert_eq!(read(&house, 1, middle).await, before);
    let said = pushbutton(&house, &["verify"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
}
