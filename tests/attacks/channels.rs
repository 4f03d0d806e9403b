//! A chat server and a mail server that are none: each sends one line without an end.

use super::target::Target;
use crate::cli::program;
use crate::house::{DEADLINE, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server of one endless line; its port, how often it was hung up on, and its task.
async fn endless() -> (u16, Arc<AtomicU64>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hung_up = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&hung_up);
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                while stream.write_all(&[b'x'; 1 << 16]).await.is_ok() {}
                counted.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (port, hung_up, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_irc_server_whose_line_has_no_end_is_hung_up_on() {
    let (port, hung_up, server) = endless().await;
    let irc = format!("[irc]\nserver = \"127.0.0.1\"\nport = {port}\ntls = false\nchannel = \"#push\"\n");
    let target = Target::start(&format!("[auth]\nmode = \"open\"\n{irc}"), &[]).await;
    target
        .under("a line of IRC without an end", async {
            until("it was hung up on, twice", async || (hung_up.load(Ordering::SeqCst) >= 2).then_some(())).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .await;
    server.abort();
    let log = std::fs::read_to_string(target.dir.path().join("server.log")).unwrap();
    assert!(log.contains("an endless line"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_whose_line_has_no_end_is_hung_up_on() {
    let (port, hung_up, server) = endless().await;
    let email = format!(
        "[email]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"push@example.com\"\nto = [\"team@example.com\"]\n"
    );
    let target = Target::start(&format!("[auth]\nmode = \"open\"\n{email}"), &[]).await;
    let site = target.dir.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("index.html"), "one").unwrap();
    let publish = ["build", "publish", "web", site.to_str().unwrap(), "--sha", &"1".repeat(40)];
    for deed in [&publish[..], &["push", "web", "qa"]] {
        let said = program(target.dir.path(), deed).output(DEADLINE).await.unwrap();
        assert!(said.status.success(), "{deed:?}: {said:?}");
    }
    target
        .under("a line of SMTP without an end", async {
            until("it was hung up on, twice", async || (hung_up.load(Ordering::SeqCst) >= 2).then_some(())).await;
        })
        .await;
    server.abort();
    let told = "SELECT problem FROM outbox WHERE channel = 'email' AND problem IS NOT NULL LIMIT 1";
    let ledger = rusqlite::Connection::open(target.dir.path().join("data/pushbutton.db")).unwrap();
    let problem =
        until("the ledger says why", async || ledger.query_row(told, [], |row| row.get::<_, String>(0)).ok()).await;
    assert!(problem.contains("the mail server sent more than 4 MiB"), "{problem}");
}
