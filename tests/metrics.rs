//! `/metrics`: a real Prometheus scrapes a real server and knows what the ledger knows; the page has every metric; nobody is let in who
//! should not be, and who hangs harms nobody.

mod page;
mod past;

use crate::docs::page;
use crate::house::{House, Plans, client_of, get, own_address, until};
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use pushbutton::time::At;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Fails on the hosts that a file says.
const COMMANDS: &str = r#"
  { release = "/srv/web" },
  { run = "if [ -e /tmp/broken ]; then echo broken >&2; exit 7; fi" },
  { activate = "/srv/web" },
"#;

/// This process's own address with another port.
fn at(port: u16) -> String {
    own_address().replace(":8090", &format!(":{port}"))
}

/// A Prometheus that scrapes as the page says.
struct Prometheus {
    url: String,
    _lifeline: Lifeline,
}

impl Prometheus {
    async fn start(dir: &Path, target: &str) -> Self {
        let sample = page("docs/metrics.md").block("# prometheus.yml\n");
        let config = sample
            .replace("127.0.0.1:9091", target)
            .replace("scrape_configs:", "global: { scrape_interval: 1s }\nscrape_configs:");
        assert!(config.contains(target) && config.contains("1s"), "{config}");
        let (file, store, listen) = (dir.join("prometheus.yml"), dir.join("store"), at(9090));
        std::fs::write(&file, config).unwrap();
        let argv = [
            "/usr/bin/prometheus",
            &format!("--config.file={}", file.display()),
            &format!("--storage.tsdb.path={}", store.display()),
            &format!("--web.listen-address={listen}"),
        ];
        let lifeline = Lifeline::keep_running(&argv, &dir.join("prometheus.log")).await.unwrap();
        let url = format!("http://{listen}");
        until("Prometheus is ready", async || {
            (get(&client_of(&url), "/-/ready").await.ok()?.status == 200).then_some(())
        })
        .await;
        Self { url, _lifeline: lifeline }
    }

    /// What an expression gives now: each sample's labels, and its value.
    async fn ask(&self, expression: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let query: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = get(&client_of(&self.url), &format!("/api/v1/query?query={query}")).await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer:#}");
        let sample = |sample: &Value| {
            let labels = serde_json::from_value(sample["metric"].clone()).unwrap();
            (labels, sample["value"][1].as_str().unwrap().parse().unwrap())
        };
        answer["data"]["result"].as_array().unwrap().iter().map(sample).collect()
    }

    /// Waits until an expression has a value.
    async fn until(&self, expression: &str, value: f64) {
        until(&format!("{expression} is {value}"), async || {
            let found = self.ask(expression).await;
            found.first().filter(|(_, found)| (found - value).abs() < 1e-6).map(drop)
        })
        .await;
    }
}

#[tokio::test]
async fn prometheus_knows_of_pushes_what_the_ledger_knows() {
    let (metrics, nobody) = (at(9091), at(6667));
    let (address, port) = nobody.rsplit_once(':').unwrap();
    let config = format!(
        "[metrics]\nlisten = \"{metrics}\"\n\
         [irc]\nserver = \"{address}\"\nport = {port}\ntls = false\nchannel = \"#push\"\n"
    );
    let plans = Plans { qa: &["qa1", "qa2"], princess: &["princess1"], commands: COMMANDS, config, ..Plans::default() };
    let mut house = House::build(plans).await;
    let prometheus = Prometheus::start(house.dir.path(), &metrics).await;
    prometheus.until("up", 1.0).await;
    prometheus.until(r#"pushbutton_pushes_total{stage="qa",result="failed"}"#, 0.0).await;

    house.push_well("qa").await;
    house.push_well("princess").await;
    std::fs::write(house.fleet.host("qa2").unwrap().tmp_dir().join("broken"), "").unwrap();
    house.commit().await;
    let failed = house.press("qa").await;
    assert_eq!(house.ended(failed).await["push"]["state"], "failed");

    // The ledger, by way of the API.
    let pushes: Value = serde_json::from_str(&house.get("/api/v1/pushes").await.text).unwrap();
    let pushes = pushes["pushes"].as_array().unwrap();
    assert_eq!(pushes.len(), 3);
    let seconds: f64 = pushes.iter().map(|push| push["duration_ms"].as_f64().unwrap() / 1000.0).sum();
    for (stage, result, count) in
        [("qa", "succeeded", 1.0), ("qa", "failed", 1.0), ("princess", "succeeded", 1.0), ("princess", "failed", 0.0)]
    {
        let ended = |push: &&Value| push["stage"] == stage && push["state"] == result;
        assert_eq!(pushes.iter().filter(ended).count() as f64, count, "{stage} {result}");
        prometheus
            .until(&format!("pushbutton_pushes_total{{stack=\"web\",stage=\"{stage}\",result=\"{result}\"}}"), count)
            .await;
    }
    prometheus.until("sum(pushbutton_push_duration_seconds_count)", 3.0).await;
    prometheus.until("sum(pushbutton_push_duration_seconds_sum)", seconds).await;
    prometheus.until(r#"pushbutton_host_failures_total{stack="web",stage="qa",result="failed"}"#, 1.0).await;
    prometheus.until("sum(pushbutton_host_failures_total)", 1.0).await;
    prometheus.until(r#"pushbutton_warm_hosts{state="ready"}"#, 3.0).await;
    prometheus.until(r#"pushbutton_journal_lag_bytes{stack="web"}"#, 0.0).await;
    // Nobody listens where IRC should be: a beginning and an end of each push wait, the first one since the first push began.
    prometheus.until(r#"pushbutton_outbox_waiting{channel="irc"}"#, 6.0).await;
    let first: At = pushes.last().unwrap()["started_at"].as_str().unwrap().parse().unwrap();
    let lag = prometheus.ask(r#"pushbutton_outbox_lag_seconds{channel="irc"}"#).await[0].1;
    let most = At::now().millis_since(first) as f64 / 1000.0;
    assert!(lag > seconds && lag <= most, "{lag} s of {most} s");
    let written = prometheus.ask("pushbutton_ledger_write_seconds_count").await[0].1;
    assert!(written > 10.0, "{written}");
    let watching = house.events(&format!("/api/v1/pushes/{failed}/events"), 0).await;
    let events = house.events("/api/v1/events", 0).await;
    prometheus.until("pushbutton_viewers", 1.0).await;
    drop((watching, events));
    prometheus.until("pushbutton_viewers", 0.0).await;

    for row in page("docs/metrics.md").table("## What to watch\n") {
        prometheus.ask(row[1].trim_matches('`')).await;
    }

    // The whole history is there again after a restart; what is counted as it happens begins with the server.
    house.kill_server().await;
    house.start().await;
    prometheus.until("resets(pushbutton_ledger_write_seconds_count[1h])", 1.0).await;
    prometheus.until(r#"sum(pushbutton_pushes_total)"#, 3.0).await;
    prometheus.until("sum(resets(pushbutton_pushes_total[1h]))", 0.0).await;
    prometheus.until("sum(pushbutton_host_failures_total)", 0.0).await;

    lint(&get(&client_of(&format!("http://{metrics}")), "/metrics").await.unwrap().text, house.dir.path()).await;
}

/// Has Prometheus's own tool look at names, types and help.
async fn lint(text: &str, dir: &Path) {
    let file = dir.join("metrics.txt");
    std::fs::write(&file, text).unwrap();
    let said = Program::new("sh").args(["-c", "promtool check metrics < \"$0\"", file.to_str().unwrap()]);
    let said = said.output(Duration::from_secs(20)).await.unwrap();
    let words = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.status.success() && words.is_empty(), "{words}\n{text}");
}
