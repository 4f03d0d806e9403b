//! One mail by a program that sends, as sendmail does: its queue is what tries again. It must never let an address be an option, nor send a mail to
//! nobody.

use super::smtp::Failure;
use crate::announce::clean;
use crate::process::Program;
use lettre::address::Address;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What its exit codes say that are about the mail or its recipients (sysexits.h): what it holds, who it is for.
const OF_THE_MAIL: [i32; 4] = [65, 66, 67, 68];

/// The program.
#[derive(Clone)]
pub(super) struct Sendmail(PathBuf);

impl Sendmail {
    /// By its path.
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        self.0.display().to_string()
    }

    /// Whether it is there, and can be run.
    pub(super) fn look(&self) -> Result<(), String> {
        let meta = std::fs::metadata(&self.0).map_err(|error| format!("cannot run {}: {error}", self.name()))?;
        match meta.is_file() && meta.permissions().mode() & 0o111 != 0 {
            true => Ok(()),
            false => Err(format!("cannot run {}: it is not a program", self.name())),
        }
    }

    /// Gives it the mail; it has it when it ends well.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &[Address],
        mail: &[u8],
        limit: Duration,
    ) -> Result<(), Failure> {
        let program = Program::new(&self.0).args(["-i", "-f"]).arg(from).arg("--");
        let program = program.args(to.iter().map(ToString::to_string));
        // Programs of this machine end lines as this machine does.
        let mail = String::from_utf8_lossy(mail).replace("\r\n", "\n");
        let cannot = |error| Failure::Broken(format!("cannot run {}: {error}", self.name()));
        let ended = program.output_given(mail.into_bytes(), limit).await.map_err(cannot)?;
        if ended.status.success() {
            return Ok(());
        }
        let said = clean::short(&String::from_utf8_lossy(&ended.stderr), 300);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let why = format!("{} did not take the mail ({}){said}", self.name(), ended.status);
        Err(match ended.status.code() {
            Some(code) if OF_THE_MAIL.contains(&code) => Failure::Final(why),
            Some(_) | None => Failure::Broken(why),
        })
    }
}
