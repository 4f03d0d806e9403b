//! A program that asks with a token (`Authorization: Bearer pb_…`, TRUST section 7): who it is, and where its scopes let it go. It must
//! never let a token do what persons alone may, nor let it learn that something is there which no scope of it names.
//! Called by the request guard and the routes.

use super::caller::{Caller, Proof, SEEN_EVERY_MS, TokenProof, method_of, note_seen};
use crate::desk::Refusal;
use crate::ledger::pushes;
use crate::ledger::tokens::{self, TokenText};
use crate::stack::{PushNumber, StackName, StageName, Target, Verb};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::path::named;
use crate::web::http::problem::Problem;
use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};

/// What a request gives as a token, if it gives one. Another scheme than `Bearer` is a proxy's own matter, and so is a bearer that is
/// none of ours where a browser may have come with it: with a cookie, or for a page.
pub fn bearer<'h>(path: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let of_program = path.starts_with("/api/") && !headers.contains_key(COOKIE);
    let is_ours = token.trim_start().starts_with(tokens::PREFIX) || of_program;
    (scheme.eq_ignore_ascii_case("bearer") && is_ours).then_some(token.trim())
}

/// The program behind a token.
///
/// # Errors
/// When it comes with a cookie or asks for a page; when nobody has this token; when the ledger does not answer.
pub async fn caller_of(app: &App, request: &HttpRequest, text: &str) -> Result<Caller, Problem> {
    if request.headers().contains_key(COOKIE) || request.headers().get_all(AUTHORIZATION).count() > 1 {
        return Err(Problem::bad_request("a token comes alone: without a cookie and without a second one"));
    }
    if !request.path().starts_with("/api/") {
        return Err(Problem::beyond_scope("a token works with the API alone, below /api/"));
    }
    let (now, method) = (At::now(), method_of(app));
    let found = match TokenText::read(text) {
        None => None,
        Some(text) => {
            let found = app.desk.ledger().read(move |connection| {
                let Some(token) = tokens::find(connection, &text, now)? else { return Ok(None) };
                // Who is nobody any more has no programs.
                Ok(method.person(connection, &token.owner)?.map(|_| token))
            });
            found.await?
        }
    };
    let Some(token) = found else {
        let from = ClientAddress::of(&app.desk.config().trusted_proxies, request);
        app.failures.note(app.desk.ledger(), from, None, "token");
        return Err(Problem::no_token());
    };
    if token.seen_at.is_none_or(|seen| now.millis_since(seen) >= SEEN_EVERY_MS) {
        let id = token.id.clone();
        note_seen(app, move |tx| tokens::seen(tx, &id, now));
    }
    let who = token.who()?;
    Ok(Caller { who, full_name: None, proof: Proof::Token(TokenProof { id: token.id, scopes: token.scopes }) })
}

/// Lets a token pass to what a request is about, if a scope of it says so.
///
/// # Errors
/// When none does; what no scope names at all is answered as if it were not there.
pub async fn admit(app: &App, caller: &Caller, verb: Verb, request: &HttpRequest) -> Result<(), Problem> {
    let Proof::Token(token) = &caller.proof else { return Ok(()) };
    let target = target_of(app, request).await?;
    match token.scopes.allow(verb, &target) {
        true => Ok(()),
        false if token.scopes.name(&target) => Err(refused(caller, token, verb, &target)),
        false => Err(not_there(request, &target)),
    }
}

fn refused(caller: &Caller, token: &TokenProof, verb: Verb, target: &Target) -> Problem {
    let (who, may) = (&caller.who, &token.scopes);
    Problem::beyond_scope(format!("{who} may not {} {target}; its scopes are {may}", verb.phrase()))
}

/// What an address says that is not there.
fn not_there(request: &HttpRequest, target: &Target) -> Problem {
    if let Some(id) = request.match_info().get("id") {
        return Problem::unknown(format_args!("push {id}"));
    }
    let what = match target {
        Target::Everything => "all stacks".to_owned(),
        Target::Stack(stack) | Target::Stage(stack, _) => format!("stack {stack}"),
    };
    Refusal::Unknown { what }.into()
}

/// What a request is about, by its address: a stage, a stack, the stage of a push, or everything.
async fn target_of(app: &App, request: &HttpRequest) -> Result<Target, Problem> {
    let part = |name| request.match_info().get(name);
    if let Some(id) = part("id") {
        let id: PushNumber = named("push", id)?;
        let row = app.desk.ledger().read(move |connection| pushes::get(connection, id)).await?;
        let row = row.ok_or_else(|| Problem::unknown(format_args!("push {id}")))?;
        return Ok(Target::Stage(row.stack, row.stage));
    }
    let Some(stack) = part("stack") else { return Ok(Target::Everything) };
    let stack: StackName = named("stack", stack)?;
    let Some(stage) = part("stage") else { return Ok(Target::Stack(stack)) };
    let stage: StageName = named("stage", stage)?;
    Ok(Target::Stage(stack, stage))
}

impl Caller {
    /// Refuses a program: this is for persons.
    ///
    /// # Errors
    /// When a token let it in.
    pub fn must_be_person(&self) -> Result<(), Problem> {
        match &self.proof {
            Proof::Session(_) | Proof::PushHost => Ok(()),
            Proof::Token(_) => {
                Err(Problem::beyond_scope(format!("{} may not do this: no token may, only a person", self.who)))
            }
        }
    }

    /// Whether this may be shown: everything to a person, to a program what its token may see.
    pub fn sees(&self, target: &Target) -> bool {
        match &self.proof {
            Proof::Session(_) | Proof::PushHost => true,
            Proof::Token(token) => token.scopes.allow(Verb::See, target),
        }
    }

    /// Refuses to show what a token may not see.
    ///
    /// # Errors
    /// When it may not.
    pub fn must_see(&self, target: &Target, cure: &str) -> Result<(), Problem> {
        match &self.proof {
            Proof::Token(token) if !self.sees(target) => Err(refused(self, token, Verb::See, target).with_cure(cure)),
            Proof::Token(_) | Proof::Session(_) | Proof::PushHost => Ok(()),
        }
    }
}
