//! Whether a host holds the build of a push: the one definition behind every "3 of 4 hosts" that is shown, told or answered.
//! Pure; it must never count a host of which nobody knows. Called by the runner (for the push's last record), the journal's fold
//! (while it runs), the ledger (for what a stage runs), and, in the same words, by `static/live/fold.js`.

use super::form::Property;
use super::{Assignment, Part, PlannedCommand};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The commands of a push that say whether a host holds its build, by number. Where a stage activates a release these are
/// its flips, and the question at the end what each host runs; elsewhere all commands that work on hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Proof {
    /// It holds the build when all of these ended well on it,
    #[serde(default)]
    pub brought: Vec<u32>,
    /// or when the last of these that it answered did;
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<u32>,
    /// unless one of these has ended well on it: then what was live before is back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<u32>,
    /// The hosts that held this very build before the push, by name: they do until something begins there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

/// What became of a command on a host, as far as the count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It was not begun, or nothing ran.
    Nothing,
    /// It ended well.
    Well,
    /// It ended, and not well.
    Badly,
    /// It runs, was cut off, or nobody knows.
    Unknown,
}

/// What a push has made of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not changed what the host holds.
    Untouched,
    /// The host holds its build.
    Holds,
    /// What was live before is back.
    Back,
    /// It was begun there, and neither holds for certain.
    InDoubt,
}

impl Standing {
    /// The word for people and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Untouched => "not changed",
            Self::Holds => "has it",
            Self::Back => "rolled back",
            Self::InDoubt => "in doubt",
        }
    }
}

impl Proof {
    /// What the push has made of one host; `sign` says what became of a command there, or on the push host where it runs
    /// there alone.
    pub fn standing(&self, host: &str, sign: impl Fn(u32) -> Sign) -> Standing {
        let signs = |numbers: &[u32]| numbers.iter().map(|number| sign(*number)).collect::<Vec<_>>();
        if signs(&self.back).contains(&Sign::Well) {
            return Standing::Back;
        }
        let answer = signs(&self.asked).into_iter().rfind(|sign| matches!(sign, Sign::Well | Sign::Badly));
        let brought = signs(&self.brought);
        match answer {
            Some(Sign::Well) => Standing::Holds,
            Some(_) => Standing::InDoubt,
            None if !brought.is_empty() && brought.iter().all(|sign| *sign == Sign::Well) => Standing::Holds,
            None if brought.iter().any(|sign| *sign != Sign::Nothing) => Standing::InDoubt,
            None if self.held.iter().any(|held| held == host) => Standing::Holds,
            None => Standing::Untouched,
        }
    }
}

impl Assignment {
    /// The commands that say whether a host holds the build of this push.
    pub fn proof(&self) -> Proof {
        let numbers = |is: &dyn Fn(&PlannedCommand) -> bool| -> Vec<u32> {
            (1_u32..).zip(&self.plan.commands).filter(|(_, command)| is(command)).map(|(number, _)| number).collect()
        };
        let flips = |command: &PlannedCommand| command.form.flips().is_some();
        let asks = |command: &PlannedCommand| command.form.reads_back().is_some();
        let held = self.held.clone();
        let brought = numbers(&|command| command.part == Part::Main && flips(command));
        if !brought.is_empty() {
            let asked = numbers(&|command| command.part == Part::Main && asks(command));
            let back = numbers(&|command| command.part == Part::Rollback && (flips(command) || asks(command)));
            return Proof { brought, asked, back, held };
        }
        let work = |part: Part, per_host: bool| {
            numbers(&move |command| {
                command.part == part && command.form.has(Property::CountsAsProof) && command.per_host() == per_host
            })
        };
        // A stage whose work is done on the push host alone has done it for all hosts.
        let on_hosts = !work(Part::Main, true).is_empty();
        Proof { brought: work(Part::Main, on_hosts), asked: Vec::new(), back: work(Part::Rollback, on_hosts), held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Sign::{Badly, Nothing, Unknown, Well};

    #[test]
    fn a_host_holds_the_build_when_its_flip_or_its_own_answer_says_so_and_nothing_was_put_back() {
        let proof = Proof { brought: vec![5], asked: vec![7], back: vec![9, 10], held: vec!["old".to_owned()] };
        let standing = |flip: Sign, answer: Sign, back: Sign| {
            proof.standing("web1", |number| match number {
                5 => flip,
                7 => answer,
                9 => back,
                _ => Nothing,
            })
        };
        for (flip, answer, back, what) in [
            (Nothing, Nothing, Nothing, Standing::Untouched),
            (Well, Nothing, Nothing, Standing::Holds),
            (Well, Unknown, Nothing, Standing::Holds),
            (Well, Well, Nothing, Standing::Holds),
            (Unknown, Well, Nothing, Standing::Holds),
            (Well, Badly, Nothing, Standing::InDoubt),
            (Unknown, Nothing, Nothing, Standing::InDoubt),
            (Badly, Nothing, Nothing, Standing::InDoubt),
            (Well, Nothing, Well, Standing::Back),
            (Well, Well, Well, Standing::Back),
            (Well, Nothing, Badly, Standing::Holds),
            (Well, Nothing, Unknown, Standing::Holds),
        ] {
            assert_eq!(standing(flip, answer, back), what, "flip {flip:?}, answer {answer:?}, put back {back:?}");
        }
        assert_eq!(proof.standing("old", |_| Nothing), Standing::Holds, "it had this build before");
        assert_eq!(proof.standing("old", |_| Unknown), Standing::InDoubt, "until something began there");
        let two = Proof { brought: vec![2, 3], ..Proof::default() };
        assert_eq!(two.standing("web1", |number| if number == 2 { Well } else { Nothing }), Standing::InDoubt);
    }
}
