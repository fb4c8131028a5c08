//! What a door checks of bytes from outside before anything parses or runs them: nesting, expansion, cost.
//!
//! Belongs here: bounds that the router and the subgraphs share, without IO. Does not belong here: HTTP, rights, any
//! parser's own types beyond reading them.
//!
//! The checks stand in this order, each making the next one safe: [`json::check`] over the raw body, [`text::check`] over
//! the GraphQL text, then a parser may run; [`Document::check`] bounds what fragments expand to, and only then
//! [`Validation::check`] judges whether it fits the schema, and [`Costs::of`] walks the expanded operation.

mod cost;
mod document;
mod executable;
pub mod json;
mod refusal;
pub mod text;
mod twice;
mod validation;

pub use cost::{Costs, Variables};
pub use document::{Argument, Document, Field, Fragment, Operation, Selection};
pub use executable::{document as executable_document, parse};
pub use healthbridge_codes::ErrorCode;
pub use refusal::{Refusal, first_errors};
pub use validation::{InvalidSchema, Validation};

use serde::{Deserialize, Serialize};

/// How much a GraphQL request may ask for. Each limit has a default that suits a hospital's frontends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Arrays and objects of JSON within each other.
    pub json_nesting: usize,
    /// Brackets of a document within each other, and selection sets through fragments. The router's parser goes 50 deep
    /// and no further.
    pub nesting: usize,
    /// Tokens of a document.
    pub tokens: usize,
    /// Fields, spreads, aliases and directives of a document after its fragments are spread.
    pub expansion: u64,
    /// Pairs of fields with the same name at the same place, which validation compares one by one.
    pub overlaps: u64,
    /// Entities that all `_entities` fields of a request ask for.
    pub representations: u64,
    /// Fields that an operation may come to be resolved, if all of its pages are full.
    pub cost: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_nesting: 64,
            nesting: 50,
            tokens: 10_000,
            expansion: 10_000,
            overlaps: 10_000,
            representations: 1000,
            cost: 50_000,
        }
    }
}

impl Limits {
    /// What a subgraph takes where clients may send this to the router, which writes fragments out and asks for keys and
    /// type names beside.
    #[must_use]
    pub fn behind_router(self) -> Self {
        Self {
            nesting: self.nesting + 14,
            tokens: self.tokens.saturating_mul(5),
            expansion: self.expansion.saturating_mul(2),
            cost: self.cost.saturating_mul(2),
            ..self
        }
    }
}
