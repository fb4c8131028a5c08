use std::collections::HashMap;

use async_graphql::parser::{
    parse_schema,
    types::{ConstDirective, TypeKind, TypeSystemDefinition},
};
use async_graphql::{Positioned, Value};

/// The `@requiresScopes` of a schema, read from its own SDL: what is published is what is enforced.
#[derive(Clone, Debug, Default)]
pub struct ScopeRules {
    by_type: HashMap<String, TypeRules>,
}

#[derive(Clone, Debug, Default)]
struct TypeRules {
    whole: Vec<Vec<String>>,
    fields: HashMap<String, Vec<Vec<String>>>,
}

/// A field with `@requiresScopes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedField {
    /// The parent type.
    pub type_name: String,
    /// The field.
    pub field: String,
    /// One of these lists must be held entirely.
    pub alternatives: Vec<Vec<String>>,
    /// The field's type as it is written.
    pub return_type: String,
}

impl ScopeRules {
    /// Reads the rules of an SDL.
    ///
    /// # Panics
    /// When the SDL does not parse: it is our own schema's, and a subgraph without rules must not start.
    pub fn from_sdl(sdl: &str) -> Self {
        let mut rules = Self::default();
        for_each_object(sdl, |type_name, whole, fields| {
            let entry = rules.by_type.entry(type_name.to_owned()).or_default();
            entry.whole.extend(whole);
            for field in fields {
                entry.fields.insert(field.field, field.alternatives);
            }
        });
        rules
    }

    /// Every scoped field of an SDL.
    ///
    /// # Panics
    /// When the SDL does not parse.
    pub fn scoped_fields(sdl: &str) -> Vec<ScopedField> {
        let mut all = Vec::new();
        for_each_object(sdl, |_, _, fields| all.extend(fields));
        all
    }

    /// What a field asks for beside the rule of its type; `None` where there is no rule.
    pub(crate) fn of(&self, type_name: &str, field: &str) -> impl Iterator<Item = &[Vec<String>]> {
        let rules = self.by_type.get(type_name);
        let whole = rules.map(|rules| rules.whole.as_slice());
        let own = rules.and_then(|rules| rules.fields.get(field)).map(Vec::as_slice);
        whole.into_iter().chain(own).filter(|alternatives| !alternatives.is_empty())
    }
}

fn for_each_object(sdl: &str, mut visit: impl FnMut(&str, Vec<Vec<String>>, Vec<ScopedField>)) {
    let document = parse_schema(sdl).expect("the schema's own SDL parses");
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let type_name = definition.node.name.node.to_string();
        let whole = alternatives(&definition.node.directives);
        let TypeKind::Object(object) = definition.node.kind else { continue };
        let fields = object.fields.into_iter().map(|field| ScopedField {
            type_name: type_name.clone(),
            field: field.node.name.node.to_string(),
            alternatives: alternatives(&field.node.directives),
            return_type: field.node.ty.node.to_string(),
        });
        visit(&type_name, whole, fields.filter(|field| !field.alternatives.is_empty()).collect());
    }
}

fn alternatives(directives: &[Positioned<ConstDirective>]) -> Vec<Vec<String>> {
    let named = directives.iter().find(|directive| directive.node.name.node == "requiresScopes");
    let scopes = named.and_then(|directive| directive.node.get_argument("scopes"));
    match scopes.map(|value| &value.node) {
        Some(Value::List(lists)) => lists.iter().map(strings).collect(),
        _ => Vec::new(),
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::List(values) => values.iter().filter_map(string).collect(),
        other => string(other).into_iter().collect(),
    }
}

fn string(value: &Value) -> Option<String> {
    if let Value::String(text) = value { Some(text.clone()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_field_are_alternatives_of_lists() {
        let sdl = r#"type Query { a: Int @requiresScopes(scopes: [["x", "y"], ["z"]]) b: Int }"#;
        let rules = ScopeRules::from_sdl(sdl);
        let of_a: Vec<_> = rules.of("Query", "a").collect();
        assert_eq!(of_a, [[vec!["x".to_owned(), "y".to_owned()], vec!["z".to_owned()]]]);
        assert_eq!(rules.of("Query", "b").count(), 0);
    }
}
