//! One key of the server's file: its name, what kind of value it takes, and what is wrong with another; and one table of keys. It must never know
//! what a value means, nor which tables there are. Used by the table of keys and by each channel.

use crate::diagnostic::{Mistake, nearest, shown};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a key takes.
#[derive(Clone)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// True or false.
    Flag,
    /// A whole number in these bounds.
    Number(RangeInclusive<i64>),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An IP address with a port.
    Socket,
    /// A table of its own.
    Table,
    /// Any number of tables, in double brackets.
    Tables,
    /// A table of texts by names of one's own.
    Map,
}

/// One key.
#[derive(Clone)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What stands in for it while the rest of a bad file is judged; only for a key that must be there.
    pub needed: Option<&'static str>,
}

/// A key that may be left out.
pub(super) const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, needed: None }
}

/// A key that must be there.
pub(super) const fn needed(name: &'static str, kind: Kind, stand_in: &'static str) -> Key {
    Key { name, kind, needed: Some(stand_in) }
}

/// A port.
pub(super) const PORT: Kind = Kind::Number(1..=65_535);
/// A day: whoever writes more has written milliseconds.
pub(super) const SECONDS: Kind = Kind::Number(0..=86_400);
/// Far above any disk, and far below what overflows when it becomes bytes.
pub(super) const MIB: Kind = Kind::Number(0..=1 << 40);
/// How many of something.
pub(super) const COUNT: Kind = Kind::Number(0..=1_000_000_000);

impl Kind {
    /// What is wrong with a value for this key.
    pub fn refuse(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Mistake> {
        let given = value.get_ref();
        let wrong =
            |wanted: &str| Some(Mistake::new(value.span(), format!("`{name}` is {wanted}, not {}", kind_of(given))));
        match (self, given) {
            (Self::Text, DeValue::String(_)) | (Self::Flag, DeValue::Boolean(_)) | (Self::Table, DeValue::Table(_)) => {
                None
            }
            (Self::Text, _) => wrong("text in quotes"),
            (Self::Flag, _) => wrong("true or false, without quotes"),
            (Self::Table, _) => wrong(&format!("a table, [{name}]")),
            (Self::Tables, DeValue::Array(items)) => {
                items.iter().find(|item| !matches!(item.get_ref(), DeValue::Table(_))).map(|item| {
                    Mistake::new(item.span(), format!("`{name}` holds {}, not tables", kind_of(item.get_ref())))
                })
            }
            (Self::Map, DeValue::Table(members)) => {
                let is_text = |member: &&Spanned<DeValue<'_>>| matches!(member.get_ref(), DeValue::String(_));
                let other = members.values().find(|member| !is_text(member))?;
                Some(Mistake::new(other.span(), format!("`{name}` holds {}, not text", kind_of(other.get_ref()))))
            }
            (Self::Map, _) => wrong(&format!("a table of texts, {name} = {{ \"…\" = \"…\" }}")),
            (Self::Tables, _) => {
                wrong("any number of tables").map(|mistake| mistake.cure(format!("begin each with [[{name}]]")))
            }
            (Self::Texts, DeValue::Array(items)) => items
                .iter()
                .find(|item| !matches!(item.get_ref(), DeValue::String(_)))
                .map(|item| Mistake::new(item.span(), format!("`{name}` holds {}, not text", kind_of(item.get_ref())))),
            (Self::Texts, _) => wrong(&format!("a list of texts, {name} = [\"…\"]")),
            (Self::Number(bounds), DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                let good = number.is_some_and(|number| bounds.contains(&number));
                (!good).then(|| {
                    let title = format!("`{name}` is a whole number from {} to {}", bounds.start(), bounds.end());
                    Mistake::new(value.span(), title)
                })
            }
            (Self::Number(_), _) => wrong("a whole number, without quotes"),
            (Self::Word(words), DeValue::String(word)) if words.contains(&word.as_ref()) => None,
            (Self::Word(words), DeValue::String(word)) => {
                let title = format!("`{name}` cannot be `{}`", shown(word));
                let all = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
                Some(Mistake::new(value.span(), title).cure(format!("it is {all}")))
            }
            (Self::Word(_), _) => wrong("a word in quotes"),
            (Self::Socket, DeValue::String(text)) => refuse_socket(value.span(), text),
            (Self::Socket, _) => wrong("an address with a port in quotes, such as \"127.0.0.1:8090\""),
        }
    }

    /// A value of this kind.
    pub fn value(&self, text: &'static str) -> DeValue<'static> {
        let text = || DeValue::String(Cow::Borrowed(text));
        match self {
            Self::Texts => DeValue::Array([Spanned::new(0..0, text())].into_iter().collect()),
            Self::Text
            | Self::Flag
            | Self::Number(_)
            | Self::Word(_)
            | Self::Socket
            | Self::Table
            | Self::Tables
            | Self::Map => text(),
        }
    }

    /// As a person writes it.
    pub fn written(&self, text: &str) -> String {
        match self {
            Self::Texts => format!("[{text:?}]"),
            Self::Text
            | Self::Flag
            | Self::Number(_)
            | Self::Word(_)
            | Self::Socket
            | Self::Table
            | Self::Tables
            | Self::Map => {
                format!("{text:?}")
            }
        }
    }
}

fn refuse_socket(at: Range<usize>, text: &str) -> Option<Mistake> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => None,
        Ok(_) => Some(
            Mistake::new(at, "with port 0 the server listens on an unknown port").cure("name a port, such as 8090"),
        ),
        Err(_) => {
            let mistake = Mistake::new(at, format!("`{}` is not an address to listen on", shown(text)));
            Some(mistake.cure("it is an IP address (no name) with a port: \"127.0.0.1:8090\", \"[::1]:8090\""))
        }
    }
}

/// All mistakes in the names and kinds of a table's keys; `table` is what messages call it, nothing for the file itself. What is wrong is taken
/// out, and what must be there is put in its place.
pub(super) fn mend_table(
    keys: &mut DeTable<'_>,
    table: &str,
    at: Range<usize>,
    known: &[Key],
    found: &mut Vec<Mistake>,
) {
    let of = if table.is_empty() { "this file" } else { table };
    let mut bad = Vec::new();
    for (key, value) in keys.iter() {
        let name = key.get_ref().as_ref();
        let mistake = match known.iter().find(|known| known.name == name) {
            Some(known) => known.kind.refuse(name, value),
            None => Some(unknown(key, of, known)),
        };
        if let Some(mistake) = mistake {
            bad.push(name.to_owned());
            found.push(mistake);
        }
    }
    for name in &bad {
        keys.remove(name.as_str());
    }
    for key in known {
        let (Some(stand_in), false) = (key.needed, keys.contains_key(key.name)) else { continue };
        if !bad.iter().any(|name| name == key.name) {
            let title = format!("{of} does not say `{}`", key.name);
            found.push(Mistake::new(at.clone(), title).cure(format!("{} = {}", key.name, key.kind.written(stand_in))));
        }
        keys.insert(
            Spanned::new(at.clone(), Cow::Borrowed(key.name)),
            Spanned::new(at.clone(), key.kind.value(stand_in)),
        );
    }
}

fn unknown(key: &Spanned<Cow<'_, str>>, of: &str, known: &[Key]) -> Mistake {
    let name = key.get_ref().as_ref();
    let names = || known.iter().map(|key| key.name);
    match name {
        "client_secret" => Mistake::new(key.span(), "a secret is never written in this file")
            .cure("write it into its own file, mode 0600, and refer to that: client_secret_file = \"…\""),
        "password" => Mistake::new(key.span(), "a secret is never written in this file")
            .cure("write it into its own file, mode 0600, and refer to that: password_file = \"…\""),
        _ => Mistake::new(key.span(), format!("unknown key `{}` in {of}", shown(name))).cure(
            match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{of} may have: {}", names().collect::<Vec<_>>().join(", ")),
            },
        ),
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
