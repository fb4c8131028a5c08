//! What a subgraph checks of a request before it runs, whoever sent it: the router is not the only way in.

use std::{any::TypeId, sync::OnceLock};

use async_graphql::{Name, Pos, Request, ServerError, Value, Variables};
use healthbridge_door::{Argument, Costs, Limits, Refusal, Validation, executable_document, parse, text};

/// The checks with the sizes of the subgraph's schema.
pub(crate) struct Door {
    costs: Costs,
    /// The schema as clients see it, with what federation adds: known when the schema is finished.
    validation: OnceLock<Validation>,
}

/// What was let in.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// Whether it changes something, and so runs to its end; what reads may be given up at any time.
    pub is_mutation: bool,
    /// What is wrong with it, which is told instead of running it.
    pub mistakes: Vec<Refusal>,
}

impl Door {
    /// # Panics
    /// When the SDL does not parse: it is our own schema's.
    pub(crate) fn new(sdl: &str) -> Self {
        Self { costs: Costs::from_sdl(sdl).expect("the schema's own SDL parses"), validation: OnceLock::new() }
    }

    /// # Panics
    /// When the SDL is no valid schema: it is our own.
    pub(crate) fn judge_by(&self, sdl: &str) {
        self.validation.get_or_init(|| Validation::new(sdl).expect("the schema's own SDL is valid"));
    }

    /// Parses a request's document, once its nesting is known, and checks what it expands to and costs. The library gets
    /// it parsed: its own checks walk fragments as often as they are spread, which must be bounded before.
    pub(crate) fn admit(&self, request: &mut Request) -> Result<Admitted, ServerError> {
        let limits = request.data.get(&TypeId::of::<Limits>()).and_then(|limits| limits.downcast_ref::<Limits>());
        let limits = limits.copied().unwrap_or_else(|| Limits::default().behind_router());
        text::check(&request.query, &limits).map_err(told)?;
        let parsed = parse(&request.query).map_err(told)?;
        let document = executable_document(&parsed);
        document.check(&limits).map_err(told)?;
        let mut admitted = Admitted::default();
        let (name, validation) = (request.operation_name.as_deref(), self.validation.get());
        let judged = validation.map_or(Ok(()), |judge| judge.check(&request.query, name, &request.variables));
        if let Err(mistakes) = judged {
            admitted.mistakes = mistakes;
        } else if let Some(operation) = document.operation(name).map_err(told)? {
            self.costs.of(&document, operation, &Sent(&request.variables), &limits).map_err(told)?;
            admitted.is_mutation = operation.root == "Mutation";
        }
        request.set_parsed_query(parsed);
        Ok(admitted)
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

pub(crate) fn told(refusal: Refusal) -> ServerError {
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
