//! Paths of a stack file in which variables may stand: `/srv/web/assets/{sha}/`. A value is one plain name within one part of
//! the path: it must never be able to lead elsewhere, nor be read by a shell. What may stand in one by its type is decided
//! when the file is loaded; each value is looked at when it is known, before a press and again before the command runs.

use super::script::Piece;
use super::values::{Refused, is_variable_name, parts_ok, refused};
use super::variables::{BUILT_IN, Scope, own_env};
use crate::diagnostic::{nearest, shown};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Built-in variables that are no part of a path, and why.
const NEVER: &[(&str, &str)] = &[
    ("url", "it is a whole address"),
    ("reason", "it is a sentence, or nothing"),
    ("old_sha", "it is empty at a first push"),
    ("old_build", "it is empty at a first push"),
];

/// A path, as its author wrote it. In `plan.json` it is that text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariablePath(String);

/// A value that cannot be part of a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{{{variable}}} in the path {path} is {}, and must be one plain name there: not empty, not .., without /, spaces and signs \
     that shells read, and not beginning with -", quoted(.value)
)]
pub struct BadPart {
    /// The variable, as it stands between the braces.
    pub variable: String,
    /// The path.
    pub path: String,
    /// The value.
    pub value: String,
}

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no plain path", shown(.0))]
pub struct NoPath(String);

impl FromStr for VariablePath {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        let path = Self(text.to_owned());
        let plain: String =
            path.cut().map(|(text, name)| format!("{text}{}", if name.is_some() { "x" } else { "" })).collect();
        let inner = plain.strip_prefix('/').or_else(|| plain.strip_prefix("./")).unwrap_or(&plain);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        match matches!(plain.as_str(), "." | "./") || parts_ok(inner) {
            true => Ok(path),
            false => Err(NoPath(text.to_owned())),
        }
    }
}

impl TryFrom<String> for VariablePath {
    type Error = NoPath;

    fn try_from(text: String) -> Result<Self, NoPath> {
        text.parse()
    }
}

impl From<VariablePath> for String {
    fn from(path: VariablePath) -> Self {
        path.0
    }
}

impl VariablePath {
    /// As its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names `{host}`.
    pub fn names_host(&self) -> bool {
        self.cut().any(|(_, name)| name == Some("host"))
    }

    /// The path cut at its variables, which go by the names of their environment variables.
    pub fn pieces(&self) -> Vec<Piece> {
        let text = |text: &str| (!text.is_empty()).then(|| Piece::Text(text.to_owned()));
        self.cut()
            .flat_map(|(before, name)| text(before).into_iter().chain(name.map(|name| Piece::Var(env(name)))))
            .collect()
    }

    /// The path with its values in place.
    ///
    /// # Errors
    /// Which value cannot stand in it.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> Result<String, BadPart> {
        let mut filled = String::new();
        for (before, name) in self.cut() {
            filled.push_str(before);
            let Some(name) = name else { continue };
            filled.push_str(self.part(name, values.get(&env(name)).map_or("", String::as_str))?);
        }
        Ok(filled)
    }

    /// Looks at the values that are known.
    ///
    /// # Errors
    /// Which of them cannot stand in it.
    pub fn check(&self, values: &BTreeMap<String, String>) -> Result<(), BadPart> {
        let names = self.cut().filter_map(|(_, name)| name);
        let mut known = names.filter_map(|name| Some((name, values.get(&env(name))?)));
        known.try_for_each(|(name, value)| self.part(name, value).map(drop))
    }

    /// The path for eyes: with its values as they are; what is not known yet stays as it is written.
    pub fn show(&self, values: &BTreeMap<String, String>) -> String {
        let value = |name: &str| values.get(&env(name)).cloned().unwrap_or_else(|| format!("{{{name}}}"));
        self.cut().map(|(before, name)| format!("{before}{}", name.map(value).unwrap_or_default())).collect()
    }

    fn part<'a>(&self, name: &str, value: &'a str) -> Result<&'a str, BadPart> {
        match is_part(value) {
            true => Ok(value),
            false => Err(self.bad(name, value)),
        }
    }

    fn bad(&self, variable: &str, value: &str) -> BadPart {
        BadPart { variable: variable.to_owned(), path: self.0.clone(), value: value.to_owned() }
    }

    /// The text before each variable, and the variable; at last what is behind them all.
    fn cut(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = Some(self.0.as_str());
        std::iter::from_fn(move || {
            let text = rest?;
            let found = text.match_indices('{').find_map(|(at, _)| {
                let (name, behind) = text[at + 1..].split_once('}')?;
                is_variable_name(name).then_some((at, name, behind))
            });
            match found {
                Some((at, name, behind)) => {
                    rest = Some(behind);
                    Some((&text[..at], Some(name)))
                }
                None => {
                    rest = None;
                    Some((text, None))
                }
            }
        })
    }
}

/// Reads a path of a stack file: what it is without its variables was looked at by `plain`.
pub(super) fn read(
    text: &str,
    scope: Scope<'_>,
    plain: impl Fn(&str) -> Result<String, Refused>,
) -> Result<VariablePath, Refused> {
    let path = VariablePath(text.to_owned());
    let mut without = String::new();
    for (before, name) in path.cut() {
        without.push_str(before);
        let Some(name) = name else { continue };
        without.push('x');
        variable(name, scope)?;
    }
    plain(&without)
        .map_err(|refused| Refused { title: refused.title.replace(&shown(&without), &shown(text)), ..refused })?;
    Ok(path)
}

/// Whether a variable may be part of a path, as far as the file says.
fn variable(name: &str, scope: Scope<'_>) -> Result<(), Refused> {
    let title = format!("`{{{name}}}` cannot be part of a path");
    if let Some((_, why)) = NEVER.iter().find(|(never, _)| *never == name) {
        return Err(refused(format!("{title}: {why}"), "use {sha}, {build}, {push}, {stage} or one of your own"));
    }
    if scope.secrets.contains(name) {
        return Err(refused(
            format!("{title}: it is a secret, and paths are shown"),
            "put it into the environment of a command",
        ));
    }
    if scope.find(name).is_none() {
        let cure = match nearest(&name.to_ascii_lowercase(), scope.names()) {
            Some(near) => format!("did you mean {{{near}}}?"),
            None => format!("known are {}", scope.names().collect::<Vec<_>>().join(", ")),
        };
        return Err(refused(format!("unknown variable `{{{}}}`", shown(name)), &cure));
    }
    match scope.vars.get(name) {
        Some(value) if !is_part(value) => Err(refused(
            format!("{title}: its value is {}", quoted(value)),
            "give it a value that is one plain name: not empty, not .., without /, spaces and signs that shells read, and not \
             beginning with -",
        )),
        _ => Ok(()),
    }
}

/// The longest name of a file that Linux takes, in bytes.
const LONGEST_NAME: usize = 255;

/// Whether a value is one plain name. What the author of a path may write into it with open eyes (a space), a value may not.
fn is_part(value: &str) -> bool {
    !value.contains(|c: char| c == '/' || c.is_whitespace()) && value.len() <= LONGEST_NAME && parts_ok(value)
}

fn env(name: &str) -> String {
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    built_in.map_or_else(|| own_env(name), |(_, env)| (*env).to_owned())
}

fn quoted(value: &str) -> String {
    match value {
        "" => "empty".to_owned(),
        value => format!("`{}`", shown(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn path(text: &str) -> VariablePath {
        text.parse().unwrap()
    }

    fn values(sha: &str, color: &str) -> BTreeMap<String, String> {
        BTreeMap::from(
            [("PUSH_SHA", sha), ("PUSH_VAR_COLOR", color)].map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    #[test]
    fn a_path_is_filled_with_values_that_are_one_plain_name() {
        let known = values("45d9029", "blue");
        for (text, filled) in [
            ("/srv/web/assets/{sha}/", "/srv/web/assets/45d9029/"),
            ("/srv/{color}-{sha}", "/srv/blue-45d9029"),
            ("./dist/{color}/", "./dist/blue/"),
            (".", "."),
            ("./", "./"),
            ("/srv/web/", "/srv/web/"),
        ] {
            assert_eq!(path(text).filled(&known).unwrap(), filled);
            assert_eq!(path(text).show(&known), filled);
        }
        assert_eq!(path("/srv/{host}/{build}").show(&known), "/srv/{host}/{build}", "not known yet");
    }

    #[test]
    fn a_value_that_leads_elsewhere_is_refused_and_named() {
        for bad in [
            "",
            "a/b",
            "/",
            "..",
            ".",
            "-rf",
            "a\nb",
            "a\u{1b}b",
            " a",
            "a b",
            "a;b",
            "$(id)",
            "a*",
            "~",
            &"x".repeat(256),
        ] {
            let refused = path("/srv/{color}/x").filled(&values("4", bad)).unwrap_err();
            assert_eq!((refused.variable.as_str(), refused.value.as_str()), ("color", bad));
            assert_eq!(path("/srv/{color}/x").check(&values("4", bad)), Err(refused));
        }
        assert!(path("/srv/.{color}/x").filled(&values("4", ".")).is_err(), "two dots made of one and one");
        assert!(path("/srv/{color}/x").filled(&BTreeMap::new()).is_err(), "what is not known is empty");
        assert_eq!(path("/srv/{color}/x").check(&BTreeMap::new()), Ok(()), "what is not known is looked at later");
        insta::assert_snapshot!(path("/srv/{ref}/").filled(&BTreeMap::from([("PUSH_REF".to_owned(), "feature/x".to_owned())])).unwrap_err(), @"{ref} in the path /srv/{ref}/ is `feature/x`, and must be one plain name there: not empty, not .., without /, spaces and signs that shells read, and not beginning with -");
    }

    #[test]
    fn what_may_be_part_of_a_path_by_its_type_is_decided_at_the_file() {
        let own: BTreeSet<String> = ["color", "list"].map(str::to_owned).into();
        let secrets: BTreeSet<String> = ["token".to_owned()].into();
        let vars: BTreeMap<String, String> =
            [("color", "blue"), ("list", "a/b")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let scope = Scope { place: super::super::variables::Place::Stage, own: &own, secrets: &secrets, vars: &vars };
        let said = |text: &str| match read(text, scope, super::super::values::absolute_path) {
            Ok(path) => path.as_str().to_owned(),
            Err(Refused { title, .. }) => title,
        };
        for (text, expected) in [
            ("/srv/{sha}/{color}/{host}/{ref}/", "/srv/{sha}/{color}/{host}/{ref}/"),
            ("/srv/{url}", "`{url}` cannot be part of a path: it is a whole address"),
            ("/srv/{old_sha}", "`{old_sha}` cannot be part of a path: it is empty at a first push"),
            ("/srv/{reason}", "`{reason}` cannot be part of a path: it is a sentence, or nothing"),
            ("/srv/{token}", "`{token}` cannot be part of a path: it is a secret, and paths are shown"),
            ("/srv/{list}", "`{list}` cannot be part of a path: its value is `a/b`"),
            ("/srv/{shaa}", "unknown variable `{shaa}`"),
            ("srv/{sha}", "path `srv/{sha}` is not allowed"),
            ("/srv/../{sha}", "path `/srv/../{sha}` is not allowed"),
            ("/srv/{sha", "path `/srv/{sha` is not allowed"),
        ] {
            assert_eq!(said(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_value_changes_how_many_parts_a_path_has(value in "\\PC{0,12}") {
            if let Ok(filled) = path("/srv/{color}/x").filled(&values("4", &value)) {
                prop_assert_eq!(filled.split('/').count(), 4);
                prop_assert!(filled.split('/').skip(1).all(|part| !part.is_empty() && part != ".." && part != "."));
            }
        }
    }
}
