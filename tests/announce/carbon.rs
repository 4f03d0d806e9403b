//! Points of pushes in a real carbon: what is in its files is what Graphite draws.

use super::several::config_of;
use super::*;
use crate::house::{own_address, until};
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::path::Path;

/// A carbon that keeps a point an hour, on an address of this process's own.
async fn carbon(dir: &Path, ip: &str) -> Lifeline {
    std::fs::create_dir_all(dir.join("log")).unwrap();
    let at = dir.display();
    let interfaces = format!(
        "LINE_RECEIVER_INTERFACE = {ip}\nLINE_RECEIVER_PORT = 2003\nPICKLE_RECEIVER_INTERFACE = {ip}\nPICKLE_RECEIVER_PORT = 2004\n\
         CACHE_QUERY_INTERFACE = {ip}\nCACHE_QUERY_PORT = 7002\n"
    );
    let config = format!(
        "[cache]\nSTORAGE_DIR = {at}\nCONF_DIR = {at}\nLOG_DIR = {at}/log\nPID_DIR = {at}\nLOCAL_DATA_DIR = {at}/whisper\n\
         WHITELISTS_DIR = {at}/lists\nENABLE_LOGROTATION = False\nENABLE_TAGS = False\nUSER =\nMAX_CREATES_PER_MINUTE = inf\n{interfaces}"
    );
    std::fs::write(dir.join("carbon.conf"), config).unwrap();
    std::fs::write(dir.join("storage-schemas.conf"), "[all]\npattern = .*\nretentions = 1h:1y\n").unwrap();
    let config = format!("--config={at}/carbon.conf");
    let argv = ["/usr/bin/carbon-cache", &config, "--nodaemon", "--debug", "start"];
    Lifeline::keep_running(&argv, &dir.join("carbon.log")).await.unwrap()
}

/// The values of a metric that carbon has in its file.
async fn values(dir: &Path, metric: &str) -> Vec<f64> {
    let file = dir.join("whisper").join(metric.replace('.', "/")).with_extension("wsp");
    let asked = Program::new("whisper-fetch").args(["--drop=nulls"]).arg(&file);
    let said = asked.output(Duration::from_secs(20)).await.unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
}

#[tokio::test]
async fn graphite_gets_a_point_at_the_start_and_at_the_end_of_a_push_also_when_carbon_was_down() {
    let office = Office::open();
    let address = own_address();
    let ip = address.rsplit_once(':').unwrap().0;
    let channel =
        format!("[[channel]]\nname = \"carbon\"\nkind = \"graphite\"\nserver = \"{ip}\"\nprefix = \"ours.pushes\"\n");
    let delivery = Delivery::with(&office, config_of(&channel));
    office.write(started(1), &["carbon"]).await;
    let row = office.row(1, "started", "carbon", |row| row.problem.is_some()).await;
    assert!(row.problem.unwrap().contains(&format!("cannot send to {ip}:2003")), "nobody is there yet");
    assert!(delivery.broken("carbon").is_some());

    let dir = office.dir.path().join("carbon");
    let _carbon = carbon(&dir, ip).await;
    office.told(1, "started", "carbon").await;
    office.write(announcement(1, Moment::Ended, "rolled back"), &["carbon"]).await;
    let told = office.told(1, "ended", "carbon").await.told.unwrap();
    assert_eq!(told, "ours.pushes.web.prod.rolled_back");
    for metric in ["ours.pushes.web.prod.started", "ours.pushes.web.prod.rolled_back"] {
        let found = until(metric, async || Some(values(&dir, metric).await).filter(|values| !values.is_empty())).await;
        assert_eq!(found, [1.0], "{metric}");
    }
    let took =
        until("how long it took", async || values(&dir, "ours.pushes.web.prod.duration_ms").await.first().copied())
            .await;
    assert!(took >= 0.0);
}
