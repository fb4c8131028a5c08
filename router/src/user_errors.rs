//! The refusals of mutations, counted beside the data.

use hive_router::{
    executor::response::value::Value,
    query_planner::{
        ast::{
            operation::OperationDefinition,
            selection_item::SelectionItem,
            selection_set::{FieldSelection, SelectionSet},
        },
        state::supergraph_state::OperationKind,
    },
};

/// The names that a mutation's client gives to its root fields, and to `userErrors` in each.
pub(crate) fn names_of_refusals(operation: &OperationDefinition) -> Vec<(String, String)> {
    fn fields(selections: &SelectionSet) -> impl Iterator<Item = &FieldSelection> {
        selections
            .items
            .iter()
            .filter_map(|item| if let SelectionItem::Field(field) = item { Some(field) } else { None })
    }
    if operation.operation_kind != Some(OperationKind::Mutation) {
        return Vec::new();
    }
    let of = |root: &FieldSelection| {
        let errors = fields(&root.selections).filter(|field| field.name == "userErrors");
        let name = |errors: &FieldSelection| {
            (root.selection_identifier().to_owned(), errors.selection_identifier().to_owned())
        };
        errors.map(name).collect::<Vec<_>>()
    };
    fields(&operation.selection_set).flat_map(of).collect()
}

/// How many `userErrors` an answer has under these names.
pub(crate) fn refusals(data: &Value<'_>, names: &[(String, String)]) -> usize {
    fn of<'a>(value: &'a Value<'a>, name: &str) -> Option<&'a Value<'a>> {
        let Value::Object(fields) = value else { return None };
        fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
    let count = |(root, errors): &(String, String)| match of(data, root).and_then(|payload| of(payload, errors)) {
        Some(Value::Array(errors)) => errors.len(),
        _ => 0,
    };
    names.iter().map(count).sum()
}
