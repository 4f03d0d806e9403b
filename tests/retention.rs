//! `builds_kept`: the files of builds that nobody needs any more go, and nothing else. It takes long, since what a rollback offers
//! stays: the last twenty. And `compress_after`.

mod journals;

use crate::cli::pushbutton;
use crate::house::{House, Plans, until};
use std::collections::BTreeSet;
use std::path::PathBuf;

const PUSHES: usize = 23;

impl House {
    fn builds(&self) -> BTreeSet<PathBuf> {
        std::fs::read_dir(self.data().join("builds/web")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn rows(&self, sql: &str) -> i64 {
        let ledger = rusqlite::Connection::open(self.data().join("pushbutton.db")).unwrap();
        ledger.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test]
async fn builds_beyond_the_number_of_the_file_lose_their_files_and_nothing_of_their_history() {
    let plans = Plans { qa: &["qa1"], config: "builds_kept = 3\n".to_owned(), ..Plans::default() };
    let mut house = House::build(plans).await;
    let mut first = None;
    for push in 1..=PUSHES {
        if push > 1 {
            house.commit().await;
        }
        // Nobody may push more than ten times a minute.
        if push % 8 == 0 {
            house.sign_in(&format!("kate-{push}")).await;
        }
        let id = house.press("qa").await;
        assert_eq!(house.ended(id).await["push"]["state"], "succeeded");
        first = first.or_else(|| house.builds().into_iter().next());
    }
    let first = first.unwrap();
    assert_eq!(house.builds().len(), PUSHES, "it is looked every hour");
    let copy = house.dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("manifest"), "").unwrap();

    // A server looks when it starts.
    house.kill_server().await;
    house.start().await;
    until("three builds are gone", async || (house.builds().len() == PUSHES - 3).then_some(())).await;
    assert!(!first.exists());
    assert_eq!(house.rows("SELECT count(*) FROM builds WHERE pruned_at IS NOT NULL"), 3);
    assert_eq!(house.rows("SELECT count(*) FROM audit WHERE what = 'build prune' AND object = 'web'"), 3);
    assert_eq!(house.get("/pushes/1").await.status, 200);
    assert!(house.log(1).await.contains("release"), "its journal is there");
    let said = pushbutton(&house, &["verify"]).await;
    assert!(said.code == Some(0) && said.out.contains("3 left out as the ledger says"), "{said:?}");

    // The oldest that a rollback offers is whole.
    let oldest = house.get("/api/v1/stacks/web/stages/qa/rollback").await;
    assert_eq!(oldest.status, 200, "{}", oldest.text);
    let said = pushbutton(&house, &["rollback", "web", "qa", "--reason", "the fair", "--follow"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");

    // Whoever was killed between the ledger and the files left some.
    house.kill_server().await;
    std::fs::rename(&copy, &first).unwrap();
    house.start().await;
    until("what was left is gone", async || (!first.exists()).then_some(())).await;
    assert_eq!(house.builds().len(), PUSHES - 3);
}
