//! Characters that nobody sees, in every field that a person, a committer or a host fills in; looked at on every page, in the table, on
//! the command line, on IRC and in mails. And what a host writes is told as its word.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::pages::every_page;
use crate::house::{Channels, House, Plans, get, until};
use pushbutton::visible::is_invisible;
use serde_json::json;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// Turned round, nothing, isolated, a hyphen that is none, a byte order mark, a tag.
const HIDDEN: &str = "\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}";

fn nothing_hides(where_: &str, text: &str) {
    let hidden: Vec<char> = text.chars().filter(|c| is_invisible(*c)).collect();
    assert!(hidden.is_empty(), "{where_} lets {hidden:?} through: {text}");
}

/// The HTML of mails, decoded by another program than the one that made it.
async fn html_of(mails: &[String]) -> String {
    let script = "import email, email.policy, sys
for raw in sys.argv[1:]:
    print(email.message_from_string(raw, policy=email.policy.default).get_body(('html',)).get_content())
";
    let decode = pushbutton::process::Program::new("python3").args(["-c", script]).args(mails);
    let said = decode.env("PYTHONIOENCODING", "utf-8").output(LIMIT).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

#[tokio::test]
async fn what_hides_in_any_field_is_seen_wherever_it_is_shown_and_a_hosts_word_is_told_as_its_word() {
    let channels = Channels::open().await;
    let commands =
        "{ release = \"/srv/web\" }, { activate = \"/srv/web\" }, { confirm = \"Graphs calm?\", timeout = \"9m\" }";
    // A host says where its graphs are; its title wants to pass for a part of our own line.
    let evil = format!("Graph{HIDDEN} · The push");
    let stage = format!("finally = [{{ run = \"echo 'link: {evil} https://graphs.example.com/1'\" }}]");
    let house =
        House::build(Plans { qa: &["qa1"], commands, stage: &stage, config: channels.config(), ..Plans::default() });
    let house = house.await;

    // A commit by someone whose name and subject hide something.
    let git = pushbutton::process::Program::new("git").dir(house.shop.dir()).env("HOME", channels.dir.path());
    let (name, subject) = (format!("Sam{HIDDEN} Doyle"), format!("Warm{HIDDEN} the cart"));
    let args = ["-c", "user.email=sam@example.com", "commit", "--quiet", "--allow-empty", "-m", &subject];
    let made = git.args(["-c", &format!("user.name={name}")]).args(args).output(LIMIT).await.unwrap();
    assert!(made.status.success(), "{made:?}");

    let reason = |what: &str| format!("{what}{HIDDEN} reason");
    let next = until("the commit is offered", async || {
        let stage = house.stage("qa").await;
        (stage["why_not"].is_null() && stage["next"].to_string().contains("U+202E")).then(|| stage["next"].clone())
    })
    .await;
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"], "reason": reason("push") });
    let pressed = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
    assert_eq!(pressed.status, 201, "{}", pressed.text);
    until("it asks", async || (!house.push(1).await["push"]["question"].is_null()).then_some(())).await;
    let send = async |method: &str, path: &str, body: serde_json::Value| {
        let answer = house.send(method, path, &body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
    };
    send("POST", "/api/v1/pushes/1/pause", json!({ "reason": reason("pause") })).await;
    send("PUT", "/api/v1/stacks/web/hold", json!({ "reason": reason("hold") })).await;
    let look = async |moment: &str| {
        let others = [
            "/pushes.csv",
            "/pushes/1/log",
            "/api/v1/pushes/1/log",
            "/pushes?who=%E2%80%AEevil&stack=%E2%80%8Bweb&word=%C2%AD",
            "/announcements?channel=%EF%BB%BF",
            "/stacks/%E2%80%AEweb",
        ];
        for path in every_page("qa", 1).into_iter().chain(others.map(str::to_owned)) {
            nothing_hides(&format!("{path} {moment}"), &get(house.client(), &path).await.unwrap().text);
        }
        for args in [
            &["status"][..],
            &["status", "--json"],
            &["plan", "web", "qa"],
            &["plan", "web", "qa", "--json"],
            &["push", "web", "qa"],
        ] {
            let said = pushbutton(&house, args).await;
            nothing_hides(&format!("{args:?} {moment}"), &format!("{}{}", said.out, said.err));
        }
    };
    look("while it waits").await;
    let page = house.get("/stacks/web").await.text;
    assert!(page.contains("hold⟨U+202E⟩⟨U+200B⟩⟨U+2066⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+E0041⟩ reason"), "{page}");
    // The live page draws what comes over the stream, which is the journal as it lies on the disk.
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go("/pushes/1").await;
    browser.says("main", "pause⟨U+202E⟩⟨U+200B⟩⟨U+2066⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+E0041⟩ reason").await;
    let shown = browser.ask("return document.documentElement.outerHTML").await;
    nothing_hides("the live page", shown.as_str().unwrap());
    drop(browser);
    send("POST", "/api/v1/pushes/1/unpause", json!({})).await;
    send("POST", "/api/v1/pushes/1/confirm", json!({ "answer": "yes", "reason": reason("answer") })).await;
    assert_eq!(house.ended(1).await["push"]["state"], "succeeded");
    look("at its end").await;
    let page = house.get("/pushes/1").await.text;
    assert!(page.contains("push⟨U+202E⟩⟨U+200B⟩⟨U+2066⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+E0041⟩ reason"), "{page}");
    let table = house.get("/pushes.csv").await.text;
    assert!(table.contains("push⟨U+202E⟩⟨U+200B⟩⟨U+2066⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+E0041⟩ reason"), "{table}");
    // What a form refuses comes back as it was written, and is seen.
    let form = format!("reason={}&until=at&at=nonsense", pushbutton::address::encoded(reason("again")));
    let mut client = house.client().clone();
    let sent = pushbutton::demo::http::RequestBody::Form(&form);
    let back = crate::house::got(client.send("POST", "/stacks/web/hold", sent, &[]).await.unwrap()).await.unwrap();
    nothing_hides("a form that comes back", &back.text);
    assert!(back.text.contains("again⟨U+202E⟩"), "{}", back.text);

    // IRC and mail.
    let line = channels.irc_says("succeeded").await;
    assert!(line.contains(" · qa1 says: Graph⟨U+202E⟩"), "{line}");
    assert!(
        !line.contains("says: Graph⟨U+202E⟩⟨U+200B⟩⟨U+2066⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+E0041⟩ ·"),
        "its title is one part: {line}"
    );
    for line in channels.witness.lines() {
        nothing_hides("IRC", &line);
    }
    let ended = channels.mail_says("says: Graph").await;
    for mail in channels.mail.readable_mails() {
        nothing_hides("a mail", &mail);
    }
    assert!(ended.contains("qa1 says: Graph⟨U+202E⟩"), "as text: {ended}");
    let html = html_of(&channels.mail.mails()).await;
    assert!(html.contains(">qa1 says: Graph⟨U+202E⟩"), "the link's own words: {html}");
    nothing_hides("the HTML of the mails", &html);
    assert!(ended.contains("Sam⟨U+202E⟩") && ended.contains("Warm⟨U+202E⟩"), "{ended}");
}
