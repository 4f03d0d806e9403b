//! What becomes of a push when hosts fail, as a stage or a command says it. Plain data; it must never decide: the runner does.

/// What becomes of a push when hosts fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    /// So many hosts of the frozen list may be given up before `on_failure` counts.
    pub max_failed: usize,
    /// What happens past that.
    pub on_failure: OnFailure,
    /// With [`OnFailure::Drop`]: so many hosts may leave, never all of them; otherwise 0.
    #[serde(default, skip_serializing_if = "is_none")]
    pub max_dropped: usize,
}

/// Whether a plan says nothing of it.
fn is_none(number: &usize) -> bool {
    *number == 0
}

/// What happens when more hosts have failed than may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// No new host, no later command: the push ends *failed*.
    #[default]
    Stop,
    /// All hosts are tried; the push ends *degraded*.
    Continue,
    /// What was live before goes back onto the hosts that were touched: the push ends *rolled back*.
    Rollback,
    /// A host that fails leaves through the stage's `drop` list; the rest go on, and the push ends *degraded*.
    Drop,
}
