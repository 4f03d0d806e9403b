//! How the ending of a command under the guard reads as an outcome, with why it did not succeed in words. Pure; it must never call an
//! end good that the guard did not. Called by the step and the look ahead.

use super::complaint::Complaint;
use crate::journal::HostResult;
use crate::plan::{PlannedCommand, Property};
use crate::remote::Ending;
use crate::run::outcome::Outcome;
use crate::stack::Host;
use crate::time::duration_words;

/// How a command ended on a host, or on the push host, that said this on standard error.
pub fn outcome(ending: Ending, command: &PlannedCommand, said: &Complaint, host: Option<&Host>) -> Outcome {
    let (result, code, why, left) = match ending {
        Ending::Exited(0) => (HostResult::Ok, Some(0), None, 0),
        // What was asked has its own words for the answer.
        Ending::Exited(_) if command.form.has(Property::AnswersInWords) => {
            (HostResult::Failed, None, Some(said.last().to_owned()), 0)
        }
        Ending::Exited(code) => {
            let place = host.filter(|_| command.form.has(Property::OverSsh)).map_or("the push host", Host::name);
            (HostResult::Failed, Some(code), Some(said.words(&command.form, code, place)), 0)
        }
        Ending::Refused(why) if command.form.has(Property::DoneByTheRunner) => (HostResult::Failed, None, Some(why), 0),
        Ending::Refused(why) => (HostResult::Failed, None, Some(format!("nothing ran: {why}")), 0),
        Ending::Stopped(why) => (HostResult::Failed, None, Some(why), 0),
        Ending::Unreachable(why) => (HostResult::Unreachable, None, Some(why), 0),
        Ending::TimedOut { .. } if command.form.question().is_some() => {
            (HostResult::TimedOut, None, Some("nobody answered in time".to_owned()), 0)
        }
        Ending::TimedOut { left } => (HostResult::TimedOut, None, Some(timed_out(command.timeout_s, left)), left),
        Ending::Cancelled { left } => (HostResult::Cancelled, None, Some(format!("ended{}", left_words(left))), left),
        Ending::Unknown(why) => (HostResult::Unknown, None, Some(why), 0),
    };
    Outcome { code, left, ..Outcome::new(result, why) }
}

fn timed_out(timeout_s: u64, left: u32) -> String {
    let limit = duration_words(i64::try_from(timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    format!("timed out after {limit}, ended{} (`timeout` of the command in the stack file)", left_words(left))
}

fn left_words(left: u32) -> String {
    match left {
        0 => String::new(),
        1 => "; 1 process could not be ended".to_owned(),
        n => format!("; {n} processes could not be ended"),
    }
}
