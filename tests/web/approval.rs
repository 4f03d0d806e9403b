//! A push that needs the approval of another, by form and by API, with sessions and tokens.

use super::tokens::token;
use super::*;

const STAGE: &str = "/stacks/web/stages/qa";

/// A site whose first stage asks for approval; what its button offers, and the hash of the plan.
async fn site() -> (Site, String, String, String) {
    let site = Site::open().await;
    let mary = site.mary().await;
    let file = site.home.0.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"qa\"\n", "name = \"qa\"\napproval = 1\n")).unwrap();
    site.seen(&mary).await;
    let path = format!("/api/v1{STAGE}/plan");
    let plan = until("the file", async || {
        let plan = site.get(&mary, &path).await.json();
        (!plan["approval"].is_null()).then_some(plan)
    })
    .await;
    let text = |name: &str| plan[name].as_str().unwrap().to_owned();
    (site, mary, text("seen"), text("plan_hash"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_push_by_form_what_one_alone_cannot() {
    let (site, mary, seen, hash) = site().await;
    let joe = site.sign_in("name=joe").await;
    let push = format!("seen={seen}&plan_hash={hash}");
    let alone = site.post(&mary, &format!("{STAGE}/push"), &push).await;
    assert_eq!(alone.status, 409);
    assert!(alone.text().contains("This push needs an approval"), "{}", alone.text());

    let asked = site.post(&mary, &format!("{STAGE}/approval"), &format!("{push}&reason=the+fair")).await;
    assert_eq!((asked.status, asked.header("location")), (303, Some("/stacks/web/stages/qa/plan")));
    let page = site.get(&joe, "/stacks/web").await;
    for words in ["mary asks for approval to push", "“the fair”", "Review and approve", "Waits for approval"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let all = site.get(&joe, "/").await;
    assert!(all.text().contains("href=\"/stacks/web/stages/qa/plan\">mary asks for approval</a>"), "{}", all.text());
    let own = site.get(&mary, &format!("{STAGE}/plan")).await;
    assert!(own.text().contains("someone else must approve it") && !own.text().contains(&format!("{STAGE}/approve\"")));
    let answer = format!("plan_hash={hash}&reason=looked+at+it");
    assert_eq!(site.post(&mary, &format!("{STAGE}/approve"), &answer).await.status, 409, "nobody approves their own");
    let bare = site.post(&joe, &format!("{STAGE}/decline"), &format!("plan_hash={hash}&reason=")).await;
    assert!(bare.status == 400 && bare.text().contains("A decline needs a reason"), "{}", bare.text());
    let approved = site.post(&joe, &format!("{STAGE}/approve"), &answer).await;
    assert_eq!(approved.header("location"), Some("/stacks/web/stages/qa/plan"));
    assert!(site.get(&mary, &format!("{STAGE}/plan")).await.text().contains("Approved by joe"));
    assert!(site.get(&mary, "/").await.text().contains(">approved, asked by mary</a>"));
    assert_eq!(site.post(&joe, &format!("{STAGE}/push"), &push).await.status, 409, "not by one's own approval");
    let pushed = site.post(&mary, &format!("{STAGE}/push"), &push).await;
    assert_eq!(pushed.header("location"), Some("/pushes/1"), "{}", pushed.text());
    let journal = site.play(1).await;
    assert!(site.get(&mary, "/pushes/1").await.text().contains("approved by joe"));
    assert!(site.get(&mary, "/pushes").await.text().contains("approved by joe"));
    let table = site.get(&mary, "/pushes.csv").await;
    assert!(
        table.text().lines().next().unwrap().contains("approved_by") && table.text().contains(",joe,"),
        "{}",
        table.text()
    );
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_asks_and_its_owner_does_not_approve() {
    let (site, mary, seen, hash) = site().await;
    let joe = site.sign_in("name=joe").await;
    let (_, ci) = token(&site, "ci", "see,push").await;
    let (_, other) = token(&site, "other", "see,approve").await;
    let ask = async |token: &str, path: &str, body: String| {
        let lines = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        site.ask("POST", &format!("/api/v1{STAGE}/{path}"), &lines, &body).await
    };
    let asked = ask(&ci, "approval", format!(r#"{{"seen":"{seen}","plan_hash":"{hash}"}}"#)).await;
    assert_eq!((asked.status, asked.json()["request"].as_i64()), (201, Some(1)), "{}", asked.text());
    assert_eq!(asked.json()["url"], format!("{}{STAGE}/plan", site.origin));
    let yes = format!(r#"{{"plan_hash":"{hash}"}}"#);
    let by_another = ask(&other, "approval/approve", yes.clone()).await;
    assert_eq!((by_another.status, by_another.code().as_str()), (409, "unapproved"), "a token of mary is mary");
    assert_eq!(by_another.json()["error"]["case"], "own_approval");
    let own = site.send(&mary, "POST", &format!("/api/v1{STAGE}/approval/approve"), &yes).await;
    assert_eq!(own.json()["error"]["case"], "own_approval", "her program asked");
    let unknown = site.send(&joe, "POST", &format!("/api/v1{STAGE}/approval/approve"), r#"{"plan_hash":"ab"}"#).await;
    assert_eq!((unknown.status, unknown.json()["error"]["case"].as_str()), (409, Some("not_asked")));
    let missing = site.send(&joe, "POST", &format!("/api/v1{STAGE}/approval/approve"), "{}").await;
    assert_eq!(missing.json()["error"]["case"], "missing", "what is approved is named");
    assert_eq!(site.send(&joe, "POST", &format!("/api/v1{STAGE}/approval/approve"), &yes).await.status, 204);
    let pushed = ask(&ci, "push", format!(r#"{{"seen":"{seen}","plan_hash":"{hash}"}}"#)).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    let push = site.get(&mary, "/api/v1/pushes/1").await.json();
    assert_eq!((&push["push"]["who"], &push["push"]["approved_by"]), (&"ci (token of mary)".into(), &"joe".into()));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_counts_only_while_who_gave_it_may_approve() {
    let (site, mary, seen, hash) = site().await;
    let (joe, kate) = (site.sign_in("name=joe").await, site.sign_in("name=kate").await);
    let push = format!("seen={seen}&plan_hash={hash}");
    assert_eq!(site.post(&mary, &format!("{STAGE}/approval"), &push).await.status, 303);
    let approve = format!("plan_hash={hash}");
    assert_eq!(site.post(&joe, &format!("{STAGE}/approve"), &approve).await.status, 303);
    assert!(site.get(&mary, &format!("{STAGE}/plan")).await.text().contains("Approved by joe"));

    let file = site.home.0.path().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[rights]\napprove = [\"kate\"]\n")).unwrap();
    until("the rights", async || {
        let page = site.get(&mary, &format!("{STAGE}/plan")).await;
        (!page.text().contains("Approved by joe")).then_some(())
    })
    .await;
    let refused = site.post(&mary, &format!("{STAGE}/push"), &push).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("it waits for someone else who may approve"), "{}", refused.text());
    assert_eq!(site.post(&kate, &format!("{STAGE}/approve"), &approve).await.status, 303);
    let pushed = site.post(&mary, &format!("{STAGE}/push"), &push).await;
    assert_eq!(pushed.header("location"), Some("/pushes/1"), "{}", pushed.text());
    let journal = site.play(1).await;
    assert!(site.get(&mary, "/pushes/1").await.text().contains("approved by kate"), "and not by joe");
    site.finish(journal).await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_admin_pushes_nothing_without_approval() {
    let (site, mary, seen, _) = site().await;
    let without = format!(r#"{{"seen":"{seen}","without_approval":"the site is down"}}"#);
    let refused = site.send(&mary, "POST", &format!("/api/v1{STAGE}/push"), &without).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "admin"), "{}", refused.text());
    assert!(refused.text().contains("mary is not an administrator"), "{}", refused.text());
    let form = format!("seen={seen}&without_approval=the+site+is+down");
    assert_eq!(site.post(&mary, &format!("{STAGE}/push"), &form).await.status, 403);
    site.close().await;
}
