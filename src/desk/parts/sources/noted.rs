//! The files as the audit has them. Plain data.

use std::collections::BTreeMap;

/// The files as the audit has them last, by name; none before the audit was asked.
pub(crate) type Noted = std::sync::Mutex<Option<BTreeMap<String, String>>>;
