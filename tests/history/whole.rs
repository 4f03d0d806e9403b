//! Whole pages over HTTP, as a browser asks for them, on servers whose ledgers hold few and many pushes: times vary with the
//! machine, so they are printed as ratios, for people to look at. What the ledger is asked is counted in `history.rs`.

use super::many::{STAGES, config_of_the_past, desk_with_a_past, pressed, sha};
use crate::house::{client_of, get};
use pushbutton::client::http::{Client, RequestBody};
use pushbutton::plan::{Artifact, Assignment, Target, plan};
use pushbutton::size::Most;
use pushbutton::stack::{PushNumber, parse};
use pushbutton::time::At;
use pushbutton::web::Server;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// No host is ever asked, and nothing is fetched: what is measured is what the ledger and the pages take.
const STACK: &str = r#"
source = { published = true }
diff = "https://git.example.com/compare/{old_sha}...{sha}"
[hosts]
all = ["web1", "web2"]
[[stage]]
name = "qa"
hosts = "all"
commands = ["true", "true"]
[[stage]]
name = "princess"
hosts = "all"
commands = ["true", "true"]
[[stage]]
name = "prod"
hosts = "all"
commands = ["true", "true"]
"#;

/// A server with a past.
struct Past {
    pushes: i64,
    now: At,
    client: Client,
    stop: CancellationToken,
    _temp: tempfile::TempDir,
}

/// A push's plan, as the ledger keeps it.
fn plan_text() -> String {
    let stack = parse("web".parse().unwrap(), "stacks/web.toml", STACK).unwrap();
    let artifact = Artifact::Build {
        id: "b1-web".parse().unwrap(),
        root: format!("{:064x}", 1).parse().unwrap(),
        sha: sha(1).parse().unwrap(),
    };
    let plan =
        plan(&stack, &"prod".parse().unwrap(), Target { artifact, branch: "main".to_owned(), old: None }).unwrap();
    let assignment = Assignment {
        push: PushNumber::new(1).unwrap(),
        who: "mary".parse().unwrap(),
        reason: None,
        approved_by: None,
        override_why: None,
        url: "http://push.example.com/pushes/1".to_owned(),
        build: "b1-web".parse().unwrap(),
        plan_hash: plan.hash(),
        plan,
        held: Vec::new(),
        ssh_config: None,
        lease_s: 30,
        grace_s: 10,
        source_most: Most::default(),
        isolation: pushbutton::isolation::Settings::default(),
    };
    serde_json::to_string(&assignment).unwrap()
}

impl Past {
    async fn of(pushes: i64, plan: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let now = At::now();
        let desk = desk_with_a_past(config_of_the_past(temp.path(), &origin, STACK), pushes, Some(plan), now).await;
        let stop = CancellationToken::new();
        tokio::spawn(Server::bind(desk, listener).unwrap().run_until(stop.clone()));
        let mut client = client_of(&origin);
        let signed_in = client.send("POST", "/sign-in", RequestBody::Form("name=mary&next=%2F"), &[]).await.unwrap();
        assert_eq!(signed_in.status, 303);
        Self { pushes, now, client, stop, _temp: temp }
    }

    /// All pages that show the past, and what programs ask; each as it is asked of a ledger of this size.
    fn pages(&self) -> Vec<(&'static str, String)> {
        let (half, last, now) = (self.pushes / 2, self.pushes - 4, self.now);
        let yesterday = At::from_millis(now.millis() - 86_400_000);
        let early = pressed(40, self.pushes, now);
        let of = |address: &str| address.to_owned();
        vec![
            ("dashboard", of("/")),
            ("stack", of("/stacks/web")),
            ("plan", of("/stacks/web/stages/prod/plan")),
            ("way back", of("/stacks/web/stages/prod/rollback")),
            ("other versions", of("/stacks/web/stages/qa/versions")),
            ("push", format!("/pushes/{last}")),
            ("log, newest", of("/pushes")),
            ("log, from the middle, older", format!("/pushes?before={half}")),
            ("log, from the middle, newer", format!("/pushes?after={half}")),
            ("log, of a stack", of("/pushes?stack=api")),
            ("log, to a stage", of("/pushes?stage=qa")),
            ("log, by someone", of("/pushes?who=person7")),
            ("log, failed", of("/pushes?state=failed")),
            ("log, running: none", of("/pushes?state=running")),
            ("log, stack, stage and end", of("/pushes?stack=api&stage=qa&state=succeeded")),
            ("log, a word of many", of("/pushes?word=gift")),
            ("log, a word of none", of("/pushes?word=nowhere")),
            ("log, a revision", format!("/pushes?word={}", &sha(1)[..12])),
            ("log, since yesterday", format!("/pushes?since={yesterday}")),
            ("log, the first ones", format!("/pushes?until={early}")),
            ("stats, 2 weeks", of("/stats?weeks=2")),
            ("stats, 8 weeks", of("/stats?weeks=8")),
            ("stats, 52 weeks", of("/stats?weeks=52")),
            ("announcements", of("/announcements")),
            ("announcements, from the middle, older", format!("/announcements?before={half}")),
            ("announcements, from the middle, newer", format!("/announcements?after={half}")),
            ("announcements, by mail", of("/announcements?channel=email")),
            ("announcements, given up: none", of("/announcements?state=given+up")),
            ("API: stacks", of("/api/v1/stacks")),
            ("API: a stack", of("/api/v1/stacks/web")),
            ("API: what a stage runs", of("/api/v1/stacks/web/stages/prod/current")),
            ("API: pushes", of("/api/v1/pushes")),
            ("API: pushes with a word", of("/api/v1/pushes?word=gift")),
            ("API: a push", format!("/api/v1/pushes/{last}")),
        ]
    }

    /// How long a page takes to its last byte, in milliseconds, and its bytes.
    async fn ask(&self, page: &str) -> (f64, usize) {
        let began = Instant::now();
        let answer = get(&self.client, page).await.unwrap();
        let took = began.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text);
        (took, answer.text.len())
    }
}

impl Drop for Past {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Measures what `docs/performance.md` reports (`script/bench-pages`).
#[actix_web::test]
#[ignore = "a measurement that fills a ledger with 100,000 pushes: script/bench-pages"]
async fn whole_pages_of_a_hundred_pushes_and_of_a_hundred_thousand() {
    const ROUNDS: usize = 31;
    assert_eq!(STAGES.len(), 3, "the sizes below end at the same stage of the same stack");
    let plan = plan_text();
    let (few, full, many) = (Past::of(100, &plan).await, Past::of(1_900, &plan).await, Past::of(100_000, &plan).await);
    println!("| page | of 100, ms | of 1,900, ms | of 100,000, ms | ratio to 100 | ratio to 1,900 | kB |");
    println!("|---|---|---|---|---|---|---|");
    let all = few.pages().into_iter().zip(full.pages()).zip(many.pages());
    for (((name, of_few), (_, of_full)), (_, of_many)) in all {
        for _ in 0..2 {
            many.ask(&of_many).await; // what is prepared once is prepared
        }
        // The fastest of many, in turn: so other work on the machine counts least, and meets all alike.
        let (mut fastest, mut bytes) = ([f64::MAX; 3], 0);
        for _ in 0..ROUNDS {
            let few = few.ask(&of_few).await.0;
            let full = full.ask(&of_full).await.0;
            let (many, length) = many.ask(&of_many).await;
            bytes = length;
            fastest = [fastest[0].min(few), fastest[1].min(full), fastest[2].min(many)];
        }
        let ([a, b, c], kb) = (fastest, bytes as f64 / 1000.0);
        println!("| {name} | {a:.1} | {b:.1} | {c:.1} | {:.2} | {:.2} | {kb:.0} |", c / a, c / b);
    }
}
