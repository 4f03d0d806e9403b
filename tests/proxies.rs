//! Behind a proxy: nginx, Caddy and HAProxy, each with the sample that `docs/install.md` shows, in front of the real server,
//! with TLS and asked as people ask. And nginx as everybody first writes it.

use crate::house::{House, until};
use pushbutton::advice::curl as curl_words;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

const LIMIT: Duration = Duration::from_secs(60);
const SITE: &str = "https://push.example.com";
/// From where people come to a proxy, and from where they claim to come.
const PERSON: &str = "127.9.9.9";
const CLAIMED: &str = "203.0.113.9";

/// A sample as the docs show it, by its first line.
fn sample(first_line: &str) -> String {
    crate::docs::page("docs/install.md").block(first_line)
}

/// The text with what every reader must change; each of it must be there.
fn changed(mut text: String, changes: &[(&str, &str)]) -> String {
    for (old, new) in changes {
        assert!(text.contains(old), "{old} in {text}");
        text = text.replace(old, new);
    }
    text
}

/// A proxy that runs, with what a person in front of it keeps.
struct Proxy {
    name: &'static str,
    at: String,
    dir: PathBuf,
    _lifeline: Lifeline,
}

/// The certificate of the site, self-made, and its key; both, for HAProxy.
async fn certificate(dir: &Path) -> (String, String, String) {
    let [cert, key, both] = ["site.pem", "site.key", "both.pem"].map(|name| dir.join(name).display().to_string());
    let made = Program::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=push.example.com", "-addext", "subjectAltName=DNS:push.example.com"])
        .args(["-keyout", &key, "-out", &cert]);
    let made = made.output(LIMIT).await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = [&cert, &key].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    std::fs::write(&both, text).unwrap();
    (cert, key, both)
}

impl Proxy {
    async fn start(name: &'static str, dir: &Path, at: &str, argv: &[&str]) -> Self {
        let log = dir.join(format!("{name}.log"));
        let lifeline = Lifeline::keep_running(argv, &log).await.unwrap();
        until(&format!("{name} answers"), async || tokio::net::TcpStream::connect(at).await.ok()).await;
        Self { name, at: at.to_owned(), dir: dir.to_owned(), _lifeline: lifeline }
    }

    /// nginx with a server of its own.
    async fn nginx(name: &'static str, dir: &Path, at: &str, server: &str) -> Self {
        let here = dir.display();
        let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {here}/{name}-{what};\n"))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {here}/{name}.pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temps}\n{server}}}\n"
        );
        let file = dir.join(format!("{name}.conf")).display().to_string();
        std::fs::write(&file, config).unwrap();
        Self::start(name, dir, at, &["/usr/sbin/nginx", "-c", &file, "-e", "stderr"]).await
    }

    /// The person's cookies. Signing in alone writes them: a stream that ended wrote the same file anew while the next request read it,
    /// which then came without a session.
    fn jar(&self) -> String {
        self.dir.join(format!("{}.cookies", self.name)).display().to_string()
    }

    /// Whoever comes by this proxy, by the site's own address, with a browser's headers.
    fn person(&self, args: &[&str], path: &str) -> Program {
        let cert = self.dir.join("site.pem").display().to_string();
        let (jar, to) = (self.jar(), format!("push.example.com:443:{}", self.at));
        Program::new("curl")
            .args(["-q", "-sS", "-N", "--http2", "--max-time", "60", "--cacert", &cert, "--connect-to", &to])
            .args(["-b", &jar, "-H", "Sec-Fetch-Site: same-origin", "--interface", PERSON])
            .args(args)
            .arg(format!("{SITE}{path}"))
    }

    /// Status and body.
    async fn ask(&self, args: &[&str], path: &str) -> (u16, String) {
        let answer = self.person(&[args, &["-w", "\n%{http_code}"]].concat(), path).output(LIMIT).await.unwrap();
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(answer.status.success(), "{} {path}: {}", self.name, String::from_utf8_lossy(&answer.stderr));
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    async fn json(&self, args: &[&str], path: &str) -> (u16, Value) {
        let (status, body) = self.ask(args, path).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{} {path}: {body}", self.name)))
    }

    /// The stream of a push.
    fn events(&self, push: i64) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut child = self.person(&[], &format!("/api/v1/pushes/{push}/events")).start().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }
}

/// Reads until a line of the stream holds the words.
async fn hears(name: &str, lines: &mut Lines<BufReader<ChildStdout>>, words: &str) {
    let heard = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(words) {
                return true;
            }
        }
        false
    };
    let heard = tokio::time::timeout(LIMIT, heard).await;
    assert!(heard.unwrap_or(false), "{words:?} comes through {name} while the push runs");
}

/// A tar that no proxy takes by itself: 3 MiB.
async fn build(dir: &Path, name: &str) -> PathBuf {
    let (tree, tar) = (dir.join(format!("{name}-tree")), dir.join(format!("{name}.tar")));
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("page.html"), name).unwrap();
    std::fs::write(tree.join("large.bin"), vec![7; 3 << 20]).unwrap();
    let args = ["-cf", tar.to_str().unwrap(), "-C", tree.to_str().unwrap(), "."];
    assert!(Program::new("tar").args(args).output(LIMIT).await.unwrap().status.success());
    tar
}

/// Everything that people do, through one proxy.
async fn walks(house: &House, proxy: &Proxy, sha: char) {
    let name = proxy.name;
    // One that looks whether the server lives takes it out for a while when the machine was too busy for an answer.
    until(&format!("{name} sees the server"), async || (proxy.ask(&[], "/healthz").await.0 == 200).then_some(())).await;
    let (status, page) = proxy.ask(&["-L"], "/").await;
    assert!(status == 200 && page.contains("Sign in"), "{name}: {status} {page}");
    // Who comes is who the proxy sees, whatever they claim.
    let signed_in = || {
        let log = std::fs::read_to_string(house.dir.path().join("server.log")).unwrap();
        let lines = log.lines().filter(|line| line.contains("signed in who=mary"));
        lines.map(|line| line.rsplit_once("address=").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let before = signed_in().len();
    let claims = ["X-Forwarded-For", "X-Real-IP"].map(|header| format!("{header}: {CLAIMED}"));
    let forwarded = format!("Forwarded: for={CLAIMED}");
    let signs_in =
        ["-c", &proxy.jar(), "--data", "name=mary&next=%2F", "-H", &claims[0], "-H", &claims[1], "-H", &forwarded];
    assert_eq!(proxy.ask(&signs_in, "/sign-in").await.0, 303, "{name}");
    assert_eq!(signed_in()[before..], [PERSON], "{name}");

    let tar = build(house.dir.path(), name).await;
    let args = ["-H", "Content-Type: application/x-tar", "--data-binary", &format!("@{}", tar.display())];
    let sha = sha.to_string().repeat(40);
    let (status, answer) = proxy.json(&args, &format!("/api/v1/stacks/web/builds?sha={sha}&ref=main")).await;
    assert_eq!(status, 201, "{name}: {answer}");

    for end in ["let-go", "cancel"] {
        let next = until("it can be pressed", async || {
            let (_, stack) = proxy.json(&[], "/api/v1/stacks/web").await;
            let stage = &stack["stages"][0];
            (stage["why_not"].is_null() && stage["next"]["sha"] == sha.as_str()).then(|| stage["next"].clone())
        })
        .await;
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] }).to_string();
        let args = ["-H", "Content-Type: application/json", "--data", &body];
        let (status, pressed) = proxy.json(&args, "/api/v1/stacks/web/stages/qa/push").await;
        assert_eq!(status, 201, "{name}: {pressed}");
        let push = pressed["id"].as_i64().unwrap();
        let (_child, mut lines) = proxy.events(push);
        hears(name, &mut lines, "this line comes at once").await;
        let state = if end == "let-go" {
            std::fs::write(house.dir.path().join("let-go"), "").unwrap();
            "succeeded"
        } else {
            let args = ["-X", "POST", "-H", "Content-Type: application/json", "--data", "{}"];
            let (status, answer) = proxy.ask(&args, &format!("/api/v1/pushes/{push}/cancel")).await;
            assert!((200..300).contains(&status), "{name}: {status} {answer}");
            "cancelled"
        };
        hears(name, &mut lines, "push_ended").await;
        let ended = until("the push has ended", async || {
            let (status, push) = proxy.json(&[], &format!("/api/v1/pushes/{push}")).await;
            assert_eq!(status, 200, "{name}: {push}");
            (push["push"]["state"] != "running").then(|| push["push"]["state"].clone())
        })
        .await;
        assert_eq!(ended, state, "{name}");
        let _ = std::fs::remove_file(house.dir.path().join("let-go"));
        if end == "cancel" {
            release(proxy).await;
        }
    }
}

/// A cancelled push holds its stack; the next proxy's turn needs it free.
async fn release(proxy: &Proxy) {
    let (_, stack) = proxy.json(&[], "/api/v1/stacks/web").await;
    if !stack["stages"][0]["hold"].is_null() || !stack["hold"].is_null() {
        let form = ["--data", "reason=looked&stage=qa"];
        assert_eq!(proxy.ask(&form, "/stacks/web/release-hold").await.0, 303, "{}", proxy.name);
    }
}

#[tokio::test]
async fn the_samples_for_nginx_caddy_and_haproxy_carry_all_that_people_do() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["qa1"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let let_go = dir.path().join("let-go");
    let stack = format!(
        "source = {{ published = true }}\n[[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\ncommands = [\n\
         {{ local = \"/bin/sh -c 'echo this line comes at once; while [ ! -e {} ]; do sleep 0.05; done'\", as = \"operator\" }}]\n",
        let_go.display()
    );
    let mut house = House::raise(dir, fleet, shop, &stack, "", None).await;
    house.kill_server().await;
    let file = house.dir.path().join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let site = format!("trusted_proxies = [\"127.0.0.1\"]\nurl = \"{SITE}\"");
    let config = changed(config, &[(&format!("url = \"{}\"", house.url), &site)]);
    std::fs::write(&file, config).unwrap();
    house.start().await;

    let server = house.url.strip_prefix("http://").unwrap().to_owned();
    let ip = server.strip_suffix(":8090").unwrap();
    let path = house.dir.path().to_owned();
    let (cert, key, both) = certificate(&path).await;
    let at = |port: u16| format!("{ip}:{port}");

    let plain = format!("server {{ listen {}; location / {{ proxy_pass http://{server}; }} }}", at(8446));
    let plain = Proxy::nginx("plain", &path, &at(8446), &plain).await;
    let files = [("/etc/ssl/push.example.com.pem", cert.as_str()), ("/etc/ssl/push.example.com.key", key.as_str())];
    let to = [("127.0.0.1:8090", server.as_str())];
    let listen = format!("listen {} ssl", at(8443));
    let text = changed(
        sample("# /etc/nginx/conf.d/pushbutton.conf"),
        &[&files[..], &to[..], &[("listen 443 ssl", listen.as_str())]].concat(),
    );
    let nginx = Proxy::nginx("nginx", &path, &at(8443), &text).await;

    let text = changed(sample("# /etc/caddy/Caddyfile"), &[&files[..], &to[..]].concat());
    let global = format!(
        "{{\n admin off\n auto_https disable_redirects\n https_port 8444\n default_bind {ip}\n \
         storage file_system {}/caddy\n}}\n",
        path.display()
    );
    let caddyfile = path.join("Caddyfile").display().to_string();
    std::fs::write(&caddyfile, global + &text).unwrap();
    let home = format!("HOME={}", path.display());
    let argv = ["/usr/bin/env", &home, "/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", &caddyfile];
    let caddy = Proxy::start("caddy", &path, &at(8444), &argv).await;

    let bind = format!("bind {}", at(8445));
    let pem = [("/etc/haproxy/push.example.com.pem", both.as_str()), ("bind :443", bind.as_str())];
    let text = changed(sample("# /etc/haproxy/haproxy.cfg"), &[&pem[..], &to[..]].concat());
    let cfg = path.join("haproxy.cfg").display().to_string();
    std::fs::write(&cfg, text).unwrap();
    let haproxy = Proxy::start("haproxy", &path, &at(8445), &["/usr/sbin/haproxy", "-db", "-f", &cfg]).await;

    // As everybody first writes it: the page names both names and the line, and is a whole page all the same.
    let by_plain = async |path: &str| {
        let address = format!("http://{}{path}", plain.at);
        let answer = Program::new("curl").args(["-q", "-sS", "-w", "\n%{http_code}", &address]).output(LIMIT).await;
        let text = String::from_utf8(answer.unwrap().stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    };
    let (status, page) = by_plain("/").await;
    assert_eq!(status, "421");
    for words in [&*format!("asks for {server}."), "answers to push.example.com,", "proxy_set_header Host $host;"] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let style = page.split('"').find(|part| part.starts_with("/static/style.css")).unwrap();
    for path in [style, "/static/page/theme.js", "/healthz", "/readyz"] {
        assert_eq!(by_plain(path).await.0, "200", "{path}");
    }
    assert_eq!(by_plain("/api/v1/stacks").await.0, "421");

    // A certificate that nobody vouches for, in the words of the curl that is installed here.
    let ask = ["-q", "-sS", "--connect-to", &format!("push.example.com:443:{}", nginx.at), SITE];
    let said = Program::new("curl").args(ask).output(LIMIT).await.unwrap();
    let advice = curl_words::advice(&String::from_utf8_lossy(&said.stderr));
    assert!(advice.words().contains("self-signed") && advice.words().contains("update-ca-certificates"), "{advice:?}");

    for (proxy, sha) in [(&nginx, 'a'), (&caddy, 'b'), (&haproxy, 'c')] {
        walks(&house, proxy, sha).await;
    }
}
