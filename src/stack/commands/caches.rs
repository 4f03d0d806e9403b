//! `cache`: directories of the checkout that the builds of a stack keep from one to the next. Pure; it must never look whether they exist.

use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Reader, Value};
use crate::stack::values;

/// So many directories are a page; more are a sign that all of it is one.
const MOST: usize = 20;

/// The directories, without a slash at their ends.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, value: Option<&Value<'_>>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let mut found: Vec<String> = Vec::new();
    for text in reader.texts(value).unwrap_or_default() {
        let Some(path) = reader.parsed_text(&text, values::inner_path) else { continue };
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let whole = path.is_empty() || path == "." || path.split('/').any(|part| part == ".git");
        let crossed = found.iter().find(|other| is_within(other, &path) || is_within(&path, other));
        let mistake = match crossed {
            _ if whole => Some(
                Mistake::new(text.at, "all of the checkout cannot be a cache: it is made anew for each build")
                    .cure("name a directory in it: cache = [\"node_modules\"]"),
            ),
            Some(other) => Some(
                Mistake::new(text.at, format!("`{}` and `{}` are one directory", shown(&path), shown(other)))
                    .cure("keep one of them"),
            ),
            None => None,
        };
        match mistake {
            Some(mistake) => reader.refuse(mistake),
            None => found.push(path),
        }
    }
    if found.len() > MOST {
        reader.refuse(
            Mistake::new(value.span(), format!("these are more than {MOST} caches")).cure("name their directories"),
        );
    }
    found
}

fn is_within(path: &str, dir: &str) -> bool {
    path == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}
