//! The JSON API of one push (DESIGN section 4). It must never know more than the page does.

use super::body::{AnnouncementBody, CommandBody, LeftWithBody, LinkBody, ResultBody, bodies};
use super::records::connecting;
use crate::desk::view::{CommitBody, PushBody, QuestionBody};
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::Reply;
use crate::web::push::known::PushDetails;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path};
use serde_json::json;

/// The answer to a press: the push that it made.
///
/// # Errors
/// When the ledger does not answer.
pub(crate) async fn made(app: &App, id: PushNumber) -> Reply {
    let state = PushDetails::of(app.desk.ledger(), id).await?.row.state;
    let url = format!("{}/pushes/{id}", app.desk.config().url);
    let made = json!({ "id": id, "url": url, "state": state });
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("/api/v1/pushes/{id}"))).json(made))
}

/// `GET /api/v1/pushes/{id}`
pub async fn one_push(app: Data<App>, _: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let known = PushDetails::of(app.desk.ledger(), id).await?;
    let end = app.desk.journal_end(id).await.map(|end| *end.borrow()).unwrap_or_default();
    Ok(HttpResponse::Ok().json(json!({
        "push": PushBody::from(&known.row),
        "hosts": known.hosts,
        "left_with": bodies::<_, LeftWithBody>(&known.left_with),
        "skew_ms": known.commands.iter().filter_map(|command| command.skew_ms).max(),
        "connecting": connecting(&app, id).await?,
        "commands": bodies::<_, CommandBody>(&known.commands),
        "results": bodies::<_, ResultBody>(&known.results),
        "commits": bodies::<_, CommitBody>(&known.commits),
        "commit_count": known.row.commit_count,
        "announcements": bodies::<_, AnnouncementBody>(&known.announcements),
        "links": bodies::<_, LinkBody>(&known.links),
        "questions": bodies::<_, QuestionBody>(&known.questions),
        "rest": app.desk.remaining(id).await?,
        "journal": { "length": end.len, "ended": end.ended },
    })))
}
