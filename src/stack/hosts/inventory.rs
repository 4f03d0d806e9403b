//! A command that lists the hosts of a group, and how its answer is read. Pure: it must never run the command; the desk
//! does, and hands the answers to `parse_with`. Called by `hosts` and by the desk.

use super::ranges;
use crate::stack::Host;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a command has, when the file does not say.
pub(in crate::stack) const TIMEOUT: Duration = Duration::from_secs(20);
/// How much smaller than the last push a stage may get, in percent, when the file does not say.
pub(in crate::stack) const SHRINK: usize = 50;
/// The longest piece of an answer that an error shows.
const SHOWN: usize = 80;

/// A command that lists hosts, one a line, and what is asked of its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inventory {
    /// Shell text without variables; it runs on the push host, in the directory of the stack files.
    pub command: String,
    /// Fewer hosts than this are refused; at least 1.
    pub min: usize,
    /// After this long it is ended.
    pub timeout: Duration,
    /// By so many percent fewer hosts than the last push had are still believed.
    pub shrink: usize,
    /// The jump host of those that name none.
    pub jump: Option<Host>,
}

/// What is known of the hosts that a command lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryAnswer {
    /// The hosts of the last good answer; empty when there was none.
    pub hosts: Vec<Host>,
    /// Why the last answer was not good; then nobody may push to these hosts.
    pub problem: Option<String>,
}

/// The answers of all commands that have been asked.
pub type Answers = BTreeMap<Inventory, InventoryAnswer>;

impl Inventory {
    /// Reads what the command said on standard output: hosts and ranges as the stack file writes them, one entry a line;
    /// blank lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// What is wrong with it, as a phrase that goes on from the command.
    pub fn read(&self, said: &str) -> Result<Vec<Host>, String> {
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (mut hosts, mut names) = (Vec::new(), BTreeSet::new());
        for line in lines {
            let bad = || format!("named `{}`, which is not a host", crate::diagnostic::shown(&cut(line)));
            for name in ranges::expand(line).map_err(|_| bad())? {
                let host = name.parse::<Host>().map_err(|_| bad())?.or_via(self.jump.as_ref());
                if !names.insert(host.name().to_ascii_lowercase()) {
                    return Err(format!("named {} twice", host.name()));
                }
                hosts.push(host);
            }
            if hosts.len() > ranges::MOST {
                return Err(format!("named more than {} hosts", ranges::MOST));
            }
        }
        match hosts.len() {
            0 => Err("named no host".to_owned()),
            1 if self.min > 1 => Err(format!("named 1 host, fewer than its min = {}", self.min)),
            count if count < self.min => Err(format!("named {count} hosts, fewer than its min = {}", self.min)),
            _ => Ok(hosts),
        }
    }
}

fn cut(line: &str) -> String {
    line.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(min: usize, said: &str) -> Result<String, String> {
        let jump = Some("bastion".parse().unwrap());
        let inventory = Inventory { command: "./inventory".to_owned(), min, timeout: TIMEOUT, shrink: SHRINK, jump };
        let hosts = inventory.read(said)?;
        Ok(hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn an_answer_names_hosts_as_the_stack_file_does() {
        let said = "# prod\r\nweb1\r\n\n  deploy@web[02-03].example.com:2222 \nbastion\ndb1 via other\n";
        let hosts = "web1 via bastion, deploy@web02.example.com:2222 via bastion, \
                     deploy@web03.example.com:2222 via bastion, bastion, db1 via other";
        assert_eq!(read(1, said).unwrap(), hosts);
    }

    #[test]
    fn an_empty_small_or_odd_answer_is_refused_in_words() {
        for (min, said, words) in [
            (1, "", "named no host"),
            (1, "# nobody\n", "named no host"),
            (3, "web1\nweb2\n", "named 2 hosts, fewer than its min = 3"),
            (2, "web1\n", "named 1 host, fewer than its min = 2"),
            (1, "web1\nWEB1\n", "named WEB1 twice"),
            (1, "web1\n<html>\n", "named `<html>`, which is not a host"),
            (1, "web[1-3\n", "named `web[1-3`, which is not a host"),
            (1, "-oProxyCommand=x\n", "named `-oProxyCommand=x`, which is not a host"),
            (1, "web[1-9999]\nx[1-9999]\n", "named more than 10000 hosts"),
        ] {
            assert_eq!(read(min, said), Err(words.to_owned()), "{said:?}");
        }
    }
}
