/// The directives that every GraphQL server has by itself.
const BUILT_IN: [&str; 5] = ["deprecated", "include", "oneOf", "skip", "specifiedBy"];

/// An SDL without the definitions of what needs none: composed with them, `@skip` and `@include` would be there twice.
pub(crate) fn without_built_in_directives(sdl: &str) -> String {
    const QUOTES: &str = "\"\"\"";
    let mut kept: Vec<&str> = Vec::new();
    for line in sdl.lines() {
        let name = line.strip_prefix("directive @").and_then(|rest| rest.split(['(', ' ']).next());
        if !name.is_some_and(|name| BUILT_IN.contains(&name)) {
            kept.push(line);
            continue;
        }
        // Its description stands before it.
        if kept.last() == Some(&QUOTES) {
            kept.pop();
            while kept.pop().is_some_and(|line| line != QUOTES) {}
        }
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_directive_goes_with_its_description_and_another_one_stays() {
        let text = "\"\"\"\nA type\n\"\"\"\ntype A {\n\ta: Int @deprecated\n}\n\"\"\"\nSkips\n\"\"\"\n";
        let sdl = format!("{text}directive @skip(if: Boolean!) on FIELD\ndirective @skipped on FIELD\n");
        let kept = "\"\"\"\nA type\n\"\"\"\ntype A {\n\ta: Int @deprecated\n}\ndirective @skipped on FIELD\n";
        assert_eq!(without_built_in_directives(&sdl), kept);
    }
}
