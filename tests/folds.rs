//! What a journal means: the server's fold, the page's and the ledger's come to the same, for journals that are whole, and for such that
//! have been mixed up, repeated, cut and changed. A record that the server's fold refuses is never stored; what is stored the ledger takes.
//! Ledger and long logs read how hosts and commands stand from the server's fold; what they make of it is compared here, and for the index
//! of long logs in `src/web/output/building/tests.rs`.

use crate::house::browser::Browser;
use crate::house::chance::{Dice, seed};
use crate::screens::exhibit;
use pushbutton::journal::state::HostState;
use pushbutton::journal::{Connecting, Cursor, HostResult, PushDir, Reader, Record, State, Writer};
use pushbutton::ledger::{Ledger, LedgerResult, fold};
use pushbutton::stack::PushNumber;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const JOURNALS: usize = 1200;
const HOSTS: [&str; 4] = ["web1", "web2", "web3", "web4"];
const RESULTS: [&str; 8] = ["ok", "failed", "timed_out", "unreachable", "cancelled", "skipped", "dropped", "unknown"];
const ENDS: [&str; 6] = ["succeeded", "degraded", "failed", "cancelled", "rolled_back", "interrupted"];

/// What the page's fold makes of journals: of each record of each, in the words of the page.
const PAGE: &str = "
    const [{ Fold }, { statesOf }] = await Promise.all([import('/static/live/fold.js'), import('/static/live/states.js')]);
    const states = statesOf(document.querySelector('[data-states]'));
    const seen = (fold) => ({
      steps: fold.steps.map((step) => [step.word, Object.fromEntries([...step.host].map(([host, { word }]) => [host, word]))]),
      holding: fold.holding(),
      lines: fold.lines,
      question: fold.question?.ask ?? null,
      connecting: fold.connections && [fold.connections.done, fold.connections.hosts, fold.connections.connected],
      ended: fold.ended?.word ?? null,
    });
    return journals.map((records) => {
      const fold = new Fold(states);
      return records.map((record) => (fold.take([record]), seen(fold)));
    });";

fn chosen<'a>(dice: &mut Dice, list: &[&'a str]) -> &'a str {
    list[dice.below(list.len() as u64) as usize]
}

/// A result as pushes have them: mostly good.
fn result(dice: &mut Dice) -> &'static str {
    if dice.below(3) > 0 { "ok" } else { chosen(dice, &RESULTS) }
}

/// Records as a runner may write them: a beginning, connections, some commands, perhaps a rollback, an end.
fn whole(dice: &mut Dice) -> Vec<Value> {
    let commands = 1 + dice.below(3);
    let numbers = |dice: &mut Dice| -> Vec<u64> { (1..=commands).filter(|_| dice.below(2) == 0).collect() };
    let proof = json!({ "brought": numbers(dice), "asked": numbers(dice), "back": numbers(dice), "held": ["web1"] });
    let mut started = json!({
        "kind": "push_started", "push": 1, "stack": "web", "stage": "qa", "who": "kate", "build": "web-1", "sha": "b".repeat(40),
        "pid": 1, "pid_start": 1, "boot": "", "plan_hash": "", "hosts": HOSTS, "commands": vec!["Talk"; commands as usize],
        "spare": numbers(dice), "flips": numbers(dice),
    });
    if dice.below(4) > 0 {
        started["proof"] = proof;
    }
    let mut all = vec![started];
    if dice.below(2) == 0 {
        let connections =
            |kind: &str, connected: u64| json!({ "kind": kind, "hosts": 4, "connected": connected, "duration_ms": 20 });
        all.extend([connections("connecting", 1), connections("connected", 3 + dice.below(2))]);
    }
    for command in 1..=commands {
        all.push(json!({ "kind": "command_started", "command": command, "title": "Talk", "hosts": 4 }));
        if command == 1 && dice.below(2) == 0 {
            all.push(json!({ "kind": "build_made", "command": 1, "build": "web-1", "root": "ab".repeat(32), "files": 1, "bytes": 1 }));
        }
        if dice.below(4) == 0 {
            all.push(json!({ "kind": "asked", "command": command, "ask": command, "question": "Calm?", "ends_at": "2026-11-21T10:00:00Z" }));
            all.push(json!({ "kind": "answered", "command": command, "ask": command, "answer": "yes", "who": "kate" }));
        }
        if dice.below(4) == 0 {
            all.push(json!({ "kind": "paused", "who": "kate" }));
            all.push(json!({ "kind": "resumed", "who": "kate" }));
        }
        for host in HOSTS {
            let host = if dice.below(8) == 0 { None } else { Some(host) };
            if dice.below(5) > 0 {
                all.push(json!({ "kind": "host_started", "command": command, "host": host }));
            }
            let line = all.len();
            all.push(json!({ "kind": "line", "command": command, "host": host, "stream": chosen(dice, &["out", "err", "note"]), "line": line, "text": "x" }));
            let how = result(dice);
            all.push(
                json!({ "kind": "host_ended", "command": command, "host": host, "result": how, "duration_ms": 5 }),
            );
            if how != "ok" && dice.below(2) == 0 {
                all.push(json!({ "kind": "host_dropped", "command": command, "host": host }));
            }
        }
        all.push(json!({ "kind": "command_ended", "command": command, "result": result(dice), "ok": 3, "not_ok": 1, "duration_ms": 9 }));
    }
    if dice.below(5) == 0 {
        all.push(json!({ "kind": "undo_started", "build": "web-1", "sha": "b".repeat(40), "hosts": ["web1"], "why": "it failed" }));
    }
    all.push(json!({
        "kind": "push_ended", "state": chosen(dice, &ENDS), "hosts_ok": 0, "hosts_total": 4, "duration_ms": 99, "sha256": "",
    }));
    all
}

/// The same with some of its records gone, twice there, elsewhere, or about something else.
fn mutated(dice: &mut Dice, mut all: Vec<Value>) -> Vec<Value> {
    for _ in 0..dice.below(8) {
        let at = dice.below(all.len() as u64) as usize;
        let to = dice.below(all.len() as u64) as usize;
        match dice.below(5) {
            0 if all.len() > 1 => drop(all.remove(at)),
            1 => all.insert(to, all[at].clone()),
            2 => all.swap(at, to),
            3 if all[at].get("command").is_some() => all[at]["command"] = json!(dice.below(5)),
            4 if all[at].get("host").is_some() => all[at]["host"] = json!(chosen(dice, &HOSTS)),
            _ => all.truncate(all.len().max(2) - 1),
        }
    }
    all
}

/// What the server's fold makes of a journal: the records that it takes, and what it knows after each, in the words of the page.
fn server(journal: Vec<Value>, states: &Value, met: &mut BTreeSet<String>) -> (Vec<Value>, Vec<Value>) {
    let (mut state, mut taken, mut known) = (State::default(), Vec::new(), Vec::new());
    for mut record in journal {
        record["n"] = json!(taken.len() + 1);
        record["at"] = json!("2026-11-21T10:00:00.000Z");
        // Some of what chance writes is no record at all: a host that nobody named cannot leave.
        let Ok(read) = serde_json::from_value::<Record>(record.clone()) else { continue };
        let before = state.clone();
        let kind = record["kind"].as_str().unwrap().to_owned();
        if state.apply(&read).is_err() {
            assert_eq!(state, before, "{kind} was refused, and changed something");
            met.insert(format!("refused {kind}"));
            continue;
        }
        for how in ["result", "state"] {
            met.extend(record[how].as_str().map(|how| format!("{kind} {how}")));
        }
        met.insert(kind);
        taken.push(record);
        known.push(words(&state, states));
    }
    (taken, known)
}

/// What is known of a push, as its page says it.
fn words(state: &State, states: &Value) -> Value {
    let word = |row: &Value| row["word"].as_str().unwrap().to_owned();
    let wire = |result: HostResult| serde_json::to_value(result).unwrap().as_str().unwrap().to_owned();
    let of = |result: HostResult| word(&states["results"][wire(result)]);
    let ended = state.ended.map(|end| word(&states["ends"][serde_json::to_value(end).unwrap().as_str().unwrap()]));
    let open = |name: &str| word(&states["open"][name]);
    let step = |number: u32| match state.commands.get(&number) {
        None => json!([if ended.is_some() { open("left") } else { open("waits") }, {}]),
        Some(command) => {
            let says = |how: Option<HostResult>| how.map_or_else(|| open("runs"), of);
            let host = |(host, at): (&Option<String>, &HostState)| {
                (host.clone().unwrap_or_default(), json!(says(at.result())))
            };
            let hosts: serde_json::Map<String, Value> = command.hosts.iter().map(host).collect();
            json!([says(command.result), hosts])
        }
    };
    let connecting = state.connecting.as_ref().map(|connecting| {
        let connections = connecting.connections();
        json!([matches!(connecting, Connecting::Done(_)), connections.hosts, connections.connected])
    });
    json!({
        "steps": (1..=state.command_count).map(step).collect::<Vec<_>>(),
        "holding": state.holding(),
        "lines": state.lines,
        "question": state.question.map(|(_, ask)| ask),
        "connecting": connecting,
        "ended": ended,
    })
}

#[actix_web::test]
async fn the_page_and_the_server_fold_any_journal_alike() {
    let mut pages = crate::pages::rendered();
    pages.retain(|name, _| name == "live-asking");
    let browser = Browser::at(&exhibit(pages)).await;
    browser.go("/made-up/live-asking").await;
    let table = browser.ask("return document.querySelector('[data-states]').dataset.states").await;
    let states: Value = serde_json::from_str(table.as_str().unwrap()).unwrap();

    let mut dice = Dice(seed());
    let (mut given, mut known, mut met) = (Vec::new(), Vec::new(), BTreeSet::new());
    for number in 0..JOURNALS {
        let journal = whole(&mut dice);
        let journal = if number % 4 == 0 { journal } else { mutated(&mut dice, journal) };
        let (taken, after) = server(journal, &states, &mut met);
        given.push(taken);
        known.push(after);
    }
    let script = format!("return (async (journals) => {{ {PAGE} }})({})", json!(given));
    let page = browser.ask(&script).await;
    let page = page.as_array().unwrap();
    assert_eq!(page.len(), JOURNALS);
    for ((records, server), page) in given.iter().zip(&known).zip(page) {
        for (n, (server, page)) in server.iter().zip(page.as_array().unwrap()).enumerate() {
            let told = || records[..=n].iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
            assert_eq!(page, server, "left the page, right the server, after\n{}", told());
        }
    }
    // Chance has made all that there is, and what the server refuses too.
    let results = RESULTS.iter().flat_map(|how| [format!("host_ended {how}"), format!("command_ended {how}")]);
    let ends = ENDS.iter().map(|how| format!("push_ended {how}"));
    let kinds = "push_started connecting connected command_started host_started line host_ended build_made asked answered \
                 command_ended host_dropped undo_started paused resumed push_ended";
    let refused = [
        "command_started",
        "host_started",
        "host_ended",
        "command_ended",
        "build_made",
        "asked",
        "answered",
        "host_dropped",
    ];
    let wanted = results.chain(ends).chain(kinds.split_whitespace().map(str::to_owned));
    let wanted: BTreeSet<String> = wanted.chain(refused.map(|kind| format!("refused {kind}"))).collect();
    assert!(wanted.is_subset(&met), "never met: {:?}", wanted.difference(&met).collect::<Vec<_>>());
}

/// A push by its journal: what the writer has kept, and what it knows.
struct Stored {
    records: Vec<Record>,
    state: State,
}

/// Gives a journal to the writer, record by record: it keeps what the fold takes, and nothing else.
fn stored(dir: &Path, journal: Vec<Value>) -> Stored {
    let push = PushDir::at(dir);
    std::fs::create_dir(dir).unwrap();
    let (mut writer, mut state) = (Writer::create(&push).unwrap(), State::default());
    for mut record in journal {
        record["n"] = json!(writer.cursor().n + 1);
        record["at"] = json!("2026-11-21T10:00:00.000Z");
        let Ok(read) = serde_json::from_value::<Record>(record) else { continue };
        let legal = state.apply(&read);
        assert_eq!(writer.add(read.at, read.event), legal);
    }
    writer.flush().unwrap();
    assert_eq!(writer.state(), &state);
    let batch = Reader::open(&push.journal()).unwrap().read_from(Cursor::default(), 1 << 20).unwrap();
    assert_eq!((batch.torn, batch.cursor(Cursor::default())), (false, writer.cursor()));
    Stored { records: batch.records.into_iter().map(|read| read.record).collect(), state }
}

/// What the ledger is to have of it.
fn by_the_fold(Stored { state, .. }: &Stored) -> Vec<String> {
    let word = |how: Option<HostResult>| how.map_or("open", HostResult::word);
    let mut rows = Vec::new();
    for (number, command) in &state.commands {
        rows.push(format!("{number}: {}", word(command.result)));
        rows.extend(command.hosts.iter().map(|(host, at)| {
            let before = if at.dropped { format!(", before {}", word(at.ended)) } else { String::new() };
            format!("{number} on {}: {}{before}", host.as_deref().unwrap_or_default(), word(at.result()))
        }));
    }
    rows.extend(state.question.map(|(command, ask)| format!("{command} asks {ask}")));
    rows.push(format!("{} lines, {}", state.lines, state.ended.map_or("running", |end| end.word())));
    rows.sort();
    rows
}

/// What the ledger has of a push.
fn by_the_ledger(ledger: &Connection, push: PushNumber) -> LedgerResult<Vec<String>> {
    let sql =
        "SELECT command || ': ' || coalesce(result, 'open') FROM commands WHERE push = ?1 AND started_at IS NOT NULL
               UNION ALL SELECT command || ' on ' || host || ': ' || coalesce(result, 'open') ||
                                coalesce(', before ' || before_drop, '') FROM results WHERE push = ?1
               UNION ALL SELECT command || ' asks ' || ask FROM questions WHERE push = ?1 AND answer IS NULL
               UNION ALL SELECT lines || ' lines, ' || state FROM pushes WHERE id = ?1";
    let mut ask = ledger.prepare_cached(sql)?;
    let mut rows = ask.query_map([push.get()], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    rows.sort();
    Ok(rows)
}

#[tokio::test]
async fn what_the_writer_stores_the_ledger_takes_and_means_what_the_fold_means() {
    let temp = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&temp.path().join("pushbutton.db")).unwrap();
    let mut dice = Dice(seed());
    let journals = (1..=JOURNALS).map(|number| {
        let journal = whole(&mut dice);
        let journal = if number % 4 == 0 { journal } else { mutated(&mut dice, journal) };
        stored(&temp.path().join(number.to_string()), journal)
    });
    let journals: Vec<Stored> = journals.collect();
    assert!(
        journals.iter().any(|stored| stored.state.ended.is_none())
            && journals.iter().any(|stored| !stored.state.dropped.is_empty())
    );
    let wrong = ledger.write(move |tx| {
        for (number, stored) in (1..).zip(&journals) {
            let push: PushNumber = number.to_string().parse().unwrap();
            tx.execute(
                "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, pressed_at, hosts_total, plan)
                 VALUES (?1, 'web' || ?1, 'qa', 'web-1', '', 'main', 'kate', 'running', '', '', 4, '{}')",
                [push.get()],
            )?;
            let mut state = State::default();
            for record in &stored.records {
                if let Err(error) = fold::apply(tx, push, record, &mut state) {
                    return Ok(Some(format!("{error}: {record:?} of {:#?}", stored.records)));
                }
                if state.ended.is_none() {
                    fold::count(tx, push, &state)?;
                }
            }
            let (fold, ledger) = (by_the_fold(stored), by_the_ledger(tx, push)?);
            if fold != ledger {
                return Ok(Some(format!("fold: {fold:#?}, ledger: {ledger:#?} of {:#?}", stored.records)));
            }
        }
        Ok(None)
    });
    assert_eq!(wrong.await.unwrap(), None);
}
