//! Opening the desk, in the order of TRUST section 2: lock, ledger, stack files, pushes found again; then its background.
//! It must never open on a data directory that another server uses.

use super::Desk;
use super::parts::channels::Channels;
use super::parts::home::Home;
use super::parts::hosts::drift::Drifts;
use super::parts::hosts::inventories::Inventories;
use super::parts::hosts::warm::Warm;
use super::parts::journals::Journals;
use super::parts::notify_targets::NotifyTargets;
use super::parts::sources::branches::Branches;
use super::parts::sources::fetching::Fetching;
use super::parts::sources::stack_files::StackFolder;
use super::parts::uploads::Uploads;
use super::push::follow::FollowError;
use crate::config::Config;
use crate::ledger::fold::unfinished;
use crate::ledger::{Ledger, LedgerError};
use crate::reading::NOTE;
use crate::source::git::take_over;
use crate::supervise::{Health, blocking};
use crate::time::At;
use nix::unistd::AccessFlags;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often the stack files are looked at.
const SHELF_LOOK: Duration = Duration::from_secs(1);

/// Why the desk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {source}")]
    Data {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server uses the data directory; the command line exits 3.
    #[error("the data directory {path} is in use by another pushbutton ({who}); stop that one first")]
    Taken {
        /// The directory.
        path: PathBuf,
        /// Who: `pid 4127 since 2026-11-21T10:00:00.000Z`.
        who: String,
    },
    /// The stack files cannot be read.
    #[error("the stack files in {path} cannot be read: {source}")]
    Stacks {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A push of an earlier server can be neither followed nor ended.
    #[error("push {push} of an earlier server cannot be followed: {why}")]
    Push {
        /// Its number.
        push: i64,
        /// Why.
        why: String,
    },
}

impl Desk {
    /// Opens the desk: pushes that an earlier server left are followed, or ended as *interrupted*.
    ///
    /// # Errors
    /// When another server is here already, or data, ledger or stack files cannot be used.
    pub async fn open(config: Arc<Config>) -> Result<Arc<Self>, DeskError> {
        // The very program that runs, also after the file was replaced by an upgrade.
        Self::open_with(config, PathBuf::from("/proc/self/exe")).await
    }

    /// Opens the desk with another program for its runners, called as `PROGRAM runner PUSH_DIR`: for tests, whose own
    /// program is not the runner's.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub async fn open_with(config: Arc<Config>, program: PathBuf) -> Result<Arc<Self>, DeskError> {
        let data = config.data.clone();
        let bad_data = |source| DeskError::Data { path: data.clone(), source };
        private_dir(&data).map_err(bad_data)?;
        let instance = lock_instance(&data)?;
        private_dir(&data.join("pushes")).map_err(bad_data)?;
        private_dir(&data.join("incoming")).map_err(bad_data)?;
        clear(&data.join("incoming")).map_err(bad_data)?;
        let home = Home::open(&data).map_err(bad_data)?;
        let ledger = Ledger::open(&ledger_in(&data))?;
        let stack_folder = StackFolder::load(&config.stacks)
            .map_err(|source| DeskError::Stacks { path: config.stacks.clone(), source })?;
        let stack_files = watch::channel(stack_folder.stack_files()).0;
        let notify_targets = NotifyTargets::new(Arc::clone(&config), stack_files.subscribe());
        let changes = watch::channel(0).0;
        let (limits, seconds) = (config.limits.clone(), Duration::from_secs);
        let desk = Arc::new_cyclic(|me| Self {
            boards: super::parts::boards::Boards::default(),
            auto_tries: super::parts::auto_tries::AutoTries::default(),
            branches: Branches::new(data.join("mirrors"), config.ssh.config.clone(), limits.source(), ledger.clone()),
            fetching: Fetching::new(seconds(limits.fetch_every_s.max(1))),
            publishing: tokio::sync::Mutex::default(),
            uploads: Uploads::new(data.join("uploads")),
            ledger,
            program,
            rights_file: super::parts::rights_file::RightsFile::new(&config),
            stack_files,
            stack_folder: Mutex::new(stack_folder),
            journals: Journals::default(),
            notify_targets,
            files: super::parts::sources::file_changes::FilesChanged::default(),
            recent_plans: super::parts::recent_plans::RecentPlans::default(),
            warm: Warm::new(
                &data.join("ssh"),
                config.ssh.config.clone(),
                limits.warm_hosts,
                seconds(limits.check_every_s),
            ),
            checkups: super::parts::hosts::checkups::Checkups::default(),
            drifts: Drifts::new(seconds(limits.probe_every_s)),
            inventories: Inventories::new(seconds(limits.inventory_every_s)),
            channels: Channels::new(changes.clone()),
            changes,
            looking: Arc::default(),
            hold_set: Notify::new(),
            floor: AtomicI64::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            health: Health::default(),
            room: super::parts::room::Room::default(),
            usage: std::sync::Mutex::default(),
            not_isolated: Mutex::default(),
            noted: super::parts::sources::noted::Noted::default(),
            home,
            seen_pushes: super::parts::hosts::numbers::SeenPushes::default(),
            runtime: Handle::current(),
            me: me.clone(),
            _instance: instance,
            config,
        });
        desk.recover().await?;
        // What ended while nobody was here is written down now.
        desk.end_holds().await?;
        desk.note_files().await?;
        desk.take_over_mirrors().await?;
        desk.remove_unknown_published().await?;
        Ok(desk)
    }

    /// Starts what goes on by itself: stack files are re-read, branches fetched, hosts listed and kept
    /// connected, holds that are over taken away, stages pushed whose files say so. Running pushes are followed from the moment the desk is open; when `stop` is cancelled, that ends too, and then the answered task. Runners go on.
    pub fn background(self: &Arc<Self>, stop: CancellationToken) -> JoinHandle<()> {
        let desk = Arc::clone(self);
        self.runtime.spawn(async move {
            desk.keep("read stack files", |desk| async move { desk.keep_reading().await });
            desk.keep("fetch branches", |desk| async move { desk.keep_fetching(desk.stop.clone()).await });
            // Without hosts to keep it has nothing to do, and ends.
            if desk.config.limits.warm_hosts > 0 {
                desk.keep("keep hosts connected", |desk| async move { desk.keep_warm(desk.stop.clone()).await });
            }
            desk.keep("ask commands for hosts", |desk| async move { desk.keep_listing().await });
            desk.keep("remove old uploads", |desk| async move { desk.keep_removing_uploads().await });
            desk.keep("remove old builds", |desk| async move { desk.keep_pruning_builds().await });
            desk.keep("compress old journals", |desk| async move { desk.keep_compressing_journals().await });
            desk.keep("write the weekly mail", |desk| async move { desk.keep_writing_weeks().await });
            desk.keep("push by itself", |desk| async move { desk.keep_pushing().await });
            desk.keep("end holds", |desk| async move { desk.keep_ending_holds().await });
            desk.keep("try to isolate commands", |desk| async move { desk.keep_trying_to_isolate().await });
            desk.keep("try the ledger", |desk| async move { desk.keep_trying_to_write().await });
            stop.cancelled().await;
            desk.stop.cancel();
            desk.tasks.close();
            desk.tasks.wait().await;
        })
    }

    /// Puts mirrors where this version looks for them. While a push runs, whose runner may read the old ones, they stay: then
    /// new ones are made beside them, and a later start cleans up.
    async fn take_over_mirrors(&self) -> Result<(), DeskError> {
        if !self.ledger.read(unfinished).await?.is_empty() {
            return Ok(());
        }
        let mirrors = self.config.data.join("mirrors");
        match blocking(move || take_over(&mirrors)).await {
            Ok(None) => {}
            // Gigabytes, perhaps: nobody waits for it.
            Ok(Some(aside)) => _ = self.runtime.spawn_blocking(move || std::fs::remove_dir_all(aside)),
            Err(error) => {
                tracing::warn!(%error, "mirrors of an earlier version are not reused: they are fetched again")
            }
        }
        Ok(())
    }

    async fn keep_reading(self: &Arc<Self>) {
        loop {
            tokio::select! { () = self.stop.cancelled() => return, () = tokio::time::sleep(SHELF_LOOK) => {} }
            let desk = Arc::clone(self);
            // It panics only when the runtime ends.
            let _ = tokio::task::spawn_blocking(move || desk.refresh_files()).await;
            if let Err(error) = self.note_files().await {
                tracing::warn!(%error, "that stack files were changed is not in the audit yet");
            }
        }
    }
}

/// Whether the desk could be opened over these directories, as far as that can be known without making, changing or locking
/// anything; a server that runs there is no hindrance. The words are those of [`Desk::open`].
///
/// # Errors
/// Everything that stands in its way.
pub fn look(config: &Config) -> Vec<DeskError> {
    let data = look_at_data(&config.data).map_err(|source| DeskError::Data { path: config.data.clone(), source });
    let stacks =
        std::fs::read_dir(&config.stacks).map_err(|source| DeskError::Stacks { path: config.stacks.clone(), source });
    [data.err(), stacks.err()].into_iter().flatten().collect()
}

/// Where the ledger of a data directory lies.
pub fn ledger_in(data: &Path) -> PathBuf {
    data.join("pushbutton.db")
}

fn look_at_data(data: &Path) -> io::Result<()> {
    let meta = match std::fs::metadata(data) {
        // It will be made: in the nearest directory that is there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there = data.ancestors().skip(1).find(|path| path.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
            return must_be_writable_dir(there);
        }
        meta => meta?,
    };
    must_be_writable_dir(data)?;
    let us = nix::unistd::geteuid();
    if meta.permissions().mode() & 0o077 != 0 && !us.is_root() && meta.uid() != us.as_raw() {
        let words = format!("others can read it, and it belongs to user {}, so it cannot be closed", meta.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    }
    for name in ["pushes", "incoming"].map(|name| data.join(name)) {
        if name.symlink_metadata().is_ok() {
            must_be_writable_dir(&name)?;
        }
    }
    for name in ["instance.lock", "pushbutton.db"].map(|name| data.join(name)) {
        if name.symlink_metadata().is_ok() {
            nix::unistd::access(&name, AccessFlags::R_OK | AccessFlags::W_OK)
                .map_err(|errno| named(&name, errno.into()))?;
        }
    }
    Ok(())
}

fn must_be_writable_dir(path: &Path) -> io::Result<()> {
    let bad = |error: io::Error| named(path, error);
    if !std::fs::metadata(path).map_err(bad)?.is_dir() {
        return Err(bad(io::ErrorKind::NotADirectory.into()));
    }
    nix::unistd::access(path, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|errno| bad(errno.into()))
}

/// What the system said, and of what: it may be above or below the directory that is spoken of.
fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Made 0700 if it is missing, and brought to 0700 if others may look in.
fn private_dir(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mode = std::fs::metadata(path)?.permissions().mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => std::fs::set_permissions(path, Permissions::from_mode(0o700)),
    }
}

/// Removes what an earlier server left there when it was killed: what came in halfway is sent again.
fn clear(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => std::fs::remove_dir_all(entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// The lock goes with the process, however that ends; children do not inherit it (close-on-exec is Rust's default).
fn lock_instance(data: &Path) -> Result<File, DeskError> {
    let path = data.join("instance.lock");
    let bad = |source| DeskError::Data { path: data.to_owned(), source };
    let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = options().map_err(bad)?;
    match file.try_lock() {
        Ok(()) => {
            let words = format!("pid {} since {}", std::process::id(), At::now());
            file.set_len(0).and_then(|()| file.write_all(words.as_bytes())).map_err(bad)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            file.take(NOTE).read_to_string(&mut who).map_err(bad)?;
            Err(DeskError::Taken { path: data.to_owned(), who })
        }
        Err(TryLockError::Error(error)) => Err(bad(error)),
    }
}

impl DeskError {
    /// What to do, for whoever runs the server; none where the words say it themselves.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors are not ours")]
    pub fn cure(&self) -> Option<String> {
        Some(match self {
            Self::Data { path, source } => match source.kind() {
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "move what is there elsewhere, or name another place: data = \"…\"".to_owned()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free space there: `df -h` and `df -i` show how much there is".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => "name a writable place: data = \"…\"".to_owned(),
                _ => format!("it must belong to the user who runs the server: chown -R USER {}", path.display()),
            },
            Self::Stacks { path, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("make it (mkdir {}), or say where the stack files are: stacks = \"…\"", path.display())
            }
            Self::Stacks { .. } => "it must be a directory that the user who runs the server can read".to_owned(),
            Self::Taken { .. } | Self::Ledger(_) | Self::Push { .. } => return None,
        })
    }

    /// The key of the server's file that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Data { .. } | Self::Taken { .. } | Self::Ledger(_) | Self::Push { .. } => "data",
            Self::Stacks { .. } => "stacks",
        }
    }

    pub(super) fn push(push: crate::stack::PushNumber, error: &FollowError) -> Self {
        Self::Push { push: push.get(), why: error.to_string() }
    }
}
