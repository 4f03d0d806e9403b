//! What shell scripts ask: what a stage runs as one line, and the commits between two revisions.

use super::tokens::token;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reads_what_a_stage_runs_as_one_line_and_fails_where_it_runs_nothing() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let text = "/api/v1/stacks/web/stages/qa/current.txt";
    let nothing = site.get(&mary, text).await;
    assert_eq!((nothing.status, nothing.code().as_str()), (404, "unknown"));
    let journal = site.press(&mary).await;
    site.finish(journal).await;
    let current = until("the push is in the ledger", async || {
        let answer = site.get(&mary, "/api/v1/stacks/web/stages/qa/current").await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    for (query, field) in [("", "sha"), ("?field=sha", "sha"), ("?field=build", "build"), ("?field=root", "root")] {
        let answer = site.get(&mary, &format!("{text}{query}")).await;
        assert_eq!(answer.text(), format!("{}\n", current[field].as_str().unwrap()), "{query}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    assert_eq!(site.get(&mary, &format!("{text}?field=push")).await.text(), "1\n");
    let wrong = site.get(&mary, &format!("{text}?field=who")).await;
    assert!(wrong.status == 400 && wrong.text().contains("sha, build, root, push"), "{}", wrong.text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commits_since_a_revision_come_page_by_page_and_an_unknown_one_is_said() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let (first, text) = (site.seen(&mary).await, token(&site, "ci", "see:web/qa").await.1);
    let journal = site.press(&mary).await;
    site.finish(journal).await;
    let repository = site.home.repository();
    for number in 0..105 {
        git(&repository, &["commit", "-q", "--allow-empty", "-m", &format!("commit {number}")]).await;
    }
    let head = git(&repository, &["rev-parse", "HEAD"]).await.trim().to_owned();
    let bearer = format!("Bearer {text}");
    let ask = async |query: &str| {
        let path = format!("/api/v1/stacks/web/stages/qa/commits{query}");
        site.ask("GET", &path, &[("authorization", &bearer)], "").await
    };
    let listed = until("the commits are fetched", async || {
        let listed = ask("?since=current&to=newest").await;
        assert_eq!(listed.status, 200, "{}", listed.text());
        let listed = listed.json();
        (listed["to"] == head.as_str()).then_some(listed)
    })
    .await;
    assert_eq!(
        (&listed["since"], &listed["count"], &listed["next_skip"]),
        (&first.as_str().into(), &105.into(), &100.into())
    );
    assert_eq!(listed["commits"].as_array().unwrap().len(), 100);
    assert_eq!(
        (&listed["commits"][0]["subject"], &listed["commits"][0]["sha"]),
        (&"commit 104".into(), &head.as_str().into())
    );
    let rest = ask(&format!("?since={}&to={head}&skip=100", &first[..10])).await.json();
    let subjects: Vec<&str> =
        rest["commits"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["commit 4", "commit 3", "commit 2", "commit 1", "commit 0"]);
    assert!(rest["next_skip"].is_null());
    // What the stage runs has nothing that came after it.
    assert_eq!(ask(&format!("?since={head}")).await.json()["count"], 0);
    for (query, status, words) in [
        ("", 400, "`since` is missing"),
        ("?since=nothing", 400, "is not a revision"),
        (&format!("?since={}", "0".repeat(40)), 404, "revision 0000000 of web"),
        ("?since=current&skip=10001", 400, "at most 10000"),
        ("?since=current&skip=-1", 400, ""),
    ] {
        let answer = ask(query).await;
        assert!(
            answer.status == status && answer.text().contains(words),
            "{query}: {} {}",
            answer.status,
            answer.text()
        );
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_are_listed_page_by_page_while_new_ones_come() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let repository = site.home.repository();
    // With a branch that was merged: by ancestors alone what lies beside it would be missed.
    for number in 0..20 {
        git(&repository, &["commit", "-q", "--allow-empty", "-m", &format!("commit {number}")]).await;
    }
    git(&repository, &["checkout", "-q", "-b", "side", "HEAD~15"]).await;
    for number in 0..20 {
        git(&repository, &["commit", "-q", "--allow-empty", "-m", &format!("side {number}")]).await;
    }
    git(&repository, &["checkout", "-q", "-"]).await;
    git(&repository, &["merge", "-q", "--no-ff", "-m", "merged", "side"]).await;
    let head = git(&repository, &["rev-parse", "HEAD"]).await.trim().to_owned();
    let all = git(&repository, &["log", "--format=%H"]).await;
    let path = "/api/v1/stacks/web/stages/qa/versions";
    let first = until("the commits are fetched", async || {
        let answer = site.get(&mary, path).await;
        (answer.json()["groups"][0]["commits"][0]["sha"] == head.as_str()).then_some(answer)
    })
    .await;
    let shas = |answer: &Answer| -> Vec<String> {
        let json = answer.json();
        let own = json["groups"][0]["commits"].as_array().map_or(&[][..], Vec::as_slice);
        own.iter().map(|commit| commit["sha"].as_str().unwrap().to_owned()).collect()
    };
    let next = |answer: &Answer| {
        let link = answer.header("link")?.strip_prefix('<')?.split('>').next()?.to_owned();
        Some(link)
    };
    assert_eq!(first.json()["next"], serde_json::json!({ "from": head, "skip": 30 }));
    git(&repository, &["commit", "-q", "--allow-empty", "-m", "newer"]).await;
    let newer = git(&repository, &["rev-parse", "HEAD"]).await.trim().to_owned();
    let (mut seen, mut link) = (shas(&first), next(&first));
    while let Some(path) = link {
        let answer = site.get(&mary, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["groups"].as_array().unwrap().len(), 1, "the other branches were on the first page");
        seen.extend(shas(&answer));
        link = next(&answer);
    }
    assert_eq!(seen, all.lines().collect::<Vec<_>>(), "each once, whatever came since");
    assert!(!seen.contains(&newer));
    let page = site.get(&mary, "/stacks/web/stages/qa/versions").await;
    let older = page.text().split("href=\"?from=").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let page = site.get(&mary, &format!("/stacks/web/stages/qa/versions?from={older}")).await;
    assert!(page.text().contains("before those"), "{}", page.text());
    for (query, status) in [("?from=x%20y", 404), ("?skip=99999999", 400), ("?skip=x", 400)] {
        assert_eq!(site.get(&mary, &format!("{path}{query}")).await.status, status, "{query}");
    }
    let strange = site.get(&mary, &format!("{path}?from={}", "1".repeat(40))).await;
    assert_eq!((strange.status, shas(&strange).len()), (200, 0), "what is not on the branch is nothing's beginning");
    site.close().await;
}
