//! The raw log of a push: its journal as plain text, a line each, for `curl`, `grep` and editors (design L6). It must
//! never load the whole journal, and never show anything that the journal does not hold. Called by the routes.

use super::cursor::read_records;
use crate::graph::judge::Bounds;
use crate::graph::number_words;
use crate::journal::{Event, HostResult, Record, Stream};
use crate::size::counted;
use crate::time::{At, duration_words, exact_words};
use crate::visible::but_controls;
use actix_web::web::Bytes;
use futures::stream;
use std::io;
use std::path::PathBuf;

/// Bytes of the journal that are read and written out at once.
const PIECE: usize = 64 * 1024;

/// What a raw log shows; nothing set shows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// One host, by name; `-` is the push host.
    pub host: Option<String>,
    /// One command, by its place in the plan.
    pub command: Option<u32>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// A line of text for each line and each change of state.
    Text,
    /// The records as they lie in the file.
    Journal,
}

/// The log of the journal from a cursor on up to `end`, piece by piece as the reader takes it.
pub fn raw_log(
    path: PathBuf,
    from: u64,
    end: u64,
    part: LogPart,
    form: LogForm,
) -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((path, from, part), move |(path, cursor, part)| async move {
        if cursor >= end {
            return Ok(None);
        }
        let work = move || {
            let bytes = read_records(&path, cursor, end, PIECE)?;
            let behind = cursor + bytes.len() as u64;
            Ok::<_, io::Error>((written(&bytes, &part, form), (path, behind, part)))
        };
        Ok(Some(tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??))
    })
}

fn written(bytes: &[u8], part: &LogPart, form: LogForm) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let Ok(record) = serde_json::from_slice::<Record>(line) else { continue };
        if !part.shows(&record.event) {
            continue;
        }
        match form {
            LogForm::Journal => out.extend_from_slice(line),
            LogForm::Text => out.extend_from_slice(log_line(&record).as_bytes()),
        }
    }
    out.into()
}

impl LogPart {
    /// Whether the event belongs to the part.
    fn shows(&self, event: &Event) -> bool {
        let (command, host) = place(event);
        self.command.is_none_or(|wanted| command == Some(wanted))
            && self.host.as_deref().is_none_or(|wanted| host.unwrap_or("-") == wanted && command.is_some())
    }
}

fn place(event: &Event) -> (Option<u32>, Option<&str>) {
    match event {
        Event::Line { command, host, .. }
        | Event::HostStarted { command, host }
        | Event::HostEnded { command, host, .. }
        | Event::Link { command, host, .. } => (Some(*command), host.as_deref()),
        Event::HostDropped { command, host } => (Some(*command), Some(host)),
        Event::CommandStarted { command, .. }
        | Event::CommandEnded { command, .. }
        | Event::Asked { command, .. }
        | Event::Answered { command, .. }
        | Event::BuildMade { command, .. }
        | Event::Measured { command, .. } => (Some(*command), None),
        Event::PushStarted { .. }
        | Event::Connecting(_)
        | Event::Connected(_)
        | Event::UndoStarted { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::PushEnded { .. } => (None, None),
    }
}

/// One record as the raw log shows it, with its line end: `14:13:58.204 5 web041 err | text`. The clock is UTC; a
/// hyphen stands for the push host, or for no command.
pub fn log_line(record: &Record) -> String {
    let (command, host) = place(&record.event);
    let (stream, text) = if let Event::Line { stream, text, .. } = &record.event {
        (*stream, text.clone())
    } else {
        (Stream::Note, note(&record.event))
    };
    let stream = match stream {
        Stream::Out => "out",
        Stream::Err => "err",
        Stream::Note => "note",
    };
    let command = command.map_or("-".to_owned(), |command| command.to_string());
    format!("{} {command} {} {stream} | {}\n", clock(record.at), host.unwrap_or("-"), but_controls(&text))
}

fn clock(at: At) -> String {
    at.to_string().get(11..23).unwrap_or_default().to_owned()
}

/// What a change of state says in the raw log.
fn note(event: &Event) -> String {
    let reason = |why: &Option<String>| why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    match event {
        Event::Line { text, .. } => text.clone(),
        Event::PushStarted { push, stack, stage, who, sha, hosts, .. } => {
            format!(
                "push {push}: {who} pushes {} of {stack} to {stage}, {}",
                sha.short(),
                counted(hosts.len() as u64, "host")
            )
        }
        Event::Connecting(connections) => connections.under_way(),
        Event::Connected(connections) => connections.done(),
        Event::CommandStarted { title, hosts: 0, .. } => format!("starts on the push host: {title}"),
        Event::CommandStarted { title, hosts, .. } => {
            format!("starts on {}: {title}", counted(u64::from(*hosts), "host"))
        }
        Event::HostStarted { .. } => "starts".to_owned(),
        Event::HostEnded { result, code, why, duration_ms, .. } => {
            let code = match (result, code) {
                (HostResult::Ok, _) | (_, None) => String::new(),
                (_, Some(code)) => format!(", exit {code}"),
            };
            format!("{}{code} after {}{}", result.word(), length(*duration_ms), reason(why))
        }
        Event::BuildMade { build, root, files, .. } => {
            format!("build {build}: {}, content hash {}", counted(*files, "file"), root.as_str())
        }
        Event::Link { title, url, .. } => format!("link: {title} {url}"),
        Event::Measured { value, max, min, before, .. } => {
            let value = value.map_or_else(|| "no data".to_owned(), number_words);
            let bounds = Bounds { max: *max, min: *min }.words();
            let when = if *before { "before the push: " } else { "" };
            match bounds.is_empty() {
                true => format!("measured: {when}{value}"),
                false => format!("measured: {when}{value}, {bounds}"),
            }
        }
        Event::Asked { question, ends_at, .. } => format!("asks: {question} (until {ends_at})"),
        Event::Answered { answer, who, reason: why, .. } => {
            let by = who.as_ref().map_or(String::new(), |who| format!(" by {who}"));
            format!("answered: {}{by}{}", answer.word(), reason(why))
        }
        Event::CommandEnded { result, ok, not_ok, duration_ms, skew_ms, .. } => {
            let skew = skew_ms.map(|ms| format!(", flipped within {}", exact_words(ms))).unwrap_or_default();
            format!("{}: {ok} ok, {not_ok} not ok, after {}{skew}", result.word(), length(*duration_ms))
        }
        Event::HostDropped { .. } => "dropped from the push".to_owned(),
        Event::UndoStarted { build, hosts, why, .. } => {
            format!("rolls back to {build} on {}: {why}", counted(hosts.len() as u64, "host"))
        }
        Event::Paused { who, reason: why } => format!("paused by {who}{}", reason(why)),
        Event::Resumed { who } => format!("resumed by {who}"),
        Event::PushEnded { state, why, who, hosts_ok, hosts_total, duration_ms, .. } => {
            let by = who.as_ref().map_or(String::new(), |who| format!(" by {who}"));
            let hosts = if *hosts_total == 1 { "host has" } else { "hosts have" };
            let all = format!("{hosts_ok} of {hosts_total} {hosts} the build, {}", length(*duration_ms));
            format!("{}{by}, {all}{}", state.word(), reason(why))
        }
    }
}

fn length(ms: u64) -> String {
    duration_words(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    const JOURNAL: &str = concat!(
        r#"{"n":1,"at":"2026-11-21T14:13:57.000Z","kind":"command_started","command":5,"title":"sudo apachectl graceful","hosts":2}"#,
        "\n",
        r#"{"n":2,"at":"2026-11-21T14:13:57.100Z","kind":"host_started","command":5,"host":"web041"}"#,
        "\n",
        r#"{"n":3,"at":"2026-11-21T14:13:58.204Z","kind":"line","command":5,"host":"web041","stream":"err","line":1,"text":"<b>no</b> \"quotes\"\té"}"#,
        "\n",
        r#"{"n":4,"at":"2026-11-21T14:13:58.205Z","kind":"line","command":6,"stream":"out","line":2,"text":""}"#,
        "\n",
        r#"{"n":5,"at":"2026-11-21T14:13:58.206Z","kind":"host_ended","command":5,"host":"web041","result":"failed","code":1,"why":"it exited with 1","duration_ms":1204}"#,
        "\n",
    );

    async fn log(part: LogPart, form: LogForm) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        std::fs::write(&path, JOURNAL).unwrap();
        let pieces: Vec<_> = raw_log(path, 0, JOURNAL.len() as u64, part, form).collect().await;
        pieces.into_iter().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect()
    }

    #[tokio::test]
    async fn every_record_is_one_line_with_clock_command_host_and_stream() {
        insta::assert_snapshot!(log(LogPart::default(), LogForm::Text).await, @r#"
        14:13:57.000 5 - note | starts on 2 hosts: sudo apachectl graceful
        14:13:57.100 5 web041 note | starts
        14:13:58.204 5 web041 err | <b>no</b> "quotes"	é
        14:13:58.205 6 - out | 
        14:13:58.206 5 web041 note | failed, exit 1 after 1.2 s: it exited with 1
        "#);
        assert_eq!(log(LogPart::default(), LogForm::Journal).await, JOURNAL);
    }

    #[tokio::test]
    async fn a_part_holds_only_its_host_and_its_command() {
        let of = |host: Option<&str>, command| LogPart { host: host.map(str::to_owned), command };
        assert_eq!(log(of(Some("web041"), None), LogForm::Text).await.lines().count(), 3);
        assert_eq!(log(of(Some("-"), Some(6)), LogForm::Text).await, "14:13:58.205 6 - out | \n");
        assert_eq!(log(of(Some("web042"), None), LogForm::Text).await, "");
        assert_eq!(log(of(None, Some(5)), LogForm::Text).await.lines().count(), 4);
    }
}
