//! The statuses with which calls refuse, and what each means: the table that the document and its page have. Words only, pure.

use super::call::{Call, Takes};
use actix_web::http::Method;

/// A status with which a call refuses.
pub struct Status {
    /// Its number.
    pub number: u16,
    /// Its name in the document.
    pub name: &'static str,
    /// When it is answered.
    pub when: &'static str,
}

const fn status(number: u16, name: &'static str, when: &'static str) -> Status {
    Status { number, name, when }
}

/// All of them.
pub static STATUSES: &[Status] = &[
    status(400, "BadRequest", "The request is wrong: the problem says which part, by its name and with an example"),
    status(401, "NobodySignedIn", "Nobody is signed in, or nobody has this token"),
    status(
        403,
        "NotAllowed",
        "The rights or the scope of the token do not allow it, or the request came from a page of another site",
    ),
    status(404, "NotThere", "There is no such stack, stage, push, build or address, or none that the caller may see"),
    status(408, "TooSlow", "The body did not come in time"),
    status(409, "NotNow", "It cannot be done now: locked, held, moved, nothing to do; the problem says who and what"),
    status(411, "NoLength", "The body must come with its length"),
    status(413, "TooLarge", "The body is larger than the server accepts"),
    status(415, "Encoded", "The body must not be compressed"),
    status(421, "WrongHost", "The Host header is not that of the server's address"),
    status(422, "OtherRequest", "The Idempotency-Key belongs to another request"),
    status(429, "TooOften", "Too often within a minute; Retry-After says how long to wait"),
    status(431, "HeadersTooLarge", "The headers, or the address, are too large"),
    status(500, "Broken", "A bug in Pushbutton; the server's log has the cause"),
    status(503, "Unable", "The server cannot: its disk, its ledger, a source, or too many of these requests at once"),
];

/// What every request can be answered, whatever it asks.
const OF_ALL: [u16; 10] = [400, 401, 403, 411, 413, 415, 421, 431, 500, 503];

/// The statuses with which a call may refuse, in order.
pub fn of(method: &Method, path: &str, call: &Call) -> impl Iterator<Item = &'static Status> {
    let names_something = path.contains('{');
    let (changes, has_body) = (*method != Method::GET, !matches!(call.takes, Takes::Nothing));
    STATUSES.iter().filter(move |status| {
        OF_ALL.contains(&status.number)
            || call.refuses.contains(&status.number)
            || match status.number {
                404 => names_something,
                408 => has_body,
                409 => changes,
                422 => *method == Method::POST,
                _ => false,
            }
    })
}
