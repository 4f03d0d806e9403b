//! What commands print, without measure: what is kept of it, what the log says of the rest, and what it costs.

use crate::house::process::peak_kb;
use crate::house::{House, Plans, until};
use pushbutton::journal::{Event, Record, Stream};
use serde_json::Value;

/// The most memory that a runner may ever have had, in kB.
const MOST_KB: u64 = 150_000;

/// Every line of a push, as its journal has it: host, stream, text.
fn lines(house: &House, id: i64) -> Vec<(String, Stream, String)> {
    let journal = String::from_utf8(house.journal(id)).expect("a journal is text, whatever was printed");
    let records = journal.lines().map(|line| serde_json::from_str::<Record>(line).unwrap());
    let lines = records.filter_map(|record| match record.event {
        Event::Line { host, stream, text, .. } => Some((host.unwrap_or_default(), stream, text)),
        _ => None,
    });
    lines.collect()
}

#[tokio::test]
async fn a_line_without_end_is_cut_at_16_kib_and_bytes_that_are_no_text_are_shown_as_such() {
    let commands = r#"
      { run = "head -c 100000 /dev/zero | tr '\\0' x" },
      { run = "printf 'caf\\351 \\377\\376\\n\\342\\202 \\342\\202\\254\\n'" },
      { run = "printf '\\342\\202'; printf '\\n'; printf 'no end'" },
    "#;
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let push = house.push_well("qa").await;
    let id = push["push"]["id"].as_i64().unwrap();
    let said: Vec<String> = lines(&house, id)
        .into_iter()
        .filter(|(host, stream, _)| host == "qa1" && *stream == Stream::Out)
        .map(|l| l.2)
        .collect();
    let long: Vec<usize> = said.iter().filter(|text| text.starts_with("xxx")).map(String::len).collect();
    assert_eq!(long, [16384, 16384, 16384, 16384, 16384, 16384, 1696], "all of it, in pieces");
    let rest: Vec<&str> = said.iter().skip(7).map(String::as_str).collect();
    assert_eq!(rest, ["caf\u{fffd} \u{fffd}\u{fffd}", "\u{fffd} €", "\u{fffd}", "no end"]);
    // The log as text and the events have the same.
    let log = house.log(id).await;
    for text in rest {
        assert!(log.contains(&format!("qa1 out | {text}\n")), "{text:?}");
    }
}

#[tokio::test]
async fn of_a_push_that_prints_without_end_64_mib_are_kept_its_end_among_them_and_it_costs_little() {
    // None of them passes the limit of a command, all together pass that of a push.
    let hosts = ["qa1", "qa2", "qa3", "qa4", "qa5"];
    let commands = format!(
        "{{ run = \"yes {} | head -c 15000000\" }}, {{ run = \"echo not kept\" }}, {{ run = \"exit 3\" }}",
        "y".repeat(4000)
    );
    let house = House::build(Plans { qa: &hosts, commands: &commands, ..Plans::default() }).await;
    let id = house.press("qa").await;
    let runner = house.runner(id).await;
    let mut peak = 0;
    let push = until("the end", async || {
        peak = peak.max(peak_kb(runner).unwrap_or_default());
        let push = house.push(id).await;
        (push["push"]["state"] != "running").then_some(push)
    })
    .await;
    assert_eq!(push["push"]["state"], "failed", "what failed behind the flood is known: {push:#}");
    assert!(push["push"]["why"].as_str().unwrap().contains("exited with 3"), "{push:#}");
    let journal = house.journal(id).len();
    assert!((64 << 20..66 << 20).contains(&journal), "{journal} bytes");
    let all = lines(&house, id);
    let notes: Vec<&str> = all.iter().filter(|line| line.1 == Stream::Note).map(|line| line.2.as_str()).collect();
    let of_push = "truncated: what this push has printed takes 64 MiB; the rest is not kept";
    assert_eq!(notes.iter().filter(|note| **note == of_push).count(), 1, "said once: {notes:?}");
    assert!(all.iter().all(|line| line.2 != "not kept"), "nothing more is kept of any command");
    // What ran where, and how it ended, has no share in the limit.
    let ended = |row: &&Value| row["command"] == 5 && row["result"] == "ok";
    assert_eq!(push["results"].as_array().unwrap().iter().filter(ended).count(), hosts.len(), "{push:#}");
    assert!(peak > 0 && peak < MOST_KB, "the runner has had {peak} kB");
    let server = peak_kb(house.server_pid()).unwrap();
    assert!(server < 200_000, "the server has had {server} kB");
}
