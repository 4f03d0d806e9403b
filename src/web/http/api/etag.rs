//! Tags of answers: whoever has an answer already, and says so by `If-None-Match`, is told that it is the same (304). The tag is made of the
//! answer, so it must never differ for the same bytes, nor be the same for others; it saves the way over the network, not the work. The
//! answers stay `no-store`: a shared browser is to keep nothing of them, and a program that keeps one does so on its own account.

use crate::journal::write::hex;
use crate::web::http::problem::Problem;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderMap, IF_NONE_MATCH};
use actix_web::middleware::Next;
use sha2::{Digest, Sha256};

/// Has a question answered, with a tag, or with nothing where the reader has that answer.
///
/// # Errors
/// What the framework itself could not turn into an answer.
pub async fn tagged(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let answer = next.call(request).await?.map_into_boxed_body();
    if answer.status() != StatusCode::OK {
        return Ok(answer);
    }
    let (request, answer) = answer.into_parts();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body).await.map_err(Problem::broken)?;
    // A weak one: on the way the same answer may be compressed.
    let tag = format!("W/\"{}\"", &hex(&Sha256::digest(&body))[..32]);
    if names(request.headers(), &tag) {
        return Ok(ServiceResponse::new(request, HttpResponse::NotModified().insert_header((ETAG, tag)).finish()));
    }
    let mut answer = head.set_body(BoxBody::new(body));
    if let Ok(tag) = tag.parse() {
        answer.headers_mut().insert(ETAG, tag);
    }
    Ok(ServiceResponse::new(request, answer))
}

/// Whether a reader says that it has the answer of this tag.
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let all = headers.get_all(IF_NONE_MATCH).filter_map(|one| one.to_str().ok());
    all.flat_map(|line| line.split(',')).any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_reader_names_what_it_has_in_any_of_the_forms_of_http() {
        for (line, yes) in [
            ("W/\"aa\"", true),
            ("\"aa\"", true),
            ("\"bb\", W/\"aa\"", true),
            ("*", true),
            ("\"bb\"", false),
            ("aa", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(line));
            assert_eq!(names(&headers, "W/\"aa\""), yes, "{line}");
        }
        assert!(!names(&HeaderMap::new(), "W/\"aa\""));
    }
}
