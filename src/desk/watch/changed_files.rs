//! Stack files and the server's file decide what a push does: whoever changes one is in the audit, by the owner of the file, with the
//! SHA-256 before and after. It must never keep a changed file from being taken up.

use crate::config::FileRead;
use crate::desk::Desk;
use crate::ledger::{LedgerResult, audit};
use crate::time::At;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// How the audit calls it.
const CHANGED: &str = "file changed";
const NONE: &str = "none";

impl Desk {
    /// Writes down which files were read anew, each once for each change.
    ///
    /// # Errors
    /// What SQLite said; then it is tried again when the files are looked at next.
    pub(crate) async fn note_files(&self) -> LedgerResult<()> {
        let read = self.stack_folder.lock().unwrap_or_else(PoisonError::into_inner).take_read();
        let known = self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = known.is_none().then(|| self.config.read.clone()).flatten();
        let read: Vec<FileRead> = read.into_iter().chain(first).collect();
        if read.is_empty() {
            return Ok(());
        }
        let kept = read.clone();
        let written = self.ledger.write(move |tx| {
            let mut known = match known {
                Some(known) => known,
                None => last(audit::in_order(tx, CHANGED)?),
            };
            for file in read {
                let (before, now) = (known.get(&file.name).cloned(), file.hash.unwrap_or_else(|| NONE.to_owned()));
                if before.as_ref() == Some(&now) || (before.is_none() && now == NONE) {
                    continue;
                }
                let before = before.unwrap_or_else(|| NONE.to_owned());
                audit::note(
                    tx,
                    At::now(),
                    &owner(file.owner),
                    CHANGED,
                    &file.name,
                    &format!("{} from {before} to {now}", file.name),
                )?;
                known.insert(file.name, now);
            }
            Ok(known)
        });
        match written.await {
            Ok(known) => *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(known),
            Err(error) => {
                self.stack_folder.lock().unwrap_or_else(PoisonError::into_inner).not_noted(kept);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The hash that each file had last: `stacks/web.toml from HASH to HASH`.
fn last(details: Vec<String>) -> BTreeMap<String, String> {
    let split = |detail: String| {
        let (rest, now) = detail.rsplit_once(" to ")?;
        let (name, _) = rest.rsplit_once(" from ")?;
        Some((name.to_owned(), now.to_owned()))
    };
    details.into_iter().filter_map(split).collect()
}

/// The name of a user, or the number where there is no name.
fn owner(user: Option<u32>) -> String {
    let Some(number) = user else { return "nobody".to_owned() };
    let named = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(number));
    named.ok().flatten().map_or_else(|| format!("user {number}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_counts_whatever_the_names_of_the_files() {
        let details = [
            "stacks/web.toml from none to aa",
            "a from b to c.toml from none to bb",
            "stacks/web.toml from aa to none",
        ];
        let found = last(details.map(str::to_owned).to_vec());
        let expected = [("a from b to c.toml", "bb"), ("stacks/web.toml", "none")];
        assert_eq!(found, expected.map(|(name, hash)| (name.to_owned(), hash.to_owned())).into());
    }
}
