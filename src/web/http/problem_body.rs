//! A problem as the API writes it (RFC 9457), field by field: docs/api.md, "Errors". A name here stays: programs of others read it. It
//! must never be read from anywhere. Called by the guard for every error below `/api/`.

use super::problem::Problem;
use actix_web::HttpResponse;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// The page that says of each case what it is and what to do; a case's name is its anchor.
pub const PAGE: &str = "/docs/errors";

/// What is wrong, and what to do.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ProblemBody<'a> {
    /// The address of the page that says what this case is, and what to do.
    #[serde(rename = "type")]
    kind: String,
    /// The case, in a few words that are always the same.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What happened: who, which push, which host.
    detail: &'a str,
    /// The kind of the problem, for programs.
    code: &'a str,
    /// The exact case.
    case: &'a str,
    /// What to do about it.
    cure: &'a str,
    /// The same as it was written before these fields were there; programs written now need not read it.
    error: OlderBody<'a>,
    /// What else is known: `who`, `push`, `stack`, `stage`, `since`; `hint`, a command that helps.
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

/// A problem as it was written before RFC 9457.
#[derive(Debug, JsonSchema, Serialize)]
struct OlderBody<'a> {
    /// The kind.
    code: &'a str,
    /// The exact case.
    case: &'a str,
    /// The case, in a few words.
    title: &'a str,
    /// What happened.
    message: &'a str,
    /// What to do about it.
    cure: &'a str,
    /// What else is known.
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl<'a> ProblemBody<'a> {
    /// What it is sent as.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// Of a problem that the server at this address has.
    pub fn new(problem: &'a Problem, url: &str) -> Self {
        let (row, detail, cure) = (problem.row, problem.message.as_str(), problem.cure());
        Self {
            kind: format!("{url}{PAGE}#{}", row.name),
            title: row.title,
            status: problem.status.as_u16(),
            detail,
            code: problem.code,
            case: row.name,
            cure,
            error: OlderBody {
                code: problem.code,
                case: row.name,
                title: row.title,
                message: detail,
                cure,
                more: &problem.detail,
            },
            more: &problem.detail,
        }
    }

    /// The answer that it is.
    pub fn response(&self, problem: &Problem) -> HttpResponse {
        HttpResponse::build(problem.status).content_type(Self::MEDIA_TYPE).json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Refusal;
    use crate::ledger::LedgerError;
    use actix_web::http::StatusCode;

    fn written(problem: &Problem) -> String {
        serde_json::to_string(&ProblemBody::new(problem, "https://push.example.com")).unwrap()
    }

    #[test]
    fn a_refusal_tells_programs_who_and_people_what_in_both_forms() {
        let refusal = Refusal::Locked {
            who: "mary".to_owned(),
            stack: "web".parse().unwrap(),
            stage: "prod".parse().unwrap(),
            push: crate::stack::PushNumber::new(214).unwrap(),
            since: "2026-11-21T10:00:00.000Z".to_owned(),
            waits: Some(Box::new(crate::desk::Waits {
                waits: "waits for an answer: “Graphs calm?”".to_owned(),
                hint: "pushbutton confirm 214".to_owned(),
            })),
        };
        let problem = Problem::from(refusal);
        assert_eq!(problem.status, StatusCode::CONFLICT);
        insta::assert_snapshot!(written(&problem), @r#"{"type":"https://push.example.com/docs/errors#locked_waits","title":"A push is waiting for a person","status":409,"detail":"mary is pushing web to prod right now (push 214); it waits for an answer: “Graphs calm?”","code":"locked","case":"locked_waits","cure":"open that push and answer it, or cancel it; then push again","error":{"code":"locked","case":"locked_waits","title":"A push is waiting for a person","message":"mary is pushing web to prod right now (push 214); it waits for an answer: “Graphs calm?”","cure":"open that push and answer it, or cancel it; then push again","hint":"pushbutton confirm 214","push":214,"since":"2026-11-21T10:00:00.000Z","stack":"web","stage":"prod","waits":"waits for an answer: “Graphs calm?”","who":"mary"},"hint":"pushbutton confirm 214","push":214,"since":"2026-11-21T10:00:00.000Z","stack":"web","stage":"prod","waits":"waits for an answer: “Graphs calm?”","who":"mary"}"#);
    }

    #[test]
    fn what_broke_inside_is_not_told_outside() {
        let problem = Problem::from(LedgerError::Corrupt("row 17 of /srv/data".to_owned()));
        assert!(!written(&problem).contains("/srv"), "{problem}");
        assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
