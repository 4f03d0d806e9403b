//! The way to the next page of a list, as a header (RFC 8288): the same address with another cursor, so that no program has to know
//! what the cursor of a list is called. Pure.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, LINK};
use url::form_urlencoded::{Serializer, parse};

/// `Link: <…>; rel="next"`, where there is a next page: the address that was asked for, from this cursor on.
pub fn next(request: &HttpRequest, cursor: &str, at: Option<impl ToString>) -> Option<(HeaderName, String)> {
    Some(next_of(request, &[(cursor, &at?.to_string())]))
}

/// The same where a cursor has several parts.
pub fn next_of(request: &HttpRequest, cursor: &[(&str, &str)]) -> (HeaderName, String) {
    // One cursor takes the place of every other.
    let of_cursor = |name: &str| matches!(name, "before" | "after" | "from" | "skip");
    let mut query = Serializer::new(String::new());
    query.extend_pairs(parse(request.query_string().as_bytes()).filter(|(name, _)| !of_cursor(name)));
    query.extend_pairs(cursor);
    (LINK, format!("<{}?{}>; rel=\"next\"", request.path(), query.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_next_page_keeps_the_filters_and_has_one_cursor() {
        let request = TestRequest::with_uri("/api/v1/pushes?who=mary+b&after=3&stack=a%26b").to_http_request();
        let (_, link) = next(&request, "before", Some(17)).unwrap();
        assert_eq!(link, "</api/v1/pushes?who=mary+b&stack=a%26b&before=17>; rel=\"next\"");
        assert_eq!(next(&request, "before", None::<i64>), None);
    }
}
