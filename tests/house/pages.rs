//! The addresses of all pages, from the route table: a page that is added is seen by every test that looks at all of them.

use pushbutton::web::routes;

/// Every page of a stage of the stack `web` and of a push of it, that everyone who is signed in has; those of administrators are in
/// `tests/web/audit.rs` and `tests/web/people.rs`.
pub fn every_page(stage: &str, push: i64) -> Vec<String> {
    let of = |path: &str| path.replace("{stack}", "web").replace("{stage}", stage).replace("{id}", &push.to_string());
    let pages: Vec<String> =
        routes::pages().filter(|path| *path != "/audit" && !path.starts_with("/people")).map(of).collect();
    assert!(pages.len() > 10 && pages.iter().all(|page| !page.contains('{')), "{pages:?}");
    pages
}
