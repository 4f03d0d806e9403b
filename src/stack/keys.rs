//! Every key that a stack file may have, table by table: the very lists that the reader refuses unknown keys by. It exists so
//! that the documentation can be compared with them; it must never list a key that the reader does not take. Called by
//! the tests of the documentation.

use super::commands::{self, fan_out, questions};
use super::form::{check, watch};
use super::parse::graphs;
use super::{hosts, parse, secrets, source};

/// Each table, as error messages call it, with its keys in reading order.
pub fn keys() -> [(&'static str, &'static [&'static str]); 11] {
    [
        &parse::STACK,
        &source::SOURCE,
        &hosts::GROUP,
        &secrets::SECRET,
        &parse::STAGE,
        &commands::COMMAND,
        &check::CHECK,
        &questions::QUESTION,
        &watch::WATCH,
        &graphs::GRAPH,
        &fan_out::RELAY,
    ]
    .map(|keys| (keys.of, keys.known))
}
