//! The one rule of the specification that the judge's library has not: an input object names each field once.

use apollo_compiler::{
    Node,
    ast::{Argument, Definition, DirectiveList, Document, Selection, Value},
    parser::SourceMap,
};
use healthbridge_codes::ErrorCode;

use crate::{Refusal, refusal::shortened};

/// The fields of input objects that stand there twice, of a document whose nesting is bounded.
pub(crate) fn named_twice(document: &Document) -> Vec<Refusal> {
    let mut found = Found { sources: &document.sources, refusals: Vec::new() };
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                for variable in &operation.variables {
                    variable.default_value.iter().for_each(|value| found.value(value));
                    found.directives(&variable.directives);
                }
                found.directives(&operation.directives);
                found.selections(&operation.selection_set);
            }
            Definition::FragmentDefinition(fragment) => {
                found.directives(&fragment.directives);
                found.selections(&fragment.selection_set);
            }
            _ => {}
        }
    }
    found.refusals
}

struct Found<'a> {
    sources: &'a SourceMap,
    refusals: Vec<Refusal>,
}

impl Found<'_> {
    fn selections(&mut self, selections: &[Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments);
                    self.directives(&field.directives);
                    self.selections(&field.selection_set);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.directives);
                    self.selections(&inline.selection_set);
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.directives),
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        directives.iter().for_each(|directive| self.arguments(&directive.arguments));
    }

    fn arguments(&mut self, arguments: &[Node<Argument>]) {
        for argument in arguments {
            self.value(&argument.value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                // Sorted, in the order in which they stand: thousands of fields cost no more than they should.
                let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
                names.sort_by_key(|name| name.as_str());
                for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
                    let range = pair[0].location().and_then(|location| location.line_column_range(self.sources));
                    let message = format!("The field `{}` is named twice in an input object", pair[0]);
                    let refusal = Refusal::new(ErrorCode::GraphqlValidationFailed, shortened(&message));
                    let position = range.map(|range| (range.start.line, range.start.column));
                    self.refusals.push(Refusal { position, ..refusal });
                }
                for (_, value) in fields {
                    self.value(value);
                }
            }
            _ => {}
        }
    }
}
