//! How a call of the API is answered, whatever it does: an order that names itself is done once, and what a reader has already is not
//! sent again. It must never look into a call. Called by the route table, once the caller is let in.

use super::call::{Call, Holds};
use super::{etag, idempotency};
use crate::web::app::App;
use crate::web::session::caller::Caller;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;

/// What feed readers ask for, again and again.
const FEED: &str = "application/atom+xml";

/// Whether answers of a call have a tag.
pub fn has_tag(method: &Method, call: &Call) -> bool {
    let is_asked_for_again = |holds: &Holds| match holds {
        Holds::Json(_) => true,
        Holds::Media(types) => types.contains(&FEED),
        Holds::Nothing | Holds::Events => false,
    };
    *method == Method::GET && call.gives.iter().any(|gives| is_asked_for_again(&gives.holds))
}

/// Has a call answered.
///
/// # Errors
/// What the framework itself could not turn into an answer.
pub async fn answered(
    app: Data<App>,
    call: &Call,
    caller: &Caller,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let method = request.method().clone();
    if method == Method::POST {
        return idempotency::once(app, caller, request, next).await;
    }
    // A HEAD is answered as the GET would be.
    let reads = if method == Method::HEAD { Method::GET } else { method };
    match has_tag(&reads, call) {
        true => etag::tagged(request, next).await,
        false => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
}
