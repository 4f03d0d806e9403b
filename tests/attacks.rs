//! The attacks on a real server, each one again and again: `cargo nextest run attacks`. Whatever is thrown at it, it answers as before, its
//! peak memory stays under 200 MB, and `/healthz` is not slower by more than 200 ms while it lasts, beyond what the machine itself
//! is slower. Nothing here knows how the server does it.

mod bodies;
mod channels;
mod guesses;
mod headers;
mod hidden;
mod hosts;
mod requests;
mod sources;
mod target;
mod words;
