//! Made-up data for the pages, as a busy team would leave it.

use pushbutton::config::ChannelKind;
use pushbutton::desk::StackView;
use pushbutton::desk::view::{
    AutoView, CatchUp, Compared, Current, Drift, ExtraReleases, FileChanges, GoodBuild, Hold, LeftBehind, NeedView,
    NeedsView, NextPush, NoRights, NotHeld, NotReady, PlanView, PlannedView, Readiness, Remaining, RemainingCommand,
    RollbackReadiness, RollbackTarget, RollbackView, StageView, StatusView, StepNow, Ticket, Trunk, TypicalDuration,
    Weight,
};
use pushbutton::journal::connections::{Connections, Missing};
use pushbutton::journal::event::{Event, Record, Stream};
use pushbutton::journal::{Connecting, HostResult, PushState};
use pushbutton::ledger::holding::LeftWith;
use pushbutton::ledger::outbox::{DeliveryState, OutboxRow};
use pushbutton::ledger::pushes::{CommandRow, Commit, Link, Measurement, PushRow, ResultRow};
use pushbutton::ledger::questions::Question;
use pushbutton::ledger::statuses::CommitState;
use pushbutton::ledger::typical_duration::TypicalStep;
use pushbutton::plan::{Part, PushKind, Standing};
use pushbutton::stack::PushNumber;
use pushbutton::time::At;
use pushbutton::web::pages::{Frame, PushPage, Section};

const QA: &str = "9c1e2f4b7d8a6c5e4f3a2b1c0d9e8f7a6b5c4d3e";
pub const PRINCESS: &str = "51d0c3e9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3";
const PROD: &str = "8f31c2e5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9";
const TRUNK: &str = "e4f9b12c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a";

/// `seconds` before the moment that all made-up pages are drawn at.
pub fn at(seconds: i64) -> At {
    At::from_millis(1_795_270_450_000 - seconds * 1000)
}

pub fn ago(seconds: i64) -> String {
    at(seconds).to_string()
}

pub fn frame(section: Section) -> Frame {
    Frame {
        who: Some("mary".to_owned()),
        full_name: Some("Mary Okafor".to_owned()),
        now: at(0),
        running: Vec::new(),
        nonce: "n0nce".to_owned(),
        channels: Vec::new(),
        kinds: [("tickets".parse().unwrap(), ChannelKind::Jira)].into_iter().collect(),
        ledger: None,
        disk: None,
        copied: None,
        admin: false,
        no_take_over: None,
        notices: Vec::new(),
        section,
        open_mode: true,
    }
}

fn commit(sha: &str, author: &str, subject: &str, minutes: i64) -> Commit {
    Commit {
        sha: format!("{sha}{}", &TRUNK[7..]),
        author: author.to_owned(),
        email: format!("{}@example.com", author.to_lowercase().replace(' ', ".")),
        at: ago(minutes * 60),
        subject: subject.to_owned(),
    }
}

fn commits(stage: usize) -> Vec<Commit> {
    match stage {
        1 => vec![
            commit("e4f9b12", "Priya Nair", "Shop stats: fix the time zone of the week chart", 2),
            commit(
                "0c77d3e",
                "Sam Doyle",
                "Search: keep facet counts for 60 s <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}",
                6,
            ),
            commit("b1a6f08", "Jin Park", "Remove the old checkout flag", 9),
        ],
        2 => vec![
            commit("9c1e2f4", "Mary Okafor", "Gift wrap: show the toggle only where shops offer it", 14),
            commit("7d2e5b0", "Tomás Rivera", "Listing page: load photos lazily from the third on", 21),
        ],
        _ => vec![
            commit("51d0c3e", "Jin Park", "Payments: retry the gateway once on 502", 31),
            commit("f08c1a7", "Kate Lindqvist", "Convos: escape the subject in the mail digest", 38),
            commit("a92b64d", "Tomás Rivera", "Bump the version of base.css", 44),
            commit("3be70c5", "Ola Berg", "Seller onboarding: new words on the bank form", 52),
        ],
    }
}

pub fn number(number: i64) -> PushNumber {
    PushNumber::new(number).unwrap()
}

pub fn row(id: i64, stack: &str, stage: &str, state: &str) -> PushRow {
    let running = state == "running";
    PushRow {
        id: number(id),
        stack: stack.parse().unwrap(),
        stage: stage.parse().unwrap(),
        kind: PushKind::Push,
        resumes: None,
        build: "51d0c3e-4120".to_owned(),
        sha: PRINCESS.to_owned(),
        root: Some("9f2c41d07be2".repeat(5) + "9f2c"),
        old_build: Some("8f31c2e-4101".to_owned()),
        old_sha: Some(PROD.to_owned()),
        branch: "main".to_owned(),
        who: if running { "mary" } else { "tomas" }.to_owned(),
        reason: None,
        approved_by: None,
        override_why: None,
        state: PushState::parse(state).unwrap(),
        why: match state {
            "failed" | "degraded" => Some("command 5 failed on 2 of 24 hosts".to_owned()),
            "interrupted" => Some("the runner died while command 5 ran; nobody cancelled it".to_owned()),
            "cancelled" => {
                Some("jin: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041} gateway alarms".to_owned())
            }
            _ => None,
        },
        ended_by: (state == "cancelled").then(|| "jin".to_owned()),
        plan_hash: "d1".repeat(32),
        diff: Some("https://git.example.com/shop/web/compare/8f31c2e...51d0c3e".to_owned()),
        pressed_at: ago(66 + (4127 - id) * 660),
        started_at: Some(ago(65 + (4127 - id) * 660)),
        ended_at: (!running).then(|| ago(0)),
        duration_ms: (!running).then_some(65_000),
        hosts_total: 24,
        hosts_ok: if state == "succeeded" { 24 } else { 11 },
        lines: 2188,
        commit_count: 4,
        paused: None,
        question: None,
        waits_since: None,
        waited_ms: 0,
    }
}

/// A push that has asked 600 s ago and waits.
pub fn asks(push: PushRow) -> PushRow {
    let question = Question {
        ask: 2,
        command: 6,
        question: "Are the graphs calm? <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
        asked_at: ago(600),
        ends_at: ago(-1200),
        another: false,
        answer: None,
        who: None,
        reason: None,
    };
    let started_at = Some(ago(660));
    PushRow { question: Some(question), waits_since: Some(ago(600)), waited_ms: 15_000, started_at, ..push }
}

/// A street whose stages each have something to take from the one before.
pub fn street(stack: &str, stages: &[&str]) -> StackView {
    let versions = [QA, PRINCESS, PROD, PROD];
    let stage = |(index, name): (usize, &&str)| {
        let place = index + 1;
        let kind = match *name {
            "qa" => 1,
            "princess" => 2,
            _ => 3,
        };
        let sha = versions[kind - 1];
        let root = if kind == 3 { "77be2d0" } else { "9f2c41d" };
        StageView {
            name: (*name).to_owned(),
            button: match *name {
                "princess" => "Save the Princess".to_owned(),
                "prod" => "PROD!!!".to_owned(),
                other => format!("Push to {}", other.to_uppercase()),
            },
            place,
            hosts: (1..=if kind == 3 { 24 } else { 1 }).map(|n| format!("{name}{n:03}")).collect(),
            current: Some(Current {
                sha: sha.to_owned(),
                build: format!("{}-{}", &sha[..7], 4130 - 9 * kind),
                root: root.repeat(10)[..64].to_owned(),
                files: 2841,
                subject: commits(kind + 1)[0].subject.clone(),
                pushed_at: ago(720 * kind as i64 * kind as i64),
                who: ["mary", "jin", "kate"][kind - 1].to_owned(),
                push: number(4130 - 9 * kind as i64),
                hosts_ok: 24,
                hosts_total: 24,
                as_of: Some(ago(12)),
            }),
            next: Some(NextPush {
                seen: TRUNK.to_owned(),
                plan_hash: "ab".repeat(32),
                sha: if kind == 1 { TRUNK } else { versions[kind - 2] }.to_owned(),
                again: false,
                commits: commits(kind),
                commit_count: commits(kind).len(),
                tickets: tickets(kind),
                files: Some(files()),
                statuses: commits(kind).iter().take(2).map(|commit| (commit.sha.clone(), statuses())).collect(),
                diff: Some("https://git.example.com/shop/web/compare/a...b".to_owned()),
            }),
            needs: None,
            auto: None,
            marks: Vec::new(),
            marks_wanted: false,
            approval: None,
            why_not: None,
            no_right: NoRights::default(),
            back: Some(RollbackTarget::new("8f31c2e-4101", PROD, false)),
            readiness: Some(RollbackReadiness {
                ready: if kind == 3 { 24 } else { 1 },
                total: if kind == 3 { 24 } else { 1 },
                not_ready: Vec::new(),
                asked_at: Some(ago(12)),
            }),
            hold: None,
            last: Some(row(4130 - 9 * kind as i64, stack, name, "succeeded")),
            typical_ms: [15, 17, 18, 18, 19, 20, 21, 24, 31]
                .map(|s: i64| s * 1000 * if kind == 3 { 5 } else { 1 })
                .to_vec(),
            ready: Some(ready(if kind == 3 { 24 } else { 1 }, &[])),
            drift: Vec::new(),
            kept: Vec::new(),
            partly: None,
            catch_up: None,
            probed_at: Some(ago(12)),
        }
    };
    StackView {
        stack: stack.to_owned(),
        title: "The shop".to_owned(),
        branch: "main".to_owned(),
        source: "https://git.example.com/shop/web.git".to_owned(),
        unit: "commit",
        choose: true,
        graphs: false,
        trunk: Some(Trunk { sha: TRUNK.to_owned(), subject: commits(1)[0].subject.clone(), fetched_at: ago(20) }),
        trunk_problem: None,
        problem: None,
        newer: None,
        lock: None,
        step: None,
        hold: None,
        no_right: NoRights::default(),
        stages: stages.iter().enumerate().map(stage).collect(),
        recent: history().into_iter().skip(1).take(8).collect(),
    }
}

/// What was told of a commit: one of each state.
pub fn statuses() -> Vec<StatusView> {
    let states = CommitState::ALL.into_iter().zip(["ci/test", "ci/lint", "deploy <b>evil</b>\u{202e}", "audit"]);
    let status = |(state, context): (CommitState, &str)| StatusView {
        context: context.to_owned(),
        state,
        description: Some("2 of 512 <b>evil</b>\u{202e} failed".to_owned()),
        url: (context != "audit").then(|| "https://ci.example.com/7".to_owned()),
        who: "ci (token of mary)".to_owned(),
        at: ago(60),
    };
    states.map(status).collect()
}

/// A street whose first two stages are pushed automatically: one waits for its commit, one is off.
pub fn by_itself() -> StackView {
    let mut street = street("web", &["qa", "princess", "prod"]);
    let needs: Vec<NeedView> = statuses()
        .into_iter()
        .map(|status| NeedView { context: status.context.clone(), status: Some(status) })
        .chain([NeedView { context: "ci/slow".to_owned(), status: None }])
        .collect();
    let why = "waiting for ci/test, ci/slow (1 of 5 green)".to_owned();
    let qa = &mut street.stages[0];
    qa.why_not = Some(why.clone());
    qa.needs = Some(NeedsView { green: 1, total: 5, why: Some(why), statuses: needs });
    qa.auto =
        Some(AutoView { on: true, why: Some("waits for ci/test, ci/slow (1 of 5 green)".to_owned()), until: None });
    street.stages[1].auto = Some(AutoView {
        on: false,
        why: Some("off since Mon 10:15 UTC by mary because push 12 failed <b>evil</b>\u{202e}".to_owned()),
        until: None,
    });
    street.stages[2].auto = Some(AutoView {
        on: true,
        why: Some("waits for Mon 09:00 Europe/Prague (window)".to_owned()),
        until: Some(ago(-3600)),
    });
    street
}

fn tickets(kind: usize) -> Vec<Ticket> {
    let ticket = |n: usize| {
        let name = format!("WEB-{n}");
        Ticket { url: format!("https://tickets.example.com/browse/{name}"), name }
    };
    (0..if kind == 3 { 10 } else { kind }).map(|n| ticket(200 + n)).collect()
}

fn files() -> FileChanges {
    let mut files = FileChanges::new(Compared::Commits);
    files.added = vec![
        "assets/gift.svg".to_owned(),
        "src/<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}.rs".to_owned(),
    ];
    files.changed = (0..200).map(|n| format!("src/shop/page{n}.rs")).collect();
    files.counts = [2, 1211, 0];
    files
}

/// How the hosts of a stage are, when these are not ready.
fn ready(total: usize, not: &[String]) -> Readiness {
    let not_ready = |host: &String| NotReady {
        host: host.clone(),
        why: format!("{host} refuses connections: is sshd running there, and the port right?"),
        since: ago(90),
    };
    let not_ready: Vec<NotReady> = not.iter().map(not_ready).collect();
    Readiness { ready: total - not_ready.len(), total, not_ready, checked_at: Some(ago(3)) }
}

/// A street whose fleet has troubles: hosts that do not answer, hosts that run something else.
pub fn troubled() -> StackView {
    let mut street = street("web", &["qa", "princess", "prod"]);
    street.stages[0].ready = Some(Readiness { ready: 0, total: 1, not_ready: Vec::new(), checked_at: None });
    street.stages[1].ready = Some(ready(1, &["princess001".to_owned()]));
    let prod = &mut street.stages[2];
    prod.ready = Some(ready(24, &prod.hosts[..7]));
    let odd = |host: &str, runs: &str| Drift {
        host: host.to_owned(),
        dir: "/srv/web".to_owned(),
        runs: runs.to_owned(),
        instead: "8f31c2e-4103".to_owned(),
        since: ago(600),
    };
    prod.readiness = Some(RollbackReadiness { ready: 23, total: 24, not_ready: Vec::new(), asked_at: Some(ago(12)) });
    prod.drift = vec![odd("prod009", "3f2c1ab-12"), odd("prod010", "<b>evil</b>")];
    let why = "cache/ in 3 of them belongs to www-data".to_owned();
    prod.kept =
        vec![ExtraReleases { host: "prod004".to_owned(), dir: "/srv/web".to_owned(), releases: 6, keep: 2, why }];
    let left = |host: &str, why: &str| LeftBehind { host: host.to_owned(), why: why.to_owned() };
    prod.catch_up = Some(CatchUp {
        stack: "web".to_owned(),
        stage: "prod".to_owned(),
        build: "8f31c2e-4103".to_owned(),
        sha: PROD.to_owned(),
        hosts: vec![
            left("prod009", "runs 3f2c1ab-12"),
            left("prod010", "runs <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}"),
            left(
                "prod024",
                "no push has deployed 8f31c2e-4103 to it <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}",
            ),
        ],
        commands: titles(),
        plan_hash: "cd".repeat(32),
        questions: vec!["Graphs calm?".to_owned()],
        plan_hash_asking: "dc".repeat(32),
        why_not: None,
    });
    street
}

pub fn hold(scope: &str) -> Hold {
    Hold {
        scope: scope.to_owned(),
        who: "kate".to_owned(),
        reason: "Payments incident, see #warroom. Please do not push before 15:00 <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
        at: ago(44 * 60),
        push: None,
        until: None,
    }
}

pub fn streets() -> Vec<StackView> {
    let all = ["qa", "princess", "prod"];
    let running = stack_states().into_iter().find(|(name, _)| *name == "running").unwrap().1;
    let even = stack_states().into_iter().find(|(name, _)| *name == "even").unwrap().1;
    let mut lists = street("lists", &all);
    lists.stages[2].hold = Some(hold("lists/prod"));
    let mut images = street("images", &all);
    images.stages[1].last = Some(row(4119, "images", "princess", "failed"));
    let fresh =
        StackView { stack: "config".to_owned(), ..stack_states().into_iter().find(|(n, _)| *n == "fresh").unwrap().1 };
    let mut broken = street("search", &all);
    broken.problem = Some("error: unknown key `chunks`".to_owned());
    vec![
        running,
        StackView { stack: "api".to_owned(), ..even },
        lists,
        images,
        street("admin", &["qa", "prod"]),
        fresh,
        broken,
    ]
}

/// The states of a stack page, but for the ordinary one.
pub fn stack_states() -> Vec<(&'static str, StackView)> {
    let all = ["qa", "princess", "prod"];
    let mut running = street("web", &all);
    running.lock = Some(row(4127, "web", "prod", "running"));
    running.stages[2].last = running.lock.clone();
    running.step = Some(StepNow {
        number: 5,
        of: 8,
        title: "release to /srv/web <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
    });
    let mut asking = running.clone();
    asking.lock = Some(asks(row(4127, "web", "prod", "running")));
    let mut held = street("web", &all);
    held.stages[2].hold = Some(hold("web/prod"));
    let mut closed = street("web", &all);
    closed.hold = Some(Hold { push: Some(number(4119)), ..hold("web") });
    closed.trunk_problem = Some("fetching https://git.example.com/shop/web.git: Could not resolve host".to_owned());
    let mut broken = street("web", &all);
    broken.problem = Some("error: unknown key `chunks`\n  --> stacks/web.toml:28:1\n   |\n28 | chunks   = 10\n   | ^^^^^^ did you mean `chunk`?".to_owned());
    let mut even = street("web", &all);
    let current = even.stages[0].current.clone();
    for stage in &mut even.stages {
        stage.current.clone_from(&current);
        stage.next.as_mut().unwrap().again = true;
        stage.next.as_mut().unwrap().sha = QA.to_owned();
    }
    let mut fresh = street("web", &all);
    fresh.recent.clear();
    for stage in &mut fresh.stages {
        (stage.current, stage.next, stage.last) = (None, None, None);
        stage.typical_ms.clear();
        stage.why_not = Some("qa has never been pushed, so there is nothing to take".to_owned());
    }
    let mut refused = street("web", &all);
    refused.stages[1].last = Some(row(4119, "web", "princess", "failed"));
    for stage in &mut refused.stages {
        stage.why_not = Some("the disk of the push host is full".to_owned());
    }
    let four = street("web", &["qa", "princess", "canary", "prod"]);
    vec![
        ("running", running),
        ("asking", asking),
        ("held", held),
        ("closed", closed),
        ("broken", broken),
        ("even", even),
        ("fresh", fresh),
        ("refused", refused),
        ("four", four),
    ]
}

/// A name as long as someone will make one, without a place to break it.
pub const LONG: &str = "the-checkout-and-payment-service-of-the-northern-warehouses";

/// A street in which everything has a long name.
pub fn long() -> StackView {
    let mut street = street(LONG, &["qa", "princess-with-a-very-long-title", "prod"]);
    street.source = format!("https://git.example.com/{LONG}/{LONG}.git");
    street.branch = format!("release/{LONG}");
    for stage in &mut street.stages {
        stage.button = format!("Push {LONG} to {}", stage.name);
        stage.hosts = stage.hosts.iter().map(|host| format!("{LONG}.{host}.example.com")).collect();
        let next = stage.next.as_mut().unwrap();
        next.commits[0].subject = format!("{LONG}{LONG}: {}", next.commits[0].subject.repeat(3));
        next.commits[0].author = "Maximiliane Wolfeschlegelsteinhausenbergerdorff the Younger".to_owned();
        stage.current.as_mut().unwrap().who = "maximiliane.wolfeschlegelsteinhausenbergerdorff".to_owned();
    }
    street.stages[1].ready = Some(ready(24, &street.stages[1].hosts));
    street.stages[2].hold = Some(Hold { who: LONG.to_owned(), reason: LONG.repeat(3), ..hold("prod") });
    street.recent = long_history();
    street
}

/// A value that a push has read; the mean before it where none is given.
fn measurement(value: Option<f64>) -> Measurement {
    Measurement {
        command: 3,
        at: if value == Some(0.36) { "2026-11-21T09:58:30.000Z" } else { "2026-11-21T09:58:15.000Z" }.to_owned(),
        value: value.or(Some(0.3)),
        max: Some(0.39),
        min: None,
        before: value.is_none(),
    }
}

/// Pushes by people, of stacks and for reasons with long names.
pub fn long_history() -> Vec<PushRow> {
    let states = ["running", "failed", "succeeded"];
    let row = |(place, state): (i64, &str)| PushRow {
        who: "maximiliane.wolfeschlegelsteinhausenbergerdorff".to_owned(),
        why: Some(LONG.repeat(3)),
        reason: Some(LONG.repeat(2)),
        branch: format!("release/{LONG}"),
        ..row(4127 - place, LONG, "princess-with-a-very-long-title", state)
    };
    (0..).zip(states).map(row).collect()
}

pub fn history() -> Vec<PushRow> {
    let states = ["running", "succeeded", "succeeded", "failed", "cancelled", "rolled back", "interrupted", "degraded"];
    let stages = ["prod", "qa", "princess", "prod"];
    (0..24)
        .map(|n| {
            let mut row = row(4127 - n * 5, "web", stages[n as usize % 4], states[n as usize % states.len()]);
            row.who = ["mary", "jin", "kate", "tomas", "priya"][n as usize % 5].to_owned();
            row.duration_ms = row.duration_ms.map(|ms| ms - n * 2300);
            row
        })
        .collect()
}

fn titles() -> Vec<String> {
    [
        "fetch and check out 51d0c3e",
        "npm ci",
        "npm run build",
        "pack and hash the build",
        "release to /srv/web",
        "activate /srv/web",
        "sudo apachectl graceful",
        "curl -fsS http://{host}/health",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub fn push_page(state: &str) -> PushPage {
    let hosts: Vec<String> = (1..=24).map(|n| format!("web{n:03}")).collect();
    let stopped = if state == "succeeded" { 8 } else { 5 };
    let mut begin = 65;
    let mut commands = Vec::new();
    let mut results = Vec::new();
    for (index, seconds) in [4, 12, 16, 5, 14, 1, 8, 5].into_iter().enumerate().take(stopped) {
        let command = index as i64 + 1;
        let on_hosts = command > 4;
        let last = index + 1 == stopped && state != "succeeded";
        let unfinished = last && matches!(state, "running" | "interrupted");
        commands.push(CommandRow {
            command,
            title: titles()[index].clone(),
            result: match (last, state) {
                (false, _) => Some(HostResult::Ok),
                (true, "running") => None,
                (true, "interrupted") => Some(HostResult::Unknown),
                (true, "cancelled") => Some(HostResult::Cancelled),
                (true, _) => Some(HostResult::Failed),
            },
            hosts: if on_hosts { 24 } else { 0 },
            ok: if on_hosts { 24 - if last { 13 } else { 0 } } else { 1 },
            not_ok: if last && state == "failed" { 2 } else { 0 },
            started_at: Some(ago(begin)),
            duration_ms: (!unfinished).then_some(seconds * 1000),
            skew_ms: (command == 7).then_some(84),
        });
        let names: Vec<String> = if on_hosts { hosts.clone() } else { vec![String::new()] };
        for (place, host) in names.into_iter().enumerate() {
            if last && place > 20 {
                continue;
            }
            let (result, why) = match (last, place, state) {
                (true, 11, "failed" | "degraded") => {
                    ("failed", Some("write failed on lib/Search/Facets.php: No space left on device (28)"))
                }
                (true, 14, "failed") => (
                    "timed out",
                    Some("ended after 15 m 00 s: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}"),
                ),
                (true, 12..=20, "running") => ("", None),
                (true, 12..=20, "interrupted") => ("unknown", None),
                (true, 12..=20, "cancelled") => ("cancelled", None),
                _ => ("ok", None),
            };
            results.push(ResultRow {
                command,
                host,
                result: (!result.is_empty()).then(|| HostResult::parse(result).unwrap()),
                code: (result == "failed").then_some(11),
                why: why.map(str::to_owned),
                started_at: ago(begin - place as i64 / 10),
                duration_ms: (!result.is_empty()).then_some(900 + (place as i64 * 7919) % 2300),
            });
        }
        begin -= seconds;
    }
    let told = |channel: &str, state: &str, words: &str| OutboxRow {
        id: 1,
        push: Some(number(4127)),
        event: "ended".to_owned(),
        channel: channel.parse().unwrap(),
        state: DeliveryState::parse(state).unwrap(),
        tries: 2,
        next_at: at(-40).to_string(),
        told_at: (state == "told").then(|| ago(0)),
        told: Some(words.to_owned()),
        problem: (state != "told").then(|| "mail.example.com: connection refused".to_owned()),
    };
    let titled = (1..).zip(titles());
    let usual_steps = titled.map(|(command, title)| TypicalStep { command, title, ms: 3_000 * command }).collect();
    PushPage {
        no_right: NoRights::default(),
        row: row(4127, "web", "prod", state),
        typical_steps: usual_steps,
        commands,
        results,
        commits: commits(3),
        announcements: vec![
            told(
                "irc",
                "told",
                "[web] tomas pushed 8f31c2e → 51d0c3e to PROD: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}, 24 hosts, 1 m 05 s · 4 commits",
            ),
            told("tickets", "told", "issue OPS-7: https://example.atlassian.net/browse/OPS-7"),
            told("email", "waiting", "Subject: [push] web Prod: 8f31c2e to 51d0c3e by tomas"),
        ],
        measurements: vec![measurement(None), measurement(Some(0.31)), measurement(Some(0.36))],
        graphs: true,
        questions: Vec::new(),
        links: vec![Link {
            title: "Ticket <b>OPS-7</b>".to_owned(),
            url: "https://tickets.example.com/OPS-7".to_owned(),
            host: None,
        }],
        titles: titles(),
        conditional: Vec::new(),
        marks: Vec::new(),
        left_with: match state {
            "succeeded" | "running" => Vec::new(),
            _ => left_with(&hosts),
        },
        hosts,
        typical_ms: vec![89_000, 92_000, 94_000],
        connecting: Some((at(2), connected())),
        tail: (1..=40).map(line).collect(),
        hold: matches!(state, "interrupted" | "failed").then(|| Hold { push: Some(number(4127)), ..hold("web/prod") }),
        button: "PROD!!!".to_owned(),
        rest: matches!(state, "interrupted" | "failed" | "cancelled" | "degraded").then(|| Remaining {
            plan_hash: "cd".repeat(32),
            commands: (5..=8)
                .map(|command| RemainingCommand {
                    command,
                    title: titles()[command - 1].clone(),
                    hosts: 24,
                    left: 9,
                    deferred_from: None,
                })
                .collect(),
            why_not: (state == "degraded")
                .then(|| "web is held by kate: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned()),
        }),
        now: (!matches!(state, "succeeded" | "running"))
            .then(|| street("web", &["qa", "princess", "prod"]).stages[2].current.clone())
            .flatten(),
        newest: (state == "failed")
            .then(|| PushRow { kind: PushKind::CatchUp, ..row(4128, "web", "prod", "succeeded") }),
        back: (state != "succeeded").then(|| RollbackTarget::new("8f31c2e-4101", PROD, false)),
    }
}

/// A push that has just begun: some hosts are connected, one is away, and the rest is waited for.
pub fn connecting() -> PushPage {
    let mut page = push_page("running");
    (page.commands, page.results, page.tail) = (Vec::new(), Vec::new(), Vec::new());
    let waits_for = (14..22).map(|host| format!("web{host:03}")).collect();
    let missing = vec![Missing {
        host: "web007<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
        duration_ms: 1_200,
    }];
    let so_far = Connections { hosts: 24, connected: 12, missing, waits_for, duration_ms: 3_200 };
    page.connecting = Some((at(0), Connecting::UnderWay(so_far)));
    page
}

/// One host of 24 did not come, and one was late.
fn connected() -> Connecting {
    Connecting::Done(Connections {
        hosts: 24,
        connected: 22,
        missing: vec![Missing {
            host: "web007<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
            duration_ms: 31_200,
        }],
        waits_for: vec!["web014".to_owned()],
        duration_ms: 31_400,
    })
}

fn line(n: u64) -> Record {
    let text = match n % 4 {
        0 => "\u{1b}[32m>f.st......\u{1b}[0m app/templates/listing/show.tpl".to_owned(),
        1 => "$ rsync -a --delay-updates 51d0c3e/ web003:/srv/web/releases/".to_owned(),
        2 => "<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}<script>alert(1)</script>".to_owned(),
        _ => "sent 197,176 bytes  speedup 656.5".to_owned(),
    };
    let stream = if n % 4 == 1 { Stream::Note } else { Stream::Out };
    let event = Event::Line { command: 5, host: Some("web003".to_owned()), stream, line: n, text };
    Record { n: n + 30, at: at(10), event }
}

/// A way back to what Prod had before, with another build to choose from.
pub fn rollback_view() -> RollbackView {
    let good = |build: &str, sha: &str, push: i64| GoodBuild {
        push: number(push),
        build: build.to_owned(),
        sha: sha.to_owned(),
        root: "77be2d0".repeat(10)[..64].to_owned(),
        branch: "main".to_owned(),
        subject: "Cart: round totals per shop <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
        files: 2840,
        who: "kate".to_owned(),
        pushed_at: ago(9000),
    };
    RollbackView {
        stack: "web".to_owned(),
        stage: "prod".to_owned(),
        from: Some(RollbackTarget::new("51d0c3e-4120", PRINCESS, false)),
        to: good("8f31c2e-4101", PROD, 4101),
        name: "8f31c2e".to_owned(),
        hosts: (1..=24).map(|n| format!("web{n:03}")).collect(),
        commands: titles(),
        plan_hash: "ef".repeat(32),
        ask: false,
        questions: vec!["Graphs calm? <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned()],
        plan_hash_asking: "fe".repeat(32),
        plan: plan(),
        running: None,
        commits: commits(3),
        commit_count: 60,
        diff: Some("https://git.example.com/shop/web/compare/a...b".to_owned()),
        others: vec![good("7a00c2e-4090", QA, 4090)],
        readiness: Some(RollbackReadiness {
            ready: 23,
            total: 24,
            not_ready: vec![NotHeld {
                host: "web007".to_owned(),
                why: "not there, will be uploaded <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}"
                    .to_owned(),
            }],
            asked_at: Some(ago(12)),
        }),
        why_not: None,
    }
}

/// What a push to Prod would do: a growing step, many files, a host list.
pub fn plan() -> PlanView {
    let hosts: Vec<String> = (1..=24).map(|n| format!("web{n:03}")).collect();
    let step = |title: &str, sizes: &[usize], pace: &str| {
        let mut names = hosts.iter().cloned();
        PlannedView {
            part: Part::Main,
            title: title.to_owned(),
            typed: vec![format!("$ {title}")],
            chunks: sizes.iter().map(|size| names.by_ref().take(*size).collect()).collect(),
            pace: pace.to_owned(),
            timeout_s: 900,
            tries: 1,
            quiet: false,
            operator: false,
            network: false,
        }
    };
    let street = street("web", &["qa", "princess", "prod"]);
    let prod = &street.stages[2];
    let next = prod.next.as_ref().unwrap();
    PlanView {
        stack: "web".to_owned(),
        stage: "prod".to_owned(),
        button: "PROD!!!".to_owned(),
        seen: "51d0c3e-4121".to_owned(),
        plan_hash: "ab".repeat(32),
        approval: None,
        why_not: None,
        old: prod.current.clone(),
        sha: next.sha.clone(),
        branch: "main".to_owned(),
        build: Some("51d0c3e-4121".to_owned()),
        root: Some("9f2c41d".repeat(10)[..64].to_owned()),
        version: None,
        gone: Vec::new(),
        gone_count: 0,
        commits: next.commits.clone(),
        commit_count: 60,
        diff: next.diff.clone(),
        changes: Some(FileChanges {
            of: Compared::Builds,
            added: (1..=200).map(|n| format!("dist/photo-{n}.js")).collect(),
            changed: vec![
                "index.php".to_owned(),
                "<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}.css".to_owned(),
            ],
            deleted: vec![
                "old/a-name-that-is-longer-than-the-screen-of-a-telephone-is-wide/and-goes-on.php".to_owned(),
            ],
            counts: [1204, 2, 1],
            bytes: Some(Weight { each_host: 14_234, in_all: 341_616 }),
        }),
        commands: vec![
            PlannedView {
                part: Part::Before,
                typed: vec![
                    "$ set -e".to_owned(),
                    "> ./ticket \"$PUSH_WHO\" <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
                ],
                ..step("Open a ticket", &[], "")
            },
            step("release /srv/web", &[10, 10, 4], "10 at a time"),
            PlannedView {
                tries: 3,
                ..step("sudo apachectl graceful", &[1, 10, 13], "1 first, then 10, then the other 13 at once")
            },
            step("activate /srv/web", &[24], "all at once"),
            PlannedView {
                part: Part::Finally,
                quiet: true,
                operator: true,
                ..step("/usr/bin/mute-alarms off", &[], "")
            },
        ],
        hosts,
        typical_duration: Some(TypicalDuration {
            median_ms: 95_000,
            fastest_ms: 75_000,
            slowest_ms: 155_000,
            pushes: 9,
        }),
    }
}

/// Most hosts have the build, on one something failed after it, others were not changed or are in doubt.
fn left_with(hosts: &[String]) -> Vec<LeftWith> {
    let of = |(place, host): (usize, &String)| {
        let (standing, build, why) = match place {
            0..=10 => (Standing::Holds, Some("51d0c3e-4127"), None),
            11 => (
                Standing::Holds,
                Some("51d0c3e-4127"),
                Some("step 8 failed: exited with 7: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}"),
            ),
            12..=14 => (Standing::InDoubt, None, Some("step 7 unknown: the connection broke")),
            15 => (Standing::Back, None, Some("as it was: current -> /srv/by-hand")),
            _ => (Standing::Untouched, None, None),
        };
        LeftWith { host: host.clone(), standing, build: build.map(str::to_owned), why: why.map(str::to_owned) }
    };
    hosts.iter().enumerate().map(of).collect()
}

/// A push whose last command failed on one host, and which has put back what was live before.
pub fn rolled_back() -> PushPage {
    let mut page = push_page("rolled back");
    let undo = [
        "rollback: release to /srv/web",
        "rollback: activate /srv/web",
        "rollback: ./tell <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}",
    ];
    page.titles.extend(undo.map(str::to_owned));
    page.conditional = vec![9, 10, 11];
    for (command, title) in (9_i64..).zip(undo).take(2) {
        page.commands.push(CommandRow {
            command,
            title: title.to_owned(),
            result: Some(HostResult::Ok),
            hosts: 24,
            ok: 24,
            not_ok: 0,
            started_at: Some(ago(4)),
            duration_ms: Some(2000),
            skew_ms: None,
        });
    }
    page.row.why =
        Some("command 6 (restart) failed on web012: <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}; 8f31c2e is back on all 24 hosts".to_owned());
    (page.rest, page.back) = (None, None);
    page
}

/// A push that one host has left, with a list that would take out more.
pub fn one_dropped() -> PushPage {
    let mut page = push_page("degraded");
    page.titles.push("drop: out of the balancer".to_owned());
    page.conditional = vec![9];
    for row in page.results.iter_mut().filter(|row| row.result == Some(HostResult::Failed)) {
        row.result = Some(HostResult::Dropped);
    }
    page
}
