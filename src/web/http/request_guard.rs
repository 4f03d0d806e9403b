//! The gate that every request comes through and every answer leaves by: is it meant for us, does it come from our own
//! page, who asks; and on the way out the headers that keep a browser safe (TRUST section 7). It must never let a
//! request pass that it cannot judge. Called by the server for each request.

use super::door;
use super::limits::client_address::ClientAddress;
use super::limits::connections;
use super::problem::Problem;
use super::problem_body::ProblemBody;
use super::rejected_body::HoldingUnread;
use super::ways;
use crate::address::encoded_path;
use crate::config::Config;
use crate::ledger::audit::place::{Place, coming_from};
use crate::web::app::App;
use crate::web::http::path::{LONGEST_HOOK, is_for_programs, is_hook, is_upload};
use crate::web::session::caller::{Caller, caller_of};
use crate::web::session::{proxy_door, push_host, token};
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

/// Bodies are at most so long, in bytes (TRUST section 7).
pub const LONGEST_BODY: usize = 64 * 1024;
/// The address and all headers together are at most so long, in bytes.
const LONGEST_HEADERS: usize = 16 * 1024;

/// On every answer, unless the handler said something stricter.
const SAFE: [(HeaderName, &str); 8] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (CACHE_CONTROL, "no-store"),
];

/// Judges a request, has it done, and dresses the answer.
///
/// # Errors
/// What the framework itself could not turn into an answer.
pub async fn gate(
    app: Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    // Whoever speaks by the socket is on the machine, and may be told.
    let local = push_host::is_here(request.request());
    let mut unread = None;
    let place = place_of(&app, &request);
    let answer = match coming_from(place, judge(&app, &request)).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            // A handler that panics drops its own request only, and its caller is told like everybody else.
            match AssertUnwindSafe(coming_from(place, next.call(request))).catch_unwind().await {
                Ok(answer) => answer?.map_into_boxed_body(),
                Err(_) => return Err(Problem::broken("a handler panicked").into()),
            }
        }
        Err(problem) => {
            unread = Some(request.take_payload());
            request.error_response(problem)
        }
    };
    let problem = answer.response().error().map(Problem::of);
    let problem = problem.map(|problem| if local { problem } else { problem.without_places(app.desk.config()) });
    let mut answer = match problem {
        Some(problem) => problem_response(&app, answer, &problem).await,
        None => answer,
    };
    for (name, value) in SAFE {
        if !answer.headers().contains_key(&name) {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    let status = answer.status().as_u16();
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%method, path, status, duration_ms, "answered");
    match unread {
        Some(unread) => Ok(answer.map_body(|_, body| HoldingUnread::new(body, unread)).map_into_boxed_body()),
        None => Ok(answer),
    }
}

/// From where the request comes, as the audit says it of all that it changes.
fn place_of(app: &App, request: &ServiceRequest) -> Place {
    if push_host::is_here(request.request()) {
        return Place::PushHost;
    }
    match ClientAddress::of(&app.desk.config().trusted_proxies, request.request()) {
        ClientAddress::Known(address) => Place::Address(address),
        ClientAddress::BehindProxy(_) => Place::Unknown,
    }
}

/// Who asks, when the request may come in at all.
async fn judge(app: &App, request: &ServiceRequest) -> Result<Option<Caller>, Problem> {
    if connections::is_refused(request.request()) {
        return Err(Problem::busy("this address has too many connections"));
    }
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if headers.sum::<usize>() + request.uri().to_string().len() > LONGEST_HEADERS {
        return Err(Problem::headers_too_large());
    }
    // Before anything reads the body: 61 kB of it may be inflated to a gigabyte.
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::encoded());
    }
    if push_host::is_here(request.request()) {
        return push_host::caller_of(app, request).await.map(Some);
    }
    let headers = request.headers();
    if is_for_any_name(request) {
        return Ok(None);
    }
    let own_name = match request.uri().authority() {
        // `GET http://other/ HTTP/1.1`: the line names a host too.
        Some(_) => false,
        None => app.address.is_host_of(headers),
    };
    if !own_name {
        return Err(Problem::misdirected(&app.address, named_host(request).as_deref()));
    }
    let by_proxy = match door::is_here(request.request()) {
        true => proxy_door::caller_of(app, request.request()).await?,
        false => match names_a_person(app.desk.config(), headers) {
            Some(name) => return Err(Problem::names_a_person(name)),
            None => None,
        },
    };
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Problem::no_length());
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    refuse_longer(app, request.path(), length.unwrap_or(0))?;
    // It is signed, so that whose page sent it tells nothing more; and a browser could not have signed it.
    if is_hook(request.path()) && by_proxy.is_none() {
        return Ok(None);
    }
    // No page of another site can make a browser send one.
    if let Some(token) = token::bearer(request.path(), headers) {
        if by_proxy.is_some() {
            return Err(Problem::bad_request("a request comes from a person or with a token, not both"));
        }
        return match is_for_everybody(request.path()) {
            true => Ok(None),
            false => token::caller_of(app, request.request(), token).await.map(Some),
        };
    }
    if !app.address.may_change(request.method(), headers) {
        return Err(Problem::foreign());
    }
    match is_for_everybody(request.path()) {
        true => Ok(None),
        false if door::is_here(request.request()) => Ok(by_proxy),
        false => Ok(caller_of(app, request.request()).await?),
    }
}

/// Refuses a body that says it is longer than what may come here.
fn refuse_longer(app: &App, path: &str, length: u64) -> Result<(), Problem> {
    let upload = app.desk.config().limits.upload_mib << 20;
    match () {
        () if is_upload(path) && length > upload => Err(Problem::upload_too_large(upload)),
        () if is_hook(path) && length > LONGEST_HOOK => Err(Problem::hook_too_large(LONGEST_HOOK)),
        () if !is_upload(path) && !is_hook(path) && length > LONGEST_BODY as u64 => Err(Problem::too_large()),
        () => Ok(()),
    }
}

/// These are the same for everybody, and must answer when the ledger does not.
fn is_for_everybody(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/static/")
}

/// What is the same for everybody is so by any name, too: else the page that says which name is wanted would be without its
/// style, and a proxy that asks whether we live would take us for dead. There is nothing in it that anybody may not know.
fn is_for_any_name(request: &ServiceRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().authority().is_none()
        && !request.headers().contains_key(TRANSFER_ENCODING)
        && !request.headers().contains_key(CONTENT_LENGTH)
        && is_for_everybody(request.path())
}

/// The host that a request names.
fn named_host(request: &ServiceRequest) -> Option<String> {
    let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let named = named.or_else(|| request.headers().get(HOST).map(HeaderValue::as_bytes))?;
    Some(String::from_utf8_lossy(named).into_owned())
}

/// A header that a proxy would sign people in by; here it can only be a try to be someone else.
fn names_a_person(config: &Config, headers: &HeaderMap) -> Option<String> {
    let known = headers.keys().find(|name| {
        let name = name.as_str().replace('_', "-");
        matches!(name.as_str(), "x-remote-user" | "remote-user" | "x-forwarded-user") || name == push_host::WHO_NAME
    });
    known.map(|name| name.as_str().to_owned()).or_else(|| proxy_door::says_who(config, headers))
}

/// A problem as who asked can read it: JSON below `/api/` and for Slack, the way to sign in, or a page.
async fn problem_response(app: &App, answer: ServiceResponse<BoxBody>, problem: &Problem) -> ServiceResponse<BoxBody> {
    let (request, refused) = answer.into_parts();
    let caller = request.extensions().get::<Caller>().cloned();
    let mut response = if is_for_programs(request.path()) {
        ProblemBody::new(problem, &app.desk.config().url).response(problem)
    } else if problem.status == StatusCode::UNAUTHORIZED {
        let next =
            sign_in_address(request.method(), request.uri().path_and_query().map_or("/", |address| address.as_str()));
        HttpResponse::SeeOther().insert_header((LOCATION, next)).finish()
    } else {
        let frame = frame(app, caller.as_ref(), Section::Nowhere).await;
        let ways = match caller {
            Some(_) => ways::ways(app, request.path(), problem).await,
            None => Vec::new(),
        };
        match app.pages.error(
            &frame,
            problem.status.as_u16(),
            problem.row.title,
            &problem.message,
            problem.cure(),
            ways,
        ) {
            Ok(html) => page(problem.status, html),
            Err(error) => {
                tracing::error!(%error, "the page of an error could not be drawn");
                let words = format!("{}\n{}: {}\n", problem.row.title, problem.message, problem.row.cure);
                HttpResponse::build(problem.status).content_type("text/plain; charset=utf-8").body(words)
            }
        }
    };
    if problem.status == StatusCode::UNAUTHORIZED && is_for_programs(request.path()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pushbutton\""));
    }
    if let Some(allow) = refused.headers().get(ALLOW) {
        response.headers_mut().insert(ALLOW, allow.clone());
    }
    if let Some(wait) = problem.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    }
    ServiceResponse::new(request, response)
}

/// Where to sign in, and to come back from. After a form was sent, that is the page the form was on.
fn sign_in_address(method: &Method, address: &str) -> String {
    let back = match *method {
        Method::GET | Method::HEAD => address.to_owned(),
        _ => address.split(['/', '?']).take(3).collect::<Vec<_>>().join("/"),
    };
    format!("/sign-in?next={}", encoded_path(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_back_to_where_one_was() {
        for (method, address, expected) in [
            (Method::GET, "/", "/sign-in?next=/"),
            (Method::GET, "/pushes?word=a&who=b", "/sign-in?next=/pushes%3Fword%3Da%26who%3Db"),
            (Method::POST, "/stacks/web/stages/qa/push", "/sign-in?next=/stacks/web"),
            (Method::POST, "/pushes/214/cancel?x=y", "/sign-in?next=/pushes/214"),
            (Method::POST, "/sign-out", "/sign-in?next=/sign-out"),
        ] {
            assert_eq!(sign_in_address(&method, address), expected);
        }
    }
}
