//! What an address names: a stack, a stage, a push. What is not even a name of its kind does not exist.

use crate::web::http::problem::Problem;
use std::fmt::Display;
use std::str::FromStr;

/// A name or number of an address; what is not even one does not exist.
///
/// # Errors
/// When it is not a name of its kind.
pub fn named<T: FromStr>(what: &str, text: &str) -> Result<T, Problem>
where
    T::Err: Display,
{
    text.parse().map_err(|_| Problem::unknown(format_args!("{what} {text:?}")))
}
