//! What several pages show alike: people, moments, versions, state marks, commits, pushes in a list.
//! Plain data for the components of `templates/parts.html`; must never hold HTML.

use super::words;
use crate::address::is_of_the_web;
use crate::desk::view::{Hold, NoRights};
use crate::journal::{Ended, PushState};
use crate::ledger::pushes::{Commit, PushRow};
use crate::plan::PushKind;
use crate::stack::PushNumber;
use crate::time::{At, ago_words, duration_words};
use serde::Serialize;

/// How many hues avatars have (`.av--h0` and on in `style.css`).
const HUES: u32 = 12;

/// A person: name, and the disc beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub(super) name: String,
    initials: String,
    hue: u32,
}

impl Person {
    /// Makes the disc from the name alone, so that it is the same on every page.
    pub fn new(name: &str) -> Self {
        let sum = name.chars().fold(7u32, |sum, letter| sum.wrapping_mul(31).wrapping_add(u32::from(letter)));
        Self { name: name.to_owned(), initials: words::initials(name), hue: (sum ^ (sum >> 9)) % HUES }
    }
}

/// An instant as an element `<time>`: UTC here, turned into the reader's zone by `times.js`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    at: String,
    full: String,
    text: String,
    form: &'static str,
}

impl Moment {
    /// `12 min ago`.
    pub fn ago(at: &str, now: At) -> Self {
        Self::shown(at, "ago", |moment| ago_words(now.millis_since(moment)))
    }

    /// `12 min`, for narrow columns and for "since 12 min".
    pub fn age(at: &str, now: At) -> Self {
        Self::shown(at, "age", |moment| ago_words(now.millis_since(moment)).trim_end_matches(" ago").to_owned())
    }

    /// `14:13:02`.
    pub fn clock(at: &str) -> Self {
        Self::shown(at, "clock", |moment| moment.timestamp().strftime("%H:%M:%S").to_string())
    }

    /// `14:13`.
    pub fn minute(at: &str) -> Self {
        Self::shown(at, "minute", |moment| moment.timestamp().strftime("%H:%M").to_string())
    }

    /// `16:00`, with the day when that is another one: `Sun 22 Nov 09:00`.
    pub fn until(at: &str, now: At) -> Self {
        let today = now.timestamp().strftime("%F").to_string();
        Self::shown(at, "until", |moment| {
            let same = moment.timestamp().strftime("%F").to_string() == today;
            moment.timestamp().strftime(if same { "%H:%M" } else { "%a %-d %b %H:%M" }).to_string()
        })
    }

    /// `Sat 21 Nov 2026`.
    pub fn day(at: &str) -> Self {
        Self::shown(at, "day", |moment| moment.timestamp().strftime("%a %-d %b %Y").to_string())
    }

    /// As words for a sentence.
    pub fn words(&self) -> &str {
        &self.text
    }

    fn shown(at: &str, form: &'static str, text: impl Fn(At) -> String) -> Self {
        match at.parse::<At>() {
            Ok(moment) => Self {
                at: moment.to_string(),
                full: moment.timestamp().strftime("%-d %b %Y, %H:%M:%S UTC").to_string(),
                text: text(moment),
                form,
            },
            // What cannot be read is shown as it is, rather than hidden.
            Err(_) => Self { at: at.to_owned(), full: at.to_owned(), text: at.to_owned(), form: "raw" },
        }
    }
}

/// Milliseconds from one instant to another; `None` when one of them cannot be read.
pub fn millis_between(from: &str, to: At) -> Option<i64> {
    from.parse::<At>().ok().map(|from| to.millis_since(from))
}

/// A state as shape and word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    shape: &'static str,
    word: &'static str,
}

impl Mark {
    /// Makes one.
    pub fn new((shape, word): (&'static str, &'static str)) -> Self {
        Self { shape, word }
    }

    /// Its shape's name.
    pub fn shape(&self) -> &'static str {
        self.shape
    }

    /// What it means.
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// The state of a push, also what it waits for.
    pub fn of_row(row: &PushRow) -> Self {
        match (&row.question, &row.paused) {
            (Some(_), _) => Self::new(("hold", "Waits for an answer")),
            (None, Some(_)) => Self::new(("pause", "Paused")),
            (None, None) => Self::of_push(row.state),
        }
    }

    /// The state of a push.
    pub fn of_push(state: PushState) -> Self {
        Self::new(words::push_mark(state))
    }
}

/// A stage's name with its colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageTag {
    /// The name in addresses.
    pub name: String,
    /// The name for people.
    pub words: String,
    /// Its colour's class.
    pub colour: &'static str,
}

impl StageTag {
    /// Where its place is known.
    pub fn at(name: &str, place: usize, stages: usize) -> Self {
        Self { name: name.to_owned(), words: words::stage_words(name), colour: words::colour(place, stages) }
    }

    /// Where only its name is known.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), words: words::stage_words(name), colour: words::colour_of_name(name) }
    }
}

/// A revision, short and in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    full: String,
    short: String,
}

impl Version {
    /// Makes one.
    pub fn new(sha: &str) -> Self {
        Self { full: sha.to_owned(), short: words::short(sha).to_owned() }
    }

    /// One that is called by another name: the build, where two of the same revision stand beside each other.
    pub fn named(sha: &str, name: &str) -> Self {
        Self { full: sha.to_owned(), short: name.to_owned() }
    }

    /// What a push puts on its stage in place of what: builds, where both are of one revision.
    pub fn of_push(row: &PushRow) -> (Option<Self>, Self) {
        let old = row.old_sha.as_deref();
        match (old, row.old_build.as_deref()) {
            (Some(sha), Some(old)) if sha == row.sha && old != row.build => {
                (Some(Self::named(sha, old)), Self::named(sha, &row.build))
            }
            _ => (old.map(Self::new), Self::new(&row.sha)),
        }
    }

    /// What people call it.
    pub fn words(&self) -> &str {
        &self.short
    }
}

/// A root hash, or a plan's, short and in full.
pub fn root(root: &str) -> Version {
    Version { full: root.to_owned(), short: words::short_root(root).to_owned() }
}

/// An address from a stack file, if a browser may be sent there.
pub fn link(address: Option<&str>) -> Option<String> {
    address.filter(|address| is_of_the_web(address)).map(str::to_owned)
}

/// A commit in a list.
#[derive(Clone, Debug, Serialize)]
pub struct CommitLine {
    sha: Version,
    subject: String,
    author: Person,
    when: Moment,
}

/// Commits as lines, with their age.
pub fn commit_lines(commits: &[Commit], now: At) -> Vec<CommitLine> {
    commits
        .iter()
        .map(|commit| CommitLine {
            sha: Version::new(&commit.sha),
            subject: commit.subject.clone(),
            author: Person::new(&commit.author),
            when: Moment::age(&commit.at, now),
        })
        .collect()
}

/// The authors of some commits, each once, in order; at most six.
pub fn authors(commits: &[Commit]) -> Vec<Person> {
    let mut authors: Vec<Person> = Vec::new();
    for commit in commits {
        let author = Person::new(&commit.author);
        if !authors.contains(&author) && authors.len() < 6 {
            authors.push(author);
        }
    }
    authors
}

/// A push in a list.
#[derive(Clone, Debug, Serialize)]
pub struct PushLine {
    id: i64,
    mark: Mark,
    stack: String,
    stage: StageTag,
    who: Person,
    old: Option<Version>,
    new: Version,
    diff: Option<String>,
    at: Moment,
    ago: Moment,
    took: Option<String>,
    took_ms: i64,
    /// How many commits it brings; none of a rollback, which takes some back.
    commits: Option<String>,
    reason: Option<String>,
    approved_by: Option<String>,
    override_why: Option<String>,
    why: Option<String>,
    /// On how many hosts its build was at its end, where that is not all.
    hosts: Option<String>,
    /// What kind of push it is; empty for a plain one.
    kind: &'static str,
}

impl PushLine {
    /// Makes one.
    pub fn new(row: &PushRow, now: At) -> Self {
        let (old, new) = Version::of_push(row);
        Self {
            id: row.id.get(),
            mark: Mark::of_row(row),
            stack: row.stack.to_string(),
            stage: StageTag::named(row.stage.as_str()),
            who: Person::new(&row.who),
            old,
            new,
            hosts: row
                .state
                .ended()
                .is_some_and(|ended| ended != Ended::Succeeded)
                .then(|| format!("{} of {} have it", row.hosts_ok, words::count(row.hosts_total, "host"))),
            diff: link(row.diff.as_deref()),
            at: Moment::minute(&row.pressed_at),
            ago: Moment::ago(&row.pressed_at, now),
            took: row.duration_ms.map(duration_words),
            took_ms: row.duration_ms.unwrap_or(0),
            commits: (row.commit_count > 0 && row.kind == PushKind::Push)
                .then(|| words::count(row.commit_count, "commit")),
            reason: row.reason.clone(),
            approved_by: row.approved_by.clone(),
            override_why: row.override_why.clone(),
            why: row.why.clone(),
            kind: match row.kind {
                PushKind::Push => "",
                PushKind::Resume => "resumed",
                kind @ (PushKind::Rollback | PushKind::CatchUp) => kind.word(),
            },
        }
    }
}

/// A hold, and what releases it.
#[derive(Clone, Debug, Serialize)]
pub struct HoldLine {
    /// What is held: `web`, or the stage.
    what: String,
    stack: String,
    /// The stage's name in addresses; none when the whole stack is held.
    stage: Option<String>,
    who: Person,
    reason: String,
    since: Moment,
    ago: Moment,
    push: Option<i64>,
    /// When it is over by itself.
    until: Option<Moment>,
    /// Why the caller may not release it, if so.
    closed: Option<String>,
}

impl HoldLine {
    /// The same for who has no right to release it.
    pub fn closed_by(self, no_right: &NoRights) -> Self {
        Self { closed: no_right.hold.clone(), ..self }
    }

    /// Makes one.
    pub fn new(hold: &Hold, now: At) -> Self {
        let (stack, stage) = match hold.scope.split_once('/') {
            Some((stack, stage)) => (stack, Some(stage)),
            None => (hold.scope.as_str(), None),
        };
        Self {
            what: stage.map_or_else(|| stack.to_owned(), words::stage_words),
            stack: stack.to_owned(),
            stage: stage.map(str::to_owned),
            who: Person::new(&hold.who),
            reason: hold.reason.clone(),
            since: Moment::minute(&hold.at),
            ago: Moment::ago(&hold.at, now),
            push: hold.push.map(PushNumber::get),
            until: hold.until.as_deref().map(|until| Moment::until(until, now)),
            closed: None,
        }
    }
}
