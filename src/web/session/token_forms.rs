//! The forms of one's own tokens: a new one, one in the place of another, the end of one. It must never touch anybody else's, nor show
//! the text of a token but in the answer to the request that made it. Called by the routes.

use super::account::{Notices, draw};
use super::account_view::NewTokenForm;
use super::caller::Caller;
use crate::ledger::tokens::{self, Refused, Token, TokenText};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::problem::{Problem, Reply};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Path};

/// How long a token still holds that another one has replaced: a day, so that who has to be told can be told in working hours.
const OVERLAP_MS: i64 = 24 * 3_600_000;

/// `POST /account/tokens`
pub async fn add(app: Data<App>, caller: Caller, given: InTime<Form<NewTokenForm>>) -> Reply {
    let InTime(Form(typed)) = given;
    let made = Token::new(&caller.who, typed.name.trim(), &typed.may, typed.expires.trim(), At::now());
    issue(&app, &caller, made, None, typed).await
}

/// `POST /account/tokens/{token}/rotate`
pub async fn rotate(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let (who, wanted) = (caller.who.clone(), id.clone());
    let old = app.desk.ledger().read(move |connection| tokens::get(connection, &wanted, Some(&who))).await?;
    let old = old.ok_or_else(|| Problem::unknown(format_args!("token {id}")))?;
    issue(&app, &caller, old.renewed(At::now()), Some(old), NewTokenForm::default()).await
}

/// `POST /account/tokens/{token}/revoke`
pub async fn revoke(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let (who, gone) = (caller.who.clone(), id.clone());
    let revoked = app.desk.ledger().write(move |tx| tokens::revoke(tx, who.as_str(), &gone, Some(&who)));
    match revoked.await? {
        Some(_) => Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/account#tokens")).finish()),
        None => Err(Problem::unknown(format_args!("token {id}"))),
    }
}

/// Writes a token down and shows it; where that is refused, what was typed stays in the form.
async fn issue(
    app: &App,
    caller: &Caller,
    made: Result<(Token, TokenText), Refused>,
    old: Option<Token>,
    typed: NewTokenForm,
) -> Reply {
    let (token, text) = match made {
        Ok(made) => made,
        Err(refused) => return refuse(app, caller, &refused.to_string(), typed).await,
    };
    let (name, shown, by) = (token.name.clone(), text.reveal(), caller.who.to_string());
    let added = app.desk.ledger().write(move |tx| {
        let replaced = old.as_ref().map(|old| (old, OVERLAP_MS));
        tokens::issue(tx, &by, &token, &text, replaced)
    });
    if !added.await? {
        return refuse(app, caller, "you have too many tokens: revoke those that are not needed any more", typed).await;
    }
    draw(app, caller, StatusCode::OK, Notices { new_token: Some((name, shown)), ..Notices::default() }).await
}

async fn refuse(app: &App, caller: &Caller, why: &str, typed: NewTokenForm) -> Reply {
    let token_problem = Some(format!("No token was created: {why}."));
    draw(app, caller, StatusCode::BAD_REQUEST, Notices { token_problem, typed, ..Notices::default() }).await
}
