//! The index, the pages and the search against a plain reading of the same journal.

use super::{LinesQuery, Problem};
use crate::colours::without_colours;
use crate::journal::{Event, JournalFile, Record, Stream, sample};
use crate::time::At;
use crate::web::output::find;
use crate::web::output::find::{MOST_LINES, Text};
use crate::web::output::index::{Index, LineFilter, Span};
use crate::web::output::read::Light;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use tokio_util::sync::CancellationToken;

/// One line of a journal that is made up: command, host, stream, text.
pub type Said = (u32, Option<&'static str>, &'static str, String);

/// The journal of a push that said so, where these hosts failed in the end; another one began late, and never ended.
pub fn journal(said: &[Said], failed: &[(u32, Option<&'static str>)]) -> Vec<Value> {
    let at = "2026-11-21T14:13:57.000Z";
    let (mut commands, mut late) = (BTreeSet::from([1]), BTreeSet::new());
    commands.extend(said.iter().map(|said| said.0).chain(failed.iter().map(|failed| failed.0)));
    let mut records = vec![sample::started(&["web1", "web2", "db", "late"], 9)];
    records.extend(commands.into_iter().map(sample::command_started));
    let mut records: Vec<Value> = records.into_iter().map(|event| json!(event)).collect();
    for (line, (command, host, stream, text)) in said.iter().enumerate() {
        // State records stand between lines, as they do.
        if line % 7 == 3 && late.insert(*command) {
            records.push(json!({"kind": "host_started", "command": command, "host": "late"}));
        }
        records.push(
            json!({"kind": "line", "command": command, "host": host, "stream": stream, "line": line + 1, "text": text}),
        );
    }
    for (command, host) in failed {
        records.push(
            json!({"kind": "host_ended", "command": command, "host": host, "result": "failed", "duration_ms": 1}),
        );
    }
    for (n, record) in records.iter_mut().enumerate() {
        record["n"] = json!(n + 1);
        record["at"] = json!(at);
        let place = record.as_object_mut().unwrap();
        if place.get("host").is_some_and(Value::is_null) {
            place.remove("host");
        }
    }
    records
}

pub fn indexed(records: &[Value]) -> (JournalFile, Index) {
    let mut file = tempfile::tempfile().unwrap();
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    file.write_all(text.as_bytes()).unwrap();
    let file = JournalFile::from(file);
    let index = Index::build(&file, text.len() as u64, &CancellationToken::new()).unwrap();
    (file, index)
}

/// The same question asked of the records one by one.
fn plainly(said: &[Said], errors: &[u64], wanted: &LineFilter, text: &str) -> Vec<u64> {
    let query = text.trim().to_lowercase();
    let numbered = said.iter().zip(1..);
    let passing = numbered.filter(|((command, host, _, said), line)| {
        (wanted.hosts.is_empty() || wanted.hosts.iter().any(|name| name == host.unwrap_or("-")))
            && (wanted.commands.is_empty() || wanted.commands.contains(command))
            && (!wanted.errors || errors.contains(line))
            && (query.is_empty()
                || without_colours(said).to_lowercase().contains(&query)
                || *host == Some(query.as_str()))
    });
    passing.map(|(_, line)| line).collect()
}

fn numbers(ranges: &[(u64, u64)]) -> Vec<u64> {
    ranges.iter().flat_map(|(first, last)| *first..=*last).collect()
}

pub fn said() -> impl Strategy<Value = Vec<Said>> {
    let host = prop_oneof![Just(None), Just(Some("web1")), Just(Some("web2")), Just(Some("db"))];
    let text = prop_oneof![
        "[a-cA-C ]{0,6}",
        Just("\u{1b}[31mab\u{1b}[0mC".to_owned()),
        Just("straße K \u{1b}[x".to_owned()),
        Just("\"quoted\"\\ \t\u{fffd}".to_owned())
    ];
    let stream = prop_oneof![Just("out"), Just("err"), Just("note")];
    let block = (1..4_u32, host, stream, text, 1..120_usize);
    let blocks = proptest::collection::vec(block, 0..12);
    blocks.prop_map(|blocks| {
        let lines = blocks.into_iter().flat_map(|(command, host, stream, text, times)| {
            (0..times).map(move |time| (command, host, stream, format!("{text}{}", time % 3)))
        });
        lines.collect()
    })
}

pub fn wanted() -> impl Strategy<Value = LineFilter> {
    let names = proptest::sample::subsequence(vec!["-", "web1", "web2", "nobody"], 0..3);
    let commands = proptest::sample::subsequence(vec![1, 2, 3, 9], 0..3);
    (names, commands, any::<bool>()).prop_map(|(names, commands, errors)| LineFilter {
        hosts: names.into_iter().map(str::to_owned).collect(),
        commands,
        errors,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_found_and_what_is_read_is_what_a_plain_reading_gives(
        said in said(),
        wanted in wanted(),
        text in prop_oneof!["", " [a-cB]{1,2}", Just("WEB1".to_owned()), Just("STRASSE".to_owned()), Just("Straß".to_owned()), Just("k".to_owned()), Just("31m".to_owned())],
        from in 1..300_u64,
        length in 0..400_u64,
    ) {
        let failed = [(1, Some("web1")), (2, None), (3, Some("db"))];
        let (file, index) = indexed(&journal(&said, &failed));
        prop_assert_eq!(index.lines, said.len() as u64);
        let errors = errors_of(&said, &failed);
        for line in 1..=index.lines {
            prop_assert_eq!(index.is_error(line), errors.contains(&line), "line {}", line);
        }
        let gone = CancellationToken::new();
        let found = find::find(&file, &index, &wanted, Text::of(&text).as_ref(), from, &gone).unwrap();
        let all = plainly(&said, &errors, &wanted, &text);
        let expected: Vec<u64> = all.into_iter().filter(|line| *line >= from).collect();
        prop_assert_eq!(found.next, None);
        prop_assert_eq!(found.count, expected.len() as u64);
        prop_assert_eq!(numbers(&found.ranges), expected);

        let span = Span { first: from, last: from + length };
        let page = serde_json::to_value(find::lines(&file, &index, &wanted, span, MOST_LINES).unwrap()).unwrap();
        let read: Vec<(u64, &str)> = page["lines"].as_array().unwrap().iter()
            .map(|line| (line["line"].as_u64().unwrap(), line["text"].as_str().unwrap())).collect();
        let passing = plainly(&said, &errors, &wanted, "");
        let expected: Vec<(u64, &str)> = passing.into_iter().filter(|line| (from..=from + length).contains(line))
            .map(|line| (line, said[line as usize - 1].3.as_str())).collect();
        prop_assert_eq!(read, expected.clone());
        let words: String = expected.iter().map(|(_, text)| format!("{}\n", without_colours(text))).collect();
        prop_assert_eq!(find::text(&file, &index, &wanted, span).unwrap(), Some(words));
    }

    #[test]
    fn a_line_is_read_alike_with_and_without_all_of_json(
        text in prop_oneof!["[a-z \"\\\\{}:,]{0,20}", any::<String>()],
        host in prop_oneof![Just(None), "[a-z0-9.@: ]{1,12}".prop_map(Some)],
        stream in prop_oneof![Just(Stream::Out), Just(Stream::Err), Just(Stream::Note)],
        (n, command, line) in any::<(u64, u32, u64)>(),
    ) {
        let event = Event::Line { command, host, stream, line, text };
        let record = Record { n, at: "2026-11-21T14:13:57.000Z".parse::<At>().unwrap(), event };
        let written = serde_json::to_vec(&record).unwrap();
        // Without its line end it does not stand as the writer writes it, and all of JSON is gone through.
        let with_end = [&written[..], b"\n"].concat();
        prop_assert_eq!(Light::of(&with_end).map(|light| light.text.into_owned()), Some(text_of(&record)));
        prop_assert_eq!(Light::of(&with_end), Light::of(&written));
    }
}

fn text_of(record: &Record) -> String {
    match &record.event {
        Event::Line { text, .. } => text.clone(),
        _ => String::new(),
    }
}

#[test]
fn what_does_not_stand_as_the_writer_writes_it_is_read_as_json() {
    let line = r#"{"n":1,"at":"x","kind":"line","command":2,"stream":"out","line":3,"text":"y"}"#;
    let text = |record: &str| Light::of(record.as_bytes()).map(|light| (light.command, light.text.into_owned()));
    for end in ["", "\n"] {
        assert_eq!(text(&format!("{line}{end}")), Some((2, "y".into())));
        let more = line.replace(r#""text":"y""#, r#""text":"y","more":"z""#);
        assert_eq!(text(&format!("{more}{end}")), Some((2, "y".into())));
        let spaced = line.replace(":2,", ": 2 , ");
        assert_eq!(text(&format!("{spaced}{end}")), Some((2, "y".into())));
        assert_eq!(text(&format!("{}{end}", line.replace('y', r"\u001b[1m\n"))), Some((2, "\u{1b}[1m\n".into())));
        for torn in [
            &line[..40],
            &line.replace('y', r"\q"),
            &line.replace(":2,", ":-2,"),
            &line.replace(":2,", ":99999999999,"),
        ] {
            assert_eq!(text(&format!("{torn}{end}")), None, "{torn}");
        }
    }
}

/// Standard error of what failed, at most 200 lines of it; its last line when it said nothing there.
fn errors_of(said: &[Said], failed: &[(u32, Option<&'static str>)]) -> Vec<u64> {
    let mut errors = Vec::new();
    for failed in failed {
        let own: Vec<(u64, &str)> = said
            .iter()
            .zip(1..)
            .filter(|((command, host, _, _), _)| (*command, *host) == *failed)
            .map(|((_, _, stream, _), line)| (line, *stream))
            .collect();
        let bad: Vec<u64> = own.iter().filter(|(_, stream)| *stream == "err").map(|(line, _)| *line).collect();
        match bad.is_empty() {
            true => errors.extend(own.last().map(|(line, _)| *line)),
            false => errors.extend(&bad[bad.len().saturating_sub(200)..]),
        }
    }
    errors
}

#[test]
fn a_page_is_bounded_and_says_where_the_next_begins() {
    let said: Vec<Said> = (0..2_500).map(|at| (1, Some("web1"), "out", format!("line {at}"))).collect();
    let (file, index) = indexed(&journal(&said, &[]));
    let page =
        find::lines(&file, &index, &LineFilter::default(), Span { first: 1_001, last: u64::MAX }, MOST_LINES).unwrap();
    assert_eq!((page.lines.len(), page.next), (1_000, Some(2_001)));
    let rest =
        find::lines(&file, &index, &LineFilter::default(), Span { first: 2_001, last: u64::MAX }, MOST_LINES).unwrap();
    assert_eq!((rest.lines.len(), rest.next), (500, None));
    let few = find::lines(&file, &index, &LineFilter::default(), Span { first: 2, last: u64::MAX }, 3).unwrap();
    assert_eq!((few.lines.len(), few.next), (3, Some(5)));
    let gone = CancellationToken::new();
    gone.cancel();
    let found = find::find(&file, &index, &LineFilter::default(), Text::of("line").as_ref(), 1, &gone).unwrap();
    assert_eq!((found.count, found.next), (511, Some(512)), "nobody waits for the rest");
}

#[test]
fn the_outline_has_the_steps_but_no_host_and_no_line() {
    let said: Vec<Said> = [(1, 3), (2, 2), (1, 1)]
        .iter()
        .flat_map(|(command, times)| (0..*times).map(move |_| (*command, None, "out", String::new())))
        .collect();
    let (_, index) = indexed(&journal(&said, &[(1, None)]));
    assert_eq!(index.steps(), [(1, 1), (4, 2), (6, 1)]);
    let kinds: Vec<Value> = index.records.iter().map(|record: &Record| json!(record)["kind"].clone()).collect();
    assert_eq!(kinds, ["push_started", "command_started", "command_started"]);
}

#[test]
fn steps_that_take_turns_by_the_thousand_stand_side_by_side() {
    let mut said: Vec<Said> = (0..6_000).map(|at| (2 + at % 2, Some("web1"), "out", String::new())).collect();
    said.extend((0..300).map(|_| (4, Some("web1"), "out", String::new())));
    let (_, index) = indexed(&journal(&said, &[]));
    assert_eq!(index.steps(), [(1, 0), (6_001, 4)]);
}

#[test]
fn what_is_asked_for_is_said_key_by_key() {
    let of = |pairs: &[(&str, &str)]| {
        LinesQuery::of(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    };
    let asked =
        of(&[("host", "web1"), ("host", "-"), ("command", "2"), ("errors", "yes"), ("q", "x"), ("from", "7")]).unwrap();
    let wanted = LineFilter { hosts: vec!["web1".into(), "-".into()], commands: vec![2], errors: true };
    assert_eq!(asked, LinesQuery { wanted, text: "x".into(), from: Some(7), ..LinesQuery::default() });
    for (key, value) in
        [("from", "0"), ("to", "x"), ("command", "-1"), ("errors", "maybe"), ("colour", "red"), ("q", &"x".repeat(201))]
    {
        assert_eq!(of(&[(key, value)]).map_err(|problem: Problem| problem.code), Err("bad_request"), "{key}={value}");
    }
}
