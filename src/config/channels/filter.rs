//! Which announcements a channel gets: `stacks`, `stages`, `events`, `results` of `[[channel]]`. Pure. It must never let through what one of
//! the given lists does not name. Used when an announcement is written into the outbox.

use crate::stack::{StackName, StageName};

/// What can be announced. Its words stand in the server's file and in webhooks: they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// A push began.
    Started,
    /// It asks, and waits for an answer.
    Asked,
    /// Someone paused it.
    Paused,
    /// Someone let it go on.
    Resumed,
    /// It ended.
    Ended,
    /// A push waits for approval.
    ApprovalAsked,
    /// Someone approved it.
    Approved,
    /// Someone declined it.
    Declined,
    /// A build was marked as good.
    MarkedGood,
    /// A build was marked as bad.
    MarkedBad,
    /// A mark was taken away.
    Unmarked,
    /// Stages are not pushed automatically any more.
    AutoOff,
}

impl ChannelEvent {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Started,
        Self::Asked,
        Self::Paused,
        Self::Resumed,
        Self::Ended,
        Self::ApprovalAsked,
        Self::Approved,
        Self::Declined,
        Self::MarkedGood,
        Self::MarkedBad,
        Self::Unmarked,
        Self::AutoOff,
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Ended => "ended",
            Self::ApprovalAsked => "approval_asked",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::MarkedGood => "marked_good",
            Self::MarkedBad => "marked_bad",
            Self::Unmarked => "unmarked",
            Self::AutoOff => "auto_off",
        }
    }

    /// The event of a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }
}

/// How a push can have ended, as the journal says it: a test compares them.
pub const RESULTS: [&str; 6] = ["succeeded", "degraded", "failed", "cancelled", "rolled back", "interrupted"];

/// What an announcement is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The stack.
    pub stack: &'a StackName,
    /// The stage; none where it is about all of them.
    pub stage: Option<&'a StageName>,
    /// What happened.
    pub event: ChannelEvent,
    /// How it ended; none of what is no end.
    pub result: Option<&'static str>,
}

/// Which announcements a channel gets; a list that is not given lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these stacks; an empty list: only of those that name the channel in `tell`.
    pub stacks: Option<Vec<StackName>>,
    /// Of these stages, and what is about all stages.
    pub stages: Option<Vec<StageName>>,
    /// Of these events.
    pub events: Option<Vec<ChannelEvent>>,
    /// Ends with these results, and nothing that is no end.
    pub results: Option<Vec<&'static str>>,
}

impl Filter {
    /// Whether an announcement goes there.
    pub fn passes(&self, about: About<'_>) -> bool {
        self.stacks.as_ref().is_none_or(|stacks| stacks.contains(about.stack)) && self.passes_of_any_stack(about)
    }

    /// Whether it goes there where the stack itself names the channel.
    pub fn passes_of_any_stack(&self, about: About<'_>) -> bool {
        let stage = about.stage.is_none_or(|stage| self.stages.as_ref().is_none_or(|stages| stages.contains(stage)));
        let event = self.events.as_ref().is_none_or(|events| events.contains(&about.event));
        let result = |results: &Vec<&str>| about.result.is_some_and(|result| results.contains(&result));
        stage && event && self.results.as_ref().is_none_or(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_that_is_given_must_name_it() {
        let (web, prod): (StackName, StageName) = ("web".parse().unwrap(), "prod".parse().unwrap());
        let failed = About { stack: &web, stage: Some(&prod), event: ChannelEvent::Ended, result: Some("failed") };
        let started = About { event: ChannelEvent::Started, result: None, ..failed };
        let marked = About { stage: None, event: ChannelEvent::MarkedBad, ..started };
        let all = Filter::default();
        let stacks = |names: &[&str]| Filter {
            stacks: Some(names.iter().map(|name| name.parse().unwrap()).collect()),
            ..Filter::default()
        };
        let prod_alone = Filter { stages: Some(vec![prod.clone()]), ..Filter::default() };
        let qa_alone = Filter { stages: Some(vec!["qa".parse().unwrap()]), ..Filter::default() };
        let starts = Filter { events: Some(vec![ChannelEvent::Started]), ..Filter::default() };
        let failures = Filter { results: Some(vec!["failed"]), ..Filter::default() };
        for (filter, about, passes) in [
            (&all, failed, true),
            (&stacks(&["api", "web"]), failed, true),
            (&stacks(&["api"]), failed, false),
            (&stacks(&[]), failed, false),
            (&prod_alone, failed, true),
            (&qa_alone, failed, false),
            (&qa_alone, marked, true),
            (&starts, started, true),
            (&starts, failed, false),
            (&failures, failed, true),
            (&failures, started, false),
            (&failures, About { result: Some("succeeded"), ..failed }, false),
        ] {
            assert_eq!(filter.passes(about), passes, "{filter:?} {about:?}");
        }
        assert!(stacks(&[]).passes_of_any_stack(failed), "the stack itself names it");
    }

    #[test]
    fn every_event_is_found_by_its_word() {
        for event in ChannelEvent::ALL {
            assert_eq!(ChannelEvent::named(event.word()), Some(event));
        }
        assert_eq!(ChannelEvent::named("pushed"), None);
    }
}
