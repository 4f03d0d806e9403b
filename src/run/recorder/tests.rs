use super::*;
use crate::journal::sample::{command_started, host_ended, host_started, started};
use crate::journal::{Cursor, Ended, HostResult, PushDir, Reader, Record};
use std::sync::atomic::AtomicBool;
use tokio::time::timeout;

/// Nothing here takes a second.
const DEADLINE: Duration = Duration::from_secs(20);

fn records(push: &PushDir) -> Vec<Record> {
    let batch = Reader::open(&push.journal()).unwrap().read_from(Cursor::default(), 1 << 20).unwrap();
    assert!(!batch.torn);
    batch.records.into_iter().map(|read| read.record).collect()
}

#[tokio::test]
async fn a_record_that_may_not_follow_ends_the_push_and_nobody_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let push = PushDir::at(dir.path());
    let (broken, broken_off) = oneshot::channel();
    let broken = std::sync::Mutex::new(Some(broken));
    let alarms = Alarms {
        disk_full: Box::new(|| {}),
        broken_off: Box::new(move || broken.lock().unwrap().take().unwrap().send(()).unwrap()),
    };
    let (recorder, _written) = Recorder::start(Writer::create(&push).unwrap(), push.reserve(), alarms);
    for event in [started(&["a", "b"], 2), command_started(1)] {
        recorder.soon(event).await;
    }
    recorder.state(host_started(1, "a")).await;
    recorder.state(host_ended(1, "a", HostResult::Ok)).await;
    recorder.state(host_started(1, "b")).await;
    // Its command never began: who waits for this record is about to touch a host.
    let told = Arc::new(AtomicBool::new(false));
    let (waits, heard) = (recorder.clone(), Arc::clone(&told));
    tokio::spawn(async move {
        waits.state(host_started(2, "a")).await;
        heard.store(true, Ordering::SeqCst);
    });
    timeout(DEADLINE, broken_off).await.unwrap().unwrap();
    // Neither does what comes after it get into the journal.
    recorder.soon(command_started(2)).await;
    tokio::task::yield_now().await;
    let records = records(&push);
    assert_eq!(records.len(), 6);
    let Event::PushEnded { state, why, unknown, hosts_total, .. } = &records[5].event else { panic!("{records:?}") };
    assert_eq!((*state, *hosts_total, &unknown[..]), (Ended::Interrupted, 2, &["b".to_owned()][..]));
    let why = why.as_deref().unwrap();
    assert!(why.starts_with("the runner made an error, and was stopped: record 6: the command"), "{why}");
    assert!(!told.load(Ordering::SeqCst), "a record that was refused passed for durable");
}
