//! What every subgraph's GraphQL face shares: scalars, Relay connections, errors, authorization by `@requiresScopes`,
//! and the HTTP endpoint.
//!
//! Belongs here: GraphQL words that two subgraphs really use. Does not belong here: any domain of the hospital.

mod boundary;
mod code;
mod coding;
mod door;
mod endpoint;
mod graph;
mod list;
mod loader;
mod marks;
mod page;
mod presigned;
mod scalar;
mod scope_rules;
mod sdl;
mod user_error;

pub use boundary::FieldBoundary;
pub use code::{Code, codes};
pub use coding::{Coding, CodingInput};
pub use endpoint::{ClientAddress, Endpoint, Exposure, Lack, Readiness, RequestId};
pub use graph::Graph;
pub use list::{Below, List, below, listed, window};
pub use loader::{Batch, Loaders, entity, many, one};
pub use page::{Connection, Edge, PageInfo, total};
pub use presigned::{HttpHeader, Presigned};
pub use scalar::{BigInt, Date, Time, now, parse_id};
pub use scope_rules::{ScopeRules, ScopedField};
pub use user_error::{UserError, settled};

use std::sync::Arc;

use async_graphql::{Context, ObjectType, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType};
use healthbridge_rights::Caller;

/// The caller of the request; the endpoint puts it there.
pub fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_opt::<Caller>().unwrap_or(&Caller::Anonymous)
}

/// A service of the subgraph; its schema has it as `Arc<S>`.
pub fn service<'a, S: Send + Sync + 'static>(ctx: &Context<'a>) -> &'a S {
    ctx.data_unchecked::<Arc<S>>()
}

/// A subgraph's SDL, in an order of its own so that only real changes show.
pub fn sdl<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> String
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let schema = builder.enable_federation().finish();
    let options = SDLExportOptions::new().federation().sorted_fields().sorted_enum_items().include_specified_by();
    sdl::without_built_in_directives(&schema.sdl_with_options(options))
}

/// Finishes a subgraph's schema: federation, limits, and the boundary that enforces the `@requiresScopes` of its own SDL.
///
/// # Panics
/// When the SDL does not parse: it is our own schema's, and a subgraph without rules must not start.
pub fn finish<Q, M, S>(builder: SchemaBuilder<Q, M, S>, sdl: &str) -> Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let boundary = FieldBoundary::new(sdl);
    let door = boundary.door();
    let schema = builder
        .enable_federation()
        .disable_suggestions()
        .limit_depth(20)
        // The door refuses what is nested deeper, with a code.
        .limit_recursive_depth(usize::MAX)
        .limit_directives(20)
        .extension(boundary)
        .finish();
    door.judge_by(&schema.sdl());
    schema
}
