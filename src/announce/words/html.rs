//! The mail's HTML: the template `templates/mail.html`, every value escaped by it, nothing fetched from anywhere, links only to
//! http and https. It must never say what the plain text does not. Called by `mail` alone.

use super::facts::Facts;
use std::sync::LazyLock;
use tera::{Context, Tera};

/// Its ending is what makes tera escape.
const PAGE: &str = "mail.html";

static TEMPLATES: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![".html"]);
    tera.add_raw_template(PAGE, include_str!("../../../templates/mail.html"))
        .expect("the template is part of the program, and tests draw it");
    tera
});

/// The whole page.
pub(super) fn page(facts: &Facts) -> String {
    let mut context = Context::new();
    context.insert("mail", facts);
    TEMPLATES.render(PAGE, &context).expect("the template names what all facts have, and tests draw it")
}
