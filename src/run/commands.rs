//! The commands of a plan as the runner reads them: with the numbers that the journal gives them, and the flips among them. Pure;
//! it must never number them in another way than the plan is shown. Called by the walk and whatever it walks through.

use crate::plan::{Part, PlannedCommand};
use std::collections::BTreeSet;

/// Commands with their numbers, as the journal names them.
pub fn numbered(commands: &[PlannedCommand]) -> impl Iterator<Item = (u32, &PlannedCommand)> {
    (1_u32..).zip(commands)
}

/// Whether a command is the work of this push, at which hosts that cannot be reached are named.
pub fn is_own_work(command: &PlannedCommand) -> bool {
    matches!(command.part, Part::Before | Part::Main)
}

/// The directories below which a push flips.
pub fn flipped_dirs(commands: &[PlannedCommand]) -> BTreeSet<&str> {
    commands.iter().filter_map(|command| command.form.flips()).collect()
}

/// The flip below a directory, as the work has it.
pub fn flip_below<'a>(commands: &'a [PlannedCommand], dir: &str) -> Option<(u32, &'a PlannedCommand)> {
    numbered(commands).find(|(_, command)| command.part == Part::Main && command.form.flips() == Some(dir))
}
