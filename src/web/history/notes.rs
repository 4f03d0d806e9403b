//! The commits between two versions as release notes: Markdown, or plain text. Pure. It must never let what a committer wrote be more than text.

use crate::desk::view::{ComparedCommits, ComparedEnd, Comparison};
use crate::ledger::pushes::Commit;
use crate::stack::name::short;
use crate::visible::visible;

/// What Markdown reads as more than a letter, in the middle of a line.
const MARKS: [char; 14] = ['\\', '`', '*', '_', '[', ']', '<', '>', '#', '|', '~', '&', '!', '$'];

/// As Markdown.
pub fn markdown(compared: &Comparison) -> String {
    let end = |end: &ComparedEnd| format!("{} (`{}`)", plain(&end.asked), short(&end.sha));
    let mut text = format!("# {}: {} to {}\n", compared.stack, end(&compared.from), end(&compared.to));
    if let Some(diff) = &compared.diff {
        text.push_str(&format!("\n<{}>\n", diff.replace(['<', '>'], "")));
    }
    for (title, of) in sections(compared) {
        text.push_str(&format!("\n## {title}\n\n"));
        for commit in &of.commits {
            text.push_str(&format!(
                "- {} (`{}`, {})\n",
                plain(&commit.subject),
                short(&commit.sha),
                plain(&commit.author)
            ));
        }
        if let Some(more) = more(of) {
            text.push_str(&format!("- {more}\n"));
        }
    }
    if !compared.pushes.is_empty() {
        text.push_str("\n## Pushes in between\n\n");
        for push in &compared.pushes {
            let (when, who) = (push.ended_at.as_deref().unwrap_or(&push.pressed_at), plain(&push.who));
            text.push_str(&format!(
                "- {}: {who} pushed `{}` to {}, {}, {when}\n",
                push.id,
                short(&push.sha),
                push.stage,
                push.state
            ));
        }
        if compared.more_pushes {
            text.push_str("- and older ones\n");
        }
    }
    text
}

/// As plain text.
pub fn text(compared: &Comparison) -> String {
    let end = |end: &ComparedEnd| format!("{} ({})", visible(&end.asked), short(&end.sha));
    let mut text = format!("{}: {} to {}\n", compared.stack, end(&compared.from), end(&compared.to));
    text.extend(compared.diff.iter().map(|diff| format!("{diff}\n")));
    for (title, of) in sections(compared) {
        text.push_str(&format!("\n{title}:\n"));
        text.extend(of.commits.iter().map(line));
        text.extend(more(of).map(|more| format!("  {more}\n")));
    }
    if !compared.pushes.is_empty() {
        text.push_str("\nPushes in between:\n");
        for push in &compared.pushes {
            let when = push.ended_at.as_deref().unwrap_or(&push.pressed_at);
            text.push_str(&format!(
                "  {}  {when}  {} pushed {} to {}: {}\n",
                push.id,
                visible(&push.who),
                short(&push.sha),
                push.stage,
                push.state
            ));
        }
        text.push_str(if compared.more_pushes { "  and older ones\n" } else { "" });
    }
    text
}

/// The two directions that have commits; one that says so where neither has.
fn sections(compared: &Comparison) -> Vec<(String, &ComparedCommits)> {
    let counted = |count: usize| crate::size::counted(count as u64, "commit");
    let all = [(&compared.added, "added"), (&compared.removed, "removed")];
    let some: Vec<_> = all
        .into_iter()
        .filter(|(of, _)| of.count > 0)
        .map(|(of, what)| (format!("{} {what}", counted(of.count)), of))
        .collect();
    if some.is_empty() { vec![("No commits in between".to_owned(), &compared.added)] } else { some }
}

fn line(commit: &Commit) -> String {
    format!("  {}  {} ({})\n", short(&commit.sha), visible(&commit.subject), visible(&commit.author))
}

fn more(of: &ComparedCommits) -> Option<String> {
    let more = of.count.saturating_sub(of.commits.len());
    (more > 0).then(|| format!("and {more} more"))
}

/// A text of others within a line of Markdown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in visible(text).chars() {
        if MARKS.contains(&letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(asked: &str, digit: char) -> ComparedEnd {
        ComparedEnd {
            asked: asked.to_owned(),
            sha: digit.to_string().repeat(40),
            build: None,
            stage: None,
            push: None,
            at: None,
            who: None,
        }
    }

    fn compared(subjects: &[&str], count: usize) -> Comparison {
        let commit = |subject: &&str| Commit {
            sha: "c".repeat(40),
            author: "Ann <Weaver>".to_owned(),
            email: "ann@example.com".to_owned(),
            at: "2026-11-21T10:00:00Z".to_owned(),
            subject: (*subject).to_owned(),
        };
        Comparison {
            stack: "web".to_owned(),
            from: end("prod@Friday 17:00", 'a'),
            to: end("prod", 'b'),
            added: ComparedCommits { count, commits: subjects.iter().map(commit).collect() },
            removed: ComparedCommits::default(),
            pushes: Vec::new(),
            more_pushes: false,
            diff: Some("https://git.example.com/a...b".to_owned()),
        }
    }

    #[test]
    fn what_a_committer_wrote_is_text_and_nothing_else() {
        let hostile = ["<img src=x onerror=alert(1)> [a](javascript:b) `x` # *b*", "\u{202e}gpj.exe"];
        insta::assert_snapshot!(markdown(&compared(&hostile, 5)), @r"
        # web: prod@Friday 17:00 (`aaaaaaa`) to prod (`bbbbbbb`)

        <https://git.example.com/a...b>

        ## 5 commits added

        - \<img src=x onerror=alert(1)\> \[a\](javascript:b) \`x\` \# \*b\* (`ccccccc`, Ann \<Weaver\>)
        - ⟨U+202E⟩gpj.exe (`ccccccc`, Ann \<Weaver\>)
        - and 3 more
        ");
    }

    #[test]
    fn the_same_in_plain_text_and_that_there_is_nothing() {
        insta::assert_snapshot!(text(&compared(&["Wrap gifts"], 1)), @r"
        web: prod@Friday 17:00 (aaaaaaa) to prod (bbbbbbb)
        https://git.example.com/a...b

        1 commit added:
          ccccccc  Wrap gifts (Ann <Weaver>)
        ");
        let same = Comparison { diff: None, ..compared(&[], 0) };
        assert!(text(&same).ends_with("No commits in between:\n"));
    }
}
