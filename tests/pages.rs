//! Every page in every state: tera finds a variable that is not there only when it renders. With
//! `PUSHBUTTON_PAGES_TO=DIR` the pages are written there too, to be looked at.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

mod approval;
mod audit;
pub(crate) mod made_up;
mod past;
mod people;

use made_up::{at, frame, push_page, row, street};
use pushbutton::config::AuthMode;
use pushbutton::desk::checkup::{Checkup, CheckupView, Finding, PlaceReport, Weight};
use pushbutton::desk::view::{
    Board, BoardStack, ComparedCommits, ComparedEnd, Comparison, NextVersions, NoRights, PlanView, VersionGroup,
    Versions, WaitingApproval,
};
use pushbutton::desk::{Broken, StackView};
use pushbutton::journal::PushState;
use pushbutton::plan::PushKind;
use pushbutton::web::pages::{
    Asks, ComparePage, Frame, HoldForm, LogFilter, LogPage, Pages, Section, SignIn, SignedOut, ToldFilter, sign_in_form,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static RENDERED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Every page that the tests of this file render, by its name: for a browser to look at.
pub fn rendered() -> BTreeMap<String, String> {
    the_dashboard_shows_each_stack_in_its_state();
    the_stack_page_offers_only_what_can_be_pressed();
    the_stack_page_says_which_hosts_are_not_ready_and_which_run_something_else();
    a_plan_says_exactly_what_will_happen_and_what_nobody_knows_yet();
    approval::a_plan_that_needs_approval_says_how_it_stands_and_what_the_reader_can_do();
    approval::marks_stand_on_the_card_with_the_forms_to_set_them_and_to_take_them_back();
    two_versions_stand_side_by_side_with_the_commits_both_ways();
    the_way_back_says_where_it_goes_and_what_is_lost_before_the_press();
    a_push_that_waits_for_an_answer_says_so_and_stands_still();
    the_push_log_keeps_its_filters();
    a_channel_that_does_not_work_is_above_whatever_page();
    strangers_are_asked_who_they_are_and_errors_say_what_to_do();
    people::ones_own_account_shows_where_one_is_signed_in_and_takes_a_new_password();
    people::administrators_see_who_has_sessions_and_tokens_and_can_end_them();
    hosts_that_were_looked_over_are_shown_with_what_must_be_mended_first();
    another_version_is_chosen_from_a_list_and_shown_with_what_would_be_gone();
    stats_are_drawn_and_stand_beside_as_numbers();
    announcements_say_what_arrived_and_what_did_not();
    audit::the_audit_says_who_did_what_from_where();
    a_hold_says_until_when_and_one_that_cannot_be_taken_comes_back_as_it_was_filled_in();
    names_of_any_length_are_shown();
    RENDERED.take()
}

/// Renders are checked alike: whole, without style attributes or inline scripts, and with everything escaped.
fn checked(name: &str, html: Result<String, pushbutton::web::pages::PageError>) -> String {
    let html = html.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{name} is whole");
    for word in [" style=", "<style", "javascript:", "onclick=", "onload=", "{{", "{%"] {
        assert!(!html.contains(word), "{name} has {word}");
    }
    for script in html.split("<script").skip(1) {
        assert!(script.contains("src=\"/static/") && script.contains("></script>"), "{name} has an inline script");
    }
    assert!(!html.contains("<b>evil</b>"), "{name} shows text as HTML");
    // Texts of people hold all kinds of them here.
    let hidden: Vec<char> = html.chars().filter(|c| pushbutton::visible::is_invisible(*c)).collect();
    assert!(hidden.is_empty(), "{name} lets {hidden:?} through");
    RENDERED.with_borrow_mut(|all| all.insert(name.to_owned(), html.clone()));
    if let Some(dir) = std::env::var_os("PUSHBUTTON_PAGES_TO") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.html")), &html).unwrap();
    }
    html
}

#[test]
fn what_hides_in_a_text_is_seen_on_every_page_that_shows_the_text() {
    let all = rendered();
    let evil: Vec<&String> = all.iter().filter(|(_, html)| html.contains("evil&lt;")).map(|(name, _)| name).collect();
    assert!(evil.len() > 25, "texts of people stand on many pages: {evil:?}");
    for name in evil {
        for chip in ["⟨U+202E⟩", "⟨U+200B⟩", "⟨U+2066⟩", "⟨U+00AD⟩", "⟨U+FEFF⟩", "⟨U+E0041⟩"] {
            assert!(all[name].contains(chip), "{chip} on {name}");
        }
    }
}

fn board(streets: &[StackView]) -> Board {
    Board { stacks: streets.iter().map(BoardStack::from).collect(), hosts: Vec::new() }
}

fn pages() -> Pages {
    Pages::load().unwrap()
}

#[test]
fn the_dashboard_shows_each_stack_in_its_state() {
    let pages = pages();
    let frame = Frame { running: vec![row(4127, "web", "prod", "running")], ..frame(Section::Stacks) };
    let streets = made_up::streets();
    let html = checked("dashboard", pages.dashboard(&frame, &board(&streets)));
    for words in [
        "web to Prod",
        "+4",
        "Held by kate",
        "Push 4119 failed",
        "3 new",
        "its file has errors",
        "nothing yet",
        "Step 5 of 8, release",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let mut asked = board(&streets);
    for (at, stack) in asked.stacks.iter_mut().enumerate() {
        let (who, approved) = ("mary-with-a-name-that-is-rather-long".to_owned(), at % 2 == 1);
        stack.stages.last_mut().unwrap().approval = Some(WaitingApproval { who, approved });
    }
    let html = checked("dashboard-approval", pages.dashboard(&frame, &asked));
    assert!(html.contains("long asks for approval</a>") && html.contains(">approved, asked by mary-with"), "{html}");
    let loose: Vec<StackView> = vec![street("web", &["qa", "prod"]), street("api", &["prod", "qa"])];
    checked("dashboard-loose", pages.dashboard(&frame, &board(&loose)));
    let html = checked("empty", pages.dashboard(&frame, &board(&[])));
    assert!(html.contains("No stacks yet"));
}

#[test]
fn the_stack_page_offers_only_what_can_be_pressed() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let html = checked("stack", pages.stack(&frame, &street("web", &["qa", "princess", "prod"])));
    assert_eq!(html.matches("name=\"plan_hash\"").count(), 3, "a form a stage");
    for words in [
        "action=\"/stacks/web/stages/qa/push\"",
        "name=\"nonce\" value=\"n0nce-princess\"",
        "popovertarget=\"go-prod\"",
        "Save the Princess",
        "content hash <code",
        "what QA has",
        "castle.svg",
        "oldest: <time",
        ">1,213 files</a>",
        "<b>1,213 files</b> 2 new, 1,211 changed",
        "<code>src/&lt;b&gt;evil&lt;",
        "and 1,153 more",
        "href=\"https://tickets.example.com/browse/WEB-207\"",
        "and 2 more",
        "Rollback to 8f31c2e is ready on 24/24 hosts",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("WEB-208"), "what does not fit is counted");

    for (name, street) in made_up::stack_states() {
        let html = checked(&format!("stack-{name}"), pages.stack(&frame, &street));
        let forms = html.matches("name=\"plan_hash\"").count();
        let expected = match name {
            "even" | "four" => forms,
            "held" => 2,
            _ => 0,
        };
        assert_eq!(forms, expected, "{name}");
    }
}

#[test]
fn a_hold_says_until_when_and_one_that_cannot_be_taken_comes_back_as_it_was_filled_in() {
    let (pages, frame) = (pages(), frame(Section::Stacks));
    let mut held = street("web", &["qa", "princess", "prod"]);
    for (until, words) in [("2026-11-21T16:00:00.000Z", ">16:00<"), ("2026-11-22T09:00:00.000Z", ">Sun 22 Nov 09:00<")]
    {
        held.hold = Some(pushbutton::desk::view::Hold { until: Some(until.to_owned()), ..made_up::hold("web") });
        let html = checked("stack-held-until", pages.stack(&frame, &held));
        let said = format!("until <time datetime=\"{until}\"");
        assert!(html.contains(&format!("web is held by kate {said}")) && html.contains(words), "{words}");
        assert!(html.contains(&format!("<small>by kate {said}")), "the button says it too");
        assert!(pages.dashboard(&frame, &board(&[held.clone()])).unwrap().contains(&format!("Held by kate {said}")));
    }
    let form = HoldForm {
        stack: "web".to_owned(),
        stage: Some("prod".to_owned()),
        reason: "Payments <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
        until: "at".to_owned(),
        at: "2026-11-20T16:00".to_owned(),
        problem: "the hold would end before it begins: 20 Nov 2026 16:00:00 UTC is past".to_owned(),
    };
    let html = checked("hold", pages.hold(&frame, &form));
    for words in
        ["Hold Prod</button>", "value=\"at\" selected", "value=\"2026-11-20T16:00\"", "&lt;b&gt;evil", "is past."]
    {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn the_stack_page_says_which_hosts_are_not_ready_and_which_run_something_else() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let html = checked("stack", pages.stack(&frame, &street("web", &["qa", "prod"])));
    assert!(
        html.contains(
            "Usually 1 m 35 s, 1 m 15 s to 2 m 35 s<span data-part=\"ready-prod\"> · 24/24 hosts ready</span>"
        )
    );
    assert!(!html.contains("not ready") && !html.contains("instead of"));
    let html = checked("stack-troubled", pages.stack(&frame, &made_up::troubled()));
    for words in [
        " · connecting to its hosts</span>",
        "<b>1 host of Princess is not ready.</b> A push would not reach it now",
        "<br>princess001 refuses connections",
        "<b>7 hosts of Prod are not ready.</b> A push would not reach them now",
        "action=\"/stacks/web/hosts/check\"",
        "17/24 hosts ready",
        "and 2 hosts more",
        "<b>Prod does not run the same build on all hosts.</b>",
        "prod009 runs 3f2c1ab-12 instead of 8f31c2e-4103 since <time",
        "prod010 runs &lt;b&gt;evil&lt;/b&gt; instead",
        "<br>prod024: no push has deployed 8f31c2e-4103 to it",
        "action=\"/stacks/web/stages/prod/catch-up\"",
        "name=\"hosts\" value=\"prod009 prod010 prod024\"",
        "Update 3 hosts to 8f31c2e</button>",
        "Rollback to 8f31c2e would upload it to 1 host first",
    ] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn a_stage_says_what_it_waits_for_and_whether_it_is_pushed_by_itself() {
    let pages = pages();
    let html = checked("stack-auto", pages.stack(&frame(Section::Stacks), &made_up::by_itself()));
    for words in [
        "<span>waiting for ci/test, ci/slow (1 of 5 green)</span>",
        "<b>deploy &lt;b&gt;evil&lt;/b&gt;",
        "title=\"ci/slow: not told yet\"",
        "aria-label=\"audit: error, 2 of 512 &lt;b&gt;evil&lt;/b&gt;",
        "<b>Auto on</b>: waits for ci/test, ci/slow (1 of 5 green)",
        "<b>Auto off</b>: off since Mon 10:15 UTC by mary because push 12 failed",
        "action=\"/stacks/web/stages/qa/auto-off\"",
        "action=\"/stacks/web/stages/princess/auto-on\"",
        "waits for Mon 09:00 Europe/Prague (window), <time",
        "<small>1/4</small>",
    ] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn a_push_is_shown_live_and_in_each_of_its_ends() {
    let pages = pages();
    let frame = frame(Section::Pushes);
    let html = checked("live", pages.push(&frame, &push_page("running")));
    for words in [
        "action=\"/pushes/4127/cancel\"",
        "href=\"/pushes/4127/cancel\"",
        "data-push=\"4127\"",
        "http-equiv=\"refresh\"",
        "data-h=\"web024\"",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let html = checked("cancel", pages.cancel(&frame, &push_page("running")));
    assert!(html.contains("Cancel push 4127, web to Prod?") && !html.contains("http-equiv"), "it stays");
    assert!(
        html.contains("of 24 hosts have") && html.contains("Stop, then roll back"),
        "what there is, and the rollback: {html}"
    );
    for (state, words) in [
        ("succeeded", "web is on Prod"),
        ("degraded", "but not everywhere"),
        ("failed", "No space left on device"),
        ("cancelled", "jin cancelled the push to Prod"),
        ("rolled back", "was rolled back"),
        ("interrupted", "11 of 24 hosts have 51d0c3e, 9 are in doubt (web013"),
    ] {
        let html = checked(&format!("push-{}", state.replace(' ', "-")), pages.push(&frame, &push_page(state)));
        assert!(html.contains(words), "{state}: {words}");
        assert!(!html.contains("http-equiv"), "{state} does not reload");
    }
    let mut bare = push_page("failed");
    bare.commands.clear();
    bare.results.clear();
    bare.titles.clear();
    bare.hosts.clear();
    bare.announcements.clear();
    bare.row.old_sha = None;
    bare.row.started_at = None;
    checked("push-bare", pages.push(&frame, &bare));
    bare.row.state = PushState::Running;
    checked("live-bare", pages.push(&frame, &bare));
}

#[test]
fn what_runs_only_after_a_failure_is_shown_only_then() {
    let pages = pages();
    let frame = frame(Section::Pushes);
    let html = checked("push-rolled-back-by-itself", pages.push(&frame, &made_up::rolled_back()));
    for words in [
        "The push to Prod was rolled back to 8f31c2e",
        "9. rollback: release to /srv/web",
        "Push 4127. At the end, 11 of 24 hosts have 51d0c3e. Command 6",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("11. rollback"), "what was not needed is not shown");
    let html = checked("push-dropped", pages.push(&frame, &made_up::one_dropped()));
    assert!(html.contains("dropped") && !html.contains("drop: out of the balancer"), "{html}");
    let mut live = made_up::one_dropped();
    live.row.state = PushState::Running;
    let html = checked("live-with-spare-steps", pages.push(&frame, &live));
    assert_eq!(html.matches("hidden><button class=\"step\"").count(), 1, "a step that nobody needs yet");
}

#[test]
fn a_bad_end_offers_to_go_on_and_to_roll_back() {
    let pages = pages();
    let frame = frame(Section::Pushes);
    let html = checked("push-failed", pages.push(&frame, &push_page("failed")));
    for words in [
        "action=\"/pushes/4127/resume\"",
        "Resume from step 5",
        "step 5 on 9 of 24 hosts",
        "href=\"/stacks/web/stages/prod/rollback\"",
        "Roll back to 8f31c2e",
        "Release without finishing",
        "Now Prod runs 8f31c2e on all 24 hosts, as of ",
        "Since then: push 4128 (catch-up, succeeded).",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let html = checked("push-degraded", pages.push(&frame, &push_page("degraded")));
    assert!(!html.contains("/resume") && html.contains("Not now: web is held by kate"));

    let mut rollback = push_page("succeeded");
    rollback.row.kind = PushKind::Rollback;
    let html = checked("push-rollback", pages.push(&frame, &rollback));
    assert!(html.contains("Prod was rolled back to 51d0c3e") && html.contains("Commits rolled back"));
    rollback.row.kind = PushKind::Resume;
    rollback.row.resumes = Some(made_up::number(4126));
    let html = checked("push-resume", pages.push(&frame, &rollback));
    assert!(html.contains("<a href=\"/pushes/4126\">Resumes push 4126</a>"));
}

#[test]
fn a_plan_says_exactly_what_will_happen_and_what_nobody_knows_yet() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let html = checked("plan", pages.plan(&frame, &made_up::plan(), (&NoRights::default(), false)));
    for words in [
        "What a push to Prod will do",
        "on 24 hosts, 1 first, then 10, then the other 13 at once, at most 15 m 00 s, tried up to 3 times",
        "<li>web002 web003",
        "before anything is changed, on the push host",
        "&gt; ./ticket &quot;$PUSH_WHO&quot; &lt;b&gt;evil",
        "1,204 files new",
        "and 1,004 more",
        "at most 14.2 kB to each host, 342 kB in all",
        "about 1 m 35 s",
        "1 m 15 s to 2 m 35 s in the last 9 successful pushes",
        "action=\"/stacks/web/stages/prod/push\"",
        "name=\"plan_hash\" value=\"abab",
        "plan?form=shell",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    assert!(!html.contains("disabled"));

    let mut first = made_up::plan();
    (first.old, first.build, first.root, first.changes, first.typical_duration) = (None, None, None, None, None);
    first.why_not = Some("prod is held by kate <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned());
    first.commits.clear();
    let html = checked("plan-first", pages.plan(&frame, &first, (&NoRights::default(), false)));
    for words in [
        "Not now:",
        "disabled",
        "no history yet",
        "known when the build is made",
        "every file is new",
        "built by this push",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let street = street("web", &["qa", "princess", "prod"]);
    let html = checked("stack", pages.stack(&frame, &street));
    assert_eq!(html.matches(">Show the plan</a>").count(), 3, "beside each button");
}

#[test]
fn the_way_back_says_where_it_goes_and_what_is_lost_before_the_press() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let html = checked("back", pages.back(&frame, &made_up::rollback_view()));
    for words in [
        "Roll Prod back to 8f31c2e",
        "Payments: retry the gateway once on 502",
        "and 56 more",
        "name=\"reason\" required",
        "name=\"to\" value=\"8f31c2e-4101\"",
        "rollback?to=7a00c2e-4090",
        "Skips these questions, so that nothing waits: “Graphs calm? &lt;b&gt;evil",
        "name=\"ask\" value=\"true\"",
        "name=\"plan_hash_asking\" value=\"fefe",
        "<li>web002 web003",
        "1,204 files new",
        "at most 14.2 kB to each host",
        "about 1 m 35 s",
        "Rollback is ready on 23 of 24 hosts.",
        "<br>web007: not there, will be uploaded",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let mut shut = made_up::rollback_view();
    shut.why_not = Some(
        "jin is pushing web to qa right now (push 4128) <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}"
            .to_owned(),
    );
    shut.running = Some(made_up::number(4128));
    shut.commits.clear();
    shut.from = None;
    shut.others.clear();
    let html = checked("back-shut", pages.back(&frame, &shut));
    assert!(html.contains("disabled") && html.contains("Not now:"));
    assert!(html.contains("href=\"/pushes/4128/cancel\""), "where that push is cancelled");
    let mut equal = made_up::rollback_view();
    let same = pushbutton::desk::view::RollbackTarget::new("8f31c2e-4120", &equal.to.sha, true);
    (equal.from, equal.name) = (Some(same), equal.to.build.clone());
    let html = checked("back-one-commit", pages.back(&frame, &equal));
    assert!(
        html.contains("Roll Prod back to 8f31c2e-4101") && html.contains(">8f31c2e-4120<"),
        "builds are named: {html}"
    );
}

#[test]
fn a_push_that_waits_for_an_answer_says_so_and_stands_still() {
    let pages = pages();
    let html = checked("live-connecting", pages.push(&frame(Section::Pushes), &made_up::connecting()));
    let words = "12 of 24 hosts; waiting for web014, web015, web016 and 8 more; not reached: web007&lt;b&gt;evil&lt;";
    assert!(html.contains("<b>Connecting</b>") && html.contains(words), "{html}");
    let asking = made_up::asks(row(4127, "web", "prod", "running"));
    let frame = Frame { running: vec![asking.clone()], ..frame(Section::Stacks) };
    let street = made_up::stack_states().into_iter().find(|(name, _)| *name == "asking").unwrap().1;
    let html = checked("stack-asking", pages.stack(&frame, &street));
    for words in [
        "action=\"/pushes/4127/confirm\"",
        "name=\"question\" value=\"2\"",
        "Yes, continue",
        "No, stop here",
        "waits for an answer since",
        "Are the graphs calm? &lt;b&gt;evil",
        "11 of 24 hosts have 51d0c3e.",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    // 660 s ago it began, and worked 45 s of a usual 95: 600 s it waits now, 15 s it had waited before.
    assert!(html.contains("data-percent>47 %<"), "{html}");
    assert!(!html.contains("taking longer") && !html.contains("data-usual"), "no estimate moves");
    let html = checked("dashboard-asking", pages.dashboard(&frame, &board(&[street])));
    for words in ["Waits for an answer:</b> Are the graphs", "href=\"/pushes/4127\">Answer: Are", "waits for an answer"]
    {
        assert!(html.contains(words), "{words}: {html}");
    }
    assert!(!html.contains("taking longer") && !html.contains("data-usual"));
    let mut page = push_page("running");
    page.row = asking;
    page.questions = page.row.question.clone().into_iter().collect();
    let html = checked("live-asking", pages.push(&frame, &page));
    assert!(html.contains("<title>Waits for an answer: web to Prod"), "{html}");
}

#[test]
fn the_push_log_keeps_its_filters() {
    let pages = pages();
    let frame = frame(Section::Pushes);
    let filter = LogFilter {
        word: Some("\"><b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned()),
        state: Some("failed".to_owned()),
        ..Default::default()
    };
    let page = LogPage {
        rows: made_up::history(),
        filter,
        older: Some(4088),
        newer: None,
        stacks: vec!["web".into(), "api".into()],
    };
    let html = checked("log", pages.log(&frame, &page));
    for words in
        ["before=4088&amp;state=failed", "<option value=\"failed\" selected", "Yesterday, ", "&quot;&gt;&lt;b&gt;evil"]
    {
        assert!(html.contains(words), "{words}");
    }
    let none = LogPage { rows: Vec::new(), filter: LogFilter::default(), older: None, newer: None, stacks: Vec::new() };
    assert!(checked("log-empty", pages.log(&frame, &none)).contains("Nothing has been pushed yet"));
}

#[test]
fn a_channel_that_does_not_work_is_above_whatever_page() {
    let broken = |channel: &str, why: &str| Broken {
        channel: channel.parse().unwrap(),
        since: at(-3600 * 20),
        why: why.to_owned(),
    };
    let channels = vec![
        broken(
            "email",
            "smtp.example.com refuses our sign-in: 535 5.7.8 <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041} authentication failed (the server does not accept the user \
             and password): correct user and password of [email]; the password may have expired, or the server may need an app password",
        ),
        broken("irc", "not in #push: Cannot join channel (+i) (the channel is invite-only): invite the bot"),
    ];
    let frame = Frame { channels, ..frame(Section::Stacks) };
    let html = checked("dashboard-channels-broken", pages().dashboard(&frame, &board(&[])));
    for words in ["No announcements by mail", "No announcements on IRC", "/announcements?channel=irc"] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn strangers_are_asked_who_they_are_and_errors_say_what_to_do() {
    let pages = pages();
    let stranger = Frame { who: None, full_name: None, ..frame(Section::Nowhere) };
    let (both, alone) = (sign_in_form(AuthMode::Password), sign_in_form(AuthMode::Open));
    let (provider, nothing) = (sign_in_form(AuthMode::Oidc), sign_in_form(AuthMode::Proxy));
    for (name, form, problem) in [
        ("sign-in", both, None),
        ("sign-in-refused", both, Some("Name and password do not go together.".to_owned())),
        ("sign-in-open", alone, None),
        ("sign-in-open-refused", alone, Some("A name is 1 to 64 letters.".to_owned())),
        ("sign-in-at-a-provider", provider, None),
        (
            "sign-in-at-a-provider-refused",
            provider,
            Some("The provider did not sign you in (access_denied).".to_owned()),
        ),
        ("sign-in-by-a-proxy", nothing, None),
        ("sign-in-by-a-proxy-refused", nothing, Some("A proxy signs people in here.".to_owned())),
    ] {
        let ask = (name == "sign-in").then(|| "ops@example.com".to_owned());
        let keeps_passwords = form == both;
        let (next, said) = ("/pushes/4127".to_owned(), "mary".to_owned());
        let provider = "/sign-in/oidc?next=/pushes/4127".to_owned();
        let page = SignIn { form, provider, keeps_passwords, next, name: said, problem, ask };
        let html = checked(name, pages.sign_in(&stranger, &page));
        assert_eq!(html.contains("type=\"password\""), form == both, "{name}");
        let asks = matches!(form.asks, Asks::Name | Asks::NameAndPassword);
        assert_eq!(html.contains("name=\"name\""), asks, "{name}");
        assert_eq!(html.contains("href=\"/sign-in/oidc?next=/pushes/4127\""), form.asks == Asks::Provider, "{name}");
        assert_eq!(html.contains("Forgot your password?"), form == both, "{name}");
        assert_eq!(html.contains("Ask ops@example.com"), page.ask.is_some(), "{name}");
        assert_eq!(html.matches("role=\"alert\"").count(), usize::from(page.problem.is_some()), "{name}");
    }
    let elsewhere = "https://accounts.example.com/end?a=<b>x</b>&b=c".to_owned();
    let html = checked("signed-out", pages.signed_out(&stranger, &SignedOut { elsewhere }));
    assert!(html.contains("content=\"0; url=https://accounts.example.com/end?a=&lt;b&gt;x"), "{html}");
    for status in [403, 404, 409, 503] {
        let words = "QA has moved since you opened the page. Nothing was pushed.";
        let html = pages.error(
            &stranger,
            status,
            "Someone pushed <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}",
            words,
            "check it, then push again",
            Vec::new(),
        );
        checked(&format!("error-{status}"), html);
    }
    let html = pages.error(
        &stranger,
        421,
        "Wrong address",
        "this server answers to push.example.com, and this request asks for 127.0.0.1:8090.",
        "open https://push.example.com; if you did, the proxy in front of this server does not pass the Host header on: for \
         nginx, the line is `proxy_set_header Host $host;`",
        Vec::new(),
    );
    let html = checked("error-421", html);
    assert!(!html.contains("All stacks</a>"), "there is nothing by this name to go to");
    // Whoever sees it without its style must not see one huge drawing.
    for drawing in html.split("<svg").skip(1) {
        let drawing = drawing.split('>').next().unwrap();
        assert!(drawing.contains(" width=") && drawing.contains(" height="), "<svg{drawing}>");
    }
    assert!(at(0).millis() > 0);
}

#[test]
fn hosts_that_were_looked_over_are_shown_with_what_must_be_mended_first() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let finding = |weight, what: &str, cure: &str| Finding { weight, what: what.to_owned(), cure: cure.to_owned() };
    let looked = |place: &str, is: &str, findings| PlaceReport { place: place.to_owned(), is: is.to_owned(), findings };
    let places = vec![
        looked("push host", "OpenSSH_9.2p1, rsync  version 3.5.0, git version 2.39.5", vec![]),
        looked("web001.example.com", "Linux x86_64, as deploy, rsync 3.2.7, 34.1 GB free", vec![]),
        looked(
            "[2001:db8::1]:2222",
            "Linux x86_64, as deploy, 900 MB free",
            vec![
                finding(Weight::Must, "`rsync` is not on the PATH of commands there", "on the host: apt install rsync"),
                finding(
                    Weight::Note,
                    "only 900 MB are free at /srv/<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}",
                    "free space on the host: df -h /srv",
                ),
            ],
        ),
        looked(
            "web003",
            "",
            vec![finding(
                Weight::Must,
                "web003 refuses connections (connect to host web003 port 22: Connection refused): is sshd running there, and the port right?",
                "",
            )],
        ),
    ];
    let mut places = places;
    let umask = || {
        let what = "the login's umask is 077: others cannot read what commands make there, a web server among them";
        finding(
            Weight::Note,
            what,
            "umask 022 in the login's start-up file on the host (.bashrc, .profile), or at the beginning of the command",
        )
    };
    let directory = finding(
        Weight::Must,
        "/srv/web/current is a real directory with 12 entries, where a push puts a link",
        "on the host, while the site stays as it is: mv /srv/web/current /srv/web/current.before-pushbutton && ln -s current.before-pushbutton /srv/web/current",
    );
    places.push(looked("web004", "Linux x86_64, as deploy, rsync 3.2.7, 34.1 GB free", vec![directory, umask()]));
    for n in 5..12 {
        places.push(looked(&format!("web{n:03}"), "Linux x86_64, as deploy, rsync 3.2.7, 34.1 GB free", vec![umask()]));
    }
    let last = Checkup { stack: "web".to_owned(), at: at(180).to_string(), must: 3, notes: 9, places };
    let view = CheckupView { stack: "web".to_owned(), since: None, last: Some(last.clone()), no_right: None };
    let html = checked("hosts", pages.checkup(&frame, &view));
    for words in
        ["3 things to fix, 9 worth knowing", "To fix before a push", "Worth knowing", "no answer", "Check hosts now"]
    {
        assert!(html.contains(words), "{words}");
    }
    assert!(
        html.contains("web004, web005, web006, web007 and 4 more: the login&#x27;s umask is 077")
            || html.contains("web004, web005, web006, web007 and 4 more: the login&#39;s umask is 077"),
        "what is alike is told once: {html}"
    );
    assert!(
        html.contains("<b>web003 refuses connections") && html.contains("the port right?</b>"),
        "no name twice: {html}"
    );
    assert!(html.find("To fix").unwrap() < html.find("Worth knowing").unwrap());
    let well = Checkup { must: 0, notes: 0, places: last.places[..2].to_vec(), ..last };
    let html = checked("hosts-well", pages.checkup(&frame, &CheckupView { last: Some(well), ..view.clone() }));
    assert!(html.contains(">ok, as of") && !html.contains("To fix"));
    let never = CheckupView { stack: "web".to_owned(), ..CheckupView::default() };
    assert!(checked("hosts-never", pages.checkup(&frame, &never)).contains("Not checked since the server started"));
    let now = CheckupView { since: Some(at(5).to_string()), ..never };
    assert!(checked("hosts-now", pages.checkup(&frame, &now)).contains("The check is running, started"));
}

#[test]
fn another_version_is_chosen_from_a_list_and_shown_with_what_would_be_gone() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let commits = street("web", &["qa", "princess", "prod"]).stages[0].next.clone().unwrap().commits;
    let group = |branch: &str, commits: &[_]| VersionGroup { branch: branch.to_owned(), commits: commits.to_vec() };
    let versions = Versions {
        stack: "web".to_owned(),
        stage: "qa".to_owned(),
        unit: "commit",
        refs: Some("main, release/*".to_owned()),
        groups: vec![
            group("main", &commits),
            group("release/<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}", &commits[..1]),
        ],
        skipped: 0,
        next: Some(NextVersions { from: "f".repeat(40), skip: 30 }),
        bad: BTreeMap::new(),
        withdraw: [(commits[1].sha.clone(), "3f2c1ab9d004-p".to_owned())].into(),
        no_right: None,
    };
    let html = checked("versions", pages.versions(&frame, &versions));
    for words in [
        "/plan?sha=",
        "This stage accepts main, release/*.",
        "the newest one",
        "Another version to QA",
        "action=\"/stacks/web/builds/3f2c1ab9d004-p/withdraw\"",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let none = Versions { groups: Vec::new(), next: None, refs: None, unit: "build", ..versions };
    assert!(checked("versions-none", pages.versions(&frame, &none)).contains("No build can be chosen here."));

    let sha = commits[0].sha.clone();
    let plan = PlanView { version: Some(sha.clone()), gone: commits.clone(), gone_count: 7, ..made_up::plan() };
    let html = checked("plan-of-a-version", pages.plan(&frame, &plan, (&NoRights::default(), false)));
    assert!(html.contains(&format!("name=\"sha\" value=\"{sha}\"")), "the form carries it");
    assert!(html.contains("Commits that will be removed from Prod") && html.contains("7 commits"));
}

#[test]
fn two_versions_stand_side_by_side_with_the_commits_both_ways() {
    let pages = pages();
    let frame = frame(Section::Stacks);
    let commits = street("web", &["qa", "princess", "prod"]).stages[0].next.clone().unwrap().commits;
    let end = |asked: &str, digit: &str, push| ComparedEnd {
        asked: asked.to_owned(),
        sha: digit.repeat(40),
        build: Some("3f2c1ab-7".to_owned()),
        stage: Some("prod".to_owned()),
        push,
        at: Some(at(60).to_string()),
        who: Some("mary".to_owned()),
    };
    let compared = Comparison {
        stack: "web".to_owned(),
        from: end("prod@<b>Friday</b> 17:00", "a", Some(7)),
        to: end("prod", "b", Some(9)),
        added: ComparedCommits { count: 1204, commits: commits.clone() },
        removed: ComparedCommits { count: 1, commits: commits[..1].to_vec() },
        pushes: vec![row(9, "web", "prod", "succeeded")],
        more_pushes: true,
        diff: Some("https://git.example.com/web/compare/a...b".to_owned()),
    };
    let stages = ["qa", "prod"].map(|stage| stage.parse().unwrap()).to_vec();
    let page = |compared| ComparePage { stack: "web".parse().unwrap(), stages: stages.clone(), compared };
    let html = checked("compare", pages.compare(&frame, &page(Some(compared.clone()))));
    for words in [
        "Added: 1,204 commits",
        "Removed: 1 commit",
        "and older ones",
        "prod@&lt;b&gt;Friday",
        "Release notes (Markdown)",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let none = ComparedCommits::default();
    let same = Comparison {
        to: compared.from.clone(),
        added: none.clone(),
        removed: none,
        pushes: Vec::new(),
        more_pushes: false,
        ..compared
    };
    assert!(checked("compare-same", pages.compare(&frame, &page(Some(same)))).contains("Both are the same revision."));
    assert!(checked("compare-form", pages.compare(&frame, &page(None))).contains("Compare two versions of web"));
}

#[test]
fn stats_are_drawn_and_stand_beside_as_numbers() {
    let pages = pages();
    let frame = frame(Section::Stats);
    for weeks in ["2", "8", "52"] {
        let html = checked(&format!("stats-{weeks}"), pages.stats(&frame, &past::stats(weeks)));
        for words in
            ["pushes to Prod", "from commit to Prod", "<svg viewBox", "Numbers", "role=\"img\"", "c-fail", "c-band"]
        {
            assert!(html.contains(words), "{weeks} weeks: {words}");
        }
        assert!(!html.contains("NaN") && !html.contains("inf"), "numbers are numbers");
    }
    let html = checked("stats-empty", pages.stats(&frame, &past::no_stats()));
    assert!(html.contains("Nothing has been pushed yet"));
}

#[test]
fn announcements_say_what_arrived_and_what_did_not() {
    let pages = pages();
    let frame = frame(Section::Pushes);
    let html = checked("announcements", pages.announcements(&frame, &past::announcements(ToldFilter::default())));
    for words in ["IRC", "Email", "not reached", "end: sent", "given up", "web</b> #4126", "before=7", "after=12"] {
        assert!(html.contains(words), "{words}");
    }
    let given_up = ToldFilter { state: Some("given up".to_owned()), ..ToldFilter::default() };
    let none = pushbutton::web::pages::AnnouncementsPage { rows: Vec::new(), ..past::announcements(given_up) };
    assert!(checked("announcements-none", pages.announcements(&frame, &none)).contains("Show all announcements"));
}

#[test]
fn names_of_any_length_are_shown() {
    let pages = pages();
    let long = made_up::long();
    let frame = Frame { full_name: Some(made_up::LONG.to_owned()), ..frame(Section::Stacks) };
    let html = checked("stack-long", pages.stack(&frame, &long));
    assert!(html.contains(made_up::LONG));
    let log = LogPage {
        rows: made_up::long_history(),
        filter: LogFilter::default(),
        older: None,
        newer: None,
        stacks: vec![made_up::LONG.to_owned()],
    };
    checked("log-long", pages.log(&frame, &log));
    let frame = Frame { running: made_up::long_history(), ..frame };
    checked("dashboard-long", pages.dashboard(&frame, &board(&[long, street("web", &["qa", "prod"])])));
}

#[test]
fn scripts_and_server_judge_alike_what_hides_in_a_text() {
    let script = include_str!("../static/live/visible.js");
    let class = script.split_once("/[").unwrap().1.split_once("]/gu").unwrap().0;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut is_range = false;
    for part in class.split("\\u").skip(1) {
        let digits: String = part.trim_start_matches('{').chars().take_while(char::is_ascii_hexdigit).collect();
        let code = u32::from_str_radix(&digits, 16).unwrap();
        match is_range {
            true => ranges.last_mut().unwrap().1 = code,
            false => ranges.push((code, code)),
        }
        is_range = part.ends_with('-');
    }
    assert!(ranges.len() > 15, "{ranges:?}");
    for c in '\0'..=char::MAX {
        let in_script = ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)));
        assert_eq!(in_script, pushbutton::visible::is_invisible(c), "U+{:04X}", u32::from(c));
    }
}
