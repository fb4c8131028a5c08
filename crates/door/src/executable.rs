//! A document as the parser of the subgraphs' library gives it.

use async_graphql_parser::{
    Error, Positioned, parse_query,
    types::{ExecutableDocument, OperationDefinition, OperationType, Selection as Parsed, SelectionSet},
};
use async_graphql_value::{Name, Value};

use crate::{Argument, Document, ErrorCode, Field, Fragment, Operation, Refusal, Selection};

/// Parses a document whose nesting is known.
///
/// # Errors
/// Says what is wrong with it, and where.
pub fn parse(text: &str) -> Result<ExecutableDocument, Refusal> {
    parse_query(text).map_err(|error| {
        let message = error.to_string();
        // The parser quotes whole lines of the document; what it expected stands after them.
        let reason = message.rsplit_once("= ").map_or(message.as_str(), |(_, reason)| reason);
        let position = error.positions().map(|found| (found.line, found.column)).min();
        match error {
            Error::Syntax { .. } | Error::MissingOperation | Error::RecursionLimitExceeded => {
                // It calls its rules by names of programs.
                Refusal::syntax(&reason.replace('_', " "), position.unwrap_or((1, 1)))
            }
            // These are GraphQL, and not valid.
            _ => Refusal { position, ..Refusal::new(ErrorCode::GraphqlValidationFailed, reason) },
        }
    })
}

/// What the checks need to know of a document.
pub fn document(parsed: &ExecutableDocument) -> Document<'_> {
    let fragments = parsed.fragments.iter().map(|(name, fragment)| {
        let fragment = &fragment.node;
        let seen = Fragment {
            on: fragment.type_condition.node.on.node.as_str(),
            directives: fragment.directives.len(),
            selections: selections(&fragment.selection_set.node),
        };
        (name.as_str(), seen)
    });
    Document {
        operations: parsed.operations.iter().map(|(name, parsed)| operation(name, &parsed.node)).collect(),
        fragments: fragments.collect(),
    }
}

fn operation<'a>(name: Option<&'a Name>, parsed: &'a OperationDefinition) -> Operation<'a> {
    let variables = parsed.variable_definitions.iter().map(|variable| &variable.node);
    let default = |variable: &'a async_graphql_parser::types::VariableDefinition| {
        let value = variable.default_value.as_ref()?;
        Some((variable.name.node.as_str(), constant(&value.node)))
    };
    Operation {
        name: name.map(Name::as_str),
        root: match parsed.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        },
        directives: parsed.directives.len()
            + variables.clone().map(|variable| variable.directives.len()).sum::<usize>(),
        defaults: variables.filter_map(default).collect(),
        selections: selections(&parsed.selection_set.node),
    }
}

fn selections(set: &SelectionSet) -> Vec<Selection<'_>> {
    set.items.iter().map(|Positioned { node, .. }| selection(node)).collect()
}

fn selection(parsed: &Parsed) -> Selection<'_> {
    match parsed {
        Parsed::Field(Positioned { node, .. }) => Selection::Field(Field {
            name: node.name.node.as_str(),
            alias: node.alias.as_ref().map(|alias| alias.node.as_str()),
            directives: node.directives.len(),
            arguments: node.arguments.iter().map(|(name, value)| (name.node.as_str(), argument(&value.node))).collect(),
            selections: selections(&node.selection_set.node),
        }),
        Parsed::FragmentSpread(Positioned { node, .. }) => {
            Selection::Spread { name: node.fragment_name.node.as_str(), directives: node.directives.len() }
        }
        Parsed::InlineFragment(Positioned { node, .. }) => Selection::Inline {
            on: node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str()),
            directives: node.directives.len(),
            selections: selections(&node.selection_set.node),
        },
    }
}

fn argument(value: &Value) -> Argument<'_> {
    match value {
        Value::Variable(name) => Argument::Variable(name.as_str()),
        Value::Number(number) => number.as_i64().map_or(Argument::Other, Argument::Number),
        Value::List(list) => Argument::List(list.len() as u64),
        Value::Null => Argument::Null,
        _ => Argument::Other,
    }
}

fn constant(value: &async_graphql_value::ConstValue) -> Argument<'static> {
    use async_graphql_value::ConstValue;
    match value {
        ConstValue::Number(number) => number.as_i64().map_or(Argument::Other, Argument::Number),
        ConstValue::List(list) => Argument::List(list.len() as u64),
        ConstValue::Null => Argument::Null,
        _ => Argument::Other,
    }
}
