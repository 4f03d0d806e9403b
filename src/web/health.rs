//! What watches the server asks: is it alive, can it work. It must never tell a stranger more than that.
//! Called by the routes.

use super::App;
use actix_web::HttpResponse;
use actix_web::web::Data;
use std::time::Duration;

/// A ledger that is slower than this is not ready.
const SLOWEST: Duration = Duration::from_secs(2);

/// `GET /healthz`: the server answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: the ledger answers too.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let ask =
        app.desk.ledger().read(|connection| Ok(connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?));
    match tokio::time::timeout(SLOWEST, ask).await {
        Ok(Ok(_)) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"),
        Ok(Err(_)) | Err(_) => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body("the ledger does not answer\n"),
    }
}
