//! The subgraphs' SDL for routers that refuse `@requiresScopes`, or ask for a plan for it: without that directive. It says to
//! a router what the subgraphs enforce themselves.

/// The directive, as SDL has it.
const DIRECTIVE: &str = "@requiresScopes";

/// A subgraph's SDL without the directive.
#[must_use]
pub fn sdl(sdl: &str) -> String {
    let imported = format!(", \"{DIRECTIVE}\"");
    let begin = format!(" {DIRECTIVE}(");
    let unlinked = sdl.replace(&imported, "");
    let mut parts = unlinked.split(&begin);
    let first = parts.next().unwrap_or_default().to_owned();
    // Scopes have no parentheses.
    parts.fold(first, |portable, part| portable + part.split_once(')').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directive_is_gone_and_nothing_else() {
        let written = "type Query {\n\ta(id: ID!): A @requiresScopes(scopes: [[\"user/A.r\"], [\"policy:x\"]]) @tag(name: \"t\")\n}\n\
                       extend schema @link(url: \"u\", import: [\"@key\", \"@requiresScopes\"])\n";
        let portable =
            "type Query {\n\ta(id: ID!): A @tag(name: \"t\")\n}\nextend schema @link(url: \"u\", import: [\"@key\"])\n";
        assert_eq!(sdl(written), portable);
    }
}
