//! What an answer over HTTP means for an announcement: a success, or whether it is about this announcement or about all of them. Pure. It must
//! never say more of an address than its server: the rest may be a secret. Called by the channels that send requests.

use super::channel::Trouble;
use super::clean;
use crate::advice::{Advice, tls};
use crate::outbound::NoAnswer;
use hyper::{Response, StatusCode};

/// Of what the other side says, in characters.
const SHOWN: usize = 200;

/// Lets a success through; `table` is what messages call the channel's table in the server's file.
pub(super) fn judge(server: &str, table: &str, answer: &Response<Vec<u8>>) -> Result<(), Trouble> {
    let status = answer.status();
    let said: String = String::from_utf8_lossy(answer.body()).split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = clean::line(&said).chars().take(SHOWN).collect();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let why = format!("{server} answered {status}{said}");
    match status {
        _ if status.is_success() => Ok(()),
        // What is said is wrong, and will be tomorrow.
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Trouble::Never(why))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Later(why)),
        _ if status.is_redirection() => {
            Err(Trouble::Broken(format!("{why} (redirects are not followed): write the new address in {table}")))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Trouble::Broken(format!("{why}: the address or the secret of {table} is not accepted there any more")))
        }
        _ => Err(Trouble::Broken(why)),
    }
}

/// Why there is no answer, with what to do where that is known.
pub(super) fn words_of(why: &NoAnswer) -> String {
    Advice::of(&why.to_string(), tls::CASES, &[]).words()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_announcement_itself_is_final() {
        let judged = |status: u16| {
            let answer = Response::builder().status(status).body(b"no\n  <b>such</b>\x1b[31m".to_vec()).unwrap();
            judge("https://hooks.example.com", "[webhook]", &answer)
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status), Ok(()));
        }
        for status in [400, 413, 422] {
            assert!(matches!(judged(status), Err(Trouble::Never(_))), "{status}");
        }
        assert!(matches!(judged(429), Err(Trouble::Later(_))));
        for status in [301, 302, 308, 401, 403, 404, 410, 500, 502, 503] {
            assert!(matches!(judged(status), Err(Trouble::Broken(_))), "{status}");
        }
        let Err(Trouble::Broken(why)) = judged(500) else { panic!() };
        assert!(why.contains("answered 500 Internal Server Error: no <b>such</b>") && !why.contains('\x1b'), "{why}");
    }
}
