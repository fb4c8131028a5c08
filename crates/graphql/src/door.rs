//! What a subgraph checks of a request before it runs, whoever sent it: the router is not the only way in.

use async_graphql::{Name, Pos, ServerError, Value, Variables, parser::types::ExecutableDocument};
use healthbridge_door::{Argument, Costs, Limits, Refusal, executable_document, text};

/// The checks with the sizes of the subgraph's schema.
pub(crate) struct Door {
    costs: Costs,
}

impl Door {
    /// # Panics
    /// When the SDL does not parse: it is our own schema's.
    pub(crate) fn new(sdl: &str) -> Self {
        Self { costs: Costs::from_sdl(sdl).expect("the schema's own SDL parses") }
    }

    /// Before the parser: it recurses.
    pub(crate) fn check_text(query: &str, limits: &Limits) -> Result<(), ServerError> {
        text::check(query, limits).map_err(told)
    }

    /// Before validation, which expands fragments and compares fields pair by pair.
    pub(crate) fn check_document(
        &self,
        parsed: &ExecutableDocument,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<(), ServerError> {
        let document = executable_document(parsed);
        document.check(limits).map_err(told)?;
        // Which operation runs is known later: each must be one that may.
        for operation in &document.operations {
            self.costs.of(&document, operation, &Sent(variables), limits).map_err(told)?;
        }
        Ok(())
    }
}

/// The variables of a request.
struct Sent<'a>(&'a Variables);

impl healthbridge_door::Variables for Sent<'_> {
    fn argument(&self, name: &str) -> Option<Argument<'static>> {
        Some(match self.0.get(&Name::new(name))? {
            Value::Number(number) => number.as_i64().map_or(Argument::Other, Argument::Number),
            Value::List(list) => Argument::List(list.len() as u64),
            Value::Null => Argument::Null,
            _ => Argument::Other,
        })
    }
}

fn told(refusal: Refusal) -> ServerError {
    metrics::counter!("healthbridge_operations_refused_total", "reason" => refusal.code.text()).increment(1);
    let position = refusal.position.map(|(line, column)| Pos { line, column });
    let mut error = ServerError::new(refusal.message, position);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", refusal.code.text());
    if let Some((cost, limit)) = refusal.cost {
        extensions.set("cost", cost);
        extensions.set("limit", limit);
    }
    error
}
