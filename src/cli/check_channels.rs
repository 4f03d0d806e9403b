//! What the server's file and the stack files say of each other's announcements: filters that name stacks which are not there, and stacks whose
//! `tell` names channels that are not. `serve` starts all the same: what is told nowhere stands on the page of the push. It must never
//! judge a file by itself. Called by `check`.

use crate::config::{Config, Draft};
use crate::diagnostic::{Diagnostic, Mistake, nearest};
use crate::stack::{self, Stack, StackName};
use std::path::PathBuf;

/// Notes every filter that names a stack which has no file, given all stack files.
pub(super) fn check_filters(draft: &mut Draft, files: &[PathBuf]) {
    let name = |file: &PathBuf| file.file_stem()?.to_str()?.parse().ok();
    let stacks: Vec<StackName> = files.iter().filter_map(name).collect();
    for channel in draft.config().channels.clone() {
        for unknown in channel.filter.stacks.iter().flatten().filter(|stack| !stacks.contains(stack)) {
            let path: Vec<&str> = channel.path.iter().map(String::as_str).chain(["stacks"]).collect();
            let near = nearest(unknown.as_str(), stacks.iter().map(StackName::as_str));
            let cure = near.map(|near| format!("did you mean `{near}`?"));
            draft.refuse(&path, format!("there is no stack {unknown}"), cure);
        }
    }
}

/// Everything that a stack names in `tell` and the server's file does not have.
pub(super) fn unknown(config: &Config, file: &str, text: &str, stack: &Stack) -> Vec<Diagnostic> {
    let places = stack::places_of_tell(text);
    let told = stack.tell.iter().zip(places);
    let unknown = told.filter_map(|(tell, at)| {
        let found = config.named(tell).err()?;
        Some(Diagnostic::new(file, text, &Mistake::new(at, found.title).cure(found.cure)))
    });
    unknown.collect()
}
