//! What the doctor says: checks in the order of their areas, each ok, a warning or wrong. Pure.

use crate::size::counted;
use serde_json::{Value, json};

/// What a check is about; the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Area {
    /// The server's file and what it names.
    Configuration,
    /// The process, and the unit that starts it.
    Server,
    /// Programs of this machine.
    Programs,
    /// What we sign in to hosts with.
    Keys,
    /// The disk of the data directory.
    Disk,
    /// This machine's clock.
    Clock,
    /// Whether builds can be kept apart from the server.
    Isolation,
    /// IRC, mail.
    Channels,
    /// The stack files.
    Stacks,
    /// The hosts, and the push host as they need it.
    Hosts,
}

impl Area {
    const fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Server => "server",
            Self::Programs => "programs",
            Self::Keys => "keys",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Isolation => "isolation",
            Self::Channels => "channels",
            Self::Stacks => "stacks",
            Self::Hosts => "hosts",
        }
    }
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Pushes work; it is worth knowing, or will be trouble.
    Warning,
    /// Something does not work.
    Wrong,
}

impl State {
    const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Wrong];

    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    area: Area,
    /// What was looked at.
    what: String,
    state: State,
    /// What was found there.
    found: String,
    /// How to mend it; empty where nothing is to be done.
    cure: String,
}

impl Check {
    pub(super) fn ok(area: Area, what: &str, found: String) -> Self {
        Self { area, what: what.to_owned(), state: State::Ok, found, cure: String::new() }
    }

    pub(super) fn warning(area: Area, what: &str, found: String, cure: &str) -> Self {
        Self { area, what: what.to_owned(), state: State::Warning, found, cure: cure.to_owned() }
    }

    pub(super) fn wrong(area: Area, what: &str, found: String, cure: &str) -> Self {
        Self { area, what: what.to_owned(), state: State::Wrong, found, cure: cure.to_owned() }
    }
}

/// All checks.
#[derive(Clone, Debug, Default)]
pub(super) struct Report(Vec<Check>);

impl Report {
    /// Takes more checks in.
    pub(super) fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.0.extend(checks);
        self.0.sort_by_key(|check| check.area);
    }

    /// Whether anything does not work.
    pub(super) fn is_wrong(&self) -> bool {
        self.count(State::Wrong) > 0
    }

    fn count(&self, state: State) -> u64 {
        self.0.iter().filter(|check| check.state == state).count() as u64
    }

    /// As people read it: a heading for each area, a line for each check, how to mend it below.
    pub(super) fn lines(&self) -> Vec<String> {
        let (mut lines, mut area) = (Vec::new(), None);
        for check in &self.0 {
            if area != Some(check.area) {
                lines.push(check.area.word().to_owned());
                area = Some(check.area);
            }
            // What is wrong is found by eye in a long list.
            let state = match check.state {
                State::Ok | State::Warning => check.state.word().to_owned(),
                State::Wrong => check.state.word().to_uppercase(),
            };
            let found = check.found.trim().replace('\n', "\n           ");
            lines.push(format!("  {state:<7}  {}: {found}", check.what));
            if !check.cure.is_empty() {
                lines.push(format!("           hint: {}", check.cure));
            }
        }
        let [ok, warnings, wrong] = State::ALL.map(|state| self.count(state));
        lines.push(format!("{ok} ok, {}, {wrong} wrong", counted(warnings, "warning")));
        lines
    }

    /// As programs read it.
    pub(super) fn to_json(&self) -> Value {
        let checks = self.0.iter().map(|check| {
            let Check { area, what, state, found, cure } = check;
            json!({ "area": area.word(), "what": what, "state": state.word(), "found": found, "cure": cure })
        });
        let [ok, warnings, wrong] = State::ALL.map(|state| self.count(state));
        json!({ "checks": checks.collect::<Vec<_>>(), "ok": ok, "warnings": warnings, "wrong": wrong })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_by_area_with_what_to_do_below_what_is_not_right() {
        let mut report = Report::default();
        report.extend([Check::wrong(Area::Hosts, "web1", "no answer\nat all".to_owned(), "start it")]);
        assert!(report.is_wrong());
        report.extend([
            Check::ok(Area::Disk, "/data", "34 GB free".to_owned()),
            Check::warning(Area::Hosts, "web2", "its clock".to_owned(), "set it"),
        ]);
        insta::assert_snapshot!(report.lines().join("\n"), @r"
        disk
          ok       /data: 34 GB free
        hosts
          WRONG    web1: no answer
                   at all
                   hint: start it
          warning  web2: its clock
                   hint: set it
        1 ok, 1 warning, 1 wrong
        ");
        let json = report.to_json();
        assert_eq!(json["checks"][1]["state"], "wrong");
        assert_eq!([&json["ok"], &json["warnings"], &json["wrong"]], [1, 1, 1]);
    }
}
