//! What the page of the API shows, read from its document: chapter by chapter each call, then the types and the errors. It must never
//! hold anything that is not in the document. Called by the page.

use super::schema_words::TypeWords;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use serde::Serialize;
use serde_json::{Map, Value};

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct ApiPage {
    version: String,
    chapters: Vec<ChapterView>,
    types: Vec<TypeView>,
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct ChapterView {
    name: String,
    calls: Vec<CallView>,
}

#[derive(Debug, Serialize)]
struct CallView {
    /// Its name, which is its anchor.
    name: String,
    method: String,
    path: String,
    summary: String,
    who: String,
    parameters: Vec<Field>,
    body: Option<BodyView>,
    answers: Vec<AnswerView>,
    /// The statuses with which it may refuse, `400, 401`.
    refuses: String,
}

#[derive(Debug, Serialize)]
struct BodyView {
    media_type: String,
    fields: Vec<Field>,
    example: Option<String>,
}

#[derive(Debug, Serialize)]
struct AnswerView {
    status: String,
    what: String,
    /// What it may hold.
    types: Vec<Media>,
}

#[derive(Debug, Serialize)]
struct Media {
    media_type: String,
    holds: Option<TypeWords>,
}

#[derive(Debug, Serialize)]
struct Field {
    name: String,
    kind: TypeWords,
    what: String,
    required: bool,
}

#[derive(Debug, Serialize)]
struct TypeView {
    name: String,
    what: String,
    /// What it is, where it has no fields of its own.
    kind: Option<TypeWords>,
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    status: String,
    when: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

impl ApiPage {
    /// The page of a document.
    pub(super) fn of(document: &Value) -> Self {
        let responses = &document["components"]["responses"];
        let mut calls: Vec<(String, CallView)> = Vec::new();
        for (path, methods) in entries(&document["paths"]) {
            for (method, call) in entries(methods) {
                calls.push((text(&call["tags"][0]), CallView::of(path, method, call)));
            }
        }
        let names = document["tags"].as_array().into_iter().flatten().map(|tag| text(&tag["name"]));
        let chapters = names.map(|name| {
            let (own, others) = std::mem::take(&mut calls).into_iter().partition(|(of, _)| *of == name);
            calls = others;
            ChapterView { name, calls: Vec::into_iter(own).map(|(_, call)| call).collect() }
        });
        Self {
            version: text(&document["info"]["version"]),
            chapters: chapters.collect(),
            types: entries(&document["components"]["schemas"])
                .map(|(name, schema)| TypeView::of(name, schema))
                .collect(),
            refusals: statuses(document, responses),
        }
    }
}

/// Each status with which a call refuses, once.
fn statuses(document: &Value, responses: &Value) -> Vec<Refusal> {
    let mut found: Map<String, Value> = Map::new();
    let calls = entries(&document["paths"]).flat_map(|(_, methods)| entries(methods));
    for (status, answer) in calls.flat_map(|(_, call)| entries(&call["responses"])) {
        if let Some(name) = answer["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            found.insert(status.clone(), responses[name]["description"].clone());
        }
    }
    found.into_iter().map(|(status, when)| Refusal { status, when: text(&when) }).collect()
}

impl CallView {
    fn of(path: &str, method: &str, call: &Value) -> Self {
        let parameters = call["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
        let parameters = parameters.map(|one| Field {
            name: text(&one["name"]),
            kind: TypeWords::of(&one["schema"]),
            what: text(&one["description"]),
            required: one["required"] == true,
        });
        let (refuses, answers): (Vec<_>, Vec<_>) =
            entries(&call["responses"]).partition(|(_, answer)| answer.get("$ref").is_some());
        let refuses: Vec<&str> = refuses.into_iter().map(|(status, _)| status.as_str()).collect();
        Self {
            name: text(&call["operationId"]),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&call["summary"]),
            who: text(&call["description"]),
            parameters: parameters.collect(),
            body: entries(&call["requestBody"]["content"]).next().map(|(of, content)| BodyView::of(of, content)),
            answers: answers.into_iter().map(|(status, answer)| AnswerView::of(status, answer)).collect(),
            refuses: refuses.join(", "),
        }
    }
}

impl BodyView {
    fn of(media_type: &str, content: &Value) -> Self {
        let example = content.get("example").map(Value::to_string);
        Self { media_type: media_type.to_owned(), fields: fields(&content["schema"]), example }
    }
}

impl AnswerView {
    fn of(status: &str, answer: &Value) -> Self {
        let types = entries(&answer["content"]).map(|(media_type, content)| Media {
            media_type: media_type.clone(),
            holds: (media_type == "application/json").then(|| TypeWords::of(&content["schema"])),
        });
        Self { status: status.to_owned(), what: text(&answer["description"]), types: types.collect() }
    }
}

impl TypeView {
    fn of(name: &str, schema: &Value) -> Self {
        let fields = fields(schema);
        let kind = fields.is_empty().then(|| TypeWords::of(schema));
        Self { name: name.to_owned(), what: text(&schema["description"]), kind, fields }
    }
}

/// The fields of an object, in the order of their names.
fn fields(schema: &Value) -> Vec<Field> {
    let needed = |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let field = |(name, of): (&String, &Value)| Field {
        name: name.clone(),
        kind: TypeWords::of(of),
        what: text(&of["description"]),
        required: needed(name),
    };
    entries(&schema["properties"]).map(field).collect()
}

impl Pages {
    /// The page of the API.
    pub(super) fn api(&self, frame: &Frame, api: &ApiPage) -> Result<String, PageError> {
        self.draw(frame, "api.html", api)
    }
}
