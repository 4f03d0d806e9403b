//! `graphs`: what is shown beside a stack's pushes. Plain data; it must never ask for any of it. Called by `parse`.

use crate::diagnostic::Mistake;
use crate::stack::form::watch;
use crate::stack::reader::{Keys, Reader, Value};
use crate::stack::script::Piece;
use crate::stack::values::{self, Refused, refused};
use crate::stack::variables::Scope;
use toml::de::DeTable;
use url::Url;

pub(in crate::stack) const GRAPH: Keys =
    Keys { of: "a graph", known: &["title", "image", "prometheus", "graphite", "query"], later: &[] };

/// More than these nobody looks at while a push runs.
const MOST: usize = 12;
const EXAMPLE: &str = "write graphs = [{ title = \"Errors\", prometheus = \"http://prometheus.example.com:9090\", query = \"sum(rate(http_errors_total[1m]))\" }]";

/// A graph that is shown beside the pushes of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// What it is called.
    pub title: String,
    /// Where it comes from.
    pub source: GraphSource,
}

/// Where a graph comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphSource {
    /// A picture that another server draws.
    Image(Url),
    /// Values of Prometheus: its address, and the query.
    Prometheus(Url, String),
    /// Values of Graphite: its address, and the target.
    Graphite(Url, String),
}

/// Reads `graphs`.
pub(super) fn read(reader: &mut Reader<'_>, scope: Scope<'_>, stack: &str, value: Option<&Value<'_>>) -> Vec<Graph> {
    let Some(value) = value else { return Vec::new() };
    let Some(list) = reader.array(value) else { return Vec::new() };
    if list.len() > MOST {
        let title = format!("there are {} graphs", list.len());
        reader.refuse(
            Mistake::new(value.span(), title).cure(format!("show at most {MOST}, those that a push can change")),
        );
    }
    list.iter().filter_map(|entry| read_one(reader, scope, stack, entry)).collect()
}

fn read_one(reader: &mut Reader<'_>, scope: Scope<'_>, stack: &str, value: &Value<'_>) -> Option<Graph> {
    let table = reader.table(value)?;
    reader.check_keys(table, &GRAPH);
    let title = match table.get("title") {
        Some(title) => reader.parsed(title, values::line),
        None => {
            reader.missing(value.span(), "this graph", "title", "write what it shows: title = \"Errors\"");
            None
        }
    };
    let kinds: Vec<&str> =
        ["image", "prometheus", "graphite"].into_iter().filter(|key| table.contains_key(*key)).collect();
    let [kind] = kinds.as_slice() else {
        let title = match kinds.is_empty() {
            true => "this graph does not say where it comes from",
            false => "a graph comes from one place",
        };
        reader.refuse(Mistake::new(value.span(), title).cure(EXAMPLE));
        return None;
    };
    let url = table.get(*kind).and_then(|value| reader.parsed(value, |text| address(text, *kind == "image")));
    let source = match *kind {
        "image" => {
            if let Some((key, _)) = table.get_key_value("query") {
                reader.refuse(Mistake::new(key.span(), "a picture has no `query`").cure("take `query` out"));
            }
            url.map(GraphSource::Image)
        }
        kind => {
            let query = read_query(reader, scope, stack, table, value);
            let of = if kind == "prometheus" { GraphSource::Prometheus } else { GraphSource::Graphite };
            url.zip(query).map(|(url, query)| of(url, query))
        }
    };
    Some(Graph { title: title?, source: source? })
}

/// The query, in which `{stack}` is the stack's name: a graph belongs to all of its stages.
fn read_query(
    reader: &mut Reader<'_>,
    scope: Scope<'_>,
    stack: &str,
    table: &DeTable<'_>,
    value: &Value<'_>,
) -> Option<String> {
    let Some(query) = table.get("query") else {
        reader.missing(value.span(), "this graph", "query", EXAMPLE);
        return None;
    };
    let text = |piece: Piece| match piece {
        Piece::Text(text) => Ok(text),
        Piece::Var(name) if name == "PUSH_STACK" => Ok(stack.to_owned()),
        Piece::Var(_) => Err(refused("a graph belongs to all stages, so only {stack} stands in its query", EXAMPLE)),
    };
    reader.parsed(query, |query| watch::query(query, scope)?.into_iter().map(text).collect())
}

fn address(text: &str, is_image: bool) -> Result<Url, Refused> {
    let url = watch::server_address(text, is_image);
    url.ok_or_else(|| refused("this is no address that a graph can come from", EXAMPLE))
}
