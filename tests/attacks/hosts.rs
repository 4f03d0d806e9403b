//! Hosts that talk without end: in their shell's start-up file, and in the output of a command.

use super::target::bears;
use crate::house::{House, Plans, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_shell_talks_without_end_takes_no_memory_and_is_named() {
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    let house = House::build(Plans { qa: &["qa1", "qa2"], config, ..Plans::default() }).await;
    house.push_well("qa").await;
    for (name, noise) in [
        ("lines", "while :; do echo \"welcome to this host, whoever you are\"; done"),
        ("no end of a line", "cat /dev/zero"),
        ("complaints", "cat /dev/zero >&2"),
    ] {
        std::fs::write(house.fleet.host("qa2").unwrap().home_dir().join(".bashrc"), format!("{noise}\n")).unwrap();
        // What the server keeps is a shell from before.
        let reconnect = json!({ "hosts": ["qa2"] });
        let what = format!("a noisy host: {name}");
        let named = bears(&what, house.server_pid(), house.client(), async {
            let asked = house.send("POST", "/api/v1/stacks/web/hosts/reconnect", &reconnect).await;
            assert!((200..500).contains(&asked.status), "{}", asked.text);
            let _ = house.send("POST", "/api/v1/stacks/web/hosts/look", &json!({})).await;
            until("the host is named", async || {
                let page = house.get("/stacks/web").await.text;
                (page.contains("not ready") && page.contains("qa2")).then_some(page)
            })
            .await
        })
        .await;
        assert!(!named.contains("qa1 "), "and only that one: {named}");
        // It falls silent, and is ready again: the next noise is heard anew.
        std::fs::write(house.fleet.host("qa2").unwrap().home_dir().join(".bashrc"), "").unwrap();
        until("the host is ready again", async || {
            house.send("POST", "/api/v1/stacks/web/hosts/reconnect", &reconnect).await;
            (!house.get("/stacks/web").await.text.contains("not ready")).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_empty_lines_ends_where_one_of_long_lines_does_and_says_so() {
    // 8 MB of line ends would be 8 million records of some 130 bytes: more than a gigabyte.
    let commands = "{ run = \"yes '' | head -c 8000000\" }";
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let id = bears("8 MB of empty lines", house.server_pid(), house.client(), async {
        let id = house.press("qa").await;
        assert_eq!(house.ended(id).await["push"]["state"], "succeeded");
        id
    })
    .await;
    let journal = house.journal(id);
    assert!(journal.len() < 24 << 20, "{} bytes", journal.len());
    let told = String::from_utf8_lossy(&journal).contains("truncated: more than 16 MiB of output");
    assert!(told, "{}", String::from_utf8_lossy(&journal[journal.len() - 2000..]));
    bears("its log as text", house.server_pid(), house.client(), async {
        for path in ["log", "outline", "find?q=x"] {
            let status = house.get(&format!("/api/v1/pushes/{id}/{path}")).await.status;
            assert_eq!(status, 200, "{path}");
        }
    })
    .await;
}
