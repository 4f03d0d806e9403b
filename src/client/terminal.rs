//! A push as a terminal shows it. Pure. It must never let anything through that a terminal obeys, but for colours, and those
//! only where someone looks (promise 9): journals are clean already, and this is the second look.

use crate::colours::colour;
use crate::journal::{Event, HostResult, Stream};
use crate::size::counted;
use crate::time::{duration_words, exact_words};
use crate::visible::but_controls;

/// Whether colours are shown: on a terminal they are, in a pipe or a file they are noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// As they are.
    Shown,
    /// Left out.
    LeftOut,
}

/// Text as one line without anything that a terminal obeys, but for tabs and, where wanted, colours; those end with the text. A
/// line break within it is a blank: the words on both sides of it stay two. What nobody would see is a chip.
pub fn clean(text: &str, colours: Colours) -> String {
    let text = &*but_controls(text);
    let mut out = String::with_capacity(text.len());
    let (mut coloured, mut broken) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            if colours == Colours::Shown {
                out.push_str(&rest[..length]);
                coloured = true;
            }
            rest = &rest[length..];
            continue;
        }
        if c == '\t' || !c.is_control() {
            if broken && !out.is_empty() && c != ' ' {
                out.push(' ');
            }
            broken = false;
            out.push(c);
        }
        broken |= matches!(c, '\n' | '\r');
        rest = &rest[c.len_utf8()..];
    }
    if coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// A record of a push's journal as one line; none where a reader would not miss it.
pub fn words(push: i64, event: &Event, colours: Colours) -> Option<String> {
    words_of(push, event).map(|words| clean(&words, colours))
}

fn words_of(push: i64, event: &Event) -> Option<String> {
    let ms = |duration: &u64| duration_words(i64::try_from(*duration).unwrap_or(i64::MAX));
    let at = |host: &Option<String>| host.as_deref().unwrap_or("push host").to_owned();
    Some(match event {
        Event::PushStarted { push, stack, stage, who, hosts, sha, .. } => {
            format!("push {push}: {who} pushes {sha} of {stack} to {stage}, {}", counted(hosts.len() as u64, "host"))
        }
        Event::Connecting(connections) => format!("  {}", connections.under_way()),
        Event::Connected(connections) => format!("  {}", connections.done()),
        Event::CommandStarted { command, title, .. } => format!("  {command}. {title}"),
        Event::Line { host, stream, text, .. } => {
            let mark = match stream {
                Stream::Out => '│',
                Stream::Err => '!',
                Stream::Note => '·',
            };
            format!("     {:>10} {mark} {text}", at(host))
        }
        Event::HostEnded { host, result, code, why, .. } if *result != HostResult::Ok => {
            let exit = code.map(|code| format!(", exit {code}")).unwrap_or_default();
            // That it exited so is said already.
            let said = code.map(|code| format!(": exited with {code}")).unwrap_or_default();
            let why = why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let why = why.strip_prefix(&said).filter(|rest| rest.is_empty() || rest.starts_with(": ")).unwrap_or(&why);
            format!("     {:>10} ✗ {}{exit}{why}", at(host), result.word())
        }
        Event::Link { title, url, host, .. } => format!("     {:>10} says: {title} {url}", at(host)),
        Event::Asked { question, ends_at, .. } => format!(
            "     ? {question} (the push waits for an answer until {ends_at}: on its page, or with \
             pushbutton confirm {push}, or pushbutton confirm --no {push})"
        ),
        Event::Answered { answer, who, reason, .. } => {
            let by = who.as_ref().map(|who| format!(" by {who}")).unwrap_or_default();
            let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("     ? answered: {}{by}{reason}", answer.word())
        }
        Event::BuildMade { build, root, files, .. } => {
            format!("     build {build}: {}, content hash {root}", counted(*files, "file"))
        }
        Event::CommandEnded { result, ok, not_ok, duration_ms, skew_ms, .. } => {
            let skew = skew_ms.map(|ms| format!(", flipped within {}", exact_words(ms))).unwrap_or_default();
            let mark = if *result == HostResult::Ok { '✓' } else { '✗' };
            let bad = if *not_ok > 0 { format!(", {not_ok} not ok") } else { String::new() };
            // Where no host could be reached, nothing ran, and took no time.
            let took = if *duration_ms == 0 { String::new() } else { format!(", {}", ms(duration_ms)) };
            format!("     {mark} {ok} ok{bad}{took}{skew}")
        }
        Event::PushEnded { state, why, hosts_ok, hosts_total, duration_ms, .. } => {
            let why = why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let hosts = if *hosts_total == 1 { "host has" } else { "hosts have" };
            format!("  {}{why}, {hosts_ok} of {hosts_total} {hosts} the build, {}", state.word(), ms(duration_ms))
        }
        Event::HostDropped { host, .. } => format!("     {host:>10} ✗ dropped from the push"),
        Event::UndoStarted { build, hosts, .. } => {
            format!("  rolling back to {build} on {}", counted(hosts.len() as u64, "host"))
        }
        Event::Paused { who, reason } => {
            let why = reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("  paused by {who}{why}: no new host starts until pushbutton resume {push}")
        }
        Event::Resumed { who } => format!("  resumed by {who}"),
        // Its reading is a line, too.
        Event::HostStarted { .. } | Event::HostEnded { .. } | Event::Measured { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_did_not_come_to_the_end_is_one_sentence_and_what_took_no_time_shows_none() {
        let words = |event: &Event| words(3, event, Colours::LeftOut).unwrap();
        let host = |result, code, why: Option<&str>| Event::HostEnded {
            command: 1,
            host: Some("web1".to_owned()),
            result,
            code,
            why: why.map(str::to_owned),
            left: None,
            duration_ms: 0,
        };
        for (event, said) in [
            (host(HostResult::Failed, Some(1), Some("exited with 1")), "           web1 ✗ failed, exit 1"),
            (
                host(HostResult::Failed, Some(23), Some("exited with 23: could not make way for d")),
                "           web1 ✗ failed, exit 23: could not make way for d",
            ),
            (host(HostResult::Failed, None, Some("no file")), "           web1 ✗ failed: no file"),
            (host(HostResult::Skipped, None, None), "           web1 ✗ skipped"),
        ] {
            assert_eq!(words(&event), said);
        }
        let ended = |duration_ms| Event::CommandEnded {
            command: 1,
            result: HostResult::Failed,
            ok: 0,
            not_ok: 2,
            duration_ms,
            skew_ms: None,
        };
        assert_eq!(words(&ended(0)), "     ✗ 0 ok, 2 not ok");
        assert_eq!(words(&ended(400)), "     ✗ 0 ok, 2 not ok, 0.4 s");
    }

    #[test]
    fn a_terminal_is_given_text_and_at_most_colours() {
        let hostile =
            "a\u{1b}[31mred\u{1b}[0m\tb\u{1b}[2Jc\u{1b}]0;title\u{7}d\u{9b}1me\r\nf\u{1b}[1;38:5:9mg\u{1b}[31";
        assert_eq!(clean(hostile, Colours::LeftOut), "ared\tb[2Jc]0;titled1me fg[31");
        let shown = clean(hostile, Colours::Shown);
        assert_eq!(shown, "a\u{1b}[31mred\u{1b}[0m\tb[2Jc]0;titled1me f\u{1b}[1;38:5:9mg[31\u{1b}[0m");
        assert_eq!(clean("plain é", Colours::Shown), "plain é");
        assert_eq!(clean("\none\n\n  two\r\nthree\r\n", Colours::LeftOut), "one  two three");
    }
}
