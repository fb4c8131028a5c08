use std::sync::Arc;

use async_graphql::{Executor, Request, Response};
use futures::{FutureExt, future::BoxFuture};
use healthbridge_rights::Caller;

use crate::Loaders;

/// A subgraph's schema, ready to answer: over HTTP or to another part of the program.
#[derive(Clone)]
pub struct Graph {
    /// The subgraph's name.
    pub name: &'static str,
    execute: Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>,
}

impl Graph {
    /// The graph of a schema.
    pub fn new(name: &'static str, schema: impl Executor) -> Self {
        let execute = move |request| {
            let schema = schema.clone();
            async move { schema.execute(request).await }.boxed()
        };
        Self { name, execute: Arc::new(execute) }
    }

    /// Answers a request with the rights of this caller.
    pub async fn execute(&self, request: Request, caller: Caller) -> Response {
        (self.execute)(request.data(Loaders::default()).data(caller)).await
    }
}
