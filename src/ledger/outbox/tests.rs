use super::*;
use crate::journal::PushState;
use crate::ledger::Ledger;
use crate::plan::PushKind;

const IRC: &str = "irc";
const EMAIL: &str = "email";
const T0: i64 = 1_795_255_200_000;

fn at(seconds: i64) -> At {
    At::from_millis(T0 + seconds * 1000)
}

fn number(number: i64) -> PushNumber {
    PushNumber::new(number).unwrap()
}

fn name(channel: &str) -> ChannelName {
    channel.parse().unwrap()
}

fn announcement(push: i64, event: Moment) -> Announcement {
    let push = AnnouncedPush {
        id: number(push),
        stack: "web".parse().unwrap(),
        stage: "prod".parse().unwrap(),
        kind: PushKind::Push,
        resumes: None,
        build: "b1".to_owned(),
        sha: "51d0c3e".to_owned(),
        root: None,
        old_build: None,
        old_sha: None,
        branch: "main".to_owned(),
        who: "mary".to_owned(),
        reason: None,
        approved_by: None,
        override_why: None,
        state: PushState::Running,
        why: None,
        ended_by: None,
        plan_hash: "p".to_owned(),
        diff: None,
        pressed_at: at(0).to_string(),
        started_at: None,
        ended_at: None,
        duration_ms: None,
        hosts_total: 1,
        hosts_ok: 0,
        lines: 0,
        commit_count: 4,
        paused: None,
        question: None,
        waits_since: None,
        waited_ms: 0,
    };
    Announcement {
        event,
        push,
        button: "PROD!!!".to_owned(),
        commits: Vec::new(),
        commit_count: 0,
        bad_hosts: Vec::new(),
        links: Vec::new(),
        question: None,
        pause: None,
        url: "http://push/pushes/1".to_owned(),
        held: false,
        audit_head: "0".to_owned(),
    }
}

/// A ledger with pushes 1 and 2, and what was written of them.
async fn ledger(dir: &tempfile::TempDir, written: Vec<(i64, Moment, &'static [&'static str])>) -> Ledger {
    let ledger = Ledger::open(&dir.path().join("pushbutton.db")).unwrap();
    ledger
        .write(move |tx| {
            for id in [1, 2] {
                tx.execute(
                    "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at,
                     hosts_total) VALUES (?1, 'web', 'prod', 'b', 's', 'main', 'mary', 'running', 'p', '{}', 't', 1)",
                    [id],
                )?;
            }
            for (push, event, channels) in &written {
                let to: Vec<Destination> = channels.iter().map(|to| to.parse().unwrap()).collect();
                write(tx, &announcement(*push, *event), &to, at(0))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    ledger
}

async fn keys(ledger: &Ledger, channel: &str, now: At) -> Vec<String> {
    let channel = name(channel);
    let due = ledger.read(move |conn| due(conn, &channel, now, 9)).await.unwrap();
    due.iter().map(|due| due.announcement.as_ref().unwrap().key()).collect()
}

#[tokio::test]
async fn an_announcement_written_twice_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let twice = vec![(1, Moment::Started, &[IRC, EMAIL][..]), (1, Moment::Started, &[IRC, EMAIL][..])];
    let ledger = ledger(&dir, twice).await;
    assert_eq!(ledger.read(|conn| of_push(conn, number(1))).await.unwrap().len(), 2);
    assert_eq!(keys(&ledger, IRC, at(0)).await, ["push-1-started"]);
    ledger.write(|tx| delivered(tx, 1, "the very words", None, at(3))).await.unwrap();
    assert!(keys(&ledger, IRC, at(9)).await.is_empty());
    let rows = ledger.read(|conn| of_push(conn, number(1))).await.unwrap();
    assert_eq!(
        (rows[0].state, rows[0].told.as_deref(), rows[0].tries),
        (DeliveryState::Told, Some("the very words"), 1)
    );
    assert_eq!(
        (rows[1].state, rows[1].channel.to_string()),
        (DeliveryState::Waiting, EMAIL.to_owned()),
        "a channel tells for itself"
    );
}

#[tokio::test]
async fn nobody_reads_the_end_before_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let all = vec![(1, Moment::Started, &[IRC][..]), (1, Moment::Ended, &[IRC][..]), (2, Moment::Started, &[IRC][..])];
    let ledger = ledger(&dir, all).await;
    ledger.write(|tx| failed(tx, 1, "down", Some(at(5)))).await.unwrap();
    assert_eq!(keys(&ledger, IRC, at(1)).await, ["push-2-started"]);
    ledger.write(|tx| delivered(tx, 3, "w", None, at(1))).await.unwrap();
    assert_eq!(ledger.read(|conn| next_due(conn, &name(IRC))).await.unwrap(), Some(at(5)));
    assert_eq!(keys(&ledger, IRC, at(5)).await, ["push-1-started"]);
    ledger.write(|tx| failed(tx, 1, "refused", None)).await.unwrap();
    assert_eq!(keys(&ledger, IRC, at(5)).await, ["push-1-ended"], "what was given up stands in nobody's way");
}

#[tokio::test]
async fn each_place_of_a_channel_has_its_own_order_and_others_have_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let (to, more) = (&["irc", "irc:#web", "irc-b", "irc:#ops"][..], &["irc:#web"][..]);
    let ledger = ledger(&dir, vec![(1, Moment::Started, to), (1, Moment::Ended, more)]).await;
    let due = ledger.read(|conn| due(conn, &name("irc"), at(0), 9)).await.unwrap();
    let places: Vec<String> = due.iter().map(|row| row.to.to_string()).collect();
    assert_eq!(places, ["irc", "irc:#web", "irc:#ops"], "of this channel alone, and no end before its beginning");
    ledger.write(|tx| failed(tx, 1, "down", Some(at(5)))).await.unwrap();
    ledger.write(|tx| delivered(tx, 2, "w", None, at(1))).await.unwrap();
    assert_eq!(keys(&ledger, "irc", at(1)).await, ["push-1-started", "push-1-ended"], "#ops, and the end in #web");
    assert_eq!(keys(&ledger, "irc-b", at(1)).await, ["push-1-started"]);
}

#[tokio::test]
async fn what_waits_for_a_channel_that_the_file_has_no_more_is_given_up_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let to = &["irc", "irc:#web", "gone", "gone:#x"][..];
    let ledger = ledger(&dir, vec![(1, Moment::Started, to)]).await;
    ledger.write(|tx| delivered(tx, 4, "w", None, at(1))).await.unwrap();
    let known = || vec![name("irc"), name("email")];
    assert!(ledger.read(move |conn| without_channel::waits(conn, &known())).await.unwrap());
    assert_eq!(ledger.write(move |tx| without_channel::give_up(tx, &known(), "no channel")).await.unwrap(), 1);
    assert!(!ledger.read(move |conn| without_channel::waits(conn, &known())).await.unwrap());
    let rows = ledger.read(|conn| of_push(conn, number(1))).await.unwrap();
    let states: Vec<&str> = rows.iter().map(|row| row.state.word()).collect();
    assert_eq!(states, ["waiting", "waiting", "given up", "told"]);
    assert_eq!(rows[2].problem.as_deref(), Some("no channel"));
}

#[test]
fn the_results_of_filters_are_the_ends_of_pushes() {
    let ends = PushState::ALL.into_iter().filter(|state| !state.is_running()).map(|state| state.word());
    let (mut ends, mut known): (Vec<&str>, Vec<&str>) = (ends.collect(), crate::config::RESULTS.to_vec());
    ends.sort_unstable();
    known.sort_unstable();
    assert_eq!(ends, known);
}

#[tokio::test]
async fn a_clock_that_was_put_back_keeps_nothing_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir, vec![(1, Moment::Started, &[IRC])]).await;
    ledger.write(|tx| failed(tx, 1, "down", Some(at(900)))).await.unwrap();
    assert!(keys(&ledger, IRC, at(0)).await.is_empty());
    assert_eq!(keys(&ledger, IRC, at(-7200)).await, ["push-1-started"]);
}

#[tokio::test]
async fn what_was_given_up_shows_why() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir, vec![(1, Moment::Started, &[EMAIL])]).await;
    ledger.write(|tx| failed(tx, 1, "550 no such person", None)).await.unwrap();
    let rows = ledger.read(|conn| of_push(conn, number(1))).await.unwrap();
    assert_eq!((rows[0].state, rows[0].problem.as_deref()), (DeliveryState::GivenUp, Some("550 no such person")));
    assert_eq!(ledger.read(|conn| next_due(conn, &name(EMAIL))).await.unwrap(), None);
}

/// An announcement with everything in it, as it has stood in ledgers since bad hosts and links were first told.
const STORED: &str = r#"{"event":"asked","push":{"id":7,"stack":"web","stage":"prod","kind":"push","resumes":null,"build":"b1","sha":"51d0c3e","root":null,"old_build":null,"old_sha":null,"branch":"main","who":"mary","reason":null,"state":"rolled back","why":null,"ended_by":null,"plan_hash":"p","diff":null,"pressed_at":"t0","started_at":null,"ended_at":null,"duration_ms":null,"hosts_total":1,"hosts_ok":0,"lines":0,"commit_count":4,"paused":{"who":"joe","at":"t1","reason":"lunch"},"question":{"ask":1,"command":4,"question":"Calm?","asked_at":"t2","ends_at":"t3","answer":null,"who":null,"reason":null},"waits_since":"t1","waited_ms":5},"button":"PROD!!!","commits":[{"sha":"51d0c3e","author":"Mary","email":"mary@example.com","at":"t","subject":"Warm the cart"}],"commit_count":1,"bad_hosts":[{"host":"web1","result":"timed out","why":null,"command":"make"}],"links":[{"title":"Graph","url":"https://g"},{"title":"Ticket","url":"https://t","host":"web1"}],"question":{"ask":1,"command":4,"question":"Calm?","asked_at":"t2","ends_at":"t3","answer":"yes","who":"joe","reason":"calm"},"pause":{"n":57,"at":"t1","who":"joe","lasted_ms":9},"held":true,"url":"http://push/pushes/7","audit_head":"0"}"#;

#[test]
fn an_announcement_that_waits_over_an_upgrade_is_read_and_stays_as_it_was_written() {
    let announcement: Announcement = serde_json::from_str(STORED).unwrap();
    assert_eq!(serde_json::to_string(&announcement).unwrap(), STORED);
    assert_eq!(announcement.bad_hosts[0].result, crate::journal::HostResult::TimedOut);

    // The first ones had neither links nor questions.
    let mut early: serde_json::Value = serde_json::from_str(STORED).unwrap();
    let fields = early.as_object_mut().unwrap();
    for field in ["links", "question", "pause", "held"] {
        fields.remove(field).unwrap();
    }
    let push = fields["push"].as_object_mut().unwrap();
    for field in ["kind", "resumes", "commit_count", "paused", "question", "waits_since", "waited_ms"] {
        push.remove(field).unwrap();
    }
    let early: Announcement = serde_json::from_value(early).unwrap();
    assert_eq!((early.links.len(), early.question, early.push.paused), (0, None, None));
}
