//! Who does something, and what a token lets a program do: names and rules alone. It must never look anyone up.

pub mod scope;
pub mod who;
