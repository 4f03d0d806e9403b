//! A JSON Schema in words: `text`, `list of Finding`, `number or null`. Pure; it must never guess what the schema does not say. Called by
//! the page of the API.

use serde::Serialize;
use serde_json::Value;

/// Where the document has its named types.
pub(super) const TYPES: &str = "#/components/schemas/";

/// What a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct TypeWords {
    /// What stands before the name: `list of `.
    before: String,
    /// The type that the page describes, if it is one.
    name: Option<String>,
    /// What stands after it.
    after: String,
}

impl TypeWords {
    pub(super) fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str() {
            return Self { name: Some(name.trim_start_matches(TYPES).to_owned()), ..Self::default() };
        }
        if let Some(all) = schema["enum"].as_array() {
            let words: Vec<String> = all.iter().map(Value::to_string).collect();
            return Self { before: words.join(", "), ..Self::default() };
        }
        if let Some(only) = schema.get("const") {
            return Self { before: only.to_string(), ..Self::default() };
        }
        if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            return Self::any_of(choices);
        }
        match &schema["type"] {
            Value::String(one) => Self::of_type(one, schema),
            Value::Array(types) => {
                let is_null = |of: &&Value| *of == "null";
                let one = types.iter().find(|of| !is_null(of)).and_then(Value::as_str).unwrap_or("null");
                Self::of_type(one, schema).or_null(types.iter().any(|of| is_null(&of)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                Self { before: "any value".to_owned(), ..Self::default() }
            }
        }
    }

    fn any_of(choices: &[Value]) -> Self {
        let is_null = |of: &&Value| of["type"] == "null";
        let mut others = choices.iter().filter(|of| !is_null(of));
        let null = choices.iter().any(|of| is_null(&of));
        match (others.next(), others.next()) {
            (Some(one), None) => Self::of(one).or_null(null),
            _ if choices.iter().all(|of| of.get("const").is_some()) => {
                let words: Vec<String> = choices.iter().map(|of| of["const"].to_string()).collect();
                Self { before: words.join(", "), ..Self::default() }
            }
            _ => Self { before: "one of several".to_owned(), ..Self::default() }.or_null(null),
        }
    }

    fn of_type(name: &str, schema: &Value) -> Self {
        let words = match name {
            "string" if schema["format"] == "date-time" => "time",
            "string" => "text",
            "integer" | "number" => "number",
            "boolean" => "true or false",
            "null" => "null",
            "array" if schema.get("prefixItems").is_some() => "pair",
            "array" => {
                let of = Self::of(&schema["items"]);
                return Self { before: format!("list of {}", of.before), ..of };
            }
            _ => "object",
        };
        Self { before: words.to_owned(), ..Self::default() }
    }

    fn or_null(mut self, null: bool) -> Self {
        if null {
            self.after.push_str(" or null");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_is_said_in_words() {
        for (schema, before, name, after) in [
            (json!({ "type": "string" }), "text", None, ""),
            (json!({ "type": ["integer", "null"] }), "number", None, " or null"),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/Finding" } }),
                "list of ",
                Some("Finding"),
                "",
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/components/schemas/Trunk" }, { "type": "null" }] }),
                "",
                Some("Trunk"),
                " or null",
            ),
            (json!({ "enum": ["yes", "no"] }), "\"yes\", \"no\"", None, ""),
            (json!({ "oneOf": [{ "const": "yes" }, { "const": "no" }] }), "\"yes\", \"no\"", None, ""),
            (json!(true), "any value", None, ""),
        ] {
            let words = TypeWords { before: before.to_owned(), name: name.map(str::to_owned), after: after.to_owned() };
            assert_eq!(TypeWords::of(&schema), words, "{schema}");
        }
    }
}
