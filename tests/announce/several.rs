//! Several channels, also of one kind, each on its own: what is slow or down delays no other; places that stacks name; channels that are not
//! there; and what a person sends again.

use super::*;
use crate::announce::hook::{Receiver, Reply};
use pushbutton::ledger::outbox::again;
use std::os::unix::fs::PermissionsExt;

/// A server's file with these channels.
pub fn config_of(channels: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, format!("url = \"https://push.example.com:8443\"\n{channels}")).unwrap();
    Config::load(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn hook(name: &str, port: u16) -> String {
    format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\n")
}

#[tokio::test]
async fn channels_of_one_kind_deliver_each_on_its_own_and_what_has_no_channel_is_given_up() {
    let office = Office::open();
    let (silent, quick) = (Receiver::start(&[Reply::Silence]).await, Receiver::start(&[]).await);
    let config = config_of(&[hook("slow", silent.port), hook("quick", quick.port)].concat());
    let delivery = Delivery::with(&office, config);
    office.write(started(1), &["slow", "quick", "gone", "gone:#x", "quick:#x"]).await;
    office.write(ended(1), &["slow", "quick"]).await;
    // While the other one says nothing.
    office.told(1, "ended", "quick").await;
    assert_eq!(quick.keys(), ["push-1-started", "push-1-ended"]);
    assert_eq!(office.row(1, "started", "slow", |_| true).await.state, DeliveryState::Waiting);
    for (to, why) in [
        ("gone", "config.toml has no channel of this name"),
        ("gone:#x", "config.toml has no channel of this name"),
        ("quick:#x", "this channel has one place"),
    ] {
        let row = office.row(1, "started", to, |row| row.state == DeliveryState::GivenUp).await;
        assert!(row.problem.as_deref().unwrap().contains(why), "{to}: {row:?}");
    }
    assert_eq!(delivery.broken("quick"), None);
    drop(delivery);

    // A channel that has come since gets what happens from then on, and one that a person sends again.
    let late = Receiver::start(&[]).await;
    let _delivery = Delivery::with(&office, config_of(&[hook("quick", quick.port), hook("gone", late.port)].concat()));
    office.write(ended(2), &["gone", "quick"]).await;
    office.told(2, "ended", "gone").await;
    assert_eq!(late.keys(), ["push-2-ended"]);
    let again = office.row(1, "started", "gone", |_| true).await;
    office.ledger.write(move |tx| again::send(tx, again.id, At::now())).await.unwrap();
    office.ring();
    let row = office.told(1, "started", "gone").await;
    assert_eq!((row.problem, row.tries), (None, 1));
    assert_eq!(late.keys(), ["push-2-ended", "push-1-started"], "under its own key");
    let row = office.row(1, "started", "slow", |row| row.state == DeliveryState::GivenUp).await;
    assert!(row.problem.unwrap().contains("no channel of this name"), "it was removed");
}

#[tokio::test]
async fn places_that_stacks_name_are_told_over_the_same_connection_and_keep_nobody_waiting() {
    let office = Office::open();
    let more = office.dir.path().join("irc/more");
    std::fs::create_dir_all(&more).unwrap();
    let channels = "[Channel]\nName = #keyed\nModes = +k\nKey = s3cret\n[Channel]\nName = #invited\nModes = +i\n";
    std::fs::write(more.join("channels.conf"), channels).unwrap();
    let keys = office.dir.path().join("irc.keys");
    std::fs::write(&keys, "#Keyed s3cret\n").unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (server, witness) = irc(&office).await;
    let web = IrcWitness::join_to("#web", server.address(), "webber", None).await.unwrap();
    let wire = Wire::to(server.address());
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let config = config(Some(wire.port()), Some(mailbox.address().port()), |config| {
        let irc = irc_of(config);
        (irc.also, irc.keys_file) = (vec!["#keyed".to_owned()], Some(keys.clone()));
    });
    let delivery = Delivery::with(&office, config);
    const TO: &[&str] =
        &["irc", "irc:#web", "irc:&no,such", "irc:#invited", "irc:#keyed", "email", "email:web@example.com"];
    office.write(started(1), TO).await;
    office.write(ended(1), &["irc", "irc:#web"]).await;
    for to in ["irc", "irc:#web"] {
        office.told(1, "ended", to).await;
    }
    for to in ["irc:#keyed", "email:web@example.com", "email"] {
        office.told(1, "started", to).await;
    }
    let row = office.row(1, "started", "irc:#invited", |row| row.problem.is_some()).await;
    assert_eq!(row.state, DeliveryState::Waiting);
    assert!(row.problem.unwrap().contains("not in #invited: Cannot join channel (+i)"), "why stands on the page");
    // Two names are none: they would be two JOINs.
    office.row(1, "started", "irc:&no,such", |row| row.state == DeliveryState::GivenUp).await;
    assert_eq!(delivery.broken("irc"), None, "the channel of the file works");
    let said = |witness: &IrcWitness, room: &str| {
        let says = format!(" PRIVMSG {room} :");
        let lines = witness.lines().into_iter().filter_map(|line| Some(line.split_once(&says)?.1.to_owned()));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(said(&web, "#web"), [STARTED_1, ENDED_1]);
    assert_eq!(witness.said().len(), 2);
    assert_eq!(wire.connections(), 1, "one connection for all");
    let to = |mail: &String| {
        let mut to: Vec<&str> = mail.lines().filter_map(|line| line.strip_prefix("X-Rcpt-To: ")).collect();
        to.sort_unstable();
        to.join(" ")
    };
    let mut mails: Vec<String> = mailbox.mails().iter().map(to).collect();
    mails.sort_unstable();
    assert_eq!(mails, ["all@example.com ops@example.com", "web@example.com"]);
}

#[tokio::test]
async fn authors_are_told_where_their_addresses_are_of_our_own_domains_and_nobody_else_in_the_world() {
    let office = Office::open();
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let config = config(None, Some(mailbox.address().port()), |config| {
        let email = email_of(config);
        (email.authors, email.author_domains) = (true, vec!["example.com".to_owned()]);
        email.to = vec!["all@example.com".to_owned()];
    });
    let _delivery = Delivery::with(&office, config);
    let mut pushed = ended(1);
    let commit = pushed.commits[0].clone();
    let by = |email: &str| AnnouncedCommit { email: email.to_owned(), ..commit.clone() };
    let evil = [
        "boss@evil.example",
        "a@b@example.com",
        "x@example.com.evil.example",
        "nobody",
        "a@example.com>\r\nBcc: c@example.com",
    ];
    pushed.commits = ["Mary@Example.com", "joe@example.com", "joe@example.com", "all@example.com"].map(by).into();
    pushed.commits.extend(evil.map(by));
    office.write(pushed, &[EMAIL]).await;
    office.told(1, "ended", EMAIL).await;
    let mail = mailbox.mails().pop().unwrap();
    let mut to: Vec<&str> = mail.lines().filter_map(|line| line.strip_prefix("X-Rcpt-To: ")).collect();
    to.sort_unstable();
    assert_eq!(to, ["Mary@Example.com", "all@example.com", "joe@example.com"]);
    assert!(!mail.contains("Bcc:") && !mail.contains("evil.example>"), "{mail}");
}

#[tokio::test]
async fn a_program_that_sends_takes_the_mail_instead_of_a_server() {
    let office = Office::open();
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    // A real one, which speaks to a server of its own; it says what it was called with.
    let (program, called) = (office.dir.path().join("sendmail"), office.dir.path().join("called"));
    let send = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >>{}\nexec /usr/bin/msmtp --host=127.0.0.1 --port={} \"$@\"\n",
        called.display(),
        mailbox.address().port()
    );
    let write = |text: &str| {
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    };
    write("#!/bin/sh\necho 'the queue is full' >&2\nexit 75\n");
    let own = config_of(&format!(
        "[email]\nsendmail = {program:?}\nfrom = \"Pushbutton <push@example.com>\"\nto = [\"All <all@example.com>\", \"ops@example.com\"]\n"
    ));
    let delivery = Delivery::with(&office, own);
    office.write(started(1), &[EMAIL]).await;
    let row = office.row(1, "started", EMAIL, |row| row.problem.is_some()).await;
    assert!(row.problem.unwrap().ends_with("did not take the mail (exit status: 75): the queue is full"));
    assert!(delivery.broken(EMAIL).is_some());
    write(&send);
    office.hurry().await;
    office.told(1, "started", EMAIL).await;
    assert_eq!(delivery.broken(EMAIL), None);
    let mail = mailbox.mails().pop().unwrap();
    for header in
        ["X-Rcpt-To: all@example.com", "X-Rcpt-To: ops@example.com", "Message-ID: <push-1-started@push.example.com>"]
    {
        assert!(mail.lines().any(|line| line == header), "{header} in {mail}");
    }
    let called = std::fs::read_to_string(called).unwrap();
    assert_eq!(
        called.lines().collect::<Vec<_>>(),
        ["-i", "-f", "push@example.com", "--", "all@example.com", "ops@example.com"]
    );
    write("#!/bin/sh\ncat >/dev/null\nexit 67\n");
    office.write(ended(1), &[EMAIL]).await;
    office.row(1, "ended", EMAIL, |row| row.state == DeliveryState::GivenUp).await;
}
