//! Who a provider says that someone is: the name and the groups, out of its claims. Pure. It must never make a name of something that is
//! none, and never take more than it can keep.

use crate::config::Oidc;
use crate::stack::Who;
use serde_json::{Map, Value};

/// The claims of an ID token, or of the provider's answer about a person.
pub type Claims = Map<String, Value>;

/// Groups of one person, at most; nobody needs more rights than that, and a session's row has an end.
const MOST_GROUPS: usize = 500;
/// Of one group's name, in characters.
const LONGEST_GROUP: usize = 200;

/// The name of the person.
///
/// # Errors
/// Why there is none, for the person.
pub fn name(oidc: &Oidc, claims: &Claims) -> Result<Who, String> {
    let claim = &oidc.name_claim;
    match claims.get(claim).and_then(Value::as_str) {
        Some(text) => text.parse().map_err(|bad: crate::stack::BadName| {
            format!("the provider's claim `{claim}` is not a name that can be used here: {bad}")
        }),
        None => Err(format!("the provider did not say who you are: its answer has no claim `{claim}`")),
    }
}

/// The groups of the person, where the provider says any: a list of names, or one name. A path (`/ops`) is written without its first `/`.
pub fn groups(oidc: &Oidc, claims: &Claims) -> Option<Vec<String>> {
    let found = match claims.get(&oidc.groups_claim)? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::String(name) => vec![name.as_str()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let plain =
        |name: &&str| !name.is_empty() && name.chars().count() <= LONGEST_GROUP && !name.contains(char::is_control);
    let mut groups: Vec<String> =
        found.into_iter().map(|name| name.strip_prefix('/').unwrap_or(name)).filter(plain).map(str::to_owned).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.truncate(MOST_GROUPS);
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn oidc() -> Oidc {
        toml::from_str("issuer = 'https://a.example'\nclient_id = 'x'").unwrap()
    }

    fn claims(value: Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_name_is_one_of_ours_or_refused_with_why() {
        let named = |value| name(&oidc(), &claims(value)).map(|who| who.to_string());
        assert_eq!(named(json!({ "preferred_username": "mary@example.com" })).unwrap(), "mary@example.com");
        for (value, why) in [
            (json!({ "sub": "mary" }), "no claim `preferred_username`"),
            (json!({ "preferred_username": 7 }), "no claim `preferred_username`"),
            (json!({ "preferred_username": "Mary O'Hara" }), "not a name that can be used here"),
            (json!({ "preferred_username": "ci (token of mary)" }), "not a name that can be used here"),
            (json!({ "preferred_username": "" }), "not a name that can be used here"),
        ] {
            let said = named(value).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn groups_are_names_and_have_an_end() {
        let grouped = |value| groups(&oidc(), &claims(value));
        assert_eq!(grouped(json!({ "groups": ["web", "/ops", "web", "", "a\nb", 7] })).unwrap(), ["ops", "web"]);
        assert_eq!(grouped(json!({ "groups": "web" })).unwrap(), ["web"]);
        assert_eq!(grouped(json!({ "groups": null })).unwrap(), Vec::<String>::new());
        assert_eq!(grouped(json!({})), None, "it does not say");
        let many: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        assert_eq!(grouped(json!({ "groups": many })).unwrap().len(), MOST_GROUPS);
        assert!(grouped(json!({ "groups": ["x".repeat(10_000)] })).unwrap().is_empty());
    }
}
