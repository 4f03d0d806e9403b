//! The keys of the server's file: their names, what kind of value each takes, which must be there. It finds every mistake of
//! that sort at once, and patches what it found, so that the rest of the file can be judged as well. It must never know
//! what a value means. Called by `config` only.

use crate::address::password_in;
use crate::diagnostic::{Mistake, nearest, shown};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a key takes.
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
}

/// One key.
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What stands in for it while the rest of a bad file is judged; only for a key that must be there.
    pub needed: Option<&'static str>,
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, needed: None }
}

const fn needed(name: &'static str, kind: Kind, stand_in: &'static str) -> Key {
    Key { name, kind, needed: Some(stand_in) }
}

const PORT: Kind = Kind::Number(1..=65_535);
/// A day: whoever writes more has written milliseconds.
const SECONDS: Kind = Kind::Number(0..=86_400);
/// Far above any disk, and far below what overflows when it becomes bytes.
const MIB: Kind = Kind::Number(0..=1 << 40);
const COUNT: Kind = Kind::Number(0..=1_000_000_000);

/// Every key that the file may have, by table; the root is `""`.
pub(super) const KEYS: &[(&str, &[Key])] = &[
    (
        "",
        &[
            key("listen", Kind::Socket),
            needed("url", Kind::Text, "http://127.0.0.1:8090"),
            key("data", Kind::Text),
            key("stacks", Kind::Text),
            key("insecure_http", Kind::Flag),
            key("trusted_proxies", Kind::Texts),
            key("auth", Kind::Table),
            key("ssh", Kind::Table),
            key("irc", Kind::Table),
            key("email", Kind::Table),
            key("metrics", Kind::Table),
            key("limits", Kind::Table),
        ],
    ),
    ("auth", &[key("mode", Kind::Word(&["password", "open"])), key("ask", Kind::Text)]),
    ("ssh", &[key("config", Kind::Text), key("lease_s", SECONDS), key("grace_s", SECONDS)]),
    (
        "irc",
        &[
            needed("server", Kind::Text, "irc.example.com"),
            key("port", PORT),
            key("tls", Kind::Flag),
            key("nick", Kind::Text),
            needed("channel", Kind::Text, "#push"),
            key("password_file", Kind::Text),
            key("password_env", Kind::Text),
        ],
    ),
    (
        "email",
        &[
            needed("server", Kind::Text, "smtp.example.com"),
            key("port", PORT),
            key("tls", Kind::Word(&["starttls", "tls", "none"])),
            needed("from", Kind::Text, "push@example.com"),
            needed("to", Kind::Texts, "push@example.com"),
            key("helo", Kind::Text),
            key("user", Kind::Text),
            key("password_file", Kind::Text),
            key("password_env", Kind::Text),
        ],
    ),
    ("metrics", &[needed("listen", Kind::Socket, "127.0.0.1:9091"), key("open", Kind::Flag)]),
    (
        "limits",
        &[
            key("fetch_every_s", SECONDS),
            key("free_mib", MIB),
            key("connections_per_address", Kind::Number(1..=1_000_000)),
            key("warm_hosts", COUNT),
            key("check_every_s", SECONDS),
            key("probe_every_s", SECONDS),
            key("inventory_every_s", SECONDS),
            key("source_mib", Kind::Number(1..=1 << 40)),
            key("source_entries", Kind::Number(1..=1_000_000_000)),
            key("upload_mib", MIB),
            key("published_kept", COUNT),
        ],
    ),
];

/// Tables that the file will have, and this version has not.
const LATER: &[&str] = &["webhook", "graphite", "retention"];

/// All mistakes of names and kinds. What is wrong is taken out of `root`, and what must be there is put in its place, so that
/// the rest can be understood. serde would stop at the first mistake.
pub(super) fn mend(root: &mut DeTable<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (table, known) in KEYS {
        match *table {
            "" => mend_table(root, table, 0..0, known, &mut found),
            name => {
                let Some(value) = root.get_mut(name) else { continue };
                let at = value.span();
                // A table that is none was taken out with the root's keys.
                if let DeValue::Table(keys) = value.get_mut() {
                    mend_table(keys, table, at, known, &mut found);
                }
            }
        }
    }
    found
}

fn mend_table(keys: &mut DeTable<'_>, table: &str, at: Range<usize>, known: &[Key], found: &mut Vec<Mistake>) {
    let of = if table.is_empty() { "this file".to_owned() } else { format!("[{table}]") };
    let mut bad = Vec::new();
    for (key, value) in keys.iter() {
        let name = key.get_ref().as_ref();
        let mistake = match known.iter().find(|known| known.name == name) {
            Some(known) => known.kind.refuse(name, value),
            None => Some(unknown(key, &of, table, known)),
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

fn unknown(key: &Spanned<Cow<'_, str>>, of: &str, table: &str, known: &[Key]) -> Mistake {
    let name = key.get_ref().as_ref();
    let names = || known.iter().map(|key| key.name);
    match (LATER.contains(&name) && table.is_empty(), name) {
        (true, _) => Mistake::new(key.span(), format!("this version of Pushbutton does not have [{name}] yet"))
            .cure("take it out for now: what it promises would not happen"),
        (_, "password") => Mistake::new(key.span(), "a secret is never written in this file")
            .cure("write it into a file of its own, mode 0600, and name that: password_file = \"…\""),
        _ => Mistake::new(key.span(), format!("unknown key `{}` in {of}", shown(name))).cure(
            match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{of} may have: {}", names().collect::<Vec<_>>().join(", ")),
            },
        ),
    }
}

impl Kind {
    /// What is wrong with a value for this key.
    fn refuse(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Mistake> {
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
    fn value(&self, text: &'static str) -> DeValue<'static> {
        let text = || DeValue::String(Cow::Borrowed(text));
        match self {
            Self::Texts => DeValue::Array([Spanned::new(0..0, text())].into_iter().collect()),
            Self::Text | Self::Flag | Self::Number(_) | Self::Word(_) | Self::Socket | Self::Table => text(),
        }
    }

    /// As a person writes it.
    fn written(&self, text: &str) -> String {
        match self {
            Self::Texts => format!("[{text:?}]"),
            Self::Text | Self::Flag | Self::Number(_) | Self::Word(_) | Self::Socket | Self::Table => {
                format!("{text:?}")
            }
        }
    }
}

fn refuse_socket(at: Range<usize>, text: &str) -> Option<Mistake> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => None,
        Ok(_) => Some(
            Mistake::new(at, "a server with port 0 listens where nobody finds it").cure("name a port, such as 8090"),
        ),
        Err(_) => {
            let mistake = Mistake::new(at, format!("`{}` is not an address to listen on", shown(text)));
            Some(mistake.cure("it is an IP address (no name) with a port: \"127.0.0.1:8090\", \"[::1]:8090\""))
        }
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

/// Every value that holds an address with a password in it, whatever its key: its place, and what is wrong.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
pub(super) fn passwords(root: &DeTable<'_>) -> Vec<(Range<usize>, Mistake)> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Spanned<DeValue<'_>>> = root.values().collect();
    while let Some(value) = waiting.pop() {
        match value.get_ref() {
            DeValue::Table(table) => waiting.extend(table.values()),
            DeValue::Array(array) => waiting.extend(array.iter()),
            DeValue::String(text) => found.extend(password_in(text).map(|flaw| {
                let cure = "write it into a file of its own, mode 0600, and name that: password_file = \"…\"";
                (value.span(), Mistake::new(value.span(), flaw.title).cure(cure))
            })),
            _ => {}
        }
    }
    found
}

/// Where a value stands: the deepest part of its path that there is.
pub(super) fn place(root: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let mut at = 0..0;
    let mut table = Some(root);
    for name in path {
        let Some(value) = table.and_then(|table| table.get(*name)) else { break };
        at = value.span();
        table = value.get_ref().as_table();
    }
    at
}
