//! The mail's HTML: the template `templates/mail.html` (and `templates/mail-test.html`), every value escaped by it, nothing fetched from anywhere, links only to
//! http and https. It must never say what the plain text does not. Called by `mail` alone.

use super::facts::Facts;
use std::sync::LazyLock;
use tera::{Context, Tera};

/// Its ending is what makes tera escape.
const PAGE: &str = "mail.html";
const TRIAL: &str = "mail-test.html";

static TEMPLATES: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![".html"]);
    let raw = [
        (PAGE, include_str!("../../../templates/mail.html")),
        (TRIAL, include_str!("../../../templates/mail-test.html")),
    ];
    tera.add_raw_templates(raw).expect("the templates are part of the program, and tests draw them");
    tera
});

/// The whole page.
pub(super) fn page(facts: &Facts) -> String {
    let mut context = Context::new();
    context.insert("mail", facts);
    TEMPLATES.render(PAGE, &context).expect("the template names what all facts have, and tests draw it")
}

/// The page of a mail that announces nothing.
pub(super) fn trial(words: &str, url: &str) -> String {
    let mut context = Context::new();
    context.insert("words", words);
    context.insert("url", url);
    TEMPLATES.render(TRIAL, &context).expect("the template names what it is given, and a test draws it")
}
