//! Which hosts hold the build of the push that runs here: what its commands ended with, where that says it. It must never
//! count by anything but [`Proof`], so that the runner, the ledger and the page say one number. Kept by `progress`.

use crate::journal::HostResult;
use crate::plan::{Proof, Sign, Standing};
use crate::run::outcome::HostOutcome;
use crate::stack::Host;
use std::collections::BTreeMap;

/// What the commands that count have ended with.
#[derive(Debug)]
pub struct Holding {
    proof: Proof,
    ended: BTreeMap<(u32, String), HostResult>,
}

impl Holding {
    /// Nothing has ended yet.
    pub fn new(proof: Proof) -> Self {
        Self { proof, ended: BTreeMap::new() }
    }

    /// Notes how a command ended on its places.
    pub fn note(&mut self, number: u32, outcomes: &[HostOutcome]) {
        let Proof { brought, asked, back, .. } = &self.proof;
        if ![brought, asked, back].into_iter().any(|numbers| numbers.contains(&number)) {
            return;
        }
        self.ended.extend(outcomes.iter().map(|(host, outcome)| {
            let name = host.as_ref().map_or("", Host::name).to_owned();
            ((number, name), outcome.result)
        }));
    }

    /// What the push has made of a host.
    pub fn standing(&self, host: &Host) -> Standing {
        let sign = |number: u32| {
            let ended = |name: &str| self.ended.get(&(number, name.to_owned()));
            let found = ended(host.name()).or_else(|| ended(""));
            found.map_or(Sign::Nothing, |result| result.sign())
        };
        self.proof.standing(host.name(), sign)
    }

    /// How many of these hosts hold the build, as far as is known.
    pub fn count(&self, hosts: &[Host]) -> usize {
        hosts.iter().filter(|host| self.standing(host) == Standing::Holds).count()
    }
}
