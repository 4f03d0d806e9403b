//! What a person writes for a revision or a build: the whole of it, or a beginning that only one has. It must never choose between
//! two: it names them. Called by the routes, before anything is decided.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::sources::branches;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::{LedgerResult, published};
use crate::source;
use crate::stack::{BuildId, Revision, StackName, StageName};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// The fewest digits of a hash that are taken, as git has it.
const FEWEST: usize = 4;
/// The fewest that are shown, as everywhere.
const FEWEST_SHOWN: usize = 7;
/// Revisions or builds that are looked at, or named.
const MOST: usize = 20;

impl Desk {
    /// The revision that someone means: `3f2c1ab`, the whole of it, or the build that was made of it, `3f2c1ab-214`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn revision_of(&self, stack: &StackName, said: &str) -> Decision<Revision> {
        let text = said.trim().to_ascii_lowercase();
        let text = text.split_once('-').map_or(text.as_str(), |(sha, _)| sha);
        let (stack, _) = self.loaded(stack)?;
        let bad = |bad: crate::stack::BadName| Refusal::BadRequest { case: Case::Version, why: bad.to_string() };
        let origin = self.branches.origin(&stack);
        let whole = origin.as_ref().map_or_else(|| source::whole_hash(text), |origin| origin.whole(text));
        if let Some(whole) = whole {
            return whole.parse().map_err(bad);
        }
        if !is_beginning(text) {
            let why =
                format!("{said:?} is not a revision: write at least {FEWEST} of its hexadecimal digits, 0-9 and a-f");
            return Err(Refusal::BadRequest { case: Case::Version, why });
        }
        let known: Vec<String> = match origin {
            Some(origin) => {
                let asked = branches::within(branches::LOOK_LIMIT, origin.beginning_with(text, MOST)).await;
                asked.map_err(|why| Refusal::Unable { case: Case::Source, why })?
            }
            None => {
                let (name, text) = (stack.name.clone(), text.to_owned());
                self.ledger.read(move |connection| published::beginning_with(connection, &name, &text, MOST)).await?
            }
        };
        one("revision", text, &format!("of {}", stack.name), known)?.parse().map_err(bad)
    }

    /// The build of a stage that someone means: its id, or the beginning of its id or of its revision.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn build_of(&self, stack: &StackName, stage: &StageName, said: &str) -> Decision<BuildId> {
        let text = said.trim().to_ascii_lowercase();
        let unknown = || Refusal::Unknown { what: format!("build {said:?}") };
        let (name, place, part) = (stack.clone(), stage.clone(), text.clone());
        let known = self.ledger.read(move |connection| builds(connection, &name, &place, &part)).await?;
        let id = match known.contains(&text) {
            true => text,
            false if text.len() < FEWEST => return Err(unknown()),
            false => one("build", &text, &format!("of {stack} on {stage}"), known.into_iter().collect())?,
        };
        id.parse().map_err(|_| unknown())
    }
}

fn is_beginning(text: &str) -> bool {
    (FEWEST..64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The only one of those that begin with a text.
fn one(what: &str, text: &str, of: &str, mut known: Vec<String>) -> Decision<String> {
    match known.len() {
        1 => Ok(known.remove(0)),
        0 => Err(Refusal::Unknown { what: format!("a {what} {of} that begins with {text}") }),
        count => {
            // As many digits as tell them apart, and no fewer than people are used to.
            let apart = |length: &usize| {
                known.iter().map(|one| one.get(..*length).unwrap_or(one)).collect::<BTreeSet<_>>().len() == count
            };
            let length = (FEWEST_SHOWN..64).find(apart).unwrap_or(64);
            let names: Vec<&str> =
                known.iter().map(|one| if what == "build" { one } else { one.get(..length).unwrap_or(one) }).collect();
            let why = format!("{text} matches {count} {what}s {of}: {}; write more characters", names.join(", "));
            Err(Refusal::BadRequest { case: Case::Ambiguous, why })
        }
    }
}

/// The builds that were pushed to a stage and begin with a text, or whose revision does.
fn builds(connection: &Connection, stack: &StackName, stage: &StageName, text: &str) -> LedgerResult<BTreeSet<String>> {
    let mut ask = connection.prepare_cached(
        "SELECT DISTINCT build FROM pushes WHERE stack = ?1 AND stage = ?2 \
         AND (substr(build, 1, length(?3)) = ?3 OR substr(sha, 1, length(?3)) = ?3) ORDER BY id DESC LIMIT ?4",
    )?;
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows = ask.query_map(params![stack.as_str(), stage.as_str(), text, most], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_that_only_one_has_is_taken_and_otherwise_the_candidates_are_named() {
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(one("build", "3f2c", "of web", known(&["3f2c1ab-214"])).unwrap(), "3f2c1ab-214");
        let (a, b) = (format!("3f2c1abcd{}", "0".repeat(31)), format!("3f2c1abce{}", "0".repeat(31)));
        let why = one("revision", "3f2c", "of web", vec![a, b]).unwrap_err().to_string();
        assert_eq!(why, "3f2c matches 2 revisions of web: 3f2c1abcd, 3f2c1abce; write more characters");
        let why = one("build", "3f2c", "of web on qa", known(&["3f2c1ab-1", "3f2c1ab-12"])).unwrap_err().to_string();
        assert_eq!(why, "3f2c matches 2 builds of web on qa: 3f2c1ab-1, 3f2c1ab-12; write more characters");
        let why = one("revision", "beef", "of web", vec![]).unwrap_err().to_string();
        assert_eq!(why, "a revision of web that begins with beef does not exist");
        for (text, yes) in [("3f2c", true), ("3f2", false), ("main", false), ("3F2C", false), ("", false)] {
            assert_eq!(is_beginning(text), yes, "{text}");
        }
    }
}
