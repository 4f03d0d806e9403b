//! The one route table: what there is, by which method, for whom. It drives the router, and the test that asks every
//! route as everybody. There must never be another way in: what is not in the table does not exist, and a row says who
//! may, or it does not compile.

use super::api::{errors, page};
use super::app::App;
use super::approval::{marks, requests};
use super::audit::page as audit;
use super::auto::{statuses, switch};
use super::builds::{publish, uploads};
use super::chat::{code, slack};
use super::hooks::receive;
use super::hosts::{checkup, reach};
use super::http::api::answering::answered;
use super::http::api::call::Call;
use super::http::api::document::Row;
use super::http::problem::Problem;
use super::http::{files, health};
use super::output::{download, lines};
use super::push::{cancel, confirm, numbers, pause, resume, rollback};
use super::reports::{announcements, redeliver, stats};
use super::session::caller::Caller;
use super::session::{access, account, oidc, session_forms, sign_in, token_forms, totp};
use super::stack::{api, catch_up, commits, hold, press, versions};
use super::stream::live;
use super::{dashboard, graphs, history, people, push, stack};
use crate::stack::Verb;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse, Route, web};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Everybody: what is needed to sign in, and what watches the server.
    Anybody,
    /// Persons who are signed in, and the command line of this machine: it is about themselves, or its handler shows each what they
    /// may see.
    Person,
    /// Persons who have this right where the request goes.
    PersonWith(Verb),
    /// Persons who have it, and programs whose token has a scope for it.
    With(Verb),
    /// Persons, and every program: its handler shows each what they may see.
    Visible,
    /// Administrators, and the command line of this machine.
    Admin,
}

/// One row.
pub struct Entry {
    /// The method. A GET answers HEAD too, unless it is a stream.
    pub method: Method,
    /// The address.
    pub path: &'static str,
    /// Who may.
    pub may: May,
    /// What the API's document says of it: there is one below `/api/`, and nowhere else.
    pub call: Option<&'static Call>,
    streams: bool,
    handler: fn() -> Route,
}

const fn entry(method: Method, path: &'static str, may: May, handler: fn() -> Route) -> Entry {
    Entry { method, path, may, call: None, streams: false, handler }
}

const fn call(method: Method, path: &'static str, may: May, call: &'static Call) -> Entry {
    Entry { method, path, may, call: Some(call), streams: call.streams(), handler: call.handler }
}

const fn get(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::GET, path, May::Person, handler)
}

/// A page of something that can be hidden.
const fn page(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::GET, path, May::PersonWith(Verb::See), handler)
}

const fn see(path: &'static str, of: &'static Call) -> Entry {
    call(Method::GET, path, May::With(Verb::See), of)
}

const fn visible(path: &'static str, of: &'static Call) -> Entry {
    call(Method::GET, path, May::Visible, of)
}

const fn api(method: Method, path: &'static str, verb: Verb, of: &'static Call) -> Entry {
    call(method, path, May::With(verb), of)
}

/// A call for persons alone.
const fn person(path: &'static str, verb: Verb, of: &'static Call) -> Entry {
    call(Method::POST, path, May::PersonWith(verb), of)
}

/// A form of a person's own.
const fn post(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::POST, path, May::Person, handler)
}

/// A form that changes something.
const fn form(path: &'static str, verb: Verb, handler: fn() -> Route) -> Entry {
    entry(Method::POST, path, May::PersonWith(verb), handler)
}

/// A form of administrators.
const fn admin(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::POST, path, May::Admin, handler)
}

const fn open(method: Method, path: &'static str, handler: fn() -> Route) -> Entry {
    entry(method, path, May::Anybody, handler)
}

/// All routes.
pub static ROUTES: &[Entry] = &[
    get("/", || web::to(dashboard::page::dashboard)),
    page("/stacks/{stack}", || web::to(stack::page::stack)),
    form("/stacks/{stack}/stages/{stage}/push", Verb::Push, || web::to(press::push)),
    page("/stacks/{stack}/stages/{stage}/plan", || web::to(stack::plan::plan)),
    form("/stacks/{stack}/stages/{stage}/approval", Verb::Push, || web::to(requests::ask_by_form)),
    form("/stacks/{stack}/stages/{stage}/approve", Verb::Approve, || web::to(requests::approve_by_form)),
    form("/stacks/{stack}/stages/{stage}/decline", Verb::Approve, || web::to(requests::decline_by_form)),
    form("/stacks/{stack}/stages/{stage}/withdraw", Verb::Push, || web::to(requests::withdraw_by_form)),
    page("/stacks/{stack}/stages/{stage}/versions", || web::to(versions::page)),
    page("/stacks/{stack}/stages/{stage}/rollback", || web::to(rollback::form)),
    form("/stacks/{stack}/stages/{stage}/rollback", Verb::Rollback, || web::to(rollback::roll_back)),
    form("/stacks/{stack}/stages/{stage}/catch-up", Verb::Push, || web::to(catch_up::catch_up)),
    page("/stacks/{stack}/compare", || web::to(history::compare::page)),
    page("/stacks/{stack}/hosts", || web::to(checkup::page)),
    page("/stacks/{stack}/graphs", || web::to(graphs::page::of_stack)),
    page("/stacks/{stack}/graphs/{graph}/image", || web::to(graphs::page::image)),
    form("/stacks/{stack}/hosts/look", Verb::Push, || web::to(checkup::begin)),
    form("/stacks/{stack}/hosts/check", Verb::Push, || web::to(reach::check)),
    form("/take-over", Verb::Hold, || web::to(numbers::take_over_by_form)),
    form("/stacks/{stack}/numbers", Verb::Hold, || web::to(numbers::by_form)),
    form("/stacks/{stack}/hold", Verb::Hold, || web::to(hold::hold_stack)),
    form("/stacks/{stack}/release-hold", Verb::Hold, || web::to(hold::release_stack)),
    form("/stacks/{stack}/stages/{stage}/hold", Verb::Hold, || web::to(hold::hold_stage)),
    form("/stacks/{stack}/stages/{stage}/release-hold", Verb::Hold, || web::to(hold::release_stage)),
    form("/stacks/{stack}/stages/{stage}/auto-on", Verb::Push, || web::to(switch::on_by_form)),
    form("/stacks/{stack}/stages/{stage}/auto-off", Verb::Push, || web::to(switch::off_by_form)),
    form("/stacks/{stack}/builds/{build}/withdraw", Verb::Publish, || web::to(publish::withdraw_by_form)),
    form("/stacks/{stack}/builds/{build}/bad", Verb::Hold, || web::to(marks::bad_by_form)),
    form("/stacks/{stack}/builds/{build}/not-bad", Verb::Hold, || web::to(marks::not_bad_by_form)),
    form("/stacks/{stack}/stages/{stage}/builds/{build}/good", Verb::Approve, || web::to(marks::good_by_form)),
    form("/stacks/{stack}/stages/{stage}/builds/{build}/not-good", Verb::Approve, || web::to(marks::not_good_by_form)),
    get("/pushes", || web::to(history::page::log)),
    get("/pushes.csv", || web::to(history::page::table)),
    page("/pushes/{id}", || web::to(push::page::push)),
    page("/pushes/{id}/log", || web::to(download::log)),
    page("/pushes/{id}/graphs", || web::to(graphs::page::of_push)),
    page("/pushes/{id}/cancel", || web::to(push::page::cancel)),
    form("/pushes/{id}/cancel", Verb::Push, || web::to(cancel::cancel)),
    form("/pushes/{id}/confirm", Verb::Push, || web::to(confirm::by_form)),
    form("/pushes/{id}/pause", Verb::Push, || web::to(pause::pause)),
    form("/pushes/{id}/unpause", Verb::Push, || web::to(pause::unpause)),
    form("/pushes/{id}/resume", Verb::Push, || web::to(resume::resume)),
    get("/stats", || web::to(stats::stats)),
    entry(Method::GET, "/audit", May::Admin, || web::to(audit::show)),
    entry(Method::GET, "/audit.jsonl", May::Admin, || web::to(audit::export)),
    entry(Method::GET, "/people", May::Admin, || web::to(people::page::show)),
    entry(Method::GET, "/people/{who}", May::Admin, || web::to(people::page::one)),
    admin("/people/{who}/sign-out", || web::to(people::forms::end_sessions)),
    admin("/people/{who}/sessions/{session}/end", || web::to(people::forms::end_session)),
    admin("/people/{who}/revoke-tokens", || web::to(people::forms::revoke_tokens)),
    admin("/people/{who}/tokens/{token}/revoke", || web::to(people::forms::revoke_token)),
    get("/announcements", || web::to(announcements::announcements)),
    form("/announcements/{announcement}/redeliver", Verb::Push, || web::to(redeliver::by_form)),
    open(Method::GET, "/sign-in", || web::to(sign_in::form)),
    open(Method::POST, "/sign-in", || web::to(sign_in::sign_in)),
    open(Method::GET, "/sign-in/oidc", || web::to(oidc::flow::begin)),
    open(Method::GET, "/sign-in/oidc/callback", || web::to(oidc::flow::callback)),
    post("/sign-out", || web::to(sign_in::sign_out)),
    get("/docs/api", || web::to(page::docs)),
    get("/docs/errors", || web::to(errors::errors)),
    get("/account", || web::to(account::show)),
    post("/account/password", || web::to(account::change_password)),
    post("/account/totp", || web::to(totp::forms::begin)),
    post("/account/totp/confirm", || web::to(totp::forms::confirm)),
    post("/account/totp/remove", || web::to(totp::forms::remove)),
    post("/account/tokens", || web::to(token_forms::add)),
    post("/account/tokens/{token}/rotate", || web::to(token_forms::rotate)),
    post("/account/tokens/{token}/revoke", || web::to(token_forms::revoke)),
    post("/account/chat", || web::to(code::make)),
    post("/account/chat/unbind", || web::to(code::unbind)),
    post("/account/sessions/{session}/end", || web::to(session_forms::end)),
    post("/account/sign-out-others", || web::to(session_forms::end_others)),
    post("/account/sign-out-everywhere", || web::to(session_forms::end_all)),
    visible("/api/v1/openapi.json", &page::OPENAPI),
    visible("/api/v1/stacks", &api::STACKS),
    see("/api/v1/stacks/{stack}", &api::STACK),
    api(Method::POST, "/api/v1/stacks/{stack}/builds", Verb::Publish, &publish::PUBLISH),
    api(Method::POST, "/api/v1/stacks/{stack}/uploads", Verb::Publish, &uploads::BEGIN),
    api(Method::GET, "/api/v1/stacks/{stack}/uploads/{upload}", Verb::Publish, &uploads::SHOWN),
    api(Method::PATCH, "/api/v1/stacks/{stack}/uploads/{upload}", Verb::Publish, &uploads::APPEND),
    api(Method::POST, "/api/v1/stacks/{stack}/uploads/{upload}/publish", Verb::Publish, &uploads::PUBLISH),
    api(Method::DELETE, "/api/v1/stacks/{stack}/uploads/{upload}", Verb::Publish, &uploads::CANCEL),
    see("/api/v1/stacks/{stack}/compare", &history::compare::COMPARED),
    see("/api/v1/stacks/{stack}/hosts", &checkup::KNOWN),
    api(Method::POST, "/api/v1/stacks/{stack}/hosts/look", Verb::Push, &checkup::LOOK),
    api(Method::POST, "/api/v1/stacks/{stack}/hosts/check", Verb::Push, &reach::CHECK),
    api(Method::POST, "/api/v1/stacks/{stack}/hosts/reconnect", Verb::Push, &reach::RECONNECT),
    see("/api/v1/stacks/{stack}/builds", &publish::LISTED),
    api(Method::DELETE, "/api/v1/stacks/{stack}/builds/{build}", Verb::Publish, &publish::WITHDRAW),
    api(Method::PUT, "/api/v1/stacks/{stack}/builds/{build}/bad", Verb::Hold, &marks::BAD),
    api(Method::DELETE, "/api/v1/stacks/{stack}/builds/{build}/bad", Verb::Hold, &marks::NOT_BAD),
    api(Method::PUT, "/api/v1/stacks/{stack}/stages/{stage}/builds/{build}/good", Verb::Approve, &marks::GOOD),
    api(Method::DELETE, "/api/v1/stacks/{stack}/stages/{stage}/builds/{build}/good", Verb::Approve, &marks::NOT_GOOD),
    person("/api/v1/take-over", Verb::Hold, &numbers::TAKE_OVER),
    person("/api/v1/stacks/{stack}/numbers", Verb::Hold, &numbers::NUMBERS),
    api(Method::PUT, "/api/v1/stacks/{stack}/hold", Verb::Hold, &hold::HOLD_STACK),
    api(Method::DELETE, "/api/v1/stacks/{stack}/hold", Verb::Hold, &hold::RELEASE_STACK),
    api(Method::PUT, "/api/v1/stacks/{stack}/stages/{stage}/auto", Verb::Push, &switch::ON),
    api(Method::DELETE, "/api/v1/stacks/{stack}/stages/{stage}/auto", Verb::Push, &switch::OFF),
    api(Method::POST, "/api/v1/stacks/{stack}/commits/{sha}/status", Verb::Publish, &statuses::TELL),
    see("/api/v1/stacks/{stack}/commits/{sha}/status", &statuses::SHOWN),
    see("/api/v1/stacks/{stack}/stages/{stage}/current", &api::CURRENT),
    see("/api/v1/stacks/{stack}/stages/{stage}/current.txt", &commits::CURRENT_TEXT),
    see("/api/v1/stacks/{stack}/stages/{stage}/commits", &commits::LISTED),
    see("/api/v1/stacks/{stack}/stages/{stage}/plan", &api::PLAN),
    see("/api/v1/stacks/{stack}/stages/{stage}/versions", &versions::VERSIONS),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/push", Verb::Push, &press::PUSH),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/approval", Verb::Push, &requests::ASK),
    api(Method::DELETE, "/api/v1/stacks/{stack}/stages/{stage}/approval", Verb::Push, &requests::WITHDRAW),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/approval/approve", Verb::Approve, &requests::APPROVE),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/approval/decline", Verb::Approve, &requests::DECLINE),
    see("/api/v1/stacks/{stack}/stages/{stage}/rollback", &rollback::SHOWN),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/rollback", Verb::Rollback, &rollback::ROLL_BACK),
    see("/api/v1/stacks/{stack}/stages/{stage}/catch-up", &catch_up::SHOWN),
    api(Method::POST, "/api/v1/stacks/{stack}/stages/{stage}/catch-up", Verb::Push, &catch_up::CATCH_UP),
    api(Method::PUT, "/api/v1/stacks/{stack}/stages/{stage}/hold", Verb::Hold, &hold::HOLD_STAGE),
    api(Method::DELETE, "/api/v1/stacks/{stack}/stages/{stage}/hold", Verb::Hold, &hold::RELEASE_STAGE),
    visible("/api/v1/pushes", &history::page::LISTED),
    visible("/api/v1/pushes.atom", &history::feed::FEED),
    see("/api/v1/pushes/{id}", &push::api::PUSH),
    see("/api/v1/pushes/{id}/events", &live::PUSH_EVENTS),
    see("/api/v1/pushes/{id}/log", &download::LOG),
    see("/api/v1/pushes/{id}/outline", &lines::OUTLINE),
    see("/api/v1/pushes/{id}/lines", &lines::LINES),
    see("/api/v1/pushes/{id}/find", &lines::FIND),
    see("/api/v1/pushes/{id}/same", &lines::SAME),
    api(Method::POST, "/api/v1/pushes/{id}/cancel", Verb::Push, &cancel::CANCEL),
    api(Method::POST, "/api/v1/pushes/{id}/confirm", Verb::Push, &confirm::CONFIRM),
    api(Method::POST, "/api/v1/pushes/{id}/pause", Verb::Push, &pause::PAUSE),
    api(Method::POST, "/api/v1/pushes/{id}/unpause", Verb::Push, &pause::UNPAUSE),
    api(Method::POST, "/api/v1/pushes/{id}/resume", Verb::Push, &resume::RESUME),
    api(Method::POST, "/api/v1/announcements/{announcement}/redeliver", Verb::Push, &redeliver::REDELIVER),
    visible("/api/v1/events", &live::EVENTS),
    call(Method::GET, "/api/v1/audit", May::Admin, &audit::LISTED),
    call(Method::POST, "/api/v1/hooks/{forge}", May::Anybody, &receive::RECEIVE),
    open(Method::POST, "/hooks/slack", || web::to(slack::receive)),
    open(Method::GET, "/static/{name:.+}", || web::to(files::file)),
    open(Method::GET, "/healthz", || web::to(health::healthz)),
    open(Method::GET, "/readyz", || web::to(health::readyz)),
];

/// The pages that a person may be sent to after signing in.
pub fn pages() -> impl Iterator<Item = &'static str> {
    let page = |row: &&Entry| {
        row.method == Method::GET
            && matches!(row.may, May::Person | May::PersonWith(_) | May::Admin)
            && !row.path.starts_with("/api/")
            && !row.path.ends_with("/log")
            && !row.path.ends_with("/image")
            && !row.path.ends_with(".csv")
            && !row.path.ends_with(".jsonl")
    };
    ROUTES.iter().filter(page).map(|row| row.path)
}

/// The rows of the API, as its document needs them.
pub fn rows() -> Vec<Row> {
    let described = |row: &Entry| {
        let (who, programs) = match row.may {
            May::Anybody => ("everyone".to_owned(), true),
            May::Person => ("persons who are signed in, and the command line of the push host".to_owned(), false),
            May::PersonWith(verb) => (format!("persons with the right “{}” there, and no program", verb.word()), false),
            May::With(verb) => {
                let verb = verb.word();
                (format!("persons with the right “{verb}” there, and programs whose token has a scope for it"), true)
            }
            May::Visible => ("persons and programs: each sees what they may see".to_owned(), true),
            May::Admin => ("administrators, and the command line of the push host".to_owned(), false),
        };
        Some(Row { method: row.method.clone(), path: row.path, who, programs, call: row.call? })
    };
    ROUTES.iter().filter_map(described).collect()
}

/// Puts the table into the router.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut done: Vec<&str> = Vec::new();
    for row in ROUTES {
        if done.contains(&row.path) {
            continue;
        }
        done.push(row.path);
        let rows = ROUTES.iter().filter(|other| other.path == row.path);
        let mut allowed: Vec<&str> = Vec::new();
        let mut resource = web::resource(row.path);
        for row in rows {
            allowed.push(row.method.as_str());
            let (may, call) = (row.may, row.call);
            let admitted = (row.handler)().wrap(from_fn(move |request, next| admit(may, call, request, next)));
            resource = resource.route(match row.method == Method::GET && !row.streams {
                true => admitted.guard(guard::Any(guard::Get()).or(guard::Head())),
                false => admitted.method(row.method.clone()),
            });
        }
        let allowed = allowed.join(", ");
        config.service(resource.default_service(web::to(move || {
            let refused = wrong_method(&allowed);
            async { refused }
        })));
    }
}

fn wrong_method(allowed: &str) -> HttpResponse {
    let mut refused = HttpResponse::from_error(Problem::wrong_method());
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        refused.headers_mut().insert(ALLOW, allowed);
    }
    refused
}

async fn admit(
    may: May,
    call: Option<&'static Call>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let caller = request.extensions().get::<Caller>().cloned();
    let refused = match (may, &caller) {
        (May::Anybody, _) => None,
        (May::Visible, Some(_)) => None,
        (_, None) => Some(Problem::nobody()),
        (May::Person, Some(caller)) => caller.must_be_person().err(),
        (May::Admin, Some(caller)) => caller.must_be_admin().err(),
        (May::PersonWith(verb), Some(caller)) => match caller.must_be_person() {
            Ok(()) => admit_to(&request, caller, verb).await.err(),
            Err(problem) => Some(problem),
        },
        (May::With(verb), Some(caller)) => admit_to(&request, caller, verb).await.err(),
    };
    if let Some(problem) = refused {
        return Ok(request.error_response(problem));
    }
    let app = request.app_data::<Data<App>>().cloned();
    match (app, call, caller) {
        (Some(app), Some(call), Some(caller)) => answered(app, call, &caller, request, next).await,
        _ => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
}

async fn admit_to(request: &ServiceRequest, caller: &Caller, verb: Verb) -> Result<(), Problem> {
    let app = request.app_data::<Data<App>>().ok_or_else(|| Problem::broken("a route without its app"))?;
    access::admit(app, caller, verb, request.request()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_may_only_sign_in_and_ask_how_the_server_is() {
        let open: Vec<String> = ROUTES
            .iter()
            .filter(|row| row.may == May::Anybody)
            .map(|row| format!("{} {}", row.method, row.path))
            .collect();
        assert_eq!(
            open,
            [
                "GET /sign-in",
                "POST /sign-in",
                "GET /sign-in/oidc",
                "GET /sign-in/oidc/callback",
                "POST /api/v1/hooks/{forge}",
                "POST /hooks/slack",
                "GET /static/{name:.+}",
                "GET /healthz",
                "GET /readyz"
            ]
        );
    }

    #[test]
    fn signing_in_leads_to_pages_alone() {
        assert_eq!(
            pages().collect::<Vec<_>>(),
            [
                "/",
                "/stacks/{stack}",
                "/stacks/{stack}/stages/{stage}/plan",
                "/stacks/{stack}/stages/{stage}/versions",
                "/stacks/{stack}/stages/{stage}/rollback",
                "/stacks/{stack}/compare",
                "/stacks/{stack}/hosts",
                "/stacks/{stack}/graphs",
                "/pushes",
                "/pushes/{id}",
                "/pushes/{id}/graphs",
                "/pushes/{id}/cancel",
                "/stats",
                "/audit",
                "/people",
                "/people/{who}",
                "/announcements",
                "/docs/api",
                "/docs/errors",
                "/account"
            ]
        );
    }

    #[test]
    fn no_address_and_method_is_there_twice() {
        for (at, row) in ROUTES.iter().enumerate() {
            let twice = ROUTES[..at].iter().any(|other| other.path == row.path && other.method == row.method);
            assert!(!twice, "{} {}", row.method, row.path);
        }
    }
}
