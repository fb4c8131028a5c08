//! A schema, read from its SDL, and queries for everything in it.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use async_graphql_parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, ObjectType, Type, TypeKind, TypeSystemDefinition},
};

/// A schema's types.
#[derive(Debug, Default)]
pub struct Graph {
    objects: HashMap<String, Vec<Field>>,
    unions: HashMap<String, Vec<String>>,
    inputs: HashMap<String, Vec<(String, String)>>,
    enums: HashMap<String, Vec<String>>,
    keys: HashMap<String, Vec<String>>,
}

/// A field of an object type.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// The type without lists and non-nulls.
    pub type_name: String,
    /// Whether it identifies its entity.
    pub is_key: bool,
    /// Arguments: name, type, and whether one has to be given.
    pub arguments: Vec<(String, String, bool)>,
}

/// A field that is asked for, with what is asked for below it.
#[derive(Clone, Debug)]
pub struct Selected {
    pub parent: String,
    pub field: Field,
    pub below: Vec<Selected>,
}

/// How many levels of objects are asked for, and from which on of an entity only what it has itself: the limits of the
/// router hold for this test, too.
const DEPTH: usize = 6;
const SHALLOW: usize = 3;

impl Graph {
    pub fn read(sdl: &str) -> Self {
        let mut graph = Self::default();
        for definition in parse_schema(sdl).expect("the SDL parses").definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let definition = definition.node;
            let name = definition.name.node.to_string();
            let keys: Vec<String> = definition
                .directives
                .iter()
                .filter(|directive| directive.node.name.node == "key")
                .filter_map(|directive| Some(directive.node.get_argument("fields")?.node.to_string()))
                .map(|fields| fields.trim_matches('"').to_owned())
                .collect();
            if !keys.is_empty() {
                graph.keys.insert(name.clone(), keys);
            }
            match definition.kind {
                TypeKind::Object(object) => {
                    let fields = fields(&object);
                    graph.objects.entry(name).or_default().extend(fields);
                }
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|member| member.node.to_string()).collect();
                    graph.unions.insert(name, members);
                }
                TypeKind::InputObject(input) => {
                    let fields = input
                        .fields
                        .iter()
                        .map(|field| (field.node.name.node.to_string(), field.node.ty.node.to_string()));
                    graph.inputs.insert(name, fields.collect());
                }
                TypeKind::Enum(values) => {
                    let values = values.values.iter().map(|value| value.node.value.node.to_string()).collect();
                    graph.enums.insert(name, values);
                }
                _ => {}
            }
        }
        graph
    }

    /// Marks the keys of entities, which another schema knows.
    pub fn mark_keys<'a>(&mut self, others: impl Iterator<Item = &'a Graph>) {
        let mut keys: Vec<(String, String)> = Vec::new();
        for graph in others {
            keys.extend(graph.entity_keys());
        }
        for (type_name, key) in keys {
            for field in self.objects.get_mut(&type_name).into_iter().flatten().filter(|field| field.name == key) {
                field.is_key = true;
            }
        }
    }

    /// Entities with their keys.
    pub fn entity_keys(&self) -> Vec<(String, String)> {
        let pairs = |(name, keys): (&String, &Vec<String>)| {
            keys.iter().map(|key| (name.clone(), key.clone())).collect::<Vec<_>>()
        };
        self.keys.iter().flat_map(pairs).collect()
    }

    pub fn is_object(&self, type_name: &str) -> bool {
        self.objects.contains_key(type_name)
    }

    pub fn roots(&self, type_name: &str) -> Vec<Field> {
        let roots = self.objects.get(type_name).cloned().unwrap_or_default();
        roots.into_iter().filter(|field| !field.name.starts_with('_')).collect()
    }

    pub fn fields_of(&self, type_name: &str) -> &[Field] {
        self.objects.get(type_name).map_or(&[], Vec::as_slice)
    }

    pub fn field(&self, type_name: &str, field: &str) -> Option<&Field> {
        self.objects.get(type_name)?.iter().find(|one| one.name == field)
    }

    pub fn has_field(&self, type_name: &str, field: &str) -> bool {
        self.field(type_name, field).is_some()
    }

    /// Every object type but the roots.
    pub fn types(&self) -> impl Iterator<Item = &String> {
        self.objects.keys().filter(|name| !matches!(name.as_str(), "Query" | "Mutation") && !name.starts_with('_'))
    }

    /// Everything below a type; a type is not asked for again below itself.
    pub fn everything(&self, type_name: &str) -> Vec<Selected> {
        self.below(type_name, &mut Vec::new(), &mut BTreeSet::new())
    }

    /// `seen` are the kinds of entities that were looked at whole below the entity that this is a part of: who wrote a report,
    /// who signed it and who took note of it are the same people.
    fn below(&self, type_name: &str, path: &mut Vec<String>, seen: &mut BTreeSet<String>) -> Vec<Selected> {
        if let Some(members) = self.unions.get(type_name) {
            let is_deep = path.len() > SHALLOW;
            return members.iter().filter(|_| !is_deep).flat_map(|member| self.leaves(member)).collect();
        }
        let Some(fields) = self.objects.get(type_name) else { return Vec::new() };
        if self.has_field(type_name, "id") && path.len() > SHALLOW {
            return self.leaves(type_name);
        }
        path.push(type_name.to_owned());
        let mut own = BTreeSet::new();
        let seen = if self.has_field(type_name, "id") { &mut own } else { seen };
        let mut all = Vec::new();
        for field in fields {
            let is_again = self.has_field(&field.type_name, "id") && !seen.insert(field.type_name.clone());
            let is_leaf = !self.objects.contains_key(&field.type_name) && !self.unions.contains_key(&field.type_name);
            let below = if is_leaf {
                Vec::new()
            } else if path.contains(&field.type_name) || path.len() >= DEPTH {
                continue;
            } else if is_again {
                self.leaves(&field.type_name)
            } else {
                self.below(&field.type_name, path, seen)
            };
            if is_leaf || !below.is_empty() {
                all.push(Selected { parent: type_name.to_owned(), field: field.clone(), below });
            }
        }
        path.pop();
        all
    }

    /// The values of an enum.
    pub fn is_enum(&self, type_name: &str) -> bool {
        self.enums.contains_key(type_name)
    }

    /// The fields of an input, with their types.
    pub fn input(&self, type_name: &str) -> Option<&[(String, String)]> {
        self.inputs.get(type_name).map(Vec::as_slice)
    }

    /// What a type has itself.
    fn leaves(&self, type_name: &str) -> Vec<Selected> {
        let is_leaf = |field: &&Field| {
            !self.objects.contains_key(&field.type_name) && !self.unions.contains_key(&field.type_name)
        };
        let fields = self.objects.get(type_name).into_iter().flatten().filter(is_leaf);
        fields.map(|field| Selected { parent: type_name.to_owned(), field: field.clone(), below: Vec::new() }).collect()
    }

    /// A selection as a query has it. Lists are short, and their filters as wide as they can be.
    pub fn write(&self, selected: &[Selected]) -> String {
        let mut text = String::new();
        let mut parents: Vec<&str> = selected.iter().map(|one| one.parent.as_str()).collect();
        parents.dedup();
        let is_union = parents.len() > 1;
        for parent in &parents {
            if is_union {
                write!(text, "... on {parent} {{ ").expect("a String takes everything");
            }
            for one in selected.iter().filter(|one| one.parent == *parent) {
                let name = &one.field.name;
                let answer = Self::answer_name(one, selected);
                let name = if answer == *name { answer } else { format!("{answer}: {name}") };
                write!(text, "{name}{} ", self.arguments(&one.field)).expect("a String takes everything");
                if !one.below.is_empty() {
                    write!(text, "{{ {}}} ", self.write(&one.below)).expect("a String takes everything");
                }
            }
            if is_union {
                text.push_str("} ");
            }
        }
        text
    }

    /// How the answer names a field that was asked for: below a union two members may have fields of one name and different
    /// types.
    pub fn answer_name(one: &Selected, all: &[Selected]) -> String {
        let is_shared = all.iter().any(|other| other.parent != one.parent && other.field.name == one.field.name);
        if is_shared { format!("{}_{}", one.parent, one.field.name) } else { one.field.name.clone() }
    }

    fn arguments(&self, field: &Field) -> String {
        let mut arguments = Vec::new();
        for (name, type_name, is_required) in &field.arguments {
            match name.as_str() {
                "first" => arguments.push("first: 3".to_owned()),
                "filter" => arguments.push(format!("filter: {}", self.wide_filter(type_name))),
                _ => assert!(!is_required, "teach the matrix the argument {name} of {}", field.name),
            }
        }
        if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) }
    }

    /// A filter that shows whatever can be shown: of every list of values all of them, and no default.
    pub fn wide_filter(&self, input: &str) -> String {
        let fields = &self.inputs[input.trim_end_matches('!')];
        let parts = fields.iter().filter_map(|(name, type_name)| {
            let values = self.enums.get(type_name.trim_matches(['[', ']', '!']));
            match (type_name.starts_with('['), values) {
                (true, Some(values)) => Some(format!("{name}: [{}]", values.join(", "))),
                _ if name == "active" => Some(format!("{name}: null")),
                _ => None,
            }
        });
        format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
    }
}

fn fields(object: &ObjectType) -> Vec<Field> {
    object.fields.iter().map(|field| read_field(&field.node)).collect()
}

fn read_field(field: &FieldDefinition) -> Field {
    let argument = |argument: &async_graphql_parser::types::InputValueDefinition| {
        let is_required = !argument.ty.node.nullable && argument.default_value.is_none();
        (argument.name.node.to_string(), argument.ty.node.to_string(), is_required)
    };
    Field {
        name: field.name.node.to_string(),
        type_name: base(&field.ty.node),
        is_key: false,
        arguments: field.arguments.iter().map(|one| argument(&one.node)).collect(),
    }
}

fn base(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => base(inner),
    }
}
