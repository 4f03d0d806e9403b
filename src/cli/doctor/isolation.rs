//! Whether builds can be kept apart from the server on this machine, for the user who asks. It must never build anything.

use super::report::{Area, Check};
use crate::process::Program;
use std::time::Duration;

/// How long namespaces and a command that does nothing may take.
const LIMIT: Duration = Duration::from_secs(20);

const WHAT: &str = "bubblewrap";

/// Has bubblewrap run a command that does nothing, in namespaces of its own, with this machine's files and no network.
pub(super) async fn look() -> Check {
    let bwrap = Program::new("bwrap").args(["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--", "true"]);
    match bwrap.output(LIMIT).await {
        Ok(said) if said.status.success() => {
            Check::ok(Area::Isolation, WHAT, "runs commands in namespaces of their own".to_owned())
        }
        Ok(said) => {
            let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
            let cure = "this user must be allowed to make namespaces: sysctl kernel.unprivileged_userns_clone=1 \
                        user.max_user_namespaces=15000; under systemd the unit must allow them (RestrictNamespaces)";
            Check::warning(Area::Isolation, WHAT, format!("cannot make namespaces: {said}"), cure)
        }
        Err(error) => Check::warning(
            Area::Isolation,
            WHAT,
            format!("cannot be started: {error}"),
            "apt install bubblewrap, so that builds can be kept apart from the server",
        ),
    }
}
