//! One's own account, and the pages of people for administrators.

use super::made_up::ago;
use super::{at, checked, frame, pages};
use pushbutton::config::AuthMode;
use pushbutton::ledger::chats::ChatAccount;
use pushbutton::ledger::sessions::{OwnSession, Place};
use pushbutton::ledger::tokens::Token;
use pushbutton::web::pages::{
    Account, NewFactor, NewTokenForm, Overview, Person, PersonPage, Section, SignedIn, picture,
};

fn session(known: bool, began: i64) -> OwnSession {
    let (address, browser) = (known.then(|| "2001:db8::1".to_owned()), known.then(|| "Firefox on Linux".to_owned()));
    OwnSession {
        id_hash: "0123456789abcdef0123".to_owned(),
        made_at: at(began).to_string(),
        seen_at: at(60).to_string(),
        place: Place { address, browser },
    }
}

fn token(name: &str, scopes: &str, days: i64, used: Option<i64>) -> Token {
    Token {
        id: format!("{:012x}", days.unsigned_abs()),
        name: name.to_owned(),
        owner: "mary".parse().unwrap(),
        scopes: scopes.parse().unwrap(),
        made_at: at(90 * 86_400),
        expires_at: at(-days * 86_400),
        seen_at: used.map(at),
    }
}

#[test]
pub fn ones_own_account_shows_where_one_is_signed_in_and_takes_a_new_password() {
    let pages = pages();
    let text = format!("pb_{:012x}_{}", 30, "5e".repeat(36));
    for (name, has_password, problem, done, new_token) in [
        ("account", true, None, None, false),
        ("account-refused", true, Some("Wrong current password; nothing was changed.".to_owned()), None, false),
        ("account-changed", true, None, Some("Your password is changed. Everywhere else you are signed out."), false),
        ("account-open", false, None, None, false),
        ("account-token", true, None, None, true),
        ("account-factor", true, None, None, false),
        ("account-factor-refused", true, None, None, false),
        ("account-factor-on", true, None, None, false),
        ("account-factor-codes", true, None, None, false),
    ] {
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_owned();
        let refused = name == "account-factor-refused";
        let signed_in =
            [(true, 3600), (false, 86_400)].map(|(here, began)| SignedIn { here, session: session(here, began) });
        let tokens = vec![
            token("ci", "publish:web,push:web/qa,see", 30, Some(300)),
            token("night-report", "see:web,see:api", -2, None),
        ];
        let account = Account {
            who: "mary".to_owned(),
            signed_in: signed_in.to_vec(),
            has_password,
            recovery_left: name.starts_with("account-factor-").then_some(8).filter(|_| !refused),
            new_factor: (name == "account-factor" || refused).then(|| NewFactor {
                picture: picture(&format!("otpauth://totp/x?secret={secret}")),
                secret: secret.clone(),
            }),
            factor_problem: refused.then(|| "Wrong password or code; nothing was changed.".to_owned()),
            recovery_codes: if name == "account-factor-codes" {
                vec!["abcd-efgh-ijkl-mnop".to_owned(); 8]
            } else {
                Vec::new()
            },
            problem,
            done,
            tokens: if name == "account-open" { Vec::new() } else { tokens },
            has_chat: name != "account-refused",
            chats: vec![ChatAccount {
                place: "slack T0241".to_owned(),
                id: "U1<b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041}".to_owned(),
                who: "mary".parse().unwrap(),
                at: ago(3600),
            }],
            chat_code: new_token.then(|| "7F3K-9QWD-2M4X".to_owned()),
            new_token: new_token.then(|| ("ci".to_owned(), text.clone())),
            token_problem: (name == "account-refused")
                .then(|| "No token was created: \"sea\" is none of see, push, rollback, hold, publish.".to_owned()),
            typed: NewTokenForm::default(),
        };
        let html = checked(name, pages.account(&frame(Section::Nowhere), &account));
        let factor = usize::from(account.new_factor.is_some() || account.recovery_left.is_some());
        let fields = if has_password { 3 + factor } else { 0 };
        assert_eq!(html.matches("type=\"password\"").count(), fields, "{name}");
        assert_eq!(html.contains("class=\"qr\""), account.new_factor.is_some(), "{name}");
        assert_eq!(html.contains(&secret), account.new_factor.is_some(), "{name}: it is shown once");
        assert_eq!(html.contains(&text), new_token, "{name}: it is shown once");
        assert!(html.contains("This browser</b>") && html.contains("Another browser</b>"), "{name}");
        let ends = "action=\"/account/sessions/0123456789abcdef/end\"";
        assert_eq!(html.matches(ends).count(), 1, "{name}: this browser has its own way out");
        assert!(html.contains("(Firefox on Linux) at 2001:db8::1, since"), "{name}: {html}");
    }
}

#[test]
pub fn administrators_see_who_has_sessions_and_tokens_and_can_end_them() {
    let (pages, frame) = (pages(), frame(Section::Nowhere));
    let person = |name: &str, full: Option<&str>, groups: &[&str]| Person {
        full_name: full.map(str::to_owned),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        confirmed_at: (!groups.is_empty()).then(|| at(3600)),
        ..Person::new(name.parse().unwrap())
    };
    let mary = Person {
        sessions: vec![session(true, 3600), session(false, 86_400)],
        tokens: vec![token("ci", "publish:web,push:web/qa,see", 30, Some(300)), token("old", "see", -2, None)],
        ..person("mary", Some("Mary <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041} O'Hara"), &[])
    };
    let lena = Person {
        confirmed_at: Some(at(40 * 86_400)),
        tokens: vec![token("night", "see", 30, None)],
        ..person("lena@example.com", None, &["release", "a group of the provider with a name that is rather long"])
    };
    let long = person("a-name-that-is-as-long-as-names-may-be-in-this-place", None, &[]);
    let overview = |people: Vec<Person>, mode| Overview { people, mode };
    let all = vec![long.clone(), lena.clone(), mary.clone()];
    let html = checked("people", pages.people(&frame, &overview(all, AuthMode::Oidc)));
    for words in ["href=\"/people/lena%40example.com\"", "2 sessions", "1 token", "0 tokens", "never"] {
        assert!(html.contains(words), "{words}: {html}");
    }
    let html = checked("people-none", pages.people(&frame, &overview(Vec::new(), AuthMode::Password)));
    assert!(html.contains("Nobody has signed in yet"));

    let page = |person: &Person, mode, done: &str| PersonPage { person: person.clone(), mode, done: done.to_owned() };
    let html = checked("person", pages.person(&frame, &page(&mary, AuthMode::Password, "session")));
    for words in [
        "action=\"/people/mary/sessions/0123456789abcdef/end\"",
        "action=\"/people/mary/sign-out\"",
        "action=\"/people/mary/tokens/00000000001e/revoke\"",
        "action=\"/people/mary/revoke-tokens\"",
        "That browser is signed out.",
        "href=\"/audit?who=mary\"",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    assert!(!html.contains("These do not work"));
    let html = checked("person-unconfirmed", pages.person(&frame, &page(&lena, AuthMode::Oidc, "")));
    assert!(
        html.contains("These do not work")
            && html.contains("is not signed in")
            && !html.contains("%40example.com/sign-out")
    );
    let html = checked("person-proxy", pages.person(&frame, &page(&lena, AuthMode::Proxy, "")));
    assert!(!html.contains("<h2 id=\"p-s\">"), "a proxy's people have no sessions here");
}
