//! One's own second factor: setting it up with an app, and taking it away. Codes are checked where people sign in.

pub mod forms;
pub mod picture;
