//! The OpenAPI 3.1 document of the API, made of the rows of the route table: what each takes and answers is said by the types that
//! are read and written. Pure. It must never describe what no row is. Made once at the server's start, from `web/routes.rs`.

use super::answering::has_tag;
use super::call::{Call, Chapter, Gives, Holds, JsonBody, SchemaOf, Takes};
use super::statuses::{self, STATUSES};
use crate::web::http::problem_body::ProblemBody;
use actix_web::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A row of the route table, as the document needs it.
pub struct Row {
    /// The method.
    pub method: Method,
    /// The address.
    pub path: &'static str,
    /// Who may ask, a phrase.
    pub who: String,
    /// Whether a program with a token may.
    pub programs: bool,
    /// The rest.
    pub call: &'static Call,
}

/// The document of these rows.
pub fn document(rows: &[Row]) -> Value {
    let mut answers = generator(SchemaSettings::for_serialize);
    let mut paths: Map<String, Value> = Map::new();
    for row in rows {
        let operation = operation(row, &mut answers);
        let methods = paths.entry(row.path).or_insert_with(|| json!({}));
        methods[row.method.as_str().to_ascii_lowercase()] = operation;
    }
    let refusals: Map<String, Value> = STATUSES
        .iter()
        .map(|status| {
            let problem = answers.subschema_for::<ProblemBody>();
            let content = json!({ ProblemBody::MEDIA_TYPE: { "schema": problem } });
            (status.name.to_owned(), json!({ "description": status.when, "content": content }))
        })
        .collect();
    let schemas: Map<String, Value> = answers.take_definitions(true).into_iter().collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pushbutton",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "One-button web push: what the pages do, for programs",
            "description": "Times are RFC 3339 in UTC. What is unknown or does not apply is `null`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": Chapter::ALL.map(|chapter| json!({ "name": chapter.word() })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals,
            "parameters": headers(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of Pushbutton (`pb_…`); its scopes say what it may do",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-pushbutton",
                    "description": "The session of a person who signed in at /sign-in. A request that changes something needs \
                                    the server's address as its Origin. Without TLS the cookie is called `pushbutton-PORT`",
                },
            },
        },
    })
}

/// Makes schemas as OpenAPI 3.1 has them: JSON Schema 2020-12, named ones among the document's components.
fn generator(contract: fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let settings = contract(SchemaSettings::draft2020_12());
    settings
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn operation(row: &Row, answers: &mut SchemaGenerator) -> Value {
    let call = row.call;
    let mut responses: Map<String, Value> =
        call.gives.iter().map(|gives| (gives.status.to_string(), answer(gives, answers))).collect();
    if has_tag(&row.method, call) {
        responses.insert(
            "304".to_owned(),
            json!({ "description": "The reader has this answer: If-None-Match names its ETag" }),
        );
    }
    for status in statuses::of(&row.method, row.path, call) {
        let there = json!({ "$ref": format!("#/components/responses/{}", status.name) });
        responses.insert(status.number.to_string(), there);
    }
    let mut security = vec![json!({ "session": [] })];
    if row.programs {
        security.insert(0, json!({ "token": [] }));
    }
    let parameters = [of_path(row.path), call.query.map(of_query).unwrap_or_default(), of_headers(row)].concat();
    let mut operation = json!({
        "operationId": call.name,
        "tags": [call.chapter.word()],
        "summary": call.summary,
        "description": format!("Who may: {}.", row.who),
        "parameters": parameters,
        "responses": responses,
        "security": security,
    });
    if let Some(body) = body(call.takes) {
        operation["requestBody"] = body;
    }
    operation
}

/// The parts of an address that are named, in order.
fn of_path(path: &str) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let parameter = |name: &str| {
        let (what, schema) = match name {
            "stack" => ("The stack's name", json!({ "type": "string" })),
            "stage" => ("The stage's name", json!({ "type": "string" })),
            "build" => ("The build", json!({ "type": "string" })),
            "id" => ("The number of the push", json!({ "type": "integer", "minimum": 1 })),
            other => (other, json!({ "type": "string" })),
        };
        json!({ "name": name, "in": "path", "required": true, "description": what, "schema": schema })
    };
    names.map(parameter).collect()
}

/// What headers a call takes, as all of its kind do.
fn of_headers(row: &Row) -> Vec<Value> {
    let mut names = Vec::new();
    if row.method == Method::POST {
        names.push("IdempotencyKey");
    }
    if has_tag(&row.method, row.call) {
        names.push("IfNoneMatch");
    }
    names.into_iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })).collect()
}

/// The headers that [`of_headers`] names.
fn headers() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A name of this request, best a random one: sent again with the same within a day, it is not done again, and has \
                            the same answer with Idempotency-Replayed: true",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "description": "The ETag of an answer that the reader has",
            "schema": { "type": "string" },
        },
    })
}

/// The schema of what comes in, whole: it stands in the document where it is needed.
fn incoming(schema: SchemaOf) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
    schema(&mut settings.into_generator())
}

/// The parameters of a query, by the fields of its type.
fn of_query(schema: SchemaOf) -> Vec<Value> {
    let schema = incoming(schema);
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let what = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        without_null(&mut schema);
        json!({ "name": name, "in": "query", "required": false, "description": what, "schema": schema })
    };
    fields.map(parameter).collect()
}

/// In a query nothing is `null`: it is left out.
fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get("type").and_then(Value::as_array)
        && let [one, null] = types.as_slice()
        && null == "null"
    {
        schema["type"] = one.clone();
    }
}

fn body(takes: Takes) -> Option<Value> {
    match takes {
        Takes::Nothing => None,
        Takes::Json(JsonBody { schema, needed, example }) => {
            let mut schema = incoming(schema).to_value();
            schema["additionalProperties"] = json!(false);
            if let Some(fields) = schema.as_object_mut() {
                fields.remove("required");
            }
            match needed {
                [] => {}
                [one] => schema["required"] = json!([one]),
                several => schema["anyOf"] = several.iter().map(|name| json!({ "required": [name] })).collect(),
            }
            let example: Value = serde_json::from_str(example).unwrap_or_default();
            let content = json!({ "application/json": { "schema": schema, "example": example } });
            Some(json!({ "required": !needed.is_empty(), "content": content }))
        }
        Takes::File(media_type) => {
            Some(json!({ "required": true, "content": { media_type: { "schema": { "type": "string" } } } }))
        }
    }
}

fn answer(gives: &Gives, answers: &mut SchemaGenerator) -> Value {
    let mut content = Map::new();
    match gives.holds {
        Holds::Nothing => {}
        Holds::Json(schema) => {
            content.insert("application/json".to_owned(), json!({ "schema": schema(answers) }));
        }
        Holds::Media(types) => content.extend(types.iter().map(|of| unread(of))),
        Holds::Events => content.extend([unread("text/event-stream")]),
    }
    content.extend(gives.or.iter().map(|of| unread(of)));
    match content.is_empty() {
        true => json!({ "description": gives.what }),
        false => json!({ "description": gives.what, "content": content }),
    }
}

/// A body that no schema says more of.
fn unread(media_type: &str) -> (String, Value) {
    (media_type.to_owned(), json!({ "schema": { "type": "string" } }))
}
