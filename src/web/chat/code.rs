//! The codes by which accounts of chats are bound, and the end of such a binding, on *Your account*. It must never bind anything by itself: the code is said
//! in the chat. Called by the routes.

use crate::ledger::chats;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::account::{Notices, draw};
use crate::web::session::caller::Caller;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form};
use serde::Deserialize;

/// `POST /account/chat`
pub async fn make(app: Data<App>, caller: Caller) -> Reply {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(Problem::broken)?;
    let (code, who) = (chats::code(random), caller.who.clone());
    let kept = code.clone();
    app.desk.ledger().write(move |tx| chats::keep_code(tx, &kept, &who, At::now())).await?;
    draw(&app, &caller, StatusCode::OK, Notices { chat_code: Some(code), ..Notices::default() }).await
}

/// Which account of a chat.
#[derive(Debug, Deserialize)]
pub struct Unbind {
    #[serde(default)]
    place: String,
    #[serde(default)]
    id: String,
}

/// `POST /account/chat/unbind`
pub async fn unbind(app: Data<App>, caller: Caller, given: InTime<Form<Unbind>>) -> Reply {
    let InTime(Form(Unbind { place, id })) = given;
    let who = caller.who.clone();
    let gone = app.desk.ledger().write(move |tx| chats::unbind(tx, &place, &id, &who, At::now()));
    match gone.await? {
        true => Ok(see("/account#chat".to_owned())),
        false => Err(Problem::unknown("this account of a chat")),
    }
}
