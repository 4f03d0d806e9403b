//! Marked builds: what is good goes on where a stage asks for that, and what is bad goes nowhere.

use super::*;
use pushbutton::desk::{Marking, Questions};
use pushbutton::stack::BuildId;

fn case<T: std::fmt::Debug>(decision: Decision<T>) -> Case {
    decision.unwrap_err().case()
}

impl Bench {
    fn marking(&self, build: &str, stage: Option<&str>, why: &str) -> Marking {
        Marking {
            stack: web(),
            build: build.parse().unwrap(),
            stage: stage.map(|stage| stage.parse().unwrap()),
            who: who("kate"),
            reason: said_why(why),
        }
    }

    /// A push that went well, with its build on the disk.
    async fn built(&self, text: &str) -> String {
        self.commit(text).await;
        let push = self.press("qa").await;
        let row = self.play_well(push).await;
        let dir = self.at().join("data/builds/web").join(&row.build);
        std::fs::create_dir_all(dir.join("tree")).unwrap();
        std::fs::write(dir.join("manifest"), "").unwrap();
        row.build
    }

    async fn closed(&self, stage: usize) -> Option<String> {
        self.stack_view().await.stages.swap_remove(stage).why_not
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_asks_for_it_takes_only_what_is_marked_as_good_before() {
    let bench = Bench::new().await;
    let build = bench.built("second").await;
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"prod\"\n", "name = \"prod\"\nneeds = \"approved\"\n")).unwrap();
    let why = until("the file", async || bench.closed(1).await).await;
    let words = format!(
        "prod takes only builds that are marked as good on qa, and nobody who may approve there has marked {build} yet"
    );
    assert_eq!(why, words);
    let refused = bench.desk.press(press_of("prod", &build)).await.unwrap_err();
    assert_eq!((refused.case(), refused.to_string()), (Case::NotMarkedGood, words), "the page says what a push gets");

    assert_eq!(case(bench.desk.mark(bench.marking(&build, Some("prod"), "")).await), Case::NeverRanThere);
    assert_eq!(case(bench.desk.mark(bench.marking("0000000-9", Some("qa"), "")).await), Case::Unknown);
    bench.desk.mark(bench.marking(&build, Some("qa"), "accepted")).await.unwrap();
    bench.desk.mark(bench.marking(&build, Some("qa"), "again")).await.unwrap();
    let qa = bench.stack_view().await.stages.swap_remove(0);
    let said: Vec<_> = qa.marks.iter().map(|mark| (mark.mark, mark.who.as_str(), mark.reason.as_deref())).collect();
    assert_eq!(
        (said, qa.marks_wanted),
        (vec![("good", "kate", Some("accepted"))], true),
        "who says it first has said it"
    );
    assert_eq!(bench.closed(1).await, None);

    bench.desk.unmark(bench.marking(&build, Some("qa"), "not yet")).await.unwrap();
    assert_eq!(case(bench.desk.unmark(bench.marking(&build, Some("qa"), "x")).await), Case::NotMarked);
    assert_eq!(case(bench.desk.press(press_of("prod", &build)).await), Case::NotMarkedGood);
    bench.desk.mark(bench.marking(&build, Some("qa"), "")).await.unwrap();
    let push = bench.press("prod").await;
    assert_eq!(bench.play_well(push).await.build, build);

    let next = bench.built("third").await;
    assert_eq!(case(bench.desk.press(press_of("prod", &next)).await), Case::NotMarkedGood, "each build on its own");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_build_is_refused_everywhere_until_someone_takes_that_back() {
    let bench = Bench::new().await;
    let first = bench.built("second").await;
    let bad = bench.built("third").await;
    let sha = bench.stack_view().await.stages[0].current.clone().unwrap().sha;
    bench.desk.mark(bench.marking(&bad, None, "it loses orders")).await.unwrap();
    let words = format!("build {bad} is marked as bad by kate: it loses orders");
    for stage in [0, 1] {
        assert_eq!(bench.closed(stage).await.as_deref(), Some(words.as_str()), "stage {stage}");
    }
    assert_eq!(case(bench.desk.press(press_of("qa", &sha)).await), Case::MarkedBad, "nor is it made anew");
    assert_eq!(case(bench.desk.press_version(press_of("qa", ""), &sha.parse().unwrap()).await), Case::MarkedBad);
    assert_eq!(case(bench.desk.press(press_of("prod", &bad)).await), Case::MarkedBad);
    let hosts = vec!["qa1.example.com".to_owned()];
    assert_eq!(case(bench.desk.catch_up(press_of("qa", ""), hosts, Questions::LeftOut).await), Case::MarkedBad);
    let good = bench.built("fourth").await;
    let back = |to: &str| {
        let press = Press { reason: said_why("odd graphs"), ..press_of("qa", "") };
        (press, Some(to.parse::<BuildId>().unwrap()))
    };
    let (press, to) = back(&bad);
    assert_eq!(case(bench.desk.roll_back(press, to, Questions::LeftOut).await), Case::MarkedBad);
    let view = bench.desk.rollback_view(&web(), &"qa".parse().unwrap(), None, Questions::LeftOut).await.unwrap();
    assert_eq!(view.to.build, first, "a rollback goes past it");
    assert!(view.others.iter().all(|other| other.build != bad));

    // A rollback marks what it replaces, where that is wanted.
    let press = Press { reason: said_why("odd graphs"), marks_bad: true, ..press_of("qa", "") };
    let push = bench.desk.roll_back(press, None, Questions::LeftOut).await.unwrap();
    bench.play_well(push).await;
    let marks = bench.desk.marks(&web()).await.unwrap();
    let said: Vec<_> = marks.iter().map(|mark| (mark.build.as_str(), mark.mark, mark.who.as_str())).collect();
    assert_eq!(said, [(good.as_str(), "bad", "mary"), (bad.as_str(), "bad", "kate")]);

    bench.desk.unmark(bench.marking(&bad, None, "it was the database")).await.unwrap();
    let (press, to) = back(&bad);
    bench.desk.roll_back(press, to, Questions::LeftOut).await.unwrap();
    let noted = bench.desk.ledger().read(|connection| audit::in_order(connection, "unmark")).await.unwrap();
    assert_eq!(noted, [format!("build {bad} of web, bad: it was the database")]);
    bench.close().await;
}
