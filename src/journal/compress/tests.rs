//! Whoever is ended anywhere while a journal is compressed leaves a journal that is whole, and the next look goes on from there.

use super::*;
use crate::journal::{Cursor, JournalFile, Reader, Writer, sample};
use crate::time::At;

/// A push that has ended, of some pieces.
fn ended() -> (tempfile::TempDir, PushDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let push = PushDir::at(dir.path());
    let mut writer = Writer::create(&push).unwrap();
    writer.add(At::from_millis(0), sample::started(&["web001"], 2)).unwrap();
    for n in 0..4000 {
        writer.add(At::from_millis(n), sample::line(&format!("line {n} of its output"))).unwrap();
    }
    writer.add(At::now(), sample::ended()).unwrap();
    writer.flush().unwrap();
    let bytes = fs::read(push.journal()).unwrap();
    assert!(bytes.len() > 2 * compressed::PIECE, "{}", bytes.len());
    (dir, push, bytes)
}

fn all(push: &PushDir) -> Vec<u8> {
    let file = JournalFile::open(&push.journal()).unwrap();
    let mut bytes = vec![0; usize::try_from(file.end().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn a_compressed_journal_gives_the_same_bytes_and_records_and_takes_a_fraction() {
    let (_dir, push, bytes) = ended();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    File::options().append(true).open(push.journal()).unwrap().set_modified(old).unwrap();
    let records = Reader::open(&push.journal()).unwrap().read_from(Cursor::default(), bytes.len()).unwrap();
    let Compression::Done { from, to } = compress(&push, || Ok(())).unwrap() else { panic!("nothing was done") };
    assert!(from == bytes.len() as u64 && to * 5 < from, "{from} to {to}");
    assert!(!push.journal().exists());
    assert!(all(&push) == bytes);
    assert_eq!(fs::metadata(push.compressed()).unwrap().modified().unwrap(), old);
    let reader = Reader::open(&push.journal()).unwrap();
    assert_eq!(reader.read_from(Cursor::default(), bytes.len()).unwrap(), records);
    // From a place in the middle, a little at a time.
    let middle = &records.records[2000];
    let at = Cursor { offset: middle.end, n: middle.record.n };
    assert_eq!(reader.read_from(at, 1).unwrap().records[..], records.records[2001..2002]);
    assert_eq!(compress(&push, || Ok(())).unwrap(), Compression::Nothing);
    let again = Writer::take_up(&push).map(|_| ()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists, "nothing is written beside it");
}

#[test]
fn who_is_ended_at_any_step_leaves_a_whole_journal() {
    let (_dir, push, bytes) = ended();
    let mut steps = 0;
    let whole = compress(&push, || {
        steps += 1;
        Ok(())
    });
    whole.unwrap();
    assert!(steps > 6, "written and read back, piece by piece: {steps}");
    for end in 0..steps {
        fs::write(push.journal(), &bytes).unwrap();
        fs::remove_file(push.compressed()).unwrap();
        let mut step = 0;
        let broken = compress(&push, || {
            step += 1;
            if step > end { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
        });
        assert!(broken.is_err() && push.journal().exists() && !push.compressed().exists(), "step {end}");
        // Nobody who is killed removes a draft.
        fs::write(push.dir().join("journal.jsonl.gz.new"), &bytes[..end * 100]).unwrap();
        assert!(all(&push) == bytes);
        assert!(matches!(compress(&push, || Ok(())).unwrap(), Compression::Done { .. }));
        assert!(all(&push) == bytes && !push.journal().exists(), "step {end}");
        assert!(!push.dir().join("journal.jsonl.gz.new").exists());
    }
}

#[test]
fn a_compressed_form_that_is_not_the_journals_is_written_again() {
    let (_dir, push, bytes) = ended();
    compress(&push, || Ok(())).unwrap();
    let right = fs::read(push.compressed()).unwrap();
    for wrong in [&b"nonsense"[..], &right[..right.len() / 2], &[]] {
        fs::write(push.journal(), &bytes).unwrap();
        fs::write(push.compressed(), wrong).unwrap();
        assert!(all(&push) == bytes, "the journal as it was written comes first");
        assert!(matches!(compress(&push, || Ok(())).unwrap(), Compression::Done { .. }));
        assert!(all(&push) == bytes && !push.journal().exists());
    }
    // Killed between the last two steps: both are there, and one goes.
    fs::write(push.journal(), &bytes).unwrap();
    assert!(matches!(compress(&push, || Ok(())).unwrap(), Compression::Done { .. }));
    assert!(fs::read(push.compressed()).unwrap() == right && !push.journal().exists());
}

#[test]
fn a_journal_of_one_block_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let push = PushDir::at(dir.path());
    assert_eq!(compress(&push, || Ok(())).unwrap(), Compression::Nothing, "there is none");
    fs::write(push.journal(), "{}\n").unwrap();
    assert_eq!(compress(&push, || Ok(())).unwrap(), Compression::Nothing);
    assert!(push.journal().exists() && !push.compressed().exists());
}
