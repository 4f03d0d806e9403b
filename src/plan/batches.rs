//! How a command goes over its hosts: growing batches first, then so many at once. Pure. It must say what the runner does:
//! the runner takes its widths from here. Called by the runner, and by all that show a plan before it is run.

use super::PlannedCommand;
use std::collections::BTreeMap;

impl PlannedCommand {
    /// At most so many of `hosts` at once, when the growing batches are over; at least 1.
    pub fn at_once(&self, hosts: usize) -> usize {
        // The flip goes to all hosts at once: the fewer seconds of two versions, the better.
        if self.form.flips().is_some() && self.roll.is_none() {
            return hosts.max(1);
        }
        self.chunk.max(1).min(hosts.max(1))
    }

    /// The sizes of the batches over so many hosts: the growing ones, then the rest by [`PlannedCommand::at_once`]. A
    /// growing batch waits for the one before; in the rest, a host begins as soon as another has ended, but for a roll,
    /// whose batches are all whole.
    pub fn batches(&self, hosts: usize) -> Vec<usize> {
        let mut left = hosts;
        let mut sizes = Vec::new();
        for size in &self.grow {
            let size = (*size).max(1).min(left);
            sizes.extend((size > 0).then_some(size));
            left -= size;
        }
        let width = self.at_once(hosts);
        while left > 0 {
            let size = width.min(left);
            sizes.push(size);
            left -= size;
        }
        sizes
    }

    /// The same in words: `10 at a time`, `1 first, then 10, then 25 at a time`, `all at once`; with what a roll does and what
    /// is asked.
    pub fn batch_words(&self, hosts: usize) -> String {
        let growing: Vec<usize> = self.batches(hosts).into_iter().take(self.grow.len()).collect();
        let rest = hosts - growing.iter().sum::<usize>();
        let mut words: Vec<String> = growing.iter().map(usize::to_string).collect();
        if let Some(first) = words.first_mut() {
            first.push_str(" first");
        }
        match self.at_once(hosts) {
            _ if rest == 0 => {}
            width if growing.is_empty() && width >= rest => words.push("all at once".to_owned()),
            width if width >= rest => words.push(format!("the other {rest} at once")),
            width => words.push(format!("{width} at a time")),
        }
        let mut words = words.join(", then ");
        if self.roll.is_some() && hosts > 0 {
            words.push_str(", each batch through the whole roll");
        }
        if let (Some(question), false) = (&self.confirm, growing.is_empty()) {
            words.push_str(&format!(", asks before it grows: {}", question.text));
        }
        if let (Some(watch), false) = (&self.watch, growing.is_empty()) {
            words.push_str(&format!(", watches before it grows: {}", watch.words(&BTreeMap::new())));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Part;
    use crate::plan::PlannedForm;
    use crate::stack::Policy;
    use proptest::prelude::*;

    fn command(form: PlannedForm, grow: &[usize], chunk: usize) -> PlannedCommand {
        PlannedCommand {
            part: Part::Main,
            form,
            name: None,
            grow: grow.to_vec(),
            chunk,
            timeout_s: 1,
            tries: 1,
            every_s: 0,
            policy: Policy::default(),
            quiet: false,
            confirm: None,
            watch: None,
            runs_as: crate::stack::RunsAs::Committer,
            roll: None,
            done_on: Vec::new(),
            deferred: None,
        }
    }

    fn flip() -> PlannedForm {
        PlannedForm::Activate { dir: "/srv/web".to_owned() }
    }

    #[test]
    fn batches_grow_then_keep_their_size_and_a_flip_is_one() {
        for (form, grow, chunk, hosts, sizes, words) in [
            (PlannedForm::Checkout, &[][..], 10, 25, &[10, 10, 5][..], "10 at a time"),
            (PlannedForm::Checkout, &[], 10, 7, &[7], "all at once"),
            (PlannedForm::Checkout, &[1, 10], 25, 60, &[1, 10, 25, 24], "1 first, then 10, then 25 at a time"),
            (PlannedForm::Checkout, &[1, 10], 25, 30, &[1, 10, 19], "1 first, then 10, then the other 19 at once"),
            (PlannedForm::Checkout, &[1, 10], 25, 6, &[1, 5], "1 first, then 5"),
            (flip(), &[], 10, 25, &[25], "all at once"),
            (PlannedForm::Checkout, &[], 10, 0, &[], ""),
        ] {
            let command = command(form, grow, chunk);
            assert_eq!((command.batches(hosts), command.batch_words(hosts).as_str()), (sizes.to_vec(), words));
        }
    }

    proptest! {
        #[test]
        fn every_host_is_in_one_batch(grow in prop::collection::vec(0_usize..9, 0..4), chunk in 0_usize..20, hosts in 0_usize..99) {
            let command = command(PlannedForm::Checkout, &grow, chunk);
            let sizes = command.batches(hosts);
            prop_assert_eq!(sizes.iter().sum::<usize>(), hosts);
            prop_assert!(sizes.iter().all(|size| *size > 0));
            prop_assert!(sizes.iter().skip(grow.len()).all(|size| *size <= chunk.max(1)));
        }
    }
}
