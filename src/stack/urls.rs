//! The addresses of checks: `http://{host}/health`. It must never let a value be more than a value: only plain variables
//! may stand in one, and they are percent-encoded when they are put in (TRUST section 5). Called by `commands`.

use super::script::{Address, Piece};
use super::shell::Flaw;
use super::values::is_variable_name;
use super::variables::{Kind, Scope};
use crate::address::{Login, without_secrets};
use crate::diagnostic::{nearest, shown};
use std::ops::Range;

/// The longest address, before its values: what servers take in a request line.
const LONGEST: usize = 2000;

/// Reads an address, or says everything that is wrong with it.
pub(super) fn address(text: &str, scope: Scope<'_>) -> Result<Address, Vec<Flaw>> {
    let flaw = |at: Range<usize>, title: String, cure: &str| Flaw { at, title, cures: vec![cure.to_owned()] };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[' || c == '{');
    if !rest.is_some_and(begins) || text.len() > LONGEST {
        let title = format!("the address `{}` is not allowed", shown(text));
        let cure = "write an http:// or https:// address: check = \"http://{host}/health\"";
        return Err(vec![flaw(0..text.len(), title, cure)]);
    }
    if let Err(found) = without_secrets(text, Login::None) {
        return Err(vec![flaw(found.at, found.title.to_owned(), found.cure)]);
    }
    let (mut pieces, mut flaws, mut plain) = (Vec::new(), Vec::new(), String::new());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let end = at + c.len_utf8();
        let name = (c == '{').then(|| text[end..].split_once('}')).flatten().map(|(name, _)| name);
        match name.filter(|name| is_variable_name(name)) {
            Some(name) => {
                let place = at..end + name.len() + 1;
                at = place.end;
                match variable(name, scope) {
                    Ok(env) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut plain)));
                        }
                        pieces.push(Piece::Var(env));
                    }
                    Err((title, cure)) => flaws.push(flaw(place, title, &cure)),
                }
                continue;
            }
            None if c.is_ascii_graphic() && !"<>\"{}|\\^`'".contains(c) => plain.push(c),
            None => {
                let title = match c {
                    ' ' => "a blank cannot be in an address".to_owned(),
                    c => format!("the character {} cannot be in an address", c.escape_default()),
                };
                flaws.push(flaw(at..end, title, "write it percent-encoded, as %20 for a blank"));
            }
        }
        at = end;
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    match flaws.is_empty() {
        true => Ok(Address { pieces }),
        false => Err(flaws),
    }
}

/// The environment variable of a plain variable, or what is wrong with the name and the cure.
fn variable(name: &str, scope: Scope<'_>) -> Result<String, (String, String)> {
    match scope.find(name) {
        Some(found) if found.kind == Kind::Plain => Ok(found.env),
        Some(_) => Err((
            format!("`{{{name}}}` may hold any text, so it cannot stand in an address"),
            "use {host}, {sha}, {build} or another plain variable, or ask with `run` or `local`".to_owned(),
        )),
        None => {
            let cure = match nearest(&name.to_ascii_lowercase(), scope.names()) {
                Some(near) => format!("did you mean {{{near}}}?"),
                None => format!("known are {}", scope.names().collect::<Vec<_>>().join(", ")),
            };
            Err((format!("unknown variable `{{{}}}`", shown(name)), cure))
        }
    }
}
