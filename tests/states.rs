//! The words of a push's state stand in one table, `journal/`, and in the words of pages: everything else has the type, so that the
//! compiler says who must know a new state.

use crate::house::files;
use pushbutton::journal::{Answer, HostResult, PushState};

/// Where such a word stands all the same: the file, the word, and what it is there.
const OTHER_THINGS: [(&str, &str, &str); 20] = [
    ("client/grid.rs", "running", "the word for a host"),
    ("config/channels/filter.rs", "succeeded", "a word of `results`; the configuration knows no journal"),
    ("config/channels/filter.rs", "degraded", "a word of `results`; the configuration knows no journal"),
    ("config/channels/filter.rs", "failed", "a word of `results`; the configuration knows no journal"),
    ("config/channels/filter.rs", "cancelled", "a word of `results`; the configuration knows no journal"),
    ("config/channels/filter.rs", "rolled back", "a word of `results`; the configuration knows no journal"),
    ("config/channels/filter.rs", "interrupted", "a word of `results`; the configuration knows no journal"),
    ("plan/proof.rs", "rolled back", "how a host stands"),
    ("plan/deferred_finally.rs", "interrupted", "a variable of a command; the plan knows no journal"),
    ("remote/release/obstacle.rs", "cancelled", "how a command of ours ended"),
    ("web/http/faults.rs", "running", "the code of an error"),
    ("web/http/problem.rs", "running", "the code of an error"),
    ("desk/decide/conditions/needs.rs", "failed", "what a status came to"),
    ("web/hooks/status.rs", "running", "a word of GitLab"),
    ("web/hooks/status.rs", "failed", "a word of GitLab"),
    ("web/hooks/status.rs", "cancelled", "a word of GitHub"),
    ("web/push/view/hosts.rs", "running", "the word for a command"),
    ("web/push/view/hosts.rs", "failed", "the word for a command"),
    ("web/push/view/truth.rs", "rolled back", "the word for a host"),
    ("web/push/view/truth.rs", "failed", "the word for a host"),
];

/// The words of states in the code of a file, as text of ours or of SQL.
fn found(text: &str) -> Vec<&'static str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = lines.collect();
    let stands = |word: &&str| {
        let quoted = [format!("\"{word}\""), format!("'{word}'")];
        code.iter().any(|line| quoted.iter().any(|quoted| line.contains(quoted)))
    };
    PushState::ALL.map(PushState::word).into_iter().filter(stands).collect()
}

#[test]
fn no_word_of_a_state_stands_outside_the_journal_and_the_words_of_pages() {
    let mut everywhere = Vec::new();
    for (name, text) in files::texts("src", ".rs") {
        let of_tests = name.ends_with("tests.rs") || name.ends_with("sample.rs");
        if !of_tests && !name.starts_with("journal/") && name != "web/view/words.rs" {
            everywhere.extend(found(&text).into_iter().map(|word| (name.clone(), word)));
        }
    }
    let is_other = |(name, word): &(String, &str)| OTHER_THINGS.iter().any(|(file, of, _)| name == file && word == of);
    let wrong: Vec<_> = everywhere.iter().filter(|one| !is_other(one)).collect();
    assert!(wrong.is_empty(), "use journal::PushState or journal::Ended: {wrong:#?}");
    for (file, word, why) in OTHER_THINGS {
        assert!(everywhere.contains(&(file.to_owned(), word)), "{file} does not say {word:?} any more: {why}");
    }
}

#[test]
fn no_question_to_the_ledger_writes_out_how_a_command_or_a_question_ended() {
    let words = HostResult::ALL.map(HostResult::word).into_iter().chain(Answer::ALL.map(Answer::word));
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    let mut seen = Vec::new();
    for (name, text) in files::texts("src/ledger", ".rs") {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let written = words.iter().filter(|word| !name.ends_with("tests.rs") && code.contains(*word));
        seen.extend(written.map(|word| format!("{name}: {word}")));
    }
    assert!(seen.is_empty(), "give HostResult or Answer to the question: {seen:#?}");
}

#[test]
fn a_word_of_a_state_is_seen_in_code_and_in_sql_and_in_no_comment() {
    assert_eq!(found("if state == \"failed\" {}"), ["failed"]);
    assert_eq!(found("WHERE state IN ('succeeded', 'degraded')"), ["succeeded", "degraded"]);
    assert!(found("/// `running`, or \"failed\"\n#[cfg(test)]\nmod tests { \"failed\" }").is_empty());
}
