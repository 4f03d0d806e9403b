//! A real provider of accounts (`script/oidc/provider.mjs`), and a browser that goes between it and the site as people do.

use super::*;
use pushbutton::demo::lifeline::Lifeline;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// What the site is known by at the provider, and nobody else may know.
pub(super) const SECRET: &str = "a-secret-of-a-client-4711";
/// Where `script/bootstrap` puts the provider.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/oidc");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/script/oidc/provider.mjs");
/// More than any sign-in takes.
const MOST_STEPS: usize = 10;

/// A provider that runs.
pub(super) struct Provider {
    pub at: SocketAddr,
    _lifeline: Lifeline,
}

/// A site whose people sign in at a provider.
pub(super) struct Company {
    pub site: Site,
    pub provider: Provider,
}

impl Company {
    /// With more lines of `[oidc]`.
    pub async fn with(more: &str) -> Self {
        let tools = Path::new(TOOLS);
        assert!(
            tools.join("node_modules/oidc-provider").exists(),
            "`script/bootstrap test` brings oidc-provider, with npm"
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let home = tempfile::tempdir().unwrap();
        let secret = home.path().join("client-secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let oidc = format!(
            "[oidc]\nissuer = \"http://{at}\"\nclient_id = \"pushbutton\"\nclient_secret_file = \"{}\"\n{more}",
            secret.display()
        );
        let site = Site::with("oidc", &oidc).await;
        let (port, log) = (at.port().to_string(), site.home.0.path().join("provider.log"));
        let argv = ["/usr/bin/env", "node", PROGRAM, TOOLS, &port, SECRET, &site.origin];
        let lifeline = Lifeline::keep_running(&argv, &log).await.unwrap();
        let provider = Provider { at, _lifeline: lifeline };
        until("the provider answers", async || TcpStream::connect(at).await.ok()).await;
        Self { site, provider }
    }

    /// Signs somebody in, in a browser of their own.
    pub async fn browser_of(&self, person: &str) -> Browser {
        self.provider.tell(json!({ "present": person })).await;
        let mut browser = Browser::default();
        let answer = browser.walk(&self.site, "/sign-in/oidc").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser
    }

    /// The one row of a session, in words: who, groups.
    pub async fn sessions(&self) -> Vec<String> {
        let rows = self.site.desk.ledger().read(|connection| {
            let mut ask =
                connection.prepare("SELECT who || ' ' || replace(groups, char(10), ',') FROM sessions ORDER BY 1")?;
            Ok(ask.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
        });
        rows.await.unwrap()
    }

    /// Lets all sessions be confirmed so long ago.
    pub async fn put_back(&self, ms: i64) {
        let then = At::from_millis(At::now().millis() - ms).to_string();
        let change = "UPDATE sessions SET checked_at = ?1";
        self.site.desk.ledger().write(move |tx| Ok(tx.execute(change, [then])?)).await.unwrap();
    }

    /// Lets a person be confirmed so many days ago.
    pub async fn confirmed_days_ago(&self, who: &'static str, days: i64) {
        let then = At::from_millis(At::now().millis() - days * 86_400_000).to_string();
        let change = "UPDATE accounts SET confirmed_at = ?2 WHERE who = ?1";
        let changed = self.site.desk.ledger().write(move |tx| Ok(tx.execute(change, (who, then))?)).await.unwrap();
        assert_eq!(changed, 1);
    }

    /// What the audit says of signing in and out.
    pub async fn audit(&self) -> Vec<String> {
        let rows = self.site.desk.ledger().read(|connection| {
            let ask = "SELECT who || ': ' || what || ', ' || detail FROM audit WHERE what IN ('sign in', 'sign out') ORDER BY id";
            let mut ask = connection.prepare(ask)?;
            Ok(ask.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
        });
        rows.await.unwrap()
    }
}

impl Provider {
    /// Tells it who there is, who sits at the browser, whether it is down; how often it was asked for tokens, and for what.
    pub async fn tell(&self, what: Value) -> Value {
        let body = what.to_string();
        let head =
            format!("POST /test HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}", self.at, body.len());
        send(self.at, &format!("{head}\r\n\r\n{body}")).await.json()
    }

    /// Makes somebody known.
    pub async fn knows(&self, number: &str, name: &str, groups: &[&str]) {
        let claims = json!({ "preferred_username": name, "groups": groups });
        self.tell(json!({ "person": number, "claims": claims })).await;
    }
}

async fn send(at: SocketAddr, request: &str) -> Answer {
    let mut connection = TcpStream::connect(at).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    in_time("an answer", connection.read_to_end(&mut bytes)).await.unwrap();
    answer(&bytes)
}

/// A browser: it keeps cookies and goes where it is led.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// All its cookies.
    pub fn jar(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Goes to an address, and no further.
    pub async fn step(&mut self, address: &str) -> Answer {
        let rest = address.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let head = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: {}\r\n", self.jar());
        let answer = send(host.parse().unwrap(), &format!("{head}accept: text/html\r\n\r\n")).await;
        for cookie in answer.all("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value.is_empty() {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Goes from a page of the site on to where it is led in the end.
    pub async fn walk(&mut self, site: &Site, path: &str) -> Answer {
        let stop = |_: &str| false;
        self.walk_until(&format!("{}{path}", site.origin), stop).await.unwrap()
    }

    /// The same, or stops before an address; that address then.
    pub async fn walk_until(&mut self, from: &str, stop: impl Fn(&str) -> bool) -> Result<Answer, String> {
        let mut address = from.to_owned();
        for _ in 0..MOST_STEPS {
            if stop(&address) {
                return Err(address);
            }
            let answer = self.step(&address).await;
            let Some(next) = answer.header("location") else { return Ok(answer) };
            address = match next.starts_with('/') {
                true => format!("{}{next}", address.split('/').take(3).collect::<Vec<_>>().join("/")),
                false => next.to_owned(),
            };
        }
        panic!("no end at {address}");
    }
}
