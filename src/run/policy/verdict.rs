//! What the ends of a command on its hosts mean for the push: whether it may begin on one more host, and whether the push goes on.
//! It must never begin or stop anything itself: the walk does what is said here.

use super::failures::Loss;
use crate::journal::{Ended, HostResult};
use crate::plan::{Part, PlannedCommand, PlannedForm};
use crate::run::orders::Stop;
use crate::run::step::Outcome;
use crate::run::walk::Walk;
use crate::run::work::ask;
use crate::stack::{Host, OnFailure};

/// How the push ends, as far as it is known.
pub(in crate::run) struct End {
    pub(in crate::run) state: Ended,
    pub(in crate::run) why: Option<String>,
}

/// How a command ended on one place.
pub(in crate::run) type HostOutcome = (Option<Host>, Outcome);

/// What a command left behind.
pub(in crate::run) struct Sum {
    pub(in crate::run) outcomes: Vec<HostOutcome>,
    /// Hosts that were never begun.
    pub(in crate::run) skipped: Vec<Host>,
}

impl Sum {
    pub(in crate::run) fn bad(&self) -> impl Iterator<Item = &HostOutcome> {
        self.outcomes.iter().filter(|(_, outcome)| outcome.result != HostResult::Ok)
    }
}

impl Walk {
    /// How many places did not end well; who never came was given up before.
    pub(in crate::run) fn bad(&self, outcomes: &[HostOutcome]) -> usize {
        let is_bad = |ended: &&HostOutcome| ended.1.result != HostResult::Ok && !self.never_came(ended);
        outcomes.iter().filter(is_bad).count()
    }

    /// Whether a command may begin on one more host after it failed on `bad` others.
    pub(in crate::run) fn goes_on(&self, command: &PlannedCommand, bad: usize) -> bool {
        match command.part {
            Part::Finally => true,
            Part::Drop | Part::Undo => self.orders.stopped().is_none(),
            // Every host is asked, whatever the first one says.
            Part::Main if matches!(command.form, PlannedForm::ReadBack { .. }) => self.orders.stopped().is_none(),
            Part::Owed => self.orders.stopped().is_none(),
            Part::Before => bad == 0 && self.orders.stopped().is_none(),
            Part::Main => self.toll.allows(command.policy, bad) && self.orders.stopped().is_none(),
        }
    }

    /// What the failures of a command mean for the push.
    pub(in crate::run) fn judge(
        &mut self,
        number: u32,
        command: &PlannedCommand,
        bad: &[HostOutcome],
        skipped: bool,
    ) -> Result<(), End> {
        if command.part == Part::Owed {
            return self.judge_owed(number, command, bad, skipped);
        }
        let fresh = bad.iter().filter(|(host, _)| host.is_some()).count();
        let allowed = match command.part {
            Part::Owed | Part::Before | Part::Finally | Part::Drop | Part::Undo => bad.is_empty(),
            Part::Main if fresh == bad.len() => self.toll.allows(command.policy, fresh),
            // What fails on the push host fails for all hosts.
            Part::Main => command.policy.on_failure == OnFailure::Continue,
        };
        for (host, outcome) in bad {
            let Some(host) = host else { continue };
            let loss = Loss { command: Some(number), result: outcome.result, why: outcome.why.clone() };
            self.toll.give_up(host.name(), loss);
            if outcome.result == HostResult::Unknown || outcome.left > 0 {
                self.unknown.insert(host.name().to_owned());
            }
        }
        let total = self.assignment.plan.hosts.len();
        if command.part != Part::Finally && self.orders.stopped().is_some() && (skipped || !bad.is_empty()) {
            return Err(self.stopped(&format!("in command {number}")));
        }
        if !allowed {
            self.begun.ask_for_way_back(command);
            return Err(self.failed(number, command, bad));
        }
        if command.part == Part::Main && fresh > 0 && self.toll.count() >= total {
            let (state, why) = self.toll.end(total);
            self.begun.ask_for_way_back(command);
            return Err(End { state, why });
        }
        self.send_away(number, command.policy, bad);
        if fresh < bad.len() {
            self.toll.spoil(self.words(number, command, bad));
        }
        Ok(())
    }

    fn failed(&self, number: u32, command: &PlannedCommand, bad: &[HostOutcome]) -> End {
        let veto = if command.part == Part::Before { "vetoed: " } else { "" };
        End { state: Ended::Failed, why: Some(format!("{veto}{}", self.words(number, command, bad))) }
    }

    pub(in crate::run) fn words(&self, number: u32, command: &PlannedCommand, bad: &[HostOutcome]) -> String {
        let title = self.title(command);
        let Some((host, outcome)) = bad.first() else { return format!("command {number} ({title}) failed") };
        let what = outcome.why.clone().unwrap_or_else(|| outcome.result.word().to_owned());
        let place = match (host, bad.len()) {
            (None, _) => String::new(),
            (Some(host), 1) => format!(" on {}", host.name()),
            (Some(host), n) => format!(" on {} and {} more", host.name(), n - 1),
        };
        format!("command {number} ({title}) {}{place}: {what}", outcome.result.word())
    }

    pub(in crate::run) fn stopped(&self, when: &str) -> End {
        let (state, why) = match self.orders.stopped() {
            Some(Stop::DiskFull) => {
                let disk = self.data.display();
                (Ended::Failed, format!("the disk of the push host is full ({disk}); make room, then push again"))
            }
            Some(Stop::Cancelled { who, reason }) => {
                let who = who.map_or("the system".to_owned(), |who| who.to_string());
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                (Ended::Cancelled, format!("{who} cancelled it {when}{reason}"))
            }
            Some(Stop::Refused { given, question }) => (Ended::Cancelled, ask::refused(&given, &question)),
            Some(Stop::Unanswered(question)) => (Ended::Failed, ask::unanswered(&question)),
            None => (Ended::Cancelled, format!("stopped {when}")),
        };
        End { state, why: Some(why) }
    }
}
