//! The keys `auto`, `auto_after` and `auto_window`, read. It must never take a time for a stage that is not pushed automatically.

use super::AutoRule;
use super::window::Window;
use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Reader, Value};
use crate::stack::values::{self, Refused};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// The most windows of a stage.
const MOST: usize = 20;

/// Reads what a stage says of it; none where only people push it. `place` is the stage's, from 0.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, place: usize) -> Option<AutoRule> {
    let auto = table.get("auto").and_then(|value| reader.boolean(value));
    let given = [table.get_key_value("auto_after"), table.get_key_value("auto_window")];
    let after = table.get("auto_after").and_then(|value| reader.parsed(value, after));
    let windows = table.get("auto_window").map(|value| windows(reader, value)).unwrap_or_default();
    if auto != Some(true) {
        for (key, _) in given.into_iter().flatten() {
            let title = format!("`{}` says when a stage is pushed automatically, and this one is not", key.get_ref());
            reader.refuse(Mistake::new(key.span(), title).cure("add auto = true, or take it out"));
        }
        return None;
    }
    if let (0, Some((key, _))) = (place, given[0]) {
        let title = "`auto_after` waits while the stage before runs a build, and the first stage has none before it";
        reader.refuse(Mistake::new(key.span(), title).cure("take it out; `needs` waits for statuses of the commit"));
    }
    Some(AutoRule { after, windows })
}

fn after(text: &str) -> Result<Duration, Refused> {
    let title = |refused| Refused { title: format!("auto_after `{}` is not allowed", shown(text)), ..refused };
    values::timeout(text).map_err(title)
}

fn windows(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<Window> {
    let values: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => vec![value],
    };
    if values.is_empty() || values.len() > MOST {
        let title = format!("`auto_window` names 1 to {MOST} windows, and this has {}", values.len());
        let cure = "write auto_window = \"Mon-Thu 09:00-16:00 Europe/Prague\", or take it out";
        reader.refuse(Mistake::new(value.span(), title).cure(cure));
    }
    values.into_iter().filter_map(|value| reader.parsed(value, window)).collect()
}

fn window(text: &str) -> Result<Window, Refused> {
    let refused = |(title, cure)| values::refused(format!("auto_window `{}`: {title}", shown(text)), cure);
    Window::parse(text).map_err(refused)
}
