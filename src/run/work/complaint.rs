//! Why a command did not end well, from what it said: the cause, not the last line. It must never let go of the first lines of
//! standard error for the sake of the later ones, nor keep more than a few. Called by the step.

use crate::advice::{Advice, host, rsync};
use crate::plan::{PlannedForm, Property};
use std::collections::VecDeque;

/// So many of the first lines, and of the last, are looked at: a reason stands at one end.
const KEPT: usize = 100;
/// The longest part of a line that is looked at, in characters.
const LONGEST: usize = 400;

/// What a command said on standard error.
#[derive(Debug, Default)]
pub struct Complaint {
    first: Vec<String>,
    last: VecDeque<String>,
}

impl Complaint {
    /// Takes a line in.
    pub fn take(&mut self, line: &str) {
        let line: String = line.trim().chars().take(LONGEST).collect();
        if line.is_empty() {
            return;
        }
        if self.first.len() < KEPT {
            return self.first.push(line);
        }
        self.last.push_back(line);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// The last line, where it is ours: what was asked has its own words for the answer.
    pub fn last(&self) -> &str {
        self.last.back().or(self.first.last()).map_or("", String::as_str)
    }

    /// Why a command of this form ended with `code` at `place`, in words.
    pub fn words(&self, form: &PlannedForm, code: i32, place: &str) -> String {
        let advice = match form.has(Property::SaysOurWords) {
            true => self.of_ours(),
            false => host::of_command(code, self.lines()),
        };
        match host::words(&advice, place) {
            words if words.is_empty() => format!("exited with {code}"),
            words if advice.said.is_empty() => format!("exited with {code} {words}"),
            words => format!("exited with {code}: {words}"),
        }
    }

    /// Whether what a command of ours said stays as it is until someone does something, so that another try is in vain.
    pub fn is_lasting(&self, form: &PlannedForm) -> bool {
        form.has(Property::SaysOurWords) && self.of_ours().case.is_some_and(|case| !case.again)
    }

    /// Our own scripts, and rsync, say what is wrong once, anywhere.
    fn of_ours(&self) -> Advice {
        let all = self.lines().collect::<Vec<_>>().join("\n");
        let by_rsync = Advice::of(&all, rsync::CASES, rsync::NOISE);
        match by_rsync.case {
            Some(_) => by_rsync,
            None => {
                let by_tools = Advice::of(&all, host::CASES, rsync::NOISE);
                if by_tools.case.is_some() { by_tools } else { by_rsync }
            }
        }
    }

    fn lines(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.first.iter().chain(&self.last).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Complaint {
        let mut complaint = Complaint::default();
        lines.iter().for_each(|line| complaint.take(line));
        complaint
    }

    #[test]
    fn the_reason_of_our_own_work_is_its_cause_wherever_it_stands() {
        let activate = PlannedForm::Activate { dir: "/srv/web".to_owned() };
        let full = "rsync: [receiver] write failed on \"/srv/web/a.css\": No space left on device (28)";
        let closing = "rsync error: error in file IO (code 11) at receiver.c(657)";
        let words = said(&[full, closing]).words(&activate, 11, "web1");
        assert!(words.starts_with(&format!("exited with 11: {full} (the disk of web1 is full")), "{words}");
        let words = said(&["bash: line 1: rsync: command not found", "rsync: connection unexpectedly closed", closing])
            .words(&activate, 12, "web1");
        assert!(words.contains("command not found (rsync is not installed on web1"), "{words}");
        assert_eq!(said(&[closing]).words(&activate, 11, "web1"), format!("exited with 11: {closing}"));
        assert_eq!(said(&[]).words(&activate, 1, "web1"), "exited with 1");
        assert!(said(&["could not make way for new regular file: x", closing]).is_lasting(&activate));
        assert!(
            !said(&[closing]).is_lasting(&activate)
                && !said(&["x failed: File exists"]).is_lasting(&PlannedForm::Freeze)
        );
    }

    #[test]
    fn the_first_lines_are_kept_however_many_follow() {
        let mut complaint = said(&["error: no such table"]);
        (0..1000).for_each(|n| complaint.take(&format!("line {n}")));
        assert!(complaint.first.len() + complaint.last.len() <= 2 * KEPT);
        assert_eq!(complaint.last(), "line 999");
        let confirm = PlannedForm::Checkout;
        assert_eq!(complaint.words(&confirm, 3, "web1"), "exited with 3: error: no such table");
        assert!(said(&[]).words(&confirm, 137, "web1").starts_with("exited with 137 (it was killed on web1"));
    }
}
