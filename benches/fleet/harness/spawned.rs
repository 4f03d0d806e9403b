//! Counts the programs that a push starts on the push host: a directory that comes first in the server's PATH, whose `ssh`
//! and `rsync` write down that they were called, then become the real ones.

use super::place::Place;
use anyhow::Context;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const PROGRAMS: [&str; 2] = ["ssh", "rsync"];

/// The directory.
pub struct Spawned {
    /// Where the programs are.
    pub dir: PathBuf,
}

impl Spawned {
    /// Lays the programs.
    pub fn lay(place: &Place) -> anyhow::Result<Self> {
        let dir = place.dir().join("bin");
        std::fs::create_dir(&dir)?;
        for name in PROGRAMS {
            let paths = std::env::var_os("PATH").context("no PATH")?;
            let real = std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.is_file());
            let real = real.with_context(|| format!("{name} is not installed"))?;
            let text = format!("#!/bin/sh\necho >>{0}/{name}.count\nexec {1} \"$@\"\n", dir.display(), real.display());
            let path = dir.join(name);
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { dir })
    }

    /// How often `ssh` and `rsync` were started since it was asked last.
    pub fn count(&self) -> [usize; 2] {
        PROGRAMS.map(|name| {
            let path = self.dir.join(format!("{name}.count"));
            let lines = std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
            let _ = std::fs::remove_file(&path);
            lines
        })
    }
}
