use std::sync::Arc;

use apollo_compiler::{
    ExecutableDocument, Node, Schema,
    ast::Document as Parsed,
    executable::{Operation, VariableDefinition},
    request::coerce_variable_values,
    response::JsonMap,
    validation::{DiagnosticList, Valid},
};
use healthbridge_codes::ErrorCode;
use moka::sync::Cache;
use serde::Serialize;

use crate::{
    Refusal,
    refusal::{MOST_ERRORS, shortened},
    twice::named_twice,
};

/// How much text of documents that were found valid is remembered, in bytes. They take several times as much as trees.
const REMEMBERED: u64 = 2 << 20;

/// What a document and its variables must be to fit a schema, by the rules of GraphQL's specification: the same judge, and so
/// the same words, places and codes, wherever a document is sent to.
///
/// A document's nesting and expansion must be bounded before it is judged.
pub struct Validation {
    schema: Valid<Schema>,
    known: Cache<String, Arc<Valid<ExecutableDocument>>>,
}

/// The SDL is no schema.
#[derive(Debug, thiserror::Error)]
#[error("the SDL is no valid schema: {0}")]
pub struct InvalidSchema(String);

impl Validation {
    /// The rules of this schema, as clients see it.
    ///
    /// # Errors
    /// When the SDL is no valid schema.
    pub fn new(sdl: &str) -> Result<Self, InvalidSchema> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql");
        let schema = schema.map_err(|invalid| InvalidSchema(invalid.errors.to_string()))?;
        let weigh = |text: &String, _: &_| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let known = Cache::builder().max_capacity(REMEMBERED).weigher(weigh).build();
        Ok(Self { schema, known })
    }

    /// Judges a document and, if it names no other operation than it has, the values of that operation's variables.
    ///
    /// # Errors
    /// All that is wrong; behind the first ones, which [`crate::first_errors`] tells, without words.
    pub fn check(&self, text: &str, operation: Option<&str>, variables: &impl Serialize) -> Result<(), Vec<Refusal>> {
        let document = self.document(text)?;
        // Which operation is meant is somebody else's question.
        let Ok(operation) = document.operations.get(operation.filter(|name| !name.is_empty())) else { return Ok(()) };
        if operation.variables.is_empty() {
            return Ok(());
        }
        let values = serde_json_bytes::to_value(variables).ok();
        let values = values.and_then(|values| values.as_object().cloned()).unwrap_or_default();
        if coerce_variable_values(&self.schema, operation, &values).is_ok() {
            return Ok(());
        }
        let wrong = operation.variables.iter().filter_map(|variable| self.wrong(operation, variable, &values));
        Err(wrong.map(|(variable, reason)| bad_value(variable, reason.as_deref(), &document)).collect())
    }

    /// Whether this very text was found valid before.
    pub fn knows(&self, text: &str) -> bool {
        self.known.contains_key(text)
    }

    fn document(&self, text: &str) -> Result<Arc<Valid<ExecutableDocument>>, Vec<Refusal>> {
        if let Some(known) = self.known.get(text) {
            return Ok(known);
        }
        let parsed = Parsed::parse(text, "");
        let parsed = parsed.map_err(|invalid| refusals(&invalid.errors, ErrorCode::GraphqlParseFailed))?;
        let twice = named_twice(&parsed);
        let invalid = |errors: &DiagnosticList| refusals(errors, ErrorCode::GraphqlValidationFailed);
        // What is not in the schema is told first: what comes of it (a field with nothing below it) is no other mistake.
        let document = parsed.to_executable(&self.schema).map_err(|found| invalid(&found.errors))?;
        let document = Arc::new(document.validate(&self.schema).map_err(|found| invalid(&found.errors))?);
        if !twice.is_empty() {
            return Err(twice);
        }
        self.known.insert(text.to_owned(), document.clone());
        Ok(document)
    }

    /// Whether this variable's value is wrong, and what the library says of it: it says of the first one alone, and not where.
    fn wrong<'a>(
        &self,
        operation: &Operation,
        variable: &'a Node<VariableDefinition>,
        values: &JsonMap,
    ) -> Option<(&'a Node<VariableDefinition>, Option<String>)> {
        let alone = Operation { variables: vec![variable.clone()], ..operation.clone() };
        let error = coerce_variable_values(&self.schema, &alone, values).err()?;
        let reason = error.message().to_string();
        // That one quotes the value, which may be a password.
        Some((variable, (!reason.starts_with("could not coerce")).then_some(reason)))
    }
}

fn bad_value(variable: &VariableDefinition, reason: Option<&str>, document: &ExecutableDocument) -> Refusal {
    let message = format!("The value of the variable `${}` is no `{}`", variable.name, variable.ty);
    let message = reason.map_or(message.clone(), |reason| format!("{message}: {reason}"));
    let range = variable.name.location().and_then(|location| location.line_column_range(&document.sources));
    // The sign before the name belongs to it.
    let position = range.map(|range| (range.start.line, range.start.column.saturating_sub(1)));
    Refusal { position, ..Refusal::new(ErrorCode::BadUserInput, shortened(&message)) }
}

fn refusals(errors: &DiagnosticList, code: ErrorCode) -> Vec<Refusal> {
    let refusal = |error: apollo_compiler::response::GraphQLError| {
        let place = error.locations.first().map(|place| (place.line, place.column));
        let reason = error.message.strip_prefix("syntax error: ").unwrap_or(&error.message);
        match (code, place) {
            (ErrorCode::GraphqlParseFailed, Some(place)) => Refusal::syntax(reason, place),
            _ => Refusal { position: place, ..Refusal::new(code, shortened(&sentence(reason))) },
        }
    };
    // Thousands of them are counted alone: to find the place of one is to walk the document.
    let untold = errors.iter().skip(MOST_ERRORS).map(|_| Refusal::new(code, String::new()));
    errors.iter().take(MOST_ERRORS).map(|error| refusal(error.to_json())).chain(untold).collect()
}

/// With a capital letter, as everything that we say.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SDL: &str = "type Query { find(id: ID!, filter: Filter, first: Int): Node } type Node { id: ID! name: String } \
                       input Filter { name: String, secret: String!, nested: Filter }";

    /// Code, place and words.
    type Told = (ErrorCode, Option<(usize, usize)>, String);

    fn refusals_of(text: &str, variables: &Value) -> Vec<Told> {
        let judged = Validation::new(SDL).expect("a schema").check(text, None, variables);
        let refusals = judged.err().unwrap_or_default();
        refusals.into_iter().map(|refusal| (refusal.code, refusal.position, refusal.message)).collect()
    }

    #[test]
    fn what_fits_the_schema_is_let_through_and_known_from_then_on() {
        let (validation, text) = (Validation::new(SDL).expect("a schema"), "query ($id: ID!) { find(id: $id) { id } }");
        assert!(!validation.knows(text));
        assert_eq!(validation.check(text, None, &json!({ "id": "1" })), Ok(()));
        assert!(validation.knows(text));
        let invalid = "{ find { id } }";
        assert!(validation.check(invalid, None, &json!({})).is_err() && !validation.knows(invalid));
    }

    #[test]
    fn every_wrong_variable_is_told_where_it_is_declared_and_no_value_is_repeated() {
        let text =
            "query ($id: ID!, $filter: Filter, $first: Int) { find(id: $id, filter: $filter, first: $first) { id } }";
        let told = refusals_of(text, &json!({ "filter": { "secret": { "pass": "word" } }, "first": "pass word" }));
        let places: Vec<_> = told.iter().map(|(code, place, _)| (*code, *place)).collect();
        let at = |column| (ErrorCode::BadUserInput, Some((1, column)));
        assert_eq!(places, [at(8), at(18), at(35)]);
        assert!(told.iter().all(|(_, _, message)| !message.contains("word")), "{told:?}");
    }

    #[test]
    fn a_field_that_an_input_names_twice_is_refused_wherever_the_input_stands() {
        for text in [
            r#"{ find(id: 1, filter: { secret: "a", secret: "b" }) { id } }"#,
            r#"{ find(id: 1, filter: { secret: "a", nested: { secret: "b", secret: "b" } }) { id } }"#,
            r#"query ($f: Filter = { secret: "a", secret: "b" }) { find(id: 1, filter: $f) { id } }"#,
            r#"{ ...F } fragment F on Query { ... { find(id: 1, filter: { secret: "a", secret: "b" }) { id } } }"#,
        ] {
            let told = refusals_of(text, &json!({}));
            assert_eq!(told.len(), 1, "{text}: {told:?}");
            assert!(told[0].2.contains("`secret` is named twice") && told[0].1.is_some(), "{text}: {told:?}");
        }
    }

    #[test]
    fn a_field_that_does_not_exist_is_told_without_what_comes_of_it() {
        let told = refusals_of("{ find(id: 1) { nothing } }", &json!({}));
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].0, told[0].1), (ErrorCode::GraphqlValidationFailed, Some((1, 17))));
    }
}
