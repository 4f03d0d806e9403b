//! `approval` and `approval_expires` of a stage: whether someone else must approve a push to it. It must never say who may: that is the
//! server's file. Called by `parse`; the desk decides by it.

use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::Reader;
use crate::stack::values::{self, Refused};
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

/// Reads what a stage says of it; none where a push needs no approval.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<ApprovalRule> {
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
