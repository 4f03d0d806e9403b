//! The OpenAPI document beside `docs/api.md` and beside what the server answers: the same calls and fields, and nothing in an answer that
//! the document does not say.

use super::routes::{calls, fields};
use crate::house::House;
use pushbutton::web::routes::ROUTES;
use serde_json::Value;
use std::collections::BTreeSet;

/// The document, as the server gives it.
pub async fn document(house: &House) -> Value {
    serde_json::from_str(&house.get("/api/v1/openapi.json").await.text).unwrap()
}

#[test]
fn every_route_of_the_api_is_made_of_a_call_and_no_name_is_there_twice() {
    let mut names = BTreeSet::new();
    for row in ROUTES {
        assert_eq!(row.call.is_some(), row.path.starts_with("/api/"), "{} {}", row.method, row.path);
        assert!(row.call.is_none_or(|call| names.insert(call.name)), "{} {}", row.method, row.path);
    }
}

fn names(of: &Value) -> BTreeSet<String> {
    of.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The page lists the fields of the bodies and the parameters of the queries, and no others.
pub async fn the_document_takes_what_the_page_says(house: &House) {
    let document = document(house).await;
    for (method, address, takes, answer) in calls().into_iter().filter(|(_, address, ..)| address.starts_with("/api/"))
    {
        let call = &document["paths"][&address][method.to_lowercase()];
        assert!(call.is_object(), "{method} {address} is not in the document");
        let body = &call["requestBody"]["content"]["application/json"]["schema"];
        let shown: BTreeSet<String> = if body.is_null() { BTreeSet::new() } else { fields(&takes) };
        assert_eq!(names(&body["properties"]), shown, "{method} {address}");
        for needed in body["required"].as_array().into_iter().flatten() {
            assert!(takes.contains(&format!("**`{}`**", needed.as_str().unwrap())), "{method} {address}: {needed}");
        }
        // What `lines`, `find` and `same` share, the sentence below the table says.
        let shared = ["/lines", "/find", "/same"].iter().any(|end| address.ends_with(end));
        let cells = format!("{takes} {answer} {}", if shared { "host= command= errors=" } else { "" });
        for one in call["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "query") {
            let name = format!("{}=", one["name"].as_str().unwrap());
            assert!(cells.contains(&name), "{method} {address} takes {name}, which the page does not say");
        }
    }
}

/// A schema without one of its words, and another one that holds beside it: `state` beside the fields of a named type.
fn both(schema: &Value, without: &str, beside: &Value) -> Value {
    let mut whole = schema.clone();
    whole.as_object_mut().unwrap().remove(without);
    for (key, more) in beside.as_object().into_iter().flatten() {
        match (&mut whole[key], more) {
            (Value::Object(own), Value::Object(more)) => own.extend(more.clone()),
            (Value::Array(own), Value::Array(more)) => own.extend(more.clone()),
            (own, more) => *own = more.clone(),
        }
    }
    whole
}

/// What an answer has against its schema: at which place, and what.
fn against(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let named = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is not there"));
        let whole = both(schema, "$ref", named);
        return against(document, &whole, value, at, wrong);
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let tries = choices.iter().map(|one| {
            let mut wrong = Vec::new();
            against(document, &both(&both(schema, "anyOf", &Value::Null), "oneOf", one), value, at, &mut wrong);
            wrong
        });
        let best = tries.min_by_key(Vec::len).unwrap();
        return wrong.extend(best);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => vec![kind],
    };
    if !kinds.contains(&kind) || schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        wrong.push(format!("{at} is {value}, and must be {schema}"));
        return;
    }
    for (place, one) in value.as_array().into_iter().flatten().enumerate() {
        let of = schema["prefixItems"].get(place).unwrap_or(&schema["items"]);
        against(document, of, one, &format!("{at}[{place}]"), wrong);
    }
    let Some(object) = value.as_object() else { return };
    for needed in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(needed) {
            wrong.push(format!("{at}.{needed} is missing"));
        }
    }
    for (name, value) in object {
        let more = &schema["additionalProperties"];
        match schema["properties"].get(name) {
            Some(field) => against(document, field, value, &format!("{at}.{name}"), wrong),
            None if more.is_object() => against(document, more, value, &format!("{at}.{name}"), wrong),
            None if *more == Value::Bool(true) => {}
            None => wrong.push(format!("{at}.{name} is not in the document")),
        }
    }
}

/// Each answer holds what its schema says, at every depth, and nothing else.
pub async fn each_answer_is_as_the_document_says(house: &House) {
    let document = document(house).await;
    let mut asked = 0;
    for (address, methods) in document["paths"].as_object().unwrap() {
        let path = address.replace("{stack}", "web").replace("{stage}", "qa").replace("{id}", "1");
        if methods["get"].is_null() || address.ends_with("/events") {
            continue;
        }
        let answer = house.get(&path).await;
        let said = &methods["get"]["responses"][answer.status.to_string()];
        assert!(!said.is_null(), "{path} answers {}, which the document does not say: {}", answer.status, answer.text);
        let Some(name) = said["$ref"].as_str() else {
            let schema = &said["content"]["application/json"]["schema"];
            if !schema.is_null() {
                let (mut wrong, value) = (Vec::new(), serde_json::from_str(&answer.text).unwrap());
                against(&document, schema, &value, address, &mut wrong);
                assert_eq!(wrong, [""; 0]);
                asked += 1;
            }
            continue;
        };
        let schema = document.pointer(name.trim_start_matches('#')).unwrap();
        let schema = &schema["content"]["application/problem+json"]["schema"];
        let (mut wrong, value) = (Vec::new(), serde_json::from_str(&answer.text).unwrap());
        against(&document, schema, &value, address, &mut wrong);
        assert_eq!(wrong, [""; 0], "{}", answer.text);
    }
    assert!(asked >= 12, "{asked}");
}
