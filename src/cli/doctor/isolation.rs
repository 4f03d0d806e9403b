//! Whether what committers write can be kept apart from the server on this machine, tried as the server tries it. It must never build
//! anything.

use super::report::{Area, Check};
use crate::config::Config;
use crate::isolation::{Isolation, ready};

const WHAT: &str = "builds";

/// Has a command that does nothing run as a build's would.
pub(super) async fn look(config: &Config) -> Check {
    match config.build.isolation {
        Isolation::None => {
            let found = "run as the server's user: isolation = \"none\" in [build]".to_owned();
            Check::warning(Area::Isolation, WHAT, found, "take isolation = \"none\" out of config.toml")
        }
        Isolation::Namespaces => match ready(&config.build, &config.data).await {
            Ok(()) => Check::ok(Area::Isolation, WHAT, "are kept apart from the server".to_owned()),
            Err(why) => {
                // Under its unit it may be otherwise, either way.
                let cure = "the server tries it when it starts: where it cannot either, its log and every page say so, and builds fail \
                            (docs/install.md, Isolated builds)";
                Check::warning(Area::Isolation, WHAT, format!("from here: {why}"), cure)
            }
        },
    }
}
