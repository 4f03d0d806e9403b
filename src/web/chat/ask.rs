//! What the bot does for who speaks: it answers a question by what the channel may see, and gives an order as the page would, by the rights of the
//! person. It must never say that something is there which the asker may not see.

use super::parse::ChatCommand;
use super::speaker::Speaker;
use super::words;
use crate::desk::view::StageView;
use crate::desk::{NeedsReason, Press, Questions, Reason, Refusal, StackView};
use crate::stack::{Access, StackName, StageName, Verb};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::Problem;
use std::time::Instant;

/// Who asks, and for whom the answer is.
pub(super) struct Asking<'a> {
    /// What the answer may show.
    pub access: &'a Access,
    /// The person, where the account is bound.
    pub speaker: Option<&'a Speaker>,
    /// Whether orders are taken here at all.
    pub may_change: bool,
    /// What stands before a command there: `!`, `/push `.
    pub mark: &'a str,
}

/// Why nothing is done, in words.
type Answer = Result<Vec<String>, String>;

/// Answers a command.
pub(super) async fn answer(app: &App, asking: &Asking<'_>, command: ChatCommand) -> Vec<String> {
    let url = &app.desk.config().url;
    let done = match &command {
        command if command.changes() => order(app, asking, command).await,
        command => question(app, asking, command).await,
    };
    let lines = done.unwrap_or_else(|why| vec![words::fit(&format!("not done: {why}"), "")]);
    words::bounded(lines, url)
}

async fn question(app: &App, asking: &Asking<'_>, command: &ChatCommand) -> Answer {
    let (url, now) = (app.desk.config().url.as_str(), At::now());
    match command {
        ChatCommand::Help => Ok(words::help(asking.mark, asking.may_change)),
        ChatCommand::Status(Some(stack)) => Ok(vec![words::status(&view(app, asking.access, stack).await?, url, now)]),
        ChatCommand::Status(None) => {
            let all = views(app, asking.access).await?;
            Ok(some(all.iter().map(|view| words::status(view, url, now)).collect(), "there is no stack to see here"))
        }
        ChatCommand::Who => {
            let all = views(app, asking.access).await?;
            Ok(some(all.iter().filter_map(|view| words::who(view, url)).collect(), "nobody is pushing"))
        }
        ChatCommand::Last(stack, stage) => {
            let view = view(app, asking.access, stack).await?;
            let rows: Vec<_> = match stage {
                Some(stage) => stage_of(&view, stage)?.last.iter().collect(),
                None => view.recent.iter().take(1).collect(),
            };
            Ok(some(rows.into_iter().map(|row| words::last(row, url, now)).collect(), "nothing has been pushed yet"))
        }
        ChatCommand::Diff(stack, stage) => {
            let view = view(app, asking.access, stack).await?;
            Ok(vec![words::diff(&view, stage_of(&view, stage)?, url)])
        }
        ChatCommand::Push(..) | ChatCommand::Rollback(..) | ChatCommand::Hold(..) | ChatCommand::Bind(_) => {
            Ok(Vec::new())
        }
    }
}

fn some(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}

/// A stack as whoever asks may see it; what they may not see is not there.
async fn view(app: &App, access: &Access, stack: &StackName) -> Result<StackView, String> {
    let unknown = || format!("stack {stack} does not exist");
    if !access.stack(Verb::See, stack, &app.desk.stages_of(stack)) {
        return Err(unknown());
    }
    match app.desk.stack_view(stack).await {
        Ok(view) => Ok(view.limited_to(access)),
        Err(Refusal::Unknown { .. }) => Err(unknown()),
        Err(refusal) => Err(refusal.to_string()),
    }
}

async fn views(app: &App, access: &Access) -> Result<Vec<StackView>, String> {
    let mut views = Vec::new();
    for loaded in &app.desk.stack_files().stacks {
        if access.stack(Verb::See, &loaded.name, &loaded.stages())
            && let Ok(view) = app.desk.stack_view(&loaded.name).await
        {
            views.push(view.limited_to(access));
        }
    }
    Ok(views)
}

fn stage_of<'v>(view: &'v StackView, stage: &StageName) -> Result<&'v StageView, String> {
    let found = view.stages.iter().find(|known| known.name == stage.as_str());
    found.ok_or_else(|| format!("stage {stage} of {} does not exist", view.stack))
}

async fn order(app: &App, asking: &Asking<'_>, command: &ChatCommand) -> Answer {
    let Some((stack, stage)) = command.about() else { return Ok(Vec::new()) };
    if !asking.may_change {
        return Err("orders are not taken here; the operator would have to allow it".to_owned());
    }
    let Some(speaker) = asking.speaker else {
        return Err(format!("your account here is bound to nobody: make a code on {}/account", app.desk.config().url));
    };
    // Both must see it: the person, and the channel where the answer is read.
    let shown = view(app, asking.access, stack).await?;
    if let Some(stage) = stage {
        stage_of(&shown, stage)?;
    }
    view(app, &speaker.access, stack).await?;
    let done = match command {
        ChatCommand::Push(stack, stage) => push(app, speaker, &shown, (stack, stage)).await,
        ChatCommand::Rollback(stack, stage, why) => roll_back(app, speaker, (stack, stage), why).await,
        ChatCommand::Hold(stack, stage, why) => hold(app, speaker, (stack, stage.as_ref()), why).await,
        ChatCommand::Help
        | ChatCommand::Status(_)
        | ChatCommand::Last(..)
        | ChatCommand::Who
        | ChatCommand::Diff(..)
        | ChatCommand::Bind(_) => return Ok(Vec::new()),
    };
    done.map(|line| vec![line]).map_err(|problem| hidden(asking.access, stack, &problem))
}

/// Why it was refused; what the channel does not see is not named.
fn hidden(access: &Access, stack: &StackName, problem: &Problem) -> String {
    let named = |key: &str| problem.detail.get(key).and_then(|value| value.as_str());
    let stage = named("stage").or_else(|| Some(named("scope")?.split_once('/')?.1));
    let is_hidden = stage.and_then(|stage| stage.parse().ok()).is_some_and(|stage| !access.sees(stack, &stage));
    match is_hidden {
        true => format!("{stack} cannot do that now; its page says why"),
        false => problem.message.clone(),
    }
}

fn must(speaker: &Speaker, verb: Verb, (stack, stage): (&StackName, &StageName)) -> Result<(), Problem> {
    speaker.access.must(verb, stack, stage).map_err(|no| Problem::from(Refusal::from(no)))
}

fn press(speaker: &Speaker, (stack, stage): (&StackName, &StageName), reason: Option<Reason>) -> Press {
    Press {
        stack: stack.clone(),
        stage: stage.clone(),
        who: speaker.who.clone(),
        seen: String::new(),
        plan_hash: None,
        reason,
        override_why: None,
        marks_bad: false,
        nonce: None,
    }
}

async fn push(
    app: &App,
    speaker: &Speaker,
    shown: &StackView,
    of: (&StackName, &StageName),
) -> Result<String, Problem> {
    must(speaker, Verb::Push, of)?;
    let (stack, stage) = of;
    let next = shown.stages.iter().find(|known| known.name == stage.as_str()).and_then(|known| known.next.as_ref());
    let Some(next) = next else { return Err(Problem::bad_request(format!("there is nothing to push to {stage}"))) };
    let who = speaker.who.as_str();
    app.budgets.tries.take(who, Instant::now()).map_err(|wait| Problem::too_often("you tried to push", wait))?;
    let press = Press { seen: next.seen.clone(), plan_hash: Some(next.plan_hash.clone()), ..press(speaker, of, None) };
    let pushing = async { Ok(app.desk.press(press).await?) };
    let push = app.budgets.pushes.spend(who, "you pushed", pushing).await?;
    let words = format!("push {push} of {stack} to {stage} has started: {}", crate::stack::name::short(&next.sha));
    Ok(words::fit(&words, &page(app, push)))
}

async fn roll_back(app: &App, speaker: &Speaker, of: (&StackName, &StageName), why: &str) -> Result<String, Problem> {
    must(speaker, Verb::Rollback, of)?;
    let reason = Reason::needed(Some(why), NeedsReason::Rollback)?;
    let rolling = async { Ok(app.desk.roll_back(press(speaker, of, Some(reason)), None, Questions::LeftOut).await?) };
    let push = app.budgets.rollbacks.spend(speaker.who.as_str(), "you rolled back", rolling).await?;
    Ok(words::fit(&format!("push {push} rolls {} back on {}", of.0, of.1), &page(app, push)))
}

async fn hold(
    app: &App,
    speaker: &Speaker,
    (stack, stage): (&StackName, Option<&StageName>),
    why: &str,
) -> Result<String, Problem> {
    match stage {
        Some(stage) => must(speaker, Verb::Hold, (stack, stage))?,
        None => {
            let no = speaker.access.must_on_stack(Verb::Hold, stack, &app.desk.stages_of(stack));
            no.map_err(|no| Problem::from(Refusal::from(no)))?;
        }
    }
    let reason = Reason::needed(Some(why), NeedsReason::Hold)?;
    app.desk.hold(stack, stage, &speaker.who, reason, None).await?;
    let scope = stage.map_or_else(|| stack.to_string(), |stage| format!("{stack}/{stage}"));
    Ok(words::fit(&format!("{scope} is held"), &format!("{}/stacks/{stack}", app.desk.config().url)))
}

fn page(app: &App, push: crate::stack::PushNumber) -> String {
    format!("{}/pushes/{push}", app.desk.config().url)
}
