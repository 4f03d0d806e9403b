//! A chat server that is none: it sends one line without an end.

use super::target::Target;
use crate::house::until;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn an_irc_server_whose_line_has_no_end_is_hung_up_on() {
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
    assert!(log.contains("a line without an end"), "{log}");
}
