//! Builds that are sent piece by piece: a connection that breaks costs what was on its way, a server that is started anew nothing.

use super::artifacts::{published, sha256, tar_of};
use super::tokens::token;
use super::*;
use crate::docs::page;
use crate::docs::runs::{changed, shell};

/// Sends bytes as a program does.
async fn sent(site: &Site, bearer: &str, (method, path): (&str, &str), lines: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {bearer}\r\n{lines}content-length: {}\r\n\r\n",
        site.at,
        bytes.len()
    );
    site.raw(&[head.as_bytes(), bytes].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_broke_off_and_is_published_when_it_is_whole() {
    let site = published("").await;
    let (_, ci) = token(&site, "ci", "publish:api").await;
    let (_, other) = token(&site, "other", "publish:api").await;
    let tar = tar_of(&"hello".repeat(20_000));
    let begin = format!("/api/v1/stacks/api/uploads?sha={}&title=One", "1".repeat(40));
    let begun = sent(&site, &ci, ("POST", &begin), "", b"").await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/stacks/api/uploads/{id}");
    assert_eq!(begun.header("location"), Some(format!("{}{path}", site.origin).as_str()));
    let offset = async || {
        let head = site.ask("HEAD", &path, &[("authorization", &format!("Bearer {ci}"))], "").await;
        assert_eq!(head.status, 200);
        head.header("upload-offset").unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(offset().await, 0);
    let first = sent(&site, &ci, ("PATCH", &path), "upload-offset: 0\r\n", &tar[..30_000]).await;
    assert_eq!((first.status, first.header("upload-offset")), (204, Some("30000")));

    // A connection that breaks in the middle: what came stays.
    let mut connection = TcpStream::connect(site.at).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ci}\r\nupload-offset: 30000\r\ncontent-length: {}\r\n\r\n",
        site.at,
        tar.len() - 30_000
    );
    connection.write_all(&[head.as_bytes(), &tar[30_000..50_000]].concat()).await.unwrap();
    until("it came", async || (offset().await == 50_000).then_some(())).await;
    let busy = sent(&site, &ci, ("PATCH", &path), "upload-offset: 50000\r\n", b"x").await;
    assert!(busy.status == 409 && busy.text().contains("another request is writing"), "{}", busy.text());
    drop(connection);

    for (lines, status, words) in [
        ("", 400, "`Upload-Offset` is missing"),
        ("upload-offset: x\r\n", 400, "`Upload-Offset` is missing"),
        ("upload-offset: 7\r\n", 409, "the upload has 50000 bytes, and the piece begins at 7"),
        ("upload-offset: 50001\r\n", 409, "the upload has 50000 bytes"),
    ] {
        let refused = until("the first one has let go", async || {
            let answer = sent(&site, &ci, ("PATCH", &path), lines, b"x").await;
            (!answer.text().contains("another request")).then_some(answer)
        })
        .await;
        assert!(
            refused.status == status && refused.text().contains(words),
            "{lines}: {} {}",
            refused.status,
            refused.text()
        );
        if status == 409 {
            assert_eq!(refused.header("upload-offset"), Some("50000"));
        }
    }
    for (method, path) in
        [("GET", path.clone()), ("PATCH", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/publish"))]
    {
        let stranger = sent(&site, &other, (method, &path), "upload-offset: 50000\r\n", b"").await;
        assert_eq!(stranger.status, 404, "{method}: only who began it");
    }
    let early = sent(&site, &ci, ("POST", &format!("{path}/publish")), "", b"").await;
    assert!(early.status == 400 && early.code() == "bad_request", "half a tar is none: {}", early.text());

    // A server that is started anew.
    let (file, runner) = (site.home.0.path().join("config.toml"), site.home.runner());
    let Site { home, desk, at, stop, served, _background, .. } = site;
    stop.cancel();
    in_time("the stop", served).await.unwrap().unwrap();
    _background.await.unwrap();
    drop(desk);
    let config = Arc::new(Config::load(&file).unwrap());
    let desk =
        until("the directory is free", async || Desk::open_with(Arc::clone(&config), runner.clone()).await.ok()).await;
    let stop = CancellationToken::new();
    let background = desk.background(stop.clone());
    let server = Server::bind(Arc::clone(&desk), std::net::TcpListener::bind(at).unwrap()).unwrap();
    let viewers = server.viewers();
    let served = tokio::spawn(server.run_until(stop.clone()));
    let streams = Box::new(move || viewers.count());
    let site = Site { home, desk, at, origin: format!("http://{at}"), streams, stop, served, _background: background };
    let rest = sent(&site, &ci, ("PATCH", &path), "upload-offset: 50000\r\n", &tar[50_000..]).await;
    assert_eq!((rest.status, rest.header("upload-offset")), (204, Some(tar.len().to_string().as_str())));
    let json = "content-type: application/json\r\n";
    let wrong = format!("{{\"sha256\": \"{}\"}}", "0".repeat(64));
    let refused = sent(&site, &ci, ("POST", &format!("{path}/publish")), json, wrong.as_bytes()).await;
    assert!(refused.status == 400 && refused.text().contains("has the SHA-256"), "{}", refused.text());
    let right = format!("{{\"sha256\": \"{}\"}}", sha256(&tar));
    let made = sent(&site, &ci, ("POST", &format!("{path}/publish")), json, right.as_bytes()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!((&made.json()["build"]["title"], &made.json()["new"]), (&"One".into(), &true.into()));
    assert_eq!(sent(&site, &ci, ("GET", &path), "", b"").await.status, 404, "it is gone");
    assert_eq!(std::fs::read_dir(site.home.0.path().join("data/uploads")).unwrap().count(), 0);

    // As the page shows it: in parts of 100,000 bytes.
    let dir = site.home.0.path();
    std::fs::write(dir.join("build.tar"), tar_of(&"second".repeat(40_000))).unwrap();
    std::fs::write(dir.join("ci.token"), &ci).unwrap();
    let repository = format!("git -C {} rev-parse", site.home.repository().display());
    let changes = [
        ("https://push.example.com", site.origin.as_str()),
        ("git rev-parse", &repository),
        ("/stacks/web/", "/stacks/api/"),
    ];
    let block = page("docs/ci.md").block("# Send it in parts.\n");
    let said = shell(dir, &changed(&block, &changes), "").await;
    assert!(said.contains("\"new\":true"), "{said}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_has_so_many_uploads_at_most_and_none_for_a_stack_that_makes_its_own_builds() {
    let site = published("").await;
    let (_, ci) = token(&site, "ci", "publish").await;
    let begin = |stack: &str| format!("/api/v1/stacks/{stack}/uploads?sha={}", "1".repeat(40));
    let mut paths = Vec::new();
    for _ in 0..8 {
        let begun = sent(&site, &ci, ("POST", &begin("api")), "", b"").await;
        assert_eq!(begun.status, 201, "{}", begun.text());
        paths.push(format!("/api/v1/stacks/api/uploads/{}", begun.json()["id"].as_str().unwrap()));
    }
    let many = sent(&site, &ci, ("POST", &begin("api")), "", b"").await;
    assert!(many.status == 409 && many.text().contains("too many uploads"), "{}", many.text());
    assert_eq!(sent(&site, &ci, ("DELETE", &paths[0]), "", b"").await.status, 204);
    assert_eq!(sent(&site, &ci, ("POST", &begin("api")), "", b"").await.status, 201);
    assert_eq!(sent(&site, &ci, ("POST", &begin("web")), "", b"").await.status, 400);
    assert_eq!(sent(&site, &ci, ("POST", "/api/v1/stacks/api/uploads"), "", b"").await.status, 400);
    site.close().await;
}
