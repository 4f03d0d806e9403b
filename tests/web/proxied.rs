//! A proxy signs people in, on a listener of its own: whoever it names is in, with the groups that it says; every trick by which somebody
//! else could be named is refused, and on the other listener the header itself is. With nginx as `docs/sign-in.md` shows it.

use super::tokens::token_of;
use super::*;
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio::net::UnixStream;

/// A site behind a proxy, and the socket that the proxy connects to.
struct Behind {
    site: Site,
    socket: PathBuf,
    dir: tempfile::TempDir,
}

impl Behind {
    async fn with(more: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let socket = dir.path().join("proxy.sock");
        let proxy = format!("[proxy]\nlisten = \"{}\"\nuser_header = \"X-Remote-User\"\n{more}", socket.display());
        let site = Site::with("proxy", &proxy).await;
        Self { site, socket, dir }
    }

    /// What the proxy passes on: a request with these lines.
    async fn ask(&self, method: &str, path: &str, lines: &str, body: &str) -> Answer {
        let mut connection = UnixStream::connect(&self.socket).await.unwrap();
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let host = self.site.at;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{lines}{length}\r\n{body}");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        in_time("an answer", connection.read_to_end(&mut bytes)).await.unwrap();
        answer(&bytes)
    }

    async fn get(&self, path: &str, lines: &str) -> Answer {
        self.ask("GET", path, lines, "").await
    }
}

const MARY: &str = "x-remote-user: mary\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_proxy_names_is_in_and_every_request_names_them_anew() {
    let behind = Behind::with("groups_header = \"X-Remote-Groups\"\n").await;
    assert_eq!(std::fs::metadata(&behind.socket).unwrap().permissions().mode() & 0o777, 0o660);
    let page = behind.get("/account", MARY).await;
    assert!(page.status == 200 && page.text().contains("You are signed in as mary."), "{}", page.text());
    assert!(page.all("set-cookie").is_empty(), "there is no session");
    assert_eq!(behind.get("/account", "x-remote-user: bob\r\nx-remote-groups: web, ops\r\n").await.status, 200);
    let nobody = behind.get("/account", "").await;
    assert_eq!((nobody.status, nobody.header("location")), (303, Some("/sign-in?next=/account")));
    let page = behind.get("/sign-in", "").await;
    assert!(page.text().contains("Your proxy signs you in") && !page.text().contains("<form"), "{}", page.text());
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
    assert_eq!(behind.ask("POST", "/sign-in", form, "name=mary").await.status, 403);

    // Whose page sent a form counts here as well: the proxy signs in whatever the browser sends.
    let hold =
        |site: &str| format!("{MARY}content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: {site}\r\n");
    assert_eq!(behind.ask("POST", "/stacks/web/hold", &hold("cross-site"), "reason=x").await.status, 403);
    assert_eq!(behind.ask("POST", "/stacks/web/hold", &hold("same-origin"), "reason=x").await.status, 303);
    let said =
        behind.site.desk.ledger().read(|c| Ok(c.query_row("SELECT who FROM holds", [], |r| r.get::<_, String>(0))?));
    assert_eq!(said.await.unwrap(), "mary");
    behind.site.close().await;
    assert!(!behind.socket.exists(), "the socket goes with the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_the_proxy_names_gives_a_right_to_people_and_their_programs_and_takes_it_away() {
    let more = "groups_header = \"X-Remote-Groups\"\n[rights]\n\"push:web\" = [\"@release\"]\n";
    let behind = Behind::with(more).await;
    let plan = async |groups: &str| {
        let lines = format!("{MARY}x-remote-groups: {groups}\r\n");
        behind.get("/stacks/web/stages/qa/plan", &lines).await.text().to_owned()
    };
    let (_, of_mary) = token_of(&behind.site, "mary", "push:web,see").await;
    let pushed = async || {
        let answer = behind.site.program(&of_mary, "POST", "/api/v1/stacks/web/stages/qa/push", "{}").await;
        (answer.status, answer.code())
    };
    let is =
        |status: u16, code: &'static str| move |said: (u16, String)| (said == (status, code.to_owned())).then_some(());
    let refused = "mary may not push to web/qa: only members of @release may";
    assert_eq!(pushed().await, (401, "token".to_owned()), "whom the proxy never named");
    assert!(plan("web, ops").await.contains(refused));
    // It is written beside the request.
    until("her programs", async || is(403, "no_right")(pushed().await)).await;
    assert!(!plan("web, release").await.contains("may not push"));
    until("her right", async || (pushed().await.0 != 403).then_some(())).await;
    assert!(plan("").await.contains(refused));
    until("no right", async || is(403, "no_right")(pushed().await)).await;
    behind.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trick_to_be_named_by_something_else_than_the_proxy_is_refused() {
    let behind = Behind::with("groups_header = \"X-Remote-Groups\"\n").await;
    for lines in [
        "x-remote-user: mary\r\nx-remote-user: mary\r\n",
        "x-remote-user: mary\r\nX-Remote-User: eve\r\n",
        "x_remote_user: eve\r\n",
        "x-remote-user: mary\r\nx_remote_user: eve\r\n",
        "x-remote-user: mary\r\nX_Remote-User: eve\r\n",
        "x-remote-user: mary\r\nconnection: X-Remote-User\r\n",
        "x-remote-user: mary\r\nconnection: keep-alive, x-remote-user\r\n",
        "x-remote-user: \r\n",
        "x-remote-user: mary, eve\r\n",
        "x-remote-user: ci (token of mary)\r\n",
        "x-remote-user: m\u{e4}ry\r\n",
        "x-remote-user: mary\r\nx-remote-groups: a\r\nx-remote-groups: b\r\n",
        "x-remote-user: mary\r\nx_remote_groups: ops\r\n",
        "x-remote-user: mary\r\nconnection: x-remote-groups\r\n",
    ] {
        let refused = behind.get("/api/v1/stacks", lines).await;
        assert_eq!(refused.status, 400, "{lines:?}: {}", refused.text());
    }
    // A program's token and a person in one request: it is not said whose it is.
    let both = format!("{MARY}authorization: Bearer pb_000000000000_x\r\n");
    assert_eq!(behind.get("/api/v1/stacks", &both).await.status, 400);
    // A name that the command line alone may give lets nobody in here.
    assert_eq!(behind.get("/api/v1/stacks", "x-pushbutton-who: mary\r\n").await.status, 401);

    // The listener for everybody else: the header itself is refused there, and so is any like it.
    for name in ["x-remote-user", "X_REMOTE_USER", "x-remote_user", "x-remote-groups", "x_remote-groups"] {
        let refused = behind.site.ask("GET", "/api/v1/stacks", &[(name, "mary")], "").await;
        assert_eq!(refused.status, 400, "{name}");
    }
    assert_eq!(behind.site.get("", "/api/v1/stacks").await.status, 401);
    behind.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_on_an_address_of_this_machine_is_no_other_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let door = free.local_addr().unwrap();
    drop(free);
    let site = Site::with("proxy", &format!("[proxy]\nlisten = \"{door}\"\nuser_header = \"Remote-Person\"\n")).await;
    let ask = async |at: SocketAddr| {
        let mut connection = TcpStream::connect(at).await.unwrap();
        let request = format!(
            "GET /api/v1/stacks HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nremote-person: mary\r\n\r\n",
            site.at
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        in_time("an answer", connection.read_to_end(&mut bytes)).await.unwrap();
        answer(&bytes).status
    };
    assert_eq!([ask(door).await, ask(site.at).await], [200, 400]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_as_the_page_shows_it_signs_people_in_and_nobody_can_name_themselves() {
    let behind = Behind::with("").await;
    let dir = behind.dir.path();
    let (users, at) = (dir.join("users"), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let front = at.local_addr().unwrap();
    drop(at);
    // mary, correct horse; as `openssl passwd -apr1` writes it.
    let hash = Program::new("openssl").args(["passwd", "-apr1", "correct horse"]).output(Duration::from_secs(30)).await;
    std::fs::write(&users, format!("mary:{}", String::from_utf8(hash.unwrap().stdout).unwrap())).unwrap();
    let mut text = crate::docs::page("docs/sign-in.md").block("# /etc/nginx/conf.d/pushbutton.conf");
    let (socket, users, listen) =
        (behind.socket.display().to_string(), users.display().to_string(), format!("listen {front};"));
    for (old, new) in [
        ("listen 443 ssl http2;", listen.as_str()),
        ("    ssl_certificate     /etc/ssl/push.example.com.pem;\n", ""),
        ("    ssl_certificate_key /etc/ssl/push.example.com.key;\n", ""),
        ("/run/pushbutton/proxy.sock", socket.as_str()),
        ("/etc/nginx/pushbutton-users", users.as_str()),
        ("$host", behind.site.at.to_string().as_str()),
    ] {
        assert!(text.contains(old), "{old} in {text}");
        text = text.replace(old, new);
    }
    let here = dir.display();
    let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {here}/{what};\n"))
        .concat();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temps}\n{text}}}\n"
    );
    let file = dir.join("nginx.conf").display().to_string();
    std::fs::write(&file, config).unwrap();
    let log = dir.join("nginx.log");
    let _nginx = Lifeline::keep_running(&["/usr/sbin/nginx", "-c", &file, "-e", "stderr"], &log).await.unwrap();
    until("nginx answers", async || TcpStream::connect(front).await.ok()).await;

    let curl = async |args: &[&str]| {
        let address = format!("http://{front}/account");
        let said = Program::new("curl").args(["-q", "-sS", "-w", "\n%{http_code}"]).args(args).arg(address);
        let said = said.output(Duration::from_secs(60)).await.unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    };
    assert_eq!(curl(&[]).await.0, "401", "the proxy's own door");
    let mary = ["-u", "mary:correct horse"];
    let (status, page) = curl(&mary).await;
    assert!(status == "200" && page.contains("You are signed in as mary."), "{status} {page}");
    for forged in [
        "X-Remote-User: eve",
        "x-remote-user: eve",
        "Connection: X-Remote-User, close",
        "Connection: close, X-Remote-User",
    ] {
        let (status, page) = curl(&[&mary[..], &["-H", forged]].concat()).await;
        assert!(status == "200" && page.contains("You are signed in as mary."), "{forged}: {status} {page}");
    }
    // nginx leaves out names with underscores; were it told to pass them on, they would be refused.
    let (status, page) = curl(&[&mary[..], &["-H", "X_Remote_User: eve"]].concat()).await;
    assert!(status == "200" && page.contains("You are signed in as mary."), "{status} {page}");
    behind.site.close().await;
}
