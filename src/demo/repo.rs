//! A real git repository with a small web shop in it, and commits as a team would make them.
//! It must never be given a path that holds someone's work: it makes its repository itself.

use super::{DemoError, tried, write};
use crate::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The shop's first files.
const FILES: [(&str, &str); 7] = [
    ("build.sh", include_str!("shop/build.sh")),
    ("products.csv", include_str!("shop/products.csv")),
    ("style.css", include_str!("shop/style.css")),
    ("assets/logo.svg", include_str!("shop/logo.svg")),
    ("assets/yarn.svg", include_str!("shop/yarn.svg")),
    ("banner.txt", "Hook &amp; Needle: made by hand, mostly\n"),
    (".gitignore", "dist/\n"),
];

/// Who works at the shop.
const TEAM: [(&str, &str); 4] = [
    ("Ann Weaver", "ann@shop.example"),
    ("Bo Larsson", "bo@shop.example"),
    ("Çelik Usta", "celik@shop.example"),
    ("Dot Matrix", "dot@shop.example"),
];

/// What they commit: a subject, the file, and the line that is added to it.
const CHANGES: [(&str, &str, &str); 12] = [
    ("Sell mittens for snails", "products.csv", "snail-mittens;4.00;Mittens for snails (set of one)"),
    ("Make the red thread a little redder", "style.css", ":root { --thread: #c1272d; }"),
    ("Tell people about the hen sale", "announcements.txt", "All hens are 10 % off until they notice."),
    ("Add the umbrella for two people who are cross", "products.csv", "wide-umbrella;29.00;Very wide umbrella"),
    ("Stop the logo from winking at people", "style.css", "header img { animation: none; }"),
    ("Sell <b>bold</b> embroidery & \"quotes\"", "products.csv", "bold-embroidery;31.00;Bold embroidery"),
    ("Apologise for the hen sale", "announcements.txt", "The hens have noticed."),
    ("Give prices more room to breathe", "style.css", ".price { letter-spacing: 0.05em; }"),
    ("Bring back the whale lamp, now in whale colours", "products.csv", "grey-whale;66.00;Whale lamp, grey"),
    ("Underline links; three people asked", "style.css", "a { text-decoration: underline; }"),
    ("Sell the jar that the buttons came in", "products.csv", "empty-jar;8.50;Jar, no buttons"),
    ("Promise to answer letters within a year", "announcements.txt", "We answer every letter within a year."),
];

/// git is quick here; this is for a machine that is busy.
const GIT_LIMIT: Duration = Duration::from_secs(60);

/// The shop's repository.
#[derive(Clone, Debug)]
pub struct Shop {
    dir: PathBuf,
}

impl Shop {
    /// Makes the repository in `dir` (which must not exist yet) with a first commit on `main`.
    ///
    /// # Errors
    /// When the directory exists, or git says no.
    pub async fn open_in(dir: &Path) -> Result<Self, DemoError> {
        std::fs::create_dir_all(dir.join("assets")).map_err(tried(format!("making {}", dir.display())))?;
        let shop = Self { dir: dir.to_owned() };
        shop.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        for (name, text) in FILES {
            write(&dir.join(name), text)?;
        }
        write(&dir.join("announcements.txt"), "We are open.\n")?;
        let build = dir.join("build.sh");
        std::fs::set_permissions(&build, std::fs::Permissions::from_mode(0o755))
            .map_err(tried(format!("making {} executable", build.display())))?;
        shop.record(TEAM[0], "Open the shop").await?;
        Ok(shop)
    }

    /// The repository that was made in `dir` before.
    pub fn in_dir(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Where it is: what a stack file calls `git`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the `n`th commit, from 0; after the last change the first comes again. Returns its revision.
    ///
    /// # Errors
    /// When the file cannot be written, or git says no.
    pub async fn commit(&self, n: usize) -> Result<String, DemoError> {
        let (subject, file, line) = CHANGES[n % CHANGES.len()];
        let path = self.dir.join(file);
        let mut text = std::fs::read_to_string(&path).map_err(tried(format!("reading {}", path.display())))?;
        text.push_str(line);
        text.push('\n');
        write(&path, &text)?;
        self.record(TEAM[(n + 1) % TEAM.len()], subject).await
    }

    /// How many commits were made since the shop opened.
    ///
    /// # Errors
    /// When git says no.
    pub async fn commits(&self) -> Result<usize, DemoError> {
        let count = self.git(&["rev-list", "--count", "HEAD"]).await?;
        let number = count.parse::<usize>();
        number.map(|n| n.saturating_sub(1)).map_err(|_| refused("counting commits", &format!("git said {count:?}")))
    }

    /// The newest commit: short revision, author and subject, for people.
    ///
    /// # Errors
    /// When git says no.
    pub async fn newest(&self) -> Result<String, DemoError> {
        self.git(&["log", "-1", "--format=%h %an: %s"]).await
    }

    /// Puts the files of a revision into `dir` and runs its build there, past the product. Returns the site's directory.
    ///
    /// # Errors
    /// When git or the build says no.
    pub async fn build_by_hand(&self, revision: &str, dir: &Path) -> Result<PathBuf, DemoError> {
        let target = dir.to_string_lossy();
        self.git(&["clone", "--quiet", "--no-checkout", ".", &target]).await?;
        let clone = Self { dir: dir.to_owned() };
        clone.git(&["checkout", "--quiet", "--detach", revision]).await?;
        let built = Program::new("/bin/sh").arg("./build.sh").dir(dir).output(GIT_LIMIT).await;
        let built = built.map_err(tried("building the shop"))?;
        if !built.status.success() {
            return Err(refused("building the shop", &String::from_utf8_lossy(&built.stderr)));
        }
        Ok(dir.join("dist"))
    }

    async fn record(&self, (name, email): (&str, &str), subject: &str) -> Result<String, DemoError> {
        self.git(&["add", "--all"]).await?;
        let commit = self.program(&["commit", "--quiet", "-m", subject]);
        let commit = commit.env("GIT_AUTHOR_NAME", name).env("GIT_AUTHOR_EMAIL", email);
        run(commit.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", email)).await?;
        self.git(&["rev-parse", "HEAD"]).await
    }

    async fn git(&self, args: &[&str]) -> Result<String, DemoError> {
        run(self.program(args)).await
    }

    /// git without the user's and the system's configuration: signing, hooks and templates of theirs are not ours.
    fn program(&self, args: &[&str]) -> Program {
        let program = Program::new("git").args(args).dir(&self.dir);
        program.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1")
    }
}

async fn run(git: Program) -> Result<String, DemoError> {
    let output = git.output(GIT_LIMIT).await.map_err(tried("running git"))?;
    if !output.status.success() {
        return Err(refused("the shop's git", &String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn refused(what: &str, said: &str) -> DemoError {
    DemoError::Refused { what: what.to_owned(), said: said.trim().to_owned() }
}
