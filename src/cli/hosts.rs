//! `pushbutton hosts trust STACK`: shows the host keys that ssh does not know yet and asks for each, jump hosts first. It
//! must never take a key that nobody has looked at: without a terminal only the fingerprint itself says yes. `hosts check` and
//! `hosts reconnect` ask the server, which keeps the connections.

use super::say;
use super::server::{Person, Server, Target, config, run};
use crate::advice::of_stack;
use crate::desk::{HostNow, inventory};
use crate::ledger::audit;
use crate::reading;
use crate::remote::masters::enrol::{ChangedKey, Enrolment, KeyState, NewKey};
use crate::stack::{Answers, Host, InventoryAnswer, Stack, StackName, parse_with};
use crate::time::At;
use anyhow::{Context, bail};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

/// Hosts that are looked at at once; sshd and bastions refuse at random above 10 handshakes (TRUST section 4).
const AT_ONCE: usize = 5;

/// `pushbutton hosts`
#[derive(Debug, clap::Args)]
pub struct Hosts {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows each host key of a stack that is not known yet, and asks whether to trust it.
    #[command(alias = "enrol")]
    Trust(Trust),
    /// Checks whether the hosts of a stack answer.
    Check(HostSelection),
    /// Reconnects to the hosts of a stack, so that a changed PATH, group or limit takes effect. Running commands continue.
    Reconnect(HostSelection),
}

/// `pushbutton hosts check` and `reconnect`
#[derive(Debug, clap::Args)]
struct HostSelection {
    /// The stack.
    stack: StackName,
    /// Only these hosts.
    hosts: Vec<String>,
    #[command(flatten)]
    person: Person,
}

impl HostSelection {
    fn main(self, target: &Target, what: &str) -> anyhow::Result<ExitCode> {
        // To ask changes nothing; a new session does.
        let place = if what == "check" { target.reading(&self.person)? } else { target.acting(&self.person)? };
        run(async {
            let mut server = Server::open(&place).await?;
            let path = format!("/api/v1/stacks/{}/hosts/{what}", self.stack);
            let asked = server.ask("POST", &path, Some(serde_json::json!({ "hosts": self.hosts }))).await;
            server.close().await?;
            let answer = asked?;
            let hosts: Vec<HostNow> = serde_json::from_value(answer["hosts"].clone())
                .context("the server's answer is not one of this version")?;
            for now in &hosts {
                say::line(&match &now.why {
                    None => format!("{}: ready", now.host),
                    Some(why) if why.contains(&now.host) => why.clone(),
                    Some(why) => format!("{}: {why}", now.host),
                });
            }
            let ready = hosts.iter().filter(|now| now.ready).count();
            say::line(&format!("{ready} of {} hosts ready", hosts.len()));
            Ok(if ready == hosts.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

/// `pushbutton hosts trust`
#[derive(Debug, clap::Args)]
struct Trust {
    #[command(flatten)]
    person: Person,
    /// The stack.
    stack: StackName,
    /// Asks nothing: trusts the keys with these fingerprints (SHA256:…), and no others.
    #[arg(long = "expect", value_name = "FINGERPRINT")]
    expected: Vec<String>,
}

impl Hosts {
    /// Runs it.
    ///
    /// # Errors
    /// Why it could not begin. Hosts whose keys are not known afterwards, or that do not answer, make exit code 1.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let trust = match self.what {
            What::Trust(trust) => trust,
            What::Check(named) => return named.main(target, "check"),
            What::Reconnect(named) => return named.main(target, "reconnect"),
        };
        let config = config(&target.here()?)?;
        if let Some(bad) = trust.expected.iter().find(|given| !given.starts_with("SHA256:")) {
            bail!(
                "{bad} is not a fingerprint; hint: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the host shows it"
            );
        }
        run(async {
            let stack = read_stack(&config.stacks, &trust.stack).await?;
            let enrolment = Enrolment::new(&config.data.join("ssh"), config.ssh.config.as_deref())?;
            let ledger = super::user::open(&config.data)?;
            let mut tally = Tally::default();
            for stage in stack.stages.iter() {
                if let Some(why) = &stage.unlisted {
                    say::line(&format!("{}: {why}", stage.name));
                    tally.not_known += 1;
                }
            }
            // A host behind a jump host can be seen only when that one is known.
            for hosts in in_order(&stack) {
                let looks = hosts.into_iter().map(|host| async {
                    let found = enrolment.look(&host).await;
                    (host, found)
                });
                let mut looks = futures::stream::iter(looks).buffered(AT_ONCE);
                while let Some((host, found)) = looks.next().await {
                    let found = found.map_err(|why| of_stack(&why.0, trust.stack.as_str()));
                    let kept = tally.take(&host, found, &trust.expected)?;
                    if let Some(key) = kept {
                        let audit_text = format!("{host} of {}: {key}", trust.stack);
                        let by = trust.person.reader().to_string();
                        let stack = trust.stack.clone();
                        let noted = ledger
                            .write(move |tx| audit::note(tx, At::now(), &by, "trust", stack.as_str(), &audit_text));
                        noted.await?;
                    }
                }
            }
            say::line(&tally.words());
            Ok(if tally.not_known == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

async fn read_stack(dir: &Path, name: &StackName) -> anyhow::Result<Stack> {
    let path = dir.join(format!("{name}.toml"));
    let text = reading::text(&path, reading::BY_HAND).with_context(|| format!("cannot read {}", path.display()))?;
    let read = |answers: &Answers| {
        parse_with(name.clone(), &path.display().to_string(), &text, answers).map_err(|errors| {
            anyhow::anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
        })
    };
    let stack = read(&Answers::new())?;
    let mut answers = Answers::new();
    for one in inventory::of(&stack) {
        let answer = match inventory::ask(dir, one).await {
            Ok(hosts) => InventoryAnswer { hosts, problem: None },
            Err(why) => InventoryAnswer { hosts: Vec::new(), problem: Some(why) },
        };
        answers.insert(one.clone(), answer);
    }
    read(&answers)
}

/// The jump hosts, then the hosts; each once.
fn in_order(stack: &Stack) -> [BTreeSet<Host>; 2] {
    let hosts: BTreeSet<Host> = stack.stages.iter().flat_map(|stage| stage.hosts.iter().cloned()).collect();
    let jumps: BTreeSet<Host> = hosts.iter().filter_map(Host::jump).cloned().collect();
    let rest = hosts.difference(&jumps).cloned().collect();
    [jumps, rest]
}

#[derive(Default)]
struct Tally {
    known: usize,
    kept: usize,
    not_known: usize,
    file: String,
}

impl Tally {
    /// The fingerprints of a key that is kept from now on.
    fn take(
        &mut self,
        host: &Host,
        found: Result<KeyState, String>,
        expected: &[String],
    ) -> anyhow::Result<Option<String>> {
        match found {
            Ok(KeyState::Known) => self.known += 1,
            Ok(KeyState::New(key)) => return self.new_key(host, &key, expected),
            Ok(KeyState::Changed(key)) => {
                self.not_known += 1;
                changed(host, &key).iter().for_each(|line| say::line(line));
            }
            Err(why) => {
                self.not_known += 1;
                say::line(&format!("{host}: {why}"));
            }
        }
        Ok(None)
    }

    fn new_key(&mut self, host: &Host, key: &NewKey, expected: &[String]) -> anyhow::Result<Option<String>> {
        say::line(&format!("{host} presents a key that is not known here:"));
        key.fingerprints.iter().for_each(|one| say::line(&format!("  {one}")));
        let agreed = match expected.is_empty() {
            true => ask(key)?,
            false => expected.iter().any(|one| key.is(one)),
        };
        if agreed {
            key.keep().with_context(|| format!("cannot write {}", key.file.display()))?;
            self.kept += 1;
            self.file = format!(" in {}", key.file.display());
            say::line("  kept");
            return Ok(Some(key.fingerprints.join(", ")));
        }
        self.not_known += 1;
        say::line("  not kept");
        Ok(None)
    }

    fn words(&self) -> String {
        let (known, kept, not, file) = (self.known, self.kept, self.not_known, &self.file);
        format!("{known} known before, {kept} kept{file}, {not} not known")
    }
}

/// Asks whether to keep a key. The end of the input is no.
fn ask(key: &NewKey) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    let person = input.is_terminal();
    let how = if person { "yes, no, or the fingerprint" } else { "the fingerprint, or no" };
    say::raw(&format!("  Is it the machine's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)? {how}: "));
    let mut answer = String::new();
    input.lock().take(reading::NOTE).read_line(&mut answer)?;
    if !person {
        say::line("");
    }
    let answer = answer.trim();
    Ok(key.is(answer) || (person && answer.eq_ignore_ascii_case("yes")))
}

fn changed(host: &Host, key: &ChangedKey) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{host} presents another key than the known one. Someone may be intercepting the connection; nothing was changed:"
        ),
        format!("  known  {}", key.known),
        format!("  shown  {}", key.now),
    ];
    lines.extend(
        key.place.rsplit_once(':').map(|(file, line)| {
            format!("  When you know why it changed: sed -i '{line}d' '{file}', then run this again")
        }),
    );
    lines
}
