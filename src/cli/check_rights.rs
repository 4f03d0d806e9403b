//! Whether the rights of the server's file name stacks and stages that are there: a right for a stage that is misspelled would limit
//! nothing. `serve` starts all the same: a stack may come later. It must never judge a stack file. Called by `check`.

use crate::config::Draft;
use crate::diagnostic::nearest;
use crate::reading;
use crate::stack::{StackName, StageName, parse};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Notes every right that names what is not there, given all stack files.
pub(super) fn check(draft: &mut Draft, files: &[PathBuf]) {
    let stacks: BTreeMap<StackName, Option<Vec<StageName>>> = files.iter().filter_map(|file| stages(file)).collect();
    let rights = Arc::clone(&draft.config().access);
    for (key, stack, stage) in rights.named() {
        match (stacks.get(stack), stage) {
            (None, _) => {
                let near = nearest(stack.as_str(), stacks.keys().map(StackName::as_str));
                draft.refuse(&["rights", &key], format!("there is no stack {stack}"), near.map(did_you_mean));
            }
            (Some(Some(stages)), Some(stage)) if !stages.contains(stage) => {
                let near = nearest(stage.as_str(), stages.iter().map(StageName::as_str));
                draft.refuse(
                    &["rights", &key],
                    format!("the stack {stack} has no stage {stage}"),
                    near.map(did_you_mean),
                );
            }
            (Some(_), _) => {}
        }
    }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The stack of a file with its stages; none of a file that has errors of its own, which are told elsewhere.
fn stages(file: &Path) -> Option<(StackName, Option<Vec<StageName>>)> {
    let name: StackName = file.file_stem()?.to_str()?.parse().ok()?;
    let text = reading::text(file, reading::BY_HAND).ok()?;
    let stack = parse(name.clone(), "", &text).ok();
    let stages = stack.map(|stack| stack.stages.into_iter().map(|stage| stage.name).collect());
    Some((name, stages))
}
