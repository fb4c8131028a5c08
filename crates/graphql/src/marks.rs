//! Where among `_entities` a field failed. The library tells the list places of every list but this one: what stands in for
//! a failed field says which error it stands for, and once the answer is whole its place is known.

use async_graphql::{PathSegment, ServerError, Value};

/// What stands in for a field whose error has this number. No field of ours has a value of this kind, and JSON has none.
pub(crate) fn mark(number: usize) -> Value {
    Value::Binary(number.to_be_bytes().to_vec().into())
}

/// Gives each error the place that the library left out, and puts null where the marks were.
pub(crate) fn place(data: &mut Value, errors: &mut [ServerError]) {
    let Value::Object(roots) = data else { return unmark(data, None, errors) };
    for value in roots.values_mut() {
        match value {
            Value::List(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    unmark(item, Some(place), errors);
                }
            }
            value => unmark(value, None, errors),
        }
    }
}

fn unmark(value: &mut Value, place: Option<usize>, errors: &mut [ServerError]) {
    match value {
        Value::Binary(number) => {
            let number = number.as_ref().try_into().map(usize::from_be_bytes).ok();
            if let (Some(place), Some(error)) = (place, number.and_then(|number| errors.get_mut(number)))
                && !matches!(error.path.get(1), None | Some(PathSegment::Index(_)))
            {
                error.path.insert(1, PathSegment::Index(place));
            }
            *value = Value::Null;
        }
        Value::List(items) => items.iter_mut().for_each(|item| unmark(item, place, errors)),
        Value::Object(fields) => fields.values_mut().for_each(|field| unmark(field, place, errors)),
        _ => {}
    }
}
