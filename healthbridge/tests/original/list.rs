//! `docs/original.md`, made of what stands above the functions that try each line.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

/// The files with the functions.
const FILES: [(&str, &str); 6] = [
    ("people.rs", include_str!("people.rs")),
    ("images.rs", include_str!("images.rs")),
    ("diagnosis.rs", include_str!("diagnosis.rs")),
    ("clinic.rs", include_str!("clinic.rs")),
    ("billing.rs", include_str!("billing.rs")),
    ("parts.rs", include_str!("parts.rs")),
];

/// The operations of the system that this one succeeds.
const OPERATIONS: &str = include_str!("operations.txt");

/// An operation, what answers it, and the function that tries it.
struct Line {
    operation: &'static str,
    answer: &'static str,
    file: &'static str,
    function: &'static str,
}

fn lines() -> Vec<Line> {
    let read = |(file, text): &(&'static str, &'static str)| {
        let mut found = Vec::new();
        let mut rows = text.lines().peekable();
        while let Some(row) = rows.next() {
            let Some((operation, answer)) = row.strip_prefix("/// `").and_then(|rest| rest.split_once("`: ")) else {
                continue;
            };
            let next =
                rows.peek().and_then(|row| row.strip_prefix("async fn ")).expect("a function below its operation");
            let function = next.split('(').next().expect("a name");
            found.push(Line { operation, answer, file, function });
        }
        found
    };
    FILES.iter().flat_map(read).collect()
}

fn page(lines: &[Line]) -> String {
    let mut page = "# What became of the original's operations\n\nHealthBridge succeeds a set of REST services. Each of their \
        operations has its answer in the graph, which a test tries\nthrough the router. This page is made from those tests, \
        `healthbridge/tests/original`, by `./dev schema`.\n\n| REST | answer | test |\n|---|---|---|\n"
        .to_owned();
    for Line { operation, answer, file, function } in lines {
        let path = format!("../healthbridge/tests/original/{file}");
        writeln!(page, "| `{operation}` | {answer} | [`{function}`]({path}) |").expect("text");
    }
    page
}

#[test]
fn every_operation_of_the_original_is_answered_and_tried_and_the_page_about_it_is_fresh() {
    let lines = lines();
    let tried: Vec<_> = lines.iter().map(|line| line.operation).collect();
    let unique: BTreeSet<_> = tried.iter().copied().collect();
    assert_eq!(tried.len(), unique.len(), "an operation is tried twice");
    assert_eq!(unique, OPERATIONS.lines().collect(), "what is tried, and what there was");
    for line in &lines {
        let text = FILES.iter().find(|(file, _)| *file == line.file).expect("the file").1;
        let calls = text.matches(&format!("{}(", line.function)).count();
        assert!(calls > 1, "nobody calls {}", line.function);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/original.md");
    let page = page(&lines);
    if std::env::var_os("HEALTHBRIDGE_WRITE").is_some() {
        fs::write(&file, &page).expect("written");
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), page, "docs/original.md is stale: run ./dev schema");
}
