//! The table of all blocks of all pages, and how each is tried. A block that has no line here fails, and so does a line without its
//! block.

use super::names::{commands_in, misunderstood};
use super::{Block, pages, root};
use pushbutton::config::Config;
use pushbutton::process::Program;
use pushbutton::stack::parse;
use std::collections::BTreeSet;
use std::time::Duration;

/// How a block is tried.
#[derive(Clone, Copy, Debug)]
enum How {
    /// A whole stack file: it is read.
    Stack,
    /// What stands at the top of a stack file: read with a stage behind it.
    Top,
    /// What stands in a stage: read within one.
    Stage,
    /// One command: read within a stage.
    Command,
    /// The server's file: it is loaded.
    Config,
    /// JSON: it is read.
    Json,
    /// A shell reads it, and each command of ours in it is one that the program takes. It is not run: it would change this machine, or
    /// take an hour.
    Read,
    /// The test in this file looks it up by how it begins, and runs it.
    Run(&'static str),
    /// Lines of ours: they stand so in the file that the first line names.
    Code,
    /// A file of another program that no test can have; why.
    Other(&'static str),
}

use How::{Code, Command, Config as Server, Json, Other, Read, Run, Stack, Stage, Top};

const RUNS: How = Run("tests/docs/runs.rs");
const README: How = Run("tests/readme.rs");

/// Page, how the block begins, how it is tried.
const TABLE: &[(&str, &str, How)] = &[
    ("README.md", "script/demo\n", Read),
    ("README.md", "# config.toml\n", README),
    ("README.md", "# stacks/hello.toml\n", README),
    ("README.md", "pushbutton check\n", README),
    ("docs/adding.md", "// ", Code),
    ("docs/announcements.md", "url = ", Server),
    ("docs/announcements.md", "[[channel]]", Server),
    ("docs/announcements.md", "tell = [", Top),
    ("docs/announcements.md", "import base64", Run("tests/announce/hook.rs")),
    ("docs/api.md", "curl -fsS --unix-socket", RUNS),
    ("docs/api.md", "curl -fsS -c cookies", README),
    ("docs/api.md", "api() {", RUNS),
    ("docs/api.md", "qa() {", RUNS),
    ("docs/api.md", "{\"type\"", Json),
    ("docs/api.md", "{\"n\": 17", Json),
    ("docs/audit.md", "pushbutton audit export ", Run("tests/audit.rs")),
    ("docs/audit.md", "# config.toml\n", Server),
    ("docs/audit.md", "import hashlib", Run("tests/audit.rs")),
    ("docs/chat.md", "url = ", Server),
    ("docs/ci.md", "pushbutton token add ci ", RUNS),
    ("docs/ci.md", "pushbutton token list\n", RUNS),
    ("docs/ci.md", "push=https://push.example.com/api/v1\napi() ", RUNS),
    ("docs/ci.md", "push=https://push.example.com/api/v1\ncurl ", RUNS),
    ("docs/ci.md", "# .github/workflows/deploy.yml\n", Run("tests/ci.rs")),
    ("docs/ci.md", "# .gitlab-ci.yml\n", Run("tests/ci.rs")),
    ("docs/ci.md", "// Jenkinsfile\n", Run("tests/ci.rs")),
    ("docs/ci.md", "// .teamcity/settings.kts\n", Run("tests/ci.rs")),
    ("docs/ci.md", "# config.toml\n", Server),
    ("docs/ci.md", "# Name it by its address.\n", Run("tests/web/artifacts.rs")),
    ("docs/ci.md", "# Send it in parts.\n", Run("tests/web/uploads.rs")),
    ("docs/cli.md", "pushbutton status\n", RUNS),
    ("docs/cli.md", "# ~/.config/pushbutton/client.toml\n", Run("tests/laptop.rs")),
    ("docs/cli.md", "pushbutton completions bash ", Read),
    ("docs/coming-from.md", "title  = \"Shop\"\n", Stack),
    ("docs/coming-from.md", "commands = [\n  { release", Stage),
    ("docs/coming-from.md", "[hosts]\n", Top),
    ("docs/coming-from.md", "commands = [\n  { local = \"/usr/bin/ansible", Stage),
    ("docs/coming-from.md", "set -e\n", Read),
    ("docs/coming-from.md", "title  = \"Web\"\n", Stack),
    ("docs/fan-out.md", "fan_out = \"relay\"", Top),
    ("docs/fan-out.md", "restrict,command=", Other("sshd reads it; tests/relay.rs has a key with the same force")),
    ("docs/hosts.md", "[hosts]\nweb ", Top),
    ("docs/hosts.md", "[hosts]\nprod", Top),
    ("docs/hosts.md", "jump = ", Top),
    ("docs/hosts.md", "pushbutton hosts trust", RUNS),
    ("docs/hosts.md", "pushbutton check --hosts\n", RUNS),
    ("docs/hosts.md", "pushbutton hosts check web\n", RUNS),
    ("docs/hosts.md", "mv /srv/web/current ", Run("tests/whose.rs")),
    ("docs/hosts.md", "cd /srv/web && cat .before\n", Run("tests/whose.rs")),
    ("docs/install.md", "cargo deb --locked\nsudo", Read),
    ("docs/install.md", "cargo deb --locked\ndocker", Read),
    ("docs/install.md", "cargo build", Run("tests/debian.rs")),
    ("docs/install.md", "sudo useradd", Run("tests/debian.rs")),
    ("docs/install.md", "# /etc/pushbutton/config.toml\n", Server),
    ("docs/install.md", "export PUSHBUTTON_CONFIG", Run("tests/debian.rs")),
    ("docs/install.md", "pushbutton check\n", RUNS),
    ("docs/install.md", "sed 's|^ExecStart=", RUNS),
    ("docs/install.md", "sudo systemctl daemon-reload\n", Run("tests/debian.rs")),
    ("docs/install.md", "sudo apt install bubblewrap", Read),
    ("docs/install.md", "url = ", Server),
    ("docs/install.md", "url             = ", Server),
    ("docs/install.md", "# /etc/nginx/conf.d/pushbutton.conf\n", Run("tests/proxies.rs")),
    ("docs/install.md", "# /etc/caddy/Caddyfile\n", Run("tests/proxies.rs")),
    ("docs/install.md", "# /etc/haproxy/haproxy.cfg\n", Run("tests/proxies.rs")),
    ("docs/install.md", "pushbutton user add mary", RUNS),
    ("docs/install.md", "pushbutton user password mary\n", RUNS),
    ("docs/install.md", "pushbutton user list\n", RUNS),
    (
        "docs/install.md",
        "sudo install -m 755 target/release/pushbutton /usr/local/bin/pushbutton.new",
        Run("tests/debian.rs"),
    ),
    ("docs/install.md", "script/demo --hosts 8", Read),
    ("docs/install.md", "script/demo commit", Read),
    ("docs/install.md", "script/test\n", Read),
    ("docs/metrics.md", "url = ", Server),
    ("docs/metrics.md", "# prometheus.yml\n", Run("tests/metrics.rs")),
    ("docs/metrics.md", "cargo nextest run --run-ignored only", Read),
    ("docs/records.md", "[[channel]]", Server),
    ("docs/records.md", "[graphite]", Server),
    ("docs/rights.md", "url = \"https://push.example.com\"\n\n[groups]", Server),
    ("docs/rights.md", "url = \"https://push.example.com\"\n\n[rights]", Server),
    ("docs/operating.md", "pushbutton doctor\n", RUNS),
    ("docs/operating.md", "du -sh ", RUNS),
    ("docs/operating.md", "pushbutton verify\n", RUNS),
    ("docs/operating.md", "pushbutton backup ", RUNS),
    ("docs/operating.md", "cp -a data.damaged/pushes/215 ", RUNS),
    ("docs/operating.md", "mkdir -m 700 data\n", RUNS),
    ("docs/operating.md", "pushbutton take-over ", RUNS),
    ("docs/operating.md", "pushbutton number-above ", RUNS),
    ("docs/operating.md", "# /etc/fail2ban/filter.d/pushbutton.conf\n", Run("tests/signing.rs")),
    (
        "docs/operating.md",
        "# /etc/fail2ban/jail.d/pushbutton.conf\n",
        Other("fail2ban is not here; the filter that it names is tried"),
    ),
    ("docs/performance.md", "", Read),
    ("docs/sign-in.md", "url = \"https://push.example.com\"\n\n[auth]\nmode = \"oidc\"", Server),
    ("docs/sign-in.md", "url = \"https://push.example.com\"\n\n[auth]\nmode = \"proxy\"", Server),
    ("docs/sign-in.md", "# /etc/nginx/conf.d/pushbutton.conf\n", Run("tests/web/proxied.rs")),
    ("docs/sign-in.md", "pushbutton user totp-reset mary\n", Read),
    ("docs/pushing.md", "pushbutton plan web prod\n", RUNS),
    ("docs/pushing.md", "pushbutton push web qa --follow\n", RUNS),
    ("docs/pushing.md", "pushbutton push web qa --sha", RUNS),
    ("docs/pushing.md", "pushbutton compare web ", Read),
    ("docs/pushing.md", "approval = 1\n", Stage),
    ("docs/pushing.md", "pushbutton ask-approval web prod ", RUNS),
    ("docs/pushing.md", "needs = ", Stage),
    ("docs/pushing.md", "sha=51d0c3e", RUNS),
    ("docs/pushing.md", "auto ", Stage),
    ("docs/pushing.md", "pushbutton auto on ", RUNS),
    ("docs/pushing.md", "pushbutton pause 214 ", RUNS),
    ("docs/pushing.md", "pushbutton resume 214\n", RUNS),
    ("docs/pushing.md", "pushbutton confirm 214\n", RUNS),
    ("docs/pushing.md", "pushbutton cancel 214 ", RUNS),
    ("docs/pushing.md", "pushbutton rollback web prod ", RUNS),
    ("docs/pushing.md", "pushbutton catch-up web prod ", RUNS),
    ("docs/pushing.md", "pushbutton hold web/prod ", RUNS),
    ("docs/screen.md", "", Read),
    ("docs/sources.md", "url = ", Server),
    ("docs/sources.md", "(umask 077", Read),
    ("docs/sources.md", "body=", Run("tests/web/hooks.rs")),
    ("docs/sources.md", "source = ", Top),
    ("docs/sources.md", "ssh-keygen ", RUNS),
    ("docs/sources.md", "pushbutton build publish ", RUNS),
    ("docs/sources.md", "pushbutton build withdraw ", RUNS),
    ("docs/stack-file.md", "# stacks/hello.toml\n", Stack),
    ("docs/stack-file.md", "{\"stack\"", Json),
    ("docs/stack-file.md", "commands = ", Stage),
    ("docs/stack-file.md", "{ ", Command),
    ("docs/stack-file.md", "before ", Stage),
    ("docs/stack-file.md", "[[stage]]\n", Top),
    ("docs/stack-file.md", "[vars]\n", Top),
    ("docs/stack-file.md", "[secrets]\n", Top),
    ("docs/stack-file.md", "source = ", Top),
    ("docs/stack-file.md", "tickets = ", Top),
    ("docs/stack-file.md", "graphs = ", Top),
];

/// What is wrong with a stack file, if anything.
fn stack(text: &str) -> Result<(), String> {
    let read = parse("web".parse().unwrap(), "web.toml", text);
    read.map(|_| ()).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// A block in a whole stack file, with what it refers to.
fn completed(top: &str, stage: &str) -> String {
    let source = if top.contains("source = ") {
        ""
    } else {
        "source = { git = \"https://git.example.com/web.git\", branch = \"main\" }\n"
    };
    let secrets = if top.contains("[secrets]") { "" } else { "[secrets]\ntoken = { env = \"TOKEN\" }\n" };
    let lists = "[lists]\nroll-out = [{ release = \"/srv/list\" }]\n";
    let stage = match stage {
        "" if top.contains("[[stage]]") => String::new(),
        stage => format!("[[stage]]\nname = \"qa\"\nhosts = [\"h1\", \"h2\", \"h3\"]\n{stage}\n"),
    };
    format!("{source}{top}\n{secrets}{lists}{stage}")
}

const COMMANDS: &str = "commands = [{ run = \"true\" }]";

async fn wrong(block: &Block, how: How) -> Result<(), String> {
    let text = block.text.as_str();
    match how {
        Stack => stack(text),
        Top if text.contains("[[stage]]") => stack(&completed(text, "")),
        Top => stack(&completed(text, COMMANDS)),
        Stage if text.contains("commands") => stack(&completed("", text)),
        Stage => stack(&completed("", &format!("{COMMANDS}\n{text}"))),
        Command => stack(&completed("", &format!("commands = [\n{text}]"))),
        Server => {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("config.toml");
            // What every configuration has stands in a block of its own.
            let mut top = text.lines().take_while(|line| !line.starts_with('['));
            let url = if top.any(|line| line.starts_with("url")) { "" } else { "url = \"https://push.example.com\"\n" };
            std::fs::write(&file, format!("{url}{text}")).unwrap();
            Config::load(&file).map(|_| ()).map_err(|error| error.to_string())
        }
        Json => serde_json::from_str::<serde_json::Value>(text).map(|_| ()).map_err(|error| error.to_string()),
        Read => {
            let read = Program::new("sh").args(["-nc", text]).output(Duration::from_secs(20)).await.unwrap();
            if !read.status.success() {
                return Err(String::from_utf8_lossy(&read.stderr).into_owned());
            }
            let commands = commands_in(text).await;
            commands.iter().find_map(|words| misunderstood(words)).map_or(Ok(()), Err)
        }
        Run(file) => {
            let test = std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
            let (_, begins, _) = row(block, file).ok_or("no row")?;
            let looked_up = format!("{:?}", begins.trim_end_matches('\n'));
            let looked_up = looked_up.trim_end_matches('"');
            test.contains(looked_up).then_some(()).ok_or_else(|| format!("{file} does not look up {looked_up}"))
        }
        Code => {
            let (file, lines) = text.split_once('\n').ok_or("no lines")?;
            let file = file.trim_start_matches("// ");
            let there = std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
            let is_there = lines.lines().count() > 2 && there.contains(lines);
            is_there.then_some(()).ok_or_else(|| format!("{file} does not have these lines, one after the other"))
        }
        Other(why) => (!why.is_empty()).then_some(()).ok_or_else(|| "say why".to_owned()),
    }
}

/// The row of a block that the test in a file runs.
fn row(block: &Block, file: &str) -> Option<&'static (&'static str, &'static str, How)> {
    TABLE.iter().find(|(_, begins, how)| block.text.starts_with(begins) && matches!(how, Run(by) if *by == file))
}

#[tokio::test]
async fn every_block_of_every_page_is_tried() {
    let mut used = BTreeSet::new();
    for page in pages() {
        for block in page.blocks() {
            let first = block.text.lines().next().unwrap_or_default().to_owned();
            let found = TABLE.iter().position(|(path, begins, _)| *path == page.path && block.text.starts_with(begins));
            let Some(found) = found else {
                panic!(
                    "{}: nothing tries the block that begins {first:?}: add a row to tests/docs/blocks.rs",
                    page.path
                )
            };
            assert!(!block.kind.is_empty(), "{}: say what {first:?} is, behind its fence", page.path);
            used.insert(found);
            if let Err(wrong) = wrong(&block, TABLE[found].2).await {
                panic!("{}: the block that begins {first:?}: {wrong}", page.path);
            }
        }
        let indented: Vec<&str> =
            page.text.lines().filter(|line| line.starts_with("    ") && line.contains("cargo ")).collect();
        assert!(
            indented.is_empty() || page.path == "docs/install.md",
            "{}: put commands between fences: {indented:?}",
            page.path
        );
    }
    for (at, (path, begins, _)) in TABLE.iter().enumerate() {
        assert!(used.contains(&at), "{path} has no block that begins {begins:?}: take its row out");
    }
}
