//! What this machine would sign in to the hosts with: keys that are there, readable, closed to others, and that need no person. It must
//! never sign in.

use super::report::{Area, Check};
use crate::config::Config;
use crate::reading;
use crate::remote::masters::OwnKeys;
use crate::stack::{Answers, Host, StackName, parse_with};
use std::collections::BTreeSet;
use std::path::Path;

/// The most hosts that are looked at: keys are usually the same for all, and each host costs a start of ssh.
const MOST_HOSTS: usize = 20;

/// Looks at what ssh would use for one host of each stage.
pub(super) async fn look(config: &Config) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for host in some_hosts(&config.stacks) {
        let found = OwnKeys::look(&config.data.join("ssh"), config.ssh.config.as_deref(), &host).await;
        let check = judged(&found, host.name());
        // Said once for all hosts that it is true of.
        if !checks.contains(&check) {
            checks.push(check);
        }
    }
    checks
}

fn judged(found: &Result<OwnKeys, String>, host: &str) -> Check {
    match found {
        Err(why) => Check::wrong(Area::Keys, "our ssh keys", why.clone(), "then: pushbutton doctor"),
        Ok(OwnKeys { files, agent: true }) if files.is_empty() => Check::warning(
            Area::Keys,
            "our ssh keys",
            "only the agent of this session has one; a server that systemd starts has no such agent".to_owned(),
            "make a key without a passphrase for the server's user (ssh-keygen -t ed25519), or give the unit SSH_AUTH_SOCK",
        ),
        Ok(OwnKeys { files, .. }) if files.is_empty() => {
            Check::ok(Area::Keys, "our ssh keys", format!("ssh signs in to {host} without a file of ours"))
        }
        Ok(OwnKeys { files, .. }) => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            Check::ok(Area::Keys, "our ssh keys", names.join(", "))
        }
    }
}

/// The first host of each stage of each stack file that can be read; what is wrong with the others is said elsewhere.
fn some_hosts(stacks: &Path) -> BTreeSet<Host> {
    let Ok(entries) = std::fs::read_dir(stacks) else { return BTreeSet::new() };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let stages = files.iter().filter_map(|file| {
        let name: StackName = file.file_stem()?.to_str()?.parse().ok()?;
        let text = reading::text(file, reading::BY_HAND).ok()?;
        parse_with(name, &file.display().to_string(), &text, &Answers::new()).ok()
    });
    let firsts = stages
        .flat_map(|stack| stack.stages.iter().filter_map(|stage| stage.hosts.first().cloned()).collect::<Vec<_>>());
    firsts.take(MOST_HOSTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_only_this_session_has_is_a_warning() {
        let found = |files: &[&str], agent| Ok(OwnKeys { files: files.iter().map(Into::into).collect(), agent });
        let said = |found: &Result<OwnKeys, String>| format!("{:?}", judged(found, "web1"));
        assert!(said(&found(&["/home/p/.ssh/id_ed25519"], true)).contains("Ok"));
        assert!(said(&found(&[], true)).contains("Warning"));
        assert!(said(&Err("no key".to_owned())).contains("Wrong"));
    }
}
