//! Whether a request may go where it goes: what it is about, and what its caller may there. It must never tell anyone that something is
//! there which they may not see. Called by the routes for each request, and by handlers whose answer is about many things.

use super::caller::{Caller, Proof};
use crate::desk::Refusal;
use crate::ledger::outbox::again::{self, Sent};
use crate::ledger::pushes;
use crate::stack::{Access, NoRight, PushNumber, StackName, StageName, Verb};
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::Problem;
use actix_web::HttpRequest;

/// What a request is about, by its address: everything, a stack with its stages, a stage (that of a push or an announcement, too).
enum About {
    Server,
    Stack(StackName, Vec<StageName>),
    Stage(StackName, StageName),
    /// A push, or an announcement, that there is not: who sees everything is told so by what they asked, with its own cure.
    NoPush,
}

/// Lets a caller pass to what a request is about, if they may do this there.
///
/// # Errors
/// When they may not; what they may not see is answered as if it were not there.
pub async fn admit(app: &App, caller: &Caller, verb: Verb, request: &HttpRequest) -> Result<(), Problem> {
    let about = about(app, request).await?;
    let access = &caller.access;
    let knows = match &about {
        About::Server => true,
        About::NoPush => access.sees_all(),
        About::Stack(stack, stages) => access.knows_stack(stack, stages),
        About::Stage(stack, stage) => access.knows_stage(stack, stage),
    };
    if !knows {
        return Err(not_there(app, access, request, &about));
    }
    if let Some((scopes, by_scopes)) = access.by_scopes()
        && let Err(no) = about.judge(verb, &by_scopes)
    {
        let why = format!("{} may not {} {}; its scopes are {scopes}", no.who, verb.phrase(), no.target);
        return Err(Problem::beyond_scope(why));
    }
    about.judge(verb, access).map_err(|no| Refusal::from(no).into())
}

impl About {
    fn judge(&self, verb: Verb, access: &Access) -> Result<(), NoRight> {
        match self {
            Self::Server => access.must_on_server(verb),
            Self::NoPush => Ok(()),
            Self::Stack(stack, stages) => access.must_on_stack(verb, stack, stages),
            Self::Stage(stack, stage) => access.must(verb, stack, stage),
        }
    }
}

/// What an address says that is not there.
fn not_there(app: &App, access: &Access, request: &HttpRequest, about: &About) -> Problem {
    if let Some(id) = request.match_info().get("id") {
        return Problem::unknown(format_args!("push {id}"));
    }
    if let Some(id) = request.match_info().get("announcement") {
        return Problem::unknown(format_args!("announcement {id}"));
    }
    let what = match about {
        About::Server | About::NoPush => "all stacks".to_owned(),
        About::Stage(stack, stage) if access.knows_stack(stack, &app.desk.stages_of(stack)) => {
            format!("stage {stack}/{stage}")
        }
        About::Stack(stack, _) | About::Stage(stack, _) => format!("stack {stack}"),
    };
    Refusal::Unknown { what }.into()
}

async fn about(app: &App, request: &HttpRequest) -> Result<About, Problem> {
    let part = |name| request.match_info().get(name);
    if let Some(id) = part("id") {
        let id: PushNumber = named("push", id)?;
        let row = app.desk.ledger().read(move |connection| pushes::get(connection, id)).await?;
        return Ok(row.map_or(About::NoPush, |row| About::Stage(row.stack, row.stage)));
    }
    if let Some(id) = part("announcement") {
        let id: i64 = named("announcement", id)?;
        let sent = app.desk.ledger().read(move |connection| again::get(connection, id)).await?;
        return Ok(match sent {
            None => About::NoPush,
            Some(Sent { stack: None, .. }) => About::Server,
            Some(Sent { stack: Some(stack), stage: Some(stage), .. }) => About::Stage(stack, stage),
            Some(Sent { stack: Some(stack), stage: None, .. }) => {
                let stages = app.desk.stages_of(&stack);
                About::Stack(stack, stages)
            }
        });
    }
    let Some(stack) = part("stack") else { return Ok(About::Server) };
    let stack: StackName = named("stack", stack)?;
    let Some(stage) = part("stage") else {
        let stages = app.desk.stages_of(&stack);
        return Ok(About::Stack(stack, stages));
    };
    let stage: StageName = named("stage", stage)?;
    Ok(About::Stage(stack, stage))
}

impl Caller {
    /// Refuses a program: this is for persons.
    ///
    /// # Errors
    /// When a token let it in.
    pub fn must_be_person(&self) -> Result<(), Problem> {
        match &self.proof {
            Proof::Session(_) | Proof::Proxy(_) | Proof::PushHost => Ok(()),
            Proof::Token(_) => {
                Err(Problem::beyond_scope(format!("{} may not do this: no token may, only a person", self.who)))
            }
        }
    }

    /// Refuses who is no administrator.
    ///
    /// # Errors
    /// When they are not, or a token let them in.
    pub fn must_be_admin(&self) -> Result<(), Problem> {
        self.must_be_person()?;
        match self.access.admin() {
            true => Ok(()),
            false => Err(Problem::admins_only(&self.who, &self.access.who_is_admin())),
        }
    }
}
