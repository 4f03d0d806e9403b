//! Every viewer is a cursor into the journal: late, cut off or slow, each ends with exactly its bytes.

use crate::house::{House, Plans};
use std::time::Duration;

const TALK: &str = r#"{ run = "i=0; while [ $i -lt 600 ]; do echo line $i of {host}; i=$((i+1)); sleep 0.005; done" }"#;

/// Reads a push's events to their end, or to about `most` bytes; gives the journal's bytes and the last id.
async fn watch(house: &House, id: i64, from: u64, most: usize, pause: Duration) -> (Vec<u8>, u64) {
    let mut events = house.events(&format!("/api/v1/pushes/{id}/events"), from).await;
    let (mut bytes, mut last) = (Vec::new(), from);
    while let Some(event) = events.next().await.unwrap() {
        match event.name.as_str() {
            "records" => {
                for line in &event.data {
                    bytes.extend_from_slice(line.as_bytes());
                    bytes.push(b'\n');
                }
                last = event.id.unwrap().parse().unwrap();
                if bytes.len() >= most {
                    break;
                }
                tokio::time::sleep(pause).await;
            }
            "end" => break,
            _ => {}
        }
    }
    (bytes, last)
}

#[tokio::test]
async fn late_cut_off_and_slow_viewers_each_end_with_exactly_the_bytes_of_the_journal() {
    let house = House::build(Plans { qa: &["qa1", "qa2", "qa3"], commands: TALK, ..Plans::default() }).await;
    let id = house.press("qa").await;
    let early = watch(&house, id, 0, usize::MAX, Duration::ZERO);
    let slow = watch(&house, id, 0, usize::MAX, Duration::from_millis(40));
    let cut_off = async {
        let (mut all, mut from) = (Vec::new(), 0);
        // Cut off again and again: each time it says where it was.
        for most in [1, 5_000, 20_000, 60_000, usize::MAX] {
            let (bytes, last) = watch(&house, id, from, most, Duration::ZERO).await;
            all.extend_from_slice(&bytes);
            from = last;
        }
        all
    };
    let late = async {
        house.journal_says(id, "line 300 of").await;
        watch(&house, id, 0, usize::MAX, Duration::ZERO).await
    };
    let ((early, _), (slow, _), cut_off, (late, _)) = tokio::join!(early, slow, cut_off, late);
    let journal = house.journal(id);
    assert!(journal.len() > 100_000);
    for (who, saw) in [("early", early), ("slow", slow), ("cut off", cut_off), ("late", late)] {
        assert!(saw == journal, "the {who} viewer saw {} bytes of {}", saw.len(), journal.len());
    }
    let (again, _) = watch(&house, id, 0, usize::MAX, Duration::ZERO).await;
    assert!(again == journal, "and a viewer after the end as well");
}
