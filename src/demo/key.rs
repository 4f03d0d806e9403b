//! Keys for hosts and for who signs in to them, made by `ssh-keygen`. It must never overwrite one.

use super::{DemoError, tried};
use crate::process::Program;
use std::path::Path;
use std::time::Duration;

/// An ed25519 key is made in milliseconds, but many are made at once on a small machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Makes an ed25519 key without a passphrase, and its `.pub` beside it.
pub(super) async fn make_key(path: &Path, comment: &str) -> Result<(), DemoError> {
    let what = format!("making the key {}", path.display());
    let program = Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
    let output = program.output(LIMIT).await.map_err(tried(what.clone()))?;
    if !output.status.success() {
        return Err(DemoError::Refused { what, said: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
    }
    Ok(())
}
