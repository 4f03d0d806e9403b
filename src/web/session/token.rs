//! A program that asks with a token (`Authorization: Bearer pb_…`, TRUST section 7): who it is. It must never let one in by anything but
//! the token alone. Called by the request guard.

use super::caller::{Caller, Proof, SEEN_EVERY_MS, TokenProof, groups_of, method_of, note_seen};
use crate::ledger::tokens::{self, TokenText};
use crate::stack::{Access, Member};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::client_address::ClientAddress;
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
                Ok(method.owner(connection, &token.owner, now)?.map(|groups| (token, groups)))
            });
            found.await?
        }
    };
    let Some((token, groups)) = found else {
        let from = ClientAddress::of(&app.desk.config().trusted_proxies, request);
        app.failures.note(app.desk.ledger(), from, None, "token");
        return Err(Problem::no_token());
    };
    if token.seen_at.is_none_or(|seen| now.millis_since(seen) >= SEEN_EVERY_MS) {
        let id = token.id.clone();
        note_seen(app, move |tx| tokens::seen(tx, &id, now));
    }
    let who = token.who()?;
    let proof = Proof::Token(TokenProof { id: token.id, owner: token.owner.clone() });
    let owner = Member { who: token.owner, groups: groups_of(groups.iter().map(String::as_str)) };
    let access = Access::of_program(app.desk.rights(), who.clone(), owner, token.scopes);
    Ok(Caller { who, full_name: None, proof, access })
}
