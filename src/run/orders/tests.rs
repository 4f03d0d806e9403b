use super::*;
use crate::journal::{Reader, Writer};
use crate::run::recorder::Alarms;
use crate::time::At;

fn who(name: &str) -> Who {
    name.parse().unwrap()
}

fn pause() -> Order {
    Order::Pause { who: who("mary"), reason: Some("graphs".to_owned()) }
}

/// Orders of a push whose journal is in the directory, and the writer's task.
async fn opened(dir: &std::path::Path) -> (Orders, tokio::task::JoinHandle<()>) {
    let orders = Orders::default();
    let push = PushDir::at(dir);
    let mut writer = Writer::create(&push).unwrap();
    writer.add(At::now(), crate::journal::sample::started(&["web1"], 1)).unwrap();
    let alarms = Alarms { disk_full: Box::new(|| {}), broken_off: Box::new(|| {}) };
    let (recorder, written) = Recorder::start(writer, push.reserve(), alarms);
    orders.open(recorder).await;
    (orders, written)
}

fn kinds(dir: &std::path::Path) -> Vec<Event> {
    let records = Reader::open(&PushDir::at(dir).journal()).unwrap().read_from(Default::default(), 1 << 20).unwrap();
    records.records.into_iter().skip(1).map(|read| read.record.event).collect()
}

#[tokio::test]
async fn a_pause_is_durable_when_it_is_answered_and_written_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let (orders, written) = opened(dir.path()).await;
    assert!(!orders.is_paused());
    assert_eq!(orders.obey(Order::Unpause { who: who("joe") }).await.unwrap_err(), NOT_PAUSED);
    orders.obey(pause()).await.unwrap();
    assert_eq!(orders.obey(Order::Pause { who: who("joe"), reason: None }).await.unwrap_err(), PAUSED);
    assert!(orders.is_paused());
    let paused = Event::Paused { who: who("mary"), reason: Some("graphs".to_owned()) };
    let once = vec![paused.clone()];
    assert_eq!(kinds(dir.path()), once);
    let waiting = tokio::spawn({
        let orders = orders.clone();
        async move { orders.until_unpaused().await }
    });
    orders.obey(Order::Unpause { who: who("joe") }).await.unwrap();
    waiting.await.unwrap();
    assert!(!orders.is_paused());
    assert_eq!(kinds(dir.path()), [paused, Event::Resumed { who: who("joe") }]);
    orders.close().await;
    assert_eq!(orders.obey(pause()).await.unwrap_err(), "the push is over");
    written.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_a_pause_and_no_pause_ends_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (orders, _written) = opened(dir.path()).await;
    orders.obey(pause()).await.unwrap();
    orders.obey(Order::Cancel { who: who("kate"), reason: None }).await.unwrap();
    assert!(!orders.is_paused());
    orders.until_unpaused().await;
    for order in [pause(), Order::Unpause { who: who("mary") }] {
        assert_eq!(orders.obey(order).await.unwrap_err(), "the push is being stopped");
    }
}

#[test]
fn an_order_is_one_line_of_json_that_names_what_is_ordered() {
    for (order, line) in [
        (pause(), r#"{"what":"pause","who":"mary","reason":"graphs"}"#),
        (Order::Unpause { who: who("mary") }, r#"{"what":"unpause","who":"mary"}"#),
        (Order::Cancel { who: who("mary"), reason: None }, r#"{"what":"cancel","who":"mary","reason":null}"#),
    ] {
        assert_eq!(serde_json::to_string(&order).unwrap(), line);
        assert_eq!(serde_json::from_str::<Order>(line).unwrap(), order);
    }
}
