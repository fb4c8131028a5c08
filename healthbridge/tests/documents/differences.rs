//! Where a document is judged otherwise than graphql-js does, or not alike by the router and a subgraph, with the reason.

/// The documents that the router and the subgraphs judge alike, and the reference otherwise, and why.
pub const FROM_REFERENCE: &[(&[&str], &str)] = &[
    (
        &["a unicode escape in braces"],
        "The grammar of 2021 has `\\u{…}`; neither parser reads it yet. A client can write the character itself.",
    ),
    (
        &["a description before an operation", "a description before a variable"],
        "Descriptions of operations and variables are of the edition of 2025; the parsers are of 2021.",
    ),
    (
        &["a definition of a type among operations"],
        "Our parsers read operations alone: what else there is they call a syntax error.",
    ),
    (
        &["a subscription where there are none"],
        "The reference refuses it as it executes, outside of what is compared here.",
    ),
    (
        &["a fragment that spreads itself", "fragments that spread each other"],
        "Our door refuses fragments in circles before anybody walks the document, and tells no place.",
    ),
    (
        &[
            "a field that begins with a digit",
            "a string that does not end",
            "a string over two lines",
            "an escape that is none",
            "a short unicode escape",
            "a block string that does not end",
            "a number with a trailing dot",
            "a number with letters",
            "a variable without a type",
            "an argument without a colon",
        ],
        "The parser points at the beginning of the token or of the rule that fails, the reference at the character within it.",
    ),
    (
        &[
            "an argument twice",
            "a directive twice",
            "two fragments of one name",
            "two operations of one name",
            "a variable twice",
            "fields that do not merge",
            "arguments that do not merge",
            "fields below that do not merge",
            "fields of fragments that do not merge",
        ],
        "The judge points at the second of the two, the reference at the first.",
    ),
    (
        &[
            "a field that does not exist below an alias",
            "a leaf with a selection",
            "an enum with a selection",
            "a typename with a selection",
            "a fragment that does not exist",
            "a variable of a type that does not exist",
            "a variable of an output type",
        ],
        "The judge points at the field's own name, the whole field, the spread or the variable, the reference at its alias, into it, or at the type.",
    ),
    (
        &[
            "a variable of another type",
            "a variable that may be null where null may not be",
            "a list variable where there is no list",
            "a variable in an input of another type",
            "a variable in a directive of another type",
        ],
        "The judge points at where the variable is used, the reference at where it is declared.",
    ),
    (
        &[
            "null for a required argument",
            "null for a required field of an input",
            "a field of an input that it has not",
        ],
        "The judge points at the field or the object that wants a value, the reference at the value.",
    ),
    (
        &["a fragment on a leaf", "an inline fragment on an enum", "a fragment on an input"],
        "The judge tells first of the field that the type has not, the reference of the type.",
    ),
];

/// The documents that the router and a subgraph judge otherwise, and why.
pub const BETWEEN: &[(&[&str], &str)] = &[(
    &["two fragments of one name", "two operations of one name"],
    "The subgraphs' parser finds it before the judge does, and points at the first of the two.",
)];
