//! What someone says to the bot, read: a command or nothing. Pure. It must never take part of a line for a command, nor a name that is none.

use crate::stack::{StackName, StageName};

/// The longest line that is read, in bytes.
const LONGEST: usize = 1_000;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChatCommand {
    /// What can be said.
    Help,
    /// What runs where, of one stack or of all.
    Status(Option<StackName>),
    /// The last push of a stack, or to one of its stages.
    Last(StackName, Option<StageName>),
    /// Who is pushing.
    Who,
    /// What would go out to a stage.
    Diff(StackName, StageName),
    /// Pushes what the stage's button offers.
    Push(StackName, StageName),
    /// Rolls a stage back, and why.
    Rollback(StackName, StageName, String),
    /// Holds a stack, or a stage, and why.
    Hold(StackName, Option<StageName>, String),
    /// Says whose account speaks here, by a code.
    Bind(String),
}

impl ChatCommand {
    /// Whether it changes anything.
    pub fn changes(&self) -> bool {
        match self {
            Self::Push(..) | Self::Rollback(..) | Self::Hold(..) => true,
            Self::Help | Self::Status(_) | Self::Last(..) | Self::Who | Self::Diff(..) | Self::Bind(_) => false,
        }
    }

    /// The stack and the stage that it is about.
    pub fn about(&self) -> Option<(&StackName, Option<&StageName>)> {
        match self {
            Self::Help | Self::Who | Self::Status(None) | Self::Bind(_) => None,
            Self::Status(Some(stack)) => Some((stack, None)),
            Self::Last(stack, stage) | Self::Hold(stack, stage, _) => Some((stack, stage.as_ref())),
            Self::Diff(stack, stage) | Self::Push(stack, stage) | Self::Rollback(stack, stage, _) => {
                Some((stack, Some(stage)))
            }
        }
    }
}

/// A line of a channel: a command begins with `!`. None where it is talk; the usage where a known command is incomplete.
pub(super) fn line(text: &str) -> Option<Result<ChatCommand, &'static str>> {
    let rest = text.strip_prefix('!')?;
    // "!!!" and "! no" are talk.
    rest.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| command(rest))?
}

/// The words of a command; none where the first one is not known.
pub(super) fn command(text: &str) -> Option<Result<ChatCommand, &'static str>> {
    if text.len() > LONGEST {
        return None;
    }
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let read = match word.to_ascii_lowercase().as_str() {
        "help" | "" => Some(ChatCommand::Help).ok_or(""),
        "who" => Some(ChatCommand::Who).ok_or(""),
        "status" => status(rest).ok_or("status [STACK]"),
        "last" => last(rest).ok_or("last STACK [STAGE]"),
        "diff" => both(rest).map(|(stack, stage)| ChatCommand::Diff(stack, stage)).ok_or("diff STACK STAGE"),
        "push" => both(rest).map(|(stack, stage)| ChatCommand::Push(stack, stage)).ok_or("push STACK STAGE"),
        "rollback" => rollback(rest).ok_or("rollback STACK STAGE REASON"),
        "hold" => hold(rest).ok_or("hold STACK REASON, or hold STACK/STAGE REASON"),
        "bind" => code(rest).ok_or("bind CODE"),
        _ => return None,
    };
    Some(read)
}

fn status(rest: &str) -> Option<ChatCommand> {
    match rest {
        "" => Some(ChatCommand::Status(None)),
        stack => stack.parse().ok().map(|stack| ChatCommand::Status(Some(stack))),
    }
}

fn last(rest: &str) -> Option<ChatCommand> {
    let mut words = rest.split_whitespace();
    let stack = words.next()?.parse().ok()?;
    let stage = words.next().map(str::parse).transpose().ok()?;
    words.next().is_none().then_some(ChatCommand::Last(stack, stage))
}

fn both(rest: &str) -> Option<(StackName, StageName)> {
    let (stack, stage) = rest.split_once(char::is_whitespace)?;
    Some((stack.parse().ok()?, stage.trim().parse().ok()?))
}

fn rollback(rest: &str) -> Option<ChatCommand> {
    let (stack, rest) = rest.split_once(char::is_whitespace)?;
    let (stage, reason) = rest.trim_start().split_once(char::is_whitespace)?;
    Some(ChatCommand::Rollback(stack.parse().ok()?, stage.parse().ok()?, reason.trim().to_owned()))
}

fn hold(rest: &str) -> Option<ChatCommand> {
    let (scope, reason) = rest.split_once(char::is_whitespace)?;
    let (stack, stage) = match scope.split_once('/') {
        Some((stack, stage)) => (stack, Some(stage.parse().ok()?)),
        None => (scope, None),
    };
    Some(ChatCommand::Hold(stack.parse().ok()?, stage, reason.trim().to_owned()))
}

fn code(rest: &str) -> Option<ChatCommand> {
    let good = (8..=20).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    good.then(|| ChatCommand::Bind(rest.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_is_a_whole_line_of_known_words_and_everything_else_is_talk() {
        let name = |text: &str| text.parse::<StackName>().unwrap();
        let stage = |text: &str| text.parse::<StageName>().unwrap();
        for (text, wanted) in [
            ("!help", ChatCommand::Help),
            ("!status", ChatCommand::Status(None)),
            ("!STATUS web ", ChatCommand::Status(Some(name("web")))),
            ("!last web", ChatCommand::Last(name("web"), None)),
            ("!last web prod", ChatCommand::Last(name("web"), Some(stage("prod")))),
            ("!who", ChatCommand::Who),
            ("!diff web  prod", ChatCommand::Diff(name("web"), stage("prod"))),
            ("!push web qa", ChatCommand::Push(name("web"), stage("qa"))),
            (
                "!rollback web prod  odd graphs ",
                ChatCommand::Rollback(name("web"), stage("prod"), "odd graphs".to_owned()),
            ),
            ("!hold web the fair", ChatCommand::Hold(name("web"), None, "the fair".to_owned())),
            ("!hold web/prod the fair", ChatCommand::Hold(name("web"), Some(stage("prod")), "the fair".to_owned())),
            ("!bind 7f3k-9qwd-2m", ChatCommand::Bind("7F3K-9QWD-2M".to_owned())),
        ] {
            assert_eq!(line(text), Some(Ok(wanted)), "{text}");
        }
        for text in ["", "help", "!", "!!!", "! status", "!statuses", "hey !status", "!deploy web", "!é"] {
            assert_eq!(line(text), None, "{text}");
        }
        for text in [
            "!status we/b",
            "!last",
            "!last web prod now",
            "!diff web",
            "!push web qa now",
            "!push we;b qa",
            "!push web/qa",
            "!rollback web prod",
            "!hold web",
            "!hold web/ x",
            "!bind",
            "!bind x'y-1234567",
        ] {
            assert!(matches!(line(text), Some(Err(_))), "{text}");
        }
        assert_eq!(command(&"x".repeat(LONGEST + 1)), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "(?s)!?(push|hold|last|bind|status)?.{0,80}") {
            let _ = (line(&text), command(&text));
        }
    }
}
