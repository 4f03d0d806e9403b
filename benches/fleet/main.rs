//! `script/bench`: a whole Pushbutton with a fleet of real `sshd` hosts on this machine, beside the yardstick: what a good
//! engineer would write by hand, `xargs -P10 ssh` and `rsync` over warm connections, on the same hosts, in turn with it
//! (A B A B …). Only the ratios of pairs and the counts carry over to other machines.

mod harness;

use harness::Size;
use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    match runtime.block_on(async { harness::run(size()?).await }) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("bench: {error:#}");
    ExitCode::FAILURE
}

/// `--hosts N` and `--rounds N`; cargo's own `--bench` is passed over.
fn size() -> anyhow::Result<Size> {
    let mut size = Size { hosts: 30, rounds: 5, files: 2000 };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse().ok());
        match (word.as_str(), number) {
            ("--hosts", Some(hosts @ 3..=500)) => size.hosts = hosts,
            ("--rounds", Some(rounds @ 1..=100)) => size.rounds = rounds,
            _ => anyhow::bail!("{word}: say --hosts N (3 to 500) or --rounds N (1 to 100)"),
        }
    }
    Ok(size)
}
