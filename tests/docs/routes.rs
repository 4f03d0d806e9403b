//! `docs/api.md` beside the server: the same calls as its route table, for each call the fields that it takes, and for the main answers
//! the fields that they have.

use super::document::{each_answer_is_as_the_document_says, the_document_takes_what_the_page_says};
use super::scene::house;
use super::{page, root};
use crate::house::House;
use pushbutton::desk::Case;
use pushbutton::web::routes::ROUTES;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PAGE: &str = "docs/api.md";
const TABLES: [&str; 5] = ["stacks", "hosts", "builds", "pushes", "server"];

/// The rows of all tables of calls: method, address, what it takes, what it answers.
pub fn calls() -> Vec<(String, String, String, String)> {
    let page = page(PAGE);
    let rows = TABLES.iter().flat_map(|table| page.table(&format!("<!-- routes: {table} -->")));
    rows.map(|row| {
        let call = row[0].trim_matches('`');
        let (method, address) = call.split_once(' ').unwrap_or_else(|| panic!("{call} is a call"));
        (method.to_owned(), address.to_owned(), row[1].clone(), row[2].clone())
    })
    .collect()
}

#[test]
fn every_route_for_programs_is_on_the_page_and_no_other() {
    let for_programs = |path: &str| {
        path.starts_with("/api/")
            || ["/healthz", "/readyz", "/pushes.csv", "/audit.jsonl", "/pushes/{id}/log"].contains(&path)
    };
    let known: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|row| for_programs(row.path))
        .map(|row| (row.method.to_string(), row.path.to_owned()))
        .collect();
    let shown: Vec<(String, String)> = calls().into_iter().map(|(method, address, ..)| (method, address)).collect();
    let told: BTreeSet<(String, String)> = shown.iter().cloned().collect();
    assert_eq!(told, known);
    assert_eq!(shown.len(), told.len(), "no call has two rows");
}

/// What stands between backticks in a cell that is no word of a choice, nor of the query.
pub fn fields(cell: &str) -> BTreeSet<String> {
    let mut outside = String::new();
    let mut depth = 0;
    for c in cell.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            outside.push(c);
        }
    }
    outside.split('`').skip(1).step_by(2).filter(|word| !word.contains('=')).map(str::to_owned).collect()
}

/// The server says what a call takes when it is sent something else.
async fn each_call_takes_what_the_page_says(house: &House) {
    let mut tried = 0;
    for (method, address, takes, _) in calls() {
        // A tar, the query, or nothing at all.
        let bodiless = [
            "/unpause",
            "/redeliver",
            "/hosts/look",
            "/builds",
            "/builds/{build}",
            "/uploads",
            "/uploads/{upload}",
            "/hooks/{forge}",
        ]
        .iter()
        .any(|end| address.ends_with(end));
        if method == "GET" || bodiless {
            assert!(fields(&takes).is_empty(), "{method} {address} takes no body: {takes}");
            continue;
        }
        let path = address.replace("{stack}", "web").replace("{stage}", "qa").replace("{id}", "1");
        let answer = house.send(&method, &path, &json!({ "no-such-field": 1 })).await;
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        let said: Value = serde_json::from_str(&answer.text).unwrap();
        let said = said["error"]["message"].as_str().unwrap().to_owned();
        let list = said.split_once("there are ").unwrap_or_else(|| panic!("{said}")).1.split(';').next().unwrap();
        let known: BTreeSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(fields(&takes), known, "{method} {address}");
        // What must be there is in bold.
        let needed: BTreeSet<String> =
            takes.split("**`").skip(1).map(|rest| rest.split('`').next().unwrap().to_owned()).collect();
        let empty = house.send(&method, &path, &json!({})).await;
        let missing = empty.status == 400 && empty.text.contains("is missing");
        assert_eq!(!needed.is_empty(), missing, "{method} {address}: {}", empty.text);
        needed.iter().for_each(|field| assert!(empty.text.contains(field.as_str()), "{field}: {}", empty.text));
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
}

/// Each answer has the fields that the page lists, and no other.
async fn each_answer_has_what_the_page_says(house: &House) {
    let page = page(PAGE);
    let markers: Vec<&str> =
        page.text.split("<!-- answer: ").skip(1).map(|rest| rest.split(" -->").next().unwrap()).collect();
    assert!(markers.len() >= 5, "{markers:?}");
    for marker in markers {
        let (address, within) = marker.split_once(' ').unwrap_or((marker, ""));
        let path = address.replace("{stack}", "web").replace("{stage}", "qa").replace("{id}", "1");
        let answer: Value = serde_json::from_str(&house.get(&path).await.text).unwrap();
        let answer = match &answer[within] {
            _ if within.is_empty() => &answer,
            Value::Array(all) => &all[0],
            one => one,
        };
        let has: BTreeSet<String> =
            answer.as_object().unwrap_or_else(|| panic!("{path}: {answer}")).keys().cloned().collect();
        let rows = page.table(&format!("<!-- answer: {marker} -->"));
        let told: BTreeSet<String> = rows.iter().flat_map(|row| fields(&row[0])).collect();
        assert_eq!(told, has, "{marker} in {PAGE}");
    }
}

/// The variants of an enum of the journal, as records write them.
fn variants(name: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join("src/journal/event.rs")).unwrap();
    let body = source.split_once(&format!("pub enum {name} {{\n")).unwrap().1.split("\n}").next().unwrap();
    let names =
        body.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| snake(line.split([' ', '(', ',', '{']).next().unwrap())).collect()
}

/// A name as serde writes it with `snake_case`.
fn snake(name: &str) -> String {
    name.chars().enumerate().fold(String::new(), |mut snake, (at, c)| {
        if c.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}

#[test]
fn the_page_lists_every_kind_of_record_and_every_result() {
    let page = page(PAGE);
    let rows = page.table("<!-- kinds -->");
    let shown: BTreeSet<String> = rows.iter().flat_map(|row| fields(&row[0])).collect();
    assert_eq!(shown, variants("Event"));
    let results = page.text.split_once("A host's `result` is ").unwrap().1.split("\n\n").next().unwrap();
    let results: BTreeSet<String> = results.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(results, variants("HostResult"));
}

#[test]
fn the_error_that_the_page_shows_is_one_of_the_cases() {
    let shown: Value = serde_json::from_str(&page(PAGE).block("{\"type\"")).unwrap();
    let older = &shown["error"];
    assert!(["code", "case", "title", "cure"].iter().all(|name| older[name] == shown[name]), "both forms say the same");
    let row = Case::ALL.iter().map(|case| case.row()).find(|row| shown["case"] == row.name).unwrap();
    assert_eq!((&shown["title"], &shown["cure"]), (&json!(row.title), &json!(row.cure)));
}

#[tokio::test]
async fn calls_take_and_answers_have_the_fields_that_the_page_lists() {
    let house = house().await;
    house.push_well("qa").await;
    each_call_takes_what_the_page_says(&house).await;
    each_answer_has_what_the_page_says(&house).await;
    the_document_takes_what_the_page_says(&house).await;
    each_answer_is_as_the_document_says(&house).await;
}
