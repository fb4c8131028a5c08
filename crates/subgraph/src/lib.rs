//! A subgraph as one value: what it is called, what it needs of the database, its schema, its routes and its jobs.
//!
//! Belongs here: what every subgraph is to the program. Does not belong here: any one subgraph.

use std::{error::Error, sync::Arc, time::Duration};

use async_graphql::{Executor, Request, Response};
use axum::Router;
use futures::{FutureExt, future::BoxFuture};
use healthbridge_auth::Verifier;
use healthbridge_graphql::{Endpoint, Exposure, Graph, Lack};
use healthbridge_jobs::Job;
use healthbridge_postgres::{Provision, idempotency, ping};
use healthbridge_rights::Caller;
use healthbridge_telemetry::causes;
use sqlx::PgPool;

/// How often idempotency keys are removed that are honoured no longer.
const FORGET_KEYS: Duration = Duration::from_secs(3600);

/// What is known of a subgraph before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its name in the supergraph, the configuration and the database.
    pub name: &'static str,
    /// Its part of the database.
    pub provision: Provision,
    /// Its SDL, which the supergraph is composed from.
    pub sdl: fn() -> String,
}

/// Says whether what a subgraph needs beside the database is there, or what it waits for.
type Need = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Lack>> + Send + Sync>;

/// A subgraph on its database.
pub struct Subgraph {
    graph: Graph,
    pool: PgPool,
    needs: Vec<Need>,
    routes: Router,
    jobs: Vec<Job>,
}

impl Subgraph {
    /// A subgraph with this schema. Old idempotency keys are removed beside its other jobs.
    pub fn new(description: &Description, pool: PgPool, schema: impl Executor) -> Self {
        let (keys, name) = (pool.clone(), description.name);
        let forget = Job::new("forget idempotency keys", FORGET_KEYS, move |_| {
            let pool = keys.clone();
            async move { Ok(idempotency::forget_old(&pool, name).await?) }
        });
        let graph = Graph::new(description.name, schema);
        Self { graph, pool, needs: Vec::new(), routes: Router::new(), jobs: vec![forget] }
    }

    /// Adds a job.
    #[must_use]
    pub fn with_job(mut self, job: Job) -> Self {
        self.jobs.push(job);
        self
    }

    /// Adds routes beside the graph's.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Names something beside the database without which the subgraph is not ready.
    #[must_use]
    pub fn needing<F, E>(mut self, what: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Error + 'static,
    {
        self.needs.push(Arc::new(move || ask().map(|answer| answer.map_err(|error| lack(what, &error))).boxed()));
        self
    }

    /// Answers a request with the rights of this caller, without HTTP.
    pub async fn execute(&self, request: Request, caller: Caller) -> Response {
        self.graph.execute(request, caller).await
    }

    /// The HTTP routes. Proxies in the trusted networks are believed for whom they ask.
    pub fn routes(&self, verifier: Verifier, exposure: Exposure) -> Router {
        let (pool, needs) = (self.pool.clone(), self.needs.clone());
        let readiness = move || {
            let (pool, needs) = (pool.clone(), needs.clone());
            let all = async move {
                ping(&pool).await.map_err(|error| lack("the database", &error))?;
                for need in &needs {
                    need().await?;
                }
                Ok(())
            };
            all.boxed()
        };
        let endpoint = Endpoint::new(self.graph.clone(), verifier, Arc::new(readiness), exposure);
        endpoint.routes().merge(self.routes.clone())
    }

    /// Does the subgraph's jobs, for ever. Several replicas may do so at once.
    pub async fn work(&self) {
        healthbridge_jobs::run(self.graph.name, &self.jobs).await;
    }
}

fn lack(what: &str, error: &dyn Error) -> Lack {
    Lack { what: what.to_owned(), reason: causes(error) }
}
