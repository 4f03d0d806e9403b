//! Builds that are published from outside: taken whole or not at all, by command line and HTTP, pushed like any other, withdrawn while
//! nobody has pushed them.

use crate::house::{House, Plans, served, tree, until};
use crate::sources::{offered, pushbutton, rewrite, two};
use pushbutton::demo::http::{Client, RequestBody};
use serde_json::Value;
use std::io::{Seek, Write};
use std::path::PathBuf;

/// A house whose stack takes builds from outside, and has none yet.
pub async fn of_published(plans: Plans<'_>) -> House {
    let house = House::build(plans).await;
    rewrite(&house, |line| match line {
        line if line.starts_with("source = ") => {
            Some("source = { published = true }\nrefs = [\"main\", \"release/*\"]".to_owned())
        }
        line if line.starts_with("build = ") || line.starts_with("ship = ") => None,
        line => Some(line.to_owned()),
    });
    until("nothing is published yet", async || {
        let why = house.stage("qa").await["why_not"].as_str().map(str::to_owned)?;
        why.contains("has been published yet").then_some(())
    })
    .await;
    house
}

/// A revision.
fn sha(digit: char) -> String {
    digit.to_string().repeat(40)
}

/// The whole tar, at its beginning, and its length.
fn ended(builder: tar::Builder<std::fs::File>) -> (std::fs::File, u64) {
    let mut file = builder.into_inner().unwrap();
    file.flush().unwrap();
    let length = file.stream_position().unwrap();
    file.rewind().unwrap();
    (file, length)
}

/// Packs one file, with a name that may be hostile.
fn packed(name: &str, text: &str) -> (std::fs::File, u64) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_mode(0o644);
    header.set_size(text.len() as u64);
    header.set_cksum();
    let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
    builder.append(&header, text.as_bytes()).unwrap();
    ended(builder)
}

async fn publish(client: &Client, query: &str, (file, length): (std::fs::File, u64)) -> (u16, Value) {
    let path = format!("/api/v1/stacks/web/builds?{query}");
    let answer = client.clone().send("POST", &path, RequestBody::File(&file, length), &[]).await.unwrap();
    let status = answer.status;
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn builds_that_are_published_walk_the_same_street() {
    let plans = Plans { config: "upload_mib = 1\npublished_kept = 2\n".to_owned(), ..two() };
    let mut house = of_published(plans).await;

    // By the command line, which speaks to the server.
    let site = house.dir.path().join("site");
    std::fs::create_dir_all(site.join("css")).unwrap();
    std::fs::write(site.join("index.html"), "one").unwrap();
    std::fs::write(site.join("css/a.css"), "x".repeat(100_000)).unwrap();
    let one =
        ["build", "publish", "web", site.to_str().unwrap(), "--sha", &sha('1'), "--ref", "main", "--title", "One"];
    let (code, said) = pushbutton(&house, &one).await;
    assert!(code == Some(0) && said.contains("build 111111111111-p of web: published, 2 files"), "{said}");
    let (code, said) = pushbutton(&house, &one).await;
    assert!(code == Some(0) && said.contains("was already published"), "{said}");
    let first = house.button("qa").await;
    assert_eq!(first["commits"][0]["subject"], "One");
    house.push_well("qa").await;
    house.push_well("prod").await;
    assert_eq!(served(&house.fleet, "web001"), tree(&site));

    // By HTTP.
    let client = house.client();
    let (status, answer) = publish(client, &format!("sha={}&ref=main", sha('1')), packed("index.html", "other")).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (409, Some("taken")), "{answer}");
    let (status, answer) =
        publish(client, &format!("sha={}&ref=release/2", sha('2')), packed("index.html", "two")).await;
    assert_eq!((status, answer["build"]["who"].as_str()), (201, Some("mary")), "{answer}");
    let (status, _) = publish(client, &format!("sha={}&ref=topic", sha('3')), packed("index.html", "three")).await;
    assert_eq!(status, 201);
    let second = offered(&house, &first).await;
    assert_eq!(second["sha"], sha('2').as_str(), "a build of another branch is not offered");
    let moved = house.press_with("qa", &first).await;
    assert!(moved.status == 409 && moved.text.contains("the newest published build is now"), "{}", moved.text);
    for (query, body, status, words) in [
        (format!("sha={}", sha('4')), packed("../../escaped", "x"), 400, "leads outside"),
        (format!("sha={}", sha('4')), packed("/tmp/escaped", "x"), 400, "leads outside"),
        (format!("sha={}", sha('4')), packed("big", &"x".repeat(1 << 20)), 413, "larger than 1 MiB"),
        ("sha=main".to_owned(), packed("a", "x"), 400, "revision"),
        (format!("sha={}&ref=--all", sha('4')), packed("a", "x"), 400, "not the name of a branch"),
    ] {
        let (found, answer) = publish(client, &query, body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && message.contains(words), "{query}: {found} {answer}");
    }
    assert_eq!(std::fs::read_dir(house.data().join("incoming")).unwrap().count(), 0, "nothing is left of what came in");

    // An older one by choosing; what is of no allowed branch not at all.
    house.push_well("qa").await;
    assert_eq!(std::fs::read_to_string(served_file(&house, "qa1", "index.html")).unwrap(), "two");
    let (code, said) = pushbutton(&house, &["push", "web", "qa", "--sha", &sha('1'), "--follow"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(served(&house.fleet, "qa1"), tree(&site));
    let (code, said) = pushbutton(&house, &["push", "web", "qa", "--sha", &sha('3')]).await;
    assert!(code == Some(1) && said.contains("is of topic, and qa accepts only main, release/*"), "{said}");

    // What nobody pushed is forgotten, but the newest two.
    for digit in ['5', '6'] {
        let again = ["build", "publish", "web", site.to_str().unwrap(), "--sha", &sha(digit), "--ref", "main"];
        let (code, said) = pushbutton(&house, &again).await;
        assert_eq!(code, Some(0), "{said}");
    }
    let builds = std::fs::read_dir(house.data().join("builds/web")).unwrap().flatten();
    let mut names: Vec<String> = builds.map(|build| build.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["111111111111-p", "222222222222-p", "555555555555-p", "666666666666-p"]);
    // A tar that was cut off is refused wherever it was cut, and leaves nothing behind: the whole one is taken afterwards.
    // Others publish too: how often one may is limited.
    house.sign_in("joe").await;
    let client = house.client();
    let many = || pages(40, "page");
    for length in [512, 10_240, 20 * 1024] {
        let (file, _) = many();
        file.set_len(length).unwrap();
        let (status, answer) = publish(client, &format!("sha={}&ref=main", sha('7')), (file, length)).await;
        assert!(status == 400 && answer.to_string().contains("not a complete tar"), "{length}: {answer}");
    }
    let (status, answer) = publish(client, &format!("sha={}&ref=main", sha('7')), many()).await;
    assert_eq!((status, answer["build"]["files"].as_i64()), (201, Some(40)), "{answer}");

    // Far fewer files than before: asked about with both numbers.
    let few = format!("sha={}&ref=main", sha('8'));
    let (status, answer) = publish(client, &few, pages(3, "page")).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert_eq!((status, answer["error"]["code"].as_str()), (409, Some("fewer")), "{answer}");
    assert!(message.contains("it has 3 files, and build 777777777777-p before it has 40"), "{message}");
    let (status, answer) = publish(client, &format!("{few}&fewer=yes"), pages(3, "page")).await;
    assert_eq!(status, 201, "{answer}");
    for (body, words) in [
        (pages(2, "._page"), "2 files are what macOS keeps"),
        (
            packed(
                "a",
                &format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n", "b".repeat(64)),
            ),
            "Git LFS pointer",
        ),
    ] {
        let (status, answer) = publish(client, &format!("sha={}&ref=main", sha('9')), body).await;
        assert!(status == 400 && answer.to_string().contains(words), "{answer}");
    }

    house.sign_in("ann").await;
    let client = house.client();
    // Withdrawn, by page, API and command line, as long as nobody pushed it; then its commit can have another one.
    let (status, answer) = publish(client, &few, packed("index.html", "other")).await;
    assert!(status == 409 && answer.to_string().contains("pushbutton build withdraw web 888888888888-p"), "{answer}");
    let page = house.get("/stacks/web/stages/qa/versions").await.text;
    assert!(
        page.contains("Withdraw build 888888888888-p") && !page.contains("Withdraw build 111111111111-p"),
        "{page}"
    );
    let (code, said) = pushbutton(&house, &["build", "withdraw", "web", "888888888888-p", "--reason", "half"]).await;
    assert!(code == Some(0) && said.contains("can be published again"), "{said}");
    assert!(!house.data().join("builds/web/888888888888-p").exists());
    let (status, answer) = publish(client, &format!("{few}&fewer=yes"), packed("index.html", "other")).await;
    assert_eq!(status, 201, "{answer}");
    let gone = house.send("DELETE", "/api/v1/stacks/web/builds/888888888888-p", &Value::Null).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let gone = house.send("DELETE", "/api/v1/stacks/web/builds/888888888888-p", &Value::Null).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
    let kept = house.send("DELETE", "/api/v1/stacks/web/builds/111111111111-p", &Value::Null).await;
    assert!(kept.status == 409 && kept.text.contains("cannot be withdrawn: push "), "{}", kept.text);
    let listed: Value = serde_json::from_str(&house.get("/api/v1/stacks/web/builds").await.text).unwrap();
    assert_eq!(
        (listed["builds"][0]["build"].as_str(), &listed["builds"][0]["push"]),
        (Some("777777777777-p"), &Value::Null)
    );
    let mut clicking = house.client().clone();
    let form =
        clicking.send("POST", "/stacks/web/builds/777777777777-p/withdraw", RequestBody::Form("reason=old"), &[]);
    assert_eq!(form.await.unwrap().status, 303);
    let listed = house.get("/api/v1/stacks/web/builds").await.text;
    assert!(!listed.contains("777777777777-p"), "{listed}");
    let ledger = pushbutton::ledger::Ledger::open(&house.data().join("pushbutton.db")).unwrap();
    let audited = ledger.read(|connection| {
        let mut ask =
            connection.prepare("SELECT who || ': ' || detail FROM audit WHERE what = 'withdraw' ORDER BY id")?;
        let rows = ask.query_map([], |row| row.get::<_, String>(0))?;
        Ok(rows.collect::<Result<Vec<String>, _>>()?)
    });
    let audited = audited.await.unwrap();
    assert!(
        audited.len() == 3
            && audited[0].starts_with("olga: build 888888888888-p of web")
            && audited[0].ends_with(": half"),
        "{audited:?}"
    );

    let (code, said) = pushbutton(&house, &["verify"]).await;
    assert_eq!(code, Some(0), "{said}");
}

/// A whole tar of some pages.
fn pages(count: usize, name: &str) -> (std::fs::File, u64) {
    let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
    for n in 0..count {
        let text = format!("page {n} {}", "x".repeat(600));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, format!("site/{name}{n}.html"), text.as_bytes()).unwrap();
    }
    ended(builder)
}

fn served_file(house: &House, host: &str, name: &str) -> PathBuf {
    let web = house.fleet.host(host).unwrap().srv_dir().join("web");
    let current = std::fs::read_link(web.join("current")).unwrap();
    web.join(current).join(name)
}

#[tokio::test]
async fn what_is_published_empty_or_with_far_fewer_files_is_refused_on_the_command_line_in_words_that_say_what_to_do() {
    let house = of_published(two()).await;
    let site = house.dir.path().join("site");
    let publish = async |digit: char, more: &[&str]| {
        let revision = sha(digit);
        let args = ["build", "publish", "web", site.to_str().unwrap(), "--sha", &revision, "--ref", "main"];
        pushbutton(&house, &[&args[..], more].concat()).await
    };
    let listed = async || house.get("/api/v1/stacks/web/builds").await.text;

    // Nothing at all, and directories with nothing in them: no build, and the button stays as it is.
    std::fs::create_dir_all(site.join("css/old")).unwrap();
    let (code, said) = publish('1', &[]).await;
    let words = "the build was not accepted: what was sent has no files, so nothing would be served: does the build write to another \
                 place, or did it fail without an error?";
    assert!(code == Some(1) && said.contains(words), "{said}");
    let (code, said) = publish('1', &["--fewer"]).await;
    assert!(code == Some(1) && said.contains(words), "nobody can say that nothing is right: {said}");
    assert!(!listed().await.contains(&sha('1')), "{}", listed().await);
    assert!(house.stage("qa").await["next"].is_null());
    assert_eq!(std::fs::read_dir(house.data().join("incoming")).unwrap().count(), 0, "nothing is left of what came in");

    // Far fewer than before: both numbers, and how to say that it is right.
    for n in 0..40 {
        std::fs::write(site.join(format!("{n}.html")), "page").unwrap();
    }
    let (code, said) = publish('2', &[]).await;
    assert!(code == Some(0) && said.contains("published, 40 files"), "{said}");
    for n in 3..40 {
        std::fs::remove_file(site.join(format!("{n}.html"))).unwrap();
    }
    let (code, said) = publish('3', &[]).await;
    let words = "the build was not accepted: it has 3 files, and build 222222222222-p before it has 40. If that is right, publish it \
                 again with --fewer";
    assert!(code == Some(1) && said.contains(words), "{said}");
    assert!(!listed().await.contains(&sha('3')), "{}", listed().await);
    let (code, said) = publish('3', &["--fewer"]).await;
    assert!(code == Some(0) && said.contains("build 333333333333-p of web: published, 3 files"), "{said}");
    house.push_well("qa").await;
    assert_eq!(served(&house.fleet, "qa1"), tree(&site));
}
