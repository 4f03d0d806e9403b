//! What a call of the API is: its handler, what it takes, what it answers. The one source of the OpenAPI document and its page: a
//! route below `/api/` is made of a [`Call`], so that none is there without. It must never say what the types do not: schemas come
//! from the types that are read and written. Used by every handler of the API, which stands beside its call.

use crate::web::http::body::Fields;
use actix_web::Route;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a call is about: the chapters of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// Stacks, their stages, and pushing them.
    Stacks,
    /// Their hosts.
    Hosts,
    /// Builds that are published.
    Builds,
    /// Pushes that were made.
    Pushes,
    /// The server itself.
    Server,
}

impl Chapter {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Stacks, Self::Hosts, Self::Builds, Self::Pushes, Self::Server];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stacks => "stacks",
            Self::Hosts => "hosts",
            Self::Builds => "builds",
            Self::Pushes => "pushes",
            Self::Server => "server",
        }
    }
}

/// What the body of a request holds.
#[derive(Clone, Copy)]
pub enum Takes {
    /// There is none.
    Nothing,
    /// One JSON object.
    Json(JsonBody),
    /// The bytes of a file of this type.
    File(&'static str),
}

/// One JSON object that a call takes.
#[derive(Clone, Copy)]
pub struct JsonBody {
    /// The schema of its type.
    pub schema: SchemaOf,
    /// Of these fields one must be there.
    pub needed: &'static [&'static str],
    /// A body that would be taken.
    pub example: &'static str,
}

/// What an answer holds.
#[derive(Clone, Copy)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// JSON of this schema.
    Json(SchemaOf),
    /// Something of these media types, which no schema says more of.
    Media(&'static [&'static str]),
    /// Server-Sent Events, as long as the reader stays.
    Events,
}

/// One answer that is not an error.
#[derive(Clone, Copy)]
pub struct Gives {
    /// Its status.
    pub status: u16,
    /// What it means, a phrase.
    pub what: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// The same status may hold this instead.
    pub or: &'static [&'static str],
}

/// One call.
pub struct Call {
    /// Its handler.
    pub handler: fn() -> Route,
    /// Its name for programs that are made of the document: `push`, `roll_back`.
    pub name: &'static str,
    /// Where it stands.
    pub chapter: Chapter,
    /// What it does, a phrase.
    pub summary: &'static str,
    /// What the query of its address may hold, if anything.
    pub query: Option<SchemaOf>,
    /// What the body holds.
    pub takes: Takes,
    /// What it answers when it is done.
    pub gives: &'static [Gives],
    /// Statuses with which it may refuse, beside those of every call ([`super::statuses`]).
    pub refuses: &'static [u16],
}

impl Call {
    /// Whether it answers as long as the reader stays.
    pub const fn streams(&self) -> bool {
        let mut at = 0;
        while at < self.gives.len() {
            if matches!(self.gives[at].holds, Holds::Events) {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// An answer that holds JSON.
pub const fn json<T: JsonSchema>(status: u16, what: &'static str) -> Gives {
    Gives { status, what, holds: Holds::Json(SchemaGenerator::subschema_for::<T>), or: &[] }
}

/// An answer without a body.
pub const fn nothing(status: u16, what: &'static str) -> Gives {
    Gives { status, what, holds: Holds::Nothing, or: &[] }
}

/// A stream of events.
pub const fn events(what: &'static str) -> Gives {
    Gives { status: 200, what, holds: Holds::Events, or: &[] }
}

/// An answer of one of these media types.
pub const fn media(status: u16, what: &'static str, types: &'static [&'static str]) -> Gives {
    Gives { status, what, holds: Holds::Media(types), or: &[] }
}

impl Gives {
    /// The same, which can be had as other media types too.
    pub const fn or(self, types: &'static [&'static str]) -> Self {
        Self { or: types, ..self }
    }
}

/// A body of this type.
pub const fn takes<T: Fields>() -> Takes {
    let needed = match T::NEEDED {
        Some((names, _)) => names,
        None => &[],
    };
    Takes::Json(JsonBody { schema: SchemaGenerator::subschema_for::<T>, needed, example: T::EXAMPLE })
}

/// A query of this type.
pub const fn query<T: JsonSchema>() -> Option<SchemaOf> {
    Some(SchemaGenerator::subschema_for::<T>)
}
