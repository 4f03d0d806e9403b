//! Where builds come from besides the head of a git branch: Subversion, a directory, and another version than the newest. Each from
//! what was seen to what lies on real hosts. Builds that are published from outside are in `published.rs`.

use crate::cli;
use crate::house::{DEADLINE, House, Plans, own_address, served, tree, until};
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tokio::process::Child;

const DIFF: &str = "diff = \"https://svn.example.com/diff?old={old_sha}&new={sha}\"";

/// A house whose stack has another source; `build` and `ship` go with git.
async fn house_of(source: &str, plans: Plans<'_>) -> House {
    let house = House::build(plans).await;
    rewrite(&house, |line| match line {
        line if line.starts_with("source = ") => Some(format!("source = {source}")),
        line if line.starts_with("diff = ") => Some(DIFF.to_owned()),
        line if line.starts_with("build = ") || line.starts_with("ship = ") => None,
        line => Some(line.to_owned()),
    });
    let wanted = source.split('"').nth(1).unwrap_or_default().to_owned();
    until("the other source is in force", async || {
        (house.stack_view().await["source"] == wanted.as_str()).then_some(())
    })
    .await;
    house
}

pub fn rewrite(house: &House, line: impl Fn(&str) -> Option<String>) {
    let path = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<String> = text.lines().filter_map(line).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
}

pub fn two() -> Plans<'static> {
    Plans { qa: &["qa1"], prod: &["web001"], ..Plans::default() }
}

async fn tool(name: &str, dir: &Path, args: &[&str]) -> String {
    let output =
        Program::new(name).dir(dir).env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent").args(args).output(DEADLINE);
    let output = output.await.unwrap();
    assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs a command line: its code, and both streams.
pub async fn pushbutton(house: &House, args: &[&str]) -> (Option<i32>, String) {
    let said = cli::pushbutton(house, args).await;
    (said.code, said.both())
}

/// Waits until the button offers something else, and gives what a press must carry.
pub async fn offered(house: &House, not: &Value) -> Value {
    until("something else is offered", async || {
        let next = house.stage("qa").await["next"].clone();
        (!next.is_null() && next["seen"] != not["seen"]).then_some(next)
    })
    .await
}

/// Waits until the directory is seen as it is.
async fn holds(house: &House, files: &str) {
    until("the directory is seen as it is", async || {
        let next = house.stage("qa").await["next"].clone();
        next["commits"][0]["subject"].as_str()?.starts_with(files).then_some(())
    })
    .await;
}

/// A Subversion server with one repository, and a working copy of its trunk.
struct Svn {
    server: Child,
    address: String,
    copy: PathBuf,
}

impl Svn {
    async fn start(dir: &Path) -> Self {
        tool("svnadmin", dir, &["create", "repo"]).await;
        std::fs::write(dir.join("repo/conf/svnserve.conf"), "[general]\nanon-access = write\n").unwrap();
        let address = own_address().replace(":8090", ":3690");
        let (host, port) = address.split_once(':').unwrap();
        let server = Program::new("svnserve").args(["--daemon", "--foreground", "--listen-host", host]);
        let root = dir.join("repo");
        let server = server.args(["--listen-port", port, "--root"]).arg(&root).start().unwrap();
        until("the svn server answers", async || tokio::net::TcpStream::connect(&address).await.ok()).await;
        let url = format!("svn://{address}");
        tool("svn", dir, &["mkdir", "-q", "-m", "begin", &format!("{url}/trunk"), &format!("{url}/secret")]).await;
        tool("svn", dir, &["checkout", "-q", &format!("{url}/trunk"), "copy"]).await;
        Self { server, copy: dir.join("copy"), address: url }
    }

    async fn commit(&self, message: &str) {
        tool("svn", &self.copy, &["add", "-q", "--force", "."]).await;
        tool("svn", &self.copy, &["commit", "-q", "--username", "mary", "-m", message]).await;
        tool("svn", &self.copy, &["update", "-q", "--ignore-externals"]).await;
    }
}

impl Drop for Svn {
    fn drop(&mut self) {
        let _ = self.server.start_kill();
    }
}

#[tokio::test]
async fn a_subversion_trunk_goes_out_by_its_revisions_and_nothing_else_comes_along() {
    let dir = tempfile::tempdir().unwrap();
    let svn = Svn::start(dir.path()).await;
    std::fs::write(svn.copy.join("index.html"), "one").unwrap();
    std::fs::write(svn.copy.join("ünï @1.txt"), "name").unwrap();
    symlink("index.html", svn.copy.join("home")).unwrap();
    let externals = format!("stolen {}/secret", svn.address);
    tool("svn", &svn.copy, &["propset", "-q", "svn:externals", &externals, "."]).await;
    svn.commit("One <b>& \"two\"</b>\n\nmore").await;
    let house = house_of(&format!("{{ svn = \"{}/trunk\", insecure = true }}", svn.address), two()).await;
    let first = house.button("qa").await;
    assert_eq!(
        (first["seen"].as_str(), first["commits"][0]["subject"].as_str()),
        (Some("2"), Some("One <b>& \"two\"</b>"))
    );
    let push = house.push_well("qa").await;
    assert_eq!(push["push"]["build"], "2-1");
    let out = served(&house.fleet, "qa1");
    let names: Vec<&str> = out.keys().map(String::as_str).collect();
    assert_eq!(names, ["home", "index.html", "ünï @1.txt"], "no .svn, no externals");
    house.push_well("prod").await;
    assert_eq!(served(&house.fleet, "web001"), out, "prod has the build that qa has");

    std::fs::write(svn.copy.join("index.html"), "two").unwrap();
    svn.commit("Two").await;
    let second = offered(&house, &first).await;
    assert_eq!((second["seen"].as_str(), second["commit_count"].as_i64()), (Some("3"), Some(1)));
    assert_eq!(second["diff"], "https://svn.example.com/diff?old=2&new=3");
    let moved = house.press_with("qa", &first).await;
    assert!(moved.status == 409 && moved.text.contains("trunk is now at 3 instead of 2"), "{}", moved.text);
    house.push_well("qa").await;
    assert_ne!(served(&house.fleet, "qa1"), out);

    // Back to an older revision, which is shown with what would be gone.
    let plan: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/stages/qa/plan?sha=2").await.text).unwrap();
    assert_eq!((plan["gone"][0]["subject"].as_str(), plan["commit_count"].as_i64()), (Some("Two"), Some(0)));
    let body = json!({ "sha": "2", "seen": plan["seen"], "plan_hash": plan["plan_hash"] });
    let pressed = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
    let pressed: Value = serde_json::from_str(&pressed.text).unwrap();
    house.ended(pressed["id"].as_i64().unwrap()).await;
    assert_eq!(served(&house.fleet, "qa1"), out);
    let other = house.get("/api/v1/stacks/web/stages/qa/plan?sha=1000").await;
    assert!(other.status == 400 && other.text.contains("not among the last commits of trunk"), "{}", other.text);

    // What we keep of it is a copy: damaged in any way, it is made anew, and nobody is told of a broken repository.
    let mirrors = house.data().join("mirrors");
    let names = std::fs::read_dir(&mirrors).unwrap().map(|entry| entry.unwrap().path());
    let note = names.into_iter().find(|path| path.extension().is_some_and(|end| end == "svn")).unwrap();
    let config = mirrors.join(".svn");
    let damages: [(&str, &dyn Fn()); 4] = [
        ("half of the note", &|| std::fs::write(&note, &std::fs::read(&note).unwrap()[..40]).unwrap()),
        ("an empty note", &|| std::fs::write(&note, "").unwrap()),
        ("a directory in its place", &|| {
            std::fs::remove_file(&note).unwrap();
            std::fs::create_dir_all(note.join("x")).unwrap();
        }),
        ("a file where svn's configuration was", &|| {
            std::fs::remove_dir_all(&config).unwrap();
            std::fs::write(&config, "x").unwrap();
        }),
    ];
    for (n, (what, damage)) in damages.into_iter().enumerate() {
        damage();
        std::fs::write(svn.copy.join("index.html"), format!("damaged {n}")).unwrap();
        svn.commit(&format!("After {what}")).await;
        let wanted = (n + 4).to_string();
        until(what, async || (house.stage("qa").await["next"]["seen"] == wanted.as_str()).then_some(())).await;
        let problem = house.stack_view().await["trunk_problem"].clone();
        assert!(problem.is_null(), "{what}: {problem}");
        house.push_well("qa").await;
    }
}

#[tokio::test]
async fn a_directory_goes_out_as_it_was_seen_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("artifacts/web");
    std::fs::create_dir_all(web.join("css")).unwrap();
    std::fs::write(web.join("index.html"), "one").unwrap();
    std::fs::write(web.join("css/a.css"), "b{}").unwrap();
    let house = house_of(&format!("{{ dir = {web:?} }}"), two()).await;
    let first = house.button("qa").await;
    let push = house.push_well("qa").await;
    assert_eq!(push["push"]["root"], first["seen"], "the root that was seen is the root of the build");
    house.push_well("prod").await;
    assert_eq!(served(&house.fleet, "web001"), tree(&web));

    // Changed after it was seen, and before the background looked again: the press looks. At one stroke: who looks in the middle
    // of a write sees an empty file, and offers that.
    std::fs::write(dir.path().join("two.html"), "two").unwrap();
    std::fs::rename(dir.path().join("two.html"), web.join("index.html")).unwrap();
    let moved = house.press_with("qa", &first).await;
    assert!(moved.status == 409 && moved.text.contains("web is now at"), "{}", moved.text);
    let second = offered(&house, &first).await;
    assert!(second["commits"][0]["subject"].as_str().unwrap().starts_with("2 files, 6 bytes in "), "{second}");
    house.push_well("qa").await;
    assert_eq!(served(&house.fleet, "qa1"), tree(&web));

    // Far fewer files than what is live: the push asks, with both numbers; a no puts nothing out, a yes goes on.
    for n in 0..18 {
        std::fs::write(web.join(format!("page{n}.html")), "x").unwrap();
    }
    holds(&house, "20 files").await;
    house.push_well("qa").await;
    let whole = served(&house.fleet, "qa1");
    (3..18).for_each(|n| std::fs::remove_file(web.join(format!("page{n}.html"))).unwrap());
    for (answer, state) in [("no", "cancelled"), ("yes", "succeeded")] {
        holds(&house, "5 files").await;
        let id = house.press("qa").await;
        let question = until("the push asks", async || {
            let push = house.push(id).await;
            push["questions"].as_array()?.iter().find(|one| one["answer"].is_null()).cloned()
        })
        .await;
        let words = question["question"].as_str().unwrap();
        assert!(words.contains("it has 5 files, and build") && words.contains("before it has 20"), "{words}");
        assert_eq!(served(&house.fleet, "qa1"), whole, "nothing went out yet");
        let no = if answer == "no" { &["--no"][..] } else { &[] };
        let (code, said) = pushbutton(&house, &[&["confirm", &id.to_string()], no].concat()).await;
        assert_eq!(code, Some(0), "{said}");
        let ended = house.ended(id).await;
        assert_eq!(ended["push"]["state"], state, "{ended:#}");
    }
    assert_eq!(served(&house.fleet, "qa1"), tree(&web));

    // What is no content is refused whoever brings it: the gate is one.
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 7\n", "a".repeat(64));
    std::fs::write(web.join("logo.png"), pointer).unwrap();
    holds(&house, "6 files").await;
    let ended = house.ended(house.press("qa").await).await;
    let why = ended["push"]["why"].as_str().unwrap().to_owned();
    assert!(why.contains("1 file is a Git LFS pointer instead of its content (logo.png)"), "{why}");
    std::fs::remove_file(web.join("logo.png")).unwrap();

    symlink("/etc/passwd", web.join("out")).unwrap();
    let problem =
        until("the link is found", async || house.stack_view().await["trunk_problem"].as_str().map(str::to_owned))
            .await;
    assert!(problem.contains("out (the link leaves the tree)"), "{problem}");
    let refused = house.press_with("qa", &house.stage("qa").await["next"]).await;
    assert!(refused.status == 503 && refused.text.contains("out (the link leaves the tree)"), "{}", refused.text);
}

#[tokio::test]
async fn another_commit_than_the_head_goes_out_when_it_is_on_a_branch_that_the_stage_may_push() {
    let plans = Plans { qa: &["qa1"], stage: "refs = [\"main\", \"release/*\"]", ..Plans::default() };
    let house = House::build(plans).await;
    let git = |args: &'static [&'static str]| {
        let dir = house.shop.dir().to_owned();
        async move {
            let who = ["-c", "user.name=Joe", "-c", "user.email=joe@example.com"];
            tool("git", &dir, &[&who[..], args].concat()).await
        }
    };
    let old = house.button("qa").await["sha"].as_str().unwrap().to_owned();
    git(&["branch", "release/1"]).await;
    house.commit().await;
    house.push_well("qa").await;
    git(&["checkout", "-q", "-b", "topic"]).await;
    git(&["commit", "-q", "--allow-empty", "-m", "Not yet"]).await;
    let topic = git(&["rev-parse", "HEAD"]).await;
    git(&["checkout", "-q", "release/1"]).await;
    git(&["commit", "-q", "--allow-empty", "-m", "Hot fix"]).await;
    let fix = git(&["rev-parse", "HEAD"]).await;
    git(&["checkout", "-q", "main"]).await;

    let page = until("the branch is fetched", async || {
        let page = house.get("/stacks/web/stages/qa/versions").await;
        page.text.contains("Hot fix").then_some(page.text)
    })
    .await;
    assert!(page.contains(&format!("plan?sha={old}")) && !page.contains("Not yet"), "{page}");
    let page = house.get(&format!("/stacks/web/stages/qa/plan?sha={old}")).await;
    assert!(page.status == 200 && page.text.contains("Commits that will be removed from QA"), "{}", page.text);
    assert!(house.get("/stacks/web").await.text.contains("Push another version"));

    // Seen and no more the head is refused as ever; named as a choice, it goes out.
    let seen = json!({ "seen": old });
    assert_eq!(house.send("POST", "/api/v1/stacks/web/stages/qa/push", &seen).await.status, 409);
    let (code, said) = pushbutton(&house, &["push", "web", "qa", "--sha", &old, "--follow"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(house.stage("qa").await["current"]["sha"], old.as_str());
    let (code, said) = pushbutton(&house, &["push", "web", "qa", "--sha", &fix, "--follow"]).await;
    assert_eq!(code, Some(0), "{said}");
    let push = house.push(house.stage("qa").await["current"]["push"].as_i64().unwrap()).await;
    assert_eq!(
        (push["push"]["branch"].as_str(), push["push"]["sha"].as_str()),
        (Some("release/1"), Some(fix.as_str()))
    );

    for (sha, words) in [
        (topic.as_str(), "is of topic, and qa accepts only main, release/*"),
        ("1234567890123456789012345678901234567890", "is not known here; was it pushed to"),
        ("main", "revision"),
        (&old[..2], "revision"),
    ] {
        let body = json!({ "sha": sha, "seen": sha });
        let refused = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
        assert!(refused.status == 400 && refused.text.contains(words), "{sha}: {}", refused.text);
    }
}
