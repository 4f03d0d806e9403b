//! The forms of one's own tokens: a new one, one in the place of another, the end of one. It must never touch anybody else's, nor show
//! the text of a token but in the answer to the request that made it. Called by the routes.

use super::account::{Notices, draw};
use super::caller::Caller;
use crate::ledger::tokens::{self, Token, TokenText};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::problem::{Problem, Reply};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Path};
use serde::Deserialize;

/// How long a token still holds that another one has replaced: a day, so that who has to be told can be told in working hours.
const OVERLAP_MS: i64 = 24 * 3_600_000;

/// What the form of a new token sends.
#[derive(Deserialize)]
pub struct NewToken {
    #[serde(default)]
    name: String,
    #[serde(default)]
    may: String,
    #[serde(default)]
    expires: String,
}

/// `POST /account/tokens`
pub async fn add(app: Data<App>, caller: Caller, given: InTime<Form<NewToken>>) -> Reply {
    let InTime(Form(NewToken { name, may, expires })) = given;
    match Token::new(&caller.who, name.trim(), &may, expires.trim(), At::now()) {
        Ok((token, text)) => write(&app, &caller, token, text, None).await,
        Err(refused) => refuse(&app, &caller, &refused.to_string()).await,
    }
}

/// `POST /account/tokens/{token}/rotate`
pub async fn rotate(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let (who, wanted) = (caller.who.clone(), id.clone());
    let old = app.desk.ledger().read(move |connection| tokens::get(connection, &wanted, Some(&who))).await?;
    let old = old.ok_or_else(|| Problem::unknown(format_args!("token {id}")))?;
    match old.renewed(At::now()) {
        Ok((token, text)) => write(&app, &caller, token, text, Some(old)).await,
        Err(refused) => refuse(&app, &caller, &refused.to_string()).await,
    }
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

/// Writes a token down, and shows it.
async fn write(app: &App, caller: &Caller, token: Token, text: TokenText, old: Option<Token>) -> Reply {
    let (name, shown, by) = (token.name.clone(), text.reveal(), caller.who.to_string());
    let added = app.desk.ledger().write(move |tx| {
        let replaced = old.as_ref().map(|old| (old, OVERLAP_MS));
        tokens::issue(tx, &by, &token, &text, replaced)
    });
    match added.await? {
        true => {
            draw(app, caller, StatusCode::OK, Notices { new_token: Some((name, shown)), ..Notices::default() }).await
        }
        false => refuse(app, caller, "you have too many tokens: revoke those that are not needed any more").await,
    }
}

async fn refuse(app: &App, caller: &Caller, why: &str) -> Reply {
    let notices = Notices { token_problem: Some(format!("No token was created: {why}.")), ..Notices::default() };
    draw(app, caller, StatusCode::BAD_REQUEST, notices).await
}
