//! What people say on IRC, answered: a command in a channel by what the operator lets that channel see; one said to the bot alone only to who is
//! bound, by what they see themselves. It must never answer a notice, nor more than a person can ask in a minute.

use super::ask::{self, Asking};
use super::parse::{self, ChatCommand};
use super::speaker::Speaker;
use crate::announce::incoming::{IncomingMessage, Reply};
use crate::ledger::audit::place::{Place, coming_from};
use crate::ledger::{LedgerResult, chats};
use crate::stack::{Access, Who};
use crate::time::At;
use crate::web::app::App;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// An answer that takes longer is not given: the page has it.
const ANSWER_IN: Duration = Duration::from_secs(20);

/// Answers what is said, as long as anybody may say something.
pub(in crate::web) async fn keep(app: &App, mut incoming: Receiver<IncomingMessage>) {
    while let Some(said) = incoming.recv().await {
        let answering = coming_from(Place::Irc, answer(app, &said));
        match timeout(ANSWER_IN, answering).await {
            Ok(Ok(replies)) => {
                for reply in replies {
                    // A connection that says nothing now, or has gone, keeps nobody else waiting.
                    let _ = said.replies.try_send(reply);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "a command on IRC is not answered"),
            Err(_) => tracing::warn!("a command on IRC is not answered: it took too long"),
        }
    }
}

async fn answer(app: &App, said: &IncomingMessage) -> LedgerResult<Vec<Reply>> {
    let command = match &said.channel {
        Some(_) => parse::line(&said.text),
        None => parse::line(&said.text).or_else(|| parse::command(&said.text)),
    };
    let Some(command) = command else { return Ok(Vec::new()) };
    if !has_turn(app, said) {
        return Ok(Vec::new());
    }
    if let (Ok(ChatCommand::Bind(code)), None) = (&command, &said.channel) {
        return bind(app, said, code).await;
    }
    let speaker = speaker(app, said).await?;
    let access = match (&said.channel, &speaker) {
        (Some(_), _) => access_of_channel(app).await?,
        (None, Some(speaker)) => Some(speaker.access.clone()),
        (None, None) => None,
    };
    let to = said.channel.clone().unwrap_or_else(|| said.nick.clone());
    let say = |text: String| Reply::Say { to: to.clone(), text };
    let Some(access) = access else { return Ok(Vec::new()) };
    Ok(match command {
        // A code that was said in public is of no use to anybody any more.
        Ok(ChatCommand::Bind(code)) => {
            waste(app, &code).await?;
            vec![say(format!("{}: say that to me alone; make a new code, this one is void now", said.nick))]
        }
        Ok(command) => {
            let may_change = app.desk.config().chat.as_ref().is_some_and(|chat| chat.commands);
            let asking = Asking { access: &access, speaker: speaker.as_ref(), may_change, mark: "!" };
            ask::answer(app, &asking, command).await.into_iter().map(say).collect()
        }
        Err(usage) => vec![say(format!("usage: !{usage}"))],
    })
}

/// A nick, and a channel, may ask so often.
fn has_turn(app: &App, said: &IncomingMessage) -> bool {
    let (now, of) = (Instant::now(), said.channel.as_deref().unwrap_or("alone"));
    let nick = format!("irc {} {}", said.server, said.nick.to_lowercase());
    let channel = format!("irc {} in {of}", said.server);
    app.budgets.chat.take(&nick, now).is_ok() && app.budgets.chat_rooms.take(&channel, now).is_ok()
}

fn place(said: &IncomingMessage) -> String {
    format!("irc {}", said.server)
}

/// Who speaks: an account that the network vouches for and that is bound, or who has proven it during this stay.
async fn speaker(app: &App, said: &IncomingMessage) -> LedgerResult<Option<Speaker>> {
    if let Some(account) = &said.account
        && let Some(speaker) = Speaker::bound(app, &place(said), &account.to_lowercase()).await?
    {
        return Ok(Some(speaker));
    }
    match &said.proven {
        Some(who) => Speaker::of(app, who.clone()).await,
        None => Ok(None),
    }
}

/// What is read in a channel is what the operator's `as` sees; nothing without it.
async fn access_of_channel(app: &App) -> LedgerResult<Option<Access>> {
    let name = app.desk.config().chat.as_ref().and_then(|chat| chat.answers_as.as_deref());
    let Some(who) = name.and_then(|who| who.parse::<Who>().ok()) else { return Ok(None) };
    Ok(Speaker::of(app, who).await?.map(|speaker| speaker.access))
}

/// Binds by a code. Who says a wrong one gets no answer, as everyone who is not bound.
async fn bind(app: &App, said: &IncomingMessage, code: &str) -> LedgerResult<Vec<Reply>> {
    let (code, place, nick) = (code.to_owned(), place(said), said.nick.clone());
    let (account, stay) = (said.account.as_ref().map(|account| account.to_lowercase()), said.stay);
    if account.is_none() && stay.is_none() {
        return Ok(Vec::new());
    }
    let kept = account.clone();
    let bound = app.desk.ledger().write(move |tx| {
        let now = At::now();
        let Some(who) = chats::take_code(tx, &code, now)? else { return Ok(None) };
        match &kept {
            Some(account) => chats::bind(tx, &place, account, &who, now)?,
            None => chats::note_bound(tx, &place, &nick, &who, now)?,
        }
        Ok(Some(who))
    });
    let Some(who) = bound.await? else { return Ok(Vec::new()) };
    let say = |text: String| Reply::Say { to: said.nick.clone(), text };
    Ok(match (account, stay) {
        (Some(account), _) => vec![say(format!("the account {account} is bound to {who}"))],
        (None, Some(stay)) => {
            let proven = Reply::Proven { nick: said.nick.clone(), stay, who: who.clone() };
            let words = format!(
                "you are {who} as long as you stay in the channel under this nick; this network vouches for no accounts"
            );
            vec![proven, say(words)]
        }
        (None, None) => Vec::new(),
    })
}

async fn waste(app: &App, code: &str) -> LedgerResult<()> {
    let code = code.to_owned();
    app.desk.ledger().write(move |tx| chats::take_code(tx, &code, At::now())).await?;
    Ok(())
}
