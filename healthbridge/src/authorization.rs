//! Renders who may do what, from the one table in code and the published schema: `docs/authorization.md`.

use std::fmt::Write;

use healthbridge_graphql::ScopeRules;
use healthbridge_rights::{Role, scopes_of};
use healthbridge_terms::Coded;

use crate::SUBGRAPHS;

/// The document.
pub fn render() -> String {
    let mut text =
        "# Who may do what\n\nRendered by `./dev schema` from the table of rights and the published schema; do not \
                    edit.\n\n## Scopes of each role\n\n| role | scopes |\n|---|---|\n"
            .to_owned();
    for role in Role::all() {
        let scopes = scopes_of(role);
        let list = if scopes.is_empty() { "those that it was created with".to_owned() } else { scopes.join(" ") };
        writeln!(text, "| {role} | {list} |").expect("writing to a String cannot fail");
    }
    text.push_str(
        "\nA PATIENT's `patient/` scopes reach the own record only. A row that a caller may not see looks absent.\n",
    );
    for subgraph in SUBGRAPHS {
        let mut fields = ScopeRules::scoped_fields(&(subgraph.description().sdl)());
        fields.sort_by(|a, b| (&a.type_name, &a.field).cmp(&(&b.type_name, &b.field)));
        write!(text, "\n## {}\n\n| field | one of |\n|---|---|\n", subgraph.name())
            .expect("writing to a String cannot fail");
        for field in fields {
            let ways: Vec<String> = field.alternatives.iter().map(|all| format!("`{}`", all.join("` and `"))).collect();
            writeln!(text, "| `{}.{}` | {} |", field.type_name, field.field, ways.join(", "))
                .expect("writing to a String cannot fail");
        }
    }
    text
}
