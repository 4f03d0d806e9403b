use super::*;
use crate::journal::HostResult;
use crate::ledger::outbox::{AnnouncedCommit, AnnouncedPaused, AnnouncedPush, Pause, StageEvent, StageNews};
use proptest::prelude::*;

fn push(state: &str) -> AnnouncedPush {
    AnnouncedPush {
        id: PushNumber::new(214).unwrap(),
        stack: "web".parse().unwrap(),
        stage: "prod".parse().unwrap(),
        kind: PushKind::Push,
        resumes: None,
        build: "51d0c3e-1".to_owned(),
        sha: "51d0c3e0b1f2a3c4d5e6f708192a3b4c5d6e7f80".to_owned(),
        root: Some("9f2c".repeat(16)),
        old_build: Some("8f31c2e-1".to_owned()),
        old_sha: Some("8f31c2e0b1f2a3c4d5e6f708192a3b4c5d6e7f80".to_owned()),
        branch: "main".to_owned(),
        who: "mary".to_owned(),
        reason: None,
        approved_by: None,
        override_why: None,
        state: PushState::parse(state).unwrap(),
        why: None,
        ended_by: None,
        plan_hash: "p".to_owned(),
        diff: Some("https://git.example.com/web/compare/8f31c2e...51d0c3e".to_owned()),
        pressed_at: "2026-11-21T10:00:00.000Z".to_owned(),
        started_at: None,
        ended_at: None,
        duration_ms: Some(38_400),
        hosts_total: 41,
        hosts_ok: 41,
        lines: 0,
        commit_count: 4,
        paused: None,
        question: None,
        waits_since: None,
        waited_ms: 0,
    }
}

fn commit(subject: &str) -> AnnouncedCommit {
    AnnouncedCommit {
        sha: "51d0c3e0b1f2a3c4d5e6f708192a3b4c5d6e7f80".to_owned(),
        author: "Mary Okafor".to_owned(),
        email: "mary@example.com".to_owned(),
        at: "2026-11-21T09:00:00.000Z".to_owned(),
        subject: subject.to_owned(),
    }
}

fn ended(state: &str) -> Announcement {
    Announcement {
        event: Moment::Ended,
        push: push(state),
        button: "PROD!!!".to_owned(),
        commits: vec![commit("Warm the cart"), commit("Fix <b>sign-in</b> & more")],
        commit_count: 4,
        bad_hosts: Vec::new(),
        links: Vec::new(),
        question: None,
        pause: None,
        url: "https://push.example.com/pushes/214".to_owned(),
        held: false,
        audit_head: "0123456789ab".to_owned(),
    }
}

fn started() -> Announcement {
    Announcement { event: Moment::Started, ..ended("running") }
}

fn failed(hosts: usize) -> Announcement {
    let mut announcement = ended("failed");
    announcement.push.hosts_ok = 41 - i64::try_from(hosts).unwrap();
    announcement.push.why = Some("sudo apachectl graceful failed on web003".to_owned());
    announcement.bad_hosts = (3..3 + hosts)
        .map(|n| BadHost {
            host: format!("web{n:03}"),
            result: if n == 4 { HostResult::TimedOut } else { HostResult::Failed },
            why: (n != 4).then(|| "exit 1".to_owned()),
            command: "sudo apachectl graceful".to_owned(),
        })
        .collect();
    announcement
}

fn now() -> At {
    "2026-11-21T10:04:59.999Z".parse().unwrap()
}

const LINKS: &str = "https://git.example.com/web/compare/8f31c2e...51d0c3e · https://push.example.com/pushes/214";

#[test]
fn a_start_is_told_on_irc() {
    let mut announcement = started();
    assert_eq!(
        irc_line(&announcement, now()),
        format!("[web] mary is pushing 8f31c2e → 51d0c3e to PROD: 4 commits · {LINKS}")
    );
    announcement.push.reason = Some("the cart is slow".to_owned());
    announcement.push.old_sha = None;
    announcement.push.diff = None;
    announcement.commit_count = 1;
    assert_eq!(
        irc_line(&announcement, now()),
        "[web] mary is pushing 51d0c3e to PROD: 1 commit · the cart is slow · https://push.example.com/pushes/214"
    );
}

fn rollback(mut announcement: Announcement) -> Announcement {
    announcement.push.kind = PushKind::Rollback;
    (announcement.push.sha, announcement.push.old_sha) =
        (announcement.push.old_sha.clone().unwrap(), Some(announcement.push.sha));
    announcement.push.reason = Some("checkout answers 500".to_owned());
    announcement
}

#[test]
fn hosts_that_were_behind_are_told_of_as_such() {
    let mut push = ended("succeeded");
    push.push.kind = PushKind::CatchUp;
    (push.push.hosts_ok, push.push.hosts_total, push.commit_count) = (1, 1, 0);
    push.push.old_sha = Some(push.push.sha.clone());
    let line = irc_line(&push, now());
    assert!(line.starts_with("[web] mary updated 1 host of PROD to 51d0c3e: succeeded, 1 host"), "{line}");
    let told = mail(&push);
    assert!(told.text.starts_with("1 host of Prod updated to 51d0c3e of web by mary: succeeded."), "{}", told.text);
    assert_eq!(told.subject, "[push] web Prod: 1 host updated to 51d0c3e by mary");
    push.event = Moment::Started;
    push.push.hosts_total = 2;
    let line = irc_line(&push, now());
    assert!(line.starts_with("[web] mary is updating 2 hosts of PROD to 51d0c3e: "), "{line}");
}

#[test]
fn a_question_is_told_with_its_time() {
    let mut announcement = started();
    announcement.event = Moment::Asked;
    announcement.question = Some(AnnouncedQuestion {
        ask: 2,
        command: 7,
        question: "Graphs calm?\r\nQUIT".to_owned(),
        asked_at: "2026-11-21T10:02:00.000Z".to_owned(),
        ends_at: "2026-11-21T10:32:00.000Z".to_owned(),
        another: false,
        answer: None,
        who: None,
        reason: None,
    });
    assert_eq!(announcement.key(), "push-214-asked-2");
    assert_eq!(
        irc_line(&announcement, now()),
        "[web] push 214 of 51d0c3e to PROD by mary waits for an answer until 10:32 UTC: Graphs calm? QUIT · \
         https://push.example.com/pushes/214"
    );
    let mail = mail(&announcement);
    assert_eq!(mail.subject, "[push] ANSWER NEEDED web Prod: Graphs calm? QUIT");
    assert!(mail.text.starts_with("Push 214 of web to Prod waits for an answer: Graphs calm? QUIT\n"), "{}", mail.text);
    assert!(mail.text.contains("Until     10:32 UTC\n"), "{}", mail.text);
}

#[test]
fn the_way_back_and_a_resume_are_told_as_such() {
    let mut resumed = ended("succeeded");
    resumed.push.kind = PushKind::Resume;
    resumed.push.resumes = PushNumber::new(213).ok();
    let mut resuming = resumed.clone();
    resuming.event = Moment::Started;
    for (announcement, words) in [
        (
            rollback(ended("succeeded")),
            "mary rolled PROD back to 8f31c2e (from 51d0c3e): succeeded, 41 hosts, 38 s · 4 commits rolled back · checkout \
             answers 500",
        ),
        (
            rollback(started()),
            "mary is rolling PROD back to 8f31c2e (from 51d0c3e): 4 commits rolled back · checkout answers 500",
        ),
        (resumed.clone(), "mary resumed push 213, 8f31c2e → 51d0c3e to PROD: succeeded, 41 hosts, 38 s · 4 commits"),
        (resuming, "mary is resuming push 213, 8f31c2e → 51d0c3e to PROD: 4 commits"),
    ] {
        assert_eq!(irc_line(&announcement, now()), format!("[web] {words} · {LINKS}"));
    }
    let told = mail(&rollback(ended("succeeded")));
    assert_eq!(told.subject, "[push] web Prod: rolled back to 8f31c2e by mary");
    assert!(told.text.starts_with("web on Prod was rolled back to 8f31c2e by mary: succeeded.\n"), "{}", told.text);
    assert!(told.text.contains("4 commits rolled back:\n"), "{}", told.text);
    let mut equal = rollback(ended("succeeded"));
    (equal.push.old_sha, equal.push.old_build) = (Some(equal.push.sha.clone()), Some("8f31c2e-214".to_owned()));
    equal.push.build = "8f31c2e-212".to_owned();
    let line = irc_line(&equal, now());
    assert!(
        line.contains("mary rolled PROD back to 8f31c2e-212 (from 8f31c2e-214): "),
        "two builds of one commit: {line}"
    );
    assert_eq!(mail(&equal).subject, "[push] web Prod: rolled back to 8f31c2e-212 by mary");
    let mut undone = ended("rolled back");
    undone.push.hosts_ok = 0;
    let line = irc_line(&undone, now());
    assert!(
        line.contains(": ROLLED BACK to 8f31c2e, 0 of 41 hosts have 51d0c3e, 38 s"),
        "one number, also here: {line}"
    );
    assert!(mail(&undone).text.contains("Hosts     0 of 41 have 51d0c3e\n"), "{}", mail(&undone).text);
    assert!(mail(&resumed).text.starts_with("mary resumed push 213 of web to Prod: succeeded.\n"));
}

#[test]
fn each_end_is_told_on_irc_in_its_own_words() {
    let mut cancelled = ended("cancelled");
    cancelled.push.ended_by = Some("joe".to_owned());
    cancelled.push.hosts_ok = 10;
    let mut again = ended("succeeded");
    again.push.old_sha = Some(again.push.sha.clone());
    again.push.hosts_total = 1;
    again.push.hosts_ok = 1;
    again.commit_count = 0;
    let mut interrupted = Announcement { held: true, ..ended("interrupted") };
    interrupted.push.hosts_ok = 7;
    interrupted.push.duration_ms = None;
    interrupted.push.why = Some("the runner died".to_owned());
    let mut many = failed(20);
    many.push.why = None;
    for (announcement, words) in [
        (ended("succeeded"), "mary pushed 8f31c2e → 51d0c3e to PROD: succeeded, 41 hosts, 38 s · 4 commits"),
        (again, "mary pushed 51d0c3e again to PROD: succeeded, 1 host, 38 s · no new commits"),
        (
            failed(2),
            "mary pushed 8f31c2e → 51d0c3e to PROD: FAILED, 39 of 41 hosts have 51d0c3e, 38 s · sudo apachectl graceful failed on \
             web003 · web003 failed (exit 1), web004 timed out · 4 commits",
        ),
        (
            many,
            "mary pushed 8f31c2e → 51d0c3e to PROD: FAILED, 21 of 41 hosts have 51d0c3e, 38 s · web003 failed (exit 1), \
             web004 timed out, web005 failed (exit 1), +17 or more · 4 commits",
        ),
        (
            cancelled,
            "mary pushed 8f31c2e → 51d0c3e to PROD: cancelled by joe, 10 of 41 hosts have 51d0c3e, 38 s · 4 commits",
        ),
        (
            interrupted,
            "mary pushed 8f31c2e → 51d0c3e to PROD: INTERRUPTED, 7 of 41 hosts have 51d0c3e · web is held until someone decides \
             · the runner died · 4 commits",
        ),
    ] {
        assert_eq!(irc_line(&announcement, now()), format!("[web] {words} · {LINKS}"));
    }
}

#[test]
fn what_is_told_late_says_how_late() {
    let later = At::from_millis(now().millis() + 3 * 3_600_000);
    let line = irc_line(&started(), later);
    assert!(line.starts_with("[web] (3 h ago) mary is pushing 8f31c2e → 51d0c3e to PROD: "), "{line}");
}

#[test]
fn a_push_that_leaves_a_host_unknown_says_that_its_stack_is_held() {
    // Also where a command timed out whose processes would not die: no result of it is unknown.
    let announcement = Announcement { held: true, ..failed(1) };
    let held = "web is held until someone decides";
    assert!(irc_line(&announcement, now()).contains(held));
    assert!(mail(&announcement).text.to_lowercase().contains(held));
    assert!(!irc_line(&failed(1), now()).contains("held"));
}

#[test]
fn a_subject_says_what_matters_first() {
    let mut cancelled = ended("cancelled");
    cancelled.push.old_sha = None;
    for (announcement, subject) in [
        (started(), "[push] started web Prod: 8f31c2e to 51d0c3e by mary"),
        (ended("succeeded"), "[push] web Prod: 8f31c2e to 51d0c3e by mary"),
        (failed(3), "[push] FAILED web Prod: 8f31c2e to 51d0c3e by mary (sudo apachectl graceful on web003 +2)"),
        (cancelled, "[push] CANCELLED web Prod: 51d0c3e by mary"),
        (ended("interrupted"), "[push] INTERRUPTED web Prod: 8f31c2e to 51d0c3e by mary"),
        (ended("degraded"), "[push] DEGRADED web Prod: 8f31c2e to 51d0c3e by mary"),
    ] {
        assert_eq!(mail(&announcement).subject, subject);
    }
}

#[test]
fn a_mail_of_a_start() {
    insta::assert_snapshot!(mail(&started()).text, @r"
    mary is pushing web to Prod.

    Who       mary
    When      2026-11-21 10:00 UTC
    Stack     web
    Stage     prod
    From      8f31c2e0b1f2a3c4d5e6f708192a3b4c5d6e7f80
    To        51d0c3e0b1f2a3c4d5e6f708192a3b4c5d6e7f80
    Branch    main
    Hosts     41

    4 commits:
      51d0c3e Warm the cart (Mary Okafor)
      51d0c3e Fix <b>sign-in</b> & more (Mary Okafor)
      and 2 more

    Difference: https://git.example.com/web/compare/8f31c2e...51d0c3e
    The push: https://push.example.com/pushes/214

    Audit head: 0123456789ab
    ");
}

#[test]
fn a_mail_of_a_failed_push() {
    insta::assert_snapshot!(mail(&failed(2)).text, @r"
    mary pushed web to Prod: FAILED.

    Who       mary
    When      2026-11-21 10:00 UTC
    Stack     web
    Stage     prod
    From      8f31c2e0b1f2a3c4d5e6f708192a3b4c5d6e7f80
    To        51d0c3e0b1f2a3c4d5e6f708192a3b4c5d6e7f80
    Branch    main
    Result    FAILED
    Why       sudo apachectl graceful failed on web003
    Hosts     39 of 41 have 51d0c3e
    Duration  38 s

    What did not succeed:
      web003 failed (exit 1): sudo apachectl graceful
      web004 timed out: sudo apachectl graceful

    4 commits:
      51d0c3e Warm the cart (Mary Okafor)
      51d0c3e Fix <b>sign-in</b> & more (Mary Okafor)
      and 2 more

    Difference: https://git.example.com/web/compare/8f31c2e...51d0c3e
    The push: https://push.example.com/pushes/214

    Audit head: 0123456789ab
    ");
}

#[test]
fn a_mail_of_an_interrupted_push_says_what_follows() {
    let text = mail(&Announcement { held: true, ..ended("interrupted") }).text;
    assert!(text.starts_with("mary pushed web to Prod: INTERRUPTED.\nWeb is held until someone decides.\n"), "{text}");
}

#[test]
fn the_html_of_a_mail() {
    insta::assert_snapshot!(mail(&failed(1)).html);
}

/// The same hostile text in every field that comes from outside.
fn hostile(text: &str) -> Announcement {
    let text = text.to_owned();
    let mut announcement = failed(1);
    let push = &mut announcement.push;
    for field in [&mut push.sha, &mut push.branch, &mut push.who] {
        field.clone_from(&text);
    }
    for field in [&mut push.reason, &mut push.why, &mut push.old_sha, &mut push.ended_by, &mut push.diff] {
        *field = Some(text.clone());
    }
    let bad = &mut announcement.bad_hosts[0];
    *bad = BadHost { host: text.clone(), result: HostResult::Failed, why: Some(text.clone()), command: text.clone() };
    announcement.commits = vec![AnnouncedCommit {
        sha: text.clone(),
        author: text.clone(),
        email: text.clone(),
        at: text.clone(),
        subject: text.clone(),
    }];
    announcement.audit_head = text;
    announcement
}

fn is_harmless(announcement: &Announcement) {
    let line = irc_line(announcement, now());
    assert!(line.len() <= 400 && !line.chars().any(char::is_control), "{line:?}");
    assert!(line.ends_with(" · https://push.example.com/pushes/214"), "{line:?}");
    let mail = mail(announcement);
    assert!(mail.subject.len() <= 180 && !mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
    assert!(!mail.text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", mail.text);
    assert!(!mail.html.chars().any(|c| c.is_control() && c != '\n'), "{:?}", mail.html);
    let honest = super::mail(&hostile("x")).text.lines().count();
    assert!(mail.text.lines().count() <= honest, "a value made a line of its own: {:?}", mail.text);
    for bad in ["<script", "<img", "javascript:\""] {
        assert!(!mail.html.to_lowercase().contains(bad), "{:?}", mail.html);
    }
}

#[test]
fn hostile_text_in_every_field_stays_text() {
    for text in [
        "x\r\nQUIT :gone\r\nPRIVMSG #else :hi",
        "x\rBcc: everybody@example.com",
        "x\n.\nMAIL FROM:<evil@example.com>",
        "a\0b\u{1}VERSION\u{1}",
        "\u{1b}[31mred\u{1b}]0;title\u{7}",
        "\u{202e}desrever\u{2066}",
        &"🚀".repeat(400),
        &"x".repeat(10_000),
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "\" onmouseover=\"alert(1)",
        "",
    ] {
        is_harmless(&hostile(text));
    }
}

#[test]
fn a_link_that_is_not_of_the_web_is_left_away() {
    let mut announcement = ended("succeeded");
    announcement.push.diff = Some("javascript:alert(1)".to_owned());
    let mail = mail(&announcement);
    assert!(!mail.html.contains("javascript") && !mail.text.contains("javascript"));
    assert!(mail.html.contains("<a href=\"https://push.example.com/pushes/214\""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_in_every_field_stays_text(text in "(?s).{0,300}") {
        let line = irc_line(&hostile(&text), now());
        prop_assert!(line.len() <= 400 && !line.chars().any(char::is_control));
        let mail = mail(&hostile(&text));
        prop_assert!(!mail.subject.chars().any(char::is_control));
        prop_assert!(!mail.text.contains('\r') && !mail.html.contains('\r'));
    }
}

#[test]
fn links_of_before_and_finally_are_told_as_long_as_they_fit() {
    let mut announcement = ended("succeeded");
    let link = |title: &str, url: &str| AnnouncedLink { title: title.to_owned(), url: url.to_owned(), host: None };
    announcement.links = vec![link("Ticket OPS-7", "https://t.example.com/OPS-7"), link("x", "javascript:alert(1)")];
    let line = irc_line(&announcement, now());
    assert!(
        line.ends_with(&format!("4 commits · the push host says: Ticket OPS-7 https://t.example.com/OPS-7 · {LINKS}")),
        "{line}"
    );
    announcement.links = (0..9).map(|n| link(&"Graph ".repeat(20), &format!("https://g.example.com/{n}"))).collect();
    let line = irc_line(&announcement, now());
    assert!(line.len() <= clean::IRC_BYTES && line.ends_with(LINKS) && line.matches("Graph").count() <= 24, "{line}");
}

#[test]
fn a_pause_and_its_end_are_told_on_irc_and_by_mail() {
    let pause = |event, lasted_ms| {
        let at = "2026-11-21T10:01:00.000Z".to_owned();
        let mut announcement = ended("running");
        announcement.event = event;
        announcement.pause = Some(Pause { n: 57, at: at.clone(), who: "joe".to_owned(), lasted_ms });
        if event == Moment::Paused {
            let reason = Some("graphs\r\nQUIT".to_owned());
            announcement.push.paused = Some(AnnouncedPaused { who: "joe".to_owned(), at, reason });
        }
        announcement
    };
    let paused = pause(Moment::Paused, None);
    let page = "https://push.example.com/pushes/214";
    let words = "joe paused push 214 of mary to PROD: no new host starts · graphs QUIT";
    assert_eq!(irc_line(&paused, now()), format!("[web] {words} · {page}"));
    assert_eq!(paused.key(), "push-214-paused-57");
    let told = mail(&paused);
    assert_eq!(told.subject, "[push] paused by joe: web Prod: 8f31c2e to 51d0c3e");
    assert!(
        told.text.starts_with("joe paused push 214 of mary to Prod (web): no new host starts · graphs QUIT.\n"),
        "{}",
        told.text
    );
    let resumed = pause(Moment::Resumed, Some(182_000));
    assert_eq!(
        irc_line(&resumed, now()),
        format!("[web] joe resumed push 214 of mary to PROD after a pause of 3 m 02 s · {page}")
    );
    assert_eq!(mail(&resumed).subject, "[push] resumed by joe: web Prod: 8f31c2e to 51d0c3e");
}

#[test]
fn what_piled_up_is_one_line_that_names_the_bad_ends_first() {
    let push = |id, stack: &str, mut announcement: Announcement| {
        (announcement.push.id, announcement.push.stack) = (PushNumber::new(id).unwrap(), stack.parse().unwrap());
        announcement
    };
    let begun_and_ended = [push(1, "web", started()), push(1, "web", ended("succeeded"))];
    assert_eq!(piled_up(&begun_and_ended, now()), irc_line(&begun_and_ended[1], now()), "only how it stands counts");
    let several = [push(1, "web", ended("succeeded")), push(2, "api", failed(1)), push(3, "web", started())];
    assert_eq!(
        piled_up(&several, now()),
        "[pushbutton] 3 pushes could not be announced · api PROD 51d0c3e FAILED (push 2 by mary) · web PROD 51d0c3e is being \
         pushed (push 3 by mary) · web PROD 51d0c3e succeeded (push 1 by mary) · https://push.example.com/pushes"
    );
    let many: Vec<Announcement> = (1..60).map(|id| push(id, "a-stack-with-a-long-name", ended("failed"))).collect();
    let line = piled_up(&many, now());
    assert!(line.len() <= clean::IRC_BYTES && line.ends_with(" more · https://push.example.com/pushes"), "{line}");
}

fn news(event: StageEvent) -> Announced {
    let answered = event != StageEvent::ApprovalAsked;
    Announced::Stage(Box::new(StageNews {
        news: event,
        key: "approval-7-asked".to_owned(),
        stack: "web".parse().unwrap(),
        stage: Some("prod".parse().unwrap()),
        build: None,
        who: if answered { "joe" } else { "mary" }.to_owned(),
        stages: Vec::new(),
        asker: answered.then(|| "mary".to_owned()),
        sha: "51d0c3e0b1f2a3c4d5e6f708192a3b4c5d6e7f80".to_owned(),
        old_sha: Some("8f31c2e0b1f2a3c4d5e6f708192a3b4c5d6e7f80".to_owned()),
        reason: Some("the fair\r\nQUIT · x".to_owned()),
        until: (!answered).then(|| "2026-11-21T18:30:00.000Z".to_owned()),
        at: started().push.pressed_at,
        url: "https://push.example.com/stacks/web/stages/prod/plan".to_owned(),
        audit_head: "0123456789ab".to_owned(),
    }))
}

#[test]
fn what_happens_to_an_approval_is_told_with_the_link_to_its_plan() {
    const LINK: &str = "https://push.example.com/stacks/web/stages/prod/plan";
    for (event, line, subject) in [
        (
            StageEvent::ApprovalAsked,
            "[web] mary asks for approval to push 8f31c2e → 51d0c3e to PROD until 18:30 UTC: the fair QUIT · x",
            "[push] APPROVAL NEEDED web Prod: 51d0c3e by mary",
        ),
        (
            StageEvent::Approved,
            "[web] joe approved the push of 8f31c2e → 51d0c3e to PROD, which mary asked for: the fair QUIT · x",
            "[push] approved web Prod: 51d0c3e by joe",
        ),
        (
            StageEvent::Declined,
            "[web] joe DECLINED the push of 8f31c2e → 51d0c3e to PROD, which mary asked for: the fair QUIT · x",
            "[push] DECLINED web Prod: 51d0c3e by joe",
        ),
    ] {
        let announced = news(event);
        assert_eq!(line_of(&announced, now()), format!("{line} · {LINK}"));
        let mail = letter_of(&announced);
        assert_eq!(mail.subject, subject);
        assert!(!mail.text.contains('\r') && mail.text.contains(LINK) && mail.html.contains(LINK), "{}", mail.text);
        assert!(mail.text.contains("Reason    the fair QUIT · x\n"), "{}", mail.text);
    }
}

#[test]
fn that_stages_are_not_pushed_automatically_any_more_is_told_with_the_reason() {
    const LINK: &str = "https://push.example.com/stacks/web";
    for (stages, line) in
        [(&["qa"][..], "[web] auto is OFF for QA"), (&["qa", "prod"][..], "[web] auto is OFF for QA, PROD")]
    {
        let Announced::Stage(news) = news(StageEvent::AutoOff) else { panic!() };
        let stages = stages.iter().map(|stage| stage.parse().unwrap()).collect();
        let news = StageNews { stages, stage: None, asker: None, sha: String::new(), url: LINK.to_owned(), ..*news };
        let announced = Announced::Stage(Box::new(StageNews {
            reason: Some("push 12 failed\r\n".to_owned()),
            old_sha: None,
            ..news
        }));
        assert_eq!(line_of(&announced, now()), format!("{line}: push 12 failed · {LINK}"));
        let mail = letter_of(&announced);
        assert_eq!(mail.subject, "[push] auto is OFF web: push 12 failed");
        assert!(mail.text.contains("Reason    push 12 failed\n") && mail.html.contains(LINK), "{}", mail.text);
    }
}

#[test]
fn a_push_says_who_approved_it_and_loudly_that_nobody_did() {
    let with = |announcement: Announcement, by: Option<&str>, without: Option<&str>| {
        let text = |text: &str| text.to_owned();
        let push = AnnouncedPush { approved_by: by.map(text), override_why: without.map(text), ..announcement.push };
        Announcement { push, ..announcement }
    };
    for announcement in [started(), ended("succeeded")] {
        let approved = with(announcement.clone(), Some("joe"), None);
        assert!(irc_line(&approved, now()).contains(" · approved by joe"), "{}", irc_line(&approved, now()));
        assert!(mail(&approved).text.contains("Approval  approved by joe\n"));
        let without = with(announcement, None, Some("the site is down"));
        let line = irc_line(&without, now());
        assert!(line.contains(" · WITHOUT approval: the site is down"), "{line}");
        let mail = mail(&without);
        assert!(mail.subject.contains("WITHOUT APPROVAL"), "{}", mail.subject);
        assert!(mail.text.contains("Approval  WITHOUT approval: the site is down\n"), "{}", mail.text);
    }
}
