//! Makes a plan: stack + what goes out + what runs there now → every command, every host, every limit; and its hash.
//! It must never read anything, and never choose: the same input gives the same plan, byte for byte.

use super::{BuildFrom, Kind, OldBuild, Part, Plan, PlannedCommand, PlannedForm, Roll};
use crate::stack::variables::{own_env, secret_env};
use crate::stack::{
    BuildId, Command, Policy, Revision, Root, RunsAs, SecretSource, Stack, StackName, Stage, StageName,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How long fetching and freezing may take, in seconds: a big repository over a slow line, a build of many gigabytes.
const OWN_STEPS_S: u64 = 30 * 60;

/// Hosts that are asked at once what they run: a question costs little, but each needs a channel and a few processes.
const ASKED_AT_ONCE: usize = 100;

/// How long a host may take to say what it runs, in seconds: three files are read.
const ANSWER_S: u64 = 20;

/// What a press is to put on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What goes out.
    pub artifact: Artifact,
    /// The branch that its revision was seen on.
    pub branch: String,
    /// What the stage runs now, if anything.
    pub old: Option<OldBuild>,
}

/// What goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A revision to make a build from: the first stage only.
    Revision(Revision),
    /// A build that exists: exactly this one.
    Build {
        /// Its id.
        id: BuildId,
        /// The root hash of its manifest.
        root: Root,
        /// Its revision.
        sha: Revision,
    },
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The stack has no such stage.
    #[error("{stack} has no stage {stage}")]
    NoSuchStage {
        /// The stack.
        stack: StackName,
        /// What was asked for.
        stage: StageName,
    },
    /// Only the first stage makes builds.
    #[error("{stage} takes the build of {before}; only the first stage makes one from a revision")]
    NeedsBuild {
        /// The stage.
        stage: StageName,
        /// The stage before it.
        before: StageName,
    },
}

/// Plans what a press of a stage's button would do.
///
/// # Errors
/// When there is no such stage, or a later stage is to make a build.
pub fn plan(stack: &Stack, stage: &StageName, target: Target) -> Result<Plan, PlanError> {
    let Some(found) = stack.stage(stage) else {
        return Err(PlanError::NoSuchStage { stack: stack.name.clone(), stage: stage.clone() });
    };
    let (sha, build, mut commands) = match target.artifact {
        Artifact::Revision(sha) => match stack.stage_before(stage) {
            Some(before) => {
                return Err(PlanError::NeedsBuild { stage: stage.clone(), before: before.name.clone() });
            }
            None => (sha, made_from(stack), making(stack)),
        },
        Artifact::Build { id, root, sha } => (sha, BuildFrom::Existing { id, root }, Vec::new()),
    };
    let mut rolls = 0;
    for (part, list) in [
        (Part::Before, &found.before),
        (Part::Main, &found.commands),
        (Part::Finally, &found.finally),
        (Part::Drop, &found.drop),
    ] {
        commands.extend(list.iter().flat_map(|command| planned(part, command, &mut rolls)));
        if part == Part::Main {
            commands.extend(read_back(found));
        }
    }
    let plan = Plan {
        format: 1,
        stack: stack.name.clone(),
        stage: stage.clone(),
        kind: Kind::Push,
        stack_hash: stack.text_hash.clone(),
        sha,
        branch: target.branch,
        build,
        old: target.old,
        keep_on_hosts: Vec::new(),
        hosts: found.hosts.clone(),
        vars: stack.vars.iter().map(|(name, value)| (own_env(name), value.clone())).collect(),
        secrets: taken_secrets(stack, &commands),
        policy: found.policy,
        commands,
    };
    Ok(plan.with_rollback())
}

/// How a build is made of a revision.
fn made_from(stack: &Stack) -> BuildFrom {
    BuildFrom::Made {
        source: stack.source.clone(),
        ship: stack.ship.clone(),
        shrink: stack.shrink,
        network: stack.network,
        cache: stack.cache.clone(),
    }
}

/// The last command of the work: each host of a stage that activates anything is asked what it runs.
fn read_back(stage: &Stage) -> Option<PlannedCommand> {
    let dirs = stage.activates();
    (!dirs.is_empty()).then(|| PlannedCommand {
        part: Part::Main,
        form: PlannedForm::ReadBack { dirs },
        name: Some("Verify what every host runs".to_owned()),
        grow: Vec::new(),
        chunk: stage.hosts.len().clamp(1, ASKED_AT_ONCE),
        timeout_s: ANSWER_S,
        tries: 1,
        every_s: 0,
        policy: stage.policy,
        quiet: false,
        confirm: None,
        watch: None,
        runs_as: RunsAs::Committer,
        roll: None,
        done_on: Vec::new(),
        deferred: None,
    })
}

/// The secrets that some command takes: a push asks for no others.
fn taken_secrets(stack: &Stack, commands: &[PlannedCommand]) -> BTreeMap<String, SecretSource> {
    let takes = |env: &str| commands.iter().filter_map(|command| command.form.script()).any(|script| script.takes(env));
    let secrets = stack.secrets.iter().map(|(name, source)| (secret_env(name), source.clone()));
    secrets.filter(|(env, _)| takes(env)).collect()
}

/// The commands that make a build: check out, the stack's own, freeze.
fn making(stack: &Stack) -> Vec<PlannedCommand> {
    let on_push_host = |form, timeout_s| PlannedCommand {
        part: Part::Main,
        form,
        name: None,
        grow: Vec::new(),
        chunk: 1,
        timeout_s,
        tries: 1,
        every_s: 0,
        policy: Policy::default(),
        quiet: false,
        confirm: None,
        watch: None,
        runs_as: RunsAs::Committer,
        roll: None,
        done_on: Vec::new(),
        deferred: None,
    };
    let builds = stack
        .build
        .iter()
        .map(|script| on_push_host(PlannedForm::Build(script.clone()), stack.build_timeout.as_secs()));
    std::iter::once(on_push_host(PlannedForm::Checkout, OWN_STEPS_S))
        .chain(builds)
        .chain([on_push_host(PlannedForm::Freeze, OWN_STEPS_S)])
        .collect()
}

/// The commands of one entry: a roll has as many as its list, each with a number of its own; `rolls` counts them.
fn planned(part: Part, command: &Command, rolls: &mut u32) -> Vec<PlannedCommand> {
    let Some(form) = PlannedForm::of(&command.form) else {
        *rolls += 1;
        let roll = Roll { number: *rolls, name: command.name.clone() };
        let list = command.form.list().unwrap_or_default();
        let inner = list.iter().flat_map(|inner| planned(part, inner, rolls));
        return inner.map(|inner| within(roll.clone(), command, inner)).collect();
    };
    let policy = match part {
        Part::Main => command.policy,
        // A failure before the work vetoes it, all of `finally` runs whatever fails, and who cannot leave has failed.
        Part::DeferredFinally | Part::Before | Part::Finally | Part::Drop | Part::Rollback => Policy::default(),
    };
    vec![PlannedCommand {
        part,
        form,
        name: command.name.clone(),
        grow: command.grow.clone(),
        chunk: command.chunk,
        timeout_s: command.timeout.as_secs(),
        tries: command.tries,
        every_s: command.every.as_secs(),
        policy,
        quiet: command.quiet,
        confirm: command.confirm.clone(),
        watch: command.watch.clone(),
        runs_as: command.runs_as,
        roll: None,
        done_on: Vec::new(),
        deferred: None,
    }]
}

/// A command inside a roll goes in the roll's batches, and its failures mean what the roll says.
fn within(roll: Roll, outer: &Command, inner: PlannedCommand) -> PlannedCommand {
    PlannedCommand {
        grow: outer.grow.clone(),
        chunk: outer.chunk,
        policy: outer.policy,
        confirm: outer.confirm.clone(),
        watch: outer.watch.clone(),
        roll: Some(roll),
        ..inner
    }
}

impl Plan {
    /// SHA-256 of the plan's canonical JSON (keys sorted, no blanks), as 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        let value = serde_json::to_value(self).expect("a plan has only text keys and finite numbers");
        let mut text = String::new();
        write_canonical(&value, &mut text);
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes JSON with sorted keys, however the JSON library keeps its maps.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of JSON are not ours")]
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_canonical(value, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests;
