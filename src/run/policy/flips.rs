//! How far apart the hosts of a push flipped, by the runner's own clock that nobody sets, without the time in which a person
//! thought: a question between two batches, a pause. Pure; it must never take a host's clock for ours, nor
//! leave out what the hosts themselves took. Kept by `progress`, asked when a command ends.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The moments of all flips, by command.
#[derive(Debug, Default)]
pub struct Flips(BTreeMap<u32, Vec<Instant>>);

impl Flips {
    /// Notes that a host flipped.
    pub fn note(&mut self, command: u32, at: Instant) {
        self.0.entry(command).or_default().push(at);
    }

    /// Milliseconds from the first flip of a command to its last, without the waits for a person; none with fewer than two.
    pub fn skew_ms(&self, command: u32, waits: &[(Instant, Instant)]) -> Option<u64> {
        let flips = self.0.get(&command).filter(|flips| flips.len() > 1)?;
        u64::try_from(skew(flips, waits).as_millis()).ok()
    }
}

/// From the first flip to the last, without the waits. What flipped while someone was waited for had begun before: the wait
/// counts from the last of those on.
fn skew(flips: &[Instant], waits: &[(Instant, Instant)]) -> Duration {
    let (Some(first), Some(last)) = (flips.iter().min(), flips.iter().max()) else { return Duration::ZERO };
    let mut waits: Vec<(Instant, Instant)> = waits
        .iter()
        .map(|(from, to)| {
            let still = flips.iter().filter(|at| (from..=to).contains(at)).max();
            (*still.unwrap_or(from).max(first), *to.min(last))
        })
        .collect();
    waits.sort();
    let (mut left_out, mut counted_to) = (Duration::ZERO, *first);
    for (from, to) in waits {
        // Two may overlap: a pause during a question.
        let from = from.max(counted_to);
        left_out += to.saturating_duration_since(from);
        counted_to = counted_to.max(to);
    }
    last.saturating_duration_since(*first).saturating_sub(left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skew_lies_between_the_first_and_the_last_flip_of_a_command() {
        let (mut flips, now) = (Flips::default(), Instant::now());
        assert_eq!(flips.skew_ms(5, &[]), None);
        for (command, ms) in [(5, 300), (6, 9000), (5, 120), (5, 384)] {
            flips.note(command, now + Duration::from_millis(ms));
        }
        assert_eq!((flips.skew_ms(5, &[]), flips.skew_ms(6, &[])), (Some(264), None), "one alone is no skew");
    }

    #[test]
    fn the_minutes_in_which_a_person_thought_are_left_out_and_nothing_else() {
        let now = Instant::now();
        let at = |s: u64| now + Duration::from_secs(s);
        type Row<'a> = (&'a str, &'a [u64], &'a [(u64, u64)], u64);
        let table: [Row<'_>; 8] = [
            ("nobody thought", &[10, 14], &[], 4),
            ("between two batches", &[10, 320, 322], &[(11, 319)], 4),
            ("twice", &[10, 100, 200], &[(20, 90), (110, 190)], 40),
            ("before the first and behind the last flip", &[10, 14], &[(0, 9), (15, 900)], 4),
            ("over the first flip: that host had begun", &[10, 100], &[(5, 95)], 5),
            ("a host that had begun flips into a pause", &[10, 30, 300], &[(12, 290)], 30),
            ("a pause during a question counts once", &[10, 300], &[(20, 200), (100, 290)], 20),
            ("a question within a pause counts once", &[10, 300], &[(20, 290), (100, 200)], 20),
        ];
        for (why, flips, waits, seconds) in table {
            let flips: Vec<Instant> = flips.iter().map(|s| at(*s)).collect();
            let waits: Vec<_> = waits.iter().map(|(from, to)| (at(*from), at(*to))).collect();
            assert_eq!(skew(&flips, &waits), Duration::from_secs(seconds), "{why}");
        }
    }
}
