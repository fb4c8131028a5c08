//! What a door checks of bytes from outside before anything parses or runs them: nesting, expansion, cost.
//!
//! Belongs here: bounds that the router and the subgraphs share, without IO. Does not belong here: HTTP, rights, any
//! parser's own types beyond reading them.
//!
//! The checks stand in this order, each making the next one safe: [`json::check`] over the raw body, [`text::check`] over
//! the GraphQL text, then a parser may run; [`Document::check`] bounds what fragments expand to, and only then
//! [`Costs::of`] walks the expanded operation.

mod cost;
mod document;
mod executable;
pub mod json;
mod refusal;
pub mod text;

pub use cost::{Costs, Variables};
pub use document::{Argument, Document, Field, Fragment, Operation, Selection};
pub use executable::document as executable_document;
pub use refusal::{Refusal, RefusalCode};

/// How much a GraphQL request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Brackets within each other, in JSON and in GraphQL's text, and selection sets through fragments.
    pub nesting: usize,
    /// Tokens of a document.
    pub tokens: usize,
    /// Fields, spreads, aliases and directives of a document after its fragments are spread.
    pub expansion: u64,
    /// Entities that all `_entities` fields of a request ask for.
    pub representations: u64,
    /// Fields that an operation may come to be resolved, after its page sizes.
    pub cost: u64,
}

impl Limits {
    /// What a client may send to the router.
    pub const CLIENT: Self = Self { nesting: 64, tokens: 10_000, expansion: 10_000, representations: 1000, cost: 50_000 };

    /// What a subgraph takes: the router writes fragments out, and asks for what a whole page of parents needs.
    pub const SUBGRAPH: Self = Self { tokens: 50_000, ..Self::CLIENT };
}
