//! The log on standard error. It must never colour what goes into a file. Called by `serve`, and by the commands that may
//! have to do a server's work.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts the log; `PUSHBUTTON_LOG` says what is in it, `default` where that is not set.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("PUSHBUTTON_LOG").unwrap_or_else(|_| default.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(std::io::stderr().is_terminal()).init();
}
