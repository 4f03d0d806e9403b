//! A case that a program is known to say, and how its telling line is found in all that it said. Pure. It must never know a
//! program: the tables do. Called by the tables, and by whoever ran the program.

/// One thing that a program is known to say: symptom, cause, cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The parts of a line by which it is known, in lower case: any of them is enough.
    pub marks: &'static [&'static str],
    /// Why, as a phrase without a full stop.
    pub cause: &'static str,
    /// What to do, as a phrase without a full stop.
    pub cure: &'static str,
    /// Whether the same may go well soon without anybody doing anything.
    pub again: bool,
}

/// What a program said, and what we advise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The program's own telling line, clean, at most [`LONGEST`] characters.
    pub said: String,
    /// What it is a case of; none when we do not know it, and then nothing is guessed.
    pub case: Option<&'static Case>,
}

/// The most characters of a program's line that are repeated.
pub const LONGEST: usize = 200;

impl Advice {
    /// Finds the telling line of what a program said: the first line that is a case of `cases`, where earlier cases win over
    /// later ones; else the first line that says anything and holds none of `noise` (banners, warnings, in lower case); else
    /// the first that says anything.
    pub fn of(said: &str, cases: &'static [Case], noise: &[&str]) -> Self {
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        for case in cases {
            if let Some(line) = lines().find(|line| case.is_said_by(line)) {
                return Self { said: clean(line), case: Some(case) };
            }
        }
        let loud = |line: &&str| !noise.iter().any(|part| line.to_lowercase().contains(part));
        let line = lines().find(loud).or_else(|| lines().next()).unwrap_or_default();
        Self { said: clean(line), case: None }
    }

    /// Whether the same may go well soon. What we do not know may be a passing trouble.
    pub fn again(&self) -> bool {
        self.case.is_none_or(|case| case.again)
    }

    /// The line, then cause and cure where they are known: `LINE (CAUSE): CURE`.
    pub fn words(&self) -> String {
        match self.case {
            Some(Case { cause, cure, .. }) => format!("{} ({cause}): {cure}", self.said),
            None if self.said.is_empty() => "it gave no reason".to_owned(),
            None => self.said.clone(),
        }
    }
}

impl Case {
    pub(super) fn is_said_by(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.marks.iter().any(|mark| line.contains(mark))
    }
}

fn clean(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Case] = &[
        Case { marks: &["revoked"], cause: "revoked", cure: "sign a new one", again: false },
        Case { marks: &["no route", "timed out"], cause: "away", cure: "look at the network", again: true },
    ];

    #[test]
    fn the_first_telling_line_is_repeated_and_the_advice_is_chosen_by_it() {
        let table = [
            ("@@@@\nWARNING: hello\nKey is REVOKED\nbye", "Key is REVOKED", Some(0)),
            ("connect: No route to host\nthe key is revoked", "the key is revoked", Some(0)),
            ("\nconnect: timed out\u{7}\n", "connect: timed out", Some(1)),
            ("WARNING: hello\nit broke\nbye", "it broke", None),
            ("WARNING: hello", "WARNING: hello", None),
            (" \n", "", None),
        ];
        for (text, said, case) in table {
            let advice = Advice::of(text, KNOWN, &["warning: "]);
            assert_eq!((advice.said.as_str(), advice.case), (said, case.map(|at: usize| &KNOWN[at])), "{text:?}");
        }
    }

    #[test]
    fn without_a_case_nothing_is_guessed() {
        assert_eq!(Advice::of("it broke", KNOWN, &[]).words(), "it broke");
        assert_eq!(Advice::of("", KNOWN, &[]).words(), "it gave no reason");
        assert_eq!(Advice::of("read timed out", KNOWN, &[]).words(), "read timed out (away): look at the network");
    }
}
