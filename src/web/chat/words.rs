//! What the bot answers, in words: pure over what the pages show, as it was limited to who reads it. A line each, clean, as announcements are. It
//! must never name what is not in the view that it is given.

use crate::announce::clean;
use crate::desk::StackView;
use crate::desk::view::StageView;
use crate::ledger::pushes::PushRow;
use crate::time::{At, ago_words};

/// Lines of one answer.
pub(super) const MOST_LINES: usize = 5;
/// What a line may hold besides its link.
const WORDS: usize = 350;

/// Makes a line fit for a chat; what is too long is cut, the link is whole.
pub(super) fn fit(text: &str, link: &str) -> String {
    clean::irc_line(&clean::short(text, WORDS), &[link])
}

/// At most so many lines, and how many more there are.
pub(super) fn bounded(mut lines: Vec<String>, link: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES - 1);
        lines.push(fit(&format!("and {} more", more + 1), link));
    }
    lines
}

fn short(sha: &str) -> &str {
    crate::stack::name::short(sha)
}

/// `web: qa 51d0c3e (3 h ago) · prod 8f31c2e (2 d ago) · mary is pushing to qa (push 12)`.
pub(super) fn status(view: &StackView, url: &str, now: At) -> String {
    let ago = |at: &str| at.parse::<At>().map_or_else(|_| at.to_owned(), |at| ago_words(now.millis_since(at)));
    let stage = |stage: &StageView| match &stage.current {
        Some(current) => format!("{} {} ({})", stage.name, short(&current.sha), ago(&current.pushed_at)),
        None => format!("{} nothing yet", stage.name),
    };
    let mut parts: Vec<String> = view.stages.iter().map(stage).collect();
    let held = |hold: &crate::ledger::holds::Hold| format!("{} is held by {}: {}", hold.scope, hold.who, hold.reason);
    parts.extend(view.lock.as_ref().map(pushing));
    parts.extend(view.hold.as_ref().map(held));
    parts.extend(view.stages.iter().filter_map(|stage| stage.hold.as_ref()).map(held));
    fit(&format!("{}: {}", view.stack, parts.join(" · ")), &format!("{url}/stacks/{}", view.stack))
}

fn pushing(push: &PushRow) -> String {
    let does = match (&push.question, &push.paused) {
        (Some(_), _) => "waits for an answer",
        (None, Some(_)) => "is paused",
        (None, None) => "is running",
    };
    format!("push {} of {} to {} {does}", push.id, push.who, push.stage)
}

/// Who pushes a stack; none where nobody does.
pub(super) fn who(view: &StackView, url: &str) -> Option<String> {
    let push = view.lock.as_ref()?;
    Some(fit(&format!("{}: {}", view.stack, pushing(push)), &format!("{url}/pushes/{}", push.id)))
}

/// The last push of a list.
pub(super) fn last(row: &PushRow, url: &str, now: At) -> String {
    let ago =
        row.pressed_at.parse::<At>().map_or_else(|_| row.pressed_at.clone(), |at| ago_words(now.millis_since(at)));
    let why = row.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let words = format!(
        "push {} of {} to {} by {}, {}: {}{why}, {ago}",
        row.id,
        row.stack,
        row.stage,
        row.who,
        short(&row.sha),
        row.state
    );
    fit(&words, &format!("{url}/pushes/{}", row.id))
}

/// What would go out to a stage, and why not.
pub(super) fn diff(view: &StackView, stage: &StageView, url: &str) -> String {
    let page = format!("{url}/stacks/{}", view.stack);
    let why = stage.why_not.as_deref().map(|why| format!("; not now: {why}")).unwrap_or_default();
    let Some(next) = &stage.next else {
        return fit(&format!("{} {}: nothing to push{why}", view.stack, stage.name), &page);
    };
    if next.again {
        return fit(
            &format!("{} {} has {} already: nothing new{why}", view.stack, stage.name, short(&next.sha)),
            &page,
        );
    }
    let from = stage.current.as_ref().map(|current| format!("{} → ", short(&current.sha))).unwrap_or_default();
    let unit = if next.commit_count == 1 { view.unit.to_owned() } else { format!("{}s", view.unit) };
    let newest = next.commits.first().map(|commit| format!(", newest: {}", clean::short(&commit.subject, 120)));
    let words = format!(
        "{} {}: {from}{}, {} {unit}{}{why}",
        view.stack,
        stage.name,
        short(&next.sha),
        next.commit_count,
        newest.unwrap_or_default()
    );
    fit(&words, next.diff.as_deref().unwrap_or(&page))
}

/// What can be said.
pub(super) fn help(mark: &str, may_change: bool) -> Vec<String> {
    let reading = format!("{mark}status [STACK] · {mark}last STACK [STAGE] · {mark}who · {mark}diff STACK STAGE");
    let changing = format!(
        "{mark}push STACK STAGE · {mark}rollback STACK STAGE REASON · {mark}hold STACK[/STAGE] REASON: for accounts that are bound \
         (a code from Your account, then {mark}bind CODE)"
    );
    if may_change { vec![reading, changing] } else { vec![reading] }
}
