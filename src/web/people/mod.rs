//! Who has signed in, for administrators: everybody's sessions and tokens, and the forms that end them. It must never show what lets anybody in,
//! nor give anybody a right.

pub(super) mod forms;
pub(super) mod page;
pub(super) mod view;
