//! The examples in `stacks/examples` are pushed to real hosts. Their commands run as they are written; programs that a test
//! cannot have (docker, a load balancer's tool, systemctl) are small scripts that keep a book of how they were called, and
//! refuse what the real ones would refuse.

use crate::house::{House, own_address, until};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;
use pushbutton::stack::parse;
use serde_json::json;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A program by its name.
type Tool = (&'static str, &'static str);

/// What an example needs around it.
struct Scene<'a> {
    /// The example's name.
    file: &'a str,
    /// What is made smaller: a fleet of 40 hosts proves no more than one of 4.
    smaller: &'a [(&'a str, &'a str)],
    /// Hosts that stand in no host list.
    bastions: &'a [&'a str],
    /// Files of the repository; all may be executed.
    files: &'a [Tool],
    /// Programs of the push host.
    here: &'a [Tool],
    /// Programs of every host.
    there: &'a [Tool],
}

/// Writes its call into the book of its place; `$HOSTBOOK` is the host's, `$BOOK` the push host's.
const NOTED: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>";

fn write_tools(dir: &Path, tools: &[Tool], book: &str) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, text) in tools {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{NOTED}{book}\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

impl Scene<'_> {
    /// The example as it is shipped, over a fleet with its hosts. The repository's address is what everybody changes.
    async fn raise(self) -> House {
        let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
        let book = dir.path().join("book").display().to_string();
        write_tools(shop.dir(), self.files, &book);
        shop.commit(0).await.unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/examples").join(self.file);
        let mut text = std::fs::read_to_string(shipped).unwrap();
        let git = text.split('"').find(|part| part.starts_with("git@")).unwrap().to_owned();
        for (from, to) in self.smaller.iter().copied().chain([(git.as_str(), shop.dir().to_str().unwrap())]) {
            assert!(text.contains(from), "{from} in {text}");
            text = text.replace(from, to);
        }
        let stack = parse("web".parse().unwrap(), self.file, &text).unwrap_or_else(|errors| panic!("{}", errors[0]));
        let hosts: BTreeSet<&str> =
            stack.stages.iter().flat_map(|stage| &stage.hosts).map(|host| host.name()).collect();
        let names: Vec<&str> = hosts.into_iter().chain(self.bastions.iter().copied()).collect();
        let fleet = Fleet::start(&dir.path().join("fleet"), &names).await.unwrap();
        if let [bastion] = self.bastions {
            let config = std::fs::read_to_string(fleet.ssh_config()).unwrap();
            let jump = format!("Host api*.example.com\n  ProxyJump {bastion}\n");
            std::fs::write(fleet.ssh_config(), format!("{jump}{config}")).unwrap();
        }
        for machine in fleet.hosts() {
            write_tools(&machine.srv_dir().join(".bin"), self.there, "/srv/book");
            let mounted = machine.in_it(["mount", "--bind", "/srv/.bin", "/usr/local/bin"]).await.unwrap();
            assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        }
        let tools = dir.path().join("tools");
        write_tools(&tools, self.here, &book);
        // What stands for a program writes into a book beside the server, which no isolated command could.
        let text = ["/usr/local/bin/", "/usr/bin/"]
            .iter()
            .fold(text, |text, place| text.replace(&format!("\"{place}"), &format!("\"{}/", tools.display())));
        House::raise(dir, fleet, shop, &text, "[build]\nisolation = \"none\"\n", Some(tools)).await
    }
}

/// What was called on the push host since last asked.
fn book(house: &House) -> Vec<String> {
    read(house.dir.path().join("book"))
}

/// What was called on a host since last asked.
fn book_of(house: &House, host: &str) -> Vec<String> {
    read(house.fleet.host(host).unwrap().srv_dir().join("book"))
}

fn read(book: PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(&book).unwrap_or_default();
    let _ = std::fs::remove_file(book);
    text.lines().map(str::to_owned).collect()
}

/// Asks a web server of the test instead of the named one.
const CURL: &str = r#"first=$1; shift
exec /usr/bin/curl "$first" --connect-to "::$(cat "${0%/*}/web")" "$@""#;

/// A web server that is well, and tells who was asked for what: `host path`.
async fn web(house: &House) -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let address = own_address().replace(":8090", ":8092");
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    std::fs::write(house.dir.path().join("tools/web"), address).unwrap();
    let (tx, rx) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default();
            let host = text.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
            let _ = tx.send(format!("{host}{path}"));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwell\n").await;
        }
    });
    rx
}

fn asked(web: &mut tokio::sync::mpsc::UnboundedReceiver<String>) -> BTreeSet<String> {
    std::iter::from_fn(|| web.try_recv().ok()).collect()
}

fn names(prefix: &str, hosts: std::ops::RangeInclusive<usize>, digits: usize) -> Vec<String> {
    hosts.map(|n| format!("{prefix}{n:0digits$}.example.com")).collect()
}

/// A container engine that knows what was pulled, and what runs.
const DOCKER: &str = r#"cd /srv || exit 1
case $1 in
  pull) echo "$2" >>pulled ;;
  rm) [ "$2 $3" = "--force api" ] || exit 64; rm -f running ;;
  run) for image; do :; done
    [ ! -e running ] || { echo "the name api is taken" >&2; exit 125; }
    grep -qxF "$image" pulled || { echo "$image was not pulled" >&2; exit 125; }
    [ ! -e broken ] || exit 125
    echo "$image" >running ;;
  *) exit 64 ;;
esac"#;

#[tokio::test]
async fn containers_roll_out_behind_a_load_balancer_through_a_bastion() {
    let house = Scene {
        file: "docker.toml",
        smaller: &[("api[01-06]", "api[01-04]")],
        bastions: &["bastion.example.com"],
        files: &[],
        here: &[("docker", "case $1 in build|push) ;; *) exit 64 ;; esac"), ("lb-ctl", "[ \"$2\" = api ]")],
        there: &[
            ("docker", DOCKER),
            ("curl", "[ \"$*\" = '-fsS http://localhost:8080/health' ] && [ -e /srv/running ]"),
        ],
    }
    .raise()
    .await;
    let ended = house.push_well("test").await;
    let image = format!("images.example.com/api:{}", ended["push"]["sha"].as_str().unwrap());
    let tree = house.data().join("builds/web").join(ended["push"]["build"].as_str().unwrap()).join("tree");
    let built = [format!("docker build --tag {image} {}", tree.display()), format!("docker push {image}")];
    assert_eq!(book(&house), built);

    house.push_well("prod").await;
    let balanced = book(&house);
    assert_eq!(balanced.len(), 8, "{balanced:?}");
    for (place, batch) in names("api", 1..=4, 2).chunks(2).enumerate() {
        let theirs: BTreeSet<String> = balanced[place * 4..place * 4 + 4].iter().cloned().collect();
        let deeds = |host: &String| ["drain", "enable"].map(|deed| format!("lb-ctl {deed} api {host}"));
        assert_eq!(theirs, batch.iter().flat_map(deeds).collect(), "two leave and come back first: {balanced:?}");
    }
    for host in names("api", 1..=4, 2) {
        let srv = house.fleet.host(&host).unwrap().srv_dir();
        assert_eq!(std::fs::read_to_string(srv.join("running")).unwrap().trim(), image);
        assert_eq!(book_of(&house, &host)[0], format!("docker pull {image}"));
    }
    let bastion = house.fleet.host("bastion.example.com").unwrap();
    let log = std::fs::read_to_string(bastion.sshd_log()).unwrap();
    assert!(log.contains("Accepted publickey"), "the way leads through the bastion: {log}");

    // One host breaks: it stays out, the others go on.
    std::fs::write(house.fleet.host("api02.example.com").unwrap().srv_dir().join("broken"), "").unwrap();
    let id = house.press("prod").await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "degraded", "{ended:#}");
    let balanced = book(&house);
    let enabled: Vec<&String> = balanced.iter().filter(|call| call.contains("enable")).collect();
    assert_eq!(enabled.len(), 3, "{balanced:?}");
    assert!(!enabled.iter().any(|call| call.contains("api02")), "{balanced:?}");
}

#[tokio::test]
async fn a_canary_asks_before_each_larger_step() {
    let house = Scene {
        file: "canary.toml",
        smaller: &[("search[001-040]", "search[001-004]"), ("[1, 5, \"25%\"]", "[1, 2, \"25%\"]")],
        bastions: &[],
        files: &[],
        here: &[("make", ""), ("curl", CURL)],
        there: &[("sudo", "exec \"$@\""), ("systemctl", "[ \"$*\" = 'restart search' ]")],
    }
    .raise()
    .await;
    let mut web = web(&house).await;
    house.push_well("test").await;
    assert_eq!(
        book_of(&house, "search-test.example.com"),
        ["sudo systemctl restart search", "systemctl restart search"]
    );
    asked(&mut web);

    let id = house.press("prod").await;
    let hosts = names("search", 1..=4, 3);
    let restarted = || hosts.iter().filter(|host| !book_of(&house, host).is_empty()).cloned().collect::<Vec<_>>();
    for (ask, expected) in [(1, &hosts[..1]), (2, &hosts[1..3])] {
        let question = until("the push asks", async || {
            let push = house.push(id).await;
            push["questions"].as_array()?.iter().find(|one| one["ask"] == ask && one["answer"].is_null()).cloned()
        })
        .await;
        assert_eq!(question["question"], "Are the graphs calm?");
        assert_eq!(restarted(), expected);
        let body = json!({ "answer": "yes", "question": ask });
        let answer = house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{ended:#}");
    assert_eq!(restarted(), hosts[3..]);
    let build = ended["push"]["build"].as_str().unwrap();
    let wanted: BTreeSet<String> = hosts.iter().map(|host| format!("{host}:8080/health?build={build}")).collect();
    assert_eq!(asked(&mut web), wanted);
}

#[tokio::test]
async fn a_green_commit_goes_to_production_by_itself_also_when_the_server_is_killed_meanwhile() {
    let mut house = Scene {
        file: "autodeploy.toml",
        smaller: &[
            ("web[1-4]", "web[1-2]"),
            ("\"15m\"", "\"1s\""),
            (
                "auto_window = \"Mon-Thu 09:00-16:00 Europe/Prague\"",
                "auto_window = \"Mon-Sun 00:00-24:00 Europe/Prague\"",
            ),
        ],
        bastions: &[],
        files: &[],
        here: &[("npm", "[ \"$1\" = ci ] || { mkdir -p dist && echo ok >dist/index.html; }"), ("curl", CURL)],
        there: &[],
    }
    .raise()
    .await;
    let _web = web(&house).await;
    let sha =
        until("the commit", async || house.stage("staging").await["next"]["sha"].as_str().map(str::to_owned)).await;
    let why = house.stage("staging").await["auto"]["why"].clone();
    assert_eq!(why, "waits for ci/test, ci/lint (0 of 2 green)");
    for context in ["ci/test", "ci/lint"] {
        let path = format!("/api/v1/stacks/web/commits/{sha}/status");
        let told = house.send("POST", &path, &json!({ "context": context, "state": "success" })).await;
        assert_eq!(told.status, 201, "{}", told.text);
    }
    // Killed in the middle, it begins nothing twice.
    until("the push", async || (house.get("/api/v1/pushes/1").await.status == 200).then_some(())).await;
    house.kill_server().await;
    house.start().await;
    let there = until("production runs it", async || {
        let current = house.stage("prod").await["current"].clone();
        (current["sha"] == sha.as_str()).then_some(current)
    })
    .await;
    assert_eq!(there["who"], "auto (stack web)");
    assert_eq!(house.get("/api/v1/pushes/3").await.status, 404);
    assert_eq!((house.push(1).await["push"]["stage"].clone(), there["push"].clone()), (json!("staging"), json!(2)));
}

#[tokio::test]
async fn a_php_site_brings_its_assets_before_its_code() {
    let house = Scene {
        file: "php-site.toml",
        smaller: &[("shop[01-12]", "shop[01-03]")],
        bastions: &[],
        files: &[
            ("tools/open-ticket", "[ $# = 2 ] && echo 'link: OPS-7 https://tickets.example.com/OPS-7'"),
            ("tools/alarms", "case \"$*\" in 'mute web 30m'|'unmute web') ;; *) exit 64 ;; esac"),
            ("tools/close-ticket", "[ $# = 1 ]"),
            ("public/assets/old.css", ""),
            ("var/.keep", ""),
        ],
        here: &[
            ("composer", "[ \"$1\" = install ] && mkdir vendor && echo ok >vendor/autoload.php"),
            ("npm", "[ \"$1\" = ci ] || echo new >public/assets/app.css"),
            ("curl", CURL),
        ],
        there: &[
            ("sudo", "exec \"$@\""),
            ("systemctl", "[ \"$*\" = 'reload php-fpm' ] && [ -e /srv/shop-assets/app.css ]"),
        ],
    }
    .raise()
    .await;
    let mut web = web(&house).await;
    house.push_well("qa").await;
    let is_built = |call: &String| call.starts_with("composer ") || call.starts_with("npm ");
    let built: Vec<String> = book(&house).into_iter().filter(is_built).collect();
    assert_eq!(built, ["composer install --no-dev --prefer-dist", "npm ci", "npm run build"]);
    assert_eq!(asked(&mut web), BTreeSet::from(["shop-qa.example.com/health".to_owned()]));
    let srv = house.fleet.host("shop-qa.example.com").unwrap().srv_dir();
    assert!(srv.join("shop/current/vendor/autoload.php").exists());
    assert_eq!(book_of(&house, "shop-qa.example.com").last().unwrap(), "systemctl reload php-fpm");

    let is_told =
        |call: &String| ["open-ticket ", "alarms ", "close-ticket "].iter().any(|tool| call.starts_with(tool));
    let told = |book: Vec<String>| book.into_iter().filter(is_told);
    let ended = house.push_well("prod").await;
    let sha = ended["push"]["sha"].as_str().unwrap();
    let (opened, closed) = (format!("open-ticket --by=mary {sha}"), "close-ticket succeeded");
    let around = [opened.as_str(), "alarms mute web 30m", "alarms unmute web", closed];
    assert_eq!(told(book(&house)).collect::<Vec<_>>(), around, "before the first host, and after the last one");
    let linked = json!({ "title": "OPS-7", "url": "https://tickets.example.com/OPS-7" });
    assert_eq!(
        (&ended["links"][0]["title"], &ended["links"][0]["url"]),
        (&linked["title"], &linked["url"]),
        "{ended:#}"
    );
    let hosts = names("shop", 1..=3, 2);
    assert_eq!(asked(&mut web), hosts.iter().map(|host| format!("{host}/health")).collect());

    // A host without its new styles refuses to reload: the alarms speak again all the same, and the ticket says how it was.
    let shop02 = house.fleet.host(&hosts[1]).unwrap().srv_dir();
    house.commit().await;
    house.push_well("qa").await;
    std::fs::remove_file(shop02.join(".bin/systemctl")).unwrap();
    book(&house);
    let id = house.press("prod").await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let after: Vec<String> = told(book(&house)).skip(2).collect();
    assert_eq!(after, ["alarms unmute web", "close-ticket failed"]);
}

#[tokio::test]
async fn a_static_site_goes_live_and_every_host_is_asked() {
    let house = Scene {
        file: "static-site.toml",
        smaller: &[],
        bastions: &[],
        files: &[],
        here: &[("curl", CURL)],
        there: &[],
    }
    .raise()
    .await;
    let mut web = web(&house).await;
    house.push_well("test").await;
    assert_eq!(asked(&mut web), BTreeSet::from(["docs-test.example.com/".to_owned()]));
    let ended = house.push_well("live").await;
    let hosts = names("docs", 1..=3, 1);
    assert_eq!(asked(&mut web), hosts.iter().map(|host| format!("{host}/")).collect());
    for host in hosts {
        let docs = house.fleet.host(&host).unwrap().srv_dir().join("docs");
        assert_eq!(std::fs::read_to_string(docs.join("current/REVISION")).unwrap().trim(), ended["push"]["sha"]);
        assert!(docs.join("shared/uploads").is_dir(), "{host}");
    }
}
