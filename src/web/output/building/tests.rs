use super::*;
use crate::journal::sample::{any_step, started, with_conditional};
use crate::time::At;
use proptest::prelude::*;
use std::collections::BTreeMap;

proptest! {
    #[test]
    fn what_an_index_says_of_hosts_and_lines_is_what_the_fold_says(steps in prop::collection::vec(any_step(), 0..80)) {
        let (mut state, mut building) = (State::default(), Building::default());
        let begin = std::iter::once(with_conditional(started(&["a", "b", "c", "d"], 3), 3));
        for (n, event) in (1..).zip(begin.chain(steps)) {
            let record = Record { n, at: At::from_millis(0), event };
            if state.apply(&record).is_err() {
                continue;
            }
            building.take(0, &serde_json::to_vec(&record).unwrap());
        }
        let index = building.done();
        prop_assert_eq!(index.lines, state.lines);
        let said = index.voices.iter().map(|voice| ((voice.command, index.hosts[voice.host as usize].clone()), voice.end));
        let said: BTreeMap<(u32, Option<String>), End> = said.collect();
        let mut folded = BTreeMap::new();
        for (number, command) in &state.commands {
            folded.extend(command.hosts.iter().map(|(host, at)| ((*number, host.clone()), End::of(*at))));
        }
        // Where only lines are, nothing has begun.
        let silent = said.iter().filter(|(place, _)| !folded.contains_key(*place));
        prop_assert!(silent.into_iter().all(|(_, end)| *end == End::Skipped), "{:?}", said);
        let begun: BTreeMap<_, _> = said.clone().into_iter().filter(|(place, _)| folded.contains_key(place)).collect();
        prop_assert_eq!(begun, folded);
    }
}
