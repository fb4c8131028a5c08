//! What the router checks of a request before it runs: how many are under way, and what each asks for. A refusal is kept
//! beside the request and put in place of the engine's own error, so that the engine goes on choosing status, media type
//! and headers.

use healthbridge_door::{Argument, Costs, Document, ErrorCode, Field, Fragment, Limits, Operation, Refusal, Selection};
use healthbridge_door::{Validation, Variables, json, parse, text};
use hive_router::{
    GraphQLError,
    executor::hooks::on_graphql_params::GraphQLParams,
    graphql_tools::{
        parser::{parse_query_with_token_limit, parse_schema, query as parsed},
        static_graphql::schema::{Definition, TypeDefinition},
        validation::utils::ValidationError,
    },
    http::StatusCode,
    query_planner::consumer_schema::ConsumerSchema,
    sonic_rs::{JsonContainerTrait, JsonValueTrait},
};

/// What the router checks of a request before it runs, with the sizes of the schema that is served.
pub struct Door {
    costs: Costs,
    validation: Validation,
    limits: Limits,
}

impl Door {
    /// A door to the schema of this supergraph.
    pub(crate) fn new(supergraph: &str, limits: Limits) -> anyhow::Result<Self> {
        let validation = Validation::new(&public(supergraph)?)?;
        Ok(Self { costs: Costs::from_sdl(supergraph)?, validation, limits })
    }

    /// A door to the schema that this build was made with, by the defaults.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn of_own_schema() -> anyhow::Result<Self> {
        Self::new(crate::SUPERGRAPH, Limits::default())
    }

    /// Checks a whole body, as the engine reads it.
    ///
    /// # Errors
    /// Says why it is refused.
    pub fn admit(&self, body: &[u8]) -> Result<(), Refusal> {
        self.check_json(body, "")?;
        // What is no request is the engine's to refuse.
        let Ok(request) = hive_router::sonic_rs::from_slice::<GraphQLParams>(body) else { return Ok(()) };
        self.check_document(&request)?;
        self.check_operation(&request).map_err(|mut mistakes| mistakes.remove(0))
    }

    /// Checks what is parsed as JSON next: the body, and the parameters of a URL one by one, as a quote in one would hide
    /// the next.
    pub(crate) fn check_json(&self, body: &[u8], url: &str) -> Result<(), Refusal> {
        json::check(body, self.limits.json_nesting)?;
        for (name, value) in form_urlencoded::parse(url.as_bytes()) {
            if matches!(name.as_ref(), "variables" | "extensions") {
                json::check(value.as_bytes(), self.limits.json_nesting)?;
            }
        }
        Ok(())
    }

    /// Checks that a document parses, and how large it is. The engine's parser gives errors that outlive the text they point
    /// into; here they are read while the text is there, and the engine sees only documents that parse.
    pub(crate) fn check_document(&self, request: &GraphQLParams) -> Result<(), Refusal> {
        // Without one it may be a persisted document's, which the engine knows.
        let Some(query) = request.query.as_deref() else { return Ok(()) };
        if query.is_empty() {
            return Err(Refusal::no_query());
        }
        if self.validation.knows(query) {
            return Ok(());
        }
        text::check(query, &self.limits)?;
        self.parsed(query, |document| document.check(&self.limits))
    }

    /// Checks a document that parses and is small, a persisted one as well: whether it and its variables fit the schema, and
    /// what the operation may come to.
    pub(crate) fn check_operation(&self, request: &GraphQLParams) -> Result<(), Vec<Refusal>> {
        let Some(query) = request.query.as_deref() else { return Ok(()) };
        let name = request.operation_name.as_deref();
        self.validation.check(query, name, &request.variables)?;
        let counted = self.parsed(query, |document| {
            let Some(operation) = document.operation(name)? else { return Ok(()) };
            self.costs.of(document, operation, &Sent(request), &self.limits).map(drop)
        });
        counted.map_err(|refusal| vec![refusal])
    }

    fn parsed(&self, query: &str, check: impl FnOnce(&Document<'_>) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let parsed = parse_query_with_token_limit::<&str>(query, self.limits.tokens).map_err(|error| {
            // In the words of the subgraphs' parser, if it sees the mistake, too.
            if let Err(refusal) = parse(query) {
                return refusal;
            }
            // Its first line says where, the others what.
            let text = error.0.to_string();
            let reason = text.lines().skip(1).collect::<Vec<_>>().join(". ");
            Refusal::syntax(&reason, (error.0.position.line, error.0.position.column))
        })?;
        check(&document(&parsed))
    }
}

/// The scalars that every schema has.
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

/// The schema as clients see it, without what every schema has by itself.
fn public(supergraph: &str) -> anyhow::Result<String> {
    let consumers = ConsumerSchema::new_from_supergraph(&parse_schema(supergraph)?.into_static());
    let mut schema = consumers.document.as_ref().clone();
    schema.definitions.retain_mut(|definition| match definition {
        Definition::TypeDefinition(TypeDefinition::Object(object)) => {
            object.fields.retain(|field| !field.name.starts_with("__"));
            !object.name.starts_with("__")
        }
        Definition::TypeDefinition(TypeDefinition::Enum(found)) => !found.name.starts_with("__"),
        Definition::TypeDefinition(TypeDefinition::Scalar(found)) => !BUILT_IN.contains(&found.name.as_str()),
        _ => true,
    });
    Ok(schema.to_string())
}

/// What a refusal tells the client.
pub(crate) fn told(refusal: &Refusal) -> GraphQLError {
    let mut error = GraphQLError::from_message_and_code(refusal.message.clone(), refusal.code.text());
    error.locations = refusal.position.map(|(line, column)| vec![(&parsed_position(line, column)).into()]);
    if let Some((cost, limit)) = refusal.cost {
        error.extensions.set("cost".to_owned(), cost.into());
        error.extensions.set("limit".to_owned(), limit.into());
    }
    error
}

/// A mistake as the engine tells mistakes.
pub(crate) fn mistake(refusal: &Refusal) -> ValidationError {
    let locations = refusal.position.map(|(line, column)| parsed_position(line, column)).into_iter().collect();
    ValidationError { locations, message: refusal.message.clone(), error_code: refusal.code.text() }
}

/// The status of a refusal, where it is not the engine's choice by media type.
pub(crate) fn status(refusal: &Refusal) -> Option<StatusCode> {
    (refusal.code == ErrorCode::BadRequest).then_some(StatusCode::BAD_REQUEST)
}

fn parsed_position(line: usize, column: usize) -> hive_router::graphql_tools::parser::Pos {
    hive_router::graphql_tools::parser::Pos { line, column }
}

/// The variables of a request.
struct Sent<'a>(&'a GraphQLParams);

impl Variables for Sent<'_> {
    fn argument(&self, name: &str) -> Option<Argument<'static>> {
        let value = self.0.variables.get(name)?;
        Some(match (value.as_i64(), value.as_array()) {
            (Some(number), _) => Argument::Number(number),
            (None, Some(list)) => Argument::List(list.len() as u64),
            (None, None) if value.is_null() => Argument::Null,
            (None, None) => Argument::Other,
        })
    }
}

type Text<'a> = &'a str;

fn document<'a>(parsed: &'a parsed::Document<'a, Text<'a>>) -> Document<'a> {
    let mut document = Document::default();
    for definition in &parsed.definitions {
        match definition {
            parsed::Definition::Operation(found) => document.operations.push(operation(found)),
            parsed::Definition::Fragment(found) => {
                let parsed::TypeCondition::On(on) = &found.type_condition;
                let directives = found.directives.len();
                let fragment = Fragment { on, directives, selections: selections(&found.selection_set) };
                document.fragments.insert(found.name, fragment);
            }
        }
    }
    document
}

fn operation<'a>(found: &'a parsed::OperationDefinition<'a, Text<'a>>) -> Operation<'a> {
    let (name, root, directives, variables, set) = match found {
        parsed::OperationDefinition::SelectionSet(set) => (None, "Query", 0, [].as_slice(), set),
        parsed::OperationDefinition::Query(found) => {
            (found.name, "Query", found.directives.len(), found.variable_definitions.as_slice(), &found.selection_set)
        }
        parsed::OperationDefinition::Mutation(found) => (
            found.name,
            "Mutation",
            found.directives.len(),
            found.variable_definitions.as_slice(),
            &found.selection_set,
        ),
        parsed::OperationDefinition::Subscription(found) => (
            found.name,
            "Subscription",
            found.directives.len(),
            found.variable_definitions.as_slice(),
            &found.selection_set,
        ),
    };
    let default = |variable: &'a parsed::VariableDefinition<'a, Text<'a>>| {
        Some((variable.name, argument(variable.default_value.as_ref()?)))
    };
    let defaults = variables.iter().filter_map(default).collect();
    Operation { name, root, directives, defaults, selections: selections(set) }
}

fn selections<'a>(set: &'a parsed::SelectionSet<'a, Text<'a>>) -> Vec<Selection<'a>> {
    let selection = |item: &'a parsed::Selection<'a, Text<'a>>| match item {
        parsed::Selection::Field(field) => Selection::Field(Field {
            name: field.name,
            alias: field.alias,
            directives: field.directives.len(),
            arguments: field.arguments.iter().map(|(name, value)| (*name, argument(value))).collect(),
            selections: selections(&field.selection_set),
        }),
        parsed::Selection::FragmentSpread(spread) => {
            Selection::Spread { name: spread.fragment_name, directives: spread.directives.len() }
        }
        parsed::Selection::InlineFragment(inline) => Selection::Inline {
            on: inline.type_condition.as_ref().map(|parsed::TypeCondition::On(on)| *on),
            directives: inline.directives.len(),
            selections: selections(&inline.selection_set),
        },
    };
    set.items.iter().map(selection).collect()
}

fn argument<'a>(value: &'a parsed::Value<'a, Text<'a>>) -> Argument<'a> {
    match value {
        parsed::Value::Variable(name) => Argument::Variable(name),
        parsed::Value::Int(number) => number.as_i64().map_or(Argument::Other, Argument::Number),
        parsed::Value::List(list) => Argument::List(list.len() as u64),
        parsed::Value::Null => Argument::Null,
        _ => Argument::Other,
    }
}
