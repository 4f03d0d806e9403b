//! A lost or restored data directory: what hosts have seen is told before a push, and people have a way on.

use crate::cli::pushbutton;
use crate::house::browser::Browser;
use crate::house::{DEADLINE, House, Plans, until};
use pushbutton::process::Program;
use serde_json::json;

#[tokio::test]
async fn after_a_loss_of_the_data_or_with_an_older_copy_the_page_says_what_hosts_saw_and_numbers_can_go_on_above() {
    let mut house = House::build(Plans { qa: &["qa1"], princess: &["princess1"], ..Plans::default() }).await;
    house.push_well("qa").await;
    let copy = house.dir.path().join("copy");
    let copied = Program::new("cp").arg("-a").arg(house.data()).arg(&copy).output(DEADLINE).await;
    assert!(copied.unwrap().status.success());
    house.commit().await;
    house.push_well("qa").await;
    house.commit().await;
    house.push_well("qa").await;

    for (older, next, words) in
        [(false, 1, "is new, or was lost"), (true, 2, "is an older copy, restored from a backup")]
    {
        house.kill_server().await;
        std::fs::remove_dir_all(house.data()).unwrap();
        if older {
            std::fs::rename(&copy, house.data()).unwrap();
        }
        house.start().await;
        house.sign_in("mary").await;
        let page = until("the page says what the host saw", async || {
            let page = house.get("/stacks/web").await.text;
            page.contains("A push would be refused by qa1").then_some(page)
        });
        let page = page.await;
        let seen = if older { 4 } else { 3 };
        assert!(page.contains(words) && page.contains(&format!("would be {next}:")), "{page}");
        assert!(page.contains(&format!("qa1 has seen push {seen} of this stack")), "{page}");
        let next_push = house.button("qa").await;
        let refused = house.press_with("qa", &next_push).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(refused.text.contains("\"case\":\"seen_newer\""), "{}", refused.text);
        if older {
            let browser = Browser::open(&house).await;
            browser.sign_in("kate").await;
            browser.go("/stacks/web").await;
            browser.pictures("numbers-behind").await;
            browser.write("[action$=\"/numbers\"] [name=reason]", "build1 burned down").await;
            browser.click("[action$=\"/numbers\"] button").await;
            until("the note is gone", async || {
                (!house.get("/stacks/web").await.text.contains("A push would be refused")).then_some(())
            })
            .await;
        } else {
            let said = pushbutton(&house, &["number-above", "web", "--reason", " "]).await;
            assert!(
                said.code == Some(1) && said.err.contains("say why this is the right Pushbutton server"),
                "{said:?}"
            );
            let said = pushbutton(&house, &["number-above", "web", "--reason", "the disk died"]).await;
            assert_eq!((said.code, said.out.as_str()), (Some(0), "the next push of web is number 4\n"), "{said:?}");
        }
        house.kill_server().await;
        house.start().await;
        house.sign_in("mary").await;
        let push = house.push_well("qa").await;
        assert_eq!(push["push"]["id"], seen + 1, "also after a restart");
        let again = house.send("POST", "/api/v1/stacks/web/numbers", &json!({ "reason": "twice" })).await;
        assert_eq!(again.status, 409, "{}", again.text);
        assert_eq!(pushbutton(&house, &["verify"]).await.code, Some(0));
    }
}

#[tokio::test]
async fn a_restored_backup_says_whose_history_it_is_until_it_is_taken_over() {
    let mut house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    house.push_well("qa").await;
    let backup = house.dir.path().join("backup.tar");
    let said = pushbutton(&house, &["backup", backup.to_str().unwrap()]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!house.get("/").await.text.contains("Two servers must not push"));
    house.kill_server().await;
    std::fs::remove_dir_all(house.data()).unwrap();
    std::fs::create_dir(house.data()).unwrap();
    let unpacked = Program::new("tar").arg("-xpf").arg(&backup).arg("-C").arg(house.data()).output(DEADLINE).await;
    assert!(unpacked.unwrap().status.success());
    house.start().await;
    house.sign_in("mary").await;
    for path in ["/", "/stacks/web", "/pushes"] {
        let page = house.get(path).await.text;
        assert!(
            page.contains("Two servers must not push from the same data") && page.contains("backed up at"),
            "{page}"
        );
    }
    let said = pushbutton(&house, &["take-over", "--reason", "build1 is gone"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!house.get("/").await.text.contains("Two servers must not push"));
    assert_eq!(house.send("POST", "/api/v1/take-over", &json!({})).await.status, 409);
    house.kill_server().await;
    house.start().await;
    house.sign_in("mary").await;
    assert!(!house.get("/").await.text.contains("Two servers must not push"), "also after a restart");
    house.push_well("qa").await;
    assert_eq!(pushbutton(&house, &["verify"]).await.code, Some(0));
}
