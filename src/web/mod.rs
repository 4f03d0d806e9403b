//! HTTP in, pages and streams out. It must never decide whether a push may happen (the desk does).

pub mod pages;
