//! `/metrics`: a real Prometheus scrapes a real server and knows what the ledger knows; the page has every metric; nobody is let in who
//! should not be, and who hangs harms nobody.

mod page;
mod past;

use crate::docs::page;
use crate::house::prometheus::{Prometheus, at};
use crate::house::{House, Plans, client_of, get};
use pushbutton::process::Program;
use pushbutton::time::At;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Fails on the hosts that a file says.
const COMMANDS: &str = r#"
  { release = "/srv/web" },
  { run = "if [ -e /tmp/broken ]; then echo broken >&2; exit 7; fi" },
  { activate = "/srv/web" },
"#;

/// A Prometheus that scrapes as the page says.
async fn as_the_page_says(dir: &Path, target: &str) -> Prometheus {
    let sample = page("docs/metrics.md").block("# prometheus.yml\n");
    let config = sample
        .replace("127.0.0.1:9091", target)
        .replace("scrape_configs:", "global: { scrape_interval: 1s }\nscrape_configs:");
    assert!(config.contains(target) && config.contains("1s"), "{config}");
    Prometheus::start(dir, &config).await
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
    let prometheus = as_the_page_says(house.dir.path(), &metrics).await;
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
    the_dashboard_asks_for_what_is_there(&prometheus).await;
}

/// Every question of the dashboard is one that Prometheus takes, and names only metrics that there are.
async fn the_dashboard_asks_for_what_is_there(prometheus: &Prometheus) {
    let dashboard: Value = serde_json::from_str(&page("docs/grafana/pushbutton.json").text).unwrap();
    let of_panels =
        dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<&str> = of_panels
        .chain(dashboard["annotations"]["list"].as_array().unwrap())
        .map(|of| of["expr"].as_str().unwrap())
        .collect();
    assert!(expressions.len() > 15, "{expressions:?}");
    let names = page("docs/metrics.md").table("<!-- metrics -->");
    for expression in expressions {
        prometheus.ask(&expression.replace("$stack", ".*").replace("$stage", ".*")).await;
        for named in expression
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("pushbutton_"))
        {
            let name =
                ["_bucket", "_sum", "_count"].iter().fold(named, |name, end| name.strip_suffix(end).unwrap_or(name));
            assert!(names.iter().any(|row| row[0].trim_matches('`') == name), "{name} is no metric");
        }
    }
}

#[tokio::test]
async fn the_alert_rules_are_taken_by_prometheus_and_name_metrics_that_there_are() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/grafana/alerts.yml");
    let said = Program::new("promtool").args(["check", "rules", "--lint-fatal", rules.to_str().unwrap()]);
    let said = said.output(Duration::from_secs(20)).await.unwrap();
    let words = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.status.success() && words.contains("SUCCESS: 8 rules found"), "{words}");
    let (text, names) = (page("docs/grafana/alerts.yml").text, page("docs/metrics.md").table("<!-- metrics -->"));
    for named in
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("pushbutton_"))
    {
        let name = ["_sum", "_count"].iter().fold(named, |name, end| name.strip_suffix(end).unwrap_or(name));
        assert!(names.iter().any(|row| row[0].trim_matches('`') == name), "{name} is no metric");
    }
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
