//! The push log as an Atom feed: what feed readers ask for is there, another program can read it, and a token of one stack gets its own alone.

use super::tokens::token;
use super::*;
use pushbutton::process::Program;

/// Reads a feed with Python's own parser: its title, the addresses of its links by kind, and of each entry id, title, author and summary.
const READ: &str = r#"
import json, sys
from xml.etree import ElementTree as T
A = "{http://www.w3.org/2005/Atom}"
feed = T.parse(sys.stdin.buffer).getroot()
assert feed.tag == A + "feed"
for one in [feed, *feed.iter(A + "entry")]:
    for name in ["id", "title", "updated"]:
        assert len(one.findall(A + name)) == 1, name
said = lambda one, name: one.find(A + name).text
print(json.dumps({
    "links": {link.get("rel"): link.get("href") for link in feed.findall(A + "link")},
    "entries": [[said(e, "id"), said(e, "title"), said(e.find(A + "author"), "name"), said(e, "summary")] for e in feed.iter(A + "entry")],
}))
"#;

async fn read(text: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("feed"), text).unwrap();
    let said = Program::new("sh").args(["-c", "exec python3 -c \"$0\" < feed", READ]).dir(dir.path());
    let said = said.output(Duration::from_secs(60)).await.unwrap();
    assert!(said.status.success(), "{} in {text}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_readers_get_the_pushes_that_their_token_may_see_and_texts_are_text() {
    let site = Site::open().await;
    let mary = site.mary().await;
    let seen = site.seen(&mary).await;
    let evil = "<b>evil</b> & \u{1}\u{202e} ]]> \\\"x\\\"".replace('\u{1}', "\\u0001");
    let body = format!("{{\"seen\": \"{seen}\", \"reason\": \"{evil}\"}}");
    let pressed = site.send(&mary, "POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
    assert_eq!(pressed.status, 201, "{}", pressed.text());
    let journal = site.play(1).await;
    site.finish(journal).await;

    let (_, of_web) = token(&site, "reader", "see:web").await;
    let (_, of_api) = token(&site, "other", "see:api").await;
    let feed = until("the end is in the feed", async || {
        let feed = site.program(&of_web, "GET", "/api/v1/pushes.atom?stack=web", "").await;
        feed.text().contains(": succeeded<").then_some(feed)
    })
    .await;
    assert_eq!((feed.status, feed.header("content-type")), (200, Some("application/atom+xml; charset=utf-8")));
    let found = read(feed.text()).await;
    let entry = &found["entries"][0];
    assert_eq!((&entry[0], &entry[2]), (&format!("{}/pushes/1", site.origin).into(), &"mary".into()));
    let title = entry[1].as_str().unwrap();
    assert!(title.starts_with("web qa: mary pushed ") && title.ends_with(": succeeded"), "{title}");
    let summary = entry[3].as_str().unwrap();
    assert!(summary.contains("<b>evil</b> & ") && summary.contains("⟨U+202E⟩ ]]> \"x\""), "{entry}");
    assert_eq!(found["links"]["self"], format!("{}/api/v1/pushes.atom?stack=web", site.origin));
    assert_eq!(found["links"]["alternate"], format!("{}/pushes", site.origin));
    assert!(found["links"]["next"].is_null());
    let other = read(site.program(&of_api, "GET", "/api/v1/pushes.atom", "").await.text()).await;
    assert_eq!(other["entries"], serde_json::json!([]));
    assert_eq!(site.get("", "/api/v1/pushes.atom").await.status, 401);
    // What did not change is not sent again.
    let tag = feed.header("etag").unwrap().to_owned();
    let bearer = format!("Bearer {of_web}");
    let lines = [("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
    assert_eq!(site.ask("GET", "/api/v1/pushes.atom?stack=web", &lines, "").await.status, 304);
    site.close().await;
}
