//! Which hosts said the same, by the rule of `static/same/same.js`: the same lines in the same order, colours apart, a host's own
//! name and the words of the command apart (`same/examples.json` holds both to it). The rule is pure; it must never call two
//! hosts the same that a reader could tell apart by anything else. Called by the building of the index and by the handlers.

use super::index::{End, Index, LineFilter, Voice};
use crate::colours::without_colours;
use crate::journal::Stream;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// Names of hosts in one answer; the step that goes over it is the last.
const MOST_NAMES: usize = 20_000;

/// What stands for a host's own name: no line holds it, since control characters are made visible.
const OWN: char = '\0';

/// What a host is called in its own output.
#[derive(Debug)]
pub struct OwnName {
    long: String,
    /// The first part of a name with dots.
    short: Option<String>,
}

impl OwnName {
    /// Of a host as the stack file names it: `deploy@web7.example.com:22 via gate`.
    pub fn of(host: &str) -> Self {
        let name = host.split(' ').next().unwrap_or_default();
        let name = name.rsplit_once('@').map_or(name, |(_, name)| name);
        let port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let name = match (name.strip_prefix('['), name.matches(':').count()) {
            (Some(rest), _) => rest.split(']').next().unwrap_or_default(),
            (None, 2..) => name,
            (None, _) => name.rsplit_once(':').filter(|(_, behind)| port(behind)).map_or(name, |(name, _)| name),
        };
        let short = name.split('.').next().unwrap_or_default();
        // The first number of an address is no name, nor is an IPv6 address.
        let short = (!port(short) && !short.contains(':')).then(|| short.to_owned());
        Self { long: name.to_owned(), short }
    }

    /// The text with [`OWN`] for each of these names that stands as a word of its own.
    fn blanked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let begin = self.short.as_deref().unwrap_or(&self.long);
        if begin.is_empty() || !text.contains(begin) {
            return text.into();
        }
        let mut blanked = String::with_capacity(text.len());
        let (mut copied, mut at) = (0, 0);
        while let Some(found) = text[at..].find(begin).map(|found| at + found) {
            let rest = &text[found..];
            let stands = |name: &&str| rest.starts_with(*name) && !text[found + name.len()..].starts_with(goes_on);
            let names = [Some(&*self.long), self.short.as_deref()];
            let name = names.into_iter().flatten().find(stands).filter(|_| !text[..found].ends_with(goes_on));
            at = found + name.map_or_else(|| rest.chars().next().map_or(1, char::len_utf8), str::len);
            if name.is_some() {
                blanked.push_str(&text[copied..found]);
                blanked.push(OWN);
                copied = at;
            }
        }
        blanked.push_str(&text[copied..]);
        blanked.into()
    }
}

/// Whether a word goes on with this character.
fn goes_on(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A line as it is compared.
pub fn blank<'t>(stream: Option<Stream>, text: &'t str, own: Option<&OwnName>) -> Cow<'t, str> {
    if stream == Some(Stream::Note) && (text.starts_with("$ ") || text.starts_with("> ")) {
        return "".into(); // all of them run the same command, whatever its values are
    }
    match (without_colours(text), own) {
        (text, None) => text,
        (Cow::Borrowed(text), Some(own)) => own.blanked(text),
        (Cow::Owned(text), Some(own)) => own.blanked(&text).into_owned().into(),
    }
}

/// Hosts of one step that said the same and ended alike.
#[derive(Debug, JsonSchema, Serialize, PartialEq, Eq)]
pub struct Group<'a> {
    /// How; none for the push host.
    pub end: Option<End>,
    /// How many lines the first of them said, as far as they are wanted.
    pub lines: u64,
    /// Names, the one that spoke first to begin with; `-` is the push host.
    pub hosts: Vec<&'a str>,
    #[serde(skip)]
    first: Option<u64>,
}

/// The groups of one command.
#[derive(Debug, JsonSchema, Serialize, PartialEq, Eq)]
pub struct Groups<'a> {
    /// Its place in the plan.
    pub command: u32,
    /// Failed ones first, then the fewest.
    pub groups: Vec<Group<'a>>,
}

/// Some steps.
#[derive(Debug, JsonSchema, Serialize, PartialEq, Eq)]
pub struct Same<'a> {
    /// In order; one of which nothing is wanted is left out.
    pub steps: Vec<Groups<'a>>,
    /// The command to go on from, when there are more.
    pub next: Option<u32>,
}

/// The groups of the commands from `from` on, as far as one answer goes. With errors alone a group without any is left out.
pub fn same<'a>(index: &'a Index, wanted: &LineFilter, from: u32) -> Same<'a> {
    let errors = wanted.errors.then(|| index.errors_of());
    let takes = |voice: &&Voice| wanted.takes_command(voice.command) && wanted.takes_host(index.host(voice.host));
    let mut voices: Vec<&Voice> = index.voices.iter().filter(|voice| voice.command >= from.max(1)).collect();
    voices.retain(takes);
    // Who spoke first comes first; who said nothing, in the order in which they began.
    voices.sort_by_key(|voice| (voice.command, voice.first.is_none(), voice.first));
    let (mut steps, mut names) = (Vec::new(), 0);
    for voices in voices.chunk_by(|one, other| one.command == other.command) {
        let command = voices[0].command;
        if names > MOST_NAMES {
            return Same { steps, next: Some(command) };
        }
        let groups = grouped(index, voices, errors.as_ref());
        names += groups.iter().map(|group| group.hosts.len()).sum::<usize>();
        if !groups.is_empty() {
            steps.push(Groups { command, groups });
        }
    }
    Same { steps, next: None }
}

fn grouped<'a>(index: &'a Index, voices: &[&Voice], errors: Option<&HashMap<(u32, u32), u64>>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places = HashMap::new();
    for voice in voices {
        let host = index.host(voice.host);
        let end = host.map(|_| voice.end);
        let at = *places.entry((voice.said, end)).or_insert_with(|| {
            let lines =
                errors.map_or(voice.lines, |errors| errors.get(&(voice.command, voice.host)).copied().unwrap_or(0));
            groups.push(Group { end, lines, hosts: Vec::new(), first: voice.first });
            groups.len() - 1
        });
        groups[at].hosts.push(host.unwrap_or("-"));
    }
    groups.retain(|group| errors.is_none() || group.lines > 0);
    groups.sort_by_key(|group| {
        // The push host comes first; its end is the step's.
        let place = group.first.map_or(0, |line| line - 1);
        (group.end.is_some(), group.end, group.hosts.len(), place, group.first.is_none())
    });
    groups
}

#[cfg(test)]
mod tests;
