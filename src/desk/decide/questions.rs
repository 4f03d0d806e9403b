//! What becomes of the questions of a stage where a person has decided already. Plain data.

use crate::plan::Plan;

/// What becomes of the questions of a stage (`confirm`) where a person has decided by pressing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Questions {
    /// Nobody is asked.
    #[default]
    LeftOut,
    /// They are asked as in a push.
    Asked,
}

impl Questions {
    /// The plan as it then is.
    pub(crate) fn of(self, plan: Plan) -> Plan {
        match self {
            Self::LeftOut => plan.without_questions(),
            Self::Asked => plan,
        }
    }
}
