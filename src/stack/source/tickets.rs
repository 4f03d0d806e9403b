//! `tickets`: which words of a commit's subject are tickets, and where each is found. Pure. It must never make an address
//! that is not http or https, and never put more of a subject into one than what it recognized. Called by `parse`, and by
//! whoever lists commits.
//!
//! ```toml
//! tickets = { "WEB-" = "https://tickets.example.com/browse/{ticket}", "#" = "https://git.example.com/web/issues/{number}" }
//! ```

use crate::address::encoded;
use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Reader, Value};
use crate::stack::values;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest beginning of a ticket.
const LONGEST_BEGIN: usize = 20;
/// The most digits of a ticket: what is longer is something else.
const MOST_DIGITS: usize = 10;
/// Tickets that are named for one list of commits; each commit seldom names more than one.
const MOST_NAMED: usize = 50;

/// A ticket that a commit names.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Ticket {
    /// As it was written: `WEB-214`.
    pub name: String,
    /// Where it is: http or https.
    pub url: String,
}

/// How tickets of a stack begin, and where they are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tickets {
    /// Beginning and address; the longest beginning first, so that `WEB-OPS-` wins over `WEB-`.
    kinds: Vec<(String, String)>,
}

impl Tickets {
    /// The tickets that these texts name, each once, in order of their first mention; at most 50.
    pub fn named_in<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<Ticket> {
        let mut found: Vec<Ticket> = Vec::new();
        for ticket in texts.into_iter().flat_map(|text| self.of(text)) {
            if found.len() == MOST_NAMED {
                break;
            }
            if !found.contains(&ticket) {
                found.push(ticket);
            }
        }
        found
    }

    /// The tickets of one text, from left to right.
    fn of(&self, text: &str) -> Vec<Ticket> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(letter) = text[from..].chars().next() {
            let stands_alone = !text[..from].ends_with(|c: char| c.is_alphanumeric());
            match stands_alone.then(|| self.at(&text[from..])).flatten() {
                Some((length, ticket)) => {
                    found.push(ticket);
                    from += length;
                }
                None => from += letter.len_utf8(),
            }
        }
        found
    }

    /// The ticket that a text begins with, and its length in bytes.
    fn at(&self, text: &str) -> Option<(usize, Ticket)> {
        self.kinds.iter().find_map(|(begin, url)| {
            let rest = text.strip_prefix(begin.as_str())?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let ends = !rest[digits..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
            if !(1..=MOST_DIGITS).contains(&digits) || !ends {
                return None;
            }
            let (name, number) = (&text[..begin.len() + digits], &rest[..digits]);
            let url = url.replace("{ticket}", &encoded(name)).replace("{number}", number);
            Some((name.len(), Ticket { name: name.to_owned(), url }))
        })
    }
}

/// Reads `tickets`.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, value: Option<&Value<'_>>) -> Tickets {
    let mut kinds = Vec::new();
    let table = value.and_then(|value| reader.table(value));
    for (key, value) in table.into_iter().flatten() {
        let begin = key.get_ref().as_ref();
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"{}<>\"".contains(c);
        let ends_in_digit = begin.ends_with(|c: char| c.is_ascii_digit());
        if begin.is_empty() || begin.len() > LONGEST_BEGIN || !begin.chars().all(plain) || ends_in_digit {
            let title = format!("`{}` is not how a ticket can begin", shown(begin));
            let cure =
                "write what comes before its number: tickets = { \"WEB-\" = \"https://tickets.example.com/{ticket}\" }";
            reader.refuse(Mistake::new(key.span(), title).cure(cure));
        }
        if let Some(url) = reader.parsed(value, values::ticket_url) {
            kinds.push((begin.to_owned(), url));
        }
    }
    kinds.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    Tickets { kinds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::parse;
    use proptest::prelude::*;

    fn stack(tickets: &str) -> Result<Tickets, String> {
        let text = format!(
            "source = {{ git = \"x\", branch = \"main\" }}\ntickets = {tickets}\n\
             [[stage]]\nname = \"qa\"\nhosts = [\"a\"]\ncommands = [\"true\"]\n"
        );
        let parsed = parse("web".parse().unwrap(), "stacks/web.toml", &text);
        parsed.map(|stack| stack.tickets).map_err(|bad| bad.iter().map(ToString::to_string).collect())
    }

    fn names(tickets: &Tickets, text: &str) -> Vec<String> {
        tickets.named_in([text]).into_iter().map(|ticket| ticket.name).collect()
    }

    #[test]
    fn a_ticket_is_its_beginning_and_a_number_and_stands_alone() {
        let tickets = stack(r##"{ "WEB-" = "https://t.example.com/{ticket}", "#" = "http://g/{number}" }"##).unwrap();
        for (subject, found) in [
            ("WEB-12: gift wrap", &["WEB-12"][..]),
            ("Merge #7, fixes WEB-3 and #7", &["#7", "WEB-3"]),
            ("(WEB-1)[WEB-2]WEB-", &["WEB-1", "WEB-2"]),
            ("COBWEB-12 WEB-12a WEB-12_b web-12 WEB-12345678901", &[]),
            ("ünï #1é #2", &["#2"]),
            ("", &[]),
        ] {
            assert_eq!(names(&tickets, subject), found, "{subject}");
        }
        let urls: Vec<String> = tickets.named_in(["WEB-12 #7"]).into_iter().map(|ticket| ticket.url).collect();
        assert_eq!(urls, ["https://t.example.com/WEB-12", "http://g/7"]);
    }

    #[test]
    fn what_a_ticket_is_called_cannot_change_where_its_link_goes() {
        let tickets = stack(r#"{ "a/../#?&%" = "https://t.example.com/x?t={ticket}" }"#).unwrap();
        assert_eq!(tickets.named_in(["a/../#?&%9"])[0].url, "https://t.example.com/x?t=a%2F..%2F%23%3F%26%259");
    }

    #[test]
    fn the_longest_beginning_wins() {
        let tickets = stack(r#"{ "W" = "http://h/{number}", "W-W" = "http://h/long/{number}" }"#).unwrap();
        assert_eq!(tickets.named_in(["W-W5"])[0].url, "http://h/long/5");
    }

    #[test]
    fn tickets_lead_to_web_addresses_and_name_the_ticket() {
        for (tickets, said) in [
            (
                r#"{ "WEB-" = "javascript:alert({ticket})" }"#,
                "ticket address `javascript:alert({ticket})` is not allowed",
            ),
            (r#"{ "WEB-" = "https://h/{who}/{ticket}" }"#, "`{who}` cannot be used in `tickets`"),
            (r#"{ "WEB-" = "https://h/" }"#, "does not say which ticket"),
            (r#"{ "WEB-" = "https://{ticket}.example.com/" }"#, "ticket address `https://{ticket}.example.com/`"),
            (r#"{ "WEB-1" = "https://h/{ticket}" }"#, "`WEB-1` is not how a ticket can begin"),
            (r#"{ "" = "https://h/{ticket}" }"#, "is not how a ticket can begin"),
            (r#"{ "a b" = "https://h/{ticket}" }"#, "is not how a ticket can begin"),
            (r#""WEB-""#, "a table"),
        ] {
            let bad = stack(tickets).unwrap_err();
            assert!(bad.contains(said), "{tickets}: {bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_subject_holds_links_stay_where_the_file_says(subject in ".{0,60}", number in 0_u32..) {
            let tickets = stack(r##"{ "#" = "https://t.example.com/{ticket}" }"##).unwrap();
            for ticket in tickets.named_in([format!("{subject} #{number} {subject}").as_str()]) {
                prop_assert!(ticket.url.starts_with("https://t.example.com/%23"), "{}", ticket.url);
                prop_assert!(ticket.url.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
