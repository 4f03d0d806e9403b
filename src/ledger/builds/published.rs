//! Builds that someone else made and published: in the order that they came, one for each revision. It must never change
//! one that is there, nor forget one that anybody pushed.

use crate::ledger::pushes::Commit;
use crate::ledger::{LedgerResult, columns};
use crate::plan::OldBuild;
use crate::stack::{BuildId, PushNumber, Revision, StackName, StageName};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// A published build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The revision that it was made of.
    pub sha: String,
    /// The build.
    pub build: String,
    /// The root hash of its manifest.
    pub root: String,
    /// The branch that it was built from; empty when nobody said.
    pub branch: String,
    /// What it is, in its publisher's words.
    pub title: String,
    /// Who published it.
    pub who: String,
    /// When.
    pub at: String,
    /// How many files it has.
    pub files: i64,
    /// How many bytes they have.
    pub bytes: i64,
}

const COLUMNS: &str = "p.sha, p.build, b.root, b.branch, p.title, p.who, b.made_at, b.files, b.bytes
    FROM published p JOIN builds b ON b.stack = p.stack AND b.id = p.build";

impl Published {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sha: row.get("sha")?,
            build: row.get("build")?,
            root: row.get("root")?,
            branch: row.get("branch")?,
            title: row.get("title")?,
            who: row.get("who")?,
            at: row.get("made_at")?,
            files: row.get("files")?,
            bytes: row.get("bytes")?,
        })
    }

    /// The same as plans say it.
    ///
    /// # Errors
    /// When the ledger holds a value that is no build, revision or root.
    pub fn as_build(&self) -> LedgerResult<OldBuild> {
        columns::build(&self.build, &self.sha, &self.root)
    }

    /// The same as a list of commits has it.
    pub fn as_commit(&self) -> Commit {
        let title = match (self.title.as_str(), self.branch.as_str()) {
            ("", "") => format!("build {}", self.build),
            ("", branch) => format!("build {} of {branch}", self.build),
            (title, _) => title.to_owned(),
        };
        Commit {
            sha: self.sha.clone(),
            author: self.who.clone(),
            email: String::new(),
            at: self.at.clone(),
            subject: title,
        }
    }
}

/// The newest build whose branch is `allowed`.
///
/// # Errors
/// What SQLite said.
pub fn newest(
    connection: &Connection,
    stack: &StackName,
    allowed: impl Fn(&str) -> bool,
) -> LedgerResult<Option<Published>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE p.stack = ?1 ORDER BY p.n DESC"))?;
    for found in ask.query_map([stack.as_str()], Published::of)? {
        let found = found?;
        if allowed(&found.branch) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The build of a revision.
///
/// # Errors
/// What SQLite said.
pub fn of_revision(connection: &Connection, stack: &StackName, sha: &Revision) -> LedgerResult<Option<Published>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE p.stack = ?1 AND p.sha = ?2"))?;
    Ok(ask.query_row([stack.as_str(), sha.as_str()], Published::of).optional()?)
}

/// The revisions of published builds that begin with a text; at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn beginning_with(
    connection: &Connection,
    stack: &StackName,
    text: &str,
    most: usize,
) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare_cached(
        "SELECT sha FROM published WHERE stack = ?1 AND substr(sha, 1, length(?2)) = ?2 ORDER BY n DESC LIMIT ?3",
    )?;
    let rows = ask.query_map(params![stack.as_str(), text, whole(most)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a build has this id, whoever made it.
///
/// # Errors
/// What SQLite said.
pub fn has_build(connection: &Connection, stack: &StackName, id: &BuildId) -> LedgerResult<bool> {
    let mut ask = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM builds WHERE stack = ?1 AND id = ?2)")?;
    Ok(ask.query_row([stack.as_str(), id.as_str()], |row| row.get(0))?)
}

/// The newest builds, newest first; at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn list(connection: &Connection, stack: &StackName, most: usize) -> LedgerResult<Vec<Published>> {
    Ok(page(connection, stack, None, most)?.into_iter().map(|(_, build)| build).collect())
}

/// The newest builds before a place, newest first, each with its place in the order in which they came; at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn page(
    connection: &Connection,
    stack: &StackName,
    before: Option<i64>,
    most: usize,
) -> LedgerResult<Vec<(i64, Published)>> {
    let mut ask = connection
        .prepare_cached(&format!("SELECT p.n, {COLUMNS} WHERE p.stack = ?1 AND p.n < ?2 ORDER BY p.n DESC LIMIT ?3"))?;
    let rows = ask.query_map(params![stack.as_str(), before.unwrap_or(i64::MAX), whole(most)], |row| {
        Ok((row.get("n")?, Published::of(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The builds that came after that of `from`, up to that of `to`, newest first, at most `most`, and how many there are; that
/// of `to` alone where `from` has none.
///
/// # Errors
/// What SQLite said.
pub fn between(
    connection: &Connection,
    stack: &StackName,
    from: Option<&Revision>,
    to: &Revision,
    most: usize,
) -> LedgerResult<(Vec<Commit>, usize)> {
    let place = |sha: &Revision| -> LedgerResult<Option<i64>> {
        let mut ask = connection.prepare_cached("SELECT n FROM published WHERE stack = ?1 AND sha = ?2")?;
        Ok(ask.query_row([stack.as_str(), sha.as_str()], |row| row.get(0)).optional()?)
    };
    let Some(to) = place(to)? else { return Ok((Vec::new(), 0)) };
    let from = from.map(place).transpose()?.flatten().unwrap_or(to - 1);
    let range = params![stack.as_str(), from, to, whole(most)];
    let mut ask = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE p.stack = ?1 AND p.n > ?2 AND p.n <= ?3 ORDER BY p.n DESC LIMIT ?4"
    ))?;
    let found = ask.query_map(range, Published::of)?.map(|row| row.map(|found| found.as_commit()));
    let commits: Vec<Commit> = found.collect::<Result<_, _>>()?;
    let mut count =
        connection.prepare_cached("SELECT count(*) FROM published WHERE stack = ?1 AND n > ?2 AND n <= ?3")?;
    let count: i64 = count.query_row(params![stack.as_str(), from, to], |row| row.get(0))?;
    Ok((commits, usize::try_from(count).unwrap_or_default()))
}

/// Writes a build down.
///
/// # Errors
/// What SQLite said, also when there is one of this revision.
pub fn insert(tx: &Transaction<'_>, stack: &StackName, new: &Published) -> LedgerResult<()> {
    tx.prepare_cached(
        "INSERT INTO builds (id, stack, sha, branch, root, files, bytes, push, made_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8)",
    )?
    .execute(params![new.build, stack.as_str(), new.sha, new.branch, new.root, new.files, new.bytes, new.at])?;
    tx.prepare_cached("INSERT INTO published (stack, sha, build, title, who) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![stack.as_str(), new.sha, new.build, new.title, new.who])?;
    Ok(())
}

/// The last push of a build, with its stage; none when nobody has pushed it.
///
/// # Errors
/// What SQLite said.
pub fn pushed(
    connection: &Connection,
    stack: &StackName,
    build: &BuildId,
) -> LedgerResult<Option<(PushNumber, StageName)>> {
    let mut ask = connection
        .prepare_cached("SELECT id, stage FROM pushes WHERE stack = ?1 AND build = ?2 ORDER BY id DESC LIMIT 1")?;
    let found = ask.query_row([stack.as_str(), build.as_str()], |row| Ok((row.get("id")?, row.get("stage")?)));
    Ok(found.optional()?)
}

/// The build of this id, when it was published.
///
/// # Errors
/// What SQLite said.
pub fn of_build(connection: &Connection, stack: &StackName, build: &BuildId) -> LedgerResult<Option<Published>> {
    let mut ask = connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE p.stack = ?1 AND p.build = ?2"))?;
    Ok(ask.query_row([stack.as_str(), build.as_str()], Published::of).optional()?)
}

/// Takes a build back that nobody has pushed, as if it had never been published: its revision may get another one.
///
/// # Errors
/// What SQLite said.
pub fn withdraw(tx: &Transaction<'_>, stack: &StackName, build: &BuildId) -> LedgerResult<()> {
    forget(tx, stack, build.as_str())
}

fn forget(tx: &Transaction<'_>, stack: &StackName, build: &str) -> LedgerResult<()> {
    tx.prepare_cached("DELETE FROM published WHERE stack = ?1 AND build = ?2")?.execute([stack.as_str(), build])?;
    tx.prepare_cached("DELETE FROM builds WHERE stack = ?1 AND id = ?2")?.execute([stack.as_str(), build])?;
    Ok(())
}

/// Forgets builds that nobody has pushed, but the newest `keep`; answers which, so that their files go too.
///
/// # Errors
/// What SQLite said.
pub fn forget_unpushed(tx: &Transaction<'_>, stack: &StackName, keep: usize) -> LedgerResult<Vec<String>> {
    let mut ask = tx.prepare_cached(
        "SELECT build FROM published p WHERE p.stack = ?1
         AND NOT EXISTS (SELECT 1 FROM pushes WHERE pushes.stack = p.stack AND pushes.build = p.build)
         ORDER BY p.n DESC LIMIT -1 OFFSET ?2",
    )?;
    let gone = ask.query_map(params![stack.as_str(), whole(keep)], |row| row.get(0))?;
    let gone: Vec<String> = gone.collect::<Result<_, _>>()?;
    for build in &gone {
        forget(tx, stack, build)?;
    }
    Ok(gone)
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digit: char) -> Revision {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn published(digit: char, branch: &str) -> Published {
        Published {
            sha: sha(digit).to_string(),
            build: format!("{digit}-p"),
            root: "9f".repeat(32),
            branch: branch.to_owned(),
            title: format!("title {digit}"),
            who: "ci".to_owned(),
            at: format!("2026-11-21T10:00:0{digit}.000Z"),
            files: 3,
            bytes: 5,
        }
    }

    #[test]
    fn builds_are_known_in_the_order_that_they_came_and_forgotten_when_nobody_pushed_them() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let web: StackName = "web".parse().unwrap();
        let tx = connection.transaction().unwrap();
        for (digit, branch) in [('1', "main"), ('2', "main"), ('3', "topic"), ('4', "main"), ('5', "topic")] {
            insert(&tx, &web, &published(digit, branch)).unwrap();
        }
        assert!(insert(&tx, &web, &published('5', "main")).is_err(), "one build a revision");
        let newest_of = |branch: &str| newest(&tx, &web, |known| known == branch).unwrap().map(|found| found.build);
        assert_eq!(newest_of("main").as_deref(), Some("4-p"));
        assert_eq!(newest_of("other"), None);
        assert_eq!(of_revision(&tx, &web, &sha('2')).unwrap(), Some(published('2', "main")));
        let subjects = |from: Option<char>, to: char, most| {
            let (commits, count) = between(&tx, &web, from.map(sha).as_ref(), &sha(to), most).unwrap();
            (commits.into_iter().map(|commit| commit.subject).collect::<Vec<_>>().join(" "), count)
        };
        assert_eq!(subjects(Some('1'), '3', 9), ("title 3 title 2".to_owned(), 2));
        assert_eq!(subjects(Some('1'), '5', 1), ("title 5".to_owned(), 4));
        assert_eq!(subjects(None, '3', 9), ("title 3".to_owned(), 1));
        assert_eq!(subjects(Some('9'), '3', 9), ("title 3".to_owned(), 1));
        assert_eq!(subjects(Some('3'), '2', 9), (String::new(), 0));

        assert_eq!(forget_unpushed(&tx, &web, 3).unwrap(), ["2-p", "1-p"]);
        assert_eq!(list(&tx, &web, 9).unwrap().len(), 3);
        assert_eq!(of_revision(&tx, &web, &sha('1')).unwrap(), None);
    }
}
