//! The checks of a document, as a subgraph makes them.

use std::fmt::Write;

use async_graphql_parser::parse_query;
use healthbridge_door::{Argument, Costs, ErrorCode, Limits, Refusal, Variables, executable_document, text};

const SDL: &str = "
    type Query {
        patient: Patient
        patients(first: Int, last: Int): PatientConnection
        _entities(representations: [_Any!]!): [_Entity]!
    }
    type PatientConnection { nodes: [Patient!]! pageInfo: PageInfo! }
    type PageInfo { hasNextPage: Boolean! }
    type Patient { name: String images(first: Int = 10): ImageConnection codes: [Code!]! }
    type ImageConnection { nodes: [Image!]! }
    type Image { name: String patient: Patient }
    type Code { system: String }
    union _Entity = Patient | Image
    scalar _Any
";

struct Sent(Vec<(&'static str, Argument<'static>)>);

impl Variables for Sent {
    fn argument(&self, name: &str) -> Option<Argument<'static>> {
        self.0.iter().find(|(sent, _)| *sent == name).map(|(_, value)| *value)
    }
}

fn check_with(document: &str, limits: &Limits, variables: &Sent) -> Result<u64, Refusal> {
    text::check(document, limits)?;
    let parsed = parse_query(document).expect("a document");
    let document = executable_document(&parsed);
    document.check(limits)?;
    let operation = document.operation(None)?.expect("an operation");
    Costs::from_sdl(SDL).expect("a schema").of(&document, operation, variables, limits)
}

fn check(document: &str) -> Result<u64, Refusal> {
    check_with(document, &Limits::default(), &Sent(Vec::new()))
}

fn code(checked: Result<u64, Refusal>) -> ErrorCode {
    checked.expect_err("refused").code
}

/// `count` fragments of which each spreads the next one `width` times.
fn fragments(count: usize, width: usize) -> String {
    let mut document = "{ patient { ...f0 } }".to_owned();
    for index in 0..count {
        let spreads = format!("...f{} ", index + 1).repeat(width);
        write!(document, " fragment f{index} on Patient {{ {spreads} }}").expect("a text");
    }
    write!(document, " fragment f{count} on Patient {{ name }}").expect("a text");
    document
}

/// So many fields under other names.
fn aliases(count: usize) -> String {
    (0..count).fold(String::new(), |all, index| all + &format!("a{index}: name "))
}

#[test]
fn fragments_that_multiply_are_counted_without_being_spread() {
    assert!(check(&fragments(2, 11)).is_ok());
    assert_eq!(code(check(&fragments(6, 12))), ErrorCode::GraphqlValidationFailed);
    assert_eq!(code(check(&fragments(20, 2))), ErrorCode::GraphqlValidationFailed);
    assert_eq!(code(check(&fragments(60, 12))), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn fragments_that_multiply_are_counted_where_nobody_spreads_them() {
    let unused = fragments(20, 2).replace("...f0", "name");
    assert_eq!(code(check(&unused)), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn a_chain_of_fragments_is_as_deep_as_brackets_are() {
    assert!(check(&fragments(40, 1)).is_ok());
    assert_eq!(code(check(&fragments(80, 1))), ErrorCode::GraphqlValidationFailed);
    assert_eq!(code(check(&fragments(1900, 1))), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn a_fragment_that_was_measured_elsewhere_still_counts_its_depth() {
    let chain = fragments(30, 1).replace("{ patient { ...f0 } }", "");
    let deep = format!("{{ patient {{ ...f0 {} ...f0 {} }} }} {chain}", "... { ".repeat(15), "} ".repeat(15));
    assert!(check(&deep).is_ok());
    let deeper = format!("{{ patient {{ ...f0 {} ...f0 {} }} }} {chain}", "... { ".repeat(20), "} ".repeat(20));
    assert_eq!(code(check(&deeper)), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn a_fragment_that_spreads_itself_is_refused() {
    let alone = "{ patient { ...a } } fragment a on Patient { name ...a }";
    assert_eq!(code(check(alone)), ErrorCode::GraphqlValidationFailed);
    let round = "{ patient { name } } fragment a on Patient { ...b } fragment b on Patient { ...a }";
    assert_eq!(code(check(round)), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn directives_and_aliases_count_as_fields_do() {
    let few = format!("{{ patient {{ name {} }} }}", "@skip(if: false)".repeat(900));
    assert!(check(&few).is_ok());
    let limits = Limits { expansion: 500, ..Limits::default() };
    assert_eq!(code(check_with(&few, &limits, &Sent(Vec::new()))), ErrorCode::GraphqlValidationFailed);
    let aliases = aliases(300);
    let many = format!("{{ patient {{ {aliases} }} }}");
    assert_eq!(code(check_with(&many, &limits, &Sent(Vec::new()))), ErrorCode::GraphqlValidationFailed);
}

#[test]
fn fields_that_are_the_same_again_and_again_are_refused_before_they_are_compared() {
    assert!(check(&format!("{{ patient {{ {} }} }}", "name ".repeat(140))).is_ok());
    assert_eq!(
        code(check(&format!("{{ patient {{ {} }} }}", "name ".repeat(150)))),
        ErrorCode::GraphqlValidationFailed
    );
    // The same place through other objects and fragments.
    assert_eq!(code(check(&format!("{{ {} }}", "patient { name } ".repeat(150)))), ErrorCode::GraphqlValidationFailed);
    let spread = format!("{{ patient {{ {} }} }} fragment f on Patient {{ a: name }}", "... { ...f } ".repeat(150));
    assert_eq!(code(check(&spread)), ErrorCode::GraphqlValidationFailed);
    let unused = format!("{{ patient {{ name }} }} fragment f on Patient {{ {} }}", "name ".repeat(150));
    assert_eq!(code(check(&unused)), ErrorCode::GraphqlValidationFailed);
    // Other names are other places.
    let others = aliases(300);
    assert!(check(&format!("{{ patient {{ {others} }} }}")).is_ok());
}

#[test]
fn an_operation_costs_its_fields_times_their_pages() {
    assert_eq!(check("{ patient { name } }"), Ok(2));
    // patients, nodes, 3 × name
    assert_eq!(check("{ patients(first: 3) { nodes { name } } }"), Ok(5));
    assert_eq!(check("{ patients { nodes { name } pageInfo { hasNextPage } } }"), Ok(2 + 25 + 2));
    // A list without pages is taken for ten.
    assert_eq!(check("{ patient { codes { system } } }"), Ok(2 + 10));
    assert_eq!(check("{ patients(last: 7, first: null) { nodes { name } } }"), Ok(2 + 7));
    assert_eq!(check("{ patients(last: 7) { nodes { name } } }"), Ok(2 + 7));
}

#[test]
fn pages_come_from_variables_and_their_defaults() {
    let document = "query ($size: Int = 4) { patients(first: $size) { nodes { name } } }";
    assert_eq!(check(document), Ok(2 + 4));
    let sent = Sent(vec![("size", Argument::Number(9))]);
    assert_eq!(check_with(document, &Limits::default(), &sent), Ok(2 + 9));
}

#[test]
fn pages_of_pages_multiply_until_they_are_refused_with_cost_and_limit() {
    let round = "images(first: 100) { nodes { patient { ";
    let of = |times: usize| format!("{{ patient {{ {} name {} }} }}", round.repeat(times), "} } }".repeat(times));
    assert!(check(&of(1)).is_ok());
    assert!(check(&of(2)).is_ok());
    let refusal = check(&of(3)).expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::QueryTooCostly);
    let (cost, limit) = refusal.cost.expect("both are told");
    assert!(cost > 1_000_000 && limit == Limits::default().cost, "{cost} {limit}");
    // Nothing overflows.
    assert_eq!(check(&of(14)).expect_err("refused").code, ErrorCode::QueryTooCostly);
}

#[test]
fn representations_are_counted_in_every_form_and_together() {
    let sent = Sent(vec![("all", Argument::List(600))]);
    let once = "query ($all: [_Any!]!) { _entities(representations: $all) { ... on Patient { name } } }";
    assert!(check_with(once, &Limits::default().behind_router(), &sent).is_ok());
    let twice = "query ($all: [_Any!]!) { a: _entities(representations: $all) { ... on Patient { name } }
        b: _entities(representations: $all) { ... on Patient { name } } }";
    assert_eq!(code(check_with(twice, &Limits::default().behind_router(), &sent)), ErrorCode::BadUserInput);
    let literal = |count: usize| {
        let all = "{__typename: \"Patient\"} ".repeat(count);
        format!("{{ _entities(representations: [{all}]) {{ ... on Patient {{ name }} }} }}")
    };
    assert!(check_with(&literal(1000), &Limits::default().behind_router(), &sent).is_ok());
    assert_eq!(code(check_with(&literal(1001), &Limits::default().behind_router(), &sent)), ErrorCode::BadUserInput);
}

#[test]
fn several_operations_need_a_name() {
    assert_eq!(
        code(check("query a { patient { name } } query b { patient { name } }")),
        ErrorCode::OperationResolutionFailure
    );
}

#[test]
fn introspection_goes_through_once_and_not_in_circles() {
    let whole = "{ __schema { types { name fields { name type { name ofType { name ofType { name } } } } } } }";
    assert!(check(whole).is_ok());
    let circles = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(code(check(circles)), ErrorCode::GraphqlValidationFailed);
}
