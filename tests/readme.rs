//! What the README shows is true: its files are loaded, its commands are run, against real hosts.

use crate::docs::page;
use crate::docs::runs::{changed, shell};
use crate::house::{client_of, get, got, own_address, until};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::http::RequestBody;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn the_readmes_first_stack_is_pushed_in_four_steps() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let hosts = ["web1.example.com", "web2.example.com"];
    let fleet = Fleet::start(&dir.path().join("fleet"), &hosts).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let address = own_address();
    // Only what every reader must change is changed: the addresses, the repository, and how this fleet's ssh is set up.
    let readme = page("README.md");
    let config = changed(&readme.block("# config.toml"), &[("127.0.0.1:8090", &address)]);
    let config = format!("{config}\n[ssh]\nconfig = {:?}\n[limits]\nfree_mib = 16\n", fleet.ssh_config());
    let stack = readme.block("# stacks/hello.toml");
    let stack = changed(&stack, &[("https://git.example.com/hello.git", shop.dir().to_str().unwrap())]);
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    std::fs::create_dir(dir.path().join("stacks")).unwrap();
    std::fs::write(dir.path().join("stacks/hello.toml"), stack).unwrap();

    let commands = readme.block("pushbutton check");
    let [check, user, serve] = commands.lines().collect::<Vec<_>>()[..] else { panic!("three commands: {commands}") };
    let program = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "pushbutton");
        Program::new(env!("CARGO_BIN_EXE_pushbutton")).args(&words[1..]).dir(dir.path()).env("HOME", dir.path())
    };
    let checked = program(check).output(Duration::from_secs(30)).await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let mut adding = program(user).with_input().start().unwrap();
    adding.stdin.take().unwrap().write_all(b"correct horse battery\n").await.unwrap();
    assert!(adding.wait().await.unwrap().success());
    let mut server = program(serve).start().unwrap();

    let mut client = client_of(&format!("http://{address}"));
    until("the server is ready", async || (get(&client, "/readyz").await.ok()?.status == 200).then_some(())).await;
    let form = "name=mary&password=correct%20horse%20battery&next=%2F";
    assert_eq!(client.send("POST", "/sign-in", RequestBody::Form(form), &[]).await.unwrap().status, 303);
    let next = until("there is something to push", async || {
        let street: Value = serde_json::from_str(&get(&client, "/api/v1/stacks/hello").await.ok()?.text).ok()?;
        let next = street["stages"][0]["next"].clone();
        (!next.is_null()).then_some(next)
    })
    .await;
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] }).to_string();
    let path = "/api/v1/stacks/hello/stages/prod/push";
    let pressed = got(client.send("POST", path, RequestBody::Json(&body), &[]).await.unwrap()).await.unwrap();
    assert_eq!(pressed.status, 201, "{}", pressed.text);
    let push = until("the push has ended", async || {
        let push: Value = serde_json::from_str(&get(&client, "/api/v1/pushes/1").await.ok()?.text).ok()?;
        (push["push"]["state"] != "running").then_some(push)
    })
    .await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}");
    for host in hosts {
        let revision = fleet.host(host).unwrap().srv_dir().join("hello/current/REVISION");
        assert_eq!(std::fs::read_to_string(revision).unwrap().trim(), next["sha"]);
    }

    // A program signs in and speaks to it as the page on the API shows.
    let session = page("docs/api.md").block("curl -fsS -c cookies");
    let here = [
        ("127.0.0.1:8090", address.as_str()),
        ("web/stages/qa", "hello/stages/prod"),
        ("stacks/web/", "stacks/hello/"),
    ];
    let said = shell(dir.path(), &changed(&session, &here), "").await;
    assert!(said.contains("\"plan_hash\""), "{said}");
    assert!(get(&client, "/stacks/hello").await.unwrap().status == 200);
    server.start_kill().unwrap();
}
