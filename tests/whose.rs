//! Hosts as other tools and hands leave them: whatever `current` is there, and whoever signs in, nothing that is not ours is lost, and
//! every refusal says what fixes it. (Capistrano, Deployer, Kamal's host layout, a site made by hand.)

use crate::house::browser::Browser;
use crate::house::{House, until};
use crate::release::{Build, SHA};
use crate::site::{Site, listen, task};
use futures::StreamExt;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;
use pushbutton::journal::Stream;
use pushbutton::remote::masters::Connection;
use pushbutton::remote::release::{Current, PutBack, activate, bring, look, prune, put_back, ready};
use pushbutton::remote::{Ending, Task};
use pushbutton::stack::{FanOut, Release};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// The ordinary user's number on the hosts.
const DEPLOY: u32 = 4242;

/// What each tool leaves below its directory, as a script that runs there; `@` is the directory.
const LAYOUTS: [(&str, &str); 4] = [
    (
        "capistrano",
        "mkdir -p releases/20240101 releases/20240102 shared/log repo; echo cap >releases/20240102/index.html; echo r >revisions.log",
    ),
    (
        "deployer",
        "mkdir -p .dep releases/1 releases/2 shared/storage; echo 2 >.dep/latest_release; echo dep >releases/2/index.html",
    ),
    (
        "kamal",
        "mkdir -p .kamal/apps/web/assets/extracted .kamal/proxy; echo kam >.kamal/apps/web/assets/extracted/app.js; mkdir releases",
    ),
    (
        "hand",
        "mkdir -p site/v1 releases/2024-01; echo hand >site/v1/index.html; echo x >releases/2024-01/index.html; echo note >'my notes.txt'",
    ),
];

/// The six states of `current`, as scripts.
const STATES: [(&str, &str); 6] = [
    ("nothing", "true"),
    ("ours", "true"),
    (
        "elsewhere",
        "mkdir -p '@/.old/the site'; echo old >'@/.old/the site/index.html'; ln -s hop current; ln -s '@/.old/the site/' hop",
    ),
    ("directory", "mkdir current; echo live >current/index.html; echo x >current/.hidden"),
    ("file", "echo live >current"),
    ("nowhere", "ln -s releases/gone current"),
];

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Makes an ordinary user on a host, with a home of its own and directories of its own below `/srv`; where the fleet's login is none
/// itself.
pub fn add_user(fleet: &Fleet, host: &str, user: &str, dirs: &[&str]) {
    let srv = fleet.host(host).unwrap().srv_dir();
    let etc = srv.parent().unwrap().join("etc");
    for (file, line) in [
        ("passwd", format!("{user}:x:{DEPLOY}:{DEPLOY}::/srv/home:/bin/bash\n")),
        ("shadow", format!("{user}:*:19000:0:99999:7:::\n")),
    ] {
        use std::io::Write;
        fs::OpenOptions::new().append(true).open(etc.join(file)).unwrap().write_all(line.as_bytes()).unwrap();
    }
    for dir in ["home"].iter().chain(dirs) {
        fs::create_dir_all(srv.join(dir)).unwrap();
        chown(srv.join(dir), Some(DEPLOY), Some(DEPLOY)).unwrap();
    }
    fs::set_permissions(&srv, fs::Permissions::from_mode(0o755)).unwrap();
}

fn release(dir: &str, keep: usize) -> Release {
    let shared = vec!["uploads/".to_owned(), "config/app.env".to_owned()];
    Release { dir: dir.to_owned(), keep, shared, fan_out: FanOut::Direct, compress: false }
}

/// The task of a push.
fn of_push(number: u32) -> Task {
    Task { lock: None, fence: format!("{number}.1"), ..task("") }
}

async fn run(on: &Connection, script: String) {
    let (ending, lines) = listen(async |lines| pushbutton::remote::guard::far(on, task(&script), &lines).await).await;
    assert_eq!(ending, Ending::Exited(0), "{script}: {lines:?}");
}

/// All that is not ours below a directory: what may never change.
fn foreign(dir: &Path) -> Vec<(String, String)> {
    let ours = |path: &str| {
        let first = path.split('/').next().unwrap_or_default();
        let in_releases = path.strip_prefix("releases/").is_some_and(|name| name.starts_with("abc"));
        in_releases
            || matches!(first, "" | "current" | ".verified" | ".made" | ".previous" | ".before")
            || path == "releases"
            || path.starts_with("shared")
    };
    crate::house::listing(dir).into_iter().filter(|(path, _)| !ours(path)).collect()
}

fn what_is(path: &Path) -> String {
    match (fs::read_link(path), fs::symlink_metadata(path)) {
        (Ok(link), _) => format!("link to {}", link.display()),
        (_, Ok(meta)) if meta.is_dir() => "directory".to_owned(),
        (_, Ok(_)) => "file".to_owned(),
        (_, Err(_)) => "nothing".to_owned(),
    }
}

/// One directory of one host through its life: the first push, its failure, the fixing, more pushes, pruning and rollback.
async fn a_life(
    on: &Connection,
    site: &Site,
    builds: &[Build],
    (layout, lay): (&str, &str),
    (state, make): (&str, &str),
) {
    let (what, dir) = (format!("{layout}, {state}, {}", on.host), format!("/srv/sites/{layout}-{state}"));
    let here = site.machine("web1").srv_dir().join(format!("sites/{layout}-{state}"));
    run(on, format!("umask 022; mkdir -p {dir}; cd {dir}; {lay}; {}", make.replace('@', &dir))).await;
    let bring_it = async |build: &Build, push: u32, keep: usize| {
        listen(async |lines| bring(on, &build.on_disk(), &release(&dir, keep), of_push(push), &lines).await).await
    };
    let flip = async |build: &Build, push: u32| {
        let (ending, lines) =
            listen(async |lines| activate(on, &build.on_disk(), &dir, of_push(push), &lines).await.0).await;
        assert_eq!(ending, Ending::Exited(0), "{what}: {lines:?}");
        assert_eq!(what_is(&here.join("current")), format!("link to releases/{}", build.id), "{what}");
    };
    let before = foreign(&here);

    // What releases share and cannot be made is asked for first, and nothing is changed for that.
    let untouched = crate::house::listing(&here);
    let (ending, _) = bring_it(&builds[0], 1, 5).await;
    let Ending::Stopped(words) = ending else { panic!("{what}: {ending:?}") };
    let blocked = matches!(state, "directory" | "file");
    assert!(words.starts_with("web1: ") || words.contains("web1"), "{what}: {words}");
    assert!(blocked || words.contains(&format!("{dir}/shared/config/app.env is missing")), "{what}: {words}");
    assert_eq!(crate::house::listing(&here), untouched, "{what}: a refusal changes nothing");
    run(on, format!("mkdir -p {dir}/shared/config; echo k=v >{dir}/shared/config/app.env")).await;

    if blocked {
        let (ending, _) = bring_it(&builds[0], 1, 5).await;
        let Ending::Stopped(words) = ending else { panic!("{what}: {ending:?}") };
        let (told, cure) = words.split_once("fix it").unwrap();
        let kind = if state == "directory" { "a real directory with 2 entries" } else { "a file" };
        assert!(
            told.contains(kind) && cure.contains(&format!("mv {dir}/current {dir}/current.before-pushbutton")),
            "{words}"
        );
        let was = if state == "directory" { "directory" } else { "file" };
        let not_flipped =
            listen(async |lines| ready(on, &builds[0].on_disk(), (&dir, None), of_push(1), &lines).await).await.0;
        assert!(matches!(not_flipped, Ending::Stopped(_)), "{what}: the look ahead sees it, too");
        assert_eq!(what_is(&here.join("current")), was, "{what}");
        // The very line that was told.
        run(on, cure.split_once(": ").unwrap().1.to_owned()).await;
    }
    if state == "ours" {
        // An operator's link to a release of ours: absolute, with a slash.
        assert_eq!(bring_it(&builds[0], 1, 5).await.0, Ending::Exited(0), "{what}");
        run(on, format!("ln -sfn {dir}/releases/{}/ {dir}/current", builds[0].id)).await;
        let seen = look(on, std::slice::from_ref(&dir)).await.unwrap();
        assert_eq!(seen[0].live.current, Current::Ours(builds[0].id.to_string()), "{what}");
        assert_eq!((seen[0].live.root.as_str(), seen[0].live.sha.as_str()), (builds[0].root.as_str(), SHA), "{what}");
    }
    let old = what_is(&here.join("current"));

    // The first push flips, fails, and everything is as it was, word for word.
    let (ending, lines) = bring_it(&builds[1], 2, 1).await;
    assert_eq!(ending, Ending::Exited(0), "{what}: {lines:?}");
    flip(&builds[1], 2).await;
    let went = listen(async |lines| put_back(on, &builds[1].on_disk(), &dir, of_push(2), &lines).await).await.0;
    assert!(matches!(went, Ok(PutBack::Back(_))), "{what}: {went:?}");
    assert_eq!(what_is(&here.join("current")), old, "{what}");

    // Pushes that go well, and the pruning at their end.
    flip(&builds[1], 3).await;
    for (build, push) in [(&builds[2], 4), (&builds[3], 5)] {
        assert_eq!(bring_it(build, push, 1).await.0, Ending::Exited(0), "{what}");
        flip(build, push).await;
    }
    let (_, lines) =
        listen(async |lines| prune(on, &builds[3].on_disk(), &release(&dir, 1), of_push(5), &lines).await).await;
    let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert!(said.contains(&format!("removed releases/{}", builds[1].id).as_str()), "{what}: {said:?}");
    let ours = |name: &str| here.join("releases").join(name).exists();
    assert!(!ours("abc0001-2") && ours("abc0002-3") && ours("abc0003-4"), "{what}: live and the one before stay");
    assert_eq!(
        foreign(&here).into_iter().filter(|(path, _)| !path.starts_with("current.before")).collect::<Vec<_>>(),
        before,
        "{what}"
    );

    // Back to the one before.
    flip(&builds[2], 6).await;
    assert_eq!(fs::read_to_string(here.join("current/index.html")).unwrap(), "2", "{what}");
    assert!(here.join("current/uploads").is_dir() && here.join("current/config/app.env").is_file(), "{what}");
    let litter: Vec<String> =
        fs::read_dir(&here).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!litter.iter().any(|name| name.starts_with(".current.")), "{what}: {litter:?}");
}

#[tokio::test]
async fn whatever_stands_at_current_and_whoever_signs_in_a_site_of_another_tool_goes_through_all_and_loses_nothing() {
    let site = Site::with(&["web1"]).await;
    let builds: Vec<Build> =
        (0..4).map(|n| Build::of(&site, &format!("abc000{n}-{}", n + 1), &[("index.html", &n.to_string())])).collect();
    let mut logins = vec!["web1"];
    if is_root() {
        add_user(&site.fleet, "web1", "deploy", &["sites"]);
        logins.push("deploy@web1");
    }
    for login in logins {
        let on = site.connect(login).await;
        let all = LAYOUTS.iter().flat_map(|layout| STATES.iter().map(|state| (*layout, *state)));
        let lives = all.map(|(layout, state)| a_life(&on, &site, &builds, layout, state));
        futures::stream::iter(lives).buffer_unordered(3).collect::<Vec<()>>().await;
        // The next one finds fresh ground.
        let srv = site.machine("web1").srv_dir();
        fs::rename(srv.join("sites"), srv.join(format!("done-{}", login.len()))).unwrap();
        fs::create_dir(srv.join("sites")).unwrap();
        if is_root() {
            chown(srv.join("sites"), Some(DEPLOY), Some(DEPLOY)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_removed_stops_nobody_and_what_is_mounted_or_linked_to_is_left() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let srv = site.machine("web1").srv_dir();
    let builds: Vec<Build> =
        (1..=7).map(|n| Build::of(&site, &format!("abc000{n}-{n}"), &[("n", &"x".repeat(n))])).collect();
    let web = Release { shared: Vec::new(), ..release("/srv/web", 1) };
    for (build, push) in builds.iter().zip(1..) {
        let (ending, lines) =
            listen(async |lines| bring(&on, &build.on_disk(), &web, of_push(push), &lines).await).await;
        assert_eq!(ending, Ending::Exited(0), "{lines:?}");
    }
    let flip = listen(async |lines| activate(&on, &builds[6].on_disk(), "/srv/web", of_push(7), &lines).await.0).await;
    assert_eq!(flip.0, Ending::Exited(0));
    // An operator's link into a release, through a link; another one beside it; what nobody knows; a directory of elsewhere that
    // is mounted within a release, and a release that is one itself.
    let script = "cd /srv/web; ln -s /srv/web/releases/abc0001-1/sub hop; ln -s hop stable; mkdir releases/latest-1; \
                  ln -s releases/abc0002-2 releases/link-2; \
                  echo releases/abc0002-2 >.previous; \
                  mkdir '/srv/their data' releases/abc0003-3/'data of them'; echo theirs >'/srv/their data/file'";
    run(&on, script.to_owned()).await;
    let mounts = "cd /srv/web/releases && mount --bind '/srv/their data' abc0003-3/'data of them' && mount --bind abc0004-4 abc0004-4";
    let mounted = site.machine("web1").in_it(["sh", "-c", mounts]).await.unwrap();
    assert!(mounted.status.success(), "{mounted:?}");
    let pruned = async || {
        let (_, lines) = listen(async |lines| prune(&on, &builds[6].on_disk(), &web, of_push(7), &lines).await).await;
        lines.iter().filter(|line| line.stream != Stream::Err).map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let said = pruned().await;
    let stays = |name: &str| format!("releases/{name} stays: something is mounted in it");
    let removed = |name: &str| format!("removed releases/{name}");
    let mut first = said[..4].to_vec();
    first.sort_unstable();
    let mut told = [stays("abc0003-3"), stays("abc0004-4"), removed("abc0005-5"), removed("abc0006-6")];
    told.sort_unstable();
    assert_eq!(first, told);
    let theirs = || fs::read_to_string(srv.join("their data/file")).is_ok_and(|text| text == "theirs\n");
    assert!(theirs() && srv.join("web/releases/abc0003-3/n").exists() && srv.join("web/releases/abc0004-4/n").exists());
    let unmounted = "cd /srv/web/releases && umount abc0003-3/'data of them' && umount abc0004-4";
    let unmounted = site.machine("web1").in_it(["sh", "-c", unmounted]).await.unwrap();
    assert!(unmounted.status.success(), "{unmounted:?}");
    let mut again = pruned().await[..2].to_vec();
    again.sort_unstable();
    assert_eq!(again, [removed("abc0003-3"), removed("abc0004-4")], "the next push tries again");
    assert!(theirs());
    // Made in one moment, they have no order.
    let left = said[4].strip_prefix("left alone in releases/, since Pushbutton did not make it: ").unwrap();
    assert!(["latest-1, link-2", "link-2, latest-1"].contains(&left), "{said:?}");
    for name in ["abc0001-1", "abc0002-2", "abc0007-7", "latest-1"] {
        assert!(srv.join("web/releases").join(name).is_dir(), "{name}");
    }
    // With `current` leading nowhere nobody knows what is live: nothing goes.
    run(&on, "cd /srv/web; rm hop stable .previous; ln -sfn /gone current".to_owned()).await;
    let said = pruned().await;
    assert!(said.len() == 1 && said[0].starts_with("no old release is removed"), "{said:?}");
    assert!(srv.join("web/releases/abc0001-1").is_dir());

    // What a flip leaves behind that is killed: the next push sweeps it, and nothing that only looks alike.
    let litter = [".current.3.1", ".current.12.7", ".current.by-hand", ".previous.3.1", ".before.3.1"];
    let script = "cd /srv/web; rm current; for old in .current.3.1 .current.12.7 .current.by-hand; do ln -s releases/x $old; done; \
                  touch .previous.3.1 .before.3.1 .current.old; mkdir .current.4.1";
    run(&on, script.to_owned()).await;
    let (ending, lines) = listen(async |lines| bring(&on, &builds[6].on_disk(), &web, of_push(8), &lines).await).await;
    assert_eq!(ending, Ending::Exited(0), "{lines:?}");
    let there = |name: &str| srv.join("web").join(name).symlink_metadata().is_ok();
    assert_eq!(litter.map(there), [false; 5]);
    assert!(there(".current.old") && there(".current.4.1"), "neither is a link of ours");
}

const COMMANDS: &str = r#"
  { release = "/srv/web", keep = 2, shared = ["log/", ".env"] },
  { activate = "/srv/web" },
  { run = "test ! -e /srv/web/fail" },
"#;

/// A house whose two hosts Capistrano has prepared, with an ordinary user whose files are nobody else's to read; with these settings of
/// the stage and of its last command.
async fn capistranos(of_stage: &str, of_command: &str) -> (House, &'static str) {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["web1", "web2"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let user = if is_root() { "deploy@" } else { "" };
    for host in ["web1", "web2"] {
        if is_root() {
            add_user(&fleet, host, "deploy", &["sites"]);
        }
        let machine = fleet.host(host).unwrap();
        let home = if is_root() { machine.srv_dir().join("home") } else { machine.home_dir() };
        fs::write(home.join(".bashrc"), "umask 077\n").unwrap();
        let web = machine.srv_dir().join("web");
        for part in ["", "releases", "releases/20240101", "releases/20240102", "shared", "shared/log"] {
            fs::create_dir(web.join(part)).unwrap();
            if is_root() {
                chown(web.join(part), Some(DEPLOY), Some(DEPLOY)).unwrap();
            }
        }
        fs::set_permissions(web.join("shared/log"), fs::Permissions::from_mode(0o2775)).unwrap();
        fs::write(web.join("releases/20240102/index.html"), "cap\n").unwrap();
        std::os::unix::fs::symlink("/srv/web/releases/20240102", web.join("current")).unwrap();
    }
    fs::write(fleet.host("web1").unwrap().srv_dir().join("web/shared/.env"), "k=v\n").unwrap();
    let commands = COMMANDS.replace("/fail\" }", &format!("/fail\" {of_command} }}"));
    let stack = format!(
        "source = {{ git = {:?}, branch = \"main\" }}\nbuild = [\"./build.sh\"]\nship = \"dist\"\n[[stage]]\nname = \"qa\"\nhosts = \
         [\"{user}web1\", \"{user}web2\"]\n{of_stage}\ncommands = [{commands}]\n",
        shop.dir()
    );
    let house = House::raise(dir, fleet, shop, &stack, "probe_every_s = 1\n", None).await;
    (house, user)
}

#[tokio::test]
async fn a_first_push_goes_back_to_what_was_there_also_where_only_one_command_says_rollback() {
    let (house, _) = capistranos("", ", on_failure = \"rollback\"").await;
    let web = |host: &str| house.fleet.host(host).unwrap().srv_dir().join("web");
    fs::write(web("web2").join("shared/.env"), "k=v\n").unwrap();
    fs::write(web("web2").join("fail"), "").unwrap();
    let id = house.press("qa").await;
    let ended = house.ended(id).await;
    let why = ended["push"]["why"].as_str().unwrap_or_default();
    assert!(
        why.starts_with("no other build was live before, so the links went back as they were on all 2 hosts"),
        "{why}"
    );
    for host in ["web1", "web2"] {
        assert_eq!(what_is(&web(host).join("current")), "link to /srv/web/releases/20240102", "{host}");
    }
}

#[tokio::test]
async fn a_first_push_over_a_capistrano_site_leaves_it_until_all_went_well_and_says_what_is_true() {
    let (house, user) = capistranos("on_failure = \"rollback\"", "").await;
    let web = |host: &str| house.fleet.host(host).unwrap().srv_dir().join("web");
    let ssh = async |host: &str, script: &str| {
        let done = house.fleet.ssh(&format!("{user}{host}"), script).await.unwrap();
        assert!(done.status.success(), "{script}: {done:?}");
    };
    let push = async || {
        let id = house.press("qa").await;
        house.ended(id).await
    };
    let why = |push: &Value| push["push"]["why"].as_str().unwrap_or_default().to_owned();
    let as_it_was = |what: &str| {
        for host in ["web1", "web2"] {
            assert_eq!(what_is(&web(host).join("current")), "link to /srv/web/releases/20240102", "{what}, {host}");
            assert_eq!(
                fs::read_to_string(web(host).join("releases/20240102/index.html")).unwrap(),
                "cap\n",
                "{what}, {host}"
            );
        }
    };

    // What a release shares is missing on one host: no host flips.
    let ended = push().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(why(&ended).contains("web2: /srv/web/shared/.env is missing"), "{}", why(&ended));
    as_it_was("shared");
    fs::write(web("web2").join("shared/.env"), "k=v\n").unwrap();

    // A later command fails: the links go back as they were, and the reason says so of each host.
    fs::write(web("web2").join("fail"), "").unwrap();
    let ended = push().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let words = "no other build was live before, so the links went back as they were on all 2 hosts (web1: the link is back, current -> \
                 /srv/web/releases/20240102; web2: the link is back, current -> /srv/web/releases/20240102)";
    assert!(why(&ended).starts_with(words), "{}", why(&ended));
    as_it_was("failed");
    assert_eq!(ended["push"]["hosts_ok"], 0, "nobody has it any more: {ended:#}");
    for left in ended["left_with"].as_array().unwrap() {
        let (state, why) = (&left["state"], &left["why"]);
        assert_eq!(
            (state.as_str(), why.as_str()),
            (Some("rolled back"), Some("as it was: current -> /srv/web/releases/20240102"))
        );
    }
    let page = house.get(&format!("/pushes/{}", ended["push"]["id"])).await.text;
    assert!(
        page.contains("0 of 2 hosts have") && page.contains("as it was: current -&gt; /srv/web/releases/20240102"),
        "{page}"
    );
    fs::remove_file(web("web2").join("fail")).unwrap();

    // A real directory on the second host: the first does not flip, and the line that fixes it does.
    ssh("web2", "cd /srv/web; rm current; mkdir current; touch current/a current/b current/c").await;
    let ended = push().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(why(&ended).contains("web2: /srv/web/current is a real directory with 3 entries"), "{}", why(&ended));
    assert_eq!(what_is(&web("web1").join("current")), "link to /srv/web/releases/20240102");
    let cure = why(&ended).split_once("as it is: ").unwrap().1.to_owned();
    assert_eq!(cure, block("mv /srv/web/current "), "the page shows the line that is told");
    ssh("web2", &cure).await;
    assert_eq!(what_is(&web("web2").join("current")), "link to current.before-pushbutton");

    // Well at last: what we made can be read by all whatever the umask, what was there is as it was.
    let good = house.push_well("qa").await;
    let build = good["push"]["build"].as_str().unwrap();
    let mode = |path: &str| fs::metadata(web("web1").join(path)).unwrap().permissions().mode() & 0o7777;
    let made = [format!("releases/{build}"), ".verified".to_owned(), ".made".to_owned()];
    assert_eq!(made.each_ref().map(|path| mode(path)), [0o755; 3]);
    assert_eq!([mode(&format!("releases/{build}/REVISION")), mode(&format!(".verified/{build}"))], [0o644; 2]);
    assert_eq!(mode("shared/log"), 0o2775);
    for host in ["web1", "web2"] {
        assert!(web(host).join("releases/20240101").is_dir() && web(host).join("releases/20240102").is_dir(), "{host}");
    }
    assert!(web("web2").join("current.before-pushbutton/c").is_file());

    // What was there before that push can be put back by hand, by the page's own lines.
    let asked = house.fleet.ssh(&format!("{user}web1"), &block("cd /srv/web && cat .before")).await.unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    let was = said.lines().find_map(|line| line.strip_prefix("link ")).unwrap_or_else(|| panic!("{said}"));
    let back = inline("ln -sfn WHAT-IT-SAYS ").replace("WHAT-IT-SAYS", was);
    ssh("web1", &format!("cd /srv/web && {back}")).await;
    assert_eq!(what_is(&web("web1").join("current")), "link to /srv/web/releases/20240102");

    // An operator's absolute link to the right release is no drift; to an older one it is, and that one is never removed.
    ssh("web1", &format!("ln -sfn /srv/web/releases/{build}/ /srv/web/current")).await;
    house.get("/stacks/web").await;
    let settled = async |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        until(what, async || {
            let stage = house.stage("qa").await;
            (!stage["probed_at"].is_null() && is_so(&stage)).then_some(stage)
        })
        .await
    };
    let none = |stage: &Value| stage["drift"].as_array().unwrap().is_empty();
    settled("the same release by another link is no drift", &none).await;
    if is_root() {
        let cache = web("web1").join(format!("releases/{build}/cache"));
        fs::create_dir(&cache).unwrap();
        fs::write(cache.join("page"), "x").unwrap();
    }
    house.commit().await;
    house.push_well("qa").await;
    ssh("web1", &format!("ln -sfn /srv/web/releases/{build}/ /srv/web/current")).await;
    let stage = settled("the older release is drift", &|stage: &Value| !none(stage)).await;
    assert_eq!((&stage["drift"][0]["host"], stage["drift"][0]["runs"].as_str()), (&Value::from("web1"), Some(build)));
    for _ in 0..2 {
        house.commit().await;
        house.push_well("qa").await;
        assert!(web("web1").join("current").exists());
    }
    assert!(!web("web2").join("releases").join(build).exists(), "what undo does not need any more went");
    if is_root() {
        let stage =
            settled("who keeps more than it is to", &|stage: &Value| stage["kept"].as_array().unwrap().len() == 1)
                .await;
        assert_eq!(stage["kept"][0]["why"], "cache/ in one of them belongs to root");
        let page = house.get("/stacks/web").await.text;
        let words = "web1 keeps 4 releases instead of 2: cache/ in one of them belongs to root";
        assert!(page.contains(words), "{page}");
        let browser = Browser::open(&house).await;
        browser.sign_in("kate").await;
        browser.go("/stacks/web").await;
        browser.says("[data-part=\"notes\"]", words).await;
        browser.pictures("stack-keeps-more").await;
    }

    // A build that leaves `ship` empty goes nowhere, however well its commands ended.
    let (live, file) = (fs::read_link(web("web1").join("current")).unwrap(), house.dir.path().join("stacks/web.toml"));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"./build.sh\"", "\"./build.sh\", \"rm -rf dist && mkdir dist\"")).unwrap();
    until("the file is read again", async || {
        let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await.text;
        plan.contains("rm -rf dist").then_some(())
    })
    .await;
    let ended = push().await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    assert!(why(&ended).contains("has no files"), "{}", why(&ended));
    assert_eq!(fs::read_link(web("web1").join("current")).unwrap(), live, "nothing was changed");
}

/// The block of `docs/hosts.md` that begins so.
fn block(begins: &str) -> String {
    crate::docs::page("docs/hosts.md").block(begins).trim_end().to_owned()
}

/// The words between backticks of `docs/hosts.md` that begin so.
fn inline(begins: &str) -> String {
    let spans = crate::docs::page("docs/hosts.md").spans();
    let found = spans.into_iter().find(|words| words.starts_with(begins));
    found.unwrap_or_else(|| panic!("docs/hosts.md says {begins}"))
}
