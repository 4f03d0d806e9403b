//! Signing in at a provider: the browser is sent there, and comes back with a code. What binds the two is in a cookie of this browser, encrypted and
//! for a few minutes; it must never take a code that another browser was sent for. Called by the routes.

use super::provider::{Flow, Refused};
use super::recheck;
use crate::ledger::sessions::Granted;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::origin::local_next;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller;
use crate::web::session::sign_in::{Afterwards, show};
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// How long somebody may take to sign in at the provider.
const MINUTES: i64 = 10;
/// What the cookie is sealed for.
const PURPOSE: &str = "sign-in";
/// What the page says when the answer is none of this browser's sign-in.
const STALE: &str = "This sign-in took too long, or was begun in another browser. Please try again.";

/// What the provider sends a browser back with.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
    iss: Option<String>,
}

/// `GET /sign-in/oidc`
pub async fn begin(app: Data<App>, request: HttpRequest, query: Query<Afterwards>) -> Reply {
    let Some(provider) = &app.provider else { return Ok(other_way()) };
    let next = local_next(&query.next, app.sign_in_leads_to.iter().copied()).to_owned();
    let (address, flow) = match provider.begin(next.clone(), At::now().millis()).await {
        Ok(begun) => begun,
        Err(refused) => {
            tracing::warn!(%refused, "nobody can sign in");
            let why = "The provider of accounts does not answer. Please try again in a minute.".to_owned();
            return show(&app, &request, StatusCode::SERVICE_UNAVAILABLE, next, String::new(), Some(why)).await;
        }
    };
    let text = serde_json::to_string(&flow).map_err(Problem::broken)?;
    let sealed = provider.sealer.seal(PURPOSE, &text).map_err(Problem::broken)?;
    let cookie = cookie(&app, sealed, CookieDuration::minutes(MINUTES));
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, address)).cookie(cookie).finish())
}

/// `GET /sign-in/oidc/callback`
pub async fn callback(app: Data<App>, request: HttpRequest, query: Query<Answer>) -> Reply {
    let Some(provider) = &app.provider else { return Ok(other_way()) };
    let from = ClientAddress::of(&app.desk.config().trusted_proxies, &request);
    let Query(answer) = query;
    let flow = flow_of(&app, &request);
    let next = flow.as_ref().map_or("/", |flow| flow.next.as_str()).to_owned();
    let refuse = async |why: String| {
        app.failures.note(app.desk.ledger(), from, None, "provider");
        let mut page = show(&app, &request, StatusCode::FORBIDDEN, next.clone(), String::new(), Some(why)).await?;
        page.add_cookie(&no_cookie(&app)).map_err(Problem::broken)?;
        Ok(page)
    };
    let is_ours = |flow: &Flow| !answer.state.is_empty() && flow.state == answer.state;
    let Some(flow) = flow.filter(is_ours) else { return refuse(STALE.to_owned()).await };
    if answer.iss.as_deref().is_some_and(|iss| !provider.is_issuer(iss)) {
        return refuse("The answer came from another provider. Please try again.".to_owned()).await;
    }
    if !answer.error.is_empty() {
        let said: String = answer.error.chars().filter(char::is_ascii_graphic).take(40).collect();
        return refuse(format!("The provider did not sign you in ({said}).")).await;
    }
    let (who, granted) = match provider.finish(flow, answer.code).await {
        Ok(granted) => granted,
        Err(refused) => {
            tracing::warn!(%refused, "a sign-in at the provider was not accepted");
            let why = match refused {
                Refused::ByProvider(_) => STALE.to_owned(),
                Refused::Nobody(why) => format!("You cannot be signed in: {why}."),
                Refused::Unreachable(_) => {
                    "The provider's answer could not be checked. Please try again; the server's log says why."
                        .to_owned()
                }
            };
            return refuse(why).await;
        }
    };
    let (entry, cookies) = caller::new_session(&app, &request, from)?;
    let sealed = recheck::seal(&app, entry.session(), &granted.kept);
    let sealed = sealed.ok_or_else(|| Problem::broken("what the provider gave cannot be sealed"))?;
    let granted = Granted { groups: granted.groups.unwrap_or_default(), provider: Some(sealed) };
    let (entry, name) = (entry.granted(granted), who.clone());
    app.desk.ledger().write(move |tx| entry.enter(tx, &name)).await?;
    tracing::info!(%who, address = %from, "signed in");
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, next)).cookie(no_cookie(&app));
    for cookie in cookies {
        answer.cookie(cookie);
    }
    Ok(answer.finish())
}

/// Where people sign in another way.
fn other_way() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in")).finish()
}

fn cookie_name(app: &App) -> String {
    match app.address.secure {
        true => "__Host-pushbutton-flow".to_owned(),
        false => format!("pushbutton-flow-{}", app.address.port),
    }
}

fn flow_of(app: &App, request: &HttpRequest) -> Option<Flow> {
    let cookie = request.cookie_raw(&cookie_name(app))?;
    let text = app.provider.as_ref()?.sealer.open(PURPOSE, cookie.value())?;
    let flow: Flow = serde_json::from_str(&text).ok()?;
    let age = At::now().millis() - flow.began_ms;
    (0..MINUTES * 60_000).contains(&age).then_some(flow)
}

/// Lax as all of ours: the provider sends the browser back by a navigation from another site.
fn cookie(app: &App, value: String, max_age: CookieDuration) -> Cookie<'static> {
    caller::cookie(app, cookie_name(app), value, max_age)
}

fn no_cookie(app: &App) -> Cookie<'static> {
    cookie(app, String::new(), CookieDuration::ZERO)
}
