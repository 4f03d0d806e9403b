//! What the ledger knows of one push, asked in one reading. It must never change anything.

use crate::ledger::holding::{self, LeftWith};
use crate::ledger::marks::{self, Mark};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::{Ledger, outbox, push_hosts, questions};
use crate::stack::PushNumber;
use crate::web::http::problem::Problem;

/// What the ledger knows of one push.
pub struct PushDetails {
    /// The push.
    pub row: PushRow,
    /// Its commands as far as they were begun.
    pub commands: Vec<pushes::CommandRow>,
    /// What became of each on each host.
    pub results: Vec<pushes::ResultRow>,
    /// What it brings.
    pub commits: Vec<pushes::Commit>,
    /// What was told where.
    pub announcements: Vec<outbox::OutboxRow>,
    /// What it linked to.
    pub links: Vec<pushes::Link>,
    /// What it has measured.
    pub measurements: Vec<pushes::Measurement>,
    /// What it asked.
    pub questions: Vec<questions::Question>,
    /// The frozen host list of its plan, by name.
    pub hosts: Vec<String>,
    /// What people say of its build.
    pub marks: Vec<Mark>,
    /// What it left each of them with, by its records.
    pub left_with: Vec<LeftWith>,
}

impl PushDetails {
    /// Asks the ledger, all in one reading.
    ///
    /// # Errors
    /// When there is no such push, or the ledger does not answer.
    pub async fn of(ledger: &Ledger, id: PushNumber) -> Result<Self, Problem> {
        let known = ledger.read(move |connection| {
            let Some(row) = pushes::get(connection, id)? else { return Ok(None) };
            let marks = marks::of_stack(connection, &row.stack)?;
            Ok(Some(Self {
                marks: marks.into_iter().filter(|mark| mark.build == row.build).collect(),
                row,
                commands: pushes::commands(connection, id)?,
                results: pushes::results(connection, id)?,
                commits: pushes::commits(connection, id)?,
                announcements: outbox::of_push(connection, id)?,
                links: pushes::links(connection, id)?,
                measurements: pushes::measurements(connection, id)?,
                questions: questions::of_push(connection, id)?,
                hosts: push_hosts::names(connection, id)?,
                left_with: holding::left_with(connection, id)?,
            }))
        });
        known.await?.ok_or_else(|| Problem::unknown(format_args!("push {id}")))
    }
}
