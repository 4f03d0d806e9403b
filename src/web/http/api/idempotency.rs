//! `Idempotency-Key`: an order of the API that names itself is done once, however often it is sent. It must never do anything twice for
//! one key, nor keep an answer from who asks again after a refusal. Called by the route table for each POST of the API.

use crate::journal::write::hex;
use crate::ledger::answers::{self, KeptAnswer, Keyed, Known};
use crate::ledger::audit::place::carried;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::body::{PressKey, sends_json};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::is_upload;
use crate::web::http::problem::Problem;
use crate::web::session::caller::Caller;
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpResponse};
use sha2::{Digest, Sha256};

/// The header that names a request.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest name.
const LONGEST: usize = 255;

/// The name that a request gives itself, as text or as the quoted text of a structured field.
fn named(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(KEY);
    let Some(one) = all.next() else { return Ok(None) };
    let text = one.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match all.next().is_none() && (1..=LONGEST).contains(&text.len()) {
        true => Ok(Some(text.to_owned())),
        false => Err(Problem::bad_request(format!(
            "Idempotency-Key is one text of 1 to {LONGEST} characters, best a random one: Idempotency-Key: \
             8e03978e-40d5-43dd-bc93-6894a57f9324"
        ))),
    }
}

/// Has a request done, or gives the answer that it had before.
///
/// # Errors
/// What the framework itself could not turn into an answer.
pub async fn once(
    app: Data<App>,
    caller: &Caller,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let key = match named(request.headers()) {
        Ok(Some(key)) if *request.method() == Method::POST => key,
        Ok(_) => return next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(problem) => return Ok(request.error_response(problem)),
    };
    let asked = match asked(&mut request).await {
        Ok(asked) => asked,
        Err(error) => return Ok(request.error_response(error)),
    };
    // What the desk knows a press by, forever: so that one which was made just before the server died is not made again.
    request.extensions_mut().insert(PressKey(hash(&[key.as_bytes(), asked.as_bytes()])));
    let keyed = Keyed { who: caller.who.to_string(), key, request: asked, life: app.life.clone() };
    let begun = {
        let keyed = keyed.clone();
        app.desk.ledger().write(move |tx| answers::begin(tx, &keyed, At::now())).await
    };
    let refused = match begun {
        Ok(Known::Begun) => None,
        Ok(Known::Done(answer)) => return Ok(request.into_response(again(&answer))),
        Ok(Known::UnderWay) => Some(Problem::under_way()),
        Ok(Known::Other) => Some(Problem::other_request()),
        Err(error) => Some(Problem::from(error)),
    };
    if let Some(problem) = refused {
        return Ok(request.error_response(problem));
    }
    // Of its own, since the caller may go before the answer is there.
    let done = actix_web::rt::spawn(carried(async move {
        let answer = next.call(request).await?;
        kept(&app, &keyed, answer.map_into_boxed_body()).await
    }));
    done.await.map_err(Problem::broken)?
}

/// The hash of what a request asks: method, address, body. Of an upload, which is not held in memory, its length stands for it.
async fn asked(request: &mut ServiceRequest) -> Result<String, actix_web::Error> {
    let address = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let method = request.method().clone();
    // A body that says where a build lies is short, and read.
    let tar = request.query_string().contains("sha=") || !sends_json(request.request());
    let body = match is_upload(request.path()) && tar {
        true => request.headers().get(CONTENT_LENGTH).map(|length| length.as_bytes().to_vec()).unwrap_or_default(),
        false => {
            let (whole, payload) = request.parts_mut();
            let body = InTime::<Bytes>::from_request(whole, payload).await?.0;
            request.set_payload(Payload::from(body.clone()));
            body.to_vec()
        }
    };
    Ok(hash(&[method.as_str().as_bytes(), address.as_bytes(), &body]))
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Keeps an answer, if the order was taken, and passes it on.
async fn kept(
    app: &App,
    keyed: &Keyed,
    answer: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (request, answer) = answer.into_parts();
    let (head, body) = answer.into_parts();
    // An error is drawn by the guard, and holds nothing yet.
    let body = if head.status().is_success() { to_bytes(body).await.map_err(Problem::broken)? } else { Bytes::new() };
    let answer = head.status().is_success().then(|| KeptAnswer {
        status: head.status().as_u16(),
        location: head.headers().get(LOCATION).and_then(|at| at.to_str().ok()).map(str::to_owned),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let keyed = keyed.clone();
    if let Err(error) = app.desk.ledger().write(move |tx| answers::end(tx, &keyed, answer.as_ref())).await {
        // It was done all the same.
        tracing::error!(%error, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(ServiceResponse::new(request, head.set_body(BoxBody::new(body))))
}

/// An answer, given again.
fn again(answer: &KeptAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    response.insert_header((REPLAYED, "true"));
    if let Some(location) = &answer.location {
        response.insert_header((LOCATION, location.as_str()));
    }
    match answer.body.is_empty() {
        true => response.finish(),
        false => response
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(answer.body.clone()),
    }
}
