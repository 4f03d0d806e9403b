//! The words of the pages: every name, count, state and sentence that is made from data. Pure; must never hold HTML.
//! Called by the pages' view models.

use crate::desk::view::TypicalDuration;
use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::marks::Mark;
use crate::ledger::pushes::PushRow;
use crate::size::ending;
use crate::time::duration_words;

/// A revision as people say it: the first seven digits of a hash, the whole of Subversion's numbers.
pub fn short(sha: &str) -> &str {
    crate::stack::name::short(sha)
}

/// The first twelve digits of a root hash: enough for eyes to compare.
pub fn short_root(root: &str) -> &str {
    root.get(..12).unwrap_or(root)
}

/// A stage as people say it: `QA`, `Princess`, `Prod`.
pub fn stage_words(name: &str) -> String {
    if name.len() <= 2 {
        return name.to_uppercase();
    }
    let mut letters = name.chars().map(|letter| if letter == '-' || letter == '_' { ' ' } else { letter });
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Who: `Mary Okafor` gives `MO`, `mary` gives `MA`.
pub fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let letters: String = match words.as_slice() {
        [] => "?".to_owned(),
        [one] => one.chars().take(2).collect(),
        [first, .., last] => first.chars().take(1).chain(last.chars().take(1)).collect(),
    };
    letters.to_uppercase()
}

/// `1 commit`, `4 commits`, `2,841 files`.
pub fn count(number: i64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), ending(number == 1, noun))
}

/// A number with commas between thousands.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut words = String::with_capacity(digits.len() + 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    if number < 0 { format!("-{words}") } else { words }
}

/// `bad, marked by kate: it is slow`; `good on Princess, marked by joe`.
pub fn mark_words(mark: &Mark) -> String {
    let what = mark
        .stage
        .as_ref()
        .map_or_else(|| "BAD".to_owned(), |stage| format!("good on {}", stage_words(stage.as_str())));
    let why = mark.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{what}, marked by {}{why}", mark.who)
}

/// `QA`, `QA and Princess`, `QA, Princess and Prod`.
pub fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `Usually 1 m 24 s, 1 m 02 s to 2 m 10 s`: how long pushes took, with their spread.
pub fn typical_duration(of: &TypicalDuration) -> String {
    let [median, fastest, slowest] = [of.median_ms, of.fastest_ms, of.slowest_ms].map(duration_words);
    match of.pushes {
        1 => format!("Took {median} last time"),
        _ if fastest == slowest => format!("Usually {median}"),
        _ => format!("Usually {median}, {fastest} to {slowest}"),
    }
}

/// An estimate, rounded so that it does not twitch: `about 35 s left`, `nearly done`.
pub fn left(ms: i64) -> String {
    match ms {
        90_000.. => format!("about {} min left", (ms + 30_000) / 60_000),
        20_000..90_000 => format!("about {} s left", (ms + 2_500) / 5_000 * 5),
        2_000..20_000 => "a few seconds left".to_owned(),
        0..2_000 => "nearly done".to_owned(),
        _ => "taking longer than usual".to_owned(),
    }
}

/// `3 of 4 hosts have 51d0c3e`: where the build of a push is, as far as is known; by its build where what was there before is
/// of the same revision.
pub fn have(row: &PushRow) -> String {
    let verb = if row.hosts_total == 1 { "has" } else { "have" };
    let same = row.old_sha.as_deref() == Some(row.sha.as_str()) && row.old_build.as_deref() != Some(row.build.as_str());
    let what = if same { row.build.as_str() } else { short(&row.sha) };
    format!("{} of {} {verb} {what}", thousands(row.hosts_ok), count(row.hosts_total, "host"))
}

/// The state of a push as shape and word; the shape is never the only sign.
pub fn push_mark(state: PushState) -> (&'static str, &'static str) {
    match state {
        PushState::Running => ("run", "Pushing"),
        PushState::Ended(Ended::Succeeded) => ("ok", "Pushed"),
        PushState::Ended(Ended::Degraded) => ("warn", "Degraded"),
        PushState::Ended(Ended::Failed) => ("fail", "Failed"),
        PushState::Ended(Ended::Cancelled) => ("cancel", "Cancelled"),
        PushState::Ended(Ended::RolledBack) => ("back", "Rolled back"),
        PushState::Ended(Ended::Interrupted) => ("lost", "Interrupted"),
    }
}

/// How the headline of a push that ended is coloured.
pub fn result_class(state: PushState) -> &'static str {
    match state {
        PushState::Ended(Ended::Succeeded) => "ok",
        PushState::Ended(Ended::Failed | Ended::Degraded) => "fail",
        PushState::Running | PushState::Ended(Ended::Cancelled | Ended::RolledBack | Ended::Interrupted) => "lost",
    }
}

/// The words before how long a push took.
pub fn end_words(end: Ended) -> &'static str {
    match end {
        Ended::Succeeded => "Pushed in",
        Ended::Degraded => "Ended degraded after",
        Ended::Failed => "Failed after",
        Ended::Cancelled => "Cancelled after",
        Ended::RolledBack => "Rolled back after",
        Ended::Interrupted => "Interrupted after",
    }
}

/// Connecting to the hosts of a push: under way, or done with all or only some of them.
pub fn connecting_mark(done: Option<bool>) -> (&'static str, &'static str) {
    match done {
        None => ("run", "Connecting"),
        Some(true) => ("ok", "Connected"),
        Some(false) => ("warn", "Not all hosts are connected"),
    }
}

/// The result of a command, or of a command on a host, as shape and word; `None` while it runs.
pub fn result_mark(result: Option<HostResult>, push_runs: bool) -> (&'static str, &'static str) {
    match result {
        None if push_runs => ("run", "running"),
        Some(HostResult::Ok) => ("ok", "done"),
        Some(HostResult::Failed) => ("fail", "failed"),
        Some(HostResult::TimedOut) => ("fail", "timed out"),
        Some(HostResult::Unreachable) => ("fail", "unreachable"),
        Some(HostResult::Cancelled) => ("cancel", "cancelled"),
        Some(HostResult::Skipped) => ("skip", "not run"),
        Some(HostResult::Dropped) => ("skip", "dropped"),
        None | Some(HostResult::Unknown) => ("lost", "unknown"),
    }
}

/// The colour of a stage by its place: the last one is always orange, the others repeat from a list of five.
pub fn colour(place: usize, stages: usize) -> &'static str {
    const BEFORE_THE_LAST: [&str; 5] = ["qa", "princess", "third", "fourth", "fifth"];
    match place == stages {
        true => "prod",
        false => BEFORE_THE_LAST[place.saturating_sub(1) % BEFORE_THE_LAST.len()],
    }
}

/// The colour of a stage where only its name is known; other names stay grey, since the word says it.
pub fn colour_of_name(name: &str) -> &'static str {
    match name {
        "qa" => "qa",
        "princess" => "princess",
        "prod" | "production" => "prod",
        _ => "other",
    }
}

/// The headline of a push that ended.
pub fn result_title(row: &PushRow, stage: &str) -> String {
    match (row.state, row.ended_by.as_deref()) {
        (PushState::Ended(Ended::Succeeded), _) => format!("{} is on {stage}", row.stack),
        (PushState::Ended(Ended::Degraded), _) => format!("{} is on {stage}, but not everywhere", row.stack),
        (PushState::Ended(Ended::Failed), _) => format!("The push to {stage} failed"),
        (PushState::Ended(Ended::Cancelled), Some(who)) => format!("{who} cancelled the push to {stage}"),
        (PushState::Ended(Ended::Cancelled), None) => format!("The push to {stage} was cancelled"),
        (PushState::Running | PushState::Ended(Ended::RolledBack | Ended::Interrupted), _) => {
            "This push was interrupted".to_owned()
        }
    }
}

/// The headline of a push that put back what was live before.
pub fn rolled_back_title(stage: &str, old: Option<&str>) -> String {
    match old {
        Some(old) => format!("The push to {stage} was rolled back to {}", short(old)),
        None => format!("The push to {stage} was rolled back"),
    }
}

/// The headline of a catch-up that ended.
pub fn catch_up_title(row: &PushRow, stage: &str, hosts: &str) -> String {
    let sha = short(&row.sha);
    match (row.state, row.ended_by.as_deref()) {
        (PushState::Ended(Ended::Succeeded), _) => format!("{hosts} of {stage} updated to {sha}"),
        (PushState::Ended(Ended::Cancelled), Some(who)) => {
            format!("{who} cancelled updating {hosts} of {stage} to {sha}")
        }
        (state, _) => format!("Updating {hosts} of {stage} to {sha}: {state}"),
    }
}

/// The headline of a rollback that ended.
pub fn rollback_title(row: &PushRow, stage: &str, to: &str) -> String {
    match (row.state, row.ended_by.as_deref()) {
        (PushState::Ended(Ended::Succeeded), _) => format!("{stage} was rolled back to {to}"),
        (PushState::Ended(Ended::Degraded), _) => format!("{stage} was rolled back to {to}, but not everywhere"),
        (PushState::Ended(Ended::Failed), _) => format!("The rollback of {stage} failed"),
        (PushState::Ended(Ended::Cancelled), Some(who)) => format!("{who} cancelled the rollback of {stage}"),
        (PushState::Ended(Ended::Cancelled), None) => format!("The rollback of {stage} was cancelled"),
        (PushState::Running | PushState::Ended(Ended::RolledBack | Ended::Interrupted), _) => {
            "This rollback was interrupted".to_owned()
        }
    }
}

/// How long something lasted, short enough for the edge of a chart: `0`, `38 s`, `1 m 32 s`, `2 h`, `3 d`.
pub fn lasted(ms: i64) -> String {
    let seconds = (ms.max(0) + 500) / 1000;
    let pair = |whole: i64, unit: &str, part: i64, small: &str| match part {
        0 => format!("{whole} {unit}"),
        part => format!("{whole} {unit} {part:02} {small}"),
    };
    match seconds {
        0 if ms <= 0 => "0".to_owned(),
        0..10 => crate::time::duration_words(ms),
        10..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "m", seconds % 60, "s"),
        3600..172_800 => pair(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// The middle of some durations.
pub fn median(durations: &[i64]) -> Option<i64> {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// A sentence with its first letter large; a revision, a host or a path that it begins with stays as it is.
pub fn capital(sentence: &str) -> String {
    let first = sentence.split_whitespace().next().unwrap_or_default();
    if first.contains(|c: char| c.is_ascii_digit() || "/`$".contains(c)) {
        return sentence.to_owned();
    }
    let mut letters = sentence.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A phrase with its full stop, where it has no end yet.
pub fn ended(phrase: &str) -> String {
    match phrase.chars().last() {
        None | Some('.' | '!' | '?' | '…') => phrase.to_owned(),
        Some(_) => format!("{phrase}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_as_people_say_them() {
        for (name, words) in [("qa", "QA"), ("princess", "Princess"), ("prod", "Prod"), ("eu-west", "Eu west")] {
            assert_eq!(stage_words(name), words);
        }
        for (name, letters) in [("Mary Okafor", "MO"), ("mary", "MA"), ("j.park@example.com", "JC"), ("", "?")] {
            assert_eq!(initials(name), letters, "{name}");
        }
        for (number, words) in [(1, "1 file"), (0, "0 files"), (2841, "2,841 files"), (1_234_567, "1,234,567 files")] {
            assert_eq!(count(number, "file"), words);
        }
        assert_eq!(and(&["QA".into(), "Princess".into(), "Prod".into()]), "QA, Princess and Prod");
    }

    #[test]
    fn lengths_of_time_fit_the_edge_of_a_chart() {
        for (ms, words) in [
            (0, "0"),
            (400, "0.4 s"),
            (38_000, "38 s"),
            (120_000, "2 m"),
            (92_000, "1 m 32 s"),
            (7_200_000, "2 h"),
            (7_500_000, "2 h 05 m"),
            (300_000_000, "3 d"),
        ] {
            assert_eq!(lasted(ms), words, "{ms} ms");
        }
    }

    #[test]
    fn estimates_are_rounded_and_never_stuck() {
        for (ms, words) in [
            (150_000, "about 3 min left"),
            (33_000, "about 35 s left"),
            (9_000, "a few seconds left"),
            (1_000, "nearly done"),
            (-1, "taking longer than usual"),
        ] {
            assert_eq!(left(ms), words, "{ms} ms");
        }
    }

    #[test]
    fn the_last_stage_is_always_orange() {
        assert_eq!(colour(1, 1), "prod");
        assert_eq!([colour(1, 3), colour(2, 3), colour(3, 3)], ["qa", "princess", "prod"]);
        assert_eq!(colour(6, 8), "qa");
    }
}
