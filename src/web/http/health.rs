//! What watches the server asks: is it alive, can it work. It must never tell a stranger more than that.
//! Called by the routes.

use super::writer_tried::SLOWEST;
use crate::web::app::App;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

/// `GET /healthz`: the server answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: the ledger can be read and written, and none of the server's own tasks is broken.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let ledger = app.desk.ledger();
    let mut wrong = Vec::new();
    let ask = ledger.read(|connection| Ok(connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?));
    match tokio::time::timeout(SLOWEST, ask).await {
        Ok(Ok(_)) => wrong.extend(app.writer_tried.now(ledger).await.err().map(str::to_owned)),
        Ok(Err(_)) | Err(_) => wrong.push("the ledger does not answer".to_owned()),
    }
    wrong.extend(app.desk.health().broken().into_keys().map(|task| format!("broken, and started again: {task}")));
    let (status, body) = match wrong.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, wrong.into_iter().map(|line| line + "\n").collect()),
    };
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(body)
}
