//! What a page says of a request before anybody presses, and what a press of it gets: all requests in all states of a stage.

use super::*;
use futures::{FutureExt, StreamExt, stream};
use pushbutton::desk::Questions;
use std::fmt::Display;

/// How a stage may be, as far as stop signs go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Free,
    StackHeld,
    StageHeld,
    HeldByPush,
    Running,
    HeldAndRunning,
    Broken,
}

const STATES: [State; 7] = [
    State::Free,
    State::StackHeld,
    State::StageHeld,
    State::HeldByPush,
    State::Running,
    State::HeldAndRunning,
    State::Broken,
];

/// What may be asked of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Next,
    Version,
    Rollback,
    Resume,
    CatchUp,
}

const REQUESTS: [Asked; 5] = [Asked::Next, Asked::Version, Asked::Rollback, Asked::Resume, Asked::CatchUp];

/// A stage with two good pushes and one whose runner died, in one of the states.
struct Stage {
    bench: Bench,
    first: String,
    died: PushNumber,
}

fn said<T, E: Display>(answer: Result<T, E>) -> Option<String> {
    answer.err().map(|refusal| refusal.to_string())
}

impl Stage {
    async fn new(state: State) -> Self {
        let bench = Bench::new().await;
        let first = bench.seen("qa").await;
        for text in ["second", "third"] {
            let push = bench.press("qa").await;
            let build = bench.assignment(push).build.to_string();
            bench.play_well(push).await;
            // The played runner makes none, and a build that is not there is not rolled back to.
            let dir = bench.at().join("data/builds/web").join(build);
            std::fs::create_dir_all(dir.join("tree")).unwrap();
            std::fs::write(dir.join("manifest"), "").unwrap();
            bench.commit(text).await;
        }
        let died = bench.press("qa").await;
        let mut journal = bench.journal(died).await;
        for event in good_push(&bench.assignment(died)).into_iter().take(4) {
            journal.add(At::now(), event).unwrap();
        }
        journal.flush().unwrap();
        bench.let_go(died).await;
        assert_eq!(bench.ended(died).await.state, Ended::Interrupted);
        let stage = Self { bench, first, died };
        stage.put(state).await;
        stage
    }

    async fn put(&self, state: State) {
        let (desk, qa): (_, StageName) = (&self.bench.desk, "qa".parse().unwrap());
        if state != State::HeldByPush {
            desk.release_hold(&web(), None, &who("joe"), said_why("looked at it")).await.unwrap();
        }
        match state {
            State::Free | State::HeldByPush => {}
            State::StackHeld => desk.hold(&web(), None, &who("joe"), said_why("demo").unwrap(), None).await.unwrap(),
            State::StageHeld => {
                desk.hold(&web(), Some(&qa), &who("joe"), said_why("demo").unwrap(), None).await.unwrap()
            }
            State::Running => self.bench.runner_is_up(self.bench.press("qa").await).await,
            State::HeldAndRunning => {
                self.bench.runner_is_up(self.bench.press("qa").await).await;
                desk.hold(&web(), None, &who("joe"), said_why("demo").unwrap(), None).await.unwrap();
            }
            State::Broken => {
                let file = self.bench.at().join("stacks/web.toml");
                let good = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, format!("{good}\nbutto = 1\n")).unwrap();
                until("the error", async || self.bench.stack_view().await.problem).await;
            }
        }
    }

    /// Why the request is closed, as pages say it; nothing where they do not offer it.
    async fn page(&self, asked: Asked) -> Option<Option<String>> {
        let (desk, qa): (_, StageName) = (&self.bench.desk, "qa".parse().unwrap());
        let none = Questions::LeftOut;
        Some(match asked {
            Asked::Next => {
                let street = self.bench.stack_view().await.stages.swap_remove(0).why_not;
                let plan = desk.plan(&web(), &qa, None).await.unwrap().why_not;
                assert_eq!(street, plan, "the stack's page and the plan's say the same");
                plan
            }
            Asked::Version => desk
                .plan(&web(), &qa, Some(&self.first.parse().unwrap()))
                .await
                .map_or_else(|no| Some(no.to_string()), |plan| plan.why_not),
            Asked::Rollback => desk
                .rollback_view(&web(), &qa, None, none)
                .await
                .map_or_else(|no| Some(no.to_string()), |view| view.why_not),
            Asked::Resume => desk.remaining(self.died).await.unwrap()?.why_not,
            Asked::CatchUp => {
                let hosts = vec!["qa1.example.com".to_owned()];
                desk.left_behind(&web(), &qa, hosts).await.map_or_else(|no| Some(no.to_string()), |view| view.why_not)
            }
        })
    }

    /// What a press of it gets.
    async fn press(&self, asked: Asked) -> Option<String> {
        let desk = &self.bench.desk;
        let press = |seen: &str| Press { reason: said_why("the graphs look odd"), ..press_of("qa", seen) };
        let none = Questions::LeftOut;
        match asked {
            Asked::Next => said(desk.press(press(&self.bench.seen("qa").await)).await),
            Asked::Version => said(desk.press_version(press(""), &self.first.parse().unwrap()).await),
            Asked::Rollback => said(desk.roll_back(press(""), None, none).await),
            Asked::Resume => said(desk.resume(self.died, &who("mary"), said_why("again"), None, None).await),
            Asked::CatchUp => said(desk.catch_up(press(""), vec!["qa1.example.com".to_owned()], none).await),
        }
    }
}

/// What the page offers in a state; each request that it says is closed is pressed, and gets that reason.
async fn offered_in(state: State) -> Vec<(State, Asked)> {
    let mut open = Vec::new();
    let stage = Stage::new(state).await;
    for asked in REQUESTS {
        match stage.page(asked).await {
            Some(Some(page)) => assert_eq!(Some(page), stage.press(asked).await, "{asked:?} while {state:?}"),
            Some(None) => open.push((state, asked)),
            None => assert!(stage.press(asked).await.is_some(), "{asked:?} while {state:?} is not offered"),
        }
    }
    stage.bench.close().await;
    open
}

/// Presses what the page says is open.
async fn accepted_in(state: State, asked: Asked) {
    let stage = Stage::new(state).await;
    assert_eq!(stage.press(asked).await, None, "{asked:?} while {state:?}");
    stage.bench.close().await;
}

/// How many stages are at work at once: each is mostly waiting, but a source that has no answer for 5 s changes what its pages say.
const AT_ONCE: usize = 3;

/// A press changes the stage, so each that is accepted has one of its own.
#[tokio::test]
async fn a_page_says_of_every_request_in_every_state_what_its_press_gets() {
    let offered = stream::iter(STATES).map(|state| offered_in(state).boxed_local());
    let open = offered.buffered(AT_ONCE).collect::<Vec<_>>().await.concat();
    let accepted = stream::iter(open.clone()).map(|(state, asked)| accepted_in(state, asked).boxed_local());
    accepted.buffered(AT_ONCE).collect::<Vec<_>>().await;
    let free = REQUESTS.map(|asked| (State::Free, asked));
    let rest = [
        (State::StackHeld, Asked::Rollback),
        (State::StageHeld, Asked::Rollback),
        (State::HeldByPush, Asked::Rollback),
        (State::HeldByPush, Asked::Resume),
    ];
    assert_eq!(open, [&free[..], &rest[..]].concat());
}
