//! The mail's HTML: constant markup, every value escaped, nothing fetched from anywhere, links only to http and https.

use super::mail::Facts;

const BAD: &str = "#b3261e";
const GOOD: &str = "#2f6f3e";

/// The whole page.
pub(super) fn page(facts: &Facts) -> String {
    let colour = if facts.bad { BAD } else { GOOD };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:16px;font:15px/1.5 system-ui,sans-serif;color:#2b2620;background:#ffffff\">\n\
         <div style=\"max-width:680px;border-left:4px solid {colour};padding-left:16px\">\n\
         <h1 style=\"margin:0 0 8px;font-size:20px;color:{colour}\">{title}</h1>\n",
        title = escape(&facts.headline),
    );
    if let Some(then) = &facts.then {
        html.push_str(&format!("<p style=\"margin:0 0 8px\"><strong>{}.</strong></p>\n", escape(then)));
    }
    table(&mut html, facts);
    if !facts.bad_hosts.is_empty() {
        let hosts = facts.bad_hosts.iter().map(|(host, command)| (host.as_str(), command.as_str()));
        list(&mut html, "What did not succeed", hosts, facts.more_hosts.as_deref());
    }
    commits(&mut html, facts);
    links(&mut html, facts);
    html.push_str(&format!(
        "<p style=\"margin:16px 0 0;font-size:12px;color:#6f665a\">Audit head: <code>{}</code></p>\n</div>\n</body>\n</html>\n",
        escape(&facts.audit_head)
    ));
    html
}

fn table(html: &mut String, facts: &Facts) {
    html.push_str("<table style=\"border-collapse:collapse;margin:8px 0\">\n");
    for (name, value) in &facts.rows {
        html.push_str(&format!(
            "<tr><th style=\"text-align:left;vertical-align:top;padding:2px 16px 2px 0;font-weight:600\">{}</th>\
             <td style=\"padding:2px 0\">{}</td></tr>\n",
            escape(name),
            escape(value)
        ));
    }
    html.push_str("</table>\n");
}

fn commits(html: &mut String, facts: &Facts) {
    if facts.commits.is_empty() {
        html.push_str(&format!("<p>{}.</p>\n", escape(&facts.commits_title)));
        return;
    }
    heading(html, &facts.commits_title);
    html.push_str("<ul style=\"margin:0;padding-left:20px\">\n");
    for (sha, subject, author) in &facts.commits {
        html.push_str(&format!(
            "<li><code>{}</code> {} <span style=\"color:#6f665a\">({})</span></li>\n",
            escape(sha),
            escape(subject),
            escape(author)
        ));
    }
    more(html, facts.more_commits.as_deref());
    html.push_str("</ul>\n");
}

fn list<'a>(html: &mut String, title: &str, items: impl Iterator<Item = (&'a str, &'a str)>, rest: Option<&str>) {
    heading(html, title);
    html.push_str("<ul style=\"margin:0;padding-left:20px\">\n");
    for (what, command) in items {
        html.push_str(&format!("<li>{}: <code>{}</code></li>\n", escape(what), escape(command)));
    }
    more(html, rest);
    html.push_str("</ul>\n");
}

fn links(html: &mut String, facts: &Facts) {
    let links: Vec<String> = facts
        .links
        .iter()
        .map(|(name, address)| format!("<a href=\"{}\" style=\"color:#a8480a\">{}</a>", escape(address), escape(name)))
        .collect();
    if !links.is_empty() {
        html.push_str(&format!("<p style=\"margin:16px 0 0\">{}</p>\n", links.join(" &middot; ")));
    }
}

fn heading(html: &mut String, title: &str) {
    html.push_str(&format!("<h2 style=\"margin:16px 0 4px;font-size:16px\">{}</h2>\n", escape(title)));
}

fn more(html: &mut String, rest: Option<&str>) {
    if let Some(rest) = rest {
        html.push_str(&format!("<li>{}</li>\n", escape(rest)));
    }
}

/// Text as HTML text or as the value of a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
