//! The one route table: what there is, by which method, for whom. It drives the router, and the test that asks every
//! route as everybody. There must never be another way in: what is not in the table does not exist, and a row says who
//! may, or it does not compile.

use super::hosts::{checkup, reach};
use super::http::problem::Problem;
use super::http::{files, health};
use super::output::{download, lines};
use super::push::{cancel, confirm, numbers, pause, resume, rollback};
use super::reports::{announcements, stats};
use super::session::caller::Caller;
use super::session::{account, sign_in};
use super::stack::{api, builds, catch_up, hold, press, versions};
use super::stream::live;
use super::{dashboard, history, push, stack};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpMessage, HttpResponse, Route, web};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Everybody: what is needed to sign in, and what watches the server.
    Anybody,
    /// Who is signed in.
    SignedIn,
}

/// One row.
pub struct Entry {
    /// The method. A GET answers HEAD too, unless it is a stream.
    pub method: Method,
    /// The address.
    pub path: &'static str,
    /// Who may.
    pub may: May,
    streams: bool,
    handler: fn() -> Route,
}

const fn entry(method: Method, path: &'static str, may: May, handler: fn() -> Route) -> Entry {
    Entry { method, path, may, streams: false, handler }
}

const fn get(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::GET, path, May::SignedIn, handler)
}

const fn stream(path: &'static str, handler: fn() -> Route) -> Entry {
    Entry { method: Method::GET, path, may: May::SignedIn, streams: true, handler }
}

const fn post(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::POST, path, May::SignedIn, handler)
}

const fn put(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::PUT, path, May::SignedIn, handler)
}

const fn delete(path: &'static str, handler: fn() -> Route) -> Entry {
    entry(Method::DELETE, path, May::SignedIn, handler)
}

const fn open(method: Method, path: &'static str, handler: fn() -> Route) -> Entry {
    entry(method, path, May::Anybody, handler)
}

/// All routes.
pub static ROUTES: &[Entry] = &[
    get("/", || web::to(dashboard::page::dashboard)),
    get("/stacks/{stack}", || web::to(stack::page::stack)),
    post("/stacks/{stack}/stages/{stage}/push", || web::to(press::push)),
    get("/stacks/{stack}/stages/{stage}/plan", || web::to(stack::plan::plan)),
    get("/stacks/{stack}/stages/{stage}/versions", || web::to(versions::page)),
    get("/stacks/{stack}/stages/{stage}/rollback", || web::to(rollback::form)),
    post("/stacks/{stack}/stages/{stage}/rollback", || web::to(rollback::roll_back)),
    post("/stacks/{stack}/stages/{stage}/catch-up", || web::to(catch_up::catch_up)),
    get("/stacks/{stack}/hosts", || web::to(checkup::page)),
    post("/stacks/{stack}/hosts/look", || web::to(checkup::begin)),
    post("/stacks/{stack}/hosts/check", || web::to(reach::check)),
    post("/take-over", || web::to(numbers::take_over_by_form)),
    post("/stacks/{stack}/numbers", || web::to(numbers::by_form)),
    post("/stacks/{stack}/hold", || web::to(hold::hold_stack)),
    post("/stacks/{stack}/release-hold", || web::to(hold::release_stack)),
    post("/stacks/{stack}/stages/{stage}/hold", || web::to(hold::hold_stage)),
    post("/stacks/{stack}/stages/{stage}/release-hold", || web::to(hold::release_stage)),
    post("/stacks/{stack}/builds/{build}/withdraw", || web::to(builds::withdraw_by_form)),
    get("/pushes", || web::to(history::page::log)),
    get("/pushes.csv", || web::to(history::page::table)),
    get("/pushes/{id}", || web::to(push::page::push)),
    get("/pushes/{id}/log", || web::to(download::log)),
    get("/pushes/{id}/cancel", || web::to(push::page::cancel)),
    post("/pushes/{id}/cancel", || web::to(cancel::cancel)),
    post("/pushes/{id}/confirm", || web::to(confirm::by_form)),
    post("/pushes/{id}/pause", || web::to(pause::pause)),
    post("/pushes/{id}/unpause", || web::to(pause::unpause)),
    post("/pushes/{id}/resume", || web::to(resume::resume)),
    get("/stats", || web::to(stats::stats)),
    get("/announcements", || web::to(announcements::announcements)),
    open(Method::GET, "/sign-in", || web::to(sign_in::form)),
    open(Method::POST, "/sign-in", || web::to(sign_in::sign_in)),
    post("/sign-out", || web::to(sign_in::sign_out)),
    get("/account", || web::to(account::show)),
    post("/account/password", || web::to(account::change_password)),
    post("/account/sign-out-everywhere", || web::to(account::sign_out_everywhere)),
    get("/api/v1/stacks", || web::to(api::stacks)),
    get("/api/v1/stacks/{stack}", || web::to(api::stack)),
    post("/api/v1/stacks/{stack}/builds", || web::to(builds::publish)),
    get("/api/v1/stacks/{stack}/hosts", || web::to(checkup::known)),
    post("/api/v1/stacks/{stack}/hosts/look", || web::to(checkup::now)),
    post("/api/v1/stacks/{stack}/hosts/check", || web::to(reach::check_by_api)),
    post("/api/v1/stacks/{stack}/hosts/reconnect", || web::to(reach::reconnect_by_api)),
    get("/api/v1/stacks/{stack}/builds", || web::to(builds::listed)),
    delete("/api/v1/stacks/{stack}/builds/{build}", || web::to(builds::withdraw)),
    post("/api/v1/take-over", || web::to(numbers::take_over_by_api)),
    post("/api/v1/stacks/{stack}/numbers", || web::to(numbers::by_api)),
    put("/api/v1/stacks/{stack}/hold", || web::to(hold::hold_stack_by_api)),
    delete("/api/v1/stacks/{stack}/hold", || web::to(hold::release_stack_by_api)),
    get("/api/v1/stacks/{stack}/stages/{stage}/current", || web::to(api::current)),
    get("/api/v1/stacks/{stack}/stages/{stage}/plan", || web::to(api::plan)),
    get("/api/v1/stacks/{stack}/stages/{stage}/versions", || web::to(versions::listed)),
    post("/api/v1/stacks/{stack}/stages/{stage}/push", || web::to(press::push_by_api)),
    get("/api/v1/stacks/{stack}/stages/{stage}/rollback", || web::to(rollback::shown)),
    post("/api/v1/stacks/{stack}/stages/{stage}/rollback", || web::to(rollback::roll_back_by_api)),
    get("/api/v1/stacks/{stack}/stages/{stage}/catch-up", || web::to(catch_up::shown)),
    post("/api/v1/stacks/{stack}/stages/{stage}/catch-up", || web::to(catch_up::catch_up_by_api)),
    put("/api/v1/stacks/{stack}/stages/{stage}/hold", || web::to(hold::hold_stage_by_api)),
    delete("/api/v1/stacks/{stack}/stages/{stage}/hold", || web::to(hold::release_stage_by_api)),
    get("/api/v1/pushes", || web::to(history::page::listed)),
    get("/api/v1/pushes/{id}", || web::to(push::api::one_push)),
    stream("/api/v1/pushes/{id}/events", || web::to(live::push_events)),
    get("/api/v1/pushes/{id}/log", || web::to(download::log)),
    get("/api/v1/pushes/{id}/outline", || web::to(lines::outline)),
    get("/api/v1/pushes/{id}/lines", || web::to(lines::lines)),
    get("/api/v1/pushes/{id}/find", || web::to(lines::find)),
    get("/api/v1/pushes/{id}/same", || web::to(lines::same)),
    post("/api/v1/pushes/{id}/cancel", || web::to(cancel::cancel_by_api)),
    post("/api/v1/pushes/{id}/confirm", || web::to(confirm::by_api)),
    post("/api/v1/pushes/{id}/pause", || web::to(pause::pause_by_api)),
    post("/api/v1/pushes/{id}/unpause", || web::to(pause::unpause_by_api)),
    post("/api/v1/pushes/{id}/resume", || web::to(resume::resume_by_api)),
    stream("/api/v1/events", || web::to(live::events)),
    open(Method::GET, "/static/{name:.+}", || web::to(files::file)),
    open(Method::GET, "/healthz", || web::to(health::healthz)),
    open(Method::GET, "/readyz", || web::to(health::readyz)),
];

/// The pages that a person may be sent to after signing in.
pub fn pages() -> impl Iterator<Item = &'static str> {
    let page = |row: &&Entry| {
        row.method == Method::GET
            && row.may == May::SignedIn
            && !row.path.starts_with("/api/")
            && !row.path.ends_with("/log")
            && !row.path.ends_with(".csv")
    };
    ROUTES.iter().filter(page).map(|row| row.path)
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
            let may = row.may;
            let admitted = (row.handler)().wrap(from_fn(move |request, next| admit(may, request, next)));
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
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let known = request.extensions().get::<Caller>().is_some();
    match may {
        May::SignedIn if !known => Ok(request.error_response(Problem::nobody())),
        May::SignedIn | May::Anybody => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
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
        assert_eq!(open, ["GET /sign-in", "POST /sign-in", "GET /static/{name:.+}", "GET /healthz", "GET /readyz"]);
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
                "/stacks/{stack}/hosts",
                "/pushes",
                "/pushes/{id}",
                "/pushes/{id}/cancel",
                "/stats",
                "/announcements",
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
