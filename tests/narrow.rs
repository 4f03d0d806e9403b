//! Connections that do not say what is there: hosts that take few sessions on one, sessions that began before someone fixed
//! the host, hosts that are hung (TRUST section 4).

use crate::house::{DEADLINE, House, Plans, until_so};
use crate::site::{Site, host, listen, task, texts};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::trouble::How;
use pushbutton::journal::Stream;
use pushbutton::remote::Ending;
use pushbutton::remote::guard::far;
use pushbutton::remote::masters::Masters;
use pushbutton::remote::transfer::rsync;
use pushbutton::stack::{Rsync, StackName};
use std::time::{Duration, Instant};

impl Site {
    /// Gives a host's `sshd` one more setting, for connections that are made from now on.
    async fn set(&self, name: &str, setting: &str) {
        set(&self.fleet, name, setting).await;
    }
}

async fn set(fleet: &Fleet, name: &str, setting: &str) {
    let log = fleet.host(name).unwrap().sshd_log();
    let config = log.with_file_name("sshd_config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{setting}\n{text}")).unwrap();
    let starts = || std::fs::read_to_string(&log).unwrap().matches("Server listening").count();
    let before = starts();
    let told = fleet.ssh(name, "kill -HUP $(cat /run/host/sshd.pid)").await.unwrap();
    assert!(told.status.success(), "{told:?}");
    until_so("sshd has read its configuration", || starts() > before).await;
}

/// What one push does on a host, again and again: commands and files.
async fn push(masters: &Masters, name: &str, tree: &std::path::Path, push: usize) {
    for round in 0..5 {
        let on = masters.connect(&host(name)).await.unwrap();
        let (ending, lines) = listen(async |lines| far(&on, task("sleep 0.2; echo done"), &lines).await).await;
        assert_eq!(ending, Ending::Exited(0), "{name} push {push} round {round}: {lines:?}");
        assert_eq!(texts(&lines, Stream::Out), ["done"]);
        let what = Rsync {
            from: "./".parse().unwrap(),
            to: format!("/srv/push{push}/").parse().unwrap(),
            delete: true,
            exclude: vec![],
            options: vec!["--bwlimit=400".to_owned()],
            compress: false,
        };
        std::fs::write(tree.join("large"), vec![b'0' + u8::try_from(round).unwrap(); 200_000]).unwrap();
        let (ending, lines) = listen(async |lines| rsync(&on, tree, &what, task(""), &lines).await).await;
        assert_eq!(ending, Ending::Exited(0), "{name} push {push} round {round}: {lines:?}");
        assert!(texts(&lines, Stream::Err).is_empty(), "{lines:?}");
    }
}

#[tokio::test]
async fn two_pushes_and_the_server_share_a_host_that_takes_one_session_or_two_on_a_connection() {
    let site = Site::with(&["one", "two"]).await;
    site.set("one", "MaxSessions 1").await;
    site.set("two", "MaxSessions 2").await;
    let done = std::cell::Cell::new(false);
    let server = site.masters_with(vec![]);
    let looking = async {
        while !done.get() {
            for name in ["one", "two"] {
                server.try_connect(&host(name)).await.map(drop).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let pushing = async {
        let trees: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
        let runners: Vec<_> = (0..2).map(|_| site.masters_with(vec![Duration::from_millis(10); 3])).collect();
        let all = [("one", 0), ("one", 1), ("two", 0), ("two", 1)];
        let pushes = all.iter().zip(&trees).map(|((name, n), tree)| push(&runners[*n], name, tree.path(), *n));
        futures::future::join_all(pushes).await;
        done.set(true);
    };
    tokio::join!(looking, pushing);
    for name in ["one", "two"] {
        let signed_in = site.sign_ins(name);
        assert!((2..=8).contains(&signed_in), "{name}: its connections are used again: {signed_in}");
    }
}

#[tokio::test]
async fn what_was_mended_after_a_failure_is_seen_by_the_stacks_next_push_and_what_runs_there_finishes() {
    let site = Site::with(&["web1"]).await;
    site.set("web1", "SetEnv GROUPS_OF=old").await;
    let (web, api): (StackName, StackName) = ("web".parse().unwrap(), "api".parse().unwrap());
    let web1 = host("web1");
    let old = site.masters.connect_for(&web1, &web).await.unwrap();
    site.masters.doubt(&web1, &web);
    let told = task("echo up; until [ -e /tmp/go ]; do sleep 0.05; done; echo $GROUPS_OF");
    let next_push = async || {
        let config = site.room.path().join("fleet/web1/etc/sshd_config");
        let text = std::fs::read_to_string(&config).unwrap().replace("SetEnv GROUPS_OF=old\n", "");
        std::fs::write(&config, text).unwrap();
        site.set("web1", "SetEnv GROUPS_OF=new").await;
        let before = site.sign_ins("web1");
        let other = site.masters_with(vec![]);
        let on = other.connect_for(&web1, &api).await.unwrap();
        let groups = async |on| texts(&site.far(on, task("echo $GROUPS_OF")).await.1, Stream::Out).concat();
        assert_eq!((groups(&on).await.as_str(), site.sign_ins("web1")), ("old", before), "nothing failed in its push");
        let on = other.connect_for(&web1, &web).await.unwrap();
        assert_eq!((groups(&on).await.as_str(), site.sign_ins("web1")), ("new", before + 1));
        let on = other.connect_for(&web1, &web).await.unwrap();
        assert_eq!((groups(&on).await.as_str(), site.sign_ins("web1")), ("new", before + 1), "once is enough");
        other.reconnect(&web1).await.map(drop).unwrap();
        assert_eq!(site.sign_ins("web1"), before + 2);
        std::fs::write(site.machine("web1").tmp_dir().join("go"), "").unwrap();
    };
    assert_eq!(site.far_while_up(&old, told, next_push).await.0, Ending::Exited(0), "its session goes on to its end");
}

#[tokio::test]
async fn a_host_that_was_not_heard_twice_gets_one_short_try_and_is_there_again_at_once() {
    let site = Site::with(&["web1"]).await;
    site.machine("web1").break_(How::Hung).await.unwrap();
    let took = async || {
        let began = Instant::now();
        let Err(why) = site.masters.connect(&host("web1")).await else { panic!("a hung host answered") };
        assert!(why.0.contains("does not answer"), "{why}");
        began.elapsed()
    };
    let (first, second) = (took().await, took().await);
    assert!(second * 2 < first, "{second:?} after {first:?}: one short try, not two");
    site.machine("web1").mend().await.unwrap();
    site.connect("web1").await;
    assert!(site.masters.answered_lately(&host("web1")), "whoever else keeps it sees that");
}

/// Both stacks, side by side on the same hosts: a release with its flip, and a command behind it.
const RELEASES: &str = r#"
  { release = "/srv/@", keep = 2, shared = ["log/"] },
  { rsync = "./", to = "/srv/@-copy/", delete = true },
  { activate = "/srv/@" },
  { run = "test -e /srv/@/current/REVISION && sleep 0.2 && echo done" },
"#;

#[tokio::test]
async fn two_stacks_release_and_flip_at_once_on_hosts_that_take_one_session_on_a_connection_and_lose_none() {
    const ROUNDS: usize = 4;
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    let commands = RELEASES.replace('@', "web");
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: &commands, config, ..Plans::default() }).await;
    set(&house.fleet, "qa1", "MaxSessions 1").await;
    set(&house.fleet, "qa2", "MaxSessions 1").await;
    let stacks = house.dir.path().join("stacks");
    let web = std::fs::read_to_string(stacks.join("web.toml")).unwrap();
    std::fs::write(stacks.join("api.toml"), web.replace("/srv/web", "/srv/api")).unwrap();
    let json = async |path: String| -> serde_json::Value {
        serde_json::from_str(&house.get(&path).await.text).unwrap_or_default()
    };
    // The connections that the server has are of before the change.
    let anew = house.send("POST", "/api/v1/stacks/web/hosts/reconnect", &serde_json::Value::Null).await;
    assert_eq!(anew.status, 200, "{}", anew.text);
    let round = async |stack: &str, n: usize| {
        let next = crate::house::until("it can be pressed", async || {
            let stage = json(format!("/api/v1/stacks/{stack}")).await["stages"][0].clone();
            let next = stage["next"].clone();
            (stage["why_not"].is_null() && !next.is_null()).then_some(next)
        })
        .await;
        let body = serde_json::json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
        let pressed = house.send("POST", &format!("/api/v1/stacks/{stack}/stages/qa/push"), &body).await;
        let id = pressed.push_id();
        let ended = house.ended(id).await;
        assert_eq!(ended["push"]["state"], "succeeded", "{stack}, round {n}: {ended:#}\n{}", house.log(id).await);
        assert_eq!(ended["push"]["hosts_ok"], 2, "{stack}, round {n}");
    };
    let began = Instant::now();
    for n in 0..ROUNDS {
        // The same commit again is a push as well: every round brings a build of its own.
        if n > 0 {
            let made = house.shop.commit(house.shop.commits().await.unwrap()).await.unwrap();
            for stack in ["web", "api"] {
                crate::house::until("the new commit is offered", async || {
                    let stage = json(format!("/api/v1/stacks/{stack}")).await["stages"][0].clone();
                    (stage["next"]["sha"] == made.as_str()).then_some(())
                })
                .await;
            }
        }
        tokio::join!(round("web", n), round("api", n));
    }
    assert!(began.elapsed() < DEADLINE * 2, "{:?}", began.elapsed());
}
