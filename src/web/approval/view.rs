//! The approval of a push on pages: how it stands, who can do what about it now, and why someone cannot. Plain data for the templates; it
//! must never decide. Called by the pages of a stack and of a plan.

use crate::desk::view::{ApprovalStanding, ApprovalView, NoRights, RequestView, StageView};
use crate::web::view::frame::Frame;
use crate::web::view::parts::{Moment, Person, StageTag, Version};
use crate::web::view::words;
use serde::Serialize;

/// The approval of a plan, with what the reader can do about it.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ApprovalPart {
    /// How it stands, in a few words.
    headline: String,
    /// The mark beside it.
    shape: &'static str,
    /// What has changed, or why it was declined.
    why: Option<String>,
    request: Option<RequestLine>,
    /// Whether it can be asked for now.
    ask: bool,
    /// Whether the reader can approve or decline it.
    answer: bool,
    /// Whether it is the reader's own request.
    own: bool,
    /// Why the reader cannot do what others can.
    not_you: Option<String>,
}

/// A request as people read it.
#[derive(Debug, Serialize)]
struct RequestLine {
    who: Person,
    ago: Moment,
    until: Moment,
    over: bool,
    reason: Option<String>,
    given: Vec<Given>,
}

#[derive(Debug, Serialize)]
struct Given {
    who: Person,
    ago: Moment,
    reason: Option<String>,
}

impl ApprovalPart {
    pub(in crate::web) fn new(frame: &Frame, stage: &str, approval: &ApprovalView, no_right: &NoRights) -> Self {
        let reader = frame.who.as_deref().unwrap_or_default();
        let (request, stage) = (approval.request.as_ref(), words::stage_words(stage));
        let own = request.is_some_and(|request| person(&request.who) == reader);
        let stands = matches!(approval.state, ApprovalStanding::Waiting | ApprovalStanding::Approved);
        let gave = request.is_some_and(|request| gave(request, reader));
        let not_you = match approval.state {
            ApprovalStanding::Waiting if own => Some("You asked for it, so someone else must approve it.".to_owned()),
            ApprovalStanding::Waiting if !gave => no_right.approve.clone(),
            ApprovalStanding::Waiting | ApprovalStanding::Approved => own_approval(approval, reader),
            ApprovalStanding::NotAsked
            | ApprovalStanding::Expired
            | ApprovalStanding::Moved
            | ApprovalStanding::Declined => no_right.push.clone(),
        };
        Self {
            headline: match approval.state {
                ApprovalStanding::NotAsked => format!("A push to {stage} needs {} by someone else", needed(approval)),
                ApprovalStanding::Waiting => "Waits for approval".to_owned(),
                ApprovalStanding::Approved => format!("Approved by {}", names(approval)),
                ApprovalStanding::Expired => "The approval has expired".to_owned(),
                ApprovalStanding::Moved => "The approval does not hold any more".to_owned(),
                ApprovalStanding::Declined => format!("Declined by {}", declined_by(approval)),
            },
            shape: match approval.state {
                ApprovalStanding::NotAsked => "wait",
                ApprovalStanding::Waiting => "hold",
                ApprovalStanding::Approved => "ok",
                ApprovalStanding::Expired | ApprovalStanding::Moved => "warn",
                ApprovalStanding::Declined => "cancel",
            },
            why: approval.why.clone(),
            request: request.map(|request| RequestLine::new(frame, request, approval.state)),
            ask: !stands && no_right.push.is_none(),
            answer: stands && !own && !gave && no_right.approve.is_none(),
            own: stands && own,
            not_you,
        }
    }
}

impl RequestLine {
    fn new(frame: &Frame, request: &RequestView, state: ApprovalStanding) -> Self {
        let given = request.approved_by.iter().map(|given| Given {
            who: Person::new(&given.who),
            ago: Moment::ago(&given.at, frame.now),
            reason: given.reason.clone(),
        });
        Self {
            who: Person::new(&request.who),
            ago: Moment::ago(&request.at, frame.now),
            until: Moment::until(&request.ends_at, frame.now),
            over: state == ApprovalStanding::Expired,
            reason: request.reason.clone(),
            given: given.collect(),
        }
    }
}

/// A request that waits for someone, above the stages of its stack.
#[derive(Debug, Serialize)]
pub(in crate::web) struct WaitingNote {
    stage: StageTag,
    who: Person,
    what: Version,
    ago: Moment,
    until: Moment,
    reason: Option<String>,
    /// `1 of 2 approvals so far`.
    so_far: Option<String>,
    /// The plan that is to be approved.
    plan: String,
    own: bool,
}

impl WaitingNote {
    /// Those of a stage: what its button offers, and other versions.
    pub(in crate::web) fn of(frame: &Frame, stack: &str, stage: &StageView, tag: &StageTag) -> Vec<Self> {
        let Some(approval) = &stage.approval else { return Vec::new() };
        let next = approval.request.iter().filter(|_| approval.state == ApprovalStanding::Waiting);
        let note = |request: &RequestView| {
            let version = request.version.as_deref().map(|sha| format!("?sha={sha}")).unwrap_or_default();
            let given = request.approved_by.len();
            Self {
                stage: tag.clone(),
                who: Person::new(&request.who),
                what: Version::new(&request.sha),
                ago: Moment::ago(&request.at, frame.now),
                until: Moment::until(&request.ends_at, frame.now),
                reason: request.reason.clone(),
                so_far: (given > 0 || approval.needed > 1)
                    .then(|| format!("{given} of {} approvals so far", approval.needed)),
                plan: format!("/stacks/{stack}/stages/{}/plan{version}", stage.name),
                own: frame.who.as_deref() == Some(person(&request.who)),
            }
        };
        next.chain(&approval.others).map(note).collect()
    }
}

/// What the button of a stage says while approval is missing: its words, and why.
pub(in crate::web) fn button_words(frame: &Frame, approval: &ApprovalView) -> Option<(String, String)> {
    let why = approval.why.clone().unwrap_or_default();
    let reader = frame.who.as_deref().unwrap_or_default();
    Some(match approval.state {
        ApprovalStanding::NotAsked => ("Needs approval".to_owned(), format!("{} by someone else", needed(approval))),
        ApprovalStanding::Waiting => {
            let request = approval.request.as_ref()?;
            let since = Moment::ago(&request.at, frame.now);
            ("Waits for approval".to_owned(), format!("{} asked {}", request.who, since.words()))
        }
        ApprovalStanding::Approved => ("Approved by you".to_owned(), own_approval(approval, reader)?),
        ApprovalStanding::Expired => ("Approval expired".to_owned(), "ask for it anew".to_owned()),
        ApprovalStanding::Moved => ("Approval is void".to_owned(), why),
        ApprovalStanding::Declined => ("Declined".to_owned(), format!("by {}: {why}", declined_by(approval))),
    })
}

/// `Approved by joe`, under a button that is open.
pub(in crate::web) fn foot(approval: &ApprovalView) -> Option<String> {
    (approval.state == ApprovalStanding::Approved).then(|| format!("Approved by {}", names(approval)))
}

/// Why an approval that is enough for others is not enough for the reader.
pub(in crate::web) fn own_approval(approval: &ApprovalView, reader: &str) -> Option<String> {
    let request = approval.request.as_ref().filter(|_| approval.state == ApprovalStanding::Approved)?;
    let others = request.approved_by.iter().filter(|given| person(&given.who) != reader).count();
    (others < approval.needed).then(|| "You approved it, so someone else must start it.".to_owned())
}

fn gave(request: &RequestView, reader: &str) -> bool {
    request.approved_by.iter().any(|given| person(&given.who) == reader)
}

fn needed(approval: &ApprovalView) -> String {
    match approval.needed {
        1 => "an approval".to_owned(),
        needed => format!("{needed} approvals"),
    }
}

fn names(approval: &ApprovalView) -> String {
    let given = approval.request.iter().flat_map(|request| &request.approved_by);
    words::and(&given.map(|given| given.who.clone()).collect::<Vec<_>>())
}

fn declined_by(approval: &ApprovalView) -> String {
    approval.request.as_ref().and_then(|request| request.declined_by.clone()).unwrap_or_default()
}

/// The person behind a name: of a program the owner of its token.
fn person(who: &str) -> &str {
    crate::stack::person_of(who)
}
