//! What an operation may come to, before it runs: how many fields would be resolved if every page were full.

use std::collections::HashMap;

use async_graphql_parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use async_graphql_value::ConstValue;

use healthbridge_codes::ErrorCode;

use crate::{Argument, Document, Field, Limits, Operation, Refusal, Selection};

/// How long a list without page sizes is taken for.
const UNSIZED_LIST: u64 = 10;

/// Lists without page sizes that may be much longer than others, by type and field.
const LONG_LISTS: [(&str, &str, u64); 1] = [("Invoice", "lines", 250)];

/// How long a page is where neither the client nor the schema says it.
const DEFAULT_PAGE: u64 = 25;

/// Introspection may cost so many times as much as any other operation: the query that every tool sends asks for the
/// whole schema.
const INTROSPECTION_FACTOR: u64 = 10;

/// Lists of introspection within each other that go round in circles, as in `fields { type { fields …`.
const INTROSPECTION_CIRCLES: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
const MOST_CIRCLES: usize = 2;

/// The values of an operation's variables, as far as the checks look at them.
pub trait Variables {
    /// The value that the client sent; nothing where it sent none.
    fn argument(&self, name: &str) -> Option<Argument<'static>>;
}

/// The sizes of a schema's fields, read from its own SDL.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    types: HashMap<String, HashMap<String, Shape>>,
    introspection: HashMap<&'static str, u64>,
}

/// A field as far as its size goes.
#[derive(Clone, Debug)]
struct Shape {
    of: String,
    is_list: bool,
    /// The page's size where the client leaves it out; nothing for a field that has no pages.
    page: Option<u64>,
    /// How long it is taken for where nothing says a size.
    unsized_length: u64,
}

/// What an operation comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    fields: u64,
    introspection: u64,
    representations: u64,
}

/// Where a walk is.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The type of the selections' parent; nothing where the schema does not say, as in introspection.
    parent: Option<&'a str>,
    /// How often the parent is there.
    times: u64,
    /// The page that the parent is the connection of.
    page: Option<u64>,
    is_introspection: bool,
    circles: usize,
}

impl Costs {
    /// Reads a schema's fields.
    ///
    /// # Errors
    /// When the SDL does not parse.
    pub fn from_sdl(sdl: &str) -> Result<Self, async_graphql_parser::Error> {
        let mut types: HashMap<String, HashMap<String, Shape>> = HashMap::new();
        let (mut objects, mut fields, mut arguments, mut values, mut inputs) = (0, 0, 0, 0, 0);
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let defined = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Enum(all) => {
                    values += all.values.len();
                    continue;
                }
                TypeKind::InputObject(input) => {
                    inputs += input.fields.len();
                    continue;
                }
                _ => continue,
            };
            objects += 1;
            fields += defined.len();
            arguments += defined.iter().map(|field| field.node.arguments.len()).sum::<usize>();
            let parent = definition.node.name.node.as_str();
            let shapes = defined.iter().map(|field| (field.node.name.node.to_string(), Shape::of(parent, &field.node)));
            types.entry(definition.node.name.node.to_string()).or_default().extend(shapes);
        }
        // Averages over all types: their products are the whole schema's sizes, however often each type is asked for.
        let average = |all: usize, by: usize| (all.div_ceil(by.max(1))).max(1) as u64;
        let all = objects + 30;
        let introspection = [
            ("types", all as u64),
            ("directives", 10),
            ("fields", average(fields, all)),
            ("args", average(arguments, fields)),
            ("enumValues", average(values, all)),
            ("inputFields", average(inputs, all)),
            ("interfaces", 1),
            ("possibleTypes", 1),
        ];
        Ok(Self { types, introspection: introspection.into() })
    }

    /// Refuses an operation that may come to more than a limit. The document must have been [checked](Document::check).
    /// Gives what it may come to.
    ///
    /// # Errors
    /// When a limit is passed.
    pub fn of(
        &self,
        document: &Document<'_>,
        operation: &Operation<'_>,
        variables: &dyn Variables,
        limits: &Limits,
    ) -> Result<u64, Refusal> {
        let mut walk = Walk { costs: self, document, operation, variables, sum: Sum::default() };
        let place = Place { parent: Some(operation.root), times: 1, page: None, is_introspection: false, circles: 0 };
        walk.selections(&operation.selections, place)?;
        let Sum { fields, introspection, representations } = walk.sum;
        if representations > limits.representations {
            let message = format!(
                "`_entities` takes at most {} representations in a request, not {representations}",
                limits.representations
            );
            return Err(Refusal::new(ErrorCode::BadUserInput, message));
        }
        for (cost, limit) in [(fields, limits.cost), (introspection, limits.cost.saturating_mul(INTROSPECTION_FACTOR))]
        {
            if cost > limit {
                return Err(Refusal::too_costly(cost, limit));
            }
        }
        Ok(fields)
    }
}

impl Shape {
    fn of(parent: &str, field: &FieldDefinition) -> Self {
        let size = |argument: &&async_graphql_parser::Positioned<InputValueDefinition>| {
            matches!(argument.node.name.node.as_str(), "first" | "last")
        };
        let default = |argument: &async_graphql_parser::Positioned<InputValueDefinition>| match argument
            .node
            .default_value
            .as_ref()
            .map(|value| &value.node)
        {
            Some(ConstValue::Number(number)) => number.as_u64(),
            _ => None,
        };
        let mut sizes = field.arguments.iter().filter(size).peekable();
        let page = sizes.peek().is_some().then(|| sizes.find_map(default).unwrap_or(DEFAULT_PAGE));
        let (of, is_list) = target(&field.ty.node);
        let name = field.name.node.as_str();
        let long = LONG_LISTS.iter().find(|(owner, list, _)| *owner == parent && *list == name);
        Self { of, is_list, page, unsized_length: long.map_or(UNSIZED_LIST, |(.., length)| *length) }
    }
}

fn target(kind: &Type) -> (String, bool) {
    match &kind.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(inner) => (target(inner).0, true),
    }
}

struct Walk<'w> {
    costs: &'w Costs,
    document: &'w Document<'w>,
    operation: &'w Operation<'w>,
    variables: &'w dyn Variables,
    sum: Sum,
}

impl<'w> Walk<'w> {
    fn selections(&mut self, selections: &'w [Selection<'w>], place: Place<'w>) -> Result<(), Refusal> {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, place)?,
                Selection::Inline { on, selections, .. } => {
                    self.selections(selections, Place { parent: on.or(place.parent), ..place })?;
                }
                Selection::Spread { name, .. } => {
                    if let Some(fragment) = self.document.fragments.get(name) {
                        self.selections(&fragment.selections, Place { parent: Some(fragment.on), ..place })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &'w Field<'w>, place: Place<'w>) -> Result<(), Refusal> {
        let is_introspection = place.is_introspection || matches!(field.name, "__schema" | "__type");
        let counter = if is_introspection { &mut self.sum.introspection } else { &mut self.sum.fields };
        *counter = counter.saturating_add(place.times);
        if field.selections.is_empty() {
            return Ok(());
        }
        let below = if is_introspection { self.below_introspection(field, place)? } else { self.below(field, place) };
        self.selections(&field.selections, below)
    }

    fn below_introspection(&self, field: &Field<'w>, place: Place<'w>) -> Result<Place<'w>, Refusal> {
        let circles = place.circles + usize::from(INTROSPECTION_CIRCLES.contains(&field.name));
        if circles > MOST_CIRCLES {
            let message = "Introspection goes round in circles: lists of fields and types are nested too deep";
            return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
        }
        let length = self.costs.introspection.get(field.name).copied().unwrap_or(1);
        let times = place.times.saturating_mul(length);
        Ok(Place { parent: None, times, page: None, is_introspection: true, circles })
    }

    fn below(&mut self, field: &'w Field<'w>, place: Place<'w>) -> Place<'w> {
        let costs = self.costs;
        let shape = place.parent.and_then(|parent| costs.types.get(parent)?.get(field.name));
        let length = match shape {
            _ if field.name == "_entities" => {
                let length = self.list(field, "representations");
                self.sum.representations = self.sum.representations.saturating_add(length);
                length
            }
            // The rows of a connection are in lists below it; a page may also be the list itself.
            Some(shape) if shape.is_list => match (shape.page, place.page) {
                (Some(default), _) => self.page(field, default),
                (None, Some(page)) => page,
                (None, None) => shape.unsized_length,
            },
            _ => 1,
        };
        Place {
            parent: shape.map(|shape| shape.of.as_str()),
            times: place.times.saturating_mul(length),
            page: shape.filter(|shape| !shape.is_list).and_then(|shape| Some(self.page(field, shape.page?))),
            ..place
        }
    }

    /// The rows that a page may have.
    fn page(&self, field: &Field<'w>, default: u64) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| match self.value(field, name)? {
            Argument::Number(size) => Some(u64::try_from(size).unwrap_or(0)),
            // `first: null` leaves the size to `last`.
            _ => None,
        });
        sizes.max().unwrap_or(default)
    }

    fn list(&self, field: &Field<'w>, name: &str) -> u64 {
        match self.value(field, name) {
            Some(Argument::List(length)) => length,
            // One value stands for a list of one.
            Some(_) => 1,
            None => 0,
        }
    }

    /// An argument's value, the client's or a variable's default.
    fn value(&self, field: &Field<'w>, name: &str) -> Option<Argument<'w>> {
        let (_, argument) = field.arguments.iter().find(|(argument, _)| *argument == name)?;
        let Argument::Variable(variable) = argument else { return Some(*argument) };
        let default = || self.operation.defaults.iter().find(|(name, _)| name == variable).map(|(_, value)| *value);
        self.variables.argument(variable).or_else(default)
    }
}
