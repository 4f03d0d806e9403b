//! What a push host says when it does not get in, when a host lacks something, and before anybody pushes: by its cause, with what
//! to do, on real hosts. And hosts that ssh knows by other names than plain ones.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{House, Plans, until};
use crate::site::{Site, host};
use crate::whose::{add_user, is_root};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::http::RequestBody;
use pushbutton::demo::repo::Shop;
use pushbutton::demo::trouble::How;
use pushbutton::process::Program;
use pushbutton::remote::masters::Masters;
use serde_json::{Value, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// The door of one host, and everything that can be wrong with it.
struct Door {
    site: Site,
    config: String,
    known: String,
    sshd: String,
}

impl Door {
    async fn new() -> Self {
        let site = Site::with(&["web1"]).await;
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        let config = read(site.fleet.ssh_config().to_owned());
        let (known, sshd) = (
            read(site.room.path().join("fleet/known_hosts")),
            read(site.room.path().join("fleet/web1/etc/sshd_config")),
        );
        Self { site, config, known, sshd }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.room.path().join(name)
    }

    /// The key that people sign in with.
    fn key(&self) -> PathBuf {
        let line = self.config.lines().find_map(|line| line.trim().strip_prefix("IdentityFile ")).unwrap();
        line.trim_matches('"').into()
    }

    /// What a connection is refused with, by masters of their own under this configuration.
    async fn told(&self, config: &str) -> String {
        let operator = self.path("operator");
        std::fs::write(&operator, config).unwrap();
        self.told_as_it_is(operator).await
    }

    async fn told_as_it_is(&self, operator: PathBuf) -> String {
        // As short as a socket's path must be.
        let sockets = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let masters = Masters::with_retries(&sockets.path().join("s"), Some(operator), vec![]).unwrap();
        match masters.connect(&host("web1")).await {
            Ok(_) => panic!("it was let in"),
            Err(why) => why.0,
        }
    }

    /// Gives the host's sshd these settings before its own.
    async fn set_sshd(&self, settings: &str) {
        std::fs::write(self.path("fleet/web1/etc/sshd_config"), format!("{settings}\n{}", self.sshd)).unwrap();
        let pid_file = self.path("fleet/web1/etc/sshd.pid");
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        std::fs::remove_file(&pid_file).unwrap();
        let said = self.site.machine("web1").in_it(["kill", "-HUP", pid.trim()]).await.unwrap();
        assert!(said.status.success(), "{said:?}");
        until("sshd listens again", async || pid_file.exists().then_some(())).await;
    }

    async fn keygen(&self, args: &[&str]) {
        let said = Program::new("ssh-keygen").arg("-q").args(args).output(Duration::from_secs(20)).await.unwrap();
        assert!(said.status.success(), "{said:?}");
    }

    fn as_text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

#[track_caller]
fn holds(told: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| told.contains(part)), "{parts:?}\n  was told: {told}");
}

#[tokio::test]
async fn a_real_sshd_that_lets_nobody_in_is_told_by_its_cause_and_with_its_cure() {
    let door = Door::new().await;
    let (config, key) = (door.config.clone(), door.key());

    // Our own side.
    let key_of = |path: &Path| config.replace(&key.display().to_string(), &path.display().to_string());
    holds(
        &door.told(&key_of(Path::new("/nowhere/key"))).await,
        &["the key that ssh's configuration names is not on the push host"],
    );
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    holds(&door.told(&config).await, &["other users", &format!("chmod 600 {}", key.display())]);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(door.path("loose"), &config).unwrap();
    std::fs::set_permissions(door.path("loose"), PermissionsExt::from_mode(0o666)).unwrap();
    holds(
        &door.told_as_it_is(door.path("loose")).await,
        &["ssh on the push host refuses its own configuration (Bad owner or permissions on", "chmod 600"],
    );
    holds(&door.told(&format!("Hots x\n{config}")).await, &["has a mistake", "line 1", "hots"]);
    let jumps = config.replace("Host web1\n", "Host web1\n  ProxyJump 127.0.0.1:9\n");
    holds(&door.told(&jumps).await, &["cannot connect to web1: the jump host of ssh's configuration"]);

    // Something else listens there.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\x00\x01\x02</html>\n").await;
        }
    });
    let at = door.site.machine("web1").address();
    let elsewhere = config
        .replace(&at.ip().to_string(), "127.0.0.1")
        .replace(&format!("Port {}", at.port()), &format!("Port {port}"));
    holds(&door.told(&elsewhere).await, &["is not an ssh server", "web1:2222"]);
    answering.abort();

    // The host's key: revoked, and its certificate run out.
    let known = door.path("fleet/known_hosts");
    std::fs::write(&known, format!("@revoked {}", door.known)).unwrap();
    let told = door.told(&config).await;
    holds(&told, &["web1 presents a revoked host key", "is marked as revoked"]);
    assert!(!told.contains("trust STACK"), "{told}");
    let ca = door.as_text("ca");
    door.keygen(&["-t", "ed25519", "-N", "", "-f", &ca]).await;
    let public = std::fs::read_to_string(door.path("ca.pub")).unwrap();
    std::fs::write(&known, format!("@cert-authority * {public}")).unwrap();
    let host_key = door.as_text("fleet/web1/etc/host_key.pub");
    door.keygen(&["-s", &ca, "-I", "web1", "-h", "-V", "20200101:20200201", &host_key]).await;
    door.set_sshd("HostCertificate /run/host/host_key-cert.pub").await;
    holds(
        &door.told(&config).await,
        &["the host certificate of web1 has expired (Certificate invalid: expired)", "sign its host key again"],
    );
    std::fs::write(&known, &door.known).unwrap();

    // What the host does with our key.
    let mut many = String::from("Host web1\n");
    for n in 0..3 {
        let one = door.as_text(&format!("other{n}"));
        door.keygen(&["-t", "ed25519", "-N", "", "-f", &one]).await;
        many.push_str(&format!("  IdentityFile {one}\n"));
    }
    door.set_sshd("MaxAuthTries 2").await;
    holds(&door.told(&format!("{many}{config}")).await, &["Too many authentication failures", "IdentitiesOnly yes"]);
    std::fs::copy(door.path("ca.pub"), door.path("fleet/web1/etc/user_ca")).unwrap();
    std::fs::write(door.path("fleet/web1/etc/banner"), "ACCESS DENIED. Permission denied. Connection refused.\n")
        .unwrap();
    door.set_sshd("TrustedUserCAKeys /run/host/user_ca\nAuthorizedKeysFile none\nBanner /run/host/banner").await;
    holds(&door.told(&config).await, &["web1 refuses our key (", "Permission denied (publickey)", "authorized_keys"]);
    door.keygen(&["-s", &ca, "-I", "me", "-V", "20200101:20200201", &format!("{}.pub", key.display())]).await;
    holds(
        &door.told(&config).await,
        &["web1 refuses our key (", "-cert.pub expired at 2020-02-01", "get a new one from your CA"],
    );
    std::fs::remove_file(format!("{}-cert.pub", key.display())).unwrap();
    door.set_sshd("Ciphers aes256-cbc").await;
    holds(&door.told(&config).await, &["have no encryption algorithm in common", "no matching cipher found"]);

    // It lets us in, and runs nothing.
    door.set_sshd("ForceCommand internal-sftp").await;
    holds(&door.told(&config).await, &["sftp", "ForceCommand internal-sftp"]);
    door.set_sshd("").await;
    let passwd = door.path("fleet/web1/etc/passwd");
    let text = std::fs::read_to_string(&passwd).unwrap();
    std::fs::write(&passwd, text.replace(":/bin/bash\n", ":/usr/sbin/nologin\n")).unwrap();
    let told = door.told(&config).await;
    holds(&told, &["runs no commands", "currently not available", "chsh -s /bin/sh"]);
    assert!(!told.contains("only in interactive shells"), "{told}");
    std::fs::write(&passwd, text.replace(":/bin/bash\n", ":/bin/false\n")).unwrap();
    holds(&door.told(&config).await, &["runs no commands", "is it a real shell"]);
}

impl House {
    /// Runs a command line: its code, and both streams.
    async fn says(&self, args: &[&str]) -> (Option<i32>, String) {
        let said = pushbutton(self, args).await;
        (said.code, said.both())
    }

    /// Presses, and gives the reason that the push failed for.
    async fn fails(&self, stage: &str) -> String {
        self.failed(self.press(stage).await).await
    }

    /// Why a push has failed.
    async fn failed(&self, id: i64) -> String {
        let ended = self.ended(id).await;
        assert_eq!(ended["push"]["state"], "failed", "{}", self.log(id).await);
        ended["push"]["why"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_a_host_lacks_is_told_before_a_push_and_is_the_reason_when_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let stop = dir.path().join("stop");
    let commands = format!(
        "{{ local = \"/bin/sh -c 'while [ -e {} ]; do sleep 0.05; done'\", as = \"operator\" }}, {{ release = \"/srv/web\" }}, {{ activate = \"/srv/web\" }}, \
         {{ run = \"composer install\" }},",
        stop.display()
    );
    let house = House::build(Plans { qa: &["qa1"], commands: &commands, ..Plans::default() }).await;
    let (code, said) = house.says(&["check", "--hosts"]).await;
    assert_eq!(code, Some(0), "{said}");
    holds(&said, &["hosts of web:", "push host: ok (OpenSSH", "qa1: ok (Linux", "0 to fix, 0 worth knowing"]);

    // A host without two tools, with a directory where the link is to be, and a login that hides what it makes.
    let machine = house.fleet.host("qa1").unwrap();
    let bin = machine.home_dir().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for dir in ["/usr/bin", "/bin"] {
        for tool in std::fs::read_dir(dir).unwrap().flatten() {
            let name = tool.file_name();
            if name != "rsync" && name != "flock" {
                let _ = symlink(tool.path(), bin.join(name));
            }
        }
    }
    std::fs::write(machine.home_dir().join(".bashrc"), "PATH=$HOME/bin\numask 077\n").unwrap();
    std::fs::create_dir_all(machine.srv_dir().join("web/current/old")).unwrap();
    let found = [
        "`rsync` is not on the PATH of commands there",
        "apt install rsync",
        "`flock` is not on the PATH of commands there",
        "/srv/web/current is a real directory with 1 entry",
        "mv /srv/web/current /srv/web/current.before",
        "umask is 077",
    ];
    let (code, said) = house.says(&["check", "--hosts"]).await;
    assert_eq!(code, Some(1), "{said}");
    holds(&said, &found);
    holds(&said, &["FIX", "know", "3 to fix, 1 worth knowing"]);
    let (code, said) = house.says(&["check", "--hosts", "--json"]).await;
    let all: Value = serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((code, &all[0]["must"], &all[0]["places"][1]["place"]), (Some(1), &json!(3), &json!("qa1")));

    // The same on the page, which begins a look by a button and never waits for it.
    let mut client = house.client().clone();
    let answer = client.send("POST", "/stacks/web/hosts/look", RequestBody::Form(""), &[]).await.unwrap();
    assert_eq!(answer.status, 303);
    let page = until("the look is over", async || {
        let page = house.get("/stacks/web/hosts").await.text;
        (!page.contains("The check is running, started")).then_some(page)
    })
    .await;
    holds(&page, &["To fix before a push", "Worth knowing", "apt install rsync", "as of", "umask is 077"]);
    let known = house.get("/api/v1/stacks/web/hosts").await.text;
    holds(&known, &["\"weight\":\"must\"", "\"since\":null"]);
    assert_eq!(house.get("/stacks/nobody/hosts").await.status, 404);

    // One after the other is the reason of a push.
    std::fs::remove_dir_all(machine.srv_dir().join("web")).unwrap();
    holds(&house.fails("qa").await, &["nothing ran: `flock` is not installed on qa1"]);
    symlink("/usr/bin/flock", bin.join("flock")).unwrap();
    holds(&house.fails("qa").await, &["rsync: command not found (rsync is not installed on qa1", "apt install rsync"]);
    symlink("/usr/bin/rsync", bin.join("rsync")).unwrap();
    let lock = machine.home_dir().join(".pushbutton/web@qa1");
    // Written while the push runs: a server that had seen it before would not begin one.
    std::fs::write(&stop, "").unwrap();
    let id = house.press("qa").await;
    std::fs::write(&lock, "999.1\n").unwrap();
    std::fs::remove_file(&stop).unwrap();
    holds(
        &house.failed(id).await,
        &["qa1 has already seen push 999.1 of this stack", "`pushbutton number-above web --reason TEXT`"],
    );
    std::fs::remove_file(&lock).unwrap();
    holds(
        &house.fails("qa").await,
        &["exited with 127: ", "composer: ", "not found (the command is not on the PATH", "on qa1"],
    );

    // A revision by its beginning.
    let newest = house.button("qa").await["sha"].as_str().unwrap().to_owned();
    house.commit().await;
    let plan = house.get(&format!("/api/v1/stacks/web/stages/qa/plan?sha={}", &newest[..8])).await;
    let plan: Value = serde_json::from_str(&plan.text).unwrap();
    assert_eq!(plan["sha"], json!(newest), "{plan}");
    let (code, said) = house.says(&["push", "web", "qa", "--sha", "0000beef"]).await;
    assert_eq!(code, Some(1));
    holds(&said, &["a revision of web that begins with 0000beef does not exist"]);
}

#[tokio::test]
async fn hosts_behind_one_address_by_ports_of_ipv6_with_underscores_and_users_of_a_domain_are_hosts_like_others() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["one", "two", "three"]).await.unwrap();
    // IPv6 where this machine has it.
    let address = match std::net::TcpListener::bind("[::1]:0") {
        Ok(_) => "::1",
        Err(_) => "127.0.0.1",
    };
    let bracketed = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let etc = |name: &str| dir.path().join("fleet").join(name).join("etc");
    let known = dir.path().join("fleet/known_hosts");
    let mut names = Vec::new();
    for name in ["one", "two"] {
        let port = std::net::TcpListener::bind(format!("{bracketed}:0")).unwrap().local_addr().unwrap().port();
        let config = etc(name).join("sshd_config");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("ListenAddress {bracketed}:{port}\n{text}")).unwrap();
        let pid_file = etc(name).join("sshd.pid");
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        std::fs::remove_file(&pid_file).unwrap();
        let said = fleet.host(name).unwrap().in_it(["kill", "-HUP", pid.trim()]).await.unwrap();
        assert!(said.status.success(), "{said:?}");
        until("sshd listens again", async || pid_file.exists().then_some(())).await;
        let key = std::fs::read_to_string(etc(name).join("host_key.pub")).unwrap();
        let text = std::fs::read_to_string(&known).unwrap();
        std::fs::write(&known, format!("{text}[{address}]:{port} {key}")).unwrap();
        names.push(format!("{bracketed}:{port}"));
    }
    // A third one has an underscore in its name, and a user of a domain.
    let third = match is_root() {
        true => {
            add_user(&fleet, "three", r"DOM\deploy", &["web", "copy"]);
            r"DOM\deploy@my_host"
        }
        false => "my_host",
    };
    names.push(third.to_owned());
    let config = std::fs::read_to_string(fleet.ssh_config()).unwrap();
    let of_one: Vec<&str> = config
        .lines()
        .filter(|line| ["User", "Identit", "UserKnown"].iter().any(|word| line.trim().starts_with(word)))
        .collect();
    let who = of_one[..of_one.len() / 3].join("\n");
    let third = fleet.host("three").unwrap().address();
    let more =
        format!("Host {address}\n{who}\nHost my_host\n  HostName {}\n  Port {}\n{who}\n", third.ip(), third.port());
    std::fs::write(fleet.ssh_config(), format!("{config}{more}")).unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let stack = format!(
        "title = \"Web\"\nsource = {{ git = {:?}, branch = \"main\" }}\nbuild = [\"./build.sh\"]\nship = \"dist\"\n[[stage]]\n\
         name = \"qa\"\nhosts = {names:?}\ncommands = [\n{{ release = \"/srv/web\" }},\n{{ rsync = \"./\", to = \
         \"/srv/copy/\" }},\n{{ activate = \"/srv/web\" }},\n{{ run = \"echo at {{host}}\" }},\n]\n",
        shop.dir()
    );
    let house = House::raise(dir, fleet, shop, &stack, "", None).await;
    let pushed = house.push_well("qa").await;
    names.last_mut().unwrap().replace_range(.., "my_host");
    assert_eq!(pushed["hosts"], json!(names));
    let id = pushed["push"]["id"].as_i64().unwrap();
    for (name, machine) in names.iter().zip(["one", "two", "three"]) {
        let srv = house.fleet.host(machine).unwrap().srv_dir();
        assert!(srv.join("web/current").exists() && srv.join("copy").is_dir(), "{machine}");
        let page = house.get(&format!("/pushes/{id}")).await.text;
        assert!(page.contains(&format!("data-h=\"{name}\"")) || page.contains(name), "{name}: {page}");
        let query = name.replace('[', "%5B").replace(']', "%5D").replace(':', "%3A");
        let log = house.get(&format!("/api/v1/pushes/{id}/log?host={query}")).await.text;
        let at = if machine == "three" { "my_host" } else { address };
        assert!(log.contains(&format!("at {at}")), "{log}");
    }
    if is_root() {
        let log = std::fs::read_to_string(house.fleet.host("three").unwrap().sshd_log()).unwrap();
        assert!(log.contains("Accepted publickey for DOM"), "{log}");
    }
    let (code, said) = house.says(&["check", "--hosts"]).await;
    assert_eq!(code, Some(0), "{said}");
    for name in &names {
        holds(&said, &[&format!("{name}: ok")]);
    }
    // By these names they are asked, connected anew, brought up to date, and shown.
    for name in &names {
        for what in ["check", "reconnect"] {
            let (code, said) = house.says(&["hosts", what, "web", name]).await;
            assert_eq!((code, said.as_str()), (Some(0), format!("{name}: ready\n1 of 1 hosts ready\n").as_str()));
        }
    }
    let browser = Browser::open(&house).await;
    browser.sign_in("kate").await;
    browser.go(&format!("/pushes/{id}")).await;
    for name in &names {
        browser.says("main", name).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    house.commit().await;
    // One is away while the others are brought on, and is caught up by its name.
    let away = house.fleet.host("two").unwrap();
    away.break_(How::Hung).await.unwrap();
    let id = house.press("qa").await;
    let ended = house.ended(id).await;
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains(&names[1]), "{why}");
    away.mend().await.unwrap();
    let last = house.push_well("qa").await;
    assert_eq!(last["push"]["hosts_ok"], 3, "{last:#}");
    // A plan by hand goes to the same hosts.
    house.commit().await;
    let (code, script) = house.says(&["plan", "web", "qa", "--shell"]).await;
    assert_eq!(code, Some(0), "{script}");
    let mut shell = Program::new("sh").with_input().env("HOME", house.dir.path()).start().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let ran = tokio::time::timeout(Duration::from_secs(90), shell.wait_with_output()).await.unwrap().unwrap();
    assert!(ran.status.success(), "{ran:?}\n{script}");
}
