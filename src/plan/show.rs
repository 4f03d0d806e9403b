//! A plan for readers and for the shells: the environment of its commands, and the title of each. Titles are for eyes only;
//! it must never put a value into what a shell reads.

use super::{Assignment, Part, Plan, PlannedCommand};
use crate::stack::{BadPart, Host};
use std::collections::BTreeMap;

/// A title longer than this is cut: it is one line on a page, in a log and in a mail.
const LONGEST_TITLE: usize = 300;

/// The environment of a command of a push: every `PUSH_*` that is known, `PUSH_HOST` only with a host.
/// What there is none of (the old build of a first push, a reason) is empty.
pub fn values(assignment: &Assignment, host: Option<&Host>) -> BTreeMap<String, String> {
    let mut values = assignment.plan.values();
    let reason = assignment.reason.clone().unwrap_or_default();
    let pressed = [
        ("PUSH_ID", assignment.push.to_string()),
        ("PUSH_BUILD", assignment.build.to_string()),
        ("PUSH_WHO", assignment.who.to_string()),
        ("PUSH_REASON", reason),
        ("PUSH_URL", assignment.url.clone()),
    ];
    values.extend(pressed.map(|(name, value)| (name.to_owned(), value)));
    values.extend(host.map(|host| ("PUSH_HOST".to_owned(), host.address().to_owned())));
    values
}

/// Looks at the values that stand in paths, for every host, before anything runs.
///
/// # Errors
/// Which value cannot stand in which path.
pub fn look_at_paths(assignment: &Assignment) -> Result<(), BadPart> {
    for command in &assignment.plan.commands {
        for host in &assignment.plan.hosts {
            let values = assignment.plan.values_of(command.part, values(assignment, Some(host)));
            command.form.look_at_paths(&values)?;
        }
    }
    Ok(())
}

impl Plan {
    /// The same with the values that are known before anybody presses.
    ///
    /// # Errors
    /// Which value cannot stand in which path.
    pub fn look_at_paths(&self) -> Result<(), BadPart> {
        for command in &self.commands {
            for host in &self.hosts {
                let mut values = self.values_of(command.part, self.values());
                values.insert("PUSH_HOST".to_owned(), host.address().to_owned());
                command.form.look_at_paths(&values)?;
            }
        }
        Ok(())
    }

    /// The values that are known before anybody presses.
    pub fn values(&self) -> BTreeMap<String, String> {
        let (old_sha, old_build) = match &self.old {
            Some(old) => (old.sha.to_string(), old.id.to_string()),
            None => Default::default(),
        };
        let mut values = self.vars.clone();
        let known = [
            ("PUSH_STACK", self.stack.to_string()),
            ("PUSH_STAGE", self.stage.to_string()),
            ("PUSH_SHA", self.sha.to_string()),
            ("PUSH_REF", self.branch.clone()),
            ("PUSH_OLD_SHA", old_sha),
            ("PUSH_OLD_BUILD", old_build),
        ];
        values.extend(known.map(|(name, value)| (name.to_owned(), value)));
        if let super::BuildFrom::Existing { id, .. } = &self.build {
            values.insert("PUSH_BUILD".to_owned(), id.to_string());
        }
        values
    }

    /// The titles of all commands, in order.
    pub fn titles(&self, values: &BTreeMap<String, String>) -> Vec<String> {
        self.commands.iter().map(|command| self.title_of(command, values)).collect()
    }

    /// The title of one of its commands.
    pub fn title_of(&self, command: &PlannedCommand, values: &BTreeMap<String, String>) -> String {
        command.title(&self.values_of(command.part, values.clone()))
    }
}

impl PlannedCommand {
    /// The command as a reader expects it, in one line: its name, or what it does with its values in place; before it the
    /// name of the roll that it is part of.
    pub fn title(&self, values: &BTreeMap<String, String>) -> String {
        let title = match &self.name {
            Some(name) => one_line(name),
            None => one_line(&self.what(values)),
        };
        let title = match &self.roll {
            Some(roll) => format!("{} › {title}", roll.name.as_deref().map_or("roll".to_owned(), one_line)),
            None => title,
        };
        match (&self.deferred, self.part) {
            (Some(deferred), _) => format!("finally of push {}: {title}", deferred.push),
            (None, Part::DeferredFinally | Part::Before | Part::Main | Part::Finally) => title,
            (None, Part::Drop) => format!("drop: {title}"),
            (None, Part::Rollback) => format!("rollback: {title}"),
        }
    }

    /// The very command with its values in place, whatever its name, as a terminal shows what was typed: `$ ` before its
    /// first line, `> ` before the others.
    pub fn typed(&self, values: &BTreeMap<String, String>) -> Vec<String> {
        let what = self.what(values);
        let lines = what.lines().map(str::trim_end).skip_while(|line| line.is_empty());
        let marks = std::iter::once("$ ").chain(std::iter::repeat("> "));
        lines.zip(marks).map(|(line, mark)| format!("{mark}{}", without_controls(line))).collect()
    }

    fn what(&self, values: &BTreeMap<String, String>) -> String {
        self.form.title(&self.own_values(values))
    }
}

/// The first line that says something, cut at [`LONGEST_TITLE`]; `…` where more follows.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut title: String = without_controls(first).chars().take(LONGEST_TITLE).collect();
    if lines.next().is_some() || title.len() < first.len() {
        title.push_str(" …");
    }
    title
}

fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line() {
        for (text, title) in [
            ("npm ci", "npm ci"),
            ("\n  set -e\n  npm ci\n", "set -e …"),
            ("a\tb", "a b"),
            ("", ""),
            ("one line\n\n", "one line"),
        ] {
            assert_eq!(one_line(text), title, "{text:?}");
        }
        assert_eq!(one_line(&"x".repeat(500)).chars().count(), LONGEST_TITLE + 2);
    }
}
