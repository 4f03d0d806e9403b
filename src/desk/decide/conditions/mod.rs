//! What must be so before a build goes out, beside the stop signs: no mark that it is bad, green statuses (`needs`), approval of others; and
//! whether a stage is pushed automatically (`auto`). Pure; it must never read anything itself.

pub(crate) mod approval;
pub(crate) mod auto;
pub(crate) mod marks;
pub(crate) mod needs;
