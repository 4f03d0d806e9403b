//! Builds that somebody else made: sent at once, piece by piece, or fetched from where they lie; listed, and withdrawn. It must never hold one
//! in memory, nor unpack anything itself.

pub(super) mod artifact;
pub(super) mod publish;
mod take;
pub(super) mod uploads;
