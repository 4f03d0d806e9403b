//! Promise 7: every announcement is told, never before it is durable, repeated at most once per crash; a dead channel
//! delays nobody. Over a real `ngircd` and a real SMTP server, seen by witnesses from outside.

mod accounts;
mod carbon;
mod hook;
mod letters;
mod peers;
mod post;
mod records;
mod services;
mod several;
mod storm;
mod weekly;
mod wire;

use crate::house::{until, until_so};
use post::{Answer, Post};
use pushbutton::announce;
use pushbutton::config::{ChannelSettings, Config, Email, Irc, MailTls};
use pushbutton::demo::irc::{CHANNEL, IrcServer, IrcWitness};
use pushbutton::demo::mail::MailCatcher;
use pushbutton::desk::Channels;
use pushbutton::journal::PushState;
use pushbutton::ledger::Ledger;
use pushbutton::ledger::outbox::{
    self, AnnouncedCommit, AnnouncedPush, Announcement, DeliveryState, Moment, OutboxRow,
};
use pushbutton::plan::PushKind;
use pushbutton::stack::PushNumber;
use pushbutton::supervise::Health;
use pushbutton::time::At;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::Wire;

const IRC: &str = "irc";
const EMAIL: &str = "email";

/// How long anything may take on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);

/// A ledger that announcements are written to, as the fold does.
struct Office {
    dir: TempDir,
    ledger: Ledger,
    changes: watch::Sender<u64>,
}

impl Office {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("pushbutton.db")).unwrap();
        Self { dir, ledger, changes: watch::channel(0).0 }
    }

    /// Writes an announcement down and rings the bell.
    async fn write(&self, announcement: Announcement, channels: &'static [&'static str]) {
        let id = announcement.push.id;
        let written = self.ledger.write(move |tx| {
            tx.execute(
                "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at,
                 hosts_total) VALUES (?1, 'web', 'prod', 'b', 's', 'main', 'mary', 'running', 'p', '{}', 't', 1)
                 ON CONFLICT DO NOTHING",
                [id],
            )?;
            let to: Vec<_> = channels.iter().map(|to| to.parse().unwrap()).collect();
            outbox::write(tx, &announcement, &to, At::now())
        });
        written.await.unwrap();
        self.ring();
    }

    fn ring(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    /// Makes all that waits due now, instead of waiting for it.
    async fn hurry(&self) {
        let now = At::now().to_string();
        self.ledger
            .write(move |tx| Ok(tx.execute("UPDATE outbox SET next_at = ?1 WHERE state = 'waiting'", [now])?))
            .await
            .unwrap();
        self.ring();
    }

    /// The row of a push's moment on a channel, as soon as it is so.
    async fn row(&self, push: i64, event: &str, channel: &str, is_it: impl Fn(&OutboxRow) -> bool) -> OutboxRow {
        until(&format!("the row of push {push} on {channel:?} is so"), async || {
            let rows =
                self.ledger.read(move |conn| outbox::of_push(conn, PushNumber::new(push).unwrap())).await.unwrap();
            let row = rows.into_iter().find(|row| row.event == event && row.channel.to_string() == channel).unwrap();
            is_it(&row).then_some(row)
        })
        .await
    }

    async fn told(&self, push: i64, event: &str, channel: &str) -> OutboxRow {
        self.row(push, event, channel, |row| row.state == DeliveryState::Told).await
    }
}

/// The delivery, on threads of its own, so that it can be ended at any instruction, as by `kill -9`.
struct Delivery {
    runtime: Option<Runtime>,
    channels: Channels,
    stop: CancellationToken,
}

impl Delivery {
    fn start(office: &Office, irc: Option<u16>, mail: Option<u16>) -> Self {
        Self::with(office, config(irc, mail, |_| {}))
    }

    fn with(office: &Office, config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let stop = CancellationToken::new();
        let channels = Channels::new(office.changes.clone());
        let guard = runtime.enter();
        let (ledger, changes) = (office.ledger.clone(), office.changes.subscribe());
        announce::start(&config, ledger, channels.clone(), changes, &Health::default(), stop.clone()).unwrap();
        drop(guard);
        Self { runtime: Some(runtime), channels, stop }
    }

    /// Why a channel is shown on every page, once it has been so for a while; none when it works.
    fn broken(&self, channel: &str) -> Option<String> {
        let later = At::from_millis(At::now().millis() + 61_000);
        self.channels
            .shown(later)
            .into_iter()
            .find(|broken| broken.channel.as_str() == channel)
            .map(|broken| broken.why)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

fn config(irc: Option<u16>, mail: Option<u16>, change: impl Fn(&mut Config)) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "url = \"https://push.example.com:8443\"\n".to_owned();
    if let Some(port) = irc {
        text += &format!("[irc]\nserver = \"127.0.0.1\"\nport = {port}\ntls = false\nchannel = \"{CHANNEL}\"\n");
    }
    if let Some(port) = mail {
        text += &format!(
            "[email]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             from = \"Pushbutton <push@example.com>\"\nto = [\"All <all@example.com>\", \"ops@example.com\"]\n"
        );
    }
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let mut config = Config::load(&path).unwrap();
    change(&mut config);
    config
}

/// The table of IRC, to be changed.
fn irc_of(config: &mut Config) -> &mut Irc {
    let settings = config.channels.iter_mut().map(|channel| &mut channel.settings);
    settings.into_iter().find_map(|of| if let ChannelSettings::Irc(irc) = of { Some(irc) } else { None }).unwrap()
}

/// The table of mail, to be changed.
fn email_of(config: &mut Config) -> &mut Email {
    let settings = config.channels.iter_mut().map(|channel| &mut channel.settings);
    settings.into_iter().find_map(|of| if let ChannelSettings::Email(email) = of { Some(email) } else { None }).unwrap()
}

fn announcement(id: i64, event: Moment, state: &str) -> Announcement {
    let push = AnnouncedPush {
        id: PushNumber::new(id).unwrap(),
        stack: "web".parse().unwrap(),
        stage: "prod".parse().unwrap(),
        kind: PushKind::Push,
        resumes: None,
        build: "b1".to_owned(),
        sha: "9d8e7f6a".repeat(5),
        root: None,
        old_build: None,
        old_sha: Some("3f2c1ab0".repeat(5)),
        branch: "main".to_owned(),
        who: "mary".to_owned(),
        reason: None,
        approved_by: None,
        override_why: None,
        state: PushState::parse(state).unwrap(),
        why: None,
        ended_by: None,
        plan_hash: "p".to_owned(),
        diff: Some("https://git.example.com/compare/3f2c1ab...9d8e7f6".to_owned()),
        pressed_at: At::now().to_string(),
        started_at: None,
        ended_at: None,
        duration_ms: Some(38_000),
        hosts_total: 41,
        hosts_ok: 41,
        lines: 0,
        commit_count: 4,
        paused: None,
        question: None,
        waits_since: None,
        waited_ms: 0,
    };
    let commit = AnnouncedCommit {
        sha: push.sha.clone(),
        author: "Märy Okafor".to_owned(),
        email: "mary@example.com".to_owned(),
        at: push.pressed_at.clone(),
        subject: "Warm the cart → faster".to_owned(),
    };
    Announcement {
        event,
        url: format!("https://push.example.com:8443/pushes/{id}"),
        push,
        button: "PROD!!!".to_owned(),
        commits: vec![commit],
        commit_count: 1,
        bad_hosts: Vec::new(),
        links: Vec::new(),
        question: None,
        pause: None,
        held: false,
        audit_head: "0123456789ab".to_owned(),
    }
}

fn started(id: i64) -> Announcement {
    announcement(id, Moment::Started, "running")
}

fn ended(id: i64) -> Announcement {
    announcement(id, Moment::Ended, "succeeded")
}

const STARTED_1: &str = "[web] mary is pushing 3f2c1ab → 9d8e7f6 to PROD: 1 commit · \
    https://git.example.com/compare/3f2c1ab...9d8e7f6 · https://push.example.com:8443/pushes/1";
const ENDED_1: &str = "[web] mary pushed 3f2c1ab → 9d8e7f6 to PROD: succeeded, 41 hosts, 38 s · 1 commit · \
    https://git.example.com/compare/3f2c1ab...9d8e7f6 · https://push.example.com:8443/pushes/1";

/// An IRC server and someone in its channel.
async fn irc(office: &Office) -> (IrcServer, IrcWitness) {
    let server = IrcServer::start(&office.dir.path().join("irc")).await.unwrap();
    let witness = IrcWitness::join(server.address(), "witness", None).await.unwrap();
    (server, witness)
}

/// What the channel heard, as soon as it is this many lines.
async fn heard(witness: &IrcWitness, count: usize) -> Vec<(String, String)> {
    until_so("the channel hears it", || witness.said().len() >= count).await;
    witness.said()
}

#[tokio::test]
async fn a_push_is_told_once_on_irc_and_by_mail_in_the_very_words() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let delivery = Delivery::start(&office, Some(server.address().port()), Some(mailbox.address().port()));
    office.write(started(1), &[IRC, EMAIL]).await;
    office.write(started(1), &[IRC, EMAIL]).await;
    office.write(ended(1), &[IRC, EMAIL]).await;
    office.write(ended(2), &[IRC, EMAIL]).await;
    office.told(2, "ended", IRC).await;
    office.told(2, "ended", EMAIL).await;
    assert_eq!(office.told(1, "ended", IRC).await.told.as_deref(), Some(ENDED_1));
    let said = witness.said();
    let bot = |words: &str| ("pushbutton".to_owned(), words.to_owned());
    assert_eq!(said[..2], [bot(STARTED_1), bot(ENDED_1)]);
    assert_eq!(said.len(), 3, "the end of push 2 and nothing else: {said:?}");

    let mails = mailbox.mails();
    assert_eq!(mails.len(), 3);
    let readable = mailbox.readable_mails();
    assert!(readable[0].contains("Subject: [push] started web Prod: 3f2c1ab to 9d8e7f6 by mary"), "{}", readable[0]);
    assert!(readable[1].contains("Subject: [push] web Prod: 3f2c1ab to 9d8e7f6 by mary"), "{}", readable[1]);
    assert!(readable[1].contains("  9d8e7f6 Warm the cart → faster (Märy Okafor)"), "{}", readable[1]);
    let told = office.told(1, "ended", EMAIL).await.told.unwrap();
    assert!(told.starts_with("[push] web Prod: 3f2c1ab to 9d8e7f6 by mary\n\nmary pushed web to Prod: succeeded.\n"));
    for header in [
        "X-Rcpt-To: all@example.com",
        "X-Rcpt-To: ops@example.com",
        "Message-ID: <push-1-ended@push.example.com>",
        "In-Reply-To: <push-1-started@push.example.com>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mails[1].lines().any(|line| line == header), "{header} in {}", mails[1]);
    }
    delivery.stop.cancel();
    until_so("the bot says goodbye", || witness.lines().iter().any(|line| line.contains(" QUIT "))).await;
}

#[tokio::test]
async fn a_nick_that_is_taken_is_no_reason_to_be_silent() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let _squatter = IrcWitness::join(server.address(), "pushbutton", None).await.unwrap();
    let _delivery = Delivery::start(&office, Some(server.address().port()), None);
    office.write(ended(1), &[IRC]).await;
    assert_eq!(heard(&witness, 1).await, [("pushbutton_".to_owned(), ENDED_1.to_owned())]);
}

#[tokio::test]
async fn an_irc_server_that_is_away_is_told_when_it_comes() {
    let office = Office::open();
    let mut wire = Wire::closed();
    let _delivery = Delivery::start(&office, Some(wire.port()), None);
    office.write(started(1), &[IRC]).await;
    let waiting = office.row(1, "started", IRC, |row| row.problem.is_some()).await;
    let problem = waiting.problem.unwrap();
    assert!(problem.starts_with("cannot reach 127.0.0.1:") && problem.contains("Connection refused"), "{problem}");
    assert_eq!(waiting.state, DeliveryState::Waiting);
    let (server, witness) = irc(&office).await;
    wire.open(server.address());
    assert_eq!(heard(&witness, 1).await[0].1, STARTED_1);

    office.told(1, "started", IRC).await;
    wire.cut();
    until_so("the bot is back", || wire.sent_lines().iter().filter(|line| line.starts_with("JOIN")).count() == 2).await;
    office.write(ended(1), &[IRC]).await;
    assert_eq!(heard(&witness, 2).await[1].1, ENDED_1);
}

#[tokio::test]
async fn a_crash_between_saying_and_noting_repeats_a_line_at_most_once() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let wire = Wire::to(server.address());
    wire.mute(true);
    let crashed = Delivery::start(&office, Some(wire.port()), None);
    office.write(ended(1), &[IRC]).await;
    heard(&witness, 1).await;
    assert_eq!(office.row(1, "ended", IRC, |_| true).await.state, DeliveryState::Waiting, "said, but nobody answered");
    drop(crashed);
    wire.mute(false);
    let _delivery = Delivery::start(&office, Some(wire.port()), None);
    office.write(ended(2), &[IRC]).await;
    office.told(2, "ended", IRC).await;
    let said: Vec<String> = witness.said().into_iter().map(|(_, words)| words).collect();
    assert_eq!(said[..2], [ENDED_1, ENDED_1], "a repeat is word for word the same");
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(office.told(1, "ended", IRC).await.told.as_deref(), Some(ENDED_1));
}

#[tokio::test]
async fn a_crash_between_sending_and_noting_repeats_a_mail_with_the_same_message_id() {
    let office = Office::open();
    let post = Post::start(&[Answer::Silence, Answer::Says("250 taken")]).await;
    let crashed = Delivery::start(&office, None, Some(post.port()));
    office.write(ended(1), &[EMAIL]).await;
    until_so("the mail is on its way", || post.mails().len() == 1).await;
    drop(crashed);
    let _delivery = Delivery::start(&office, None, Some(post.port()));
    office.write(ended(2), &[EMAIL]).await;
    office.told(1, "ended", EMAIL).await;
    office.told(2, "ended", EMAIL).await;
    let ids: Vec<String> = post.mails().iter().map(|mail| header(mail, "Message-ID")).collect();
    let (one, two) = ("<push-1-ended@push.example.com>", "<push-2-ended@push.example.com>");
    assert_eq!(ids, [one, one, two]);
}

#[tokio::test]
async fn a_mail_server_that_says_later_gets_the_mail_later() {
    let office = Office::open();
    let post = Post::start(&[Answer::Says("451 busy, come again"), Answer::Says("250 taken")]).await;
    let _delivery = Delivery::start(&office, None, Some(post.port()));
    office.write(ended(1), &[EMAIL]).await;
    let row = office.row(1, "ended", EMAIL, |row| row.problem.is_some()).await;
    assert_eq!(row.state, DeliveryState::Waiting);
    assert!(row.problem.unwrap().contains("busy, come again"));
    office.hurry().await;
    let row = office.told(1, "ended", EMAIL).await;
    assert_eq!((row.tries, row.problem), (2, None));
    assert_eq!(post.mails().len(), 2);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_and_says_why() {
    let office = Office::open();
    let post = Post::start(&[Answer::Says("550 no such person"), Answer::Says("250 taken")]).await;
    let _delivery = Delivery::start(&office, None, Some(post.port()));
    office.write(started(1), &[EMAIL]).await;
    office.write(ended(1), &[EMAIL]).await;
    let row = office.row(1, "started", EMAIL, |row| row.state == DeliveryState::GivenUp).await;
    assert!(row.problem.unwrap().contains("no such person"));
    office.told(1, "ended", EMAIL).await;
    assert_eq!(post.mails().len(), 2, "the next one is sent all the same");
}

#[tokio::test]
async fn a_mail_server_that_never_answers_delays_nobody_else() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let silent = Post::start(&[Answer::Silence]).await;
    let delivery = Delivery::start(&office, Some(server.address().port()), Some(silent.port()));
    office.write(started(1), &[IRC, EMAIL]).await;
    until_so("the mail server has it and is silent", || silent.mails().len() == 1).await;
    office.write(ended(1), &[IRC, EMAIL]).await;
    assert_eq!(heard(&witness, 2).await[1].1, ENDED_1);
    office.told(1, "ended", IRC).await;
    assert_eq!(office.row(1, "started", EMAIL, |_| true).await.state, DeliveryState::Waiting);
    let stopped = Instant::now();
    delivery.stop.cancel();
    until_so("the bot leaves at once", || witness.lines().iter().any(|line| line.contains(" QUIT "))).await;
    assert!(stopped.elapsed() < LIMIT);
}

#[tokio::test]
async fn hostile_text_arrives_as_one_clean_line_and_as_one_clean_mail() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let wire = Wire::to(server.address());
    let post = Post::start(&[Answer::Says("250 taken")]).await;
    let _delivery = Delivery::start(&office, Some(wire.port()), Some(post.port()));
    let texts = [
        "x\r\nQUIT :gone\r\nPRIVMSG #push :forged",
        "x\rQUIT :gone",
        "x\nBcc: everybody@example.com\n\nforged body\n.\nMAIL FROM:<evil@example.com>",
        "\0\u{1}ACTION dances\u{1}\u{1b}[31m\u{202e}",
        &"🚀".repeat(2_500),
    ];
    for (id, text) in (1..).zip(texts) {
        let mut hostile = ended(id);
        for field in [&mut hostile.push.who, &mut hostile.push.sha, &mut hostile.push.branch] {
            *field = text.to_owned();
        }
        for field in [&mut hostile.push.reason, &mut hostile.push.why, &mut hostile.push.diff] {
            *field = Some(text.to_owned());
        }
        hostile.commits[0].subject = text.to_owned();
        hostile.commits[0].author = text.to_owned();
        office.write(hostile, &[IRC, EMAIL]).await;
        let told = office.told(id, "ended", IRC).await.told.unwrap();
        office.told(id, "ended", EMAIL).await;
        assert_eq!(witness.said().last().unwrap().1, told, "the server passed on the very words");
        assert!(told.ends_with(&format!(" · https://push.example.com:8443/pushes/{id}")), "{told}");
    }
    let sent = wire.sent();
    assert!(ends_lines_properly(&sent) && !sent.iter().any(|byte| *byte < 32 && !b"\r\n".contains(byte)));
    for line in wire.sent_lines() {
        assert!(line.len() <= 440, "{} bytes: {line}", line.len());
        let command = line.split(' ').next().unwrap();
        assert!(["CAP", "NICK", "USER", "JOIN", "PRIVMSG", "PING", "PONG"].contains(&command), "{line}");
    }
    assert_eq!(witness.said().len(), texts.len(), "one line each");
    assert_eq!(wire.connections(), 1, "the server never threw the bot out");
    assert_eq!(post.mails().len(), texts.len(), "one mail each");
    for mail in post.mails() {
        assert!(ends_lines_properly(&mail), "{}", String::from_utf8_lossy(&mail));
        let text = String::from_utf8(mail).unwrap();
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998));
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!headers.contains("\r\nBcc:"), "{headers}");
        assert!(!text.contains("\r\nforged") && !text.contains("\r\nMAIL FROM"), "{text}");
    }
}

#[tokio::test]
async fn nothing_that_is_said_on_irc_has_an_effect_on_the_bot() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let wire = Wire::to(server.address());
    let _delivery = Delivery::start(&office, Some(wire.port()), None);
    office.write(started(1), &[IRC]).await;
    office.told(1, "started", IRC).await;
    let before = wire.sent_lines().len();
    wire.inject(
        b":eve!e@h PRIVMSG pushbutton :\x01VERSION\x01\r\n:eve!e@h PRIVMSG #push :pushbutton: quit\r\n\
          :eve!e@h INVITE pushbutton #elsewhere\r\n:eve!e@h NOTICE pushbutton :\x01PING 1\x01\r\n:eve!e@h NICK mallory\r\n\
          :eve!e@h PRIVMSG #push :caf\xe9 \xff\xfe in Latin-1\r\n\r\n:\r\nPONG\r\n",
    );
    office.write(ended(1), &[IRC]).await;
    office.told(1, "ended", IRC).await;
    assert_eq!(heard(&witness, 2).await[1].1, ENDED_1);
    let after = wire.sent_lines().split_off(before);
    assert!(
        after.iter().all(|line| line.starts_with("PRIVMSG #push :[web] ") || line == "PING push-1-ended"),
        "{after:?}"
    );
    assert_eq!(wire.connections(), 1, "a line that is not UTF-8 ends nothing");
}

#[tokio::test]
async fn a_bot_that_is_kicked_says_so_and_does_not_come_back_within_the_minute() {
    let office = Office::open();
    let (server, _witness) = irc(&office).await;
    let wire = Wire::to(server.address());
    let _delivery = Delivery::start(&office, Some(wire.port()), None);
    office.write(started(1), &[IRC]).await;
    office.told(1, "started", IRC).await;
    wire.inject(b":eve!e@h KICK #push pushbutton :enough\r\n");
    office.write(ended(1), &[IRC]).await;
    // The bot may have been asked before it saw the kick; then the line is told, as it really is still inside.
    office.row(1, "ended", IRC, |row| row.state != DeliveryState::Waiting || row.problem.is_some()).await;
    office.write(ended(2), &[IRC]).await;
    let row = office.row(2, "ended", IRC, |row| row.problem.is_some()).await;
    assert_eq!(row.problem.as_deref(), Some("not in #push: kicked by eve"));
    assert_eq!(wire.sent_lines().iter().filter(|line| line.starts_with("JOIN")).count(), 1);
}

#[tokio::test]
async fn one_refused_address_keeps_the_mail_from_nobody_else_and_nobody_is_told_twice() {
    let office = Office::open();
    let post = Post::start(&[Answer::Says("250 taken")]).await;
    let config = config(None, Some(post.port()), |config| {
        let to = ["all@example.com", "nobody@example.com", "later@example.com"];
        email_of(config).to = to.map(str::to_owned).to_vec();
    });
    let _delivery = Delivery::with(&office, config);
    office.write(ended(1), &[EMAIL]).await;
    let row = office.row(1, "ended", EMAIL, |row| row.problem.is_some()).await;
    assert_eq!(row.state, DeliveryState::Waiting, "{row:?}");
    let problem = row.problem.unwrap();
    assert!(problem.contains("does not take later@example.com yet: ") && problem.contains("451"), "{problem}");
    assert_eq!(post.taken(), [["all@example.com"]]);
    office.hurry().await;
    let row = office.told(1, "ended", EMAIL).await;
    let problem = row.problem.unwrap();
    assert!(problem.starts_with("refused for nobody@example.com: ") && problem.contains("550"), "{problem}");
    assert_eq!(post.taken(), [["all@example.com"], ["later@example.com"]], "each of them once");

    let config = self::config(None, Some(post.port()), |config| {
        email_of(config).to = vec!["nobody@example.com".to_owned()];
    });
    drop(_delivery);
    let _delivery = Delivery::with(&office, config);
    office.write(ended(2), &[EMAIL]).await;
    office.row(2, "ended", EMAIL, |row| row.state == DeliveryState::GivenUp).await;
    assert_eq!(post.taken().len(), 2, "a mail to nobody is not sent");
}

#[tokio::test]
async fn what_piled_up_while_irc_was_away_is_one_line_and_what_follows_is_told_as_ever() {
    let office = Office::open();
    let mut wire = Wire::closed();
    let _delivery = Delivery::start(&office, Some(wire.port()), None);
    let mut failed = announcement(2, Moment::Ended, "failed");
    failed.push.stage = "qa".parse().unwrap();
    for told in [started(1), ended(1), failed, ended(3)] {
        office.write(told, &[IRC]).await;
    }
    for (push, event) in [(1, "started"), (2, "ended"), (3, "ended")] {
        office.row(push, event, IRC, |row| row.problem.is_some()).await;
    }
    let (server, witness) = irc(&office).await;
    wire.open(server.address());
    let line = heard(&witness, 1).await[0].1.clone();
    // The end of push 1 waited behind its beginning; whether it has piled up, too, depends on when the server came.
    assert!(
        line.starts_with("[pushbutton] 3 pushes could not be announced · web QA 9d8e7f6 FAILED (push 2 by mary)"),
        "{line}"
    );
    assert!(line.contains("(push 3 by mary)") && line.ends_with(" · https://push.example.com:8443/pushes"), "{line}");
    for (push, event) in [(1, "started"), (2, "ended"), (3, "ended")] {
        assert_eq!(office.told(push, event, IRC).await.told.as_deref(), Some(line.as_str()));
    }
    office.told(1, "ended", IRC).await;
    let so_far = witness.said().len();
    office.write(ended(4), &[IRC]).await;
    assert_eq!(heard(&witness, so_far + 1).await[so_far].1, ENDED_1.replace("pushes/1", "pushes/4"));
}

#[tokio::test]
async fn a_server_without_the_tls_that_was_asked_for_is_told_nothing() {
    let office = Office::open();
    let (server, _witness) = irc(&office).await;
    let wire = Wire::to(server.address());
    let post = Post::start(&[Answer::Says("250 taken")]).await;
    let config = config(Some(wire.port()), Some(post.port()), |config| {
        irc_of(config).tls = true;
        email_of(config).tls = MailTls::Starttls;
    });
    let _delivery = Delivery::with(&office, config);
    office.write(ended(1), &[IRC, EMAIL]).await;
    until_so("the bot is there", || wire.connections() == 1).await;
    wire.inject(b":irc.demo.example NOTICE * :no TLS here\r\n");
    for channel in [IRC, EMAIL] {
        let row = office.row(1, "ended", channel, |row| row.problem.is_some()).await;
        assert_eq!(row.state, DeliveryState::Waiting, "{row:?}");
    }
    assert!(post.mails().is_empty());
    assert!(!String::from_utf8_lossy(&wire.sent()).contains("NICK"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_refused_at_the_start() {
    let office = Office::open();
    type Change = fn(&mut Config);
    let cases: [(Change, &str); 2] = [
        (|c| irc_of(c).password.password_file = Some("/nowhere".into()), "[irc] in config.toml: cannot read /nowhere"),
        (|c| email_of(c).user = Some("me".to_owned()), "user = \"me\" has no password_file"),
    ];
    for (change, words) in cases {
        let config = config(Some(1), Some(1), change);
        let (stop, channels) = (CancellationToken::new(), Channels::new(office.changes.clone()));
        let (ledger, changes) = (office.ledger.clone(), office.changes.subscribe());
        let refused = announce::start(&config, ledger, channels, changes, &Health::default(), stop);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

/// A header's value, from the bytes of a mail.
fn header(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_default().to_owned()
}

/// Whether each CR stands before an LF and each LF behind a CR.
fn ends_lines_properly(bytes: &[u8]) -> bool {
    let pairs = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    pairs == bytes.iter().filter(|b| **b == b'\r').count() && pairs == bytes.iter().filter(|b| **b == b'\n').count()
}
