//! Where in the client's answer an error belongs. The engine knows a path of its own (`patients.nodes.@`) and which fetch
//! failed; the client knows its fields, with its own aliases and the places in its lists. A field that failed without an
//! error at its path would look empty, which in a hospital is dangerous.

use std::collections::{BTreeSet, HashMap, HashSet};

use hive_router::{
    GraphQLError,
    executor::response::{
        graphql_error::{GraphQLErrorPath, GraphQLErrorPathSegment},
        value::Value,
    },
    graphql_tools::parser::{parse_query, query as parsed},
    query_planner::{
        ast::{
            operation::OperationDefinition,
            selection_item::SelectionItem,
            selection_set::{FieldSelection, SelectionSet},
        },
        planner::plan_nodes::{PathSegment, PlanNode, QueryPlan},
    },
    sonic_rs::{self, JsonValueTrait},
};

/// How many places an answer's errors name: one refused field below a list below a list would be thousands.
const MOST_PLACES: usize = 1000;

/// The engine's code for an error of a subgraph that has none.
pub(crate) const WITHOUT_CODE: &str = "DOWNSTREAM_SERVICE_ERROR";

/// What was asked, and how the engine went about it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub operation: &'a OperationDefinition,
    pub plan: &'a QueryPlan,
    pub variables: &'a Option<HashMap<String, sonic_rs::Value>>,
}

impl Asked<'_> {
    /// The errors, each at the client's own path: one for every place that lacks its field.
    pub(crate) fn place(self, mut errors: Vec<GraphQLError>, data: &Value<'_>) -> Vec<GraphQLError> {
        // The engine has an error for a fetch's status beside those that the part itself told: what says most goes first.
        errors.sort_by_key(Words::of);
        let mut placed: Vec<GraphQLError> = Vec::with_capacity(errors.len());
        let (mut told, mut codes) = (HashSet::new(), HashSet::new());
        for error in errors {
            // Each error has one place at the least, if anything was asked where it belongs.
            let room = MOST_PLACES.saturating_sub(placed.len()).max(1);
            let says_little = Words::of(&error) > Words::Own;
            let Some(paths) = self.paths(&error, data, room) else {
                let service = &error.extensions.service_name;
                if !says_little || placed.iter().all(|known| known.extensions.service_name != *service) {
                    told.extend(error.path.as_ref().map(key));
                    placed.push(error);
                }
                continue;
            };
            for path in paths {
                let key = key(&path);
                // Two fetches of one part that failed lack the same fields.
                let is_news = codes.insert((key.clone(), error.extensions.code.clone()));
                if told.insert(key) || (is_news && !says_little) {
                    placed.push(GraphQLError { path: Some(path), ..error.clone() });
                }
            }
        }
        placed
    }

    /// Where an error belongs that has no path of the client's yet.
    fn paths(self, error: &GraphQLError, data: &Value<'_>, room: usize) -> Option<Vec<GraphQLErrorPath>> {
        let affected = error.extensions.affected_path.as_deref();
        let mut found = Found { paths: Vec::new(), path: GraphQLErrorPath::default(), room };
        match (&error.extensions.service_name, &error.path) {
            // A refusal by scopes: its field was not fetched, and where there is nothing above it, it would not have been.
            (None, None) => {
                let keys: Vec<&str> = affected?.split('.').collect();
                found.refused(data, &keys);
                Some(found.paths)
            }
            (Some(_), Some(path)) if !is_of_entities(path) => None,
            (Some(service), _) => {
                let mut fetches = Vec::new();
                if let Some(node) = &self.plan.node {
                    fetched(node, service, affected, &mut fetches);
                }
                for (steps, names) in &fetches {
                    self.lacking(&mut found, data, &[&self.operation.selection_set], steps, names);
                }
                // What failed may have been for the engine alone.
                (!found.paths.is_empty()).then_some(found.paths)
            }
            (None, Some(_)) => None,
        }
    }

    /// Finds the fields of these names that were to be fetched and are not there.
    fn lacking(
        self,
        found: &mut Found,
        data: &Value<'_>,
        selections: &[&SelectionSet],
        steps: &[PathSegment],
        names: &BTreeSet<String>,
    ) {
        if found.is_full() {
            return;
        }
        match (data, steps) {
            (Value::Array(items), _) => {
                let steps = if let [PathSegment::List, rest @ ..] = steps { rest } else { steps };
                for (place, item) in items.iter().enumerate() {
                    found.path.push_index(place);
                    self.lacking(found, item, selections, steps, names);
                    found.path.pop();
                }
            }
            (_, [PathSegment::TypeCondition(_) | PathSegment::List, rest @ ..]) => {
                self.lacking(found, data, selections, rest, names);
            }
            (Value::Object(fields), [PathSegment::Field(key), rest @ ..]) => {
                let Some(value) = Value::object_get(fields, key) else { return };
                let below: Vec<&SelectionSet> = self
                    .fields(selections)
                    .into_iter()
                    .filter(|field| field.selection_identifier() == &**key)
                    .map(|field| &field.selections)
                    .collect();
                found.path.push_field(key);
                self.lacking(found, value, &below, rest, names);
                found.path.pop();
            }
            (Value::Object(_) | Value::Null, []) => {
                let fields: &[(&str, Value<'_>)] = match data {
                    Value::Object(fields) => fields,
                    // Nothing came at all; below the root nothing was to come for what is not there.
                    _ if found.path.segments.is_empty() => &[],
                    _ => return,
                };
                for field in self.fields(selections) {
                    let key = field.selection_identifier();
                    let is_fetched = field.name != "__typename" && names.contains(&field.name);
                    if is_fetched && Value::object_get(fields, key).is_none() {
                        found.path.push_field(key);
                        found.add();
                        found.path.pop();
                    }
                }
            }
            _ => {}
        }
    }

    /// The fields of selections, but for those that the client has switched off.
    fn fields<'a>(self, selections: &[&'a SelectionSet]) -> Vec<&'a FieldSelection> {
        let mut fields = Vec::new();
        let mut left: Vec<&SelectionSet> = selections.iter().rev().copied().collect();
        while let Some(set) = left.pop() {
            for item in &set.items {
                match item {
                    SelectionItem::Field(field) if !self.is_off(field.skip_if.as_ref(), field.include_if.as_ref()) => {
                        fields.push(field);
                    }
                    SelectionItem::InlineFragment(inline)
                        if !self.is_off(inline.skip_if.as_ref(), inline.include_if.as_ref()) =>
                    {
                        left.push(&inline.selections);
                    }
                    _ => {}
                }
            }
        }
        fields
    }

    fn is_off(self, skip_if: Option<&String>, include_if: Option<&String>) -> bool {
        let is_true = |name: &String| {
            let value = self.variables.as_ref().and_then(|variables| variables.get(name));
            value.and_then(JsonValueTrait::as_bool).unwrap_or_default()
        };
        skip_if.is_some_and(is_true) || include_if.is_some_and(|name| !is_true(name))
    }
}

/// A path as it can be compared.
fn key(path: &GraphQLErrorPath) -> String {
    sonic_rs::to_string(path).unwrap_or_default()
}

/// How much an error says of what failed, the most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Words {
    /// A code: the part's own, or the engine's for its own refusals.
    Own,
    /// The status of the part's answer.
    Status,
    /// None.
    Without,
}

impl Words {
    fn of(error: &GraphQLError) -> Self {
        if error.extensions.get("http").is_some() {
            return Self::Status;
        }
        let has_code = error.extensions.code.as_deref().is_some_and(|code| code != WITHOUT_CODE);
        if has_code { Self::Own } else { Self::Without }
    }
}

/// Places that were found, and the one that is looked at.
struct Found {
    paths: Vec<GraphQLErrorPath>,
    path: GraphQLErrorPath,
    room: usize,
}

impl Found {
    /// Whether no more are looked for.
    fn is_full(&self) -> bool {
        self.paths.len() >= self.room
    }

    fn add(&mut self) {
        self.paths.push(self.path.clone());
    }

    /// Finds each place of a refused field. Where a list is empty or an object null there is none: nothing would have been
    /// asked there, and nothing is missing. Where nothing else was asked above it, the place is the field above that is null for
    /// that: below it there are none.
    fn refused(&mut self, data: &Value<'_>, keys: &[&str]) {
        if self.is_full() {
            return;
        }
        match (data, keys) {
            (_, []) => self.add(),
            (Value::Array(items), _) => {
                for (place, item) in items.iter().enumerate() {
                    self.path.push_index(place);
                    self.refused(item, keys);
                    self.path.pop();
                }
            }
            (Value::Object(fields), [key, rest @ ..]) => {
                self.path.push_field(key);
                match Value::object_get(fields, key) {
                    Some(value) if !rest.is_empty() => self.refused(value, rest),
                    // It was not asked for; nor was what it is below, where nothing else was.
                    _ => self.add(),
                }
                self.path.pop();
            }
            // Nothing at all was asked.
            (_, [key, ..]) if self.path.segments.is_empty() => {
                self.path.push_field(key);
                self.add();
                self.path.pop();
            }
            _ => {}
        }
    }
}

/// Whether a path is a subgraph's own, into the entities that the engine asked it for.
fn is_of_entities(path: &GraphQLErrorPath) -> bool {
    match path.segments.first() {
        Some(GraphQLErrorPathSegment::String(first)) => {
            first == "_entities" || first.strip_prefix("_e").is_some_and(|rest| rest.parse::<usize>().is_ok())
        }
        _ => true,
    }
}

/// A place that a fetch fills, and the names of the fields that it asks for there.
type Fetch<'a> = (&'a [PathSegment], BTreeSet<String>);

/// The fetches from a service, those at `affected` alone where it is known.
fn fetched<'a>(node: &'a PlanNode, service: &str, affected: Option<&str>, found: &mut Vec<Fetch<'a>>) {
    match node {
        PlanNode::Sequence(sequence) => {
            sequence.nodes.iter().for_each(|node| fetched(node, service, affected, found));
        }
        PlanNode::Parallel(parallel) => {
            parallel.nodes.iter().for_each(|node| fetched(node, service, affected, found));
        }
        PlanNode::Fetch(fetch) if fetch.service_name == service && affected.is_none() => {
            found.push((&[], names(&fetch.operation.document_str, None)));
        }
        PlanNode::Flatten(flatten) => {
            if let PlanNode::Fetch(fetch) = &*flatten.node
                && fetch.service_name == service
                && affected.is_none_or(|affected| flatten.path.to_string() == affected)
            {
                found.push((flatten.path.as_slice(), names(&fetch.operation.document_str, None)));
            }
        }
        PlanNode::BatchFetch(batch) if batch.service_name == service => {
            for alias in &batch.entity_batch.aliases {
                for path in alias.merge_paths.iter() {
                    let is_it = affected.is_none_or(|affected| path.to_string() == affected);
                    if is_it {
                        found.push((path.as_slice(), names(&batch.operation.document_str, Some(&alias.alias))));
                    }
                }
            }
        }
        _ => {}
    }
}

type Set<'a> = parsed::SelectionSet<'a, &'a str>;

/// The fields that a fetch's document asks for: those of its entities, or of the root.
fn names(document: &str, alias: Option<&str>) -> BTreeSet<String> {
    let Ok(document) = parse_query::<&str>(document) else { return BTreeSet::new() };
    let mut fragments: HashMap<&str, &Set<'_>> = HashMap::new();
    let mut roots: Vec<&Set<'_>> = Vec::new();
    for definition in &document.definitions {
        match definition {
            parsed::Definition::Fragment(fragment) => drop(fragments.insert(fragment.name, &fragment.selection_set)),
            parsed::Definition::Operation(operation) => roots.push(match operation {
                parsed::OperationDefinition::SelectionSet(set) => set,
                parsed::OperationDefinition::Query(query) => &query.selection_set,
                parsed::OperationDefinition::Mutation(mutation) => &mutation.selection_set,
                parsed::OperationDefinition::Subscription(subscription) => &subscription.selection_set,
            }),
        }
    }
    let mut names = BTreeSet::new();
    for root in flat(&roots, &fragments) {
        if root.name != "_entities" {
            names.insert(root.name.to_owned());
        } else if alias.is_none() || root.alias == alias {
            names.extend(flat(&[&root.selection_set], &fragments).into_iter().map(|field| field.name.to_owned()));
        }
    }
    names
}

/// The fields of selection sets, fragments written out. The documents are the engine's own: no fragment spreads itself.
fn flat<'a>(sets: &[&'a Set<'a>], fragments: &HashMap<&str, &'a Set<'a>>) -> Vec<&'a parsed::Field<'a, &'a str>> {
    let mut fields = Vec::new();
    let mut left = sets.to_vec();
    while let Some(set) = left.pop() {
        for item in &set.items {
            match item {
                parsed::Selection::Field(field) => fields.push(field),
                parsed::Selection::InlineFragment(inline) => left.push(&inline.selection_set),
                parsed::Selection::FragmentSpread(spread) => left.extend(fragments.get(spread.fragment_name).copied()),
            }
        }
    }
    fields
}
