//! Which file of `src` uses which: `use` trees and paths in the code, followed through re-exports to the file that defines what they
//! name. Tests, a `mod x;` and a `pub use` count for nothing. It reads tokens only: what a macro makes is not seen.

use std::collections::{BTreeMap, BTreeSet};

/// A path of a module, or of something in one, from the crate on.
type Way = Vec<String>;

/// Every file, by its path below `src`, and the files that it uses.
pub struct Graph {
    uses: BTreeMap<String, BTreeSet<String>>,
}

/// What one file says.
struct File {
    path: String,
    /// Modules that are declared here, for tests alone.
    tests: Vec<Way>,
    /// Modules in the file itself, the file's own among them.
    modules: Vec<Way>,
    named: Vec<Named>,
}

/// A path that a file names.
struct Named {
    /// The module in which it stands.
    within: Way,
    path: Way,
    /// The name under which a `use` brings it in.
    alias: Option<String>,
    /// A `use` that hands it on.
    is_public: bool,
}

impl Graph {
    /// Of files by their paths below `src`.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut files: Vec<File> = files.into_iter().map(|(path, text)| File::read(path, text)).collect();
        let tests: Vec<Way> = files.iter().flat_map(|file| file.tests.clone()).collect();
        files.retain(|file| !tests.iter().any(|test| file.modules[0].starts_with(test)));
        let names = Names::of(&files);
        let mut uses = BTreeMap::new();
        for file in &files {
            let used = file.named.iter().filter(|named| !named.is_public);
            let used = used.filter_map(|named| names.definer(&names.absolute(named)?, 0)).map(str::to_owned);
            uses.insert(file.path.clone(), used.filter(|path| *path != file.path).collect());
        }
        Self { uses }
    }

    /// Who uses whom.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.uses.iter().flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// Each circle of files, with the uses that close it.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.uses.keys().map(|file| (file.as_str(), self.reached(file))).collect();
        let together = |one: &str, other: &str| {
            reached.get(one).is_some_and(|far| far.contains(other))
                && reached.get(other).is_some_and(|far| far.contains(one))
        };
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for file in self.uses.keys().filter(|file| together(file, file)) {
            if seen.contains(file.as_str()) {
                continue;
            }
            let members: BTreeSet<&str> =
                reached[file.as_str()].iter().copied().filter(|far| together(file, far)).collect();
            let inside = self.edges().filter(|(from, to)| members.contains(from) && members.contains(to));
            circles.push(inside.map(|(from, to)| format!("{from} uses {to}")).collect());
            seen.extend(members);
        }
        circles
    }

    fn reached(&self, from: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&str> = self.uses.get(from).into_iter().flatten().map(String::as_str).collect();
        while let Some(file) = next.pop() {
            if found.insert(file) {
                next.extend(self.uses.get(file).into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}

/// What each module brings in, and where each module is.
struct Names<'a> {
    files: BTreeMap<&'a [String], &'a str>,
    modules: BTreeSet<&'a [String]>,
    brought: BTreeMap<&'a [String], BTreeMap<&'a str, Way>>,
}

impl<'a> Names<'a> {
    fn of(files: &'a [File]) -> Self {
        let modules = files.iter().flat_map(|file| file.modules.iter().map(Vec::as_slice)).collect();
        let by_module = files.iter().map(|file| (file.modules[0].as_slice(), file.path.as_str())).collect();
        let mut names = Self { files: by_module, modules, brought: BTreeMap::new() };
        for named in files.iter().flat_map(|file| &file.named) {
            if let (Some(alias), Some(way)) = (&named.alias, names.rooted(&named.within, &named.path)) {
                names.brought.entry(&named.within).or_default().insert(alias, way);
            }
        }
        names
    }

    /// A path from the crate on, where it says by itself that it is one of ours.
    fn rooted(&self, within: &[String], path: &[String]) -> Option<Way> {
        let mut base = match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "super" | "self" => within.to_vec(),
            child => {
                let module: Way = within.iter().cloned().chain([child.to_owned()]).collect();
                return self.modules.contains(module.as_slice()).then(|| [within, path].concat());
            }
        };
        let ups = path.iter().take_while(|name| *name == "super" || *name == "self").inspect(|name| {
            if *name == "super" {
                base.pop();
            }
        });
        let rest = ups.count();
        base.extend_from_slice(&path[rest..]);
        Some(base)
    }

    fn absolute(&self, named: &Named) -> Option<Way> {
        self.rooted(&named.within, &named.path).or_else(|| {
            let brought = self.brought.get(named.within.as_slice())?.get(named.path[0].as_str())?;
            Some([brought.as_slice(), &named.path[1..]].concat())
        })
    }

    /// The file that defines what a path names.
    fn definer(&self, way: &[String], depth: usize) -> Option<&'a str> {
        let mut known = 0;
        while known < way.len() && self.modules.contains(&way[..=known]) {
            known += 1;
        }
        let handed_on = || self.brought.get(&way[..known])?.get(way.get(known)?.as_str());
        // A name that is handed on in a circle is nobody's.
        if let (Some(to), true) = (handed_on(), depth < 12) {
            return self.definer(&[to.as_slice(), &way[known + 1..]].concat(), depth + 1);
        }
        (0..=known).rev().find_map(|end| self.files.get(&way[..end])).copied()
    }
}

impl File {
    fn read(path: &str, text: &str) -> Self {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let module: Way = match module {
            "lib" => Vec::new(),
            other => other.split('/').map(str::to_owned).collect(),
        };
        let mut file =
            Self { path: path.to_owned(), tests: Vec::new(), modules: vec![module.clone()], named: Vec::new() };
        file.walk(&tokens(text), module);
        file
    }

    fn walk(&mut self, tokens: &[String], file: Way) {
        let is = |at: usize, words: &[&str]| tokens[at..].iter().take(words.len()).eq(words.iter());
        let (mut at, mut depth, mut inside) = (0, 0, vec![(file, 0)]);
        while at < tokens.len() {
            let within = &inside.last().expect("the file's own module stays").0;
            if tokens[at] == "#" && is(at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
                at = self.skip_test(tokens, at + 7, within);
                continue;
            }
            match tokens[at].as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inside.retain(|(_, opened)| *opened <= depth);
                }
                "mod" if tokens.get(at + 2).is_some_and(|next| next == "{") => {
                    let module: Way = within.iter().cloned().chain([tokens[at + 1].clone()]).collect();
                    self.modules.push(module.clone());
                    depth += 1;
                    inside.push((module, depth));
                    at += 2;
                }
                // `+ use<'a>` is something else.
                "use" if tokens.get(at + 1).is_some_and(|next| next != "<") => {
                    let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].as_str());
                    at = self.read_use(tokens, at + 1, within, &[], is_public);
                }
                word if is_name(word) && tokens.get(at + 1).is_some_and(|next| next == "::") => {
                    // `pub(in crate::a)` says who may use it, and uses nothing.
                    let visibility = at > 2 && is(at - 3, &["pub", "(", "in"]);
                    let is_new = at == 0 || !visibility && !["::", ".", "$"].contains(&tokens[at - 1].as_str());
                    let mut path = vec![word.to_owned()];
                    while is(at + 1, &["::"]) && tokens.get(at + 2).is_some_and(|next| is_name(next)) {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    if is_new {
                        self.named.push(Named { within: within.clone(), path, alias: None, is_public: false });
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads a tree of a `use` and answers where it ends.
    fn read_use(
        &mut self,
        tokens: &[String],
        mut at: usize,
        within: &Way,
        before: &[String],
        is_public: bool,
    ) -> usize {
        let mut path = before.to_vec();
        loop {
            match tokens[at].as_str() {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while tokens[at] != "}" {
                        at = self.read_use(tokens, at, within, &path, is_public);
                        at += usize::from(tokens[at] == ",");
                    }
                    return at + 1;
                }
                "*" => {
                    self.named.push(Named { within: within.clone(), path, alias: None, is_public });
                    return at + 1;
                }
                "self" if !path.is_empty() => at += 1,
                word if is_name(word) && word != "as" => {
                    path.push(word.to_owned());
                    at += 1;
                }
                _ => break,
            }
        }
        let alias = if tokens[at] == "as" { Some(tokens[at + 1].clone()) } else { path.last().cloned() };
        at += if tokens[at] == "as" { 2 } else { 0 };
        self.named.push(Named { within: within.clone(), path, alias, is_public });
        at
    }

    /// Skips what is there for tests alone, and answers where it ends.
    fn skip_test(&mut self, tokens: &[String], from: usize, within: &Way) -> usize {
        let mut at = from;
        let mut depth = 0;
        while at < tokens.len() {
            match tokens[at].as_str() {
                "mod" if depth == 0 => {
                    self.tests.push(within.iter().cloned().chain([tokens[at + 1].clone()]).collect());
                }
                ";" if depth == 0 => return at + 1,
                "{" | "(" | "[" => depth += 1,
                "}" if depth == 1 => return at + 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        at
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// The words and signs of a source; comments, texts, letters and lifetimes left out.
fn tokens(text: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let raw = rest.trim_start_matches(['b', 'r']);
        let marks = raw.len() - raw.trim_start_matches('#').len();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if (rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br"))
            && raw[marks..].starts_with('"')
        {
            let begin = rest.len() - raw.len() + marks + 1;
            let end = format!("\"{}", "#".repeat(marks));
            rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len())
        } else if c == '"' {
            text_length(rest)
        } else if c == '\'' {
            letter_length(rest)
        } else if c.is_ascii_alphanumeric() || c == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            found.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                found.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

fn text_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Of `'a'`, `'\n'`, `'\u{1b}'`; of a lifetime the sign alone.
fn letter_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(1, |end| end + 4),
        Some((at, c)) if rest[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 1,
    }
}
