//! What is final for a mail and what is not; what we call ourselves; addresses that are not ASCII; certificates.

use super::*;
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::os::unix::fs::OpenOptionsExt;

/// A server that lets us sign in.
const SIGN_IN: (&str, &str) = ("EHLO", "250-post.example\r\n250 AUTH PLAIN");

#[tokio::test]
async fn a_mail_waits_for_whatever_was_not_about_the_mail_and_then_every_one_arrives() {
    let office = Office::open();
    let post = Post::start(&[Answer::Says("250 taken")]).await;
    let secret = office.dir.path().join("password");
    let mut file =
        std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&secret).unwrap();
    std::io::Write::write_all(&mut file, b"correct horse\n").unwrap();
    let config = config(None, Some(post.port()), |config| {
        let email = email_of(config);
        email.user = Some("push".to_owned());
        email.password.password_file = Some(secret.clone());
        email.to = vec!["all@example.com".to_owned()];
    });
    let delivery = Delivery::with(&office, config);
    let troubles: [(&[(&str, &str)], &str); 9] = [
        (&[("greeting", "554 no SMTP service here")], "refuses us: 554 no SMTP service here"),
        (&[("EHLO", "550 5.7.1 not you")], "refuses us: 550 5.7.1 not you"),
        (&[("EHLO", "250 post.example")], "most servers offer it over TLS only"),
        (
            &[SIGN_IN, ("AUTH", "535 5.7.8 nope")],
            "refuses our sign-in: 535 5.7.8 nope (the server does not accept the user",
        ),
        (&[SIGN_IN, ("AUTH", "550 5.7.1 account closed")], "refuses our sign-in: 550 5.7.1 account closed"),
        (&[SIGN_IN, ("MAIL", "553 5.7.1 bad sender")], "refuses the sender: 553 5.7.1 bad sender"),
        (
            &[SIGN_IN, ("RCPT", "554 5.7.1 Relay access denied")],
            "554 5.7.1 Relay access denied (the server does not relay mail",
        ),
        (&[SIGN_IN, ("RCPT", "503 5.5.1 sequence")], "does not take all@example.com yet: 503 5.5.1 sequence"),
        (&[SIGN_IN, ("DATA", "554 5.5.0 no")], "refuses the mail: 554 5.5.0 no"),
    ];
    for (push, (says, words)) in (1..).zip(troubles) {
        post.say(says);
        office.write(ended(push), &[EMAIL]).await;
        let row = office.row(push, "ended", EMAIL, |row| row.problem.is_some()).await;
        assert_eq!(row.state, DeliveryState::Waiting, "{row:?}");
        let problem = row.problem.unwrap();
        assert!(problem.contains(words), "{problem}");
        if !words.contains("does not take") {
            assert!(delivery.broken(EMAIL).is_some(), "every page says so: {problem}");
        }
    }
    assert!(post.mails().is_empty());
    post.say(&[SIGN_IN]);
    office.hurry().await;
    for (push, _) in (1..).zip(troubles) {
        office.told(push, "ended", EMAIL).await;
    }
    assert_eq!(post.mails().len(), troubles.len(), "each of them, once");
    assert_eq!(delivery.broken(EMAIL), None, "and no page says so any more");

    // What was about the mail, or its only recipient, is final.
    for (push, (begins, line)) in (20..).zip([("RCPT", "550 5.1.1 no such user"), ("RCPT", "556 takes no mail")]) {
        post.say(&[SIGN_IN, (begins, line)]);
        office.write(ended(push), &[EMAIL]).await;
        let row = office.row(push, "ended", EMAIL, |row| row.state == DeliveryState::GivenUp).await;
        assert!(row.problem.unwrap().contains(line));
        assert_eq!(delivery.broken(EMAIL), None);
    }
}

#[tokio::test]
async fn we_call_ourselves_by_a_whole_name_and_say_foreign_addresses_only_to_who_takes_them() {
    let office = Office::open();
    let post = Post::start(&[Answer::Says("250 taken")]).await;
    let foreign = |helo: Option<&str>| {
        let helo = helo.map(str::to_owned);
        config(None, Some(post.port()), move |config| {
            let email = email_of(config);
            email.helo = helo.clone();
            email.to = vec!["Jürgen <jürgen@example.com>".to_owned(), "Zoë <all@example.com>".to_owned()];
        })
    };
    let first = Delivery::with(&office, foreign(None));
    office.write(ended(1), &[EMAIL]).await;
    let row = office.told(1, "ended", EMAIL).await;
    let problem = row.problem.unwrap();
    assert!(problem.starts_with("refused for jürgen@example.com: ") && problem.contains("SMTPUTF8"), "{problem}");
    assert_eq!(post.taken(), [["all@example.com"]]);
    assert!(post.mails()[0].is_ascii(), "{}", String::from_utf8_lossy(&post.mails()[0]));
    assert_eq!(header(&post.mails()[0], "To"), "=?utf-8?b?Wm/Dqw==?= <all@example.com>");
    let hello = post.commands()[0].strip_prefix("EHLO ").unwrap().to_owned();
    assert!(hello == "[127.0.0.1]" || (hello.contains('.') && !hello.starts_with("localhost")), "{hello}");

    drop(first);
    post.say(&[("EHLO", "250-post.example\r\n250-8BITMIME\r\n250 SMTPUTF8")]);
    let _second = Delivery::with(&office, foreign(Some("push.example.com")));
    office.write(ended(2), &[EMAIL]).await;
    assert_eq!(office.told(2, "ended", EMAIL).await.problem, None);
    assert_eq!(post.taken()[1], ["jürgen@example.com", "all@example.com"]);
    let commands = post.commands();
    for line in ["EHLO push.example.com", "MAIL FROM:<push@example.com> SMTPUTF8"] {
        assert!(commands.iter().any(|command| command == line), "{line}: {commands:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_called_that_on_irc_and_in_mail() {
    let office = Office::open();
    let dir = office.dir.path();
    let [cert, key] = ["site.pem", "site.key"].map(|name| dir.join(name).display().to_string());
    let made = Program::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &cert]);
    assert!(made.output(LIMIT).await.unwrap().status.success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = format!("127.0.0.1:{port}");
    let argv = ["/usr/bin/openssl", "s_server", "-accept", &at, "-cert", &cert, "-key", &key, "-quiet"];
    let _server = Lifeline::keep_running(&argv, &dir.join("tls.log")).await.unwrap();
    let config = config(Some(port), Some(port), |config| {
        irc_of(config).tls = true;
        email_of(config).tls = MailTls::Tls;
    });
    let delivery = Delivery::with(&office, config);
    office.write(ended(1), &[IRC, EMAIL]).await;
    for channel in [IRC, EMAIL] {
        // The very first try may have come before the server listened.
        let row = until("the certificate is told", async || {
            office.hurry().await;
            let row = office.row(1, "ended", channel, |row| row.problem.is_some()).await;
            let says_so = |problem: &String| problem.contains("CaUsedAsEndEntity");
            row.problem.as_ref().is_some_and(says_so).then_some(row)
        })
        .await;
        let problem = row.problem.unwrap();
        assert!(problem.contains(&format!("cannot reach {at}: ")), "{problem}");
        assert!(
            problem.contains("is self-signed, so it is not trusted") && problem.contains("update-ca-"),
            "{problem}"
        );
        assert!(delivery.broken(channel).is_some());
    }
}
