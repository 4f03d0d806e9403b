//! A push that watches a value of a real Prometheus: good, worse, no data; as a command and between batches; and graphs beside it.

use crate::house::prometheus::{Prometheus, at};
use crate::house::{House, Plans, until};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An application whose error rate is what the test says; none when there is no such metric.
#[derive(Clone, Default)]
struct Application(Arc<Mutex<Option<f64>>>);

impl Application {
    fn has(&self, errors: Option<f64>) {
        *self.0.lock().unwrap() = errors;
    }

    /// Answers each scrape; a picture to whoever asks for one.
    async fn serve(self, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let (kind, body) = match String::from_utf8_lossy(&request[..read]).contains("GET /drawn.png") {
                true => ("image/png", b"\x89PNG\r\n\x1a\n of pixels".to_vec()),
                false => {
                    let errors = self.0.lock().unwrap().map(|errors| format!("web_errors {errors}\n"));
                    ("text/plain", format!("up_and_well 1\n{}", errors.unwrap_or_default()).into_bytes())
                }
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
        }
    }
}

/// A house whose stack is these commands, and a Prometheus that knows what its application does.
async fn house(commands: &str, stage: &str) -> (House, Prometheus, Application) {
    let listener = TcpListener::bind(at(9100)).await.unwrap();
    let application = Application::default();
    application.has(Some(10.0));
    tokio::spawn(application.clone().serve(listener));
    let commands = commands.replace("PROMETHEUS", &format!("http://{}", at(9090)));
    let house =
        House::build(Plans { qa: &["web1", "web2", "web3"], commands: &commands, stage, ..Plans::default() }).await;
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: web, static_configs: [{{ targets: [\"{}\"] }}] }}]\n",
        at(9100)
    );
    let prometheus = Prometheus::start(house.dir.path(), &config).await;
    prometheus.until("count_over_time(web_errors[1m]) > bool 4", 1.0).await;
    (house, prometheus, application)
}

/// The values that a push has read so far.
async fn measured(house: &House, id: i64) -> Vec<Value> {
    house.push(id).await["measurements"].as_array().unwrap().clone()
}

/// Waits until a push has read a value.
async fn reads(house: &House, id: i64) {
    until("a value that was read", async || {
        measured(house, id).await.iter().any(|row| row["before"] == false).then_some(())
    })
    .await;
}

fn current(house: &House, host: &str) -> bool {
    Path::new(&house.fleet.host(host).unwrap().srv_dir()).join("web/current").exists()
}

#[tokio::test]
async fn what_a_push_does_to_a_value_of_prometheus_ends_it_rolls_it_back_or_is_asked_about() {
    let commands = r#"
      { release = "/srv/web" },
      { activate = "/srv/web" },
      { watch = "PROMETHEUS", query = "sum(web_errors)", max = 1.3, of = "before", for = "10s", every = "2s", timeout = "1m" },
    "#;
    let (house, prometheus, application) = house(commands, "on_failure = \"rollback\"").await;

    // The value stays as it was.
    let good = house.push_well("qa").await;
    let id = good["push"]["id"].as_i64().unwrap();
    let rows = measured(&house, id).await;
    assert_eq!((&rows[0]["before"], &rows[0]["value"], &rows[0]["max"]), (&json!(true), &json!(10.0), &json!(13.0)));
    assert_eq!(rows.len(), 6, "five readings after the one before: {rows:#?}");
    assert!(house.log(id).await.contains("measured: 10, at most 13"), "{}", house.log(id).await);
    for page in [format!("/pushes/{id}"), format!("/pushes/{id}/graphs")] {
        let page = house.get(&page).await.text;
        assert!(page.contains("10, at most 13") && page.contains("<polyline"), "{page}");
    }
    assert_eq!(house.folded(id).ended.map(|ended| ended.word()), Some("succeeded"));

    // It doubles: what was live comes back.
    house.commit().await;
    let id = house.press("qa").await;
    reads(&house, id).await;
    application.has(Some(20.0));
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "rolled back", "{ended:#}");
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("sum(web_errors) is 20, and at most 13 is allowed"), "{why}");

    // Nobody has data: a person is asked, and says that all is well.
    application.has(None);
    prometheus.until("absent(web_errors)", 1.0).await;
    let id = house.press("qa").await;
    let question =
        until("a question", async || house.push(id).await["questions"].as_array().unwrap().first().cloned()).await;
    let words = question["question"].as_str().unwrap();
    assert!(words.contains("sum(web_errors) well?") && words.contains("0 of 5 readings"), "{words}");
    let body = json!({ "answer": "yes", "question": 1 });
    assert_eq!(house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &body).await.status, 202);
    assert_eq!(house.ended(id).await["push"]["state"], "succeeded");

    // A cancel does not wait for the end of a watch.
    application.has(Some(10.0));
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("for = \"10s\"", "for = \"900s\"");
    std::fs::write(&file, text).unwrap();
    house.commit().await;
    until("the button knows of the longer watch", async || {
        let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await.text;
        plan.contains("before the push for 15 m").then_some(())
    })
    .await;
    let id = house.press("qa").await;
    reads(&house, id).await;
    house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    assert_eq!(house.ended(id).await["push"]["state"], "cancelled");
}

#[tokio::test]
async fn batches_grow_only_while_the_value_is_good_and_graphs_stand_beside_the_push() {
    let commands = r#"
      { release = "/srv/web" },
      { roll = [{ activate = "/srv/web" }], chunk = [1, 2], watch = { url = "PROMETHEUS", query = "web_errors{job=\"web\"}", max = 15, for = "10s", every = "1s" } },
    "#;
    let (house, _prometheus, application) = house(commands, "").await;
    let file = house.dir.path().join("stacks/web.toml");
    let graphs = format!(
        "graphs = [{{ title = \"Errors of {{stack}} <b>\", prometheus = \"http://{0}\", query = \"sum(web_errors)\" }},\n\
         {{ title = \"Drawn\", image = \"http://{1}/drawn.png\" }}, {{ title = \"Gone\", graphite = \"http://{2}\", query = \"web.errors\" }}]\n",
        at(9090),
        at(9100),
        at(1)
    );
    std::fs::write(&file, format!("{graphs}{}", std::fs::read_to_string(&file).unwrap())).unwrap();
    until("the page knows of the graphs", async || {
        house.get("/stacks/web").await.text.contains("/stacks/web/graphs").then_some(())
    })
    .await;

    let id = house.press("qa").await;
    reads(&house, id).await;
    application.has(Some(16.0));
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(
        why.contains("stopped before its next batch: web_errors{job=\"web\"} is 16, and at most 15 is allowed"),
        "{why}"
    );
    let has: Vec<bool> = ["web1", "web2", "web3"].iter().map(|host| current(&house, host)).collect();
    assert_eq!(has, [true, false, false], "the rest was left as it was");

    application.has(Some(3.0));
    house.commit().await;
    house.push_well("qa").await;
    for address in ["/stacks/web/graphs".to_owned(), format!("/pushes/{id}/graphs")] {
        let page = until("the graph of the push", async || {
            let page = house.get(&address).await.text;
            (page.contains("<polyline") && page.contains(&format!("push {id}</text>"))).then_some(page)
        })
        .await;
        assert!(page.contains("Errors of {stack} &lt;b&gt;"), "{page}");
        assert!(page.contains("cannot reach") && !page.contains("src=\"http"), "{page}");
    }
    assert_eq!(house.get("/stacks/web/graphs/2/image").await.status, 200);
    assert_eq!(house.get("/stacks/web/graphs/1/image").await.status, 404);
}
