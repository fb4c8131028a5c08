//! The committed schema is fresh, documented, and cannot fail open.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
};

use healthbridge::{SUBGRAPHS, Subgraph, portable};
use healthbridge_graphql::ScopeRules;
use sha2::{Digest, Sha256};

fn committed(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_subgraphs_committed_sdl_is_the_one_in_the_code() {
    for subgraph in SUBGRAPHS {
        let file = format!("{}.graphql", subgraph.name());
        assert!(committed(&file) == (subgraph.description().sdl)(), "schema/{file} is stale: run ./dev schema");
    }
}

#[test]
fn the_committed_table_of_rights_is_the_one_in_the_code() {
    let fresh = healthbridge::authorization::render();
    assert!(committed("../docs/authorization.md") == fresh, "docs/authorization.md is stale: run ./dev schema");
}

#[test]
fn the_committed_table_of_errors_is_the_one_in_the_code() {
    let fresh = healthbridge::errors::render();
    assert!(committed("../docs/errors.md") == fresh, "docs/errors.md is stale: run ./dev schema");
}

#[test]
fn each_directive_is_defined_once_and_every_scalar_says_where_it_is_specified() {
    let api = committed("api.graphql");
    for scalar in api.lines().filter(|line| line.starts_with("scalar ")) {
        assert!(scalar.contains("@specifiedBy(url: \"http"), "{scalar}");
    }
    let supergraph = committed("supergraph.graphql");
    for directive in ["skip", "include", "deprecated", "specifiedBy", "oneOf"] {
        // Every GraphQL server has them.
        assert!(!supergraph.contains(&format!("directive @{directive}")), "@{directive} is defined");
    }
}

/// The line that a supergraph has which was composed from this SDL.
fn composed_from(sdl: impl Fn(Subgraph) -> String) -> String {
    let mut digest = Sha256::new();
    for subgraph in SUBGRAPHS {
        digest.update(format!("{}\n{}\n", subgraph.name(), sdl(subgraph)));
    }
    format!("# subgraphs-sha256: {}", hex::encode(digest.finalize()))
}

#[test]
fn the_supergraph_was_composed_from_exactly_these_subgraphs() {
    let line = composed_from(|subgraph| (subgraph.description().sdl)());
    let supergraph = committed("supergraph.graphql");
    assert!(
        supergraph.lines().take(3).any(|found| found == line),
        "schema/supergraph.graphql is stale: run ./dev schema"
    );
    assert_eq!(healthbridge_router::SUPERGRAPH, supergraph);
}

#[test]
fn the_portable_schema_is_the_same_without_the_directive_that_other_routers_refuse() {
    let portable = |subgraph: Subgraph| portable::sdl(&(subgraph.description().sdl)());
    for subgraph in SUBGRAPHS {
        let file = format!("portable/{}.graphql", subgraph.name());
        assert!(committed(&file) == portable(subgraph), "schema/{file} is stale: run ./dev schema");
    }
    let supergraph = committed("portable/supergraph.graphql");
    let is_fresh = supergraph.lines().take(3).any(|line| line == composed_from(portable));
    assert!(is_fresh, "schema/portable/supergraph.graphql is stale: run ./dev schema");
    assert!(!supergraph.contains("requiresScopes"));
}

#[test]
fn the_published_manifest_has_each_published_operation_by_its_digest() {
    let manifest = committed("operations/persisted-documents.json");
    let manifest: BTreeMap<String, String> = serde_json::from_str(&manifest).expect("a manifest");
    // The composer sorts the document's parts: what is compared has no order.
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().filter(|letter| !letter.is_whitespace() && *letter != ',').collect();
        letters.sort_unstable();
        letters
    };
    let mut known: Vec<_> = manifest.values().map(|document| letters(document)).collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema/operations");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql"));
    let mut published: Vec<_> = files
        .map(|path| fs::read_to_string(path).expect("an operation"))
        .map(|text| letters(&text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<String>()))
        .collect();
    known.sort();
    published.sort();
    assert!(known == published, "schema/operations/persisted-documents.json is stale: run ./dev schema");
    for (id, document) in &manifest {
        assert_eq!(*id, format!("sha256:{}", hex::encode(Sha256::digest(document))));
    }
}

#[test]
fn the_supergraph_links_and_has_every_scope() {
    let supergraph = committed("supergraph.graphql");
    // Without this link a router enforces nothing.
    assert!(
        supergraph.contains("https://specs.apollo.dev/requiresScopes/v0.1"),
        "the link of requiresScopes is missing"
    );
    let wanted: usize =
        SUBGRAPHS.iter().map(|subgraph| ScopeRules::scoped_fields(&(subgraph.description().sdl)()).len()).sum();
    let found = supergraph.lines().filter(|line| line.contains("@requiresScopes(") && line.contains(':')).count();
    assert!(found >= wanted, "{found} of {wanted} scoped fields are in the supergraph");
}

#[test]
fn every_scoped_field_may_be_null_and_every_root_field_is_scoped_or_open_by_the_table_of_rights() {
    // The first four by the table of rights; the next ones are the caller's own session and refuse the anonymous themselves.
    // Open to the anonymous, or about the caller alone.
    let open = [
        "signIn",
        "signInWithToken",
        "registerUser",
        "refreshSession",
        "completePasswordReset",
        "me",
        "signOut",
        "changePassword",
        "reauthenticate",
        "beginTotp",
        "confirmTotp",
        "disableTotp",
        "_service",
        "_entities",
    ];
    for subgraph in SUBGRAPHS {
        let sdl = (subgraph.description().sdl)();
        let scoped = ScopeRules::scoped_fields(&sdl);
        for field in &scoped {
            assert!(!field.return_type.ends_with('!'), "{}.{} would null its parent", field.type_name, field.field);
        }
        for (type_name, field) in root_fields(&sdl) {
            let is_scoped = scoped.iter().any(|one| one.type_name == type_name && one.field == field);
            assert!(is_scoped || open.contains(&field.as_str()), "{type_name}.{field} of {} is open", subgraph.name());
        }
    }
}

#[test]
fn every_type_field_argument_and_value_says_what_it_is() {
    let document = async_graphql_parser::parse_schema(committed("api.graphql")).expect("the schema parses");
    let mut silent = Vec::new();
    for definition in document.definitions {
        use async_graphql_parser::types::{TypeKind, TypeSystemDefinition};
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        let mut note = |what: String, is_silent: bool| silent.extend(is_silent.then_some(what));
        let built_in = ["Query", "Mutation", "DateTime", "UUID"];
        note(name.clone(), definition.node.description.is_none() && !built_in.contains(&name.as_str()));
        match definition.node.kind {
            TypeKind::Object(object) => {
                for field in object.fields {
                    let field = field.node;
                    note(format!("{name}.{}", field.name.node), field.description.is_none());
                    for argument in field.arguments {
                        let path = format!("{name}.{}({})", field.name.node, argument.node.name.node);
                        let is_plain = matches!(argument.node.name.node.as_str(), "id" | "input");
                        note(path, argument.node.description.is_none() && !is_plain);
                    }
                }
            }
            TypeKind::InputObject(object) => {
                for field in object.fields {
                    note(format!("{name}.{}", field.node.name.node), field.node.description.is_none());
                }
            }
            TypeKind::Enum(object) => {
                for value in object.values {
                    note(format!("{name}.{}", value.node.value.node), value.node.description.is_none());
                }
            }
            _ => {}
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

#[test]
fn what_several_subgraphs_say_of_one_thing_is_the_same() {
    use async_graphql_parser::types::{TypeKind, TypeSystemDefinition};
    let mut said: HashMap<String, (String, &str)> = HashMap::new();
    let mut shared = 0;
    let mut note = |what: String, about: Option<&str>, subgraph: &'static str| {
        let about = about.unwrap_or_default().to_owned();
        if let Some((elsewhere, other)) = said.get(&what) {
            assert_eq!(*elsewhere, about, "{what} in {other} and in {subgraph}");
            shared += 1;
        }
        said.insert(what, (about, subgraph));
    };
    for subgraph in SUBGRAPHS {
        let sdl = (subgraph.description().sdl)();
        for definition in async_graphql_parser::parse_schema(&sdl).expect("the SDL parses").definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let (name, definition) = (definition.node.name.node.to_string(), definition.node);
            note(name.clone(), definition.description.as_ref().map(|about| about.node.as_str()), subgraph.name());
            if let TypeKind::Object(object) = definition.kind {
                for field in object.fields {
                    let about = field.node.description.as_ref().map(|about| about.node.as_str());
                    note(format!("{name}.{}", field.node.name.node), about, subgraph.name());
                }
            }
        }
    }
    assert!(shared > 50, "only {shared} things are in several subgraphs");
}

fn root_fields(sdl: &str) -> Vec<(String, String)> {
    use async_graphql_parser::types::{TypeKind, TypeSystemDefinition};
    let document = async_graphql_parser::parse_schema(sdl).expect("the SDL parses");
    let mut fields = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        if let (TypeKind::Object(object), "Query" | "Mutation") = (definition.node.kind, name.as_str()) {
            fields.extend(object.fields.iter().map(|field| (name.clone(), field.node.name.node.to_string())));
        }
    }
    fields
}
