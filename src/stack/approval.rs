//! `approval`, `approval_expires` and `needs` of a stage: whether someone else must approve a push to it, and which builds it takes. It
//! must never say who may: that is the
//! server's file. Called by `parse`; the desk decides by it.

use super::reader::Reader;
use super::values::{self, Refused};
use crate::diagnostic::{Mistake, shown};
use std::time::Duration;
use toml::de::DeTable;

/// The most people who must approve a push: a stage that nobody can push is no safer.
const MOST: usize = 5;
/// How long a request for approval stands when the file says nothing: a working afternoon, and no night.
const EXPIRES: Duration = Duration::from_secs(4 * 3600);

/// That a push to a stage needs the approval of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many people must approve, besides who pushes.
    pub needed: usize,
    /// How long a request stands.
    pub expires: Duration,
}

impl ApprovalRule {
    /// `an approval`, `2 approvals`.
    pub fn words(&self) -> String {
        match self.needed {
            1 => "an approval".to_owned(),
            needed => format!("{needed} approvals"),
        }
    }
}

/// Which builds a stage takes from the stage before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Those that someone has marked as good there.
    Approved,
}

/// Reads `needs`; `place` is the stage's, from 0.
pub(super) fn read_needs(reader: &mut Reader<'_>, table: &DeTable<'_>, place: usize) -> Option<Needs> {
    let value = table.get("needs")?;
    if place == 0 {
        let title = "the first stage takes its version from the source, and so no build that was marked before";
        reader.refuse(Mistake::new(value.span(), title).cure("put `needs` into a later stage"));
        return None;
    }
    reader.parsed(value, |text| match text {
        "approved" => Ok(Needs::Approved),
        other => Err(values::refused(format!("needs `{}` is not known", shown(other)), "write needs = \"approved\"")),
    })
}

/// Reads what a stage says of it; none where a push needs no approval.
pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<ApprovalRule> {
    let expires = table.get("approval_expires").map(|value| (value, reader.parsed(value, expires)));
    let Some(needed) = table.get("approval") else {
        if let Some((value, _)) = expires {
            let title = "`approval_expires` says how long a request stands, and this stage needs no approval";
            reader.refuse(Mistake::new(value.span(), title).cure("add approval = 1, or take it out"));
        }
        return None;
    };
    let needed = reader.number(needed, 1..=MOST)?;
    let expires = match expires {
        None => EXPIRES,
        Some((_, given)) => given?,
    };
    Some(ApprovalRule { needed, expires })
}

fn expires(text: &str) -> Result<Duration, Refused> {
    let title = |refused| Refused { title: format!("approval_expires `{}` is not allowed", shown(text)), ..refused };
    values::timeout(text).map_err(title)
}
