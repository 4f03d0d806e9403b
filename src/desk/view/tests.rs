use super::*;
use crate::journal::Answer;
use crate::ledger::published::Published;
use crate::ledger::pushes::Paused;
use crate::ledger::questions::Question;

fn text(text: &str) -> String {
    text.to_owned()
}

fn written(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap()
}

#[test]
fn what_stages_run_and_what_stops_them_is_written_as_programs_read_it() {
    let push = PushNumber::new(7).unwrap();
    let current = Current {
        sha: text("51d0c3e"),
        build: text("51d0c3e-7"),
        root: text("9f"),
        files: 3,
        subject: text("Warm the cart"),
        pushed_at: text("t1"),
        who: text("mary"),
        push,
        hosts_ok: 1,
        hosts_total: 2,
        as_of: None,
    };
    assert_eq!(
        written(&CurrentBody::from(&current)),
        r#"{"sha":"51d0c3e","build":"51d0c3e-7","root":"9f","files":3,"subject":"Warm the cart","pushed_at":"t1","who":"mary","push":7,"hosts_ok":1,"hosts_total":2,"as_of":null}"#
    );
    let hold =
        Hold { scope: text("web"), who: text("joe"), reason: text("fair"), at: text("t2"), push: None, until: None };
    assert_eq!(
        written(&HoldBody::from(&hold)),
        r#"{"scope":"web","who":"joe","reason":"fair","at":"t2","push":null,"until":null}"#
    );
    let step = StepNow { number: 2, of: 5, title: text("make") };
    assert_eq!(written(&StepBody::from(&step)), r#"{"number":2,"of":5,"title":"make"}"#);
}

#[test]
fn builds_and_commits_are_written_as_programs_read_them() {
    let commit =
        Commit { sha: text("51"), author: text("Mary"), email: text("m@x"), at: text("t"), subject: text("Warm") };
    assert_eq!(
        written(&CommitBody::from(&commit)),
        r#"{"sha":"51","author":"Mary","email":"m@x","at":"t","subject":"Warm"}"#
    );
    let good = GoodBuild {
        build: text("b"),
        sha: text("51"),
        root: text("9f"),
        branch: text("main"),
        subject: text("Warm"),
        files: 3,
        push: PushNumber::new(7).unwrap(),
        who: text("mary"),
        pushed_at: text("t"),
    };
    assert_eq!(
        written(&GoodBuildBody::from(&good)),
        r#"{"build":"b","sha":"51","root":"9f","branch":"main","subject":"Warm","files":3,"push":7,"who":"mary","pushed_at":"t"}"#
    );
    let published = Published {
        sha: text("51"),
        build: text("b"),
        root: text("9f"),
        branch: text("main"),
        title: text("Warm"),
        who: text("ci"),
        at: text("t"),
        files: 3,
        bytes: 5,
    };
    assert_eq!(
        written(&PublishedBody::from(&published)),
        r#"{"sha":"51","build":"b","root":"9f","ref":"main","title":"Warm","who":"ci","at":"t","files":3,"bytes":5}"#
    );
}

#[test]
fn what_a_push_waits_for_is_written_as_programs_read_it() {
    let paused = Paused { who: text("joe"), at: text("t"), reason: None };
    assert_eq!(written(&PausedBody::from(&paused)), r#"{"who":"joe","at":"t","reason":null}"#);
    let question = Question {
        ask: 1,
        command: 4,
        question: text("Calm?"),
        asked_at: text("t1"),
        ends_at: text("t2"),
        another: false,
        answer: Some(Answer::Yes),
        who: Some(text("joe")),
        reason: None,
    };
    assert_eq!(
        written(&QuestionBody::from(&question)),
        r#"{"ask":1,"command":4,"question":"Calm?","asked_at":"t1","ends_at":"t2","another":false,"answer":"yes","who":"joe","reason":null}"#
    );
}
