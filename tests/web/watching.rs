//! Whoever may no longer look sees no more: the streams of a running push, when its watcher is removed or has a new password.

use super::signing::{PASSWORD, add};
use super::*;
use pushbutton::ledger::users::set_password;

/// Rights are looked at again every 3 s, by a list that is at most 1 s old; the rest is for a busy machine.
const ENDS_IN: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_who_is_removed_or_has_a_new_password_sees_no_more_of_a_push_than_a_few_seconds() {
    let site = Site::new("password").await;
    let paths = ["/api/v1/pushes/1/events", "/api/v1/events?push=1"];
    let mut sessions = Vec::new();
    for name in ["removed", "reset", "stays"] {
        add(&site, name).await;
        sessions.push(site.sign_in(&format!("name={name}&password={}", PASSWORD.replace(' ', "+"))).await);
    }
    let [removed, reset, stays] = &sessions[..] else { panic!("three") };
    let mut journal = site.press(stays).await;
    let mut watching = Vec::new();
    for (session, path) in [removed, reset].into_iter().flat_map(|session| paths.map(|path| (session, path))) {
        let mut viewer = site.stream(session, path, "").await;
        viewer.until("build_made").await;
        watching.push(tokio::spawn(async move {
            viewer.end().await;
            viewer.events
        }));
    }
    let mut on = Vec::new();
    for path in paths {
        on.push(site.stream(stays, path, "").await);
    }
    assert_eq!((site.streams)(), 6);

    let (gone, other): (Who, Who) = ("removed".parse().unwrap(), "reset".parse().unwrap());
    let new = PasswordHash::of("battery staple").unwrap();
    let change = move |tx: &rusqlite::Transaction<'_>| Ok((users::remove(tx, &gone)?, set_password(tx, &other, &new)?));
    assert_eq!(site.desk.ledger().write(change).await.unwrap(), (true, true));
    let began = Instant::now();
    // It goes on saying something all the time: a stream that is never silent ends just as one that is.
    let mut said = 0;
    until("the end of the four streams", async || {
        said += 1;
        journal.add(At::now(), line(&format!("line {said}"))).unwrap();
        journal.flush().unwrap();
        watching.iter().all(JoinHandle::is_finished).then_some(())
    })
    .await;
    let took = began.elapsed();
    assert!(took < ENDS_IN, "the last of them ended after {took:?}");
    journal.add(At::now(), line("for those who may look")).unwrap();
    journal.flush().unwrap();
    for viewer in &mut on {
        viewer.until("for those who may look").await;
    }
    for viewer in watching {
        assert!(!viewer.await.unwrap().contains("for those who may look"));
    }
    // Whoever comes back with the place where it was cut off gets nothing, nor by another way.
    for session in [removed, reset] {
        for path in [paths[0], paths[1], "/api/v1/pushes/1/log", "/api/v1/pushes/1"] {
            let again = site.ask("GET", path, &[("cookie", session), ("last-event-id", "0")], "").await;
            assert_eq!((again.status, again.code().as_str()), (401, "signed_out"), "{path}");
        }
    }
    site.finish(journal).await;
    site.close().await;
}
