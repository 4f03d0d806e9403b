//! Webhooks of forges: who signs has a repository fetched at once, and nobody can do anything else by one.

use super::*;
use crate::docs::page;
use crate::docs::runs::{changed, shell};
use aws_lc_rs::hmac;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

/// The secret of each forge.
const SECRETS: [(&str, &str); 4] =
    [("github", "of-github"), ("gitlab", "of-gitlab"), ("gitea", "of-gitea"), ("bitbucket", "of-bitbucket")];

/// A site that looks at its sources once and then not for an hour, with a webhook of each forge.
async fn site() -> (Site, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut table = "[hooks]\n".to_owned();
    for (forge, secret) in SECRETS {
        let file = dir.path().join(format!("{forge}.hook"));
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        table.push_str(&format!("{forge}_secret_file = {file:?}\n"));
    }
    (Site::at("127.0.0.1", "open", &table, "fetch_every_s = 3600\n").await, dir)
}

pub fn hmac_of(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a forge sends of a push: its headers, its body.
fn sent(forge: &str, secret: &str, address: &str, number: usize) -> (Vec<(&'static str, String)>, String) {
    let (repository, event) = match forge {
        "gitlab" => (
            json!({ "object_kind": "push", "after": number, "project": { "git_http_url": address } }),
            ("x-gitlab-event", "Push Hook".to_owned()),
        ),
        "bitbucket" => (
            json!({ "after": number, "repository": { "links": { "html": { "href": address } } } }),
            ("x-event-key", "repo:push".to_owned()),
        ),
        "gitea" => {
            (json!({ "after": number, "repository": { "clone_url": address } }), ("x-gitea-event", "push".to_owned()))
        }
        _ => (json!({ "after": number, "repository": { "ssh_url": address } }), ("x-github-event", "push".to_owned())),
    };
    let body = repository.to_string();
    let digits = hmac_of(secret, &body);
    let proof = match forge {
        "gitlab" => ("x-gitlab-token", secret.to_owned()),
        "gitea" => ("x-gitea-signature", digits),
        "bitbucket" => ("x-hub-signature", format!("sha256={digits}")),
        _ => ("x-hub-signature-256", format!("sha256={digits}")),
    };
    (vec![event, proof, ("content-type", "application/json".to_owned())], body)
}

impl Site {
    async fn hook(&self, forge: &str, lines: &[(&'static str, String)], body: &str) -> Answer {
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.ask("POST", &format!("/api/v1/hooks/{forge}"), &lines, body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_of_each_forge_has_new_commits_shown_at_once_and_no_other_does_anything() {
    let (site, _secrets) = site().await;
    let mary = site.mary().await;
    let first = site.seen(&mary).await;
    let repository = site.home.repository();
    let address = format!("file://{}", repository.display());
    let mut seen = first;
    for (number, (forge, secret)) in SECRETS.into_iter().enumerate() {
        git(&repository, &["commit", "-q", "--allow-empty", "-m", &format!("of {forge}")]).await;
        let head = git(&repository, &["rev-parse", "HEAD"]).await.trim().to_owned();
        // Refused, each in one way.
        let (good, body) = sent(forge, secret, &address, number);
        let (others, _) = sent(forge, "of-somebody-else", &address, number);
        let without: Vec<_> =
            good.iter().filter(|(name, _)| !name.contains("sign") && !name.contains("token")).cloned().collect();
        let twice = [&good[..], &good[1..2]].concat();
        let elsewhere = if forge == "github" { "gitea" } else { "github" };
        for (what, path, lines, body) in [
            ("another secret", forge, &others, body.clone()),
            ("unsigned", forge, &without, body.clone()),
            ("signed twice", forge, &twice, body.clone()),
            ("to another forge", elsewhere, &good, body.clone()),
        ] {
            let refused = site.hook(path, lines, &body).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (401, "signature"),
                "{forge}, {what}: {}",
                refused.text()
            );
            assert_eq!(refused.json()["error"]["title"], "Signature not accepted");
        }
        if forge != "gitlab" {
            let refused = site.hook(forge, &good, &body.replace("after", "Gfter")).await;
            assert_eq!(refused.status, 401, "{forge}, another body");
        }
        assert_eq!(site.seen(&mary).await, seen, "nobody has looked, for {forge}");

        let mut stream = site.stream(&mary, "/api/v1/events", "").await;
        let heard = site.hook(forge, &good, &body).await;
        let expected = json!({ "stacks": ["web"], "repeated": false, "ignored": null });
        assert_eq!((heard.status, heard.json()), (200, expected), "{}", heard.text());
        stream.until("event: changed").await;
        seen = until("the commit is shown", async || Some(site.seen(&mary).await).filter(|seen| *seen == head)).await;

        // Whoever kept it sends it again, under other headers than those that are signed.
        let again = [&good[..], &[("x-github-delivery", "another".to_owned())]].concat();
        let repeated = site.hook(forge, &again, &body).await.json();
        assert_eq!((&repeated["repeated"], &repeated["stacks"]), (&true.into(), &json!([])), "{forge}");
    }
    let rows = site.desk.ledger().read(|connection| {
        let ask = "SELECT count(*) FROM audit WHERE what = 'sign-in failed' AND detail LIKE '%webhook%'";
        Ok(connection.query_row(ask, [], |row| row.get::<_, i64>(0))?)
    });
    assert!(rows.await.unwrap() >= 16, "each is in the audit");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_says_is_looked_at_only_as_far_as_it_goes() {
    let (site, _secrets) = site().await;
    let signed = |body: &str, event: &str, kind: &str| {
        let proof = format!("sha256={}", hmac_of("of-github", body));
        vec![("x-github-event", event.to_owned()), ("x-hub-signature-256", proof), ("content-type", kind.to_owned())]
    };
    let json = "application/json";
    for (event, body, status, words) in [
        ("ping", "{}", 200, "\"ignored\":\"ping\""),
        ("issues", "{}", 200, "\"ignored\":\"issues\""),
        ("push", r#"{"repository": {"full_name": "no/such"}}"#, 200, "\"stacks\":[]"),
        ("push", "{}", 400, "does not name its repository"),
        ("push", "payload=%7B%7D", 400, "choose the content type application/json"),
        ("push", "", 400, "choose the content type application/json"),
    ] {
        let answer = site.hook("github", &signed(body, event, json), body).await;
        assert!(answer.status == status && answer.text().contains(words), "{event} {body}: {}", answer.text());
    }
    let unknown = site.hook("sourcehut", &signed("{}", "push", json), "{}").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown"));
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(3 << 20));
    let heard = site.hook("github", &signed(&long, "issues", json), &long).await;
    assert_eq!(heard.status, 200, "a push of thousands of commits is some megabytes");
    let too_long = format!(
        "POST /api/v1/hooks/github HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 9000000\r\n\r\n",
        site.at
    );
    let refused = site.raw(too_long.as_bytes()).await;
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"));

    // As the page shows it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("github.hook"), "of-github\n").unwrap();
    let path = site.home.repository().display().to_string();
    let changes = [("https://push.example.com", site.origin.as_str()), ("web/shop", path.as_str())];
    let block = page("docs/sources.md").block("body=");
    let said = shell(dir.path(), &changed(&block, &changes), "").await;
    assert!(said.contains("\"stacks\":[\"web\"]"), "{said}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_secret_a_forge_has_no_webhook_here() {
    let site = Site::open().await;
    let answer = site.hook("github", &[], "{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "unknown"));
    assert!(answer.json()["error"]["cure"].as_str().unwrap().contains("[hooks]"), "{}", answer.text());
    site.close().await;
}
