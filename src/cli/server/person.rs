//! Who acts at this terminal, as the history says it. It must never take a name for someone else's: what cannot be a name is refused.

use crate::stack::Who;
use anyhow::{Context, anyhow};

/// Where a name comes from that is not given, the most telling first.
const NAMED_BY: [&str; 4] = ["PUSHBUTTON_WHO", "SUDO_USER", "USER", "LOGNAME"];

/// Who acts, as the history says it. Whoever only reads needs no name.
#[derive(Debug, clap::Args)]
pub struct Person {
    /// Your name in the history; default: $PUSHBUTTON_WHO, or the user of this terminal.
    #[arg(long = "as", value_name = "NAME", global = true)]
    who: Option<Who>,
}

impl Person {
    /// Who changes something: as given, the user who called sudo, or the user.
    ///
    /// # Errors
    /// When nothing says who, or the name is none: the history never names someone else instead.
    pub fn who(&self) -> anyhow::Result<Who> {
        if let Some(who) = &self.who {
            return Ok(who.clone());
        }
        let mut said = NAMED_BY.into_iter().filter_map(|from| Some((from, name_in(from)?)));
        let (from, name) = said.next().context("your name is not known; hint: --as NAME")?;
        name.parse().map_err(|bad| anyhow!("${from} cannot be used as a name in the history: {bad}; hint: --as NAME"))
    }

    /// Whether a name was given.
    pub fn is_named(&self) -> bool {
        self.who.is_some()
    }

    /// Who reads. Nothing is written about it, so no name is asked for: where none is given that can be one, as under cron or for
    /// `DOM\user`, it is the number of the user.
    pub fn reader(&self) -> Who {
        let named = || NAMED_BY.into_iter().find_map(|from| name_in(from)?.parse().ok());
        self.who.clone().or_else(named).unwrap_or_else(|| {
            let number = format!("uid-{}", nix::unistd::geteuid());
            number.parse().expect("letters, a dash and digits are a name")
        })
    }
}

/// What a variable of the environment says, if anything.
pub(super) fn name_in(variable: &str) -> Option<String> {
    let name = std::env::var_os(variable)?.to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}
