//! The bot on IRC, over a real ngircd, a real server and real hosts: it answers what the operator lets a channel see, and does what a person may who has
//! proven who they are. A nick alone is nobody.

use crate::cli::pushbutton;
use crate::house::{Channels, DEADLINE, House, Plans, until};
use pushbutton::demo::http::RequestBody;
use pushbutton::demo::irc::CHANNEL;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Somebody on IRC.
struct Talker {
    stream: BufReader<TcpStream>,
    nick: String,
}

impl Talker {
    async fn join(at: SocketAddr, nick: &str) -> Self {
        let mut stream = BufReader::new(TcpStream::connect(at).await.unwrap());
        let hello = format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {CHANNEL}\r\n");
        stream.write_all(hello.as_bytes()).await.unwrap();
        let mut talker = Self { stream, nick: nick.to_owned() };
        talker.hears(" 366 ").await;
        talker
    }

    async fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    /// Reads on until a line has these words.
    async fn hears(&mut self, words: &str) -> String {
        let reads = async {
            loop {
                let mut line = String::new();
                assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "the server has ended");
                if let Some(key) = line.strip_prefix("PING ") {
                    let pong = format!("PONG {key}");
                    self.stream.write_all(pong.as_bytes()).await.unwrap();
                } else if line.contains(words) {
                    return line;
                }
            }
        };
        tokio::time::timeout(DEADLINE, reads).await.unwrap_or_else(|_| panic!("{} does not hear {words:?}", self.nick))
    }

    /// Says something in the channel, and reads the first line that the bot says after that.
    async fn says(&mut self, text: &str) -> String {
        self.send(&format!("PRIVMSG {CHANNEL} :{text}")).await;
        self.bot().await
    }

    /// The next line of the bot that is no announcement.
    async fn bot(&mut self) -> String {
        let line = self.hears(" NOTICE ").await;
        assert!(line.starts_with(":pushbutton!") && line.len() <= 512, "{line}");
        line.split_once(" :").unwrap().1.trim_end().to_owned()
    }
}

/// Presses the button for a code on the account's page.
async fn code(house: &House) -> String {
    let answer = house.client().clone().send("POST", "/account/chat", RequestBody::Form(""), &[]).await.unwrap();
    let page = answer.text().await.unwrap();
    let code = page.split_once(">bind ").unwrap_or_else(|| panic!("{page}")).1;
    code.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_bot_answers_what_a_channel_may_see_and_obeys_who_has_proven_who_they_are() {
    let channels = Channels::open().await;
    let config = format!("{}[chat]\nas = \"mary\"\ncommands = true\n", channels.config());
    let house = House::build(Plans { qa: &["qa1"], prod: &["web1"], config, ..Plans::default() }).await;
    let at = channels.irc();
    house.button("qa").await;
    let mut dot = Talker::join(at, "dot").await;
    until("the bot is there", async || {
        dot.send(&format!("NAMES {CHANNEL}")).await;
        dot.hears(" 353 ").await.contains("pushbutton").then_some(())
    })
    .await;

    // Questions, for everybody.
    let said = dot.says("!status").await;
    assert!(said.starts_with("web: qa nothing yet · prod nothing yet · http"), "{said}");
    assert!(dot.says("!diff web qa").await.starts_with("web qa: "));
    assert_eq!(dot.says("!who").await, "nobody is pushing");
    assert!(dot.says("!status api").await.starts_with("not done: stack api does not exist"));
    assert_eq!(dot.says("!push web").await, "usage: !push STACK STAGE");

    // Orders: not by a nick, not with a wrong code, not with one that was said in public.
    assert!(dot.says("!push web qa").await.starts_with("not done: your account here is bound to nobody"));
    let public = code(&house).await;
    assert!(dot.says(&format!("!bind {public}")).await.contains("void now"));
    for silent in [
        format!("PRIVMSG pushbutton :bind {public}"),
        "PRIVMSG pushbutton :bind 0000-0000-0000".to_owned(),
        "PRIVMSG pushbutton :!status".to_owned(),
        format!("NOTICE {CHANNEL} :!status"),
        format!("PRIVMSG {CHANNEL} :what about !status"),
    ] {
        dot.send(&silent).await;
    }
    assert_eq!(dot.says("!who").await, "nobody is pushing", "nothing of that is answered");

    let own = code(&house).await;
    dot.send(&format!("PRIVMSG pushbutton :bind {}", own.to_lowercase())).await;
    assert!(dot.bot().await.starts_with("you are mary as long as you stay in the channel"));
    let said = dot.says("!push web qa").await;
    assert!(said.starts_with("push 1 of web to qa has started: ") && said.ends_with("/pushes/1"), "{said}");
    let push = house.ended(1).await;
    assert_eq!((&push["push"]["who"], &push["push"]["state"]), (&json!("mary"), &json!("succeeded")));
    assert!(dot.says("!hold web/prod the fair is on").await.starts_with("web/prod is held"));
    assert!(dot.says("!push web prod").await.starts_with("not done: web/prod is held by mary: the fair is on"));
    let audit = pushbutton(&house, &["audit", "export"]).await;
    let row = audit.out.lines().find(|row| row.contains(r#""action":"press""#)).unwrap();
    assert!(row.contains(r#""from":"IRC""#) && row.contains(r#""who":"mary""#), "{row}");

    // Another name is somebody else; and who takes the old one is nobody.
    dot.send("NICK dot2").await;
    dot.hears(" NICK ").await;
    let mut eve = Talker::join(at, "dot").await;
    assert!(eve.says("!push web qa").await.starts_with("not done: your account here is bound to nobody"));
    assert!(eve.says("!last web").await.starts_with("push 1 of web to qa by mary, "));
}
