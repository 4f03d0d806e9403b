use super::*;
use rusqlite::ffi;

#[tokio::test]
async fn whenever_sqlite_cannot_go_on_with_the_file_the_file_and_the_cure_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pushbutton.db");
    let ledger = Ledger::open(&path).unwrap();
    let full =
        || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), Some("database or disk is full".into()));
    let words = format!(
        "the ledger {} cannot be used: database or disk is full (its disk is full, or a quota is used up): free space",
        path.display()
    );
    let written = ledger.write(move |_| Err::<(), _>(full().into())).await.unwrap_err().to_string();
    let read = ledger.read(move |_| Err::<(), _>(full().into())).await.unwrap_err().to_string();
    assert!(written.starts_with(&words) && read == written, "{written}; {read}");
    // A question that is wrong is not a trouble of the file.
    let asked = ledger.read(|conn| Ok(conn.execute_batch("SELECT 1 FROM")?)).await.unwrap_err();
    assert!(matches!(asked, LedgerError::Sqlite(_)), "{asked}");
}

#[test]
fn a_file_that_cannot_be_opened_is_told_alike_by_who_opens_it_and_by_who_only_looks() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.db");
    drop(Ledger::open(&whole).unwrap());
    assert!(look(&whole).is_ok());
    let names = |dir: &Path| std::fs::read_dir(dir).unwrap().count();
    let before = names(dir.path());
    let bytes = std::fs::read(&whole).unwrap();
    let damaged: Vec<u8> = bytes.iter().enumerate().map(|(at, b)| if at > 4096 { 0x5a } else { *b }).collect();
    let newer = [&bytes[..60], &[0, 0, 0, 99], &bytes[64..]].concat();
    let files: [(&str, Vec<u8>, &str); 3] = [
        ("damaged.db", damaged, "(the file is damaged): move the data directory away, and restore the last backup"),
        ("none.db", b"<html>".repeat(1000), "(it was overwritten with something else): move the data directory away"),
        ("newer.db", newer, "its schema is version 99, this pushbutton knows version 2; start the newer pushbutton"),
    ];
    for (name, bytes, words) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let looked = look(&path).unwrap_err().to_string();
        assert!(looked.contains(&path.display().to_string()) && looked.contains(words), "{looked}");
        let opened = Ledger::open(&path).err().unwrap().to_string();
        assert!(opened.contains(words), "{opened}");
    }
    assert!(names(dir.path()) >= before + 3);
    assert!(look(dir.path()).is_err(), "a directory is none");
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    (dir, ledger)
}

#[tokio::test]
async fn a_job_that_panics_is_answered_and_changes_nothing_and_the_next_one_works() {
    let (_dir, ledger) = ledger();
    let broken = ledger
        .write(|tx| -> LedgerResult<()> {
            tx.execute_batch("CREATE TABLE half_done (x)")?;
            panic!("a row that nobody thought of")
        })
        .await;
    assert!(matches!(&broken, Err(LedgerError::Broken(why)) if why == "a row that nobody thought of"), "{broken:?}");
    let asked = ledger.read(|_| -> LedgerResult<()> { panic!("of {}", 17) }).await;
    assert!(matches!(&asked, Err(LedgerError::Broken(why)) if why == "of 17"), "{asked:?}");
    let count = "SELECT count(*) FROM sqlite_schema WHERE name = 'half_done'";
    let left = ledger.read(move |c| Ok(c.query_row(count, [], |row| row.get::<_, i64>(0))?)).await.unwrap();
    assert_eq!(left, 0);
    assert!(ledger.write(|tx| Ok(tx.execute_batch("CREATE TABLE whole (x)")?)).await.is_ok());
}

#[tokio::test]
async fn questions_whose_askers_have_gone_keep_their_places_and_open_no_more_connections() {
    let (_dir, ledger) = ledger();
    let (open, closed) = std::sync::mpsc::channel::<()>();
    let closed = Arc::new(Mutex::new(closed));
    for _ in 0..READERS {
        let wait = Arc::clone(&closed);
        let asked = ledger.read(move |_| {
            let _ = wait.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok(())
        });
        // It goes before the answer comes.
        assert!(tokio::time::timeout(Duration::from_millis(20), asked).await.is_err());
    }
    assert_eq!(ledger.readers.places.available_permits(), 0);
    drop(open);
    for _ in 0..3 * READERS {
        ledger.read(|c| Ok(c.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?)).await.unwrap();
    }
    assert!(ledger.readers.idle.lock().unwrap().len() <= READERS);
}
