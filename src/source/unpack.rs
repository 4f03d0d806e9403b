//! The tar of a published build, unpacked into a directory of its own. It must never write outside of that directory, follow
//! a link, keep an owner or a set-id bit, or write more than it may: the file is from outside. Called by the desk.
//!
//! Links are made last, when all files lie there, so nothing is ever written through one; where they lead is judged when
//! the tree is frozen, as of every other build.

use super::tree::{FreezeError, Offenders};
use crate::size::Most;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tar::{Archive, Entry, EntryType};

/// The longest extended header: long names and times need some hundred bytes, and all of it is read into memory.
const LONGEST_EXTENSION: u64 = 64 * 1024;
/// What a tar is made of, in bytes.
const BLOCK: u64 = 512;
/// How long it may take: a tar that is longer is made to keep the server busy.
const LONGEST_WORK: Duration = Duration::from_secs(600);
/// Bytes that are read and written at once.
const PIECE: usize = 64 * 1024;

/// Why a tar was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is no tar, or is cut off.
    #[error("it is not a complete tar archive: {0}")]
    NoTar(String),
    /// It holds what no build may hold.
    #[error("it {0}")]
    Refused(Offenders),
    /// It holds too much.
    #[error("it holds more than {0}; [limits] in the server's configuration sets the limit of a published build")]
    TooMuch(String),
    /// The disk said no.
    #[error("{0}")]
    Disk(#[from] FreezeError),
}

/// Unpacks a tar into `to`, which must not exist. What was written before an error stays for the caller to remove. Blocking.
///
/// # Errors
/// Why it was not unpacked.
pub fn unpack(mut tar: File, to: &Path, most: Most) -> Result<(), UnpackError> {
    let mut beginning = [0; 2];
    if matches!(tar.read(&mut beginning), Ok(2)) && beginning == [0x1f, 0x8b] {
        return Err(UnpackError::NoTar("it is compressed with gzip; send it uncompressed".to_owned()));
    }
    look_through(&mut tar, most)?;
    tar.seek(SeekFrom::Start(0)).map_err(no_tar)?;
    DirBuilder::new().mode(0o700).create(to).map_err(FreezeError::at(to))?;
    let mut work = Unpacking {
        to,
        until: Instant::now() + LONGEST_WORK,
        left: most.mib << 20,
        most,
        offenders: Offenders::default(),
        links: BTreeMap::new(),
    };
    for entry in Archive::new(&mut tar).entries().map_err(no_tar)? {
        work.take(entry.map_err(no_tar)?)?;
    }
    for (path, target) in &work.links {
        let place = to.join(path);
        match std::os::unix::fs::symlink(target, &place) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                work.offenders.add(path.display().to_string(), "it is there twice");
            }
            linked => linked.map_err(FreezeError::at(&place))?,
        }
    }
    match work.offenders.into_result() {
        Err(FreezeError::Refused(offenders)) => Err(UnpackError::Refused(offenders)),
        done => Ok(done?),
    }
}

/// Counts the headers and measures those that are read into memory, before anything of them is.
fn look_through(tar: &mut File, most: Most) -> Result<(), UnpackError> {
    tar.seek(SeekFrom::Start(0)).map_err(no_tar)?;
    let mut archive = Archive::new(tar);
    // Each entry may have some headers of extensions of its own.
    let most_headers = most.entries.saturating_mul(4);
    let mut end = 0;
    for (number, entry) in archive.entries_with_seek().map_err(no_tar)?.raw(true).enumerate() {
        let entry = entry.map_err(no_tar)?;
        end = entry.raw_file_position().saturating_add(entry.size().div_ceil(BLOCK).saturating_mul(BLOCK));
        let kind = entry.header().entry_type();
        let extends = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_global_extensions()
            || kind.is_pax_local_extensions();
        if number >= most_headers {
            return Err(UnpackError::TooMuch(format!("{} paths", most.entries)));
        }
        if extends && entry.size() > LONGEST_EXTENSION {
            return Err(UnpackError::NoTar(format!("a name or header of {} bytes", entry.size())));
        }
    }
    ends_whole(archive.into_inner(), end)
}

/// Whether two blocks of zeros stand at `end`, behind the last entry, and nothing but zeros follows. Where the file ends
/// without them, the rest of it may be missing; where more follows, it would be left out without a word.
fn ends_whole(tar: &mut File, end: u64) -> Result<(), UnpackError> {
    tar.seek(SeekFrom::Start(end)).map_err(no_tar)?;
    let (mut left, mut piece) = (0, vec![0; PIECE]);
    loop {
        let read = tar.read(&mut piece).map_err(no_tar)?;
        match read {
            0 if left < 2 * BLOCK => {
                let why = "it ends without tar's end mark (two blocks of zeros), so it is incomplete; nothing was stored: send it again";
                return Err(UnpackError::NoTar(why.to_owned()));
            }
            0 => return Ok(()),
            read if piece[..read].iter().any(|byte| *byte != 0) => {
                let why = "there is more data after its end mark, as when two tar files were joined; pack everything into one";
                return Err(UnpackError::NoTar(why.to_owned()));
            }
            read => left += read as u64,
        }
    }
}

fn no_tar(error: std::io::Error) -> UnpackError {
    UnpackError::NoTar(error.to_string())
}

struct Unpacking<'a> {
    to: &'a Path,
    /// When it must be done.
    until: Instant,
    /// Bytes that may still be written.
    left: u64,
    most: Most,
    offenders: Offenders,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Unpacking<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of entries of a tar are not ours")]
    fn take(&mut self, mut entry: Entry<'_, &mut File>) -> Result<(), UnpackError> {
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            return Ok(());
        }
        self.spend_entry()?;
        let said = entry.path().map_err(no_tar)?.into_owned();
        let shown = said.display().to_string().escape_debug().to_string();
        let Some(path) = inner(&said) else {
            self.offenders.add(shown, "its name leads outside, or is absolute");
            return Ok(());
        };
        if path.as_os_str().is_empty() && kind.is_dir() {
            return Ok(());
        }
        match kind {
            _ if path.as_os_str().is_empty() => self.offenders.add(shown, "it has no name"),
            _ if is_pax_sparse(&mut entry) => {
                self.offenders.add(shown, "it is a sparse file; pack it without --sparse")
            }
            EntryType::Directory => match self.make_dir(&path) {
                Ok(()) => {}
                Err(why) => self.offenders.add(shown, why?),
            },
            EntryType::Symlink => {
                let target = entry.link_name().map_err(no_tar)?.map(|target| target.into_owned());
                match (target, self.make_parent(&path)) {
                    (_, Err(why)) => self.offenders.add(shown, why?),
                    (Some(target), Ok(())) if !self.links.contains_key(&path) => {
                        self.links.insert(path, target);
                    }
                    (Some(_), Ok(())) => self.offenders.add(shown, "it is there twice"),
                    (None, Ok(())) => self.offenders.add(shown, "it is a link without a target"),
                }
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mode = entry.header().mode().map_err(no_tar)?;
                match self.make_parent(&path) {
                    Err(why) => self.offenders.add(shown, why?),
                    Ok(()) if mode & 0o6000 != 0 => self.offenders.add(shown, "it is setuid or setgid"),
                    Ok(()) => self.write(&mut entry, &path, mode, shown)?,
                }
            }
            EntryType::Link => self.offenders.add(shown, "it is a hard link; pack with --hard-dereference"),
            EntryType::Fifo => self.offenders.add(shown, "it is a fifo"),
            EntryType::Char | EntryType::Block => self.offenders.add(shown, "it is a device"),
            _ => self.offenders.add(shown, "it is neither a file, a directory nor a link"),
        }
        Ok(())
    }

    /// Counts something that takes an inode, and looks at the time.
    fn spend_entry(&mut self) -> Result<(), UnpackError> {
        if Instant::now() > self.until {
            return Err(UnpackError::TooMuch(format!("can be unpacked in {} minutes", LONGEST_WORK.as_secs() / 60)));
        }
        let left = self.most.entries.checked_sub(1);
        self.most.entries = left.ok_or_else(|| UnpackError::TooMuch("the paths that it may".to_owned()))?;
        Ok(())
    }

    fn write(
        &mut self,
        entry: &mut Entry<'_, &mut File>,
        path: &Path,
        mode: u32,
        shown: String,
    ) -> Result<(), UnpackError> {
        let place = self.to.join(path);
        let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
        let no_follow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
        let made = File::options().write(true).create_new(true).mode(mode).custom_flags(no_follow).open(&place);
        let mut file = match made {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.offenders.add(shown, "it is there twice");
                return Ok(());
            }
            Err(error) => return Err(FreezeError::at(&place)(error).into()),
        };
        let mut piece = vec![0; PIECE];
        loop {
            let read = entry.read(&mut piece).map_err(no_tar)?;
            if read == 0 {
                break;
            }
            // What is counted is what comes out: a hole of a sparse file is as long as it says.
            let too_much = || UnpackError::TooMuch(format!("{} MiB", self.most.mib));
            self.left = self.left.checked_sub(read as u64).ok_or_else(too_much)?;
            if Instant::now() > self.until {
                self.spend_entry()?;
            }
            file.write_all(&piece[..read]).map_err(FreezeError::at(&place))?;
        }
        let modified = UNIX_EPOCH.checked_add(Duration::from_secs(entry.header().mtime().unwrap_or(0)));
        // A time that no file system knows is none.
        let _ = modified.map(|modified| file.set_modified(modified));
        Ok(())
    }

    /// Makes the directory that a path lies in. The inner error is for the list of offenders.
    fn make_parent(&mut self, path: &Path) -> Result<(), Result<&'static str, UnpackError>> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.make_dir(parent),
            _ => Ok(()),
        }
    }

    /// Makes a directory with those that it lies in; each of them counts, named or not.
    fn make_dir(&mut self, path: &Path) -> Result<(), Result<&'static str, UnpackError>> {
        let place = self.to.join(path);
        match DirBuilder::new().mode(0o755).create(&place) {
            Ok(()) => self.spend_entry().map_err(Err),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && place.is_dir() => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && path.parent().is_some() => {
                self.make_parent(path)?;
                self.make_dir(path)
            }
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
                Err(Ok("a file is where its directory should be"))
            }
            Err(error) => Err(Err(FreezeError::at(&place)(error).into())),
        }
    }
}

/// A path within the tree; none for one that leads outside.
fn inner(said: &Path) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in said.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// A sparse file in the form that its own header tells of, and which would come out as its map and pieces.
fn is_pax_sparse(entry: &mut Entry<'_, &mut File>) -> bool {
    let Ok(Some(extensions)) = entry.pax_extensions() else { return false };
    extensions.filter_map(Result::ok).any(|extension| extension.key_bytes().starts_with(b"GNU.sparse."))
}

#[cfg(test)]
mod tests;
