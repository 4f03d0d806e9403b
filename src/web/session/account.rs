//! One's own account: where one is signed in, a new password; the tokens on the same page are made in `token_forms.rs`, and sessions
//! end in `session_forms.rs`. It must never change anybody's but the caller's,
//! nor a password without the one that holds. Called by the routes.

use super::account_view::{Account, NewFactor, NewTokenForm, SignedIn};
use super::caller;
use super::caller::{Caller, Proof};
use super::method;
use super::totp::picture::picture;
use super::tries::Trying;
use crate::ledger::second_factor::{self, TotpSecret};
use crate::ledger::users::{self, PasswordHash};
use crate::ledger::{audit, chats, sessions, tokens};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::problem::{Problem, Reply};
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use std::time::Instant;

/// What the form sends.
#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

/// What was done just now.
#[derive(Deserialize)]
pub struct AccountQuery {
    #[serde(default)]
    done: String,
}

/// `GET /account`
pub async fn show(app: Data<App>, caller: Caller, query: Query<AccountQuery>) -> Reply {
    let done = match query.done.as_str() {
        "password" => Some("Your password is changed. Everywhere else you are signed out."),
        "totp" => Some("Your second factor is turned off."),
        "session" => Some("The other browser is signed out."),
        "sessions" => Some("Everywhere else you are signed out."),
        _ => None,
    };
    let notices = Notices { done, ..Notices::default() };
    draw(&app, &caller, StatusCode::OK, notices).await
}

/// `POST /account/password`
pub async fn change_password(
    app: Data<App>,
    request: HttpRequest,
    caller: Caller,
    given: InTime<Form<NewPassword>>,
) -> Reply {
    let InTime(Form(NewPassword { current, new, again })) = given;
    if !method::of(app.desk.config().auth.mode).keeps_passwords() {
        return Err(Problem::bad_request("nobody has a password of this server: people sign in another way"));
    }
    let again_please = async |why: String| {
        draw(&app, &caller, StatusCode::FORBIDDEN, Notices { problem: Some(why), ..Notices::default() }).await
    };
    if new != again {
        return again_please("The two new passwords are not the same; nothing was changed.".to_owned()).await;
    }
    let trying = own_tries(&caller);
    app.tries.take(&trying, Instant::now()).map_err(|wait| Problem::too_often("you tried a password", wait))?;
    let Some(user) = method::password::checked(&app, caller.who.as_str(), current).await? else {
        return again_please("Wrong current password; nothing was changed.".to_owned()).await;
    };
    app.tries.was_good(&trying);
    let turn = app.verifications.acquire().await.map_err(Problem::broken)?;
    let hashed = tokio::task::spawn_blocking(move || PasswordHash::of(&new)).await.map_err(Problem::broken)?;
    drop(turn);
    let hash = match hashed {
        Ok(hash) => hash,
        Err(refused) => {
            let mut why = refused.to_string();
            why.replace_range(..1, &why[..1].to_uppercase());
            return again_please(format!("{why}; nothing was changed.")).await;
        }
    };
    let from = ClientAddress::of(&app.desk.config().trusted_proxies, &request);
    let (who, name) = (user.name.clone(), user.name);
    let verified = user.password;
    let (entry, cookies) = caller::new_session(&app, &request, from)?;
    let changed = app.desk.ledger().write(move |tx| {
        // Someone else may have given them another one since it was looked at: then that one holds.
        if users::find(tx, &name)?.is_none_or(|user| user.password != verified) {
            return Ok(false);
        }
        users::set_password(tx, &name, &hash)?;
        audit::note(tx, At::now(), name.as_str(), "password", name.as_str(), "their own")?;
        entry.enter(tx, &name)?;
        Ok(true)
    });
    if !changed.await? {
        return again_please("Wrong current password; nothing was changed.".to_owned()).await;
    }
    tracing::info!(%who, "changed the password, and is signed out everywhere else");
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, "/account?done=password"));
    for cookie in cookies {
        answer.cookie(cookie);
    }
    Ok(answer.finish())
}

/// Whoever sits at someone's open browser guesses no faster there than at the door.
pub(super) fn own_tries(caller: &Caller) -> Trying {
    Trying {
        account: caller.who.to_string(),
        address: String::new(),
        browser: Some("own account".to_owned()),
        known_address: true,
    }
}

/// What the page says of what was just done.
#[derive(Default)]
pub(in crate::web) struct Notices {
    /// Why the password was not changed.
    pub problem: Option<String>,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// The secret of a second factor that is being set up.
    pub totp_secret: Option<TotpSecret>,
    /// Why it was not set up, or not turned off.
    pub totp_problem: Option<String>,
    /// The recovery codes that were made.
    pub recovery_codes: Vec<String>,
    /// The code for a chat that was made.
    pub chat_code: Option<String>,
    /// Who has the token that was made, and its text.
    pub new_token: Option<(String, String)>,
    /// Why no token was created.
    pub token_problem: Option<String>,
    /// What was typed then.
    pub typed: NewTokenForm,
}

/// The page of one's account.
pub(in crate::web) async fn draw(app: &App, caller: &Caller, status: StatusCode, notices: Notices) -> Reply {
    let (who, now) = (caller.who.clone(), At::now());
    let here = match &caller.proof {
        Proof::Session(session) => session.as_str().to_owned(),
        Proof::PushHost | Proof::Token(_) | Proof::Proxy(_) => String::new(),
    };
    let found = app.desk.ledger().read(move |connection| {
        let factor = second_factor::of(connection, &who)?;
        let chats = chats::all(connection, &who)?;
        Ok((sessions::of(connection, &who, now)?, tokens::all(connection, Some(&who))?, factor, chats))
    });
    let (sessions, tokens, factor, chats) = found.await?;
    let signed_in = sessions.into_iter().map(|session| SignedIn { here: session.id_hash == here, session }).collect();
    let new_factor = notices.totp_secret.map(|secret| NewFactor {
        picture: picture(&secret.address(app.address.host(), &caller.who)),
        secret: secret.reveal(),
    });
    let account = Account {
        who: caller.who.to_string(),
        signed_in,
        has_password: method::of(app.desk.config().auth.mode).keeps_passwords(),
        recovery_left: factor.map(|factor| factor.recovery_left()),
        new_factor,
        factor_problem: notices.totp_problem,
        recovery_codes: notices.recovery_codes,
        problem: notices.problem,
        done: notices.done,
        tokens,
        has_chat: app.desk.config().chat.is_some(),
        chats,
        chat_code: notices.chat_code,
        new_token: notices.new_token,
        token_problem: notices.token_problem,
        typed: notices.typed,
    };
    let frame = frame(app, Some(caller), Section::Nowhere).await;
    Ok(page(status, app.pages.account(&frame, &account)?))
}
