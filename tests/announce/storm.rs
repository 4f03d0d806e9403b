//! Fifty pushes while each channel is up, refuses, is slow, falls silent and comes back, each at its own time, beside fifty twins on a server
//! without channels: no push waits for a channel, nothing is lost, the order is kept, and what comes twice has the same key and the same bytes.
//! The pushes are played, so that their time is the server's own: real ones would hide it behind their hosts'.

use super::hook::Receiver;
use super::records;
use super::services::Services;
use super::*;
use crate::played::{self, Home, git};
use pushbutton::desk::{Desk, Press};
use pushbutton::journal::{Ended, Event, HostResult, PushDir, Writer};
use pushbutton::ledger::pushes;
use pushbutton::plan::Assignment;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PUSHES: i64 = 50;
/// How long a played push lasts: long enough that the time of the machine is no great part of it.
const LASTS: Duration = Duration::from_millis(60);

/// What a server does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    Well,
    /// Connections end at once.
    Refuses,
    /// Each piece comes late.
    Slow,
    /// Connections are taken, and nothing is said.
    HalfOpen,
}

/// What a server is like, from ten pushes to the next.
const TEMPERS: [Temper; 5] = [Temper::Well, Temper::Refuses, Temper::Slow, Temper::HalfOpen, Temper::Well];

/// A door to a server, whose temper changes; open connections end with it.
struct Door {
    port: u16,
    temper: watch::Sender<Temper>,
}

impl Door {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, temper) = (listener.local_addr().unwrap().port(), watch::Sender::new(Temper::Well));
        let tempers = temper.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let mut seen = tempers.subscribe();
                tokio::spawn(async move {
                    let now = *seen.borrow_and_update();
                    tokio::select! {
                        _ = seen.changed() => {}
                        () = carry(connection, server, now) => {}
                    }
                });
            }
        });
        Self { port, temper }
    }
}

async fn carry(mut connection: TcpStream, server: SocketAddr, temper: Temper) {
    match temper {
        Temper::Refuses => {}
        Temper::HalfOpen => std::future::pending().await,
        Temper::Well | Temper::Slow => {
            let Ok(mut far) = TcpStream::connect(server).await else { return };
            let wait = if temper == Temper::Slow { Duration::from_millis(100) } else { Duration::ZERO };
            let ((mut here_in, mut here_out), (mut far_in, mut far_out)) = (connection.split(), far.split());
            let _ = tokio::join!(pass(&mut here_in, &mut far_out, wait), pass(&mut far_in, &mut here_out, wait));
        }
    }
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    wait: Duration,
) -> std::io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        tokio::time::sleep(wait).await;
        to.write_all(&bytes[..read]).await?;
    }
}

/// A server with a played runner.
struct Side {
    home: Home,
    desk: Arc<Desk>,
    stop: CancellationToken,
    _background: JoinHandle<()>,
}

impl Side {
    async fn open(channels: &str) -> Self {
        let home = Home::lay_out().await;
        let (at, repository) = (home.0.path(), home.repository());
        std::fs::write(repository.join("page.html"), "hello").unwrap();
        git(&repository, &["add", "."]).await;
        git(&repository, &["commit", "-q", "-m", "first"]).await;
        let file = at.join("config.toml");
        let text = format!("url = \"http://push.example.com\"\n{channels}[limits]\nfree_mib = 1\nwarm_hosts = 0\n");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let desk = Desk::open_with(Arc::new(config), home.runner()).await.unwrap();
        let stop = CancellationToken::new();
        let background = desk.background(stop.clone());
        Self { home, desk, stop, _background: background }
    }

    async fn seen(&self) -> String {
        until("the fetch", async || {
            let view = self.desk.stack_view(&"web".parse().unwrap()).await.unwrap();
            view.stages[0].next.as_ref().map(|next| next.seen.clone())
        })
        .await
    }

    /// A whole push, from the press to its end in the ledger: how long it took.
    async fn push(&self, seen: &str) -> Duration {
        let began = Instant::now();
        let press = Press {
            stack: "web".parse().unwrap(),
            stage: "qa".parse().unwrap(),
            who: "mary".parse().unwrap(),
            seen: seen.to_owned(),
            plan_hash: None,
            reason: None,
            override_why: None,
            marks_bad: false,
            nonce: None,
        };
        let id = self.desk.press(press).await.unwrap();
        let dir = PushDir::of(&self.home.0.path().join("data"), id);
        let go = dir.dir().join("go");
        until_so("the runner's start", || go.exists()).await;
        let mut journal = Writer::create(&dir).unwrap();
        let assignment: Assignment = serde_json::from_slice(&std::fs::read(dir.plan()).unwrap()).unwrap();
        journal.add(At::now(), played::started(&assignment, "true")).unwrap();
        journal.flush().unwrap();
        tokio::time::sleep(LASTS).await;
        for event in [
            Event::CommandStarted { command: 1, title: "true".to_owned(), hosts: 0 },
            Event::HostStarted { command: 1, host: None },
            Event::BuildMade {
                command: 1,
                build: assignment.build.clone(),
                root: format!("{:064x}", id.get()).parse().unwrap(),
                files: 1,
                bytes: 5,
            },
            Event::HostEnded {
                command: 1,
                host: None,
                result: HostResult::Ok,
                code: Some(0),
                why: None,
                left: None,
                duration_ms: 5,
            },
            Event::CommandEnded { command: 1, result: HostResult::Ok, ok: 0, not_ok: 0, duration_ms: 5, skew_ms: None },
        ] {
            journal.add(At::now(), event).unwrap();
        }
        let ended = Event::PushEnded {
            state: Ended::Succeeded,
            why: None,
            who: None,
            hosts_ok: 1,
            hosts_total: 1,
            unknown: Vec::new(),
            duration_ms: 10,
            sha256: String::new(),
        };
        journal.add(At::now(), ended).unwrap();
        journal.flush().unwrap();
        tokio::fs::write(go, "\n").await.unwrap();
        let ask = move |connection: &rusqlite::Connection| pushes::get(connection, id);
        until("the end", async || {
            self.desk.ledger().read(ask).await.unwrap().filter(|row| row.ended_at.is_some()).map(drop)
        })
        .await;
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_pushes_wait_for_no_channel_and_every_channel_hears_of_each_in_order() {
    let office = Office::open();
    let (irc, _witness) = irc(&office).await;
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let (events, chat) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let own = Receiver::start(&[]).await;
    let services = Services::start("Bearer t0ken-of-the-service").await;
    let tickets = Services::start("Basic cHVzaEBleGFtcGxlLmNvbTp0MGtlbi1vZi10aGUtc2VydmljZQ==").await;
    let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let mut doors = Vec::new();
    for server in [
        irc.address().into(),
        mailbox.address().into(),
        here(events.port),
        here(chat.port),
        here(own.port),
        here(services.port),
        here(services.port),
        here(tickets.port),
    ] {
        doors.push(Door::to(server).await);
    }
    let port = |at: usize| doors[at].port;
    let hook = |name: &str, more: &str, port: u16| {
        format!("[[channel]]\nname = \"{name}\"\n{more}url = \"http://127.0.0.1:{port}/\"\n")
    };
    let channels = [
        format!("[irc]\nserver = \"127.0.0.1\"\nport = {}\ntls = false\nchannel = \"{CHANNEL}\"\n", port(0)),
        format!(
            "[email]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"push@example.com\"\nto = [\"all@example.com\"]\n",
            port(1)
        ),
        hook("events", "kind = \"webhook\"\n", port(2)),
        hook("chat", "kind = \"webhook\"\nformat = \"slack\"\n", port(3)),
        hook("own", "kind = \"http\"\nbody = '{ \"push\": \"{push}\", \"event\": \"{event}\" }'\n", port(4)),
        records::github(&office, port(5)),
        records::grafana(&office, port(6)),
        records::jira(&office, port(7)),
    ];
    let (told, twin) = (Side::open(&channels.concat()).await, Side::open("").await);
    let bell = watch::Sender::new(0);
    let (rings, mut changes) = (bell.clone(), told.desk.changes());
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            rings.send_modify(|n| *n += 1);
        }
    });
    let stop = CancellationToken::new();
    let (ledger, states, health) = (told.desk.ledger().clone(), told.desk.channels().clone(), Health::default());
    announce::start(told.desk.config(), ledger, states, bell.subscribe(), &health, stop.clone()).unwrap();

    let (seen, twin_seen) = (told.seen().await, twin.seen().await);
    let mut ratios = Vec::new();
    for at in 0..PUSHES {
        if at % 10 == 0 {
            for (which, door) in doors.iter().enumerate() {
                let temper = TEMPERS[(usize::try_from(at / 10).unwrap() + which) % TEMPERS.len()];
                door.temper.send_replace(temper);
            }
        }
        let (with, without) = tokio::join!(told.push(&seen), twin.push(&twin_seen));
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let (median, worst) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    eprintln!("with channels to without: median {median:.3}, worst {worst:.3}");
    assert!(median <= 1.05, "half of the pushes took more than {median:.3} of their twins' time");
    // One pause of this machine is no channel: those that a push would wait for take 15 seconds and more.
    assert!(worst <= 5.0, "a push took {worst:.1} times as long as its twin");

    // All are well again, and nothing is left.
    for door in &doors {
        door.temper.send_replace(Temper::Well);
    }
    let rows = until("everything is told", async || {
        let hurry = |tx: &rusqlite::Transaction<'_>| {
            Ok(tx.execute(
                "UPDATE outbox SET next_at = ?1 WHERE state = 'waiting' AND tries > 0",
                [At::now().to_string()],
            )?)
        };
        told.desk.ledger().write(hurry).await.unwrap();
        bell.send_modify(|n| *n += 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut all = Vec::new();
        for id in 1..=PUSHES {
            let id = PushNumber::new(id).unwrap();
            all.extend(told.desk.ledger().read(move |connection| outbox::of_push(connection, id)).await.unwrap());
        }
        all.iter().all(|row| row.state == DeliveryState::Told).then_some(all)
    })
    .await;
    assert_eq!(rows.len(), 50 * 2 * 8, "a start and an end of each push for each channel");
    let mut moments: BTreeMap<(i64, String), Vec<(String, String)>> = BTreeMap::new();
    for row in &rows {
        let of = (row.push.unwrap().get(), row.channel.to_string());
        moments.entry(of).or_default().push((row.told_at.clone().unwrap(), row.event.clone()));
    }
    for ((push, channel), told) in moments {
        assert!(told.is_sorted_by_key(|(at, _)| at.clone()), "push {push} on {channel}: {told:?}");
        assert_eq!(told.iter().map(|(_, event)| event.as_str()).collect::<Vec<_>>(), ["started", "ended"]);
    }
    // What others captured: a repeat has its key and its bytes; each has what the ledger says was told.
    for (name, receiver) in [("events", &events), ("chat", &chat), ("own", &own)] {
        let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let key = |head: &str| head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap().to_owned();
        let got = receiver.got();
        for (head, body) in &got {
            bodies.entry(key(head)).or_default().insert(body.clone());
        }
        assert_eq!(bodies.len(), 100, "{name}");
        let told: BTreeSet<&str> =
            rows.iter().filter(|row| row.channel.to_string() == name).map(|row| row.told.as_deref().unwrap()).collect();
        for (key, bodies) in &bodies {
            // A line that is told late says how late.
            assert!(bodies.len() == 1 || name != "own", "{name} {key}: {bodies:?}");
            assert!(bodies.iter().any(|body| told.contains(body.as_str())), "{name} {key}");
        }
        let order: Vec<String> = got.iter().map(|(head, _)| key(head)).collect();
        for push in 1..=PUSHES {
            let at = |event: &str| order.iter().position(|key| *key == format!("push-{push}-{event}")).unwrap();
            assert!(at("started") < at("ended"), "{name}: push {push}");
        }
    }
    assert_eq!(services.deployments().len(), 50, "one deployment for each");
    assert_eq!(services.annotations().len(), 50, "one annotation for each");
    assert_eq!(tickets.issues().len(), 50, "one issue for each");
    assert!(services.annotations().iter().all(|one| one["timeEnd"].is_i64()), "each became a region");
    let mails: BTreeSet<String> = mailbox
        .mails()
        .iter()
        .filter_map(|mail| mail.lines().find_map(|line| line.strip_prefix("Message-ID: ").map(str::to_owned)))
        .collect();
    assert_eq!(mails.len(), 100, "each mail has its own key");
    stop.cancel();
    told.stop.cancel();
    twin.stop.cancel();
}
