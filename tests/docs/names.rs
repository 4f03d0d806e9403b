//! What pages name is there: commands are ones that the program takes, calls are routes, links lead to a page and a heading of it,
//! what is to be clicked is on a page, and words are those that people know.

use super::{Page, page, pages, root};
use pushbutton::process::Program;
use pushbutton::web::routes::ROUTES;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// What a shell makes of a text, command by command: the words of each `pushbutton` and `script/…` in it. Nothing of it is run but
/// the shell's own building of words.
pub async fn commands_in(shell: &str) -> Vec<Vec<String>> {
    let mut named = Vec::new();
    for line in shell.replace("\\\n", " ").lines() {
        let line = line.trim();
        if !["pushbutton ", "script/"].iter().any(|begin| line.starts_with(begin)) {
            continue;
        }
        // A function takes the program's place; what leads elsewhere is cut.
        let alone = line.split([';', '>', '<']).next().unwrap();
        let said = Program::new("sh")
            .args(["-c", "say() { printf '%s\\n' \"$@\"; }; eval \"say $0\"", alone])
            .output(Duration::from_secs(20))
            .await
            .unwrap();
        assert!(said.status.success(), "{line}: {}", String::from_utf8_lossy(&said.stderr));
        named.push(String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect());
    }
    named
}

/// What is wrong with a command line of ours, if anything.
pub fn misunderstood(words: &[String]) -> Option<String> {
    match words[0].strip_prefix("script/") {
        None => pushbutton::cli::command()
            .try_get_matches_from(words)
            .err()
            .filter(|bad| bad.use_stderr())
            .map(|bad| bad.to_string()),
        Some("demo") => {
            let words = ["pushbutton", "demo"].into_iter().chain(words[1..].iter().map(String::as_str));
            pushbutton::cli::command().try_get_matches_from(words).err().map(|bad| bad.to_string())
        }
        Some(script) => (!root().join("script").join(script).is_file()).then(|| format!("there is no script/{script}")),
    }
}

/// A command with words that may stand where a page says what is to be written.
fn filled(span: &str) -> String {
    [
        ("HASH", "0123456789abcdef"),
        ("STACK", "web"),
        ("STAGE", "prod"),
        ("HOST…", "web1"),
        ("BUILD", "51d0c3e-14"),
        ("SHA256:…", "SHA256:x"),
        (" N`", " 214`"),
        ("…", "x"),
        ("[", ""),
        ("]", ""),
    ]
    .iter()
    .fold(format!("{span}`"), |span, (word, value)| span.replace(word, value))
    .trim_end_matches('`')
    .to_owned()
}

#[tokio::test]
async fn every_command_that_a_page_names_is_one_that_the_program_takes() {
    let mut seen = 0;
    for page in pages() {
        // Its headings are made from the program, and show what has to be written rather than a command.
        let spans = if page.path == "docs/cli.md" { Vec::new() } else { page.spans() };
        for span in spans.iter().filter(|span| span.starts_with("pushbutton ")) {
            let line = filled(span);
            // `pushbutton push` alone names a command and is none.
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            // Its tables repeat what the program says of itself, too.
            if page.path == "docs/operating.md" && pushbutton::cli::command().find_subcommand(words[0]).is_none() {
                continue;
            }
            if words
                .iter()
                .all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !word.starts_with('-'))
            {
                let mut command = pushbutton::cli::command();
                command.build();
                let mut known = &command;
                for word in words {
                    // Words behind the last subcommand are a stack or a stage.
                    let Some(inner) = known.find_subcommand(word) else {
                        assert!(
                            known.get_positionals().next().is_some(),
                            "{}: `{span}`: there is no {word}",
                            page.path
                        );
                        break;
                    };
                    known = inner;
                }
            } else {
                for words in commands_in(&line).await {
                    assert_eq!(misunderstood(&words), None, "{}: `{span}`", page.path);
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen}");
}

/// Whether an address with its parts filled in, or not, is one of a route.
pub fn is_route(method: &str, address: &str) -> bool {
    let address = address.split('?').next().unwrap_or_default();
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let given = parts(address);
    ROUTES.iter().any(|row| {
        let known = parts(row.path);
        let fits = |(known, given): (&String, &String)| known == given || (known.starts_with('{') && !given.is_empty());
        row.method.as_str() == method && known.len() == given.len() && known.iter().zip(&given).all(fits)
    })
}

#[test]
fn every_call_that_a_page_names_is_a_route() {
    let mut seen = 0;
    for page in pages() {
        for span in page.spans() {
            let Some((method, address)) = span.split_once(' ') else { continue };
            if !["GET", "POST", "PUT", "DELETE"].contains(&method) || !address.starts_with('/') {
                continue;
            }
            assert!(is_route(method, address), "{}: `{span}` is no route", page.path);
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen}");
}

/// The name that a heading has in addresses.
fn anchor(heading: &str) -> String {
    let plain = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    heading.trim_start_matches('#').trim().chars().filter_map(plain).collect()
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let mut fenced = false;
    let headings = page.text.lines().filter(|line| {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        !fenced && line.starts_with('#')
    });
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_of_it() {
    let mut seen = 0;
    for from in pages() {
        for link in from.text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let dir = Path::new(&from.path).parent().unwrap();
            let mut to = from.path.clone();
            if !file.is_empty() {
                let joined = dir.join(file);
                let joined = joined.to_str().unwrap();
                to = joined.strip_prefix("docs/../").unwrap_or(joined).to_owned();
                assert!(root().join(&to).exists(), "{}: {link} leads nowhere", from.path);
            }
            if !heading.is_empty() {
                let there = anchors(&page(&to));
                assert!(there.contains(heading), "{}: {link}: {to} has {there:?}", from.path);
            }
            seen += 1;
        }
    }
    assert!(seen >= 60, "{seen}");
}

#[test]
fn every_example_is_on_the_page_about_stack_files() {
    let rows = page("docs/stack-file.md").table("<!-- examples -->");
    let shown: BTreeSet<String> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let files = std::fs::read_dir(root().join("stacks/examples")).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(shown, there);
}

/// The text of every template, script and source below these directories.
fn text_of(dirs: &[&str]) -> String {
    fn all(dir: &Path, text: &mut String) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => all(&path, text),
                Some("html" | "js" | "rs") => *text += &std::fs::read_to_string(&path).unwrap(),
                _ => {}
            }
        }
    }
    let mut text = String::new();
    dirs.iter().for_each(|dir| all(&root().join(dir), &mut text));
    text
}

#[test]
fn what_a_page_says_to_click_is_on_the_screen() {
    let screens = text_of(&["templates", "static", "src/web", "src/desk"]);
    let mut seen = 0;
    for path in
        ["README.md", "docs/pushing.md", "docs/hosts.md", "docs/sources.md", "docs/install.md", "docs/operating.md"]
    {
        let text = page(path).text.replace('\n', " ");
        // *Words*, and not **words**.
        for label in text.replace("**", "\u{0}").split('*').skip(1).step_by(2) {
            let capital = label.starts_with(|c: char| c.is_ascii_uppercase());
            if !capital || label.contains('\u{0}') || label.len() > 40 {
                continue;
            }
            // A build, a number or a host's name in it is another one on each page.
            let words: Vec<&str> =
                label.split(' ').take_while(|word| !word.contains(|c: char| c.is_ascii_digit())).collect();
            let words = words.join(" ");
            let words = words.trim();
            assert!(screens.contains(words), "{path}: nothing on the screen says {words:?}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn what_a_page_quotes_is_said_by_the_program() {
    // A sentence of the program may be cut in two by a line break of its source.
    let said = text_of(&["templates", "static", "src"]).replace("\\\n", "\u{0}");
    let said: String =
        said.split('\u{0}').enumerate().map(|(at, part)| if at == 0 { part } else { part.trim_start() }).collect();
    let said = said.to_lowercase();
    let mut seen = 0;
    for path in ["docs/pushing.md", "docs/install.md", "docs/operating.md"] {
        let page = page(path);
        let own = page.text.split("## A push is refused").next().unwrap();
        // Not what stands in blocks or between backticks: commands and files have quotes of their own.
        let prose: String = own.split("```").step_by(2).collect::<String>().split('`').step_by(2).collect();
        for quoted in
            prose.replace('\n', " ").split('"').skip(1).step_by(2).filter(|it| it.starts_with(char::is_alphabetic))
        {
            // Up to a number, a revision or a name, which are others each time.
            let words = quoted.split(|c: char| c.is_ascii_digit() || c == '(').next().unwrap().trim().to_lowercase();
            assert!(said.contains(&words), "{path}: nothing says {quoted:?}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

/// Words that say something else to most readers, each with the one to write. `docs/operating.md` repeats the code's own words in its
/// tables, which `tests/words.rs` looks after.
const SAID_OTHERWISE: [(&str, &str); 30] = [
    ("for ever", "forever"),
    ("everybody", "everyone"),
    ("somebody", "someone"),
    ("anybody", "anyone"),
    ("a press", "a push"),
    ("the press", "the push"),
    ("presses", "pushes, selects"),
    ("undo is", "a rollback is"),
    ("ended well", "succeeded"),
    ("way back", "rollback"),
    ("stands twice", "is listed twice"),
    ("goes on with what is not done", "resumes"),
    ("ever more seldom", "less and less often"),
    ("anew", "again"),
    ("by itself", "automatically"),
    ("by themselves", "automatically"),
    ("put back", "restored, rolled back"),
    ("puts back", "restores"),
    ("go on", "continue"),
    ("goes on", "continues"),
    ("looks after", "is responsible for"),
    ("look whether", "check whether"),
    ("ended badly", "did not end cleanly"),
    ("all the same", "still, anyway"),
    ("word for word", "exactly"),
    ("stands until", "lasts until"),
    ("is believed", "is accepted"),
    ("are believed", "are accepted"),
    ("the server's file", "the server's configuration"),
    ("a link to nowhere", "a broken link"),
];

/// Whether a text says these words, and not only a part of longer ones.
fn says(text: &str, words: &str) -> bool {
    let letter = |c: char| c.is_alphabetic();
    text.match_indices(words)
        .any(|(at, _)| !text[..at].ends_with(letter) && !text[at + words.len()..].starts_with(letter))
}

#[test]
fn pages_are_in_plain_words() {
    let mut found = Vec::new();
    for page in pages() {
        let own = match page.path.as_str() {
            "docs/operating.md" => page.text.split("## A push is refused").next().unwrap(),
            "docs/cli.md" => page.text.split("<!-- commands -->").next().unwrap(),
            _ => page.text.as_str(),
        };
        let text = own.replace('\n', " ").to_lowercase();
        let said = SAID_OTHERWISE.iter().filter(|(words, _)| says(&text, words));
        found.extend(said.map(|(words, better)| format!("{} says {words:?}: write {better:?}", page.path)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_readme_is_short() {
    let lines = page("README.md").text.lines().count();
    assert!(lines <= 120, "{lines} lines: what is more goes into docs/");
}
