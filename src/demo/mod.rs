//! A fleet of real `sshd` hosts on this machine, for the demo and the journeys.
//! It must never be reached by the server or a runner: they know its hosts only through ssh.

pub mod fleet;
pub mod irc;
pub mod lifeline;
pub mod machine;
pub mod mail;
pub mod repo;
pub mod trouble;
