//! A plan that needs the approval of others, for each reader in each state, and the stack's page beside it.

use super::*;
use pushbutton::desk::view::{ApprovalStanding, ApprovalView, GivenView, MarkView, PlanView, RequestView};

const EVIL: &str = "the fair begins <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}";

fn approval(state: ApprovalStanding) -> ApprovalView {
    let given = GivenView { who: "joe".to_owned(), at: made_up::ago(60), reason: Some(EVIL.to_owned()) };
    let approved = matches!(state, ApprovalStanding::Approved | ApprovalStanding::Expired);
    let request = RequestView {
        id: 7,
        who: "ci (token of mary)".to_owned(),
        reason: Some(EVIL.to_owned()),
        at: made_up::ago(720),
        ends_at: made_up::ago(if state == ApprovalStanding::Expired { 5 } else { -9000 }),
        plan_hash: "ab".repeat(32),
        seen: "51d0c3e-4121".to_owned(),
        sha: made_up::PRINCESS.to_owned(),
        version: None,
        approved_by: if approved { vec![given] } else { Vec::new() },
        declined_by: (state == ApprovalStanding::Declined).then(|| "joe".to_owned()),
    };
    let why = match state {
        ApprovalStanding::Moved => Some("princess now runs 8f31c2e-4101 instead of 51d0c3e-4121".to_owned()),
        ApprovalStanding::Declined => Some(EVIL.to_owned()),
        ApprovalStanding::NotAsked
        | ApprovalStanding::Waiting
        | ApprovalStanding::Approved
        | ApprovalStanding::Expired => None,
    };
    let asked = state != ApprovalStanding::NotAsked;
    ApprovalView { needed: 1, state, why, request: asked.then_some(request), others: Vec::new() }
}

fn plan(state: ApprovalStanding) -> PlanView {
    let missing = state != ApprovalStanding::Approved;
    let why_not = missing.then(|| "a push to prod needs an approval by someone else".to_owned());
    PlanView { approval: Some(approval(state)), why_not, ..made_up::plan() }
}

fn reader(name: &str) -> Frame {
    Frame { who: Some(name.to_owned()), ..frame(Section::Stacks) }
}

/// Those that a browser looks at: it takes long for each, and the others differ in words alone.
const LOOKED_AT: [&str; 7] = [
    "approval-not-asked-admin",
    "approval-waiting",
    "approval-own",
    "approval-given",
    "approval-declined",
    "stack-approval-not-asked",
    "stack-approval-waiting",
];

fn drawn(name: &str, html: Result<String, pushbutton::web::pages::PageError>) -> String {
    match LOOKED_AT.contains(&name) {
        true => checked(name, html),
        false => html.unwrap(),
    }
}

#[test]
pub fn a_plan_that_needs_approval_says_how_it_stands_and_what_the_reader_can_do() {
    let pages = pages();
    const ASK: &str = "action=\"/stacks/web/stages/prod/approval\"";
    const APPROVE: &str = "action=\"/stacks/web/stages/prod/approve\"";
    const DECLINE: &str = "action=\"/stacks/web/stages/prod/decline\"";
    const WITHDRAW: &str = "action=\"/stacks/web/stages/prod/withdraw\"";
    use ApprovalStanding::{Approved, Declined, Expired, Moved, NotAsked, Waiting};
    for (name, state, who, words, forms) in [
        ("approval-not-asked", NotAsked, "mary", "A push to Prod needs an approval by someone else", &[ASK][..]),
        ("approval-waiting", Waiting, "joe", "Waits for approval", &[APPROVE, DECLINE]),
        ("approval-own", Waiting, "mary", "You asked for it, so someone else must approve it.", &[WITHDRAW]),
        ("approval-given", Approved, "kate", "Approved by joe", &[APPROVE, DECLINE]),
        ("approval-by-me", Approved, "joe", "You approved it, so someone else must start it.", &[]),
        ("approval-asked-by-me", Approved, "mary", "Approved by joe", &[WITHDRAW]),
        ("approval-expired", Expired, "kate", "The approval has expired", &[ASK]),
        ("approval-moved", Moved, "kate", "princess now runs 8f31c2e-4101 instead of 51d0c3e-4121", &[ASK]),
        ("approval-declined", Declined, "mary", "Declined by joe", &[ASK]),
    ] {
        let html = drawn(name, pages.plan(&reader(who), &plan(state), (&NoRights::default(), false)));
        assert!(html.contains(words), "{name}: {words}");
        for form in [ASK, APPROVE, DECLINE, WITHDRAW] {
            assert_eq!(html.contains(form), forms.contains(&form), "{name}: {form}");
        }
        let closed = html.contains("<button class=\"btn btn--main\" disabled>");
        assert_eq!(closed, state != Approved || who == "joe", "{name}");
        assert!(!html.contains("without_approval"), "{name}: only an admin may");
        let html =
            drawn(&format!("{name}-admin"), pages.plan(&reader(who), &plan(state), (&NoRights::default(), true)));
        assert_eq!(html.contains("name=\"without_approval\""), state != Approved, "{name}");
    }

    for (name, state, who, words) in [
        ("stack-approval-not-asked", NotAsked, "mary", &["Needs approval", "an approval by someone else"][..]),
        (
            "stack-approval-waiting",
            Waiting,
            "joe",
            &["Waits for approval", "Review and approve", "asks for approval to push"],
        ),
        ("stack-approval-own", Waiting, "mary", &["Waits for approval", "Open the plan"]),
        ("stack-approval-given", Approved, "kate", &["data-really=\"prod\"", "Approved by joe"]),
        ("stack-approval-by-me", Approved, "joe", &["Approved by you", "someone else must start it"]),
        ("stack-approval-moved", Moved, "kate", &["Approval is void", "princess now runs"]),
        ("stack-approval-expired", Expired, "kate", &["Approval expired"]),
        ("stack-approval-declined", Declined, "kate", &["Declined", "by joe: "]),
    ] {
        let mut street = made_up::street("web", &["qa", "princess", "prod"]);
        let prod = &mut street.stages[2];
        (prod.approval, prod.why_not) = (Some(approval(state)), plan(state).why_not);
        let html = drawn(name, pages.stack(&reader(who), &street));
        for word in words {
            assert!(html.contains(word), "{name}: {word}");
        }
    }
}

#[test]
pub fn marks_stand_on_the_card_with_the_forms_to_set_them_and_to_take_them_back() {
    let mut street = made_up::street("web", &["qa", "princess", "prod"]);
    street.stages[1].marks_wanted = true;
    let prod = &mut street.stages[2];
    let current = prod.current.as_ref().unwrap();
    prod.marks = vec![MarkView {
        build: current.build.clone(),
        sha: current.sha.clone(),
        mark: "bad",
        stage: None,
        who: "kate".to_owned(),
        at: made_up::ago(300),
        reason: Some(EVIL.to_owned()),
    }];
    (prod.next, prod.why_not) = (None, Some("build 51d0c3e-4112 is marked as bad by kate: it loses orders".to_owned()));
    let html = checked("stack-marks", pages().stack(&reader("mary"), &street));
    for words in [
        "as good on Princess",
        "action=\"/stacks/web/stages/princess/builds/51d0c3e-4112/good\"",
        "action=\"/stacks/web/builds/9c1e2f4-4121/bad\"",
        "action=\"/stacks/web/builds/8f31c2e-4103/not-bad\"",
        "<b>Bad</b>, marked by kate",
        "is marked as bad by kate: it loses orders",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    assert!(!html.contains("as good on QA"), "nobody asks for that");
}
