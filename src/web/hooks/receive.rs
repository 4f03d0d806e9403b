//! `POST /api/v1/hooks/{forge}`: a webhook, by which the stacks of its repository are looked at now, or told a status of a commit. It must never read a body of who has no turn,
//! nor do anything for who did not sign it.

use super::event::{self, Event};
use super::repository::is_same_repository;
use super::signature::is_signed;
use crate::config::Forge;
use crate::stack::StackName;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::path::LONGEST_HOOK;
use crate::web::http::problem::{Problem, Reply};
use actix_web::web::{self, Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long a body may take.
const IN_TIME: Duration = Duration::from_secs(20);

/// What was done about a webhook.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct WebhookResult {
    /// The stacks whose source is fetched now, or that were told a status; none when no stack has this repository.
    pub stacks: Vec<StackName>,
    /// Whether the same webhook came within the last ten minutes: then nothing was done.
    pub repeated: bool,
    /// The forge's word for an event that nothing is done about.
    pub ignored: Option<String>,
}

/// `POST /api/v1/hooks/{forge}`
pub static RECEIVE: Call = Call {
    handler: || web::to(receive),
    name: "receive_webhook",
    chapter: Chapter::Stacks,
    summary: "Says that a repository has new commits, or how one of them is: for the webhooks of forges, which sign it with the secret of [hooks]",
    query: None,
    takes: Takes::File("application/json"),
    gives: &[json::<WebhookResult>(200, "What is done about it")],
    refuses: &[429],
};

async fn receive(app: Data<App>, request: HttpRequest, forge: Path<String>, payload: Payload) -> Reply {
    let known = Forge::named(&forge).and_then(|forge| Some((forge, app.hooks.secret(forge)?)));
    let Some((forge, secret)) = known else {
        let cure = "write the secret of its webhook into a file that [hooks] in the server's configuration names (docs/sources.md)";
        return Err(Problem::unknown(format_args!("the webhook {:?}", forge.as_str())).with_cure(cure));
    };
    let from = ClientAddress::of(&app.desk.config().trusted_proxies, &request);
    app.budgets
        .hooks
        .take(&from.counted_as(), Instant::now())
        .map_err(|wait| Problem::too_often("webhooks came", wait))?;
    let body = {
        let turn = app.hooks.turns.acquire().await;
        let _turn = turn.map_err(Problem::broken)?;
        taken(payload).await?
    };
    if !is_signed(forge, request.headers(), &body, secret.reveal()) {
        app.failures.note(app.desk.ledger(), from, None, "webhook");
        return Err(Problem::not_signed(forge.title()));
    }
    let result = match event::read(forge, request.headers(), &body).map_err(Problem::bad_request)? {
        Event::Ping => WebhookResult { ignored: Some("ping".to_owned()), ..WebhookResult::default() },
        Event::Other(name) => WebhookResult { ignored: Some(name), ..WebhookResult::default() },
        Event::Status(_) if app.hooks.is_repeated(forge, &body, Instant::now()) => {
            WebhookResult { repeated: true, ..WebhookResult::default() }
        }
        Event::Status(told) => {
            let who = format!("{} webhook", forge.title());
            let mut stacks = app.desk.stacks_of(|source| {
                source.address().is_some_and(|own| told.addresses.iter().any(|other| is_same_repository(own, other)))
            });
            stacks.sort();
            for stack in &stacks {
                app.desk.tell_status(stack, &who, told.status.clone()).await?;
            }
            WebhookResult { stacks, ..WebhookResult::default() }
        }
        Event::Push(_) if app.hooks.is_repeated(forge, &body, Instant::now()) => {
            WebhookResult { repeated: true, ..WebhookResult::default() }
        }
        Event::Push(addresses) => {
            let stacks = app.desk.fetch_at_once(|source| {
                source.address().is_some_and(|own| addresses.iter().any(|other| is_same_repository(own, other)))
            });
            tracing::info!(forge = forge.word(), stacks = stacks.len(), "a webhook announced new commits");
            WebhookResult { stacks, ..WebhookResult::default() }
        }
    };
    Ok(HttpResponse::Ok().json(result))
}

/// The whole body, if it comes in time and is not too long.
async fn taken(payload: Payload) -> Result<Bytes, Problem> {
    let most = usize::try_from(LONGEST_HOOK).unwrap_or(usize::MAX);
    match tokio::time::timeout(IN_TIME, payload.to_bytes_limited(most)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Problem::bad_request("the body broke off")),
        Ok(Err(_)) => Err(Problem::hook_too_large(LONGEST_HOOK)),
        Err(_) => Err(Problem::too_slow()),
    }
}
