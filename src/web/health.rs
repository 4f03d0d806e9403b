//! What watches the server asks: is it alive, can it work. It must never tell a stranger more than that.
//! Called by the routes.

use super::App;
use crate::ledger::Ledger;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A ledger that is slower than this is not ready.
const SLOWEST: Duration = Duration::from_secs(2);
/// The writer is tried at most so often, however many strangers ask.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// When the ledger's writer was tried last, and what is wrong with it.
#[derive(Debug, Default)]
pub struct WriterTried(Mutex<Option<(Instant, Result<(), &'static str>)>>);

impl WriterTried {
    /// What is wrong with the ledger's writer, if anything; as it was a moment ago when it was asked then.
    pub async fn now(&self, ledger: &Ledger) -> Result<(), &'static str> {
        let mut tried = self.0.lock().await;
        if let Some((at, answer)) = *tried
            && at.elapsed() < TRY_EVERY
        {
            return answer;
        }
        let answer = match tokio::time::timeout(SLOWEST, ledger.try_write()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the ledger cannot be written");
                Err("the ledger cannot be written")
            }
            Err(_) => Err("the ledger does not answer"),
        };
        *tried = Some((Instant::now(), answer));
        answer
    }
}

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
