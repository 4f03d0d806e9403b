//! The runner: one process per push, which reads `plan.json`, walks the plan over the hosts, and appends to the journal.
//! It must never know who watches, never read the ledger, and never begin a push whose journal has a record: a late
//! runner exits untouched. Started by the desk through `pushbutton runner DIR`; it lives on when the server dies.

mod commands;
mod connections;
mod job;
mod orders;
mod outcome;
mod policy;
mod preflight;
mod progress;
mod recorder;
mod roll;
mod secrets;
mod spread;
mod step;
mod walk;
mod work;

use crate::journal::{Event, PushDir, Writer};
use crate::plan::{self, Assignment};
use crate::reading;
use crate::remote::masters::Masters;
use commands::numbered;
use job::Job;
use nix::fcntl::{Flock, FlockArg};
use orders::Orders;
pub use orders::{ANOTHER, ConfirmAnswer, NOT_PAUSED, OBEYED, Order, PAUSED};
pub use recorder::DISK_FAILED;
use recorder::{Alarms, Recorder};
use secrets::Secrets;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

/// Why a runner could not even begin; what it began ends in the journal instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of the push cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// `plan.json` is not a plan.
    #[error("{path} is not a plan: {source}")]
    Plan {
        /// The file.
        path: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// Runs the push in `dir` to its end.
///
/// # Errors
/// When it could not begin; the server then ends the push as *interrupted, nothing ran*.
pub fn main(dir: &Path) -> Result<ExitCode, RunError> {
    // A session of its own: a hangup or Ctrl-C of the server's terminal is not ours. It fails only for a process that
    // leads its group already, which then has what it needs.
    let _ = nix::unistd::setsid();
    // What a crash leaves behind must not hold the secrets of the commands (TRUST section 3).
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    // A build, and what it packs, must not have other modes because a unit closes the server's own files (UMask=).
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let push = PushDir::at(dir);
    let Some(_lock) = lock(&push)? else { return Ok(ExitCode::SUCCESS) };
    let assignment = read_plan(&push)?;
    let writer = match Writer::create(&push) {
        Ok(writer) => writer,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(ExitCode::SUCCESS),
        Err(source) => return Err(file_error(&push.journal(), source)),
    };
    reserve(&push);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| file_error(dir, source))?;
    runtime.block_on(run(push, assignment, writer))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(push: PushDir, assignment: Assignment, writer: Writer) -> Result<(), RunError> {
    let orders = Orders::listen(&push).map_err(|source| file_error(&push.control(), source))?;
    let alarms = Alarms {
        disk_full: Box::new({
            let orders = orders.clone();
            move || orders.disk_full()
        }),
        broken_off: Box::new(|| std::process::exit(i32::from(DISK_FAILED))),
    };
    let (recorder, written) = Recorder::start(writer, push.reserve(), alarms);
    recorder.soon(started(&assignment)).await;
    orders.open(recorder.clone()).await;
    let data = push.dir().parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
    let masters = Masters::new(&data.join("ssh"), assignment.ssh_config.clone());
    let bad_path = plan::look_at_paths(&assignment).err().map(|bad| bad.to_string());
    let ended = match (masters, Secrets::read(&assignment.plan.secrets)) {
        (Ok(masters), Ok(secrets)) if bad_path.is_none() => {
            let (recorder, orders) = (recorder.clone(), orders.clone());
            let job = Job::new(data, &push, assignment, masters, secrets, recorder, orders);
            walk::to_the_end(&job).await
        }
        (Err(error), _) => walk::could_not_begin(&assignment, &format!("the ssh directory cannot be used: {error}")),
        (Ok(_), Ok(_)) => walk::could_not_begin(&assignment, &bad_path.unwrap_or_default()),
        (_, Err(why)) => walk::could_not_begin(&assignment, &why),
    };
    orders.close().await;
    recorder.state(ended).await;
    drop(recorder);
    // The writer's task ends when the last handle is gone; everything is durable by then.
    let _ = written.await;
    let _ = std::fs::remove_file(push.control());
    let _ = std::fs::remove_file(push.reserve());
    Ok(())
}

fn started(assignment: &Assignment) -> Event {
    let plan = &assignment.plan;
    let values = plan::values(assignment, None);
    Event::PushStarted {
        push: assignment.push,
        stack: plan.stack.clone(),
        stage: plan.stage.clone(),
        who: assignment.who.clone(),
        build: assignment.build.clone(),
        sha: plan.sha.clone(),
        pid: std::process::id(),
        pid_start: own_start_time(),
        boot: boot_id(),
        plan_hash: assignment.plan_hash.clone(),
        hosts: plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
        commands: plan.titles(&values),
        conditional: numbered(&plan.commands)
            .filter(|(_, command)| command.part.is_conditional())
            .map(|(n, _)| n)
            .collect(),
        flips: numbered(&plan.commands).filter(|(_, command)| command.is_flip()).map(|(n, _)| n).collect(),
        proof: Some(Box::new(assignment.proof())),
    }
}

fn file_error(path: &Path, source: std::io::Error) -> RunError {
    RunError::File { path: path.display().to_string(), source }
}

fn lock(push: &PushDir) -> Result<Option<Flock<File>>, RunError> {
    let path = push.lock();
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|source| file_error(&path, source))?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
}

fn read_plan(push: &PushDir) -> Result<Assignment, RunError> {
    let path = push.plan();
    let text = reading::bytes(&path, reading::PLAN).map_err(|source| file_error(&path, source))?;
    serde_json::from_slice(&text).map_err(|source| RunError::Plan { path: path.display().to_string(), source })
}

/// One MiB for state records on a full disk (TRUST section 2). Without it the push still runs; it only ends less well.
fn reserve(push: &PushDir) {
    let _ = std::fs::write(push.reserve(), vec![1_u8; 1 << 20]);
}

/// When this process began, in clock ticks since boot: field 22 of `/proc/self/stat`, counted behind the name.
fn own_start_time() -> u64 {
    let stat = reading::text("/proc/self/stat", reading::NOTE).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().nth(19).and_then(|field| field.parse().ok()).unwrap_or(0)
}

fn boot_id() -> String {
    reading::text("/proc/sys/kernel/random/boot_id", reading::NOTE).unwrap_or_default().trim().to_owned()
}
