//! The commands about what is kept: copies of the data directory, verifying it, the audit for others, and what to do after it was lost or moved.
//! Each says only what the desk found; none repairs anything.

pub mod audit;
pub mod backup;
pub mod numbers;
pub mod verify;
