//! The pages of people: all of them, and one. It must never leave out somebody who has a session or a token. Called by the routes, which let in
//! administrators alone.

use super::view::{Overview, Person, PersonPage, PersonQuery};
use crate::ledger::{LedgerResult, accounts, sessions, tokens, users};
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Query};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// `GET /people`
pub async fn show(app: Data<App>, caller: Caller) -> Reply {
    let people = app.desk.ledger().read(move |connection| everybody(connection, At::now())).await?;
    let mode = app.desk.config().auth.mode;
    let frame = frame(&app, Some(&caller), Section::Nowhere).await;
    Ok(page(StatusCode::OK, app.pages.people(&frame, &Overview { people, mode })?))
}

/// `GET /people/{who}`
pub async fn one(app: Data<App>, caller: Caller, who: Path<String>, query: Query<PersonQuery>) -> Reply {
    let who: Who = named("person", &who)?;
    let wanted = who.clone();
    let people = app.desk.ledger().read(move |connection| everybody(connection, At::now())).await?;
    let person = match people.into_iter().find(|person| person.who == wanted) {
        Some(person) => person,
        // Who had nothing but what was just ended.
        None if !query.done.is_empty() => {
            return Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/people")).finish());
        }
        None => return Err(Problem::unknown(format_args!("person {who}"))),
    };
    let mode = app.desk.config().auth.mode;
    let shown = PersonPage { person, mode, done: query.into_inner().done };
    let frame = frame(&app, Some(&caller), Section::Nowhere).await;
    Ok(page(StatusCode::OK, app.pages.person(&frame, &shown)?))
}

/// Everybody of whom the ledger knows, by name.
fn everybody(connection: &Connection, now: At) -> LedgerResult<Vec<Person>> {
    let mut people: BTreeMap<Who, Person> = BTreeMap::new();
    for user in users::all(connection)? {
        of(&mut people, &user.name).full_name = Some(user.full_name);
    }
    for account in accounts::all(connection)? {
        let person = of(&mut people, &account.who);
        person.groups = account.groups;
        person.confirmed_at = Some(account.confirmed_at);
    }
    for (who, session) in sessions::all(connection, now)? {
        of(&mut people, &who).sessions.push(session);
    }
    for token in tokens::all(connection, None)? {
        of(&mut people, &token.owner).tokens.push(token);
    }
    Ok(people.into_values().collect())
}

fn of<'p>(people: &'p mut BTreeMap<Who, Person>, who: &Who) -> &'p mut Person {
    people.entry(who.clone()).or_insert_with(|| Person::new(who.clone()))
}
