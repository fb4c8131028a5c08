//! The committed schema is fresh, documented, and cannot fail open.

use std::{fs, path::PathBuf};

use healthbridge::SUBGRAPHS;
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

#[test]
fn the_supergraph_was_composed_from_exactly_these_subgraphs() {
    let mut digest = Sha256::new();
    for subgraph in SUBGRAPHS {
        digest.update(format!("{}\n{}\n", subgraph.name(), (subgraph.description().sdl)()));
    }
    let line = format!("# subgraphs-sha256: {}", hex::encode(digest.finalize()));
    let supergraph = committed("supergraph.graphql");
    assert!(
        supergraph.lines().take(3).any(|found| found == line),
        "schema/supergraph.graphql is stale: run ./dev schema"
    );
    assert_eq!(healthbridge_router::SUPERGRAPH, supergraph);
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
