//! One question of a check over HTTP, asked by `curl` under the near guard. It must never follow a redirect, read an
//! answer without end, or let the address be anything but a value: the script is constant. Called by the step.

use crate::advice::curl;
use crate::journal::Stream;
use crate::remote::{Ending, Line, Lines, Task, guard};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// Asks once. Only the beginning of the body is read; `curl` says on standard error what came of it. It gets no
/// configuration of its own (`-q`), no proxy, no redirect, and only http and https.
const ASK: &str = r#"{ curl -q -sS -g --noproxy '*' --proto '=http,https' --max-time "$PUSH_CHECK_LIMIT" \
  -w '%{stderr}push-check-status %{http_code}\n' -- "$PUSH_CHECK_URL"; echo "push-check-exit $?" >&2; } | head -c 2048"#;

/// Lines of a body that the log shows.
const BODY_LINES: usize = 20;
/// Lines of what `curl` says that are looked at: its reason comes first, and then what is true of all certificates.
const ERROR_LINES: usize = 20;
/// Longer lines of a body are cut, in characters.
const LONGEST: usize = 400;
/// How much longer than `curl` its guard waits.
const SLACK: Duration = Duration::from_secs(5);
/// The exit code of an answer that was not good; nobody sees it.
const NOT_GOOD: i32 = 1;
/// `curl`'s exit code when its reader has read enough.
const WRITE_ERROR: &str = "23";

/// What `curl` told.
#[derive(Debug, Default, PartialEq, Eq)]
struct HttpAnswer {
    status: String,
    exit: String,
    errors: Vec<String>,
    body: Vec<String>,
}

/// Asks an address once. An answer of 2xx is `Exited(0)`; otherwise the last line on standard error says what came, and,
/// when nobody will ask again, the beginning of the body stands before it.
pub async fn ask(dir: &Path, task: Task, url: String, is_last: bool, lines: &Lines) -> Ending {
    let limit = task.timeout;
    let mut values = task.values.clone();
    values.insert("PUSH_CHECK_URL".to_owned(), url);
    values.insert("PUSH_CHECK_LIMIT".to_owned(), limit.as_secs().to_string());
    let task = Task { script: ASK.to_owned(), values, timeout: limit + SLACK, ..task };
    let (tx, rx) = mpsc::channel(16);
    let asked = async move { guard::near(dir, task, &tx).await };
    let (ending, answer) = tokio::join!(asked, hear(rx));
    if ending != Ending::Exited(0) {
        return ending;
    }
    if answer.is_good() {
        say(lines, Stream::Note, format!("answered {}", answer.status)).await;
        return Ending::Exited(0);
    }
    if is_last {
        for line in &answer.body {
            say(lines, Stream::Out, line.clone()).await;
        }
    }
    say(lines, Stream::Err, answer.words()).await;
    Ending::Exited(NOT_GOOD)
}

async fn say(lines: &Lines, stream: Stream, text: String) {
    // The reader ends only after all its writers.
    let _ = lines.send(Line { stream, text }).await;
}

async fn hear(mut rx: mpsc::Receiver<Line>) -> HttpAnswer {
    let mut answer = HttpAnswer::default();
    while let Some(line) = rx.recv().await {
        answer.take(line);
    }
    answer
}

impl HttpAnswer {
    fn take(&mut self, line: Line) {
        let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
        match line.stream {
            Stream::Err => match line.text.split_once(' ') {
                Some(("push-check-status", status)) => self.status = status.to_owned(),
                Some(("push-check-exit", exit)) => self.exit = exit.to_owned(),
                _ if self.errors.len() < ERROR_LINES => self.errors.push(cut(&line.text)),
                _ => {}
            },
            Stream::Out | Stream::Note => {
                if self.body.len() < BODY_LINES && !line.text.trim().is_empty() {
                    self.body.push(cut(&line.text));
                }
            }
        }
    }

    fn is_good(&self) -> bool {
        self.status.len() == 3 && self.status.starts_with('2') && matches!(self.exit.as_str(), "0" | WRITE_ERROR)
    }

    /// What came, for the person who presses.
    fn words(&self) -> String {
        let error = || curl::advice(&self.errors.join("\n")).words();
        match (self.status.as_str(), self.exit.as_str()) {
            (_, "127") => "curl is not installed on the push host".to_owned(),
            ("" | "000", _) if self.errors.is_empty() => format!("no answer (curl exited with {})", self.exit),
            ("" | "000", _) => format!("no answer: {}", error()),
            (status, "0" | WRITE_ERROR) => match self.body.first() {
                Some(body) => format!("answered {status}: {}", body.trim()),
                None => format!("answered {status}"),
            },
            (status, _) => format!("answered {status}, but the answer was incomplete: {}", error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(told: &[(Stream, &str)]) -> HttpAnswer {
        let mut answer = HttpAnswer::default();
        for (stream, text) in told {
            answer.take(Line { stream: *stream, text: (*text).to_owned() });
        }
        answer
    }

    #[test]
    fn only_a_whole_answer_of_2xx_is_good() {
        let (out, err) = (Stream::Out, Stream::Err);
        for (told, good, words) in [
            (
                vec![(out, "fine"), (err, "push-check-status 204"), (err, "push-check-exit 0")],
                true,
                "answered 204: fine",
            ),
            (
                vec![(err, "push-check-status 200"), (err, "curl: (23) Failure writing"), (err, "push-check-exit 23")],
                true,
                "answered 200",
            ),
            (
                vec![(out, " no db "), (err, "push-check-status 503"), (err, "push-check-exit 0")],
                false,
                "answered 503: no db",
            ),
            (vec![(err, "push-check-status 302"), (err, "push-check-exit 0")], false, "answered 302"),
            (
                vec![(err, "curl: (7) refused"), (err, "push-check-status 000"), (err, "push-check-exit 7")],
                false,
                "no answer: (7) refused",
            ),
            (
                vec![
                    (err, "curl: (60) SSL certificate problem: self-signed certificate"),
                    (err, "More details here: https://curl.se/docs/sslcerts.html"),
                    (err, ""),
                    (err, "curl failed to verify the legitimacy of the server and therefore could not"),
                    (err, "establish a secure connection to it. To learn more about this situation and"),
                    (err, "how to fix it, please visit the web page mentioned above."),
                    (err, "push-check-status 000"),
                    (err, "push-check-exit 60"),
                ],
                false,
                "no answer: (60) SSL certificate problem: self-signed certificate (its certificate is self-signed, so it \
                 is not trusted): add the certificate, or its authority, on the push host \
                 (/usr/local/share/ca-certificates, update-ca-certificates), or check over http://",
            ),
            (
                vec![(err, "curl: (28) timed out"), (err, "push-check-status 200"), (err, "push-check-exit 28")],
                false,
                "answered 200, but the answer was incomplete: (28) timed out (it did not answer in time): check whether it hangs; \
                 a longer `timeout` of the check gives it more time",
            ),
            (
                vec![(err, "sh: curl: not found"), (err, "push-check-exit 127")],
                false,
                "curl is not installed on the push host",
            ),
            (vec![], false, "no answer (curl exited with )"),
        ] {
            let answer = answer(&told);
            assert_eq!((answer.is_good(), answer.words().as_str()), (good, words), "{told:?}");
        }
    }
}
