//! Which files differ between two revisions, as git has them. It must never run a filter, a driver or a textconv of the
//! repository: names and kinds only.

use super::run::Git;
use super::{ASK_LIMIT, Mirror, words};
use crate::source::SourceError;
use crate::stack::Revision;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It is new.
    Added,
    /// Its bytes, mode or kind are other.
    Changed,
    /// It is gone.
    Deleted,
}

impl Mirror {
    /// The files that differ between two revisions, by path; a renamed one is gone and new.
    ///
    /// # Errors
    /// What git said: it may lack one of them.
    pub async fn changed_files(
        &self,
        from: &Revision,
        to: &Revision,
    ) -> Result<Vec<(FileChange, String)>, SourceError> {
        let what = format!("comparing {} with {}", from.short(), to.short());
        // diff-tree, not diff: the plumbing heeds no configuration.
        let git = Git::new(&self.dir()).args(["diff-tree", "-r", "-z", "--no-renames", "--name-status"]);
        let git = git.args(["--end-of-options", from.as_str(), to.as_str()]);
        let said = git.run(ASK_LIMIT).await.map_err(|trouble| self.error(what, &trouble))?;
        Ok(changes(&said))
    }
}

/// Reads `--name-status -z`: a letter and a path, each ended by NUL.
fn changes(said: &str) -> Vec<(FileChange, String)> {
    let fields: Vec<&str> = said.split('\0').collect();
    let change = |pair: &[&str]| {
        let change = match pair[0] {
            "A" => FileChange::Added,
            "D" => FileChange::Deleted,
            "M" | "T" => FileChange::Changed,
            _ => return None,
        };
        Some((change, words::line(pair[1])))
    };
    fields.chunks_exact(2).filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_two_trees_is_read() {
        use FileChange::{Added, Changed, Deleted};
        let said = "A\0new file\0M\0a/b\0T\0link\0D\0gone\0";
        let found = [(Added, "new file"), (Changed, "a/b"), (Changed, "link"), (Deleted, "gone")];
        assert_eq!(changes(said), found.map(|(change, path)| (change, path.to_owned())));
        assert_eq!(changes(""), []);
    }
}
