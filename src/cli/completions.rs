//! `pushbutton completions`: a script that makes a shell complete the words of this command line, made from the very description that parses
//! them. It must never ask a server: pressing Tab changes nothing, and waits for nobody.

use super::say;
use clap_complete::generate;
use std::process::ExitCode;

/// `pushbutton completions`
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// A shell that people use.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// Runs it, of the whole command line; what people never type is left out.
    pub fn main(self, whole: &clap::Command) -> ExitCode {
        let shown = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
        let mut command = clap::Command::new("pushbutton").args(whole.get_arguments().cloned()).subcommands(shown);
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        generate(shell, &mut command, "pushbutton", &mut script);
        say::raw(&String::from_utf8_lossy(&script));
        ExitCode::SUCCESS
    }
}
