//! The weekly mail: what went out, by stack and by whom, once for each week, whatever restarts in between.

use crate::house::{Channels, House, Plans, until};
use rusqlite::{Connection, params};

/// A push that ended in the last week, as the ledger has it.
fn pushed(ledger: &Connection, id: i64, stage: &str, who: &str, state: &str, days: i64) {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let at = format!("{at:.3}");
    ledger
        .execute(
            "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, why, plan_hash, plan, pressed_at, ended_at, hosts_total, commit_count)
             VALUES (?1, 'web', ?2, 'b', '3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1ab', 'main', ?3, ?4, ?5, 'p', '{}', ?6, ?6, 1, 3)",
            params![id, stage, who, state, (state == "failed").then_some("the disk of <b>web1</b> is full"), at],
        )
        .unwrap();
}

#[tokio::test]
async fn a_week_is_told_once_by_stack_and_person_with_what_did_not_succeed() {
    let channels = Channels::open().await;
    let mut house = House::build(Plans { qa: &["qa1"], config: channels.config(), ..Plans::default() }).await;
    let ledger = Connection::open(house.data().join("pushbutton.db")).unwrap();
    // The last such moment was a moment ago, or at most a day: what ended two days ago is of the week before it.
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%a 00:00").to_string();
    for (id, who, state, days) in [
        (501, "mary", "succeeded", 2),
        (502, "joe", "failed", 2),
        (503, "mary", "succeeded", 3),
        (504, "kate", "succeeded", 30),
    ] {
        pushed(&ledger, id, "prod", who, state, days);
    }
    let file = house.dir.path().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let weekly = format!("to = [\"team@example.com\"]\nweekly = \"{day}\"\n");
    std::fs::write(&file, text.replace("to = [\"team@example.com\"]\n", &weekly)).unwrap();
    let weeks = || -> i64 {
        let of = "SELECT count(*) FROM outbox WHERE event LIKE 'weekly-%' AND state = 'told'";
        ledger.query_row(of, [], |row| row.get(0)).unwrap()
    };
    for start in 1..=2 {
        house.kill_server().await;
        house.start().await;
        until(&format!("start {start}: the week is told"), async || (weeks() == 1).then_some(())).await;
    }
    let mail = channels.mail_says("The week up to").await;
    let plain = mail.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "3 pushes of 1 stack",
        "web Prod: 3 pushes, 6 commits, 1 did not succeed, last 3f2c1ab (mary 2, joe 1)",
        "web to Prod, push 502 by joe: failed",
        "the disk of <b>web1</b> is full",
    ] {
        assert!(plain.contains(words), "{words}: {plain}");
    }
    assert!(!plain.contains("kate"), "that was another week");
    let told = channels.mail.readable_mails().into_iter().filter(|mail| mail.contains("The week up to")).count();
    assert_eq!(told, 1);
    assert!(!channels.witness.lines().iter().any(|line| line.contains("The week")), "it is a mail");
    let page = house.get("/announcements").await;
    assert!(page.status == 200 && page.text.contains("The week up to"), "{}", page.text);
}
