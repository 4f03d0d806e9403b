//! Builds that the server fetches itself: only what the server's file allows, only what has the hash, and only so much.

use super::tokens::token;
use super::*;
use crate::docs::page;
use crate::docs::runs::{changed, shell};
use pushbutton::journal::write::hex;
use sha2::{Digest, Sha256};

/// A stack whose builds are published.
pub const STACK: &str = "source = { published = true }\n[hosts]\nqa = [\"qa1.example.com\"]\n[[stage]]\nname = \"qa\"\nhosts = \"qa\"\n\
                         commands = [{ release = \"/srv/api\" }]\n";

/// A site with a stack `api` whose builds are published, and what is said in the server's file besides.
pub(super) async fn published(more: &str) -> Site {
    let site = Site::with("open", more).await;
    std::fs::write(site.home.0.path().join("stacks/api.toml"), STACK).unwrap();
    let mary = site.mary().await;
    until("the stack is known", async || (site.get(&mary, "/api/v1/stacks/api").await.status == 200).then_some(()))
        .await;
    site
}

/// A tar with one file.
pub fn tar_of(text: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(text.len() as u64);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, "index.html", text.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A server of artifacts that answers each address in its own way, and counts who asked.
async fn artifacts(tar: Vec<u8>) -> (u16, tokio::sync::watch::Receiver<usize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, count) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            asked.send_modify(|count| *count += 1);
            let tar = tar.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(connection.read_u8().await.unwrap());
                }
                let request = String::from_utf8(request).unwrap();
                assert!(request.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{request}");
                let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", tar.len());
                let (head, body) = match request.split(' ').nth(1).unwrap() {
                    "/web.tar?x=1" => (whole, tar),
                    "/there" => (redirect("/web.tar?x=1"), Vec::new()),
                    "/around" => (redirect("/around"), Vec::new()),
                    "/out" => (redirect("http://127.0.0.2/web.tar"), Vec::new()),
                    "/metadata" => (redirect("http://169.254.169.254/latest"), Vec::new()),
                    "/cut" => (whole, tar[..100].to_vec()),
                    "/long" => (format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40), Vec::new()),
                    "/endless" => ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), vec![0; 3 << 20]),
                    "/packed" => (whole.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n"), tar),
                    _ => ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(), Vec::new()),
                };
                // Who has read enough hangs up.
                let _ = connection.write_all(head.as_bytes()).await;
                let _ = connection.write_all(&body).await;
                let _ = connection.shutdown().await;
            });
        }
    });
    (port, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_fetched_from_an_allowed_server_and_believed_by_its_hash_alone() {
    let tar = tar_of("hello");
    let hash = sha256(&tar);
    let (port, asked) = artifacts(tar).await;
    let file = format!(
        "[artifacts]\nhosts = [\"127.0.0.1:{port}\", \"localhost:{port}\", \"127.0.0.1:1\"]\nnetworks = [\"127.0.0.1/32\"]\n"
    );
    let site = Site::at("127.0.0.1", "open", &file, "upload_mib = 1\n").await;
    std::fs::write(site.home.0.path().join("stacks/api.toml"), STACK).unwrap();
    let mary = site.mary().await;
    until("the stack is known", async || (site.get(&mary, "/api/v1/stacks/api").await.status == 200).then_some(()))
        .await;
    let (_, text) = token(&site, "ci", "publish:api").await;
    let bearer = format!("Bearer {text}");
    let lines = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let sha = "1".repeat(40);
    let publish = async |url: &str, hash: &str| {
        let body =
            format!("{{\"artifact_url\": \"{url}\", \"sha256\": \"{hash}\", \"sha\": \"{sha}\", \"title\": \"One\"}}");
        site.ask("POST", "/api/v1/stacks/api/builds", &lines, &body).await
    };
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    for (url, hash, status, words) in [
        ("https://evil.example/web.tar".to_owned(), hash.clone(), 400, "may not be fetched from evil.example"),
        (format!("http://localhost:{port}/web.tar"), hash.clone(), 400, "must be https"),
        (at("/web.tar?x=1"), "00".to_owned(), 400, "64 hexadecimal digits"),
        (at("/out"), hash.clone(), 400, "may not be fetched from 127.0.0.2"),
        (at("/metadata"), hash.clone(), 400, "must be https"),
        (at("/around"), hash.clone(), 503, "more than 5 redirects"),
        (at("/nothing"), hash.clone(), 503, "the answer is 404"),
        (at("/cut"), hash.clone(), 503, "127.0.0.1: "),
        (at("/long"), hash.clone(), 400, "larger than 1 MiB"),
        (at("/endless"), hash.clone(), 400, "larger than 1 MiB"),
        (at("/packed"), hash.clone(), 503, "compressed"),
        (at("/web.tar?x=1"), "0".repeat(64), 400, "has the SHA-256"),
        ("http://127.0.0.1:1/web.tar".to_owned(), hash.clone(), 503, "127.0.0.1: "),
    ] {
        let answer = publish(&url, &hash).await;
        assert!(answer.status == status && answer.text().contains(words), "{url}: {} {}", answer.status, answer.text());
    }
    let left = std::fs::read_dir(site.home.0.path().join("data/incoming")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of what was refused");
    for missing in ["artifact_url", "sha256", "sha"] {
        let all = format!("{{\"artifact_url\": \"{}\", \"sha256\": \"{hash}\", \"sha\": \"{sha}\"}}", at("/there"));
        let answer = site
            .ask(
                "POST",
                "/api/v1/stacks/api/builds",
                &lines,
                &all.replace(&format!("\"{missing}\": \""), "\"title\": \""),
            )
            .await;
        assert!(
            answer.status == 400 && answer.text().contains(&format!("`{missing}` is missing")),
            "{}",
            answer.text()
        );
    }

    let made = publish(&at("/there"), &hash.to_uppercase()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!((&made.json()["new"], &made.json()["build"]["who"]), (&true.into(), &"ci (token of mary)".into()));
    assert_eq!(publish(&at("/web.tar?x=1"), &hash).await.status, 200, "the same again changes nothing");
    assert!(*asked.borrow() > 10);

    // As the page shows it.
    let dir = site.home.0.path();
    std::fs::write(dir.join("build.tar"), tar_of("hello")).unwrap();
    std::fs::write(dir.join("ci.token"), &text).unwrap();
    let repository = format!("git -C {} rev-parse", site.home.repository().display());
    let changes = [
        ("https://push.example.com", site.origin.as_str()),
        ("https://artifacts.example.com/web.tar", &at("/web.tar?x=1")),
        ("git rev-parse", &repository),
        ("/stacks/web/", "/stacks/api/"),
    ];
    let block = page("docs/ci.md").block("# Name it by its address.\n");
    let said = shell(dir, &changed(&block, &changes), "").await;
    assert!(said.contains("\"new\":true"), "{said}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_an_address_of_the_inside_is_not_asked() {
    let (port, asked) = artifacts(tar_of("hello")).await;
    for hosts in [format!("\"localhost:{port}\""), format!("\"127.0.0.1:{port}\"")] {
        let site = published(&format!("[artifacts]\nhosts = [{hosts}]\n")).await;
        let mary = site.mary().await;
        let host = hosts.trim_matches('"');
        let body = format!(
            "{{\"artifact_url\": \"https://{host}/web.tar\", \"sha256\": \"{}\", \"sha\": \"{}\"}}",
            "0".repeat(64),
            "1".repeat(40)
        );
        let answer = site.send(&mary, "POST", "/api/v1/stacks/api/builds", &body).await;
        assert!(answer.status == 400 && answer.text().contains("an address of the inside"), "{}", answer.text());
        site.close().await;
    }
    assert_eq!(*asked.borrow(), 0, "nobody connected");
}
